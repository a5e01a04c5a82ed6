"""Composing batches: live and from the log, the same."""

from hypothesis import given
from hypothesis import strategies as st

from monitor.core.events import AnyEvent, ClockTicked, ConfigurationChanged, MarkPriceChanged
from monitor.streams.batch import Batch, Item, LocalNumbers, Slice, compose, items_of
from monitor.streams.codec import Run, decode_batch, encode_record
from tests.streams.records import PlainRecord, slice_of

NUMBERS = LocalNumbers("decisions", 0, 100)


def mark(price: int) -> AnyEvent:
    """Return a mark of one instrument."""
    return MarkPriceChanged(event_ns=price, instrument="AAA", price=str(price))


def tick(event_ns: int) -> ClockTicked:
    """Return a tick."""
    return ClockTicked(event_ns=event_ns)


def composed(items: list[Item]) -> Batch:
    """Return the batch of these items."""
    return compose(items, received_ns=10**18, numbers=NUMBERS)


def test_consecutive_slices_of_a_partition_are_one_run() -> None:
    batch = composed(
        [
            slice_of("market", [mark(1), mark(2)]),
            slice_of("market", [mark(3)], first=2),
            slice_of("accounts", [mark(4)], first=7, partition=3),
        ]
    )
    assert batch.runs == [
        Run(topic="market", partition=0, first_offset=0, last_offset=2),
        Run(topic="accounts", partition=3, first_offset=7, last_offset=7),
    ]
    assert [origin.cause for origin in batch.origins][-1] == {
        "topic": "accounts",
        "partition": 3,
        "offset": 7,
    }


def test_local_events_are_causes_by_their_running_number() -> None:
    batch = composed([slice_of("market", [mark(1)]), tick(5), tick(6)])
    assert [origin.cause for origin in batch.origins[1:]] == [
        {"topic": "decisions", "partition": 0, "local": 100},
        {"topic": "decisions", "partition": 0, "local": 101},
    ]
    assert [local.before for local in batch.local] == [1, 1]


def test_a_configuration_stands_at_the_front_of_its_batch() -> None:
    change = ConfigurationChanged(event_ns=1, hash="h", text="")
    batch = composed([slice_of("market", [mark(1)]), change])
    assert batch.events[0] == change
    assert batch.local[0].before == 0


def test_a_refused_record_is_inside_the_run_and_beside_the_events() -> None:
    records = [PlainRecord(0, b"{"), PlainRecord(1, None), PlainRecord(2, b"[{}]")]
    batch = composed([Slice("market", 0, records)])
    assert batch.events == []
    assert [refused.origin.number for refused in batch.refused] == [0, 1, 2]
    assert batch.runs == [Run(topic="market", partition=0, first_offset=0, last_offset=2)]


def test_an_array_s_bad_element_is_refused_and_the_others_apply() -> None:
    value = b'[{"type":"clock_ticked"},{"type":"mark_price_changed","event_ns":1,'
    value += b'"instrument":"AAA","price":"5"}]'
    batch = composed([Slice("market", 0, [PlainRecord(9, value)])])
    assert len(batch.events) == 1
    assert batch.origins[0].number == 9
    assert [refused.origin.number for refused in batch.refused] == [9]


@given(st.lists(st.one_of(st.tuples(st.integers(0, 2), st.integers(1, 4)), st.none()), max_size=12))
def test_a_batch_composed_again_from_the_log_is_the_same(
    shape: list[tuple[int, int] | None],
) -> None:
    offsets = {0: 0, 1: 50, 2: 900}
    items: list[Item] = []
    for number, each in enumerate(shape):
        if each is None:
            items.append(tick(number))
        else:
            partition, count = each
            events = [mark(1 + number) for _ in range(count)]
            items.append(slice_of("topic", events, first=offsets[partition], partition=partition))
            offsets[partition] += count
    live = composed(items)
    logged = decode_batch(encode_record(live.record(epoch=1)))
    records = {
        (item.partition, record.offset): record
        for item in items
        if isinstance(item, Slice)
        for record in item.records
    }
    slices = [
        Slice(
            run.topic,
            run.partition,
            [
                records[(run.partition, offset)]
                for offset in range(run.first_offset, run.last_offset + 1)
            ],
        )
        for run in logged.runs
    ]
    again = composed(items_of(logged, slices))
    assert again.events == live.events
    assert [each.cause for each in again.origins] == [each.cause for each in live.origins]
    assert again.local == live.local
    assert again.runs == live.runs
