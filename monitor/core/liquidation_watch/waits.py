"""What waits for its liquidation: since when, how large it is, and what is overdue."""

import heapq
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, TypeAlias, cast

from monitor.core.amounts import rounded_text
from monitor.core.contracts import notional
from monitor.core.decisions import Decision, LiquidationOverdue, State
from monitor.core.events import Leg
from monitor.core.ledger import PositionKey, position_quantity
from monitor.core.liquidation_view import WAIT_EDGES_S, WaitsView
from monitor.core.margin.book import MarginUnit
from monitor.core.market import Market

SECOND_NS = 1_000_000_000
MILLIONTHS = 1_000_000  # of the valuation currency: sums of notionals are integers of them
DUE_STATES = ("liquidatable", "bankrupt")
# Account, and the position of an isolated unit.
UnitKey: TypeAlias = tuple[str, PositionKey | None]
Timer: TypeAlias = tuple[int, str, UnitKey]  # due_ns, name, unit
Find: TypeAlias = Callable[[UnitKey], MarginUnit | None]


@dataclass(slots=True)
class Wait:
    """A unit that is liquidatable: since when, when it is looked at, and whether it is overdue.

    `notional`: of its positions when it began to wait, in millionths of the valuation currency.
    `attempts`: liquidations that ended since it became liquidatable; `in_hand`: one is open.
    """

    since_ns: int
    due_ns: int
    notional: int
    overdue: bool = False
    in_hand: bool = False
    attempts: int = 0


class Waits:
    """The units that are liquidatable, in the order in which they began to wait."""

    def __init__(self) -> None:
        """Begin with nothing that waits."""
        self.waits: dict[UnitKey, Wait] = {}
        self._timers: list[Timer] = []
        self._overdue_ns: int | None = None
        self.overdue_count = 0
        self.idle_count = 0  # of those without an open liquidation
        self.idle_notional = 0

    def use(self, overdue_after_s: float | None) -> None:
        """Take a limit; what waits is due by it, nothing is overdue without one."""
        self._overdue_ns = None if overdue_after_s is None else round(overdue_after_s * SECOND_NS)
        self._timers.clear()
        for key, wait in self.waits.items():
            if self._overdue_ns is None:
                self.set_overdue(wait, overdue=False)
            self._look_later(key, wait, wait.since_ns)

    # --- what waits -----------------------------------------------------------------------

    def begin(self, unit: MarginUnit, market: Market, now_ns: int, attempts: int = 0) -> None:
        """Wait for the liquidation of a unit from now on."""
        key = key_of(unit)
        self.forget(key)
        wait = self.waits[key] = Wait(now_ns, now_ns, unit_notional(unit, market))
        wait.attempts = attempts
        self._count(wait, 1)
        self._look_later(key, wait, now_ns)

    def take_in_hand(self, key: UnitKey, *, in_hand: bool) -> None:
        """Note that a liquidation of a unit is open, or that none is."""
        wait = self.waits.get(key)
        if wait is not None and wait.in_hand != in_hand:
            self._count(wait, -1)
            wait.in_hand = in_hand
            self._count(wait, 1)
        if wait is not None and in_hand:
            self.set_overdue(wait, overdue=False)

    def forget(self, key: UnitKey) -> None:
        """Wait no more for a unit."""
        wait = self.waits.pop(key, None)
        if wait is not None:
            self.set_overdue(wait, overdue=False)
            self._count(wait, -1)

    def forget_account(self, account: str) -> None:
        """Forget the units of an account that is closed."""
        for key in [key for key in self.waits if key[0] == account]:
            self.forget(key)

    def look_again(self, find: Find) -> None:
        """Ask every unit anew whether a liquidation is open: an instrument has been delisted."""
        for key in list(self.waits):
            unit = find(key)
            self.take_in_hand(key, in_hand=unit is not None and bool(unit.liquidations))

    def _count(self, wait: Wait, sign: int) -> None:
        if not wait.in_hand:
            self.idle_count += sign
            self.idle_notional += sign * wait.notional

    # --- overdue --------------------------------------------------------------------------

    def set_overdue(self, wait: Wait, *, overdue: bool) -> None:
        """Note whether a unit is overdue."""
        self.overdue_count += overdue - wait.overdue
        wait.overdue = overdue

    def _look_later(self, key: UnitKey, wait: Wait, from_ns: int) -> None:
        if self._overdue_ns is not None:
            wait.due_ns = from_ns + max(1, self._overdue_ns)
            heapq.heappush(self._timers, (wait.due_ns, timer_name("overdue", key), key))

    def next_timer(self) -> Timer | None:
        """Return the first time at which a unit may be overdue."""
        while self._timers:
            due_ns, _, key = self._timers[0]
            wait = self.waits.get(key)
            if wait is not None and wait.due_ns == due_ns:
                return self._timers[0]
            heapq.heappop(self._timers)  # outdated
        return None

    def fire(self, key: UnitKey, unit: MarginUnit | None, now_ns: int) -> list[Decision]:
        """Look at a unit that is due (None: it is gone), and again after the same time."""
        wait = self.waits[key]
        if unit is None:
            self.forget(key)
            return []
        self._look_later(key, wait, now_ns)
        if unit.state == "unknown":
            return []
        was_overdue = wait.overdue
        self.set_overdue(wait, overdue=bool(unit.positions()) and not unit.liquidations)
        return [_overdue(wait, unit, now_ns)] if wait.overdue and not was_overdue else []

    def standing(self, find: Find, now_ns: int) -> list[Decision]:
        """Return the decisions about all units that are overdue now."""
        units = [
            (wait, find(key))
            for key, wait in sorted(self.waits.items(), key=order_of)
            if wait.overdue
        ]
        return [_overdue(wait, unit, now_ns) for wait, unit in units if unit is not None]

    # --- questions and state --------------------------------------------------------------

    def view(self, now_ns: int) -> WaitsView:
        """Return how many wait without a liquidation, and how much, by how long they do."""
        counts, notionals = [0] * len(WAIT_EDGES_S), [0] * len(WAIT_EDGES_S)
        oldest_ns: int | None = None
        for wait in self._idle():
            oldest_ns = wait.since_ns if oldest_ns is None else oldest_ns
            bucket = _bucket(now_ns - wait.since_ns)
            counts[bucket] += 1
            notionals[bucket] += wait.notional
        return WaitsView(
            counts=tuple(counts),
            notional_usd=tuple(one / MILLIONTHS for one in notionals),
            oldest_ns=oldest_ns,
            overdue=self.overdue_count,
        )

    def _idle(self) -> Iterator[Wait]:
        return (wait for wait in self.waits.values() if not wait.in_hand)

    def export_state(self) -> list[Any]:
        """Return everything as plain values, in a canonical order."""
        return [
            [
                *key,
                wait.since_ns,
                wait.due_ns,
                str(wait.notional),
                wait.overdue,
                wait.in_hand,
                wait.attempts,
            ]
            for key, wait in sorted(self.waits.items(), key=order_of)
        ]

    def restore(self, state: list[Any]) -> None:
        """Take what `export_state` described."""
        for account, position, since_ns, due_ns, notional_text, *rest in sorted(
            state, key=lambda told: told[2]
        ):
            overdue, in_hand, attempts = rest
            key = key_from(account, position)
            wait = Wait(since_ns, due_ns, int(notional_text), in_hand=in_hand, attempts=attempts)
            self.waits[key] = wait
            self.set_overdue(wait, overdue=overdue)
            self._count(wait, 1)
            if self._overdue_ns is not None:
                heapq.heappush(self._timers, (due_ns, timer_name("overdue", key), key))


def _bucket(waited_ns: int) -> int:
    """Return the last bucket that begins at or before a time waited."""
    found = 0
    for number, edge in enumerate(WAIT_EDGES_S):
        if waited_ns >= edge * SECOND_NS:
            found = number
    return found


def unit_notional(unit: MarginUnit, market: Market) -> int:
    """Return the notional of a unit's positions, in millionths; 0 for what has no price."""
    total = Fraction(0)
    for position in unit.positions():
        instrument = position.instrument
        quote = market.marks.get(instrument.name)
        value = market.exact_value(instrument.settlement)
        if quote is not None and value is not None:
            total += notional(instrument.kind, position_quantity(position), quote.exact) * value
    return round(total * MILLIONTHS)


def key_of(unit: MarginUnit) -> UnitKey:
    """Return what a unit is known by."""
    return unit.account.name, unit.key


def key_from(account: str, position: Sequence[str] | None) -> UnitKey:
    """Return the key that a state told."""
    return account, None if position is None else (position[0], position[1])


def order_of(item: tuple[UnitKey, object]) -> tuple[str, PositionKey]:
    """Return the sort key of an entry by unit."""
    (account, position), _ = item
    return account, position or ("", "")


def timer_name(kind: str, key: UnitKey) -> str:
    """Return the name of a unit's timer: it decides between two of one time."""
    return f"{kind}:" + ":".join((key[0], *(key[1] or ())))


def _overdue(wait: Wait, unit: MarginUnit, now_ns: int) -> Decision:
    waited_s = rounded_text(Fraction(now_ns - wait.since_ns, SECOND_NS))
    return LiquidationOverdue(
        event_ns=now_ns,
        rule="liquidation_watch",
        suspect=unit.account.is_suspect,
        account=unit.account.name,
        instrument=None if unit.key is None else unit.key[0],
        leg=None if unit.key is None else cast("Leg", unit.key[1]),
        liquidation_id=None,
        reason=f"{unit.state} for {waited_s} s and no liquidation is under way",
    )


def is_due(state: State) -> bool:
    """Return whether a unit in this state is to be liquidated."""
    return state in DUE_STATES
