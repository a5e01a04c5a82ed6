"""Has somebody else taken over? The writer reads the end of its own log to find out."""

import asyncio

from monitor.config import KafkaSettings
from monitor.runtime.backoff import Backoff
from monitor.runtime.clock import Clock
from monitor.streams.broker import BROKER_ERRORS, deadline, end_offsets, open_consumer
from monitor.streams.codec import LEADER_STARTED_PREFIX, decode_leader
from monitor.streams.journal import Journal, LeadershipLostError

POLL_MS = 250
PROBE_INTERVAL_S = 1.0
PROBE_TIMEOUT_S = 2.0
RETRY_CAP_S = 2.0


async def watch_leadership(
    settings: KafkaSettings, journal: Journal, *, start: int, clock: Clock
) -> None:
    """Read the log from `start` until cancelled.

    Raises LeadershipLostError when another writer has started with a higher epoch.
    """
    position = start
    backoff = Backoff(clock, cap_s=RETRY_CAP_S, healthy_s=10.0)
    while True:
        try:
            async with open_consumer(settings, [journal.partition]) as consumer:
                consumer.seek(journal.partition, position)
                backoff.started()
                probed_s = clock.monotonic_s()
                while True:
                    async with deadline(settings.request_timeout_s):
                        fetched = await consumer.getmany(timeout_ms=POLL_MS)
                    for record in fetched.get(journal.partition, []):
                        position = record.offset + 1
                        _check(journal, record.value or b"", record.offset)
                    if clock.monotonic_s() - probed_s >= PROBE_INTERVAL_S:
                        await end_offsets(consumer, [journal.partition], timeout_s=PROBE_TIMEOUT_S)
                        probed_s = clock.monotonic_s()
        except BROKER_ERRORS:
            await asyncio.sleep(backoff.next_delay_s())


def _check(journal: Journal, value: bytes, offset: int) -> None:
    """Raise LeadershipLostError if the record is somebody else's start after ours."""
    if not value.startswith(LEADER_STARTED_PREFIX):
        return
    leader = decode_leader(value)
    if leader.instance != journal.instance and leader.epoch >= journal.epoch:
        topic, partition = journal.partition
        raise LeadershipLostError(
            f"{topic}/{partition} offset {offset}: expected to lead with epoch {journal.epoch}, "
            f"received leader_started of {leader.instance} with epoch {leader.epoch}; this "
            "writer stops: whatever it appends now is void"
        )
