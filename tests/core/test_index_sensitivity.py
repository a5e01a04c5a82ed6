"""What an index can do: the same as an engine that is really told the wrong price."""

import numpy as np
import pytest

from monitor.core import events
from monitor.core.book_sums import NamedColumns
from monitor.core.engine import RiskEngine
from monitor.core.index_sensitivity import IndexToAsk, index_sensitivities
from monitor.core.oracle_view import IndexErrorView
from monitor.core.settings import EngineSettings
from tests.builders import Journal

COINS = 40


def book(*, shards: int = 1, factor: str = "1") -> RiskEngine:
    """Return longs and shorts on a mark at 100 of ever more leverage, coins among their margin."""
    journal = Journal()
    journal.list_instrument("X", index="ETH")
    journal.list_instrument("Y")
    journal.add(
        events.CollateralListed(event_ns=journal.now_ns, asset="ETH", index="ETH", haircut="0.1")
    )
    for number in range(COINS):
        name = f"a{number:02}"
        sign = "-" if number % 2 else ""
        journal.balance(name, str(60 + 7 * number))
        journal.position(name, "X", f"{sign}10", "100")
        if number % 5 == 0:
            journal.balance(name, "1", asset="ETH")
        if number % 7 == 0:
            journal.position(name, "Y", "3", "100")
    price = str(int(100 * 1000 * float(factor)) / 1000)
    journal.mark("Y", "100")
    journal.mark("X", price)
    journal.index("ETH", price)
    engine = RiskEngine(EngineSettings(), shards=shards)
    engine.apply(journal.events)
    return engine


def asked_of(engine: RiskEngine, confidence: float | None) -> dict[str, IndexErrorView]:
    """Return the answer for the index, by error; the prices must be as before."""
    images, slots, before = [], [], []
    for part in engine.shards.engines:
        columns = part.thresholds.index.columns
        before.append(columns.slots["price"].copy())
        names = [(name, "USD") for name in part.thresholds.instrument_names]
        images.append(NamedColumns(columns, names))
        slots.append(part.thresholds.numbering.slots)
    asked = [IndexToAsk("ETH", confidence, ["index:ETH", "mark:X"])]
    (answer,) = index_sensitivities(images, slots, asked, 7)
    assert (answer.index, answer.as_of_ns) == ("ETH", 7)
    for image, prices in zip(images, before, strict=True):
        np.testing.assert_array_equal(image.columns.slots["price"], prices)
    return {one.error: one for one in answer.errors}


def at_risk(engine: RiskEngine) -> set[str]:
    """Return the accounts that are liquidatable or bankrupt."""
    return {
        one["account"]
        for one in engine.account_reports()
        if one["state"] in ("liquidatable", "bankrupt")
    }


@pytest.mark.parametrize("shards", [1, 3])
@pytest.mark.parametrize(
    ("error", "down", "up"),
    [("0.01", "0.99", "1.01"), ("0.05", "0.95", "1.05"), ("0.1", "0.9", "1.1"),
     ("confidence", "0.98", "1.02")],
)  # fmt: skip
def test_it_is_what_an_engine_says_that_is_told_the_wrong_price(
    shards: int, error: str, down: str, up: str
) -> None:
    engine = book(shards=shards)
    view = asked_of(engine, 0.02)[error]
    now = at_risk(engine)
    fallen, risen = at_risk(book(factor=down)) - now, at_risk(book(factor=up)) - now
    assert view.undecided <= 1
    assert abs(view.units_down - len(fallen)) + abs(view.units_up - len(risen)) <= view.undecided
    notional = 1_000.0 * len(fallen) + 300.0 * sum(int(name[1:]) % 7 == 0 for name in fallen)
    if not view.undecided:
        assert view.notional_down_usd == pytest.approx(notional)
    assert view.units == max(view.units_down, view.units_up)


def test_a_larger_error_never_does_less() -> None:
    views = asked_of(book(), None)
    assert list(views) == ["0.01", "0.05", "0.1"]
    counts = [one.units_down for one in views.values()]
    assert counts == sorted(counts)
    assert counts[-1] > counts[0]


def test_an_index_that_nobody_needs_does_nothing() -> None:
    engine = book()
    part = engine.shards.engines[0]
    image = NamedColumns(part.thresholds.index.columns, [("X", "USD")])
    slots = part.thresholds.numbering.slots
    (answer,) = index_sensitivities([image], [slots], [IndexToAsk("BTC", 0.1, ["index:BTC"])], 1)
    assert all(one.units == 0 and one.notional_usd == 0.0 for one in answer.errors)
