"""Which margin units can change state at this price.

Each unit has a slack: how far equity - c x maintenance is from 0 for the three boundaries
c = 0 (bankrupt), c = 1 (liquidatable) and c = 1 / margin_call_ratio. While every price that the
unit depends on stays within a factor e^r of where it was, with r x sensitivity(c) <= slack(c) for
each c, no verdict can change. So every price carries guards: a price that crosses none needs no
work, and one that does re-evaluates only the units whose guard it crossed. A unit that misses a
price waits for that one.

A guard that is replaced stays in its heap, outdated (`guard_version`), until a price crosses it
or the heap is rebuilt: when as many have been added as there were valid ones, at least 1,024.
"""

import heapq
import itertools
import math

from monitor.core.decisions import State
from monitor.core.margin.book import MarginRules, MarginUnit
from monitor.core.margin.measure import RADIUS_MAX, Measure, measure_or_missing_key
from monitor.core.margin.totals import liquidation_is_over, unit_totals
from monitor.core.market import Market

# Rounding error of `measure`, relative to the sum of magnitudes: decisions/0001.
FLOAT_BAND = 1e-12
# A new guard takes this share of what is safe, so that small changes of an account keep it.
GUARD_SHARE = 0.75

_Entry = tuple[float, int, int, MarginUnit]  # bound, number, guard_version, unit


class _PriceGuards:
    """The guards on one price: lower bounds (negated) and upper bounds, each a heap."""

    __slots__ = ("limit", "lower", "pushed", "upper")

    def __init__(self) -> None:
        self.lower: list[_Entry] = []
        self.upper: list[_Entry] = []
        self.pushed = 0
        self.limit = 1024

    def compact(self) -> None:
        """Drop the outdated guards."""
        self.lower = [entry for entry in self.lower if entry[2] == entry[3].guard_version]
        self.upper = [entry for entry in self.upper if entry[2] == entry[3].guard_version]
        heapq.heapify(self.lower)
        heapq.heapify(self.upper)
        self.pushed = 0
        self.limit = max(1024, len(self.lower) + len(self.upper))


class Thresholds:
    """The guards of all units on all prices, and the verdicts behind them."""

    def __init__(self, market: Market, rules: MarginRules) -> None:
        """Watch the prices of a market under the margin rules."""
        self.market = market
        self.use(rules)
        self.exact_verdicts = 0
        self._guards: dict[str, _PriceGuards] = {}
        # The unknown units, by the guard key of a price that each one misses.
        self._unknown: dict[str, set[MarginUnit]] = {}
        self._numbers = itertools.count()

    def use(self, rules: MarginRules) -> None:
        """Take the margin rules from here on; every unit must then be judged again."""
        self.rules = rules
        # The boundaries: bankrupt, liquidatable, margin call.
        self._factors = (0.0, 1.0, rules.call_factor)
        self._end_factor = float(1 / rules.end_ratio)

    def crossed(self, key: str, price: float) -> set[MarginUnit]:
        """Return the units whose guard on this price is crossed, or that have missed the price.

        Those guards are removed.
        """
        guards = self._guards.get(key)
        hit = set(self._unknown.get(key, ()))
        if guards is None:
            return hit
        for heap, bound in ((guards.lower, -price), (guards.upper, price)):
            while heap and heap[0][0] <= bound:
                entry = heapq.heappop(heap)
                if entry[2] == entry[3].guard_version:
                    hit.add(entry[3])
        for unit in hit:
            _drop_guards(unit)
        return hit

    def verdict(self, unit: MarginUnit) -> State:
        """Return the state of a unit at the present prices, and set its guards.

        Floats decide outside the band of rounding error, rationals inside it.
        """
        measured = measure_or_missing_key(unit, self.market)
        if unit.missing is not None:
            self._find(unit)
        if isinstance(measured, str):
            unit.missing = measured
            self._unknown.setdefault(measured, set()).add(unit)
            _drop_guards(unit)
            return "unknown"
        unit.equity, unit.maintenance = measured.equity, measured.maintenance
        radius = self._safe_radius(measured, liquidating=unit.is_in_liquidation)
        if measured.prices:
            self._guard(unit, measured.prices, radius)
        else:
            _drop_guards(unit)
        return self._float(measured) if radius > 0 else self._exact(unit)

    def drop_price(self, key: str) -> set[MarginUnit]:
        """Forget the guards on a price that is no more; return the units that had one.

        They must be judged again: their other guards are gone too.
        """
        guards = self._guards.pop(key, None)
        if guards is None:
            return set()
        units = {entry[3] for entry in guards.lower if entry[2] == entry[3].guard_version}
        units |= {entry[3] for entry in guards.upper if entry[2] == entry[3].guard_version}
        for unit in units:
            _drop_guards(unit)
        return units

    def forget(self, unit: MarginUnit) -> None:
        """Stop watching a unit that is gone."""
        if unit.missing is not None:
            self._find(unit)
        _drop_guards(unit)

    def _find(self, unit: MarginUnit) -> None:
        """Let a unit no longer wait for the price that it missed."""
        assert unit.missing is not None
        waiting = self._unknown[unit.missing]
        waiting.discard(unit)
        if not waiting:
            del self._unknown[unit.missing]
        unit.missing = None

    def _safe_radius(self, measured: Measure, *, liquidating: bool) -> float:
        """Return how far every price may move before a verdict can change; 0 in the band.

        Of a unit in liquidation the level at which that ends is a boundary too.
        """
        equity, maintenance = measured.equity, measured.maintenance
        sensitivity, steepness = measured.sensitivity, measured.sensitivity_of_requirement
        if steepness == math.inf:  # a jump is near: any move may change the verdict
            return 0.0
        band = FLOAT_BAND * measured.gross
        radius = RADIUS_MAX
        for factor in self._factors:
            slack = equity - factor * maintenance
            if slack < 0.0:
                slack = -slack
            slack -= 2.0 * (1.0 + factor) * band
            if slack <= 0.0:
                return 0.0
            reach = sensitivity + factor * steepness
            if slack < radius * reach:
                radius = slack / reach
        if liquidating:
            factor = self._end_factor
            slack = abs(equity - factor * maintenance - measured.buffer)
            slack -= 2.0 * (1.0 + factor) * band
            reach = sensitivity + factor * steepness + measured.sensitivity_of_buffer
            radius = max(0.0, min(radius, slack / reach)) if reach else radius
        return radius

    def _float(self, measured: Measure) -> State:
        if measured.equity < 0:
            return "bankrupt"
        if not measured.has_position:
            return "healthy"
        if measured.equity < measured.maintenance:
            return "liquidatable"
        if measured.maintenance * self.rules.call_factor > measured.equity:
            return "margin_call"
        return "healthy"

    def _exact(self, unit: MarginUnit) -> State:
        self.exact_verdicts += 1
        totals = unit_totals(unit, self.market, self.rules)
        assert totals is not None, f"{unit.name}: measured in floats but not in rationals"
        return self.rules.state(
            totals.equity, totals.maintenance_margin, has_position=totals.has_position
        )

    def liquidation_is_over(self, unit: MarginUnit) -> bool:
        """Return whether a unit is clear of the level at which a liquidation ends, exactly."""
        totals = unit_totals(unit, self.market, self.rules)
        return totals is not None and liquidation_is_over(unit, self.market, self.rules, totals)

    def _guard(self, unit: MarginUnit, prices: dict[str, float], radius: float) -> None:
        """Guard every price of the unit, unless the present guards are still safe."""
        guards = unit.guards
        stretch = math.exp(radius)
        for key, price in prices.items():
            guard = guards.get(key)
            if guard is None or guard[0] * stretch < price or guard[1] > price * stretch:
                break
        else:
            return
        unit.guard_version = version = unit.guard_version + 1
        stretch = math.exp(GUARD_SHARE * radius)
        unit.guards = guards = {}
        for key, price in prices.items():
            guards[key] = (lower, upper) = (price / stretch, price * stretch)
            price_guards = self._guards.get(key)
            if price_guards is None:
                price_guards = self._guards[key] = _PriceGuards()
            number = next(self._numbers)
            heapq.heappush(price_guards.lower, (-lower, number, version, unit))
            heapq.heappush(price_guards.upper, (upper, number, version, unit))
            price_guards.pushed += 1
            if price_guards.pushed > price_guards.limit:
                price_guards.compact()


def _drop_guards(unit: MarginUnit) -> None:
    unit.guard_version += 1
    unit.guards = {}
