"""Views to export: the largest exchange that the catalogue counts with."""

from monitor.core.margin.index.class_two import DISTANCE_EDGES, MARGIN_RATIO_EDGES
from monitor.core.oracle_view import OracleView
from monitor.core.view import (
    BookInstrumentView,
    BookSideView,
    BookSums,
    BreakerView,
    FeedView,
    FundView,
    InstrumentView,
    RiskView,
)

NOW_NS = 1_760_000_000_000_000_000


def instrument_view(name: str, *, open_interest_usd: float = 1e6) -> InstrumentView:
    """Return a linear instrument with a mark of 101 and an index of 100."""
    return InstrumentView(
        instrument=name,
        kind="linear",
        status="open",
        mark_price=101.0,
        mark_price_ns=NOW_NS,
        index_price=100.0,
        funding_rate=0.0001,
        open_interest_long_contracts=5.0,
        open_interest_short_contracts=4.0,
        open_interest_usd=open_interest_usd,
    )


def breaker_view(scope: str, *, state: str = "armed", measured: float = 0.01) -> BreakerView:
    """Return a price breaker with a limit of 10 %."""
    return BreakerView(
        breaker="velocity",
        kind="price_velocity",
        scope=scope,
        state=state,  # type: ignore[arg-type]
        action="halt",
        measured=measured,
        limit=0.1,
        extended=0,
        changed_ns=NOW_NS,
    )


def fund_view(
    name: str, *, balance: float | None = 1_000.0, balance_usd: float | None = 1_000.0
) -> FundView:
    """Return a fund that has paid 40 of 50 asked for."""
    return FundView(
        fund=name,
        asset="USDT",
        balance=balance,
        balance_usd=balance_usd,
        drawn=40.0,
        credited=3.0,
        uncovered=10.0,
        shortfall_usd=50.0,
        socialized_loss_usd=10.0,
        inventory_loss_usd=70.0,
        inventory_gain_usd=7.0,
        inventory_notional_usd=500.0,
        inventory_positions=2,
        updated_ns=NOW_NS,
    )


def book_of(names: list[str]) -> BookSums:
    """Return sums in which every bucket holds something."""
    distances, ratios = len(DISTANCE_EDGES) + 1, len(MARGIN_RATIO_EDGES) + 1
    side = BookSideView(
        gains_usd=5.0,
        losses_usd=2.0,
        free_margin_usd=7.0,
        holders=3,
        notional_by_distance_usd=(1.0,) * distances,
    )
    return BookSums(
        as_of_ns=NOW_NS,
        equity_usd={"healthy": 100.0},
        maintenance_margin_usd={"healthy": 10.0},
        margin_ratio_edges=tuple(MARGIN_RATIO_EDGES.tolist()),
        margin_ratios=(1,) * ratios,
        distance_edges=tuple(DISTANCE_EDGES.tolist()),
        distances=(1,) * distances,
        instruments=tuple(
            BookInstrumentView(instrument=name, settlement_currency="USDT", long=side, short=side)
            for name in names
        ),
    )


def view_of(instruments: int) -> RiskView:
    """Return an exchange of that many instruments, one breaker rule watching each."""
    names = [f"COIN{number:04d}-PERP" for number in range(instruments)]
    return RiskView(
        engine_ns=NOW_NS,
        events_applied={"mark_price_changed": 7},
        decisions={"breaker_tripped": 1},
        accounts={"healthy": 90, "bankrupt": 2},
        margin_shortfall_usd=123.5,
        instruments=tuple(instrument_view(name) for name in names),
        funds=(fund_view("main"),),
        breakers=tuple(breaker_view(name) for name in names),
        oracles=(
            OracleView(
                oracle="pyth", index="BTCUSD", price=99.0, deviation_ratio=-0.01,
                published_ns=NOW_NS,
            ),
        ),
        feeds=(FeedView(feed="binance", lost=True, changed_ns=NOW_NS),),
        equity_usd={"healthy": 100.0, "liquidatable": 4.0},
        book=book_of(names),
        ready=True,
    )  # fmt: skip
