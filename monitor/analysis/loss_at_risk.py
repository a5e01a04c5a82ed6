"""What may be socialized within a horizon: paths of all marks, each a cascade on the real book.

docs/model/loss_at_risk.md. An image runs as many paths as its budget allows; of the others what
they ended in on an older image stays, with its moment, until it is their turn again.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from monitor.analysis.cascade import Cascades
from monitor.analysis.funds import Funds
from monitor.analysis.loss_tail import error_of, tail_of
from monitor.analysis.markets import Markets
from monitor.analysis.moves import GROUPS, moves_on, path_of, shifts_of, weights_of
from monitor.analysis.positions import Floats
from monitor.core.loss_at_risk_view import (
    FundLoss,
    LossAtRisk,
    LossContribution,
    LossHorizon,
    LossTail,
)

HORIZONS_S = (600.0, 3_600.0, 86_400.0)
CONFIDENCES = (0.99, 0.999)
PATHS_MIN = 20 * GROUPS  # before, nothing is told
UNITS_MAX = 25_000_000  # looked at in one image: beyond, the other paths wait for the next
CONTRIBUTIONS_MAX = 10
HALVINGS = 30
SEED = 20_260_101


class LossPaths:
    """Keeps what the newest paths ended in."""

    def __init__(self) -> None:
        """Begin without any."""
        self._draw = np.random.default_rng(SEED)
        self._shifts = shifts_of(self._draw)
        self._names: tuple[str, ...] = ()
        self._begin(0)

    def _begin(self, paths: int) -> None:
        self._turn, self._known = 0, 0
        self._scale, self._common = np.ones(paths), np.zeros(paths)
        self._losses = np.zeros((paths, len(self._names) + 1))
        self._as_of_ns = np.zeros(paths, np.int64)

    def look(
        self, as_of_ns: int, names: Sequence[str], cascades: Cascades, markets: Markets
    ) -> LossAtRisk | None:
        """Return the losses after a look at the image of a moment; None: too few paths are known.

        `names`: of the instruments.
        """
        if tuple(names) != self._names or len(self._scale) != markets.paths:
            self._names = tuple(names)
            self._begin(markets.paths)
        looked_at = cascades.units_looked_at
        for _ in range(markets.paths):
            self._run(self._turn, markets, cascades)
            self._as_of_ns[self._turn] = as_of_ns
            self._known = max(self._known, self._turn + 1)
            self._turn = (self._turn + 1) % markets.paths
            if cascades.units_looked_at - looked_at > UNITS_MAX:
                break
        if self._known < min(markets.paths, PATHS_MIN):
            return None
        return self._told(markets, as_of_ns)

    def _run(self, number: int, markets: Markets, cascades: Cascades) -> None:
        if number == 0:
            self._shifts = shifts_of(self._draw)
        path = path_of(number, self._shifts)
        moves = moves_on(path, markets.moves, self._draw)
        self._scale[number], self._common[number] = path
        self._losses[number] = cascades.run(moves, markets.books).losses

    def _told(self, markets: Markets, as_of_ns: int) -> LossAtRisk:
        known = slice(self._known)
        losses = self._losses[known]
        funds = markets.funds
        shortfall = np.array([funds.by_fund(each) for each in losses])
        uncovered = np.array([funds.uncovered(each) for each in shortfall])
        paths = _Paths(self._scale[known], self._common[known], markets.moves.degrees)
        by_instrument = losses * _uncovered_share(funds, shortfall, uncovered)
        everywhere = FundLoss(
            fund=None,
            balance_usd=float(np.maximum(0.0, funds.balance).sum()),
            horizons=_horizons(paths, shortfall.sum(axis=1), uncovered.sum(axis=1)),
            median_depletion_s=paths.median_s(uncovered.sum(axis=1) > 0.0),
            contributions=self._contributions(paths, uncovered.sum(axis=1), by_instrument),
        )
        told = [everywhere]
        for number, name in enumerate(funds.names):
            lost = uncovered[:, number]
            own = np.append(funds.of == number, False)
            told.append(
                FundLoss(
                    fund=name,
                    balance_usd=float(funds.balance[number]),
                    horizons=_horizons(paths, shortfall[:, number], lost),
                    median_depletion_s=paths.median_s(lost > 0.0),
                    contributions=self._contributions(paths, lost, by_instrument * own),
                )
            )
        oldest_ns = int(self._as_of_ns[known].min())
        return LossAtRisk(
            as_of_ns=as_of_ns, oldest_ns=oldest_ns, paths=self._known, funds=tuple(told)
        )

    def _contributions(
        self, paths: "_Paths", lost: Floats, by_instrument: Floats
    ) -> tuple[LossContribution, ...]:
        """Return the instruments' parts of an expected shortfall (Euler), the largest first."""
        weight = paths.weights(HORIZONS_S[-1])
        parts = (weight * tail_of(lost, weight, CONFIDENCES[0]).shares) @ by_instrument
        total = float(parts.sum())
        order = np.argsort(-parts[:-1], kind="stable")[:CONTRIBUTIONS_MAX]
        return tuple(
            LossContribution(instrument=self._names[number], share=float(parts[number]) / total)
            for number in order.tolist()
            if parts[number] > 0.0
        )


class _Paths:
    """Where paths stand, and so how often each happens."""

    def __init__(self, scale: Floats, common: Floats, degrees: float) -> None:
        self._scale, self._common, self._degrees = scale, common, degrees
        self._weights = {horizon_s: self._at(horizon_s) for horizon_s in HORIZONS_S}
        self._groups = {horizon_s: self._groups_at(horizon_s) for horizon_s in HORIZONS_S}

    def weights(self, horizon_s: float) -> Floats:
        """Return the probability that each stands for."""
        return self._weights[horizon_s]

    def tails(self, horizon_s: float, lost: Floats) -> tuple[LossTail, ...]:
        """Return the tails of what each path has lost."""
        weight, found = self._weights[horizon_s], []
        for confidence in CONFIDENCES:
            tail = tail_of(lost, weight, confidence)
            found.append(
                LossTail(
                    confidence=confidence,
                    value_at_risk_usd=tail.value_at_risk,
                    expected_shortfall_usd=tail.expected_shortfall,
                    error_usd=error_of(lost, self._groups[horizon_s], tail, confidence),
                )
            )
        return tuple(found)

    def median_s(self, is_hit: NDArray[np.bool_]) -> float | None:
        """Return the horizon within which half of what happens until the longest has happened."""
        half = float(self._weights[HORIZONS_S[-1]] @ is_hit) / 2.0
        if half <= 0.0:
            return None
        low, high = 0.0, float(np.log(HORIZONS_S[-1]))
        for _ in range(HALVINGS):
            middle = (low + high) / 2.0
            is_later = float(self._at(float(np.exp(middle))) @ is_hit) < half
            low, high = (middle, high) if is_later else (low, middle)
        return float(np.exp(high))

    def _at(self, horizon_s: float) -> Floats:
        return weights_of(self._scale, self._common, self._degrees, horizon_s)

    def _groups_at(self, horizon_s: float) -> Floats:
        weights = np.zeros((GROUPS, len(self._scale)))
        for group in range(GROUPS):
            own = slice(group, None, GROUPS)
            weights[group, own] = weights_of(
                self._scale[own], self._common[own], self._degrees, horizon_s
            )
        return weights


def _horizons(paths: _Paths, shortfall: Floats, uncovered: Floats) -> tuple[LossHorizon, ...]:
    return tuple(
        LossHorizon(
            horizon_s=horizon_s,
            shortfall_probability=float(paths.weights(horizon_s) @ (shortfall > 0.0)),
            depletion_probability=float(paths.weights(horizon_s) @ (uncovered > 0.0)),
            uncovered=paths.tails(horizon_s, uncovered),
            shortfall=paths.tails(horizon_s, shortfall),
        )
        for horizon_s in HORIZONS_S
    )


def _uncovered_share(funds: Funds, shortfall: Floats, uncovered: Floats) -> Floats:
    """Return by path and instrument which share of its fund's shortfall is uncovered."""
    nothing = np.zeros_like(shortfall)
    share = np.divide(uncovered, shortfall, out=nothing, where=shortfall > 0.0)
    own = np.append(np.where(funds.of < 0, len(funds.balance), funds.of), len(funds.balance))
    by_instrument: Floats = share[:, own]
    return by_instrument
