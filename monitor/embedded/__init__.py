"""A Redis and a Kafka for first runs and tests: find, start, stop."""
