"""How Kafka, HDFS and Spark are configured, started, checked and stopped."""
