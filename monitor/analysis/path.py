"""What the marks did after the moment of an image, and what winners lost beyond the need by it.

A close in contracts takes the winners' position at the price of the close: had they kept it they
would have what the marks made of it. Given up pnl does not depend on the path.
"""

import numpy as np

from monitor.analysis.burdens import COLLECTED, TAKEN
from monitor.analysis.positions import Terms
from monitor.analysis.selection import Floats
from monitor.analysis.shadow import CONCESSION, NEEDED, PRICE, Answers
from monitor.analysis.splits import IN_PNL, POLICIES
from monitor.core.shadow_view import PATH_S

_NANOSECONDS = 1e9


class MarkPath:
    """The marks of all instruments at the first look at or after each of `PATH_S`.

    Looks that are late make it late: they should be frequent.
    """

    def __init__(self, as_of_ns: int, marks: Floats) -> None:
        """Begin with the marks of the image."""
        self.as_of_ns = as_of_ns
        self.marks: list[Floats] = [marks]

    @property
    def is_complete(self) -> bool:
        """Return whether the last look has been."""
        return len(self.marks) == len(PATH_S)

    def is_due(self, engine_ns: int) -> bool:
        """Return whether a moment has come whose marks are not known."""
        return not self.is_complete and self._passed_s(engine_ns) >= PATH_S[len(self.marks)]

    def note(self, engine_ns: int, marks: Floats) -> None:
        """Take the marks of now, where they are due."""
        while self.is_due(engine_ns):
            self.marks.append(marks)

    def _passed_s(self, engine_ns: int) -> float:
        return (engine_ns - self.as_of_ns) / _NANOSECONDS


def overshoot(terms: Terms, answers: Answers, path: list[Floats]) -> Floats:
    """Return [policy, side, moment] what winners lose beyond the need, signed, valued.

    The marks of the path move the price of the round by the same ratio. Not a number where a mark
    is missing and at moments that are not reached.
    """
    told = np.full((len(POLICIES), len(answers.facts), len(PATH_S)), np.nan)
    price, needed = answers.facts[:, PRICE], answers.facts[:, NEEDED]
    sides = np.arange(len(answers.facts))
    numbers, sign = sides // 2, np.where(sides % 2 == 0, -1.0, 1.0)  # 1: winners are long
    worth, inverse = (terms.lot * terms.value)[numbers], terms.inverse[numbers] != 0
    for moment, marks in enumerate(path):
        with np.errstate(divide="ignore", invalid="ignore"):
            after = price * (marks / terms.mark)[numbers]
            gain = np.where(inverse, 1.0 / price - 1.0 / after, after - price)
        lost = np.maximum(0.0, answers.facts[:, CONCESSION] + sign * worth * gain)
        for policy in range(len(POLICIES)):
            own = answers.burdens[policy]
            loss = own[:, COLLECTED] if policy in IN_PNL else own[:, TAKEN] * lost
            told[policy, :, moment] = loss - needed
    return told
