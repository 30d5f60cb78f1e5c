"""Moves assessment attempts: from a file to Kafka, from Kafka to the raw table."""
