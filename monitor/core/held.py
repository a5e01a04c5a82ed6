"""Events about an instrument that is not listed yet: kept, in order, up to a declared number.

Account events and market events have a room each: a busy market that nobody lists crowds out no
account's positions.
"""

from typing import Any

import msgspec

from monitor.core import events
from monitor.core.events import AnyEvent
from monitor.core.plain import plain


def instruments_of(event: events.Event) -> tuple[str, ...]:
    """Return the instruments that must be listed before an event can be applied.

    None for `mark_prices_changed`: its known part is applied at once.
    """
    kind = type(event)
    if kind in _FREE:
        return ()
    if isinstance(event, events.AccountSnapshot):
        return (
            *(record.instrument for record in event.positions),
            *(record.instrument for record in event.orders),
        )
    name = getattr(event, "instrument", None)
    return () if name is None else (name,)


# Kinds that name an instrument, or none, without needing it to be listed.
_FREE = frozenset(
    (
        events.InstrumentListed,
        events.InstrumentDelisted,
        events.InsuranceFundChanged,
        events.BalanceChanged,
        events.MarkPricesChanged,
        events.IndexPriceChanged,
        events.ClockTicked,
        events.TradePrinted,  # of an instrument without a mark it says nothing
        events.DepthChanged,
    )
)


HeldEvent = tuple[int, events.Event, bool]  # ordinal, event, whether it is a part of one


class HeldEvents:
    """The events that wait, by the instrument that they wait for."""

    def __init__(self, limit: int) -> None:
        """Keep at most `limit` events of accounts, and as many of the market."""
        self.limit = limit
        self._events: dict[str, list[HeldEvent]] = {}
        self._counts = {True: 0, False: 0}  # of accounts, of the market

    def keep(
        self, instrument: str, ordinal: int, event: events.Event, *, is_part: bool = False
    ) -> bool:
        """Keep an event (or a part of one); return False when there is no room."""
        of_account = isinstance(event, events.AccountEvent)
        if self._counts[of_account] >= self.limit:
            return False
        self._events.setdefault(instrument, []).append((ordinal, event, is_part))
        self._counts[of_account] += 1
        return True

    def release(self, instrument: str) -> list[HeldEvent]:
        """Return what waited for an instrument, oldest first."""
        released = self._events.pop(instrument, [])
        for _, event, _ in released:
            self._counts[isinstance(event, events.AccountEvent)] -= 1
        return released

    def drop_account(self, account: str, until_seq: int) -> int:
        """Drop an account's events up to a sequence number; return how many there were."""
        dropped = 0
        for name, waiting in list(self._events.items()):
            kept = [pair for pair in waiting if not _is_of(pair[1], account, until_seq)]
            dropped += len(waiting) - len(kept)
            if kept:
                self._events[name] = kept
            else:
                del self._events[name]
        self._counts[True] -= dropped
        return dropped

    def ordinals(self) -> tuple[int, ...]:
        """Return the ordinals of everything that waits, ascending."""
        return tuple(sorted({held[0] for waiting in self._events.values() for held in waiting}))

    def export_state(self) -> list[Any]:
        """Return everything as plain values, in a canonical order."""
        return [
            [name, [[number, plain(event), part] for number, event, part in waiting]]
            for name, waiting in sorted(self._events.items())
        ]

    def restore(self, state: list[Any]) -> None:
        """Take what `export_state` described, all of it, whatever the present limit."""
        for name, waiting in state:
            for ordinal, record, is_part in waiting:
                event = msgspec.convert(record, AnyEvent)
                self._events.setdefault(name, []).append((ordinal, event, is_part))
                self._counts[isinstance(event, events.AccountEvent)] += 1


def _is_of(event: events.Event, account: str, until_seq: int) -> bool:
    return (
        isinstance(event, events.AccountEvent)
        and event.account == account
        and event.seq <= until_seq
    )
