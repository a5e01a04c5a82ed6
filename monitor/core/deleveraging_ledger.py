"""Why somebody was deleveraged: what the rule says, and what the venue really did.

A case is one close: the winners of one side who are to take over what a bankrupt account cannot
pay. It is opened by our own plan for a shortfall, or by the venue's first fill. What the venue
does after that is held against it: docs/model/deleveraging.md.
"""

from collections import deque
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

from monitor.core.deleveraging_case import (
    Case,
    CaseKey,
    Deleveraging,
    DeleveragingFill,
    ExpectedClose,
)

# Lines are cases, and in them the accounts expected, the fills and the accounts filled.
LINES_MAX = 100_000
FOLLOWED_NS = 1_000_000_000  # after a fill, whoever becomes liquidatable did so because of it
ZERO = Fraction(0)


class DeleveragingLedger:
    """The cases by liquidation, bounded to LINES_MAX lines: the oldest are forgotten first."""

    def __init__(self) -> None:
        """Begin empty."""
        self._cases: dict[str, list[Case]] = {}
        self._order: deque[Case] = deque()
        # By account: when it was last deleveraged, and for which case; those of the last second.
        self._recent: dict[str, tuple[int, Case]] = {}
        self.lines = 0
        self.forgotten = 0

    def open(self, key: CaseKey, expected: ExpectedClose) -> None:
        """Open a case; fills of the same close belong to it from now on."""
        case = Case(key, expected)
        self._cases.setdefault(key[0], []).append(case)
        self._order.append(case)
        self.lines += case.lines
        self._bound()

    def expected(self, key: CaseKey) -> ExpectedClose | None:
        """Return what is expected of a close by its newest case, None without one."""
        return next((case.expected for case in self._newest(key)), None)

    def fill(
        self,
        key: CaseKey,
        fill: DeleveragingFill,
        given_up: Fraction | None,
        hedge_broken: Fraction | None = ZERO,
    ) -> None:
        """Add a fill to the newest case of a close, which must be there."""
        case = next(self._newest(key))
        self.lines -= case.lines
        case.add(fill, given_up, hedge_broken)
        self.lines += case.lines
        self._remember(fill, case)
        self._bound()

    def _remember(self, fill: DeleveragingFill, case: Case) -> None:
        """Note who was deleveraged for a moment."""
        self._recent.pop(fill.account, None)
        self._recent[fill.account] = fill.event_ns, case
        while self._recent:
            account, (filled_ns, _) = next(iter(self._recent.items()))
            if fill.event_ns - filled_ns <= FOLLOWED_NS:
                break
            del self._recent[account]

    def note_liquidatable(self, account: str, now_ns: int) -> None:
        """Take that an account has become liquidatable or bankrupt."""
        filled_ns, case = self._recent.get(account, (0, None))
        if case is not None and now_ns - filled_ns <= FOLLOWED_NS:
            self.lines -= case.lines
            case.liquidatable[account] = None
            self.lines += case.lines

    def of(self, liquidation_id: str) -> tuple[Deleveraging, ...]:
        """Return the cases of a liquidation, oldest first; none if it is unknown or forgotten."""
        return tuple(case.report() for case in self._cases.get(liquidation_id, ()))

    def _newest(self, key: CaseKey) -> Iterator[Case]:
        return (case for case in reversed(self._cases.get(key[0], [])) if case.key == key)

    def _bound(self) -> None:
        while self.lines > LINES_MAX and len(self._order) > 1:
            oldest = self._order.popleft()
            own = self._cases[oldest.key[0]]
            own.remove(oldest)
            if not own:
                del self._cases[oldest.key[0]]
            self.lines -= oldest.lines
            self.forgotten += 1
            for account in [name for name, (_, case) in self._recent.items() if case is oldest]:
                del self._recent[account]

    # --- state ----------------------------------------------------------------------------

    def export_state(self) -> dict[str, Any]:
        """Return everything as plain values, oldest first."""
        cases = [case.export_state() for case in self._order]
        return {"cases": cases, "forgotten": self.forgotten}

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> "DeleveragingLedger":
        """Return the ledger that `export_state` described."""
        ledger = cls()
        for told in state["cases"]:
            case = Case.from_state(told)
            ledger._cases.setdefault(case.key[0], []).append(case)
            ledger._order.append(case)
            ledger.lines += case.lines
        cases = [(fill, case) for case in ledger._order for fill in case.fills]
        for fill, case in sorted(cases, key=lambda pair: pair[0].event_ns):
            ledger._remember(fill, case)
        ledger.forgotten = state["forgotten"]
        return ledger
