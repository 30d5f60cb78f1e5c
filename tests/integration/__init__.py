"""What holds on real Kafka, HDFS and Spark, started for these tests alone."""
