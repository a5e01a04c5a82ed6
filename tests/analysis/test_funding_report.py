"""The funding forecast that outsiders see."""

import pytest

from monitor.analysis.funding import funding_findings
from monitor.analysis.funding_report import funding_forecast
from monitor.analysis.listing import listings_of, no_traders, rates_of
from monitor.analysis.positions import Book, gather
from monitor.core.events import FundingRateChanged
from monitor.core.funding_view import FundingForecast
from tests.analysis.test_funding import worked_example


def forecast_of(rate: str | None = None) -> FundingForecast:
    engine = worked_example()
    if rate is not None:
        told = FundingRateChanged(
            event_ns=engine.engine_ns, instrument="X-PERP", rate=rate, next_funding_ns=9
        )
        engine.apply([told])
    listings = listings_of(engine.market)
    (part,) = engine.shards.engines
    columns = part.thresholds.index.columns
    books = [Book(columns, part.thresholds.instrument_names, no_traders(part))]
    terms, _ = gather(books, listings)
    found = funding_findings(books, listings, terms, rates_of(engine.market, listings))
    names = {unit: part.margin_units.look(unit).account.name for unit in found.hardest.tolist()}
    return funding_forecast(found, ["X-PERP"], names, as_of_ns=3, interval_s=28_800.0)


def test_the_carry_is_of_the_paying_side() -> None:
    """docs/model/funding.md: 6 of 52 over 8 h, three times that over 24 h."""
    forecast = forecast_of()
    (own,) = forecast.instruments
    assert (own.payer, own.rate, own.next_funding_ns) == ("long", 0.003, 7)
    assert own.payment_usd == pytest.approx(6.0)
    assert own.carry_ratio == pytest.approx((6 / 52, 18 / 52))
    assert (own.pushed_accounts, own.pushed_notional_usd) == (1, 1_000.0)


def test_the_accounts_hit_hardest_are_named() -> None:
    forecast = forecast_of()
    assert (forecast.as_of_ns, forecast.next_funding_ns) == (3, 7)
    assert (forecast.pushed_accounts, forecast.pushed_notional_usd) == (1, 1_000.0)
    assert [(one.account, one.is_pushed) for one in forecast.accounts] == [
        ("a", True),
        ("b", False),
    ]


def test_under_a_negative_rate_shorts_pay() -> None:
    forecast = forecast_of("-0.003")
    (own,) = forecast.instruments
    assert (own.payer, own.pushed_accounts) == ("short", 0)
    assert own.payment_usd == pytest.approx(6.0)
    assert own.carry_ratio[0] == pytest.approx(6 / 880)
    assert [one.account for one in forecast.accounts] == ["c"]
