"""Views to export: the largest exchange that the catalogue counts with."""

from monitor.core.view import (
    BreakerView,
    FeedView,
    FundView,
    InstrumentView,
    OracleView,
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


def fund_view(name: str, *, balance_usd: float | None = 1_000.0) -> FundView:
    """Return a fund that has paid 40 of 50 asked for."""
    return FundView(
        fund=name,
        asset="USDT",
        balance=1_000.0,
        balance_usd=balance_usd,
        drawn=40.0,
        credited=3.0,
        uncovered=10.0,
        shortfall_usd=50.0,
        socialized_loss_usd=10.0,
        updated_ns=NOW_NS,
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
        ready=True,
    )  # fmt: skip
