"""Which margin units can change state at this price.

Each unit has a slack: how far equity - c x maintenance is from 0 for the three boundaries
c = 0 (bankrupt), c = 1 (liquidatable) and c = 1 / margin_call_ratio. While every price that the
unit depends on stays within a factor e^r of where it was, with r x sensitivity(c) <= slack(c) for
each c, no verdict can change. So every price carries guards: a price that crosses none needs no
work, and one that does re-evaluates only the units whose guard it crossed.

Guards are never removed, only outdated (`guard_version`); a heap is rebuilt when most of it is.
"""

import heapq
import itertools
import math

from monitor.core.decisions import State
from monitor.core.margin.book import RADIUS_MAX, MarginRules, MarginUnit, measure
from monitor.core.margin.exact import unit_amounts
from monitor.core.market import Market

# Rounding error of `measure`, relative to the sum of magnitudes: decisions/0001.
FLOAT_BAND = 1e-12
# A new guard takes this share of what is safe, so that small changes of an account keep it.
GUARD_SHARE = 0.75

_Entry = tuple[float, int, int, MarginUnit]  # bound, number, guard_version, unit


def mark_key(instrument: str) -> str:
    """Return the guard key of an instrument's mark."""
    return "mark:" + instrument


def index_key(index: str) -> str:
    """Return the guard key of an index price."""
    return "index:" + index


class _PriceGuards:
    """The guards on one price: lower bounds (negated) and upper bounds, each a heap."""

    __slots__ = ("limit", "lower", "upper")

    def __init__(self) -> None:
        self.lower: list[_Entry] = []
        self.upper: list[_Entry] = []
        self.limit = 1024

    def compact(self) -> None:
        """Drop outdated guards when there are many."""
        if len(self.lower) + len(self.upper) <= self.limit:
            return
        self.lower = [entry for entry in self.lower if entry[2] == entry[3].guard_version]
        self.upper = [entry for entry in self.upper if entry[2] == entry[3].guard_version]
        heapq.heapify(self.lower)
        heapq.heapify(self.upper)
        self.limit = max(1024, 3 * (len(self.lower) + len(self.upper)))


class Thresholds:
    """The guards of all units on all prices, and the verdicts behind them."""

    def __init__(self, market: Market, rules: MarginRules) -> None:
        """Watch the prices of a market under the margin rules."""
        self.market = market
        self.rules = rules
        self.unknown: set[MarginUnit] = set()
        self.exact_verdicts = 0
        self._guards: dict[str, _PriceGuards] = {}
        self._numbers = itertools.count()

    def crossed(self, key: str, price: float) -> set[MarginUnit]:
        """Return the units whose guard on this price is crossed, removing those guards."""
        guards = self._guards.get(key)
        hit: set[MarginUnit] = set()
        if guards is None:
            return hit
        for heap, bound in ((guards.lower, -price), (guards.upper, price)):
            while heap and heap[0][0] <= bound:
                entry = heapq.heappop(heap)
                if entry[2] == entry[3].guard_version:
                    hit.add(entry[3])
        for unit in hit:
            unit.guard_version += 1
            unit.guards = {}
        return hit

    def verdict(self, unit: MarginUnit) -> State:
        """Return the state of a unit at the present prices, and set its guards.

        Floats decide outside the band of rounding error, rationals inside it.
        """
        if not measure(unit, self.market):
            self.unknown.add(unit)
            unit.guard_version += 1
            unit.guards = {}
            return "unknown"
        self.unknown.discard(unit)
        positions = unit.positions()
        if not positions and not unit.sensitivity:
            unit.guard_version += 1
            unit.guards = {}
            if unit.equity > FLOAT_BAND * unit.gross:
                return "healthy"
            return self._exact(unit)
        band = FLOAT_BAND * unit.gross
        radius = RADIUS_MAX
        for factor in (0.0, 1.0, self.rules.call_factor):
            slack = abs(unit.equity - factor * unit.maintenance) - 2 * (1 + factor) * band
            reach = unit.sensitivity + factor * unit.sensitivity_of_requirement
            if slack <= 0:
                radius = 0.0
            elif slack < radius * reach:
                radius = slack / reach
        if not radius > 0:
            self._guard(unit, 0.0)
            return self._exact(unit)
        self._guard(unit, radius)
        return self._float(unit, has_position=bool(positions))

    def _float(self, unit: MarginUnit, *, has_position: bool) -> State:
        if unit.equity < 0:
            return "bankrupt"
        if not has_position:
            return "healthy"
        if unit.equity < unit.maintenance:
            return "liquidatable"
        if unit.maintenance * self.rules.call_factor > unit.equity:
            return "margin_call"
        return "healthy"

    def _exact(self, unit: MarginUnit) -> State:
        self.exact_verdicts += 1
        amounts = unit_amounts(unit, self.market)
        assert amounts is not None, f"{unit.name}: measured in floats but not in rationals"
        return self.rules.state(
            amounts.equity, amounts.maintenance_margin, has_position=amounts.has_position
        )

    def _prices(self, unit: MarginUnit) -> dict[str, float]:
        """Return every price that the unit depends on, by guard key."""
        market = self.market
        prices: dict[str, float] = {}
        assets = set(unit.account.balances) if unit.key is None else set()
        assets.update(payment.asset for payment in unit.account.pending_funding)
        if unit.key is not None and unit.key in unit.account.positions:
            assets.add(unit.account.positions[unit.key].instrument.settlement)
        for position in unit.positions():
            instrument = position.instrument
            prices[mark_key(instrument.name)] = market.marks[instrument.name].number
            assets.add(instrument.settlement)
        for asset in assets:
            index = market.index_of(asset)
            if index is not None and index in market.indices:
                prices[index_key(index)] = market.indices[index].number
        return prices

    def _guard(self, unit: MarginUnit, radius: float) -> None:
        """Guard every price of the unit, unless the present guards are still safe."""
        prices = self._prices(unit)
        stretch = math.exp(radius)
        guards = unit.guards
        if guards and all(
            key in guards
            and guards[key][0] * stretch >= price
            and guards[key][1] <= price * stretch
            for key, price in prices.items()
        ):
            return
        unit.guard_version += 1
        stretch = math.exp(GUARD_SHARE * radius)
        unit.guards = {key: (price / stretch, price * stretch) for key, price in prices.items()}
        for key, (lower, upper) in unit.guards.items():
            price_guards = self._guards.get(key)
            if price_guards is None:
                price_guards = self._guards[key] = _PriceGuards()
            number = next(self._numbers)
            version = unit.guard_version
            heapq.heappush(price_guards.lower, (-lower, number, version, unit))
            heapq.heappush(price_guards.upper, (upper, number, version, unit))
            price_guards.compact()
