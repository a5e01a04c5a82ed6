"""What each event changes: the books, the prices, and what is held back or refused.

No verdicts here. `NaiveLedger.begin` clears what one step notes down (`gaps`, `finished`,
`ticks`); `take` books an event.
"""

from fractions import Fraction
from typing import Any

import msgspec

from monitor.core import events
from tests.reference import naive_equity, naive_relisting
from tests.reference.naive_booking import (
    HELD_KINDS,
    UNSEEN,
    Finished,
    Gap,
    HeldError,
    RefusedError,
    follow_mode,
    is_used,
    note_closed,
    representable,
    set_balance,
    set_orders,
    size_unit,
    start_liquidation,
)
from tests.reference.naive_world import (
    Account,
    Fund,
    Liquidation,
    Pending,
    Position,
    Tick,
    World,
    ceil_to,
)

CHANGE_EVENTS_MAX = 100


class NaiveLedger:
    """The books; `refused` collects (reason, held) of what could not be applied."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.held: list[events.AnyEvent] = []
        self.refused: list[tuple[str, bool]] = []
        self.ignored = 0
        self.number = 0
        self.begin()

    def begin(self) -> None:
        """Forget what the last step noted down."""
        self.gaps: list[Gap] = []
        self.finished: list[Finished] = []
        self.ticks: list[tuple[str, Tick]] = []

    def is_suspect(self, account: Account) -> bool:
        """Return whether an event of an account is missing, refused or held back."""
        return account.suspect or any(
            isinstance(event, events.AccountEvent) and event.account == account.name
            for event in self.held
        )

    # --- order --------------------------------------------------------------------------------

    def take(self, event: events.AnyEvent) -> None:
        """Book one event, or hold it back, or refuse it."""
        if isinstance(event, events.AccountOpened):
            account = self.account(event.account)
            account.owner, account.role = event.owner or event.account, event.role
        elif isinstance(event, events.AccountEvent):
            self._take_account_event(event)
        else:
            self._try(event)

    def account(self, name: str) -> Account:
        """Return an account; one that is named for the first time is a client."""
        if name not in self.world.accounts:
            self.world.accounts[name] = Account(name, name)
        return self.world.accounts[name]

    def _take_account_event(self, event: events.AccountEvent) -> None:
        is_gone = event.account not in self.world.accounts
        if is_gone and 1 < event.seq <= self.world.closed.get(event.account, 0):
            self.ignored += 1
            return
        account = self.account(event.account)
        if event.seq <= account.seq:
            self.ignored += 1
            return
        if event.seq > account.seq + 1 and not isinstance(event, events.AccountSnapshot):
            self._gap(account, account.seq + 1, event.seq, "sequence_gap")
        account.seq = event.seq
        if not account.change:
            account.change_opened_ns = self.world.engine_ns
        account.change.append(event)
        if event.more:
            if len(account.change) > CHANGE_EVENTS_MAX:
                self.abandon_change(account)
            return
        change, account.change = account.change, []
        for part in change:
            self._try(part)  # type: ignore[arg-type]
        if event.account in self.world.accounts:
            self.world.accounts[event.account].seq = event.seq

    def abandon_change(self, account: Account) -> None:
        """Refuse a change that was not finished in time or in bounds."""
        change, account.change = account.change, []
        self.refused += [("unfinished_change", False)] * len(change)
        self._gap(account, change[0].seq, change[-1].seq, "unfinished_change")

    def _gap(self, account: Account, expected: int, received: int, reason: str) -> None:
        account.suspect = True
        self.gaps.append(Gap(account.name, expected, received, reason))

    def _try(self, event: events.AnyEvent) -> None:
        try:
            self._book(event)
        except HeldError:
            of_account = isinstance(event, events.AccountEvent)
            alike = [one for one in self.held if isinstance(one, events.AccountEvent) == of_account]
            if len(alike) >= self.world.settings.held_back_events_max:
                self._refuse(event, "unknown_instrument")
            else:
                self.held.append(event)
                self.refused.append(("unknown_instrument", True))
        except RefusedError as refusal:
            self._refuse(event, str(refusal))

    def _refuse(self, event: events.AnyEvent, reason: str) -> None:
        self.refused.append((reason, False))
        if isinstance(event, events.AccountEvent):
            self._gap(self.account(event.account), event.seq, event.seq, "refused_event")

    def _book(self, event: events.AnyEvent) -> None:
        if isinstance(event, HELD_KINDS):
            self._need(event.instrument)
        book = getattr(self, f"_on_{event.__struct_config__.tag}", None)
        if book is not None:
            book(event)

    def _need(self, instrument: str) -> None:
        if instrument not in self.world.instruments:
            raise HeldError

    # --- market events ------------------------------------------------------------------------

    def _on_instrument_listed(self, event: events.InstrumentListed) -> None:
        before = self.world.instruments.get(event.instrument)
        if before is not None and size_unit(before) != size_unit(event):
            raise RefusedError("unit_is_fixed")
        if before is not None and before.settlement_currency != event.settlement_currency:
            for account in self.world.accounts.values():
                concerned = [one.instrument for one in account.positions.values()]
                concerned += [one.instrument for one in account.pending]
                if event.instrument in concerned:
                    raise RefusedError("unit_is_fixed")
        naive_relisting.begin(self.world, before, event)
        held, self.held = self.held, []
        for waiting in held:
            try:
                self._book(waiting)
            except HeldError:
                self.held.append(waiting)
            except RefusedError as refusal:
                self._refuse(waiting, str(refusal))

    def _on_instrument_delisted(self, event: events.InstrumentDelisted) -> None:
        self.world.instruments.pop(event.instrument, None)
        self.world.relistings.pop(event.instrument, None)
        self.world.marks.pop(event.instrument, None)
        for account in self.world.accounts.values():
            account.orders.pop(event.instrument, None)
            for key in list(account.positions):
                if key[0] == event.instrument:
                    del account.positions[key]
                    follow_mode(account, *key)
            account.liquidations = {
                identity: one
                for identity, one in account.liquidations.items()
                if one.instrument != event.instrument
            }

    def _on_collateral_listed(self, event: events.CollateralListed) -> None:
        changed = Fraction(event.minor_unit) != self.world.minor_unit(event.asset)
        if changed and is_used(self.world, event.asset):
            raise RefusedError("unit_is_fixed")
        self.world.collaterals[event.asset] = event

    def _on_mark_price_changed(self, event: events.MarkPriceChanged) -> None:
        mark = Fraction(event.price)
        self.world.marks[event.instrument] = mark
        extremes = [Fraction(one) for one in (event.high, event.low) if one is not None]
        self.number += 1
        tick = Tick(self.number, self.world.engine_ns, mark, (mark, *extremes))
        self.ticks.append((event.instrument, tick))

    def _on_mark_prices_changed(self, event: events.MarkPricesChanged) -> None:
        for instrument, price in event.prices.items():
            self._try(
                events.MarkPriceChanged(event_ns=event.event_ns, instrument=instrument, price=price)
            )

    def _on_index_price_changed(self, event: events.IndexPriceChanged) -> None:
        if event.source == "exchange":
            self.world.indices[event.index] = Fraction(event.price)

    def _on_breaker_reset(self, event: events.BreakerReset) -> None:
        if all(breaker.name != event.breaker for breaker in self.world.settings.breakers):
            raise RefusedError("invalid_field")

    def _on_funding_paid(self, event: events.FundingPaid) -> None:
        listed = self.world.instruments[event.instrument]
        if not listed.funding_in_margin:
            return
        price, rate = Fraction(event.price), Fraction(event.rate)
        asset = listed.settlement_currency
        for account in self.world.accounts.values():
            for position in account.positions.values():
                if position.instrument == event.instrument and not any(
                    event.funding_id is not None
                    and one.amount > 0
                    and one.funding_id == event.funding_id
                    and (one.instrument, one.leg) == (position.instrument, position.leg)
                    for one in account.pending
                ):
                    worth = naive_equity.notional(listed, position.size, price)
                    owed = (worth if position.size > 0 else -worth) * rate
                    amount = ceil_to(owed, self.world.minor_unit(asset))
                    account.pending.append(
                        Pending(
                            event.instrument,
                            position.leg,
                            asset,
                            amount,
                            event.funding_id,
                            position.isolated,
                        )
                    )

    def _on_insurance_fund_changed(self, event: events.InsuranceFundChanged) -> None:
        configured = {fund.name: fund.asset for fund in self.world.settings.funds}
        asset = configured.get(event.fund, event.asset)
        fund = self.world.funds.setdefault(event.fund, Fund(asset))
        if fund.asset != event.asset:
            raise RefusedError("invalid_field")
        fund.balance = Fraction(event.balance)
        included = event.liquidation_ids
        fund.draws = [
            draw
            for draw in fund.draws
            if (
                draw.liquidation_id not in included
                if included is not None
                else draw.event_ns > event.event_ns
            )
        ]

    # --- account events -----------------------------------------------------------------------

    def _amount(self, asset: str, written: str) -> Fraction:
        return representable(Fraction(written), self.world.minor_unit(asset))

    def _on_balance_changed(self, event: events.BalanceChanged) -> None:
        account, after = self.account(event.account), self._amount(event.asset, event.balance)
        set_balance(self.world, account, event.asset, after, event.reason)
        self.world.show_vault(event.account, event.event_ns)
        if event.reason == "funding":
            account.pending = [
                pending
                for pending in account.pending
                if pending.asset != event.asset
                or (event.funding_id is not None and pending.funding_id != event.funding_id)
            ]

    def _position(
        self, account: str, record: events.PositionChanged | events.PositionRecord
    ) -> Position:
        self._need(record.instrument)
        listed = naive_relisting.definition(self.world, account, record.instrument)
        isolated = record.margin_mode == "isolated"
        written = record.isolated_margin or "0"
        return Position(
            record.instrument,
            record.leg,
            representable(Fraction(record.size), size_unit(listed)),
            None if record.entry_price is None else Fraction(record.entry_price),
            isolated,
            self._amount(listed.settlement_currency, written) if isolated else Fraction(0),
            listed,
        )

    def _on_position_changed(self, event: events.PositionChanged) -> None:
        account = self.account(event.account)
        key = (event.instrument, event.leg)
        owed = sum(
            one.amount
            for one in account.pending
            if one.isolated and one.amount > 0 and (one.instrument, one.leg) == key
        )
        self._set_position(account, self._position(event.account, event))
        note_closed(account, Fraction(owed))

    def _set_position(self, account: Account, position: Position) -> None:
        """Keep a position; one without size and margin is none."""
        account.positions[position.instrument, position.leg] = position
        if position.size == 0 and position.isolated_margin == 0:
            del account.positions[position.instrument, position.leg]
        follow_mode(account, position.instrument, position.leg)

    def _on_margin_orders_changed(self, event: events.MarginOrdersChanged) -> None:
        set_orders(self.account(event.account), event)

    def _on_account_snapshot(self, event: events.AccountSnapshot) -> None:
        listed = self.world.instruments
        waiting = [record for record in event.positions if record.instrument not in listed]
        balances = {
            asset: self._amount(asset, written) for asset, written in event.balances.items()
        }
        positions = [
            self._position(event.account, record)
            for record in event.positions
            if record.instrument in listed
        ]
        pending = [
            Pending(
                one.instrument,
                one.leg,
                one.asset,
                self._amount(one.asset, one.amount),
                one.funding_id,
            )
            for one in event.pending_funding
        ]
        account = self.account(event.account)
        account.owner, account.role = event.owner or event.account, event.role
        self.world.show_vault(event.account, event.event_ns)
        for asset in {**account.balances, **balances}:
            after = balances.get(asset, Fraction(0))
            set_balance(self.world, account, asset, after, "snapshot")
        account.pending = []
        account.positions = {}
        account.orders = {}
        for position in positions:
            self._set_position(account, position)
        note_closed(account, Fraction(0))
        isolated = {(one.instrument, one.leg) for one in positions if one.isolated}
        for owed in pending:
            owed.isolated = (owed.instrument, owed.leg) in isolated
        account.pending = pending
        account.suspect = False
        self._drop_held(event.account, event.seq)
        common: dict[str, Any] = {
            "event_ns": event.event_ns,
            "account": event.account,
            "seq": event.seq,
        }
        for record in waiting:
            self._try(events.PositionChanged(**common, **msgspec.structs.asdict(record)))
        for order in event.orders:
            self._try(events.MarginOrdersChanged(**common, **msgspec.structs.asdict(order)))

    def _drop_held(self, account: str, until_seq: int) -> None:
        self.held = [
            waiting
            for waiting in self.held
            if not isinstance(waiting, events.AccountEvent)
            or waiting.account != account
            or waiting.seq > until_seq
        ]

    def _on_account_closed(self, event: events.AccountClosed) -> None:
        account = self.account(event.account)
        for asset in account.balances:
            set_balance(self.world, account, asset, Fraction(0), "closed")
        del self.world.accounts[event.account]
        self.world.closed[event.account] = event.seq
        self._drop_held(event.account, event.seq)

    # --- liquidations -------------------------------------------------------------------------

    def _on_liquidation_started(self, event: events.LiquidationStarted) -> None:
        start_liquidation(self.world, self.account(event.account), event)

    def _on_liquidation_filled(self, event: events.LiquidationFilled) -> None:
        assert event.price is not None
        liquidations = self.account(event.account).liquidations
        unseen = Liquidation(UNSEEN, Fraction(0), None, instrument=event.instrument)
        liquidation = liquidations.setdefault(event.liquidation_id, unseen)
        liquidation.fills.append((Fraction(event.size), Fraction(event.price), Fraction(event.fee)))

    def _on_liquidation_finished(self, event: events.LiquidationFinished) -> None:
        account = self.account(event.account)
        liquidation = account.liquidations.pop(event.liquidation_id, None)
        self.finished.append(Finished(event, liquidation))
