"""The findings of one scenario as outsiders see them: `Shadow` of `monitor/core/shadow_view.py`."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from monitor.analysis.analyst import Findings, Scenario, worst_sides
from monitor.analysis.burdens import (
    COLLECTED,
    FRACTION_MAX,
    HEDGES_BROKEN,
    LEVERAGE_MAX,
    TOUCHED,
)
from monitor.analysis.details import PlanDetails
from monitor.analysis.path import overshoot
from monitor.analysis.selection import Counts, Floats
from monitor.analysis.shadow import (
    CANDIDATES,
    FEASIBLE_LOTS,
    LOTS,
    MEMBERS,
    MOVE,
    NEEDED,
    PRICE,
)
from monitor.analysis.splits import POLICIES
from monitor.core.decisions import Side
from monitor.core.shadow_view import (
    PATH_S,
    WORST_SIDES,
    ShadowPayerView,
    ShadowPlanView,
    ShadowSideView,
)

SIDES: tuple[Side, Side] = ("long", "short")
# What one account loses counts up to this many times its equity: some have none.
FRACTION_CAP = 10.0
_SHARE_SAME = 1e-3  # of the need: policies that collect so nearly the same collect the same
_UNKNOWN = PlanDetails(None, None, None, [])


@dataclass(frozen=True)
class ShadowReport:
    """One scenario of one image. `marks`: what is known of the path after it.

    `details`: of this image and, where it was not their turn, of earlier ones.
    """

    findings: Findings
    scenario: Scenario
    marks: tuple[Floats, ...]  # at the first moments of PATH_S
    details: Mapping[tuple[str, int], list["ToldPlan"]] = field(default_factory=dict)
    before: "ShadowReport | None" = None  # the newest one whose path is complete

    @property
    def as_of_ns(self) -> int:
        """Return the engine time of the image."""
        return self.findings.question.as_of_ns

    @property
    def stress(self) -> float:
        """Return the adverse move that is asked about, 0: the worst accounts."""
        return self.scenario.stress

    @property
    def configured(self) -> str:
        """Return the venue's policy."""
        return self.findings.question.configured

    @cached_property
    def best(self) -> str:
        """Return the policy that collects most and of these hits nobody as hard."""
        needed = max(self.needed_usd, math.ulp(0.0))

        def cost(plan: ShadowPlanView) -> tuple[int, float, int, str]:
            missing = max(0.0, needed - plan.collected_usd) / needed
            mean = math.inf if plan.equity_fraction_mean is None else plan.equity_fraction_mean
            return round(missing / _SHARE_SAME), round(mean, 9), plan.hedges_broken, plan.policy

        return min(self.totals, key=cost).policy

    @cached_property
    def needed_usd(self) -> float:
        """Return what is needed over all sides, each on its own."""
        return float(self.scenario.answers.facts[self._sides, NEEDED].sum())

    @cached_property
    def totals(self) -> tuple[ShadowPlanView, ...]:
        """Return every policy over the whole venue."""
        return tuple(self._total(policy) for policy in range(len(POLICIES)))

    @cached_property
    def worst(self) -> tuple[ShadowSideView, ...]:
        """Return the worst sides: the least feasible first, then those that need most."""
        return tuple(self._side(side) for side in self._sides[:WORST_SIDES].tolist())

    def of(self, instrument: str, side: Side) -> ShadowSideView | None:
        """Return one side with every policy, None without a round there."""
        number = self._numbers.get(instrument)
        if number is None:
            return None
        place = 2 * number + SIDES.index(side)
        return self._side(place) if self.scenario.answers.facts[place, LOTS] > 0.0 else None

    @property
    def realised(self) -> "ShadowReport | None":
        """Return the newest report whose path is complete: this one or one before."""
        return replace(self, before=None) if len(self.marks) == len(PATH_S) else self.before

    @cached_property
    def _numbers(self) -> dict[str, int]:
        listings = self.findings.question.listings
        return {listing.name: number for number, listing in enumerate(listings)}

    @cached_property
    def _sides(self) -> Counts:
        return np.array(worst_sides(self.scenario.answers), np.int64)

    @cached_property
    def _overshoot(self) -> Floats:
        return overshoot(self.findings.terms, self.scenario.answers, list(self.marks))

    def _total(self, policy: int) -> ShadowPlanView:
        sides, own = self._sides, self.scenario.answers.burdens[policy]
        needed = self.scenario.answers.facts[sides, NEEDED]
        fractions = np.minimum(own[sides, FRACTION_MAX], FRACTION_CAP)
        beyond = self._overshoot[policy][sides]
        return ShadowPlanView(
            policy=POLICIES[policy],
            collected_usd=float(own[sides, COLLECTED].sum()),
            overshoot_usd=tuple(_known(float(beyond[:, each].sum())) for each in _moments()),
            equity_fraction_max=_known(float(own[sides, FRACTION_MAX].max(initial=0.0))),
            equity_fraction_mean=float((fractions * needed).sum() / needed.sum())
            if needed.sum() > 0.0
            else 0.0,
            accounts_touched=int(own[sides, TOUCHED].sum()),
            leverage_max=_known(float(own[sides, LEVERAGE_MAX].max(initial=0.0))),
            hedges_broken=int(own[sides, HEDGES_BROKEN].sum()),
        )

    def _side(self, side: int) -> ShadowSideView:
        facts, name = self.scenario.answers.facts[side], self._name(side)
        told = self.details.get((name, side % 2), [])
        return ShadowSideView(
            instrument=name,
            side=SIDES[side % 2],
            move_ratio=float(facts[MOVE]),
            price=float(facts[PRICE]),
            accounts=int(facts[MEMBERS]),
            lots=float(facts[LOTS]),
            needed_usd=float(facts[NEEDED]),
            candidates=int(facts[CANDIDATES]),
            feasible_ratio=min(1.0, float(facts[FEASIBLE_LOTS] / facts[LOTS])),
            plans=tuple(
                self._plan(side, policy, told[policy] if told else ToldPlan(_UNKNOWN, ()))
                for policy in range(len(POLICIES))
            ),
        )

    def _plan(self, side: int, policy: int, told: "ToldPlan") -> ShadowPlanView:
        own = self.scenario.answers.burdens[policy, side]
        fraction = _known(float(own[FRACTION_MAX]))
        return ShadowPlanView(
            policy=POLICIES[policy],
            collected_usd=float(own[COLLECTED]),
            overshoot_usd=tuple(map(_known, self._overshoot[policy, side].tolist())),
            equity_fraction_max=fraction,
            equity_fraction_mean=fraction,
            accounts_touched=int(own[TOUCHED]),
            leverage_max=_known(float(own[LEVERAGE_MAX])),
            hedges_broken=int(own[HEDGES_BROKEN]),
            gini=told.details.gini,
            instability_ratio=told.details.instability,
            overlap_ratio=told.details.overlap,
            payers=told.payers,
        )

    def _name(self, side: int) -> str:
        return self.findings.question.listings[side // 2].name


@dataclass(frozen=True)
class ToldPlan:
    """The details of one plan, its payers named."""

    details: PlanDetails
    payers: tuple[ShadowPayerView, ...]


def told_details(
    scenario: Scenario, instruments: list[str], names: Mapping[int, str]
) -> dict[tuple[str, int], list[ToldPlan]]:
    """Return the details of a scenario by (instrument, side), payers named as far as known."""
    return {
        (instruments[side // 2], side % 2): [_told(plan, names) for plan in plans]
        for side, plans in scenario.details.items()
    }


def units_told(findings: Findings) -> set[int]:
    """Return the numbers of all units that are to be named."""
    return set(findings.funding.hardest.tolist()) | {
        payer.unit
        for scenario in findings.scenarios
        for plans in scenario.details.values()
        for plan in plans
        for payer in plan.payers
    }


def _told(plan: PlanDetails, names: Mapping[int, str]) -> ToldPlan:
    payers = tuple(
        ShadowPayerView(
            account=names[payer.unit],
            amount_usd=payer.amount,
            equity_before_usd=payer.equity,
            equity_after_usd=payer.equity - payer.amount,
        )
        for payer in plan.payers
        if payer.unit in names
    )
    return ToldPlan(plan, payers)


def _moments() -> range:
    return range(len(PATH_S))


def _known(value: float) -> float | None:
    return value if math.isfinite(value) else None
