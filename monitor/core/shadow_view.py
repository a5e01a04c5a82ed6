"""Shadow deleveraging as outsiders see it: what every policy would take now, and from whom.

docs/model/shadow.md has the formulas. Amounts are in the valuation currency; what is infinite or
not known yet is None.
"""

from typing import Protocol

import msgspec

from monitor.core.decisions import Side

# Seconds after the moment of the image at which overshoot is told.
PATH_S = (0.0, 0.5, 1.0, 2.0, 5.0)
WORST_SIDES = 20


class ShadowPayerView(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One margin unit from whom a policy takes, at the price of the round.

    `account`: its name; an isolated position's is `account/instrument/leg`.
    """

    account: str
    amount_usd: float
    equity_before_usd: float
    equity_after_usd: float


class ShadowPlanView(msgspec.Struct, frozen=True, kw_only=True):
    """What one policy takes, on one side or over the whole venue.

    `overshoot_usd`: what winners lose beyond the need, signed, after each of `PATH_S`.
    `equity_fraction_max`: the largest part of its equity that one account loses;
    `equity_fraction_mean`: over the sides, weighted by need (of one side: the same).
    `overlap_ratio`: accounts that the configured policy touches too, of all that either touches.
    `instability_ratio`: how far the largest payers moved since the round before, 0 to 1.
    `payers`: the largest. The last four are of one side alone, and come by turns.
    """

    policy: str
    collected_usd: float
    overshoot_usd: tuple[float | None, ...]
    equity_fraction_max: float | None
    equity_fraction_mean: float | None
    accounts_touched: int
    leverage_max: float | None
    hedges_broken: int
    gini: float | None = None
    instability_ratio: float | None = None
    overlap_ratio: float | None = None
    payers: tuple[ShadowPayerView, ...] = ()


class ShadowSideView(msgspec.Struct, frozen=True, kw_only=True):
    """The would-be bankrupt of one side of one instrument, and who would pay for them.

    `side`: of the bankrupt; winners are on the other one. `move_ratio`: the adverse move of the
    mark at which the last of them is bankrupt; `price`: the mark of the round.
    `feasible_ratio`: of their size, what finds solvent counterparties at their own bankruptcy
    prices.
    """

    instrument: str
    side: Side
    move_ratio: float
    price: float
    accounts: int
    lots: float
    needed_usd: float
    candidates: int
    feasible_ratio: float
    plans: tuple[ShadowPlanView, ...]


class Shadow(Protocol):
    """Every side and every policy at one moment; nothing changes in it any more."""

    @property
    def as_of_ns(self) -> int:
        """Return the engine time of the image."""
        ...

    @property
    def stress(self) -> float:
        """Return the adverse move that is asked about, 0: the worst accounts."""
        ...

    @property
    def configured(self) -> str:
        """Return the venue's policy."""
        ...

    @property
    def best(self) -> str:
        """Return the policy that collects most and of these hits nobody as hard."""
        ...

    @property
    def needed_usd(self) -> float:
        """Return what is needed over all sides, each on its own."""
        ...

    @property
    def totals(self) -> tuple[ShadowPlanView, ...]:
        """Return every policy over the whole venue."""
        ...

    @property
    def worst(self) -> tuple[ShadowSideView, ...]:
        """Return the worst sides: the least feasible first, then those that need most."""
        ...

    @property
    def realised(self) -> "Shadow | None":
        """Return the newest one whose path after the moment is complete, None before the first."""
        ...

    def of(self, instrument: str, side: Side) -> ShadowSideView | None:
        """Return one side with every policy, None without a round there."""
        ...
