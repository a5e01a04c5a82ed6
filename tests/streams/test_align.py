"""The order of partitions when there is a backlog."""

from hypothesis import given
from hypothesis import strategies as st

from monitor.streams.align import Partition, take_aligned
from monitor.streams.batch import Record
from tests.streams.records import PlainRecord

MARKET, ACCOUNTS = ("market", 0), ("accounts", 0)


def records(*timestamps: int) -> list[Record]:
    """Return records with these timestamps."""
    return [PlainRecord(offset, b"", timestamp) for offset, timestamp in enumerate(timestamps)]


def test_no_topic_runs_ahead_of_another_by_more_than_a_window() -> None:
    buffers = {MARKET: records(0, 1_000, 2_000), ACCOUNTS: records(10, 1_010, 2_010)}
    slices = take_aligned(buffers, ended={MARKET, ACCOUNTS}, window_ms=100)
    assert [(part.topic, part.records[0].timestamp) for part in slices] == [
        ("market", 0),
        ("accounts", 10),
        ("market", 1_000),
        ("accounts", 1_010),
        ("market", 2_000),
        ("accounts", 2_010),
    ]


def test_an_empty_partition_that_has_more_to_come_is_waited_for() -> None:
    buffers = {MARKET: records(0, 1), ACCOUNTS: records()}
    assert take_aligned(buffers, ended={MARKET}) == []
    assert len(buffers[MARKET]) == 2
    assert len(take_aligned(buffers, ended={MARKET, ACCOUNTS})) == 1


def test_live_records_go_through_in_one_slice_a_partition() -> None:
    buffers = {MARKET: records(*range(50)), ACCOUNTS: records(*range(20, 60))}
    slices = take_aligned(buffers, ended={MARKET, ACCOUNTS}, window_ms=100)
    assert [(part.topic, len(part.records)) for part in slices] == [
        ("market", 50),
        ("accounts", 40),
    ]


@given(st.lists(st.integers(0, 10_000), max_size=40), st.lists(st.integers(0, 10_000), max_size=40))
def test_whatever_the_timestamps_nothing_is_lost_and_a_partition_keeps_its_order(
    market: list[int], accounts: list[int]
) -> None:
    buffers: dict[Partition, list[Record]] = {
        MARKET: records(*market),
        ACCOUNTS: records(*accounts),
    }
    slices = take_aligned(buffers, ended={MARKET, ACCOUNTS})
    assert not any(buffers.values())
    for name, timestamps in ((MARKET, market), (ACCOUNTS, accounts)):
        taken = [each.offset for part in slices if part[:2] == name for each in part.records]
        assert taken == list(range(len(timestamps)))
