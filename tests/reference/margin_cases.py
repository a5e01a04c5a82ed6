"""Small worlds for the twin's margin tests: one instrument, the account ann, and what she has."""

from fractions import Fraction
from typing import Any

from monitor.core import events
from monitor.core.settings import EngineSettings
from tests.builders import Amount, Journal
from tests.reference import naive_margin, naive_prices
from tests.reference.naive import NaiveEngine
from tests.reference.naive_margin import Figures

PERP, INVERSE = "ETH-PERP", "BTC-INV"
DERIBIT = events.SizeLinear(
    initial_margin_rate="0.02", maintenance_margin_rate="0.01", rate_per_unit="0.00005"
)
DYDX = events.OpenInterestScaled(lower="20000000", upper="50000000")
DRIFT = events.SquareRoot(factor="0.001")
SYNTHETIX = events.SkewScaled(skew_scale="1000000", ratio="1")


def listed(kind: str = "linear", **fields: Any) -> events.InstrumentListed:
    """Return a listing."""
    event = Journal().list_instrument(INVERSE if kind == "inverse" else PERP, kind, **fields)
    assert isinstance(event, events.InstrumentListed)
    return event


def world(mark: Amount = "10", kind: str = "linear", **fields: Any) -> Journal:
    """Return a journal with one instrument listed and marked."""
    journal = Journal()
    name = INVERSE if kind == "inverse" else PERP
    journal.list_instrument(name, kind, **fields)
    journal.mark(name, mark)
    return journal


def told(journal: Journal, settings: EngineSettings | None = None) -> NaiveEngine:
    """Return the twin after a journal."""
    twin = NaiveEngine(settings or EngineSettings())
    for event in journal.take():
        twin.apply(event)
    assert not twin.ledger.refused
    return twin


def figures(journal: Journal, settings: EngineSettings | None = None) -> Figures:
    """Return the figures of ann's cross unit after a journal."""
    twin = told(journal, settings)
    found = naive_margin.figures(twin.world, twin.world.accounts["ann"], None)
    assert found is not None
    return found


def prices(
    journal: Journal, leg: str = "net", settings: EngineSettings | None = None
) -> tuple[Fraction | None, Fraction | None]:
    """Return liquidation and bankruptcy price of ann's only instrument after a journal."""
    twin = told(journal, settings)
    account = twin.world.accounts["ann"]
    (instrument,) = twin.world.instruments
    position = account.positions[instrument, leg]
    return (
        naive_prices.liquidation_price(twin.world, account, position),
        naive_prices.bankruptcy_price(twin.world, account, position),
    )


def leveraged(**fields: Any) -> Journal:
    """Return a long of 10 at 100 with 100 of cash: worth nothing at 90; 50 keep it at 100."""
    journal = world("100", **fields)
    journal.balance("ann", "100")
    journal.position("ann", PERP, 10, "100")
    return journal
