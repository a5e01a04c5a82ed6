"""Log records as bytes: their form is what other programs read."""

import json

import pytest

from monitor.core.events import ClockTicked
from monitor.streams.codec import (
    LEADER_STARTED_PREFIX,
    BatchApplied,
    LeaderStarted,
    Local,
    LogRecordError,
    Run,
    decode_batch,
    decode_header,
    decode_leader,
    encode_record,
)


def test_a_batch_has_the_agreed_form() -> None:
    batch = BatchApplied(
        epoch=2,
        runs=[Run(topic="market", partition=0, first_offset=5, last_offset=9)],
        received_ns=77,
        local=[Local(before=5, event=ClockTicked(event_ns=7))],
        state_hash="ab",
    )
    assert json.loads(encode_record(batch)) == {
        "type": "batch_applied",
        "epoch": 2,
        "runs": [{"topic": "market", "partition": 0, "first_offset": 5, "last_offset": 9}],
        "received_ns": 77,
        "local": [{"before": 5, "event": {"type": "clock_ticked", "event_ns": 7}}],
        "state_hash": "ab",
    }
    assert decode_batch(encode_record(batch)) == batch


def test_a_leader_s_start_is_known_by_its_first_bytes() -> None:
    record = LeaderStarted(epoch=3, instance="a")
    assert encode_record(record).startswith(LEADER_STARTED_PREFIX)
    assert decode_leader(encode_record(record)) == record


def test_a_header_is_read_from_any_record() -> None:
    header = decode_header(b'{"type":"breaker_tripped","epoch":4,"decision_id":"d","scope":"*"}')
    assert (header.type, header.epoch, header.decision_id) == ("breaker_tripped", 4, "d")


@pytest.mark.parametrize("value", [b"", b"null", b"\xff", b'{"type":"x"}', b'{"epoch":1}'])
@pytest.mark.parametrize("decode", [decode_header, decode_batch, decode_leader])
def test_what_is_no_log_record_is_refused_with_what_it_is(decode: object, value: bytes) -> None:
    assert callable(decode)
    with pytest.raises(LogRecordError, match=r"expected .*, received"):
        decode(value)
