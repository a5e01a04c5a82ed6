"""The metrics of funding forecasts."""

from monitor.core.funding_view import FundingForecast, FundingInstrumentView
from monitor.core.view import RiskView
from tests.exporter.test_collector import samples_of, text_of, value_of


def instrument(number: int, carry: float | None) -> FundingInstrumentView:
    return FundingInstrumentView(
        instrument=f"COIN{number}-PERP",
        rate=0.001,
        next_funding_ns=5,
        payer="long",
        payment_usd=3.0,
        pushed_accounts=1,
        pushed_notional_usd=1_000.0,
        carry_ratio=(carry, None if carry is None else 3 * carry),
    )


FUNDING = FundingForecast(
    as_of_ns=1,
    next_funding_ns=5,
    payment_usd=18.0,
    pushed_accounts=2,
    pushed_notional_usd=2_500.0,
    unsure_accounts=0,
    instruments=(instrument(9, None), *(instrument(number, number / 100) for number in range(7))),
    accounts=(),
)


def test_the_dearest_instruments_are_told() -> None:
    samples = samples_of(text_of(RiskView(funding=FUNDING)))
    assert value_of(samples, "funding_pushed_accounts") == 2.0
    assert value_of(samples, "funding_pushed_notional_usd") == 2_500.0
    told = {dict(of)["instrument"] for name, of in samples if name.endswith("_carry_ratio")}
    assert told == {f"COIN{number}-PERP" for number in range(2, 7)}
    of = {"instrument": "COIN6-PERP"}
    assert value_of(samples, "funding_carry_ratio", **of, hours="8") == 0.06
    assert value_of(samples, "funding_carry_ratio", **of, hours="24") == 0.18
