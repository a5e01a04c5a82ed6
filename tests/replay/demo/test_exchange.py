"""The demo exchange answers a halt: nothing is traded or liquidated while it lasts."""

from collections.abc import Iterator

from monitor.core import events
from monitor.core.events import Event
from monitor.replay.demo.exchange import Exchange
from monitor.replay.demo.scenario import STEP_NS, cycle_seconds

IN_THE_CRASH = 0.22


def exchange_in_crash(seed: int) -> Exchange:
    exchange = Exchange(seed=seed, cycle_s=20.0, start_ns=0)
    exchange.open()
    while exchange.share < IN_THE_CRASH:
        exchange.step()
    return exchange


def of_instrument(batch: list[Event], name: str) -> Iterator[Event]:
    acts = (
        events.TradePrinted,
        events.LiquidationStarted,
        events.LiquidationFilled,
        events.DeleveragingFilled,
    )
    return (e for e in batch if isinstance(e, acts) and e.instrument == name)


def test_a_halted_instrument_rests_until_its_time_and_opens_again() -> None:
    exchange = exchange_in_crash(seed=11)
    assert exchange.halt("BTC-PERP", 1.0)
    steps = round(1.0 * 1e9 / STEP_NS)
    halted = [event for _ in range(steps) for event in exchange.step()]
    status = [event for event in halted if isinstance(event, events.TradingStatusChanged)]
    assert [event.status for event in status] == ["halted"]
    assert status[0].until_ns == status[0].event_ns // STEP_NS * STEP_NS + 1_000_000_000
    assert not list(of_instrument(halted, "BTC-PERP"))
    assert list(of_instrument(halted, "ETH-PERP"))
    after = [event for _ in range(3) for event in exchange.step()]
    opened = [event for event in after if isinstance(event, events.TradingStatusChanged)]
    assert [(event.instrument, event.status) for event in opened] == [("BTC-PERP", "open")]
    assert list(of_instrument(after, "BTC-PERP"))


def test_a_halt_of_a_halted_or_unknown_instrument_changes_nothing() -> None:
    exchange = exchange_in_crash(seed=11)
    assert exchange.halt("BTC-PERP", 1.0)
    assert not exchange.halt("BTC-PERP", 5.0)
    assert not exchange.halt("DOGE-PERP", 1.0)


def test_a_short_demo_is_one_cycle_and_a_long_one_repeats() -> None:
    assert cycle_seconds(20.0) == 20.0
    assert cycle_seconds(120.0) == 120.0
    assert cycle_seconds(600.0) == cycle_seconds(None) == 90.0


def test_a_second_cycle_crashes_again() -> None:
    exchange = Exchange(seed=2, cycle_s=10.0, start_ns=0)
    exchange.open()
    liquidations = []
    for _ in range(2):
        before = exchange.liquidator.started
        deleveraged = len(exchange.losses.totals.deleveraged)
        for _ in range(exchange.cycle_steps):
            exchange.step()
        assert len(exchange.losses.totals.deleveraged) > deleveraged
        liquidations.append(exchange.liquidator.started - before)
    assert min(liquidations) > 100
