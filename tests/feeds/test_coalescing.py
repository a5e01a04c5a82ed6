"""While prices wait they merge: nothing but their number changes."""

import asyncio
from decimal import Decimal
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from monitor.core.events import (
    DepthChanged,
    Event,
    FundingRateChanged,
    IndexPriceChanged,
    MarkPriceChanged,
    MarkPricesChanged,
    OracleReported,
    TradePrinted,
)
from monitor.feeds.coalescing import CoalescingQueue

PRICES = st.integers(1, 10_000).map(lambda cents: f"{cents // 100}.{cents % 100:02}")
EVERYTHING = 1_000_000


def mark(instrument: str, price: str, event_ns: int = 0, **more: Any) -> MarkPriceChanged:
    return MarkPriceChanged(event_ns=event_ns, instrument=instrument, price=price, **more)


def trade(number: int) -> TradePrinted:
    return TradePrinted(
        event_ns=number, instrument="A", price="1", size="1", aggressor="buy", trade_id=str(number)
    )


@given(
    st.lists(st.tuples(st.sampled_from("ABC"), PRICES, st.integers(0, 3)), min_size=1, max_size=60)
)
def test_extremes_and_counts_survive_and_the_last_price_wins(
    steps: list[tuple[str, str, int]],
) -> None:
    queue = CoalescingQueue()
    put: dict[str, list[str]] = {}
    taken: dict[str, list[MarkPriceChanged]] = {}

    def take(places: int) -> None:
        for event in queue.take_now(places):
            assert isinstance(event, MarkPriceChanged)
            taken.setdefault(event.instrument, []).append(event)

    for number, (instrument, price, places) in enumerate(steps):
        queue.put(mark(instrument, price, number))
        put.setdefault(instrument, []).append(price)
        take(places)
    take(EVERYTHING)
    assert put.keys() == taken.keys()
    for instrument, prices in put.items():
        waiting = iter(prices)
        for event in taken[instrument]:
            merged = [Decimal(next(waiting)) for _ in range(event.count)]
            high, low = event.high or event.price, event.low or event.price
            assert Decimal(event.price) == merged[-1]
            assert (Decimal(low), Decimal(high)) == (min(merged), max(merged))
            assert Decimal(low) <= Decimal(event.price) <= Decimal(high)
        assert next(waiting, None) is None, "every price is in exactly one event"
    assert queue.coalesced == len(steps) - sum(map(len, taken.values()))


@given(
    st.lists(st.dictionaries(st.sampled_from("ABC"), PRICES, min_size=1), min_size=1, max_size=20),
    st.integers(0, 20),
)
def test_steps_of_many_marks_keep_every_price_too(
    steps: list[dict[str, str]], taken_after: int
) -> None:
    queue = CoalescingQueue()
    events: list[Event] = []
    for number, prices in enumerate(steps):
        if number == taken_after:
            events += queue.take_now(EVERYTHING)
        queue.put(MarkPricesChanged(event_ns=number, prices=prices))
    events += queue.take_now(EVERYTHING)
    counts: dict[str, int] = {}
    last: dict[str, str] = {}
    for event in events:
        if isinstance(event, MarkPricesChanged):
            for instrument, price in event.prices.items():
                counts[instrument] = counts.get(instrument, 0) + 1
                last[instrument] = price
        else:
            assert isinstance(event, MarkPriceChanged)
            counts[event.instrument] = counts.get(event.instrument, 0) + event.count
            last[event.instrument] = event.price
    for instrument in "ABC":
        seen = [step[instrument] for step in steps if instrument in step]
        assert counts.get(instrument, 0) == len(seen)
        assert last.get(instrument) == (seen[-1] if seen else None)


def test_a_step_that_waits_alone_stays_one_event() -> None:
    queue = CoalescingQueue()
    step = MarkPricesChanged(event_ns=1, prices={"A": "1", "B": "2"})
    queue.put(step)
    assert queue.take_now(EVERYTHING) == [step]


def test_each_kind_of_value_has_a_place_of_its_own() -> None:
    queue = CoalescingQueue()
    events: list[Event] = [
        mark("A", "1"),
        mark("B", "1"),
        IndexPriceChanged(event_ns=0, index="A", price="1"),
        IndexPriceChanged(event_ns=0, index="A", price="1", source="other"),
        OracleReported(event_ns=0, oracle="O", index="A", price="1", published_ns=0),
        FundingRateChanged(event_ns=0, instrument="A", rate="0", next_funding_ns=1),
        DepthChanged(event_ns=0, instrument="A", bids=[], asks=[]),
    ]
    for event in events * 3:
        queue.put(event)
    taken = queue.take_now(EVERYTHING)
    assert [type(event) for event in taken] == [type(event) for event in events]
    assert taken[2:] == events[2:]
    assert queue.coalesced == 2 * len(events)


def test_marks_that_were_merged_before_merge_again() -> None:
    queue = CoalescingQueue()
    queue.put(mark("A", "5", high="9", low="4", count=3))
    queue.put(mark("A", "10", high="11", low="10", count=2))
    assert queue.take_now(EVERYTHING) == [mark("A", "10", high="11", low="4", count=5)]


def test_numbers_are_compared_as_numbers() -> None:
    queue = CoalescingQueue()
    for price in ("9", "10", "9.5"):
        queue.put(mark("A", price))
    assert queue.take_now(EVERYTHING) == [mark("A", "9.5", high="10", low="9", count=3)]


def test_trades_never_merge_and_the_oldest_is_dropped_from_a_full_queue() -> None:
    queue = CoalescingQueue(trades_max=3)
    queue.put(mark("A", "1"))
    for number in range(5):
        queue.put(trade(number))
    assert queue.dropped == 2
    assert len(queue) == 4
    assert queue.take_now(2) == [mark("A", "1"), trade(2)]
    queue.put(trade(5))
    assert queue.take_now(EVERYTHING) == [trade(3), trade(4), trade(5)]
    assert queue.dropped == 2


async def test_the_taker_waits_until_something_stands_in_the_queue() -> None:
    queue = CoalescingQueue()
    taking = asyncio.create_task(queue.take(10))
    await asyncio.sleep(0)
    assert not taking.done()
    queue.put(trade(1))
    assert await taking == [trade(1)]
    assert queue.take_now(10) == []
