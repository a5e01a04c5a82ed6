"""Liquidation and bankruptcy prices of a position: `curve.py` finds them."""

from fractions import Fraction

from monitor.core.contracts import price_at_cost
from monitor.core.ledger import Position
from monitor.core.margin.book import MarginRules, MarginUnit
from monitor.core.margin.curve import Search, nearest, split
from monitor.core.margin.exact import UnitTotals, position_amounts
from monitor.core.margin.totals import account_zero_price
from monitor.core.market import Market

ZERO = Fraction(0)


def liquidation_price(
    unit: MarginUnit, position: Position, totals: UnitTotals, market: Market, rules: MarginRules
) -> Fraction | None:
    """Return the mark nearest to the present one at which the unit becomes liquidatable.

    For a unit that already is: where it would stop being so. None without such a price. `totals`
    are the unit's. Worked number: long 1 at 100 with 10 of margin and 5 % maintenance:
    90 / 0.95 = 94.736842...
    """
    slack = totals.equity - totals.maintenance_margin
    liquidatable = slack < 0 or (slack == 0 and not rules.strictly_below)
    # What is liquidatable leaves strictly; what is not enters weakly; `below` the other way.
    search = Search(Fraction(1), -1 if liquidatable else 1, liquidatable != rules.strictly_below)
    return nearest(split(unit, position, totals, market, rules), search)


def bankruptcy_price(
    unit: MarginUnit, position: Position, totals: UnitTotals, market: Market, rules: MarginRules
) -> Fraction | None:
    """Return the price of `position` at which the unit's equity is used up; None if none.

    Convention `account_zero`: the nearest mark with equity = 0, or with what the fee to close
    takes where the instrument says `bankruptcy_price_after_fee`. `maintenance_share` (dYdX): the
    price at which closing the position costs the unit's equity x the position's share of the
    unit's maintenance margin.
    """
    if rules.settings.bankruptcy_price == "account_zero":
        return account_zero_price(unit, position, totals.equity, market, rules)
    own = position_amounts(position, market)
    if own is None or not totals.maintenance_margin:
        return None
    kept = own.maintenance_margin + totals.fees.get(position.key, ZERO)
    cost = totals.equity * kept / totals.maintenance_margin
    return price_at_cost(position.instrument.kind, own.quantity, own.mark, cost)


def fillable_price(
    position: Position, totals: UnitTotals, market: Market, rules: MarginRules
) -> Fraction | None:
    """Return the worst price at which a liquidation of a position may fill; None without a rule.

    mark - clamp(BA x (1 - equity / maintenance), 0, 1) x S x the position's maintenance / size,
    None where that is not positive, or nothing must be kept. Source: dYdX v4, x/clob. Worked
    number: long 1 at a mark of 100 that must keep 5, of a unit with 2 of equity and 5 of
    maintenance, BA 1 and S 0.1: 100 - 0.6 x 0.1 x 5 = 99.7.
    """
    own = position_amounts(position, market)
    if rules.fill_rule is None or own is None or not totals.maintenance_margin:
        return None
    adjustment, spread = rules.fill_rule
    ratio = adjustment * (1 - totals.equity / totals.maintenance_margin)
    kept = own.maintenance_margin + totals.fees.get(position.key, ZERO)
    cost = min(max(ratio, ZERO), Fraction(1)) * spread * kept
    return price_at_cost(position.instrument.kind, own.quantity, own.mark, cost)
