"""Account events on their way into the ledger: in order, whole, and to instruments that exist.

An event is booked, kept until its change is whole or its instrument is listed, or refused; what
leaves a hole in an account makes it suspect.
"""

from collections.abc import Container, Iterator
from typing import Any

import msgspec

from monitor.core import events
from monitor.core.changes import Numbered
from monitor.core.decisions import Decision, StreamGapDetected
from monitor.core.followers import REPLACING, AnyAccountEvent, Followers
from monitor.core.held import instruments_of
from monitor.core.ledger import Account
from monitor.core.parts import EngineParts
from monitor.core.refusals import RefusedError


class AccountIntake:
    """Takes account events on behalf of the engine."""

    def __init__(self, parts: EngineParts) -> None:
        """Work on the engine's parts."""
        self.parts = parts
        self.followers = Followers(parts)
        self._found: list[Decision] = []

    def take_found(self) -> list[Decision]:
        """Return what was found in this step: gaps, and liquidations against the rules."""
        found = self.followers.take_found()
        if self._found:
            found, self._found = self._found + found, []
        return found

    # --- order ----------------------------------------------------------------------------

    def take(self, ordinal: int, event: events.AccountEvent) -> None:
        """Take the next event of an account: check its sequence, wait for its change."""
        parts = self.parts
        engine = parts.shards.of(event.account)
        account = engine.ledger.accounts.get(event.account)
        if account is None:
            if engine.ledger.is_over(event.account, event.seq):
                self._count_repeated()
                return
            account = engine.account(event.account)
        if parts.changes.is_plain(account, event):
            account.sequence = event.seq
            self.book(ordinal, event, account=account)
            return
        admission = parts.changes.admit(account, ordinal, event, parts.engine_ns)
        if admission.repeated:
            self._count_repeated()
            return
        if admission.expected is not None:
            self._note_gap(event.account, admission.expected, event.seq, "sequence_gap")
        if admission.given_up:
            self.give_up(event.account, admission.given_up)
        engine.wait(event.account, waiting=parts.changes.is_open(event.account))
        self.followers.foresee(*(each for _, each in admission.ready))
        for number, ready in admission.ready:
            self.book(number, ready)
        reopened = engine.ledger.accounts.get(event.account)
        if reopened is not None:  # closed and named again within one change
            reopened.sequence = event.seq

    def _count_repeated(self) -> None:
        counts = self.parts.ignored_counts
        counts["sequence_repeated"] = counts.get("sequence_repeated", 0) + 1

    def note_missing(self, event: events.AccountEventRefused) -> None:
        """Note that the gate refused an event of an account."""
        engine, seq = self.parts.shards.of(event.account), event.seq
        if seq is not None and engine.ledger.is_over(event.account, seq):
            return
        account = engine.account(event.account)
        if seq is not None and seq <= account.sequence:
            return  # a repetition
        expected = account.sequence + 1
        if seq == expected:
            account.sequence = expected
        self._note_gap(event.account, expected, seq or expected, "refused_event")

    def give_up(self, name: str, buffer: list[Numbered]) -> None:
        """Quarantine an unfinished change; the account is suspect."""
        self.parts.shards.of(name).wait(name, waiting=False)
        for ordinal, event in buffer:
            detail = f"expected the change of account {name} to end within 100 events and 1 s"
            self.parts.refusals.note(ordinal, event, "unfinished_change", detail)
        self._note_gap(name, buffer[0][1].seq, buffer[-1][1].seq, "unfinished_change")

    # --- booking --------------------------------------------------------------------------

    def book(
        self,
        ordinal: int,
        event: AnyAccountEvent,
        *,
        is_part: bool = False,
        account: Account | None = None,
    ) -> None:
        """Book an event now, or hold it back, or refuse it.

        `is_part`: a piece of an event that has been counted already; `account`: whose it is, where
        that has been looked up.
        """
        missing = self.parts.market.missing_instrument(instruments_of(event))
        if missing is None:
            self._book_known(ordinal, event, is_part=is_part, account=account)
        elif isinstance(event, events.AccountSnapshot):
            known, waiting = split_snapshot(event, self.parts.market.instruments)
            if self._book_known(ordinal, known, is_part=False):
                for part in waiting:
                    self.hold(ordinal, part, part.instrument, is_part=True)
        else:
            self.hold(ordinal, event, missing, is_part=is_part)

    def book_held(self, ordinal: int, event: events.AccountEvent, *, is_part: bool) -> None:
        """Book an event whose instrument has been listed."""
        self._count_held(event.account, -1)
        self.book(ordinal, event, is_part=is_part)

    def _book_known(
        self,
        ordinal: int,
        event: AnyAccountEvent,
        *,
        is_part: bool,
        account: Account | None = None,
    ) -> bool:
        engine = self.parts.shards.of(event.account)
        found = account or engine.account(event.account)
        before = self.followers.before(engine, found, event)
        try:
            engine.apply(found, event)
        except RefusedError as error:
            self.refuse(ordinal, event, error.reason, error.detail)
            return False
        self.followers.after(engine, event, before, is_part=is_part)
        if isinstance(event, REPLACING):
            self._drop_held(event)
        if not is_part:
            self.parts.count_applied(event)
        return True

    # --- refusing and holding back --------------------------------------------------------

    def refuse(self, ordinal: int, event: events.Event, reason: str, detail: str) -> None:
        """Refuse an event; an account event leaves its account suspect."""
        self.parts.refusals.note(ordinal, event, reason, detail)
        if isinstance(event, events.AccountEvent):
            self._note_gap(event.account, event.seq, event.seq, "refused_event")

    def hold(
        self, ordinal: int, event: events.Event, instrument: str, *, is_part: bool = False
    ) -> None:
        """Keep an event until its instrument is listed, if there is room."""
        detail = f"expected a listed instrument, received {instrument!r}"
        if not self.parts.held.keep(instrument, ordinal, event, is_part=is_part):
            self.refuse(ordinal, event, "unknown_instrument", detail)
            return
        if isinstance(event, events.AccountEvent):
            self._count_held(event.account, 1)
        self.parts.refusals.note(ordinal, event, "unknown_instrument", detail, held=True)

    def _drop_held(self, event: events.AccountSnapshot | events.AccountClosed) -> None:
        """Forget what a snapshot or a closing makes void."""
        if isinstance(event, events.AccountClosed):
            self.parts.shards.sessions.forget(event.account)
            self.parts.venue.withdrawals.forget(event.account)
            self.parts.watch.forget_account(event.account, self.parts.engine_ns)
        dropped = self.parts.held.drop_account(event.account, event.seq)
        if event.account in self.parts.shards.of(event.account).ledger.accounts:
            self._count_held(event.account, -dropped)

    def _count_held(self, name: str, difference: int) -> None:
        engine = self.parts.shards.of(name)
        engine.ledger.count_held(engine.account(name), difference)

    def _note_gap(self, name: str, expected: int, received: int, reason: str) -> None:
        engine = self.parts.shards.of(name)
        engine.ledger.set_suspect(engine.account(name), suspect=True)
        if self.parts.bootstrapping:
            return
        self._found.append(
            StreamGapDetected(
                event_ns=self.parts.engine_ns,
                rule="sequence",
                suspect=True,
                account=name,
                expected=expected,
                received=received,
                reason=reason,
            )
        )


def split_snapshot(
    event: events.AccountSnapshot, known: Container[str]
) -> tuple[events.AccountSnapshot, list[events.PositionChanged | events.MarginOrdersChanged]]:
    """Return a snapshot of what is listed, and the rest as events that can wait."""
    listed = msgspec.structs.replace(
        event,
        positions=[record for record in event.positions if record.instrument in known],
        orders=[record for record in event.orders if record.instrument in known],
    )
    return listed, list(_waiting(event, known))


def _waiting(
    event: events.AccountSnapshot, known: Container[str]
) -> Iterator[events.PositionChanged | events.MarginOrdersChanged]:
    common: dict[str, Any] = {
        "event_ns": event.event_ns,
        "account": event.account,
        "seq": event.seq,
    }
    for position in event.positions:
        if position.instrument not in known:
            yield events.PositionChanged(**common, **msgspec.structs.asdict(position))
    for orders in event.orders:
        if orders.instrument not in known:
            yield events.MarginOrdersChanged(**common, **msgspec.structs.asdict(orders))
