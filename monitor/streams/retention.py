"""Whether the topics still hold what the kept snapshots need.

A snapshot is only worth something with the records that follow it. The newest one may be damaged,
so this asks for the oldest: if the topics forget faster than snapshots are kept, the promise to
recover is broken before anything has happened, and a start says so.
"""

from collections.abc import Iterable
from typing import NamedTuple

from aiokafka import TopicPartition

from monitor.config import KafkaSettings
from monitor.streams.broker import beginning_offsets, open_consumer
from monitor.streams.log import RetentionError


class KeptPlace(NamedTuple):
    """Where a kept snapshot stands: the next offset to read of each partition, the log's too."""

    created_ns: int
    offsets: dict[TopicPartition, int]


async def check_retention(settings: KafkaSettings, kept: Iterable[KeptPlace]) -> None:
    """Raise RetentionError when a record that a kept snapshot needs is gone.

    Raises one of BROKER_ERRORS when the broker does not answer in time.
    """
    places = list(kept)
    partitions = sorted({partition for place in places for partition in place.offsets})
    if not partitions:
        return
    async with open_consumer(settings, partitions) as consumer:
        oldest = await beginning_offsets(consumer, partitions, timeout_s=settings.request_timeout_s)
    for place in places:
        for partition, offset in sorted(place.offsets.items()):
            if offset < oldest[partition]:
                raise RetentionError(
                    f"{partition.topic}/{partition.partition}: expected the records from offset "
                    f"{offset} on, which the snapshot of {place.created_ns} needs, received a "
                    f"topic that begins at {oldest[partition]}: retention is shorter than the age "
                    "of the oldest kept snapshot; raise retention.ms (and retention.bytes) of the "
                    "topic, keep fewer snapshots ([service] snapshots_kept), or remove the older "
                    "ones"
                )
