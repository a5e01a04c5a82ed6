"""The funding forecast of the crash: longs pay, and some of them cannot."""

from monitor.core.funding_view import FundingForecast, FundingInstrumentView

HOUR_NS = 3_600 * 10**9


def funding_at(now_ns: int) -> FundingForecast:
    """Return what the next payment does, half an hour from the moment asked for."""
    return FundingForecast(
        as_of_ns=now_ns,
        next_funding_ns=now_ns + HOUR_NS // 2,
        payment_usd=310_000.0,
        pushed_accounts=41,
        pushed_notional_usd=2_900_000.0,
        unsure_accounts=0,
        instruments=tuple(
            FundingInstrumentView(
                instrument=name,
                rate=rate,
                next_funding_ns=now_ns + HOUR_NS // 2,
                payer="long" if rate > 0 else "short",
                payment_usd=payment,
                pushed_accounts=pushed,
                pushed_notional_usd=70_000.0 * pushed,
                carry_ratio=(payment / 2e6, 3 * payment / 2e6),
            )
            for name, rate, payment, pushed in (
                ("BTC-PERP", 0.00075, 240_000.0, 33),
                ("ETH-PERP", 0.0004, 70_000.0, 8),
                ("SOL-PERP", -0.0001, 9_000.0, 0),
            )
        ),
        accounts=(),
    )
