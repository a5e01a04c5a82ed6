"""What funding payments do, unit by unit in exact rationals."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction

from monitor.core.contracts import funding_owed
from monitor.core.engine import RiskEngine
from monitor.core.ledger import position_quantity
from monitor.core.margin.totals import unit_totals


@dataclass
class NaiveUnit:
    """What a unit owes for each instrument, its notional there, and what it has left."""

    slack: Fraction
    is_safe: bool
    owed: dict[str, Fraction] = field(default_factory=dict)
    notional: dict[str, Fraction] = field(default_factory=dict)

    def is_pushed(self, *instruments: str) -> bool:
        """Return whether the payments of some instruments together push it under."""
        owed = sum((self.owed.get(name, Fraction(0)) for name in instruments), Fraction(0))
        return self.is_safe and owed > 0 and self.slack <= owed


def naive_units(engine: RiskEngine, rates: Mapping[str, Fraction]) -> dict[str, NaiveUnit]:
    """Return every unit of a trader that has positions and a known equity, by name."""
    market, found = engine.market, {}
    for part in engine.shards.engines:
        for unit in part.units():
            totals = unit_totals(unit, market, engine.rules)
            if unit.account.role in ("liquidator", "insurance_fund"):
                continue
            if totals is None or not unit.positions():
                continue
            own = NaiveUnit(
                totals.equity - totals.maintenance_margin, unit.state in ("healthy", "margin_call")
            )
            for position in unit.positions():
                instrument, name = position.instrument, position.instrument.name
                mark = market.marks[name].exact
                value = market.exact_value(instrument.settlement)
                assert value is not None, "the unit's equity is known"
                quantity = position_quantity(position)
                worth = funding_owed(instrument.kind, quantity, mark, Fraction(1)) * value
                own.notional[name] = own.notional.get(name, Fraction(0)) + abs(worth)
                if name in rates:
                    own.owed[name] = own.owed.get(name, Fraction(0)) + worth * rates[name]
            found[unit.name] = own
    return found
