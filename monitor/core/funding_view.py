"""What the next funding payment does, as outsiders see it. docs/model/funding.md.

Amounts are in the valuation currency; what is infinite or not known is None.
"""

import msgspec

from monitor.core.decisions import Side

CARRY_HOURS = (8, 24)


class FundingInstrumentView(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The next payment of one instrument at its predicted rate, alone.

    `payer`: the side that pays (rate > 0: longs); `payment_usd`: all that it pays, > 0.
    `pushed_accounts`: how many margin units it would make liquidatable that are not;
    `pushed_notional_usd`: their positions in the instrument. `carry_ratio`: what the paying side
    pays over each of `CARRY_HOURS` at this rate / the free margin of its units.
    """

    instrument: str
    rate: float
    next_funding_ns: int
    payer: Side
    payment_usd: float
    pushed_accounts: int
    pushed_notional_usd: float
    carry_ratio: tuple[float | None, ...]


class FundingAccountView(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A margin unit and what it owes at the next moment of payment.

    `free_margin_usd`: equity - maintenance margin; `is_pushed`: the payment makes it liquidatable.
    """

    account: str
    payment_usd: float
    free_margin_usd: float
    is_pushed: bool


class FundingForecast(msgspec.Struct, frozen=True, kw_only=True):
    """What is paid next, by whom, and who cannot carry it.

    `next_funding_ns`: the soonest payment; `payment_usd`, `pushed_accounts` and
    `pushed_notional_usd`: of all instruments that pay then, together. `unsure_accounts`: units that
    floats cannot judge: none of them is counted as pushed. `instruments`: the largest pushed
    notional first, then the largest carry; `accounts`: the largest share of free margin first.
    """

    as_of_ns: int
    next_funding_ns: int | None
    payment_usd: float
    pushed_accounts: int
    pushed_notional_usd: float
    unsure_accounts: int
    instruments: tuple[FundingInstrumentView, ...]
    accounts: tuple[FundingAccountView, ...]
