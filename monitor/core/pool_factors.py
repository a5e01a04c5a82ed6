"""The trigger `pool_pnl_factor`: do a collateral pool's winners own too much of its money.

factor = unrealized gains of the winners / money in the pool: all balances and isolated margins in
its currency, and the funds that are kept in it. It is on strictly beyond one level and off strictly
below a lower one, so it does not flap between them. Source: GMX (85 % on, 77 % off).
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from monitor.core.amounts import float_setting, rounded_text
from monitor.core.decisions import BreakerRearmed, BreakerTripped, Decision
from monitor.core.settings import POOL_PNL_FACTOR, DeleveragingSettings
from monitor.core.waterfall import Fund

INTERVAL_NS = 1_000_000_000
RULE = "deleveraging"


@dataclass(slots=True)
class PoolFactor:
    """Where a pool stood at the last look, in minor units; `since_ns`: of on or off."""

    is_on: bool = False
    since_ns: int = 0
    gains: int = 0
    money: int = 0

    @property
    def factor(self) -> Fraction:
        """Return gains / money; a pool without money counts as one minor unit."""
        return Fraction(self.gains, max(1, self.money))


class PoolFactors:
    """The factors of all pools, looked at once a second of engine time while they trigger."""

    def __init__(self, settings: DeleveragingSettings) -> None:
        """Begin with every pool off."""
        self.pools: dict[str, PoolFactor] = {}
        self.due_ns = 0
        self.use(settings)

    def use(self, settings: DeleveragingSettings) -> None:
        """Take new settings; where they do not name the trigger, nothing is on."""
        self.is_used = POOL_PNL_FACTOR in settings.trigger
        self.on = float_setting(settings.pool_pnl_factor_on)
        self.off = float_setting(settings.pool_pnl_factor_off)
        if not self.is_used:
            self.pools, self.due_ns = {}, 0

    def is_on(self, pool: str) -> bool:
        """Return whether the winners of a pool are asked before its fund."""
        found = self.pools.get(pool)
        return found is not None and found.is_on

    def look(
        self,
        amounts: Callable[[], Mapping[str, tuple[int, int]]],
        funds: Collection[Fund],
        now_ns: int,
    ) -> list[Decision]:
        """Look at every pool if it is time to; return what has changed.

        `amounts` answers the (gains, money) of all accounts by pool, in minor units. A pool that is
        gone is forgotten.
        """
        if not self.is_used or now_ns < self.due_ns:
            return []
        self.due_ns = now_ns + INTERVAL_NS
        found = amounts()
        self.pools = {pool: one for pool, one in self.pools.items() if pool in found}
        decisions = []
        for pool, (gains, money) in sorted(found.items()):
            own = self.pools.setdefault(pool, PoolFactor(since_ns=now_ns))
            own.gains = gains
            own.money = money + sum(fund.available for fund in funds if fund.asset == pool)
            is_on = own.factor >= self.off if own.is_on else own.factor > self.on
            if is_on != own.is_on:
                own.is_on, own.since_ns = is_on, now_ns
                decisions.append(self._tripped(pool, now_ns) if is_on else _rearmed(pool, now_ns))
        return decisions

    def standing(self, now_ns: int) -> list[Decision]:
        """Return the pools that are on."""
        return [self._tripped(pool, now_ns) for pool in sorted(self.pools) if self.is_on(pool)]

    def _tripped(self, pool: str, now_ns: int) -> Decision:
        return BreakerTripped(
            event_ns=now_ns,
            rule=RULE,
            breaker=POOL_PNL_FACTOR,
            scope=pool,
            measured=rounded_text(self.pools[pool].factor),
            limit=rounded_text(self.on),
            action="notify",
        )

    def export_state(self) -> dict[str, Any]:
        """Return everything as plain values, in a canonical order."""
        pools = [
            [pool, one.is_on, one.since_ns, str(one.gains), str(one.money)]
            for pool, one in sorted(self.pools.items())
        ]
        return {"due_ns": self.due_ns, "pools": pools}

    def restore(self, state: dict[str, Any]) -> None:
        """Take what `export_state` described, as far as the settings use it."""
        if self.is_used:
            self.due_ns = state["due_ns"]
            self.pools = {
                pool: PoolFactor(is_on, since_ns, int(gains), int(money))
                for pool, is_on, since_ns, gains, money in state["pools"]
            }


def _rearmed(pool: str, now_ns: int) -> Decision:
    return BreakerRearmed(event_ns=now_ns, rule=RULE, breaker=POOL_PNL_FACTOR, scope=pool)
