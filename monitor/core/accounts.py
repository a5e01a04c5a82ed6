"""AccountEngine: ledger, margin, verdicts and episodes of its accounts.

A shard is an AccountEngine of its own. It takes account events and price moves, and hands out
what the venue's half needs as values: transitions, shortfalls, candidates, gains, sums.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from monitor.core import events
from monitor.core.amounts import NotRepresentableError
from monitor.core.booking import book_balance, book_funding, book_position, book_snapshot
from monitor.core.decisions import State
from monitor.core.instruments import Instrument, mark_key
from monitor.core.ledger import Account, Ledger, Position, PositionKey
from monitor.core.ledger.relisting import BUCKETS
from monitor.core.liquidation import LiquidationBook
from monitor.core.margin.book import (
    DUE_STATES,
    STATES,
    CrossUnits,
    Episode,
    MarginRules,
    MarginUnit,
    Units,
)
from monitor.core.margin.thresholds import Thresholds
from monitor.core.margin.totals import unit_totals
from monitor.core.market import Market, index_key
from monitor.core.refusals import RefusedError
from monitor.core.watchlist import Watchlist

RESERVED_MIN = 128


@dataclass(slots=True, frozen=True)
class Transition:
    """A unit's known state changed; amounts are those of the moment."""

    unit: MarginUnit
    before: State
    after: State

    @property
    def makes_liquidatable(self) -> bool:
        """Return whether the unit is to be liquidated, and was not before."""
        return self.after in DUE_STATES and self.before not in DUE_STATES


class AccountEngine:
    """The accounts of one shard."""

    def __init__(
        self,
        market: Market,
        rules: MarginRules,
        *,
        accounts_reserved: int = RESERVED_MIN,
        ledger: Ledger | None = None,
    ) -> None:
        """Begin on a shared market, with room reserved for so many accounts.

        Without a ledger there is no account; of one that is given every account needs its units.
        """
        self.market = market
        self.rules = rules
        self.ledger = ledger or Ledger(max(RESERVED_MIN, accounts_reserved))
        self.margin_units = Units(self.ledger.store)
        self.cross = CrossUnits(self.margin_units)
        self.thresholds = Thresholds(market, rules, self.margin_units, accounts_reserved)
        self.liquidations = LiquidationBook()
        self.watchlist = Watchlist()
        self.episode_counts: dict[str, dict[str, int]] = {}
        self._state_counts = [0] * len(STATES)
        self.changed: set[str] = set()
        # Units by number from here on; of accounts too.
        self._touched: dict[int, None] = {}
        # What prices did since the last verdict to units that nothing else has touched.
        self._moved: dict[int, int] = {}
        self._ended_episodes: list[str] = []  # in this step
        # Accounts with an open change, and their units to be judged when it ends.
        self._waiting: dict[int, dict[int, None]] = {}
        # Kinds that are not here change nothing that is kept.
        self._handlers: dict[type[events.Event], Callable[[Account, Any], None]] = {
            events.AccountOpened: self._open,
            events.AccountClosed: self._close,
            events.AccountSnapshot: self._replace,
            events.BalanceChanged: self._change_balance,
            events.PositionChanged: self._change_position,
            events.MarginOrdersChanged: self._change_orders,
            events.LiquidationStarted: self._start_liquidation,
            events.LiquidationFilled: self._fill_liquidation,
            events.LiquidationFinished: self._finish_liquidation,
        }

    # --- facts ----------------------------------------------------------------------------

    def account(self, name: str) -> Account:
        """Return an account, made on its first mention (a client, its own owner)."""
        account = self.ledger.accounts.get(name)
        if account is None:
            account = self.ledger.open_account(name)
            self._touched[self.margin_units.open(account.number)] = None
            self._state_counts[0] += 1
        return account

    def wait(self, name: str, *, waiting: bool) -> None:
        """Hold back verdicts of an account while one of its changes is unfinished."""
        number = self.ledger.accounts[name].number
        if waiting:
            self._waiting.setdefault(number, {})
        else:
            self._touched |= self._waiting.pop(number, {})

    def apply(self, account: Account, event: events.AccountEvent | events.AccountOpened) -> None:
        """Book one event of an account.

        Raises RefusedError, with nothing changed, if an amount is not representable.
        """
        handler = self._handlers.get(type(event))
        if handler is not None:
            try:
                handler(account, event)
            except NotRepresentableError as error:
                raise RefusedError("not_representable", f"{event.account}: {error}") from error
        if type(event) is not events.AccountClosed:
            self.touch(account)

    def _open(self, account: Account, event: events.AccountOpened) -> None:
        self.ledger.set_owner(account, event.owner or event.account)
        account.role = event.role

    def _change_balance(self, account: Account, event: events.BalanceChanged) -> None:
        book_balance(self.ledger, self.market, account, event)

    def _change_position(self, account: Account, event: events.PositionChanged) -> None:
        liquidations = self.liquidations
        owed = account.owed_isolated((event.instrument, event.leg)) if liquidations.open else 0
        self._keep_isolated(account, book_position(self.ledger, self.market, account, event))
        if liquidations.open:
            liquidations.note_closed(account, owed)

    def _change_orders(self, account: Account, event: events.MarginOrdersChanged) -> None:
        order = (event.bids_size, event.asks_size, event.bids_value, event.asks_value)
        account.set_order(event.instrument, order)

    def _start_liquidation(self, account: Account, event: events.LiquidationStarted) -> None:
        unit = self.unit_of(account, (event.instrument, event.leg))
        unit.liquidations |= {event.liquidation_id}
        unit.liquidating = True  # also if it ends within this step
        self.liquidations.start(event, unit, self.market, self.rules)

    def _fill_liquidation(self, _: Account, event: events.LiquidationFilled) -> None:
        self.liquidations.fill(event)

    def _finish_liquidation(self, account: Account, event: events.LiquidationFinished) -> None:
        for unit in self.units_of(account.name):
            unit.liquidations -= {event.liquidation_id}

    def _replace(self, account: Account, event: events.AccountSnapshot) -> None:
        for position in book_snapshot(self.ledger, self.market, account, event):
            self._keep_isolated(account, position)
        self.liquidations.note_closed(account)

    def _keep_isolated(self, account: Account, position: Position | None) -> None:
        """Give an isolated position a margin unit of its own."""
        if position is None or position.margin_mode != "isolated":
            return
        if position.key not in self.margin_units.isolated.get(account.number, {}):
            self.margin_units.open(account.number, position.key)

    def _close(self, account: Account, event: events.AccountClosed) -> None:
        self.ledger.note_closed(account.name, event.seq)
        self.ledger.clear(account, "closed")
        self.liquidations.forget(account.name)
        cross, *_ = units = self.margin_units.of_account(account.number)
        self._state_counts[self.margin_units.state[cross]] -= 1
        for unit in units:
            if unit in self.margin_units.episodes:
                self._ended_episodes.append(self.margin_units.episodes[unit].identity)
            self._forget(unit)
        self.episode_counts.pop(account.name, None)
        self._waiting.pop(account.number, None)
        self.changed.add(account.name)
        self.ledger.remove_account(account)

    def _forget(self, unit: int) -> None:
        self.thresholds.forget(unit)
        self.watchlist.forget(unit)
        self._touched.pop(unit, None)
        self._moved.pop(unit, None)
        self.margin_units.close(unit)

    def pay_funding(self, event: events.FundingPaid) -> None:
        """Note what each holder of the instrument owes; it is pending and counts."""
        for account in book_funding(self.ledger, self.market, event):
            self.touch(account)

    def drop_instrument(self, name: str) -> None:
        """Drop every position and order in a delisted instrument, and the guards on its mark."""
        for account, position in self.ledger.holders_of(name):
            self.ledger.drop_position(account, position.key)
            self.touch(account)
        for liquidation in self.liquidations.forget_instrument(name):
            account = self.ledger.accounts[liquidation.account]
            for unit in self.units_of(account.name):
                unit.liquidations -= {liquidation.liquidation_id}
            self.touch(account)
        self.ledger.forget_instrument(name)
        self.thresholds.drop_mark(name)

    def relist_instrument(self, old: Instrument | None, new: Instrument, stride: int) -> None:
        """Give the holders of an instrument its new definition, and have them judged by it.

        At once, or so many buckets of accounts at each `relist_slice`. What an earlier relisting
        has left comes first, at once.
        """
        store = self.ledger.store
        if new.name in store.relistings:
            self.relist_slice(new.name, whole=True)
        if old is not None and stride < BUCKETS:
            store.relist(old, new, stride)
        else:
            store.replace_definition(new)
            for account, _ in self.ledger.holders_of(new.name):
                self.touch(account)

    def relist_slice(self, name: str, *, whole: bool = False) -> None:
        """Do the next slice of a relisting, or all that is left."""
        relistings = self.ledger.store.relistings
        old = relistings[name].number
        for account in self.ledger.relist_slice(name, whole=whole):
            self.touch(account)
        if name not in relistings:
            self.thresholds.numbering.drop_terms(old)

    def use(self, rules: MarginRules) -> None:
        """Take the margin rules from here on, and judge every unit again."""
        self.rules = rules
        self.thresholds.use(rules)
        self.touch_all()

    def touch_all(self) -> None:
        """Have every unit judged again: a rule that values or margins has changed."""
        for account in self.ledger.accounts.values():
            self.touch(account)

    def has_amounts_in(self, instrument: str) -> bool:
        """Return whether an account has a position, a margin or a debt of funding in it."""
        return self.ledger.has_amounts_in(instrument)

    def uses_asset(self, asset: str) -> bool:
        """Return whether any account has an amount of the asset, or has had a balance in it."""
        return self.ledger.uses_asset(asset)

    # --- verdicts -------------------------------------------------------------------------

    def prices_moved(self, marks: Iterable[str], indices: Iterable[str]) -> None:
        """Have the new prices judge the units that they could move."""
        keys = [mark_key(name) for name in marks] + [index_key(name) for name in indices]
        for unit, state in self.thresholds.move(keys):
            self._moved[unit] = state

    def judge(self) -> list[Transition]:
        """End a step: judge every touched unit once; return the changes of known states."""
        if not self._touched and not self._moved:
            return []
        judged, self._moved = self._moved, {}
        touched, self._touched = self._touched, {}
        for unit in touched:
            judged[unit] = self.thresholds.judge(unit)
        if self.thresholds.numbering.left:
            self.thresholds.numbering.end_step()
        units, waiting, transitions = self.margin_units, self._waiting, []
        for unit, state in judged.items():
            if waiting and units.account[unit] in waiting:
                waiting[units.account[unit]][unit] = None
                self.thresholds.keep_state(unit)
            elif state != units.state[unit] or state != units.last_known[unit] or units.flags[unit]:
                transitions += self._follow(units.look(unit), state)
        return transitions

    def _follow(self, unit: MarginUnit, after: int) -> list[Transition]:
        """Take a verdict: count it, follow liquidation and episode; return the transition, if any.

        There is nothing to follow for a unit without flags whose state is the last known one.
        """
        number, before, known = unit.number, self.margin_units.state[unit.number], unit.last_known
        self.margin_units.state[number] = after
        if unit.key is None:
            self._state_counts[before] -= 1
            self._state_counts[after] += 1
            if before != after:
                self.watchlist.note_change(number)
        if unit.is_in_liquidation:
            unit.liquidating = bool(unit.liquidations) or not self.thresholds.liquidation_is_over(
                unit
            )
        self.thresholds.follow_liquidation(number)
        self.watchlist.follow(unit)
        transitions = []
        if unit.state not in ("unknown", known):
            unit.last_known = unit.state
            self._follow_episode(unit)
            self.changed.add(unit.account.name)
            transitions.append(Transition(unit, known, unit.state))
        if unit.key is not None and unit.is_empty and unit.state == "healthy":
            self._forget(number)
        return transitions

    def _follow_episode(self, unit: MarginUnit) -> None:
        if unit.last_known == "bankrupt":
            if unit.episode is None:
                unit.episode = self.new_episode(unit.account.name, unit.name)
        elif unit.episode is not None:
            self.liquidations.keep_episode(unit)
            self._ended_episodes.append(unit.episode.identity)
            unit.episode = None

    def take_ended_episodes(self) -> list[str]:
        """Return the episodes that have ended since the last call."""
        ended = self._ended_episodes
        if ended:
            self._ended_episodes = []
        return ended

    def new_episode(self, account: str, unit_name: str) -> Episode:
        """Return the next episode of a margin unit."""
        counts = self.episode_counts.setdefault(account, {})
        counts[unit_name] = counts.get(unit_name, 0) + 1
        return Episode(f"{unit_name}:{counts[unit_name]}")

    def touch(self, account: Account) -> None:
        """Have every unit of an account judged at the end of the step."""
        self.changed.add(account.name)
        for unit in self.margin_units.of_account(account.number):
            self._touched[unit] = None

    def adopt(self, unit: MarginUnit) -> None:
        """Count a unit that is restored with the state that it has."""
        if unit.key is None:
            self._state_counts[self.margin_units.state[unit.number]] += 1
        self.watchlist.follow(unit)

    # --- questions ------------------------------------------------------------------------

    @property
    def state_counts(self) -> dict[State, int]:
        """Return how many accounts are in each state."""
        return dict(zip(STATES, self._state_counts, strict=True))

    def accounts_waiting(self) -> list[int]:
        """Return the numbers of the accounts with an open change: their verdicts are held back."""
        return list(self._waiting)

    def units_of(self, name: str) -> Iterator[MarginUnit]:
        """Yield the units of an account, the cross unit first."""
        account = self.ledger.accounts[name]
        return map(self.margin_units.look, self.margin_units.of_account(account.number))

    def units(self) -> Iterator[MarginUnit]:
        """Yield every unit, account by account in the order of their names."""
        for name in sorted(self.ledger.accounts):
            yield from self.units_of(name)

    def unit_of(self, account: Account, key: PositionKey) -> MarginUnit:
        """Return the unit that a position belongs to: its own if isolated, else the cross unit.

        One that was isolated before this step may be cross now, or gone, while its unit is there.
        """
        position = account.position(key)
        if position is None or position.margin_mode == "cross":
            return self.cross[account.name]
        return self.margin_units.look(self.margin_units.of_position(account.number, key))

    def deficit(self, unit: MarginUnit) -> Fraction | None:
        """Return max(0, -equity) in the valuation currency, None when a price is missing."""
        totals = unit_totals(unit, self.market, self.rules)
        return None if totals is None else totals.deficit
