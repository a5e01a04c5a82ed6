"""Hedges that deleveraging breaks: one leg of an account is closed, the other stands naked.

Of an account's positions on one price factor (one index), the smaller of what it holds long and of
what it holds short is hedged. docs/model/deleveraging.md.
"""

from fractions import Fraction

from monitor.core.contracts import notional
from monitor.core.instruments import Instrument
from monitor.core.ledger import Account, position_quantity
from monitor.core.market import Market


def broken_hedge(
    market: Market, account: Account, listed: Instrument, closed: tuple[Fraction, Fraction]
) -> Fraction | None:
    """Return the notional (USD, >= 0) that a close leaves unhedged; None without all prices.

    `closed`: signed contracts of the instrument that were taken from the account before, and that
    are taken now; > 0 buys back a short. Short 4 and long 3 of one index at 80: when 3 of the short
    are bought back, 2 x 80 of the long is naked.
    """
    long = short = Fraction(0)
    for position in account.list_positions():
        other = position.instrument
        if not position.size or not other.moves_with(listed):
            continue
        worth = _worth(market, other, abs(position_quantity(position)))
        if worth is None:
            return None
        if position.size > 0:
            long += worth
        else:
            short += worth
    taken = [_worth(market, listed, abs(part) * listed.contract_size) for part in closed]
    before, now = taken
    if before is None or now is None:
        return None
    if closed[1] > 0:
        return _hedged(long, short - before) - _hedged(long, short - before - now)
    return _hedged(long - before, short) - _hedged(long - before - now, short)


def _hedged(long: Fraction, short: Fraction) -> Fraction:
    return max(Fraction(0), min(long, short))


def _worth(market: Market, listed: Instrument, quantity: Fraction) -> Fraction | None:
    """Return the value of a quantity at the mark, None without a price."""
    quote, value = market.marks.get(listed.name), market.exact_value(listed.settlement)
    if quote is None or value is None:
        return None
    return notional(listed.kind, quantity, quote.exact) * value
