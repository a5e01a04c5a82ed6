"""The analysis of one image after the other: what the analysis process does.

An `Analyst` remembers what needs more than one image: whose turn it is, and how ranks have moved.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from monitor.analysis.burdens import COUNTERPARTIES_MAX
from monitor.analysis.cascade import Cascades, Image
from monitor.analysis.details import PlanDetails, RankKeeper, sides_by_turns
from monitor.analysis.funding import FundingFindings, Rates, funding_findings
from monitor.analysis.loss_at_risk import LossPaths
from monitor.analysis.markets import Markets
from monitor.analysis.positions import Book, Listing, Terms, gather, parts_of
from monitor.analysis.shadow import (
    FEASIBLE_LOTS,
    LOTS,
    NEEDED,
    Answers,
    Shadow,
    digests_of,
)
from monitor.analysis.splits import POLICIES
from monitor.analysis.tour import Tour
from monitor.core.deleveraging.live import seed_of
from monitor.core.distance_view import Distances
from monitor.core.loss_at_risk_view import LossAtRisk
from monitor.core.shadow_view import WORST_SIDES

STRESSES = (0.05, 0.1, 0.2)
SIDES_A_TURN = 10


@dataclass(frozen=True)
class Question:
    """What is asked about an image.

    `rates`: of funding; `markets`: for cascades; `severity`: learned from recorded rounds, 1
    without any.
    """

    as_of_ns: int
    listings: Sequence[Listing]
    configured: str
    rates: Rates
    markets: Markets
    severity: float = 1.0
    counterparties_max: int = COUNTERPARTIES_MAX


@dataclass(frozen=True)
class Scenario:
    """What every policy takes under one stress (0: the worst accounts), and whom in detail."""

    stress: float
    answers: Answers
    details: dict[int, list[PlanDetails]]  # by side, as far as it was their turn


@dataclass(frozen=True)
class Findings:
    """What one image says: two scenarios, the worst accounts and one stress by turns; forecasts."""

    question: Question
    terms: Terms
    offsets: list[int]  # of each shard's unit numbers
    scenarios: list[Scenario]
    funding: FundingFindings
    distances: Distances
    loss_at_risk: LossAtRisk | None  # while too few paths are known: None


def worst_sides(answers: Answers) -> list[int]:
    """Return all sides with a round, the least feasible first, then those that need most."""
    facts = answers.facts
    sides = np.flatnonzero(facts[:, LOTS] > 0.0)
    feasible = np.minimum(1.0, facts[sides, FEASIBLE_LOTS] / facts[sides, LOTS])
    order = np.lexsort((sides, -facts[sides, NEEDED], np.round(feasible, 6)))
    return [int(side) for side in sides[order]]


class Analyst:
    """Answers one question after the other."""

    def __init__(self) -> None:
        """Begin without a round."""
        self._turn = 0
        self._tour = Tour()
        self._paths = LossPaths()
        self._ranks = [RankKeeper() for _ in range(1 + len(STRESSES))]

    def answer(self, question: Question, books: Sequence[Book]) -> Findings:
        """Return what every policy would take now."""
        terms, positions = gather(books, question.listings)
        shadow = Shadow(terms, positions, counterparties_max=question.counterparties_max)
        stress = self._turn % len(STRESSES)
        chosen = ((0.0, self._ranks[0]), (STRESSES[stress], self._ranks[1 + stress]))
        scenarios = [self._scenario(question, shadow, asked, ranks) for asked, ranks in chosen]
        self._turn += 1
        offsets = np.cumsum([0, *(len(book.columns.begins) for book in books)])[:-1]
        funding = funding_findings(books, question.listings, terms, question.rates)
        parts = parts_of(books, question.listings)
        markets = question.markets
        cascades = Cascades(Image(books, parts, terms, positions, markets.funds))
        asked = (question.as_of_ns, [one.name for one in question.listings], cascades, markets)
        return Findings(
            question=question,
            terms=terms,
            offsets=offsets.tolist(),
            scenarios=scenarios,
            funding=funding,
            distances=self._tour.look(*asked),
            loss_at_risk=self._paths.look(*asked),
        )

    def _scenario(
        self, question: Question, shadow: Shadow, stress: float, ranks: RankKeeper
    ) -> Scenario:
        names = [listing.name for listing in question.listings]
        digests = digests_of([seed_of(name) for name in names for _ in range(2)])
        answers = shadow.all_sides(digests, stress=stress, severity=question.severity)
        ordered = worst_sides(answers)
        turn = sides_by_turns(self._turn, SIDES_A_TURN, np.array(sorted(ordered), np.int64))
        configured = POLICIES.index(question.configured) if question.configured in POLICIES else 0
        ranks.keep(set(names))
        details = {}
        for side in dict.fromkeys([*ordered[:WORST_SIDES], *turn]):
            plans = shadow.paying(side, digests, stress=stress, severity=question.severity)
            key = (names[side // 2], side % 2)
            details[side] = ranks.details(key, plans, configured)
        return Scenario(stress, answers, details)
