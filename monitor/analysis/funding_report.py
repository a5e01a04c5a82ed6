"""What was found of the next funding payments as outsiders see it. docs/model/funding.md."""

from collections.abc import Mapping, Sequence

from monitor.analysis.funding import (
    JOINT_NOTIONAL,
    JOINT_PAYMENT,
    JOINT_UNITS,
    UNSURE_UNITS,
    FundingFindings,
)
from monitor.core.funding_view import (
    CARRY_HOURS,
    FundingAccountView,
    FundingForecast,
    FundingInstrumentView,
)

HOUR_S = 3_600.0


def funding_forecast(
    found: FundingFindings,
    instruments: Sequence[str],
    names: Mapping[int, str],
    *,
    as_of_ns: int,
    interval_s: float,
) -> FundingForecast:
    """Return the forecast; `names`: of units, those that are gone have none.

    `interval_s`: between two payments of the venue.
    """
    views = [
        _instrument(found, number, name, interval_s)
        for number, name in enumerate(instruments)
        if found.rates.rate[number] == found.rates.rate[number]  # a number
    ]
    views.sort(key=lambda one: (-one.pushed_notional_usd, -(one.carry_ratio[0] or 0.0)))
    effects = found.effects
    told = zip(found.hardest.tolist(), effects.owed.tolist(), effects.slack.tolist(), strict=True)
    return FundingForecast(
        as_of_ns=as_of_ns,
        next_funding_ns=found.rates.soonest_ns,
        payment_usd=float(effects.sums[JOINT_PAYMENT]),
        pushed_accounts=int(effects.counts[JOINT_UNITS]),
        pushed_notional_usd=float(effects.sums[JOINT_NOTIONAL]),
        unsure_accounts=int(effects.counts[UNSURE_UNITS]),
        instruments=tuple(views),
        accounts=tuple(
            FundingAccountView(
                account=names[unit],
                payment_usd=owed,
                free_margin_usd=slack,
                is_pushed=0.0 < slack <= owed,
            )
            for unit, owed, slack in told
            if unit in names
        ),
    )


def _instrument(
    found: FundingFindings, number: int, name: str, interval_s: float
) -> FundingInstrumentView:
    rate, effects = float(found.rates.rate[number]), found.effects
    side = 2 * number + (0 if rate >= 0.0 else 1)
    payment, free = float(effects.paid[side]), float(effects.free[side])
    return FundingInstrumentView(
        instrument=name,
        rate=rate,
        next_funding_ns=int(found.rates.next_ns[number]),
        payer="long" if rate >= 0.0 else "short",
        payment_usd=payment,
        pushed_accounts=int(effects.pushed[number]),
        pushed_notional_usd=float(effects.notional[number]),
        carry_ratio=tuple(
            payment * hours * HOUR_S / interval_s / free if free > 0.0 else None
            for hours in CARRY_HOURS
        ),
    )
