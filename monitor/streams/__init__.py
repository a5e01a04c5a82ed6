"""Kafka: events in, decisions out, the log and recovery."""
