"""Kafka records made by hand."""

from typing import NamedTuple

from monitor.core.events import AnyEvent
from monitor.core.gate import encode
from monitor.streams.batch import Slice


class PlainRecord(NamedTuple):
    """What the streams use of a Kafka record."""

    offset: int
    value: bytes | None
    timestamp: int = 0


def slice_of(topic: str, events: list[AnyEvent], *, first: int = 0, partition: int = 0) -> Slice:
    """Return a slice with one event a record."""
    records = [
        PlainRecord(offset, encode(event), offset) for offset, event in enumerate(events, first)
    ]
    return Slice(topic, partition, records)
