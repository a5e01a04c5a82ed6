"""The exchange tells the world: events in order, each account's numbered, groups joined.

Within one step every event is one microsecond after the one before, so that event time alone
orders what happened.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from monitor.core.events import (
    AccountEvent,
    BalanceChanged,
    BalanceReason,
    Event,
    FundReason,
    InsuranceFundChanged,
    PositionChanged,
)
from monitor.replay.demo.decimals import fraction_text, units_text
from monitor.replay.demo.ledger import Ledger

EVENT_STEP_NS = 1_000


@dataclass(frozen=True, slots=True)
class BalanceChange:
    """Which balance of an account changed, and why."""

    account: int
    asset: int
    reason: BalanceReason
    instrument: str | None = None
    funding_id: str | None = None


class Journal:
    """Collects the events of a step; knows how the ledger's rows are called outside."""

    def __init__(self, ledger: Ledger, names: Sequence[str]) -> None:
        self.ledger = ledger
        self.names = tuple(names)
        self._sequences: dict[int, int] = defaultdict(int)
        self._events: list[Event] = []
        self._now_ns = 0

    def start_step(self, event_ns: int) -> None:
        """Set the time of the next event; time never goes back."""
        self._now_ns = max(event_ns, self._now_ns)

    def take(self) -> list[Event]:
        """Return the events since the last call."""
        events, self._events = self._events, []
        return events

    def now(self) -> int:
        """Return the next event's time."""
        self._now_ns += EVENT_STEP_NS
        return self._now_ns

    def sequence(self, account: int) -> int:
        """Return the account's next number."""
        self._sequences[account] += 1
        return self._sequences[account]

    def add(self, event: Event) -> None:
        """Record an event of the market, or one without partners."""
        self._events.append(event)

    def add_change(self, *events: AccountEvent) -> None:
        """Record events of one account that are one change: all but the last say `more`."""
        self._events += [msgspec.structs.replace(event, more=True) for event in events[:-1]]
        self._events.append(events[-1])

    def position(self, account: int, column: int) -> PositionChanged:
        """Return the account's position as an event."""
        entry = self.ledger.entry_price(account, column)
        return PositionChanged(
            event_ns=self.now(),
            account=self.names[account],
            seq=self.sequence(account),
            instrument=self.ledger.contracts[column].instrument,
            size=str(self.ledger.size(account, column)),
            entry_price=None if entry is None else fraction_text(entry),
        )

    def balance(self, change: BalanceChange) -> BalanceChanged:
        """Return the account's balance as an event."""
        asset = self.ledger.assets[change.asset]
        units = self.ledger.balance(change.account, change.asset)
        return BalanceChanged(
            event_ns=self.now(),
            account=self.names[change.account],
            seq=self.sequence(change.account),
            asset=asset.name,
            balance=units_text(units, asset.digits),
            reason=change.reason,
            instrument=change.instrument,
            funding_id=change.funding_id,
        )

    def add_trade_side(
        self, account: int, column: int, reason: BalanceReason, *first: AccountEvent
    ) -> None:
        """Record one side of a trade: `first` (a fill, if any), the position, the balance."""
        position = self.position(account, column)
        instrument = self.ledger.contracts[column].instrument
        asset = self.ledger.settlement[column]
        balance = self.balance(BalanceChange(account, asset, reason, instrument))
        self.add_change(*first, position, balance)


class Funds:
    """The insurance funds, one an asset, in minor units: paid from at once, told once a step.

    A fund tells its balance after the step, with the liquidations that it includes, so that
    whoever reads accounts and funds from two topics has met the liquidations before. Fees come
    in with that report.
    """

    def __init__(self, journal: Journal, names: Sequence[str]) -> None:
        self.journal = journal
        self.names = tuple(names)
        self.units = [0] * len(self.names)
        self._fees = [0] * len(self.names)
        self._paid_for: list[list[str]] = [[] for _ in self.names]

    def deposit(self, asset: int, units: int) -> None:
        """Book a deposit and tell it."""
        self.units[asset] += units
        self._tell(asset, "deposit")

    def pay(self, asset: int, units: int, liquidation_id: str) -> None:
        """Pay for a deficit."""
        assert 0 < units <= self.units[asset], f"expected a payment within the fund: {units}"
        self.units[asset] -= units
        self._paid_for[asset].append(liquidation_id)

    def collect(self, asset: int, units: int) -> None:
        """Take a fee; the fund can pay from it in the next step."""
        self._fees[asset] += units

    def tell(self) -> None:
        """Report every fund that has changed since the last report."""
        for asset in range(len(self.names)):
            fees, paid_for = self._fees[asset], self._paid_for[asset]
            if not fees and not paid_for:
                continue
            self.units[asset] += fees
            self._fees[asset], self._paid_for[asset] = 0, []
            self._tell(asset, "liquidation" if paid_for else "fee", paid_for)

    def _tell(
        self, asset: int, reason: FundReason, liquidation_ids: list[str] | None = None
    ) -> None:
        definition = self.journal.ledger.assets[asset]
        self.journal.add(
            InsuranceFundChanged(
                event_ns=self.journal.now(),
                fund=self.names[asset],
                asset=definition.name,
                balance=units_text(self.units[asset], definition.digits),
                reason=reason,
                liquidation_ids=liquidation_ids,
            )
        )
