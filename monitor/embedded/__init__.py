"""A Redis and a Kafka for first runs and tests: find, start, stop."""

from monitor.embedded.services import Services, start

__all__ = ["Services", "start"]
