"""Tests on real Kafka, HDFS and Spark, which are started only for them."""
