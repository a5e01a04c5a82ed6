"""How much each mark moves in a day, from its own moves; cautious while little is known."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from monitor.analysis.positions import Floats

INTERVAL_NS = 60_000_000_000
DAY_NS = 86_400_000_000_000
HALF_LIFE_DAYS = 1.0
PRIOR_DAYS = 0.25  # how many days of moves the prior counts for


@dataclass(slots=True)
class _Moves:
    """Of one mark: the last one looked at, and sums that fade: squared log returns, days."""

    mark: float
    squares: float = 0.0
    days: float = 0.0


class MarkVolatility:
    """Looks at all marks about once a minute of engine time.

    variance of a day = (prior x 0.25 + sum of squared log returns) / (0.25 + days), where both sums
    halve every day. It never tells less than `least`.
    """

    def __init__(self, prior: float, least: float) -> None:
        """Begin without a look; `prior`, `least`: standard deviations of a day's log return."""
        self._prior, self._least = prior, least
        self._moves: dict[str, _Moves] = {}
        self._looked_ns: int | None = None

    def is_due(self, now_ns: int) -> bool:
        """Return whether the last look is long enough ago."""
        return self._looked_ns is None or now_ns >= self._looked_ns + INTERVAL_NS

    def note(self, now_ns: int, marks: Iterable[tuple[str, float]]) -> None:
        """Look at the marks that exist now, all > 0; others are forgotten."""
        looked_ns = now_ns if self._looked_ns is None else self._looked_ns
        days = (now_ns - looked_ns) / DAY_NS
        fading = 0.5 ** (days / HALF_LIFE_DAYS)
        before, self._moves = self._moves, {}
        for name, mark in marks:
            known = before.get(name)
            if known is None:
                known = _Moves(mark)
            else:
                known.squares = fading * known.squares + float(np.log(mark / known.mark)) ** 2
                known.days = fading * known.days + days
                known.mark = mark
            self._moves[name] = known
        self._looked_ns = now_ns

    def of(self, names: Sequence[str]) -> Floats:
        """Return the volatility of each; those never looked at have the prior."""
        return np.array([self._one(self._moves, name) for name in names], np.float64)

    def _one(self, moves: Mapping[str, _Moves], name: str) -> float:
        known = moves.get(name)
        squares, days = (known.squares, known.days) if known else (0.0, 0.0)
        variance = (self._prior**2 * PRIOR_DAYS + squares) / (PRIOR_DAYS + days)
        return max(self._least, float(np.sqrt(variance)))
