"""The next funding payment as the API tells it: records, and what it does in one sentence."""

from monitor.api.records import Record, decimal_text, exact_text
from monitor.core.funding_view import CARRY_HOURS, FundingForecast

MINUTE_NS = 60_000_000_000


class FundingInstrumentRecord(Record, frozen=True, kw_only=True):
    """The next payment of one instrument at its predicted rate, alone.

    `carry_ratio`: what `payer` pays over each of `carry_hours` at this rate, of its free margin;
    null without any.
    """

    instrument: str
    rate: str
    next_funding_ns: int
    payer: str
    payment_usd: str
    pushed_accounts: int
    pushed_notional_usd: str
    carry_ratio: list[str | None]


class FundingAccountRecord(Record, frozen=True, kw_only=True):
    """A margin unit that owes at the next moment of payment, and its free margin now."""

    account: str
    payment_usd: str
    free_margin_usd: str
    is_pushed: bool


class FundingAnswer(Record, frozen=True, kw_only=True):
    """What the next funding payment does: docs/model/funding.md.

    The totals are of all instruments that pay at `next_funding_ns`; `instruments` have theirs.
    """

    as_of_ns: int
    sentence: str
    next_funding_ns: int | None
    payment_usd: str
    pushed_accounts: int
    pushed_notional_usd: str
    unsure_accounts: int
    carry_hours: list[int]
    instruments: list[FundingInstrumentRecord]
    accounts: list[FundingAccountRecord]


def funding_answer(forecast: FundingForecast) -> FundingAnswer:
    """Return the whole forecast."""
    return FundingAnswer(
        as_of_ns=forecast.as_of_ns,
        sentence=sentence(forecast),
        next_funding_ns=forecast.next_funding_ns,
        payment_usd=exact_text(forecast.payment_usd),
        pushed_accounts=forecast.pushed_accounts,
        pushed_notional_usd=exact_text(forecast.pushed_notional_usd),
        unsure_accounts=forecast.unsure_accounts,
        carry_hours=list(CARRY_HOURS),
        instruments=[
            FundingInstrumentRecord(
                instrument=one.instrument,
                rate=exact_text(one.rate),
                next_funding_ns=one.next_funding_ns,
                payer=one.payer,
                payment_usd=exact_text(one.payment_usd),
                pushed_accounts=one.pushed_accounts,
                pushed_notional_usd=exact_text(one.pushed_notional_usd),
                carry_ratio=[decimal_text(each) for each in one.carry_ratio],
            )
            for one in forecast.instruments
        ],
        accounts=[
            FundingAccountRecord(
                account=one.account,
                payment_usd=exact_text(one.payment_usd),
                free_margin_usd=exact_text(one.free_margin_usd),
                is_pushed=one.is_pushed,
            )
            for one in forecast.accounts
        ],
    )


def sentence(forecast: FundingForecast) -> str:
    """Return what the next payment does, in one sentence."""
    if forecast.next_funding_ns is None:
        return "No instrument has told the rate of its next funding payment."
    minutes = max(0, round((forecast.next_funding_ns - forecast.as_of_ns) / MINUTE_NS))
    paid = f"The next funding payment, in {minutes:,} min, takes {forecast.payment_usd:,.0f} USD"
    if not forecast.pushed_accounts:
        return f"{paid} and makes nobody liquidatable."
    return (
        f"{paid} and alone makes {forecast.pushed_accounts:,} accounts with"
        f" {forecast.pushed_notional_usd:,.0f} USD of positions liquidatable."
    )
