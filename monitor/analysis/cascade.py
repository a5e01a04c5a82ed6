"""A liquidation cascade on a book image, to its fixed point. docs/model/cascade.md.

Marks jump; who is liquidatable is closed at once and whole; what that sells moves the marks
further, and who is liquidatable then is closed in the next round, until nobody is. Who may be is
measured at the marks of the round, by the function that gives verdicts. Equity that is left below 0
after the close is a shortfall, of the fund of the unit's largest position.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from monitor.analysis.closing import (
    BANKRUPT,
    CLOSED,
    Run,
    Since,
    close_holders,
    close_units,
    set_marks,
    set_prices,
    settle_units,
)
from monitor.analysis.funds import Funds
from monitor.analysis.liquidity import Liquidity
from monitor.analysis.positions import Book, Floats, Part, Positions, Terms
from monitor.analysis.reach import (
    ROUNDING,
    STRETCH,
    add_losses,
    adverse_moves,
    reachable,
    reaches_of,
)
from monitor.core.margin.index.columns import Columns

ROUNDS_MAX = 200
VERSIONS_MAX = 256  # of marks at which units were measured
MANY = 4  # more than one in so many units to look at: their losses are added up instead
LOOKS_AT_ONCE = 8  # adding up the losses of so many units costs as much as a look at one
MOVED_MIN = 1e-9  # of a mark: less does not reach anybody


class Image(NamedTuple):
    """A book image as cascades need it. `books` and `parts` are by shard."""

    books: Sequence[Book]
    parts: Sequence[Part]
    terms: Terms
    positions: Positions
    funds: Funds


@dataclass(frozen=True)
class Cascade:
    """What a shock did. By round: notional closed, at the marks of the round.

    `shortfall`: by fund, the last of no fund; `losses`: the same by instrument, that of the unit's
    largest position, the last of none; `closed`: units; `marks`: where they end.
    """

    rounds: tuple[float, ...]
    shortfall: Floats
    losses: Floats
    closed: int
    bankrupt: int
    marks: Floats

    @property
    def reproduction(self) -> float:
        """Return what the first round triggered, per unit of notional; 0 if it closed nothing."""
        if len(self.rounds) < 2 or not self.rounds[0]:
            return 0.0
        return self.rounds[1] / self.rounds[0]


class Cascades:
    """Runs cascades on one image.

    A unit is measured only when marks have moved so far, since it was last, that its slack may be
    used up: `reach.py`. What one cascade has measured serves the next.
    """

    def __init__(self, image: Image) -> None:
        """Take an image; its columns are not written to."""
        self.image = image
        self._columns = [_shockable(book.columns) for book in image.books]
        self._reaches, self._weights = reaches_of(
            image.books, image.parts, image.terms, image.positions
        )
        # The marks at which units were measured, by version, as moves: reach.py.
        self._moves = np.ones((VERSIONS_MAX, len(image.terms.mark)))
        self._versions = 1
        self.units_looked_at = 0  # in all cascades so far: what they have cost

    def run(
        self,
        shock: Floats,
        books: Liquidity,
        *,
        has_feedback: bool = True,
        ends: Callable[[Floats, int], bool] | None = None,
    ) -> Cascade:
        """Return what relative moves of the marks (by instrument, 0: none) do, to the fixed point.

        Without feedback only the first round, closed at the shocked marks themselves. `ends` is
        asked after each round, of the shortfall by fund and how many are bankrupt, which only
        grow: whether that is enough to know.
        """
        image = self.image
        run = _begin(image, shock)
        start, rounds = run.mark.copy(), list[float]()
        for _ in range(ROUNDS_MAX if has_feedback else 1):
            sold, before = run.sold.copy(), run.mark.copy()
            worth, spans = self._close(run)
            if not worth:
                break
            rounds.append(worth)
            if has_feedback:
                set_prices(books, start, sold, run)
            for own, part, span in zip(self._columns, image.parts, spans, strict=True):
                settle_units(own, part, image.terms, span, run)
            if ends is not None:
                shortfall = image.funds.by_fund(run.losses)
                if ends(shortfall, int(run.counts[BANKRUPT])):
                    break
            if not np.any(np.abs(run.mark - before) > MOVED_MIN * before):
                break
        return Cascade(
            rounds=tuple(rounds),
            shortfall=image.funds.by_fund(run.losses),
            losses=run.losses,
            closed=int(run.counts[CLOSED]),
            bankrupt=int(run.counts[BANKRUPT]),
            marks=run.mark,
        )

    def _close(self, run: Run) -> tuple[float, list[tuple[int, int]]]:
        """Close all who are liquidatable at the marks; return their notional, and who by shard."""
        terms, positions = self.image.terms, self.image.positions
        since, instrument = self._since(run.mark)
        worth, spans = 0.0, []
        of_instrument = tuple(positions.begins[2 * instrument : 2 * instrument + 3].tolist())
        fall, rise = float(since.fall[0]), float(since.rise[0])
        # of two moves, one has used up half of the slack; not a number: all are counted
        far = (2.0 if fall > 0.0 and rise > 0.0 else 1.0) * (1.0 + ROUNDING)
        lost: Floats | None = None
        shards = zip(self._columns, self.image.parts, self._reaches, strict=True)
        for own, part, reach in shards:
            set_marks(own, part, run.mark)
            first, units = int(run.counts[CLOSED]), len(reach.slack)
            known = (terms, reach, since)
            falls = int(np.searchsorted(reach.falls, far * fall, side="right"))
            rises = int(np.searchsorted(reach.rises, far * rise, side="right"))
            if MANY * (falls + rises) > units:
                if lost is None:
                    lost = self._lost(run.mark)
                near = np.zeros(units, np.int64)
                count = reachable(reach, part.offset, lost, run.closed, near)
                self.units_looked_at += units // LOOKS_AT_ONCE + count
                worth += close_units(own, part, known, (near, count, True), run)
            else:
                self.units_looked_at += of_instrument[2] - of_instrument[0] + falls + rises
                holding = (positions.unit, self._weights, of_instrument)
                worth += close_holders(own, part, known, holding, run)
                worth += close_units(own, part, known, (reach.by_fall, falls, False), run)
                worth += close_units(own, part, known, (reach.by_rise, rises, False), run)
            spans.append((first, int(run.counts[CLOSED])))
        return worth, spans

    def _lost(self, marks: Floats) -> Floats:
        """Return the most that each unit may have lost of the image's slack at marks."""
        positions = self.image.positions
        lost = np.zeros(len(marks) and sum(len(reach.slack) for reach in self._reaches))
        add_losses(
            adverse_moves(self.image.terms, marks),
            (positions.begins, positions.unit, self._weights),
            lost,
        )
        return lost

    def _since(self, marks: Floats) -> tuple[Since, int]:
        """Return how marks have moved since each version, and which instrument's moved most."""
        terms = self.image.terms
        with np.errstate(invalid="ignore"):
            ratio = marks / terms.mark
            moves = np.where(terms.inverse == 1, 2.0 - 1.0 / ratio, ratio)
            growth = np.nanmax(np.where(terms.inverse == 1, 1.0 / ratio, ratio), initial=1.0)
        moves = np.nan_to_num(moves, nan=1.0)
        if self._versions == VERSIONS_MAX:
            self._versions = 1
            for reach in self._reaches:
                reach.forget()
        is_bounded = growth <= STRETCH
        if is_bounded:
            self._moves[self._versions] = moves
            self._versions += 1
        further = self._moves[: self._versions] - moves  # > 0: fallen since
        largest = int(np.argmax(np.abs(further[0]))) if len(moves) else 0
        own = further[:, largest].copy() if len(moves) else np.zeros(1)
        if len(moves):
            further[:, largest] = 0.0
        if not is_bounded:
            own, further = np.full(len(own), np.nan), np.full_like(further, np.nan)
        return (
            Since(
                own_fall=np.maximum(0.0, own),
                own_rise=np.maximum(0.0, -own),
                fall=np.maximum(0.0, further.max(axis=1, initial=0.0)),
                rise=np.maximum(0.0, -further.min(axis=1, initial=0.0)),
                version=self._versions - 1 if is_bounded else -1,
            ),
            largest,
        )


def _shockable(columns: Columns) -> Columns:
    """Return columns whose prices may be changed."""
    return columns._replace(slots=columns.slots.copy())


def _begin(image: Image, shock: Floats) -> Run:
    """Return a cascade that has not begun, its marks shocked."""
    units = sum(len(book.columns.begins) for book in image.books)
    start = image.terms.mark * (1.0 + shock)
    return Run(
        closed=np.zeros(units, np.bool_),
        equity=np.zeros(units),
        sold=np.zeros(len(shock)),
        mark=start,
        executed=start.copy(),
        losses=np.zeros(len(shock) + 1),
        counts=np.zeros(2, np.int64),
        hits=np.zeros(units, np.int64),
    )
