"""The made-up book of a replay: balanced, documented, and it conserves through a crash."""

from collections import Counter
from fractions import Fraction
from pathlib import Path

import msgspec
import pytest

from monitor.core import events
from monitor.core.events import Event
from monitor.replay.prices import events_from_history
from monitor.replay.synthetic_book import BACKSTOP, FUND_RATIO, LEVERAGE_MAX
from tests.replay.audit import StreamAudit

DATA = Path(__file__).parent / "data"
PATHS = [DATA / "layerusdt_1m.csv", DATA / "btcusdt_1m.csv.gz"]


@pytest.fixture(scope="module")
def stream() -> list[Event]:
    return list(events_from_history(PATHS, accounts=400, seed=1))


def test_contracts_and_money_are_conserved_through_the_crash(stream: list[Event]) -> None:
    audit = StreamAudit()
    for number, event in enumerate(stream):
        if isinstance(event, events.MarkPricesChanged) and audit.positions and number % 7 == 0:
            audit.check()
        audit.add(event)
    audit.check()
    assert audit.liquidations


def test_every_long_has_its_short_of_the_same_size_and_price(stream: list[Event]) -> None:
    opened: dict[str, events.PositionChanged] = {}
    for event in stream:
        if isinstance(event, events.LiquidationStarted):
            break
        if isinstance(event, events.PositionChanged):
            opened[event.account] = event
    longs = {name: event for name, event in opened.items() if name.startswith("LONG")}
    assert len(longs) == 200
    assert BACKSTOP not in opened
    for name, long in longs.items():
        short = opened[name.replace("LONG", "SHORT")]
        assert Fraction(long.size) == -Fraction(short.size) > 0
        assert (long.instrument, long.entry_price) == (short.instrument, short.entry_price)


def test_leverage_stays_below_its_maximum_and_the_fund_is_its_share(stream: list[Event]) -> None:
    audit = StreamAudit()
    for event in stream:
        audit.add(event)
        if isinstance(event, events.InsuranceFundChanged):
            break
    open_interest = Fraction(0)
    for (account, name), (size, entry) in audit.positions.items():
        notional = abs(size) * Fraction(audit.instruments[name].contract_size) * entry
        assert notional <= audit.balances[account, "USDT"] * Fraction(LEVERAGE_MAX)
        open_interest += notional / 2
    assert isinstance(event, events.InsuranceFundChanged)
    fund = Fraction(event.balance)
    assert fund == int(open_interest * Fraction(FUND_RATIO).limit_denominator(1_000))


def test_the_fall_of_layer_liquidates_longs_and_costs_the_fund(stream: list[Event]) -> None:
    kinds = Counter(type(event) for event in stream)
    liquidated = Counter(
        event.account.split("-")[0]
        for event in stream
        if isinstance(event, events.LiquidationStarted) and event.instrument == "LAYERUSDT"
    )
    assert liquidated["LONG"] > 20 > liquidated["SHORT"]
    assert kinds[events.LiquidationStarted] == kinds[events.LiquidationFinished]
    assert kinds[events.InsuranceFundChanged] > 1


def test_the_same_seed_gives_the_same_bytes_and_another_seed_does_not(
    stream: list[Event],
) -> None:
    encode = msgspec.json.Encoder().encode
    lines = [encode(event) for event in stream]
    again = [encode(event) for event in events_from_history(PATHS, accounts=400, seed=1)]
    other = [encode(event) for event in events_from_history(PATHS, accounts=400, seed=2)]
    assert lines == again
    assert lines != other
