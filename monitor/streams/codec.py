"""What stands in a shard's log beside its decisions, and how log records become bytes and back.

The decisions partition of a shard is its log. For every batch there is first one `BatchApplied`
record, then the batch's decisions in order. Two topics have no common order, so the order that
was chosen is written down: whoever reads the runs in order reads what the engine was told.

>>> encode_record(LeaderStarted(epoch=1, instance="a"))
b'{"type":"leader_started","epoch":1,"instance":"a"}'
"""

from typing import TypeAlias

import msgspec

from monitor.core.decisions import Decision, Heartbeat
from monitor.core.events import (
    BreakerReset,
    ClockTicked,
    ConfigurationChanged,
    FeedLost,
    FeedRestored,
    ForecastFinished,
    snake_case,
)

LocalEvent: TypeAlias = (
    ClockTicked | FeedLost | FeedRestored | BreakerReset | ConfigurationChanged | ForecastFinished
)
LEADER_STARTED_PREFIX = b'{"type":"leader_started"'
BATCH_APPLIED = "batch_applied"
LEADER_STARTED = "leader_started"
HEARTBEAT = "heartbeat"


class LogRecordError(Exception):
    """A record of the log cannot be understood."""


class Run(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Records of one partition applied one after the other; refused ones are inside too."""

    topic: str
    partition: int
    first_offset: int
    last_offset: int


class Local(msgspec.Struct, frozen=True, kw_only=True, gc=False, tag=False):
    """One of the monitor's own events, applied when `before` records of the runs had been."""

    before: int
    event: LocalEvent


class BatchApplied(
    msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag=snake_case, omit_defaults=True
):
    """What was applied, in which order; the batch's decisions follow it.

    `received_ns` is when the batch was put together: the gate and the engine were told it.
    `steps` are [first, last] numbers of events applied as ONE margin step; other events are a
    step of their own. `state_hash` is the engine's after the batch, written
    with a snapshot while it is cheap to make; of a larger book the snapshots have it.
    """

    epoch: int
    runs: list[Run]
    received_ns: int
    steps: list[tuple[int, int]] = []
    local: list[Local] = []
    state_hash: str | None = None


class LeaderStarted(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag=snake_case):
    """A writer has started: whatever carries a lower `epoch` after this record is void."""

    epoch: int
    instance: str


class LogHeader(msgspec.Struct, frozen=True, gc=False):
    """What every record of the log has, read without the rest of it."""

    type: str
    epoch: int
    decision_id: str = ""


LogRecord: TypeAlias = BatchApplied | LeaderStarted | Decision | Heartbeat

_encoder = msgspec.json.Encoder()
_header_decoder = msgspec.json.Decoder(LogHeader)
_batch_decoder = msgspec.json.Decoder(BatchApplied)
_leader_decoder = msgspec.json.Decoder(LeaderStarted)


def encode_record(record: LogRecord) -> bytes:
    """Return the JSON bytes of a log record."""
    return _encoder.encode(record)


def decode_header(value: bytes) -> LogHeader:
    """Return type, epoch and decision id of a record; raises LogRecordError."""
    try:
        return _header_decoder.decode(value)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise LogRecordError(
            f"expected a log record with type and epoch, received {value[:80]!r}: {error}"
        ) from error


def decode_batch(value: bytes) -> BatchApplied:
    """Return a `batch_applied` record; raises LogRecordError."""
    try:
        return _batch_decoder.decode(value)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise LogRecordError(f"expected batch_applied, received {value[:80]!r}: {error}") from error


def decode_leader(value: bytes) -> LeaderStarted:
    """Return a `leader_started` record; raises LogRecordError."""
    try:
        return _leader_decoder.decode(value)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise LogRecordError(
            f"expected leader_started, received {value[:80]!r}: {error}"
        ) from error
