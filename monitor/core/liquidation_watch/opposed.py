"""Owners that hold both sides of an instrument when one of them is liquidated.

Whoever wins on one side what the fund pays on the other can draw on the fund. A case gathers the
evidence of one owner in one instrument; its score says where to look. docs/model/execution.md.
"""

from collections import deque
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, NamedTuple, TypeAlias

from monitor.core.amounts import float_setting, rounded_text
from monitor.core.liquidation_view import OpposedRecord
from monitor.core.liquidation_watch.waits import SECOND_NS
from monitor.core.settings import LiquidationWatchSettings

OPENINGS_MAX = 10_000  # owners and instruments with an opening within the window
OPENINGS_OF_ONE_MAX = 8  # the newest of an owner in an instrument
CASES_MAX = 1_000  # the oldest is forgotten first
ACCOUNTS_MAX = 8  # named in a case
DIGITS = 10**12  # a ratio is kept to so many parts
Subject: TypeAlias = tuple[str, str]  # owner, instrument
ZERO = Fraction(0)


class Opening(NamedTuple):
    """A position that was opened: by which margin unit, on which side, how large, how used.

    `use_parts`: initial margin / equity of its unit just then, at most 1, in parts of `DIGITS`.
    """

    unit: str
    account: str
    size: int  # size units, signed
    opened_ns: int
    use_parts: int


@dataclass(slots=True)
class _Case:
    """What was seen of one owner in one instrument: the largest of each ratio, in parts."""

    first_ns: int
    last_ns: int
    accounts: list[str] = field(default_factory=list)
    opposite: int = 0
    closeness: int = 0
    margin_use: int = 0
    fund: int = 0
    liquidation_id: str | None = None

    @property
    def score(self) -> Fraction:
        """Return the mean of the four ratios."""
        return Fraction(self.opposite + self.closeness + self.margin_use + self.fund, 4 * DIGITS)

    def name(self, *accounts: str) -> None:
        """Name accounts in the case, the first ones."""
        for account in accounts:
            if account not in self.accounts and len(self.accounts) < ACCOUNTS_MAX:
                self.accounts.append(account)

    def plain(self) -> list[Any]:
        """Return the case as plain values."""
        parts = [self.opposite, self.closeness, self.margin_use, self.fund]
        return [self.first_ns, self.last_ns, list(self.accounts), *parts, self.liquidation_id]


class OpposedPairs:
    """The cases, the newest openings that they are made of, and how many score high."""

    def __init__(self) -> None:
        """Begin with nothing seen."""
        self._openings: dict[Subject, deque[Opening]] = {}
        self._cases: dict[Subject, _Case] = {}
        self._window_ns: int | None = None
        self._score_min = ZERO

    def use(self, settings: LiquidationWatchSettings) -> None:
        """Take settings; switched off it forgets everything."""
        window_s = settings.opposed_window_s
        self._window_ns = None if window_s is None else round(window_s * SECOND_NS)
        self._score_min = float_setting(settings.opposed_score_min)
        if window_s is None:
            self._openings.clear()
            self._cases.clear()

    @property
    def is_on(self) -> bool:
        """Return whether anything is looked for."""
        return self._window_ns is not None

    def opened(self, subject: Subject, opening: Opening) -> None:
        """Take an opening; with one on the other side within the window it makes a case."""
        assert self._window_ns is not None
        newest = self._openings.pop(subject, None) or deque(maxlen=OPENINGS_OF_ONE_MAX)
        for other in newest:
            gap_ns = opening.opened_ns - other.opened_ns
            is_opposed = other.unit != opening.unit and (other.size > 0) != (opening.size > 0)
            if is_opposed and gap_ns <= self._window_ns:
                self._pair(subject, other, opening, gap_ns)
        newest.append(opening)
        self._openings[subject] = newest
        if len(self._openings) > OPENINGS_MAX:
            del self._openings[next(iter(self._openings))]

    def _pair(self, subject: Subject, one: Opening, other: Opening, gap_ns: int) -> None:
        assert self._window_ns is not None
        case = self._case(subject, one.opened_ns, other.opened_ns)
        case.name(one.account, other.account)
        left = DIGITS - (gap_ns * DIGITS // max(1, self._window_ns))
        smaller, larger = sorted((abs(one.size), abs(other.size)))
        case.closeness = max(case.closeness, left)
        case.margin_use = max(case.margin_use, min(one.use_parts, other.use_parts))
        case.opposite = max(case.opposite, smaller * DIGITS // larger)

    def liquidated(
        self, subject: Subject, account: str, sizes: tuple[int, int], now_ns: int
    ) -> None:
        """Take the start of a liquidation: size units of it, and of its owner's other side."""
        size, opposite = sizes
        if not size or not opposite:
            return
        case = self._case(subject, now_ns, now_ns)
        case.name(account)
        case.opposite = max(case.opposite, min(size, opposite) * DIGITS // size)

    def lost(self, subject: Subject, liquidation_id: str, now_ns: int) -> None:
        """Take a liquidation of a case that filled worse than its bankruptcy price."""
        if subject in self._cases:
            case = self._case(subject, now_ns, now_ns)
            case.fund, case.liquidation_id = DIGITS, liquidation_id

    def _case(self, subject: Subject, first_ns: int, last_ns: int) -> _Case:
        case = self._cases.pop(subject, None) or _Case(first_ns, last_ns)
        case.last_ns = max(case.last_ns, last_ns)
        self._cases[subject] = case  # as the newest
        if len(self._cases) > CASES_MAX:
            del self._cases[next(iter(self._cases))]
        return case

    def count(self) -> int:
        """Return how many cases reach the configured score."""
        return sum(case.score >= self._score_min for case in self._cases.values())

    def records(self, count: int) -> tuple[OpposedRecord, ...]:
        """Return the cases with the highest scores."""
        ranked = sorted(
            self._cases.items(),
            key=lambda item: (-item[1].score, item[0][0].encode(), item[0][1]),
        )
        return tuple(_record(subject, case) for subject, case in ranked[:count])

    def export_state(self) -> dict[str, Any]:
        """Return everything as plain values, oldest first."""
        return {
            "openings": [
                [*subject, [list(one) for one in newest]]
                for subject, newest in self._openings.items()
            ],
            "cases": [[*subject, case.plain()] for subject, case in self._cases.items()],
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Take what `export_state` described."""
        if not self.is_on:
            return
        for owner, instrument, told in state["openings"]:
            newest = deque((Opening(*one) for one in told), maxlen=OPENINGS_OF_ONE_MAX)
            self._openings[owner, instrument] = newest
        for owner, instrument, told in state["cases"]:
            self._cases[owner, instrument] = _Case(*told)


def _record(subject: Subject, case: _Case) -> OpposedRecord:
    def ratio(parts: int) -> str:
        return rounded_text(Fraction(parts, DIGITS))

    return OpposedRecord(
        owner=subject[0],
        instrument=subject[1],
        accounts=tuple(case.accounts),
        first_ns=case.first_ns,
        last_ns=case.last_ns,
        score=rounded_text(case.score),
        opposite_ratio=ratio(case.opposite),
        closeness_ratio=ratio(case.closeness),
        margin_use_ratio=ratio(case.margin_use),
        fund_ratio=ratio(case.fund),
        liquidation_id=case.liquidation_id,
    )
