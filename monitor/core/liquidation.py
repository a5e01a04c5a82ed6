"""What the exchange's liquidation engine does, and what it cost.

Each liquidation is followed from its start to its end. Its bankruptcy price is frozen at the
start; the fills against it are the execution loss (or gain), reported apart from the shortfall.
"""

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from monitor.core.amounts import exact_text, to_fraction
from monitor.core.contracts import notional, unrealized_pnl
from monitor.core.decisions import Side
from monitor.core.events import LiquidationEvent, LiquidationFilled, LiquidationStarted
from monitor.core.instruments import Instrument
from monitor.core.ledger import Account, PositionKey
from monitor.core.margin.book import Episode, MarginRules, MarginUnit
from monitor.core.margin.prices import bankruptcy_price, fillable_price
from monitor.core.margin.totals import unit_totals
from monitor.core.market import Market


@dataclass(slots=True, frozen=True)
class IsolatedStart:
    """An isolated position when its liquidation began: margin in minor units, entry as text."""

    margin: int
    entry: str | None  # None: there was no size any more


@dataclass(slots=True)
class Liquidation:
    """One liquidation under way: its frozen price and its fills so far, summed by price.

    `equity` is that of its unit, in the valuation currency, when the first of those began that are
    open on it, None if unknown.
    `isolated` is set when it began on an isolated position, `closed` when that position has been
    closed since (another may be open), owing funding of `owed` minor units, and `episode` when its
    unit was under water then.
    """

    account: str
    liquidation_id: str
    instrument: str
    leg: str
    started: bool
    bankruptcy_price: Fraction | None
    size: Fraction  # contracts, signed: how the position changes
    filled: dict[str, Fraction]  # contracts by price (text), signed: a fill is linear in its size
    fees: Fraction  # of all fills, in the settlement currency
    fillable_price: Fraction | None = None  # frozen too
    equity: Fraction | None = None
    started_ns: int | None = None
    mispriced: bool = False  # whether a fill has been told as mispriced
    isolated: IsolatedStart | None = None
    closed: bool = False
    owed: int = 0
    episode: Episode | None = None

    @property
    def key(self) -> PositionKey:
        """Return the (instrument, leg) that is being liquidated."""
        return (self.instrument, self.leg)

    def closed_deficit(self, instrument: Instrument, minor_unit: Fraction) -> Fraction:
        """Return what the closed isolated position leaves unpaid, in the settlement currency.

        max(0, -(margin at the start + pnl of the fills - their fees - funding owed at the close)).
        A long of 1 at 100 with 10 of margin, closed at 80 for a fee of 1, leaves 11.
        """
        if self.isolated is None:
            return Fraction(0)
        left = (self.isolated.margin - self.owed) * minor_unit
        if self.isolated.entry is not None:
            left += self._pnl(instrument, to_fraction(self.isolated.entry)) - self.fees
        return max(Fraction(0), -left)

    def execution_loss(self, instrument: Instrument) -> Fraction | None:
        """Return what the fills lost (> 0) or gained against the frozen bankruptcy price.

        In the settlement currency; None without a start or a bankruptcy price. Closing a long
        of 10 at 88 with a bankruptcy price of 90 loses 20.
        """
        if self.bankruptcy_price is None:
            return None
        return -self._pnl(instrument, self.bankruptcy_price)

    def filled_notional(self, instrument: Instrument) -> Fraction:
        """Return the value of all fills at their own prices, in the settlement currency."""
        size, kind = instrument.contract_size, instrument.kind
        return sum(
            (
                notional(kind, contracts * size, to_fraction(price))
                for price, contracts in self.filled.items()
            ),
            Fraction(0),
        )

    def _pnl(self, instrument: Instrument, entry: Fraction) -> Fraction:
        """Return what the fills made of a position that was entered at a price."""
        pnl = Fraction(0)
        for price, contracts in self.filled.items():
            closed = -contracts * instrument.contract_size
            pnl += unrealized_pnl(instrument.kind, closed, entry, to_fraction(price))
        return pnl

    @property
    def closed_side(self) -> Side | None:
        """Return which side the liquidated position is on, None if nothing tells."""
        size = self.size or sum(self.filled.values(), Fraction(0))
        if not size:
            return None
        return "long" if size < 0 else "short"


class LiquidationBook:
    """The liquidations under way, by account and id."""

    def __init__(self) -> None:
        """Begin empty."""
        self.open: dict[tuple[str, str], Liquidation] = {}

    def start(
        self, event: LiquidationStarted, unit: MarginUnit, market: Market, rules: MarginRules
    ) -> None:
        """Freeze the bankruptcy price of the position that is being liquidated."""
        self.open.pop((event.account, event.liquidation_id), None)
        liquidation = self._of(event)
        liquidation.started, liquidation.started_ns = True, event.event_ns
        liquidation.size = to_fraction(event.size)
        position = unit.account.position((event.instrument, event.leg))
        if position is not None and unit.key is not None:
            liquidation.isolated = IsolatedStart(position.isolated_margin, position.entry_text)
        if position is not None and position.size:
            totals = unit_totals(unit, market, rules)
            if totals is not None:
                first = self._first_equity(unit, event.liquidation_id)
                liquidation.equity = totals.equity if first is None else first
                liquidation.bankruptcy_price = bankruptcy_price(
                    unit, position, totals, market, rules
                )
                liquidation.fillable_price = fillable_price(position, totals, market, rules)

    def _first_equity(self, unit: MarginUnit, new: str) -> Fraction | None:
        """Return the equity that the liquidations open on a unit began with, None without any."""
        for identity in unit.liquidations:
            each = self.open.get((unit.account.name, identity))
            if each is None or identity == new or each.equity is None or each.closed:
                continue
            if unit.key == (None if each.isolated is None else each.key):
                return each.equity  # of all of them alike: who comes later takes it over
        return None

    def fill(self, event: LiquidationFilled) -> None:
        """Note one fill."""
        assert event.price is not None
        liquidation = self._of(event)
        before = liquidation.filled.get(event.price, Fraction(0))
        liquidation.filled[event.price] = before + to_fraction(event.size)
        liquidation.fees += to_fraction(event.fee)

    def finish(self, event: LiquidationEvent) -> Liquidation:
        """Return the liquidation that has ended, and forget it."""
        liquidation = self._of(event)
        if to_fraction(event.size):
            liquidation.size = to_fraction(event.size)
        del self.open[event.account, event.liquidation_id]
        return liquidation

    def keep_episode(self, unit: MarginUnit) -> None:
        """Let the liquidations of an isolated unit remember the episode that ends."""
        for liquidation in self.open.values():
            if liquidation.account == unit.account.name and liquidation.key == unit.key:
                liquidation.episode = unit.episode

    def note_closed(self, account: Account, owed: int = 0) -> None:
        """Note which isolated positions that are being liquidated an account has no more.

        `owed`: funding that the position owed when it was closed, in minor units.
        """
        for liquidation in self.open.values():
            if (
                liquidation.isolated is not None
                and liquidation.account == account.name
                and not liquidation.closed
                and account.position(liquidation.key) is None
            ):
                liquidation.closed, liquidation.owed = True, owed

    def forget(self, account: str) -> None:
        """Forget the liquidations of a closed account."""
        for key in [key for key in self.open if key[0] == account]:
            del self.open[key]

    def forget_instrument(self, instrument: str) -> list[Liquidation]:
        """Forget and return the liquidations in a delisted instrument."""
        gone = [each for each in self.open.values() if each.instrument == instrument]
        for each in gone:
            del self.open[each.account, each.liquidation_id]
        return gone

    def _of(self, event: LiquidationEvent) -> Liquidation:
        key = (event.account, event.liquidation_id)
        if key not in self.open:
            self.open[key] = Liquidation(
                account=event.account,
                liquidation_id=event.liquidation_id,
                instrument=event.instrument,
                leg=event.leg,
                started=False,
                bankruptcy_price=None,
                size=Fraction(0),
                filled={},
                fees=Fraction(0),
            )
        return self.open[key]

    def export_state(self) -> list[Any]:
        """Return everything as plain values, in a canonical order."""
        return [
            [
                *key,
                liquidation.instrument,
                liquidation.leg,
                liquidation.started,
                _plain_price(liquidation.bankruptcy_price),
                _plain_price(liquidation.fillable_price),
                _plain_price(liquidation.equity),
                liquidation.started_ns,
                liquidation.mispriced,
                exact_text(liquidation.size),
                [
                    [price, exact_text(filled)]
                    for price, filled in sorted(liquidation.filled.items())
                ],
                exact_text(liquidation.fees),
                None
                if liquidation.isolated is None
                else [
                    liquidation.isolated.margin,
                    liquidation.isolated.entry,
                    liquidation.closed,
                    str(liquidation.owed),
                ],
                None if liquidation.episode is None else liquidation.episode.export_state(),
            ]
            for key, liquidation in sorted(self.open.items())
        ]

    @classmethod
    def from_state(cls, state: list[Any]) -> "LiquidationBook":
        """Return the book that `export_state` described."""
        book = cls()
        episodes: dict[str, Episode] = {}  # one that two liquidations remember is one
        for (
            account,
            identity,
            instrument,
            leg,
            started,
            bankruptcy,
            fillable,
            equity,
            started_ns,
            mispriced,
            size,
            filled,
            fees,
            isolated,
            kept,
        ) in state:
            liquidation = Liquidation(
                account=account,
                liquidation_id=identity,
                instrument=instrument,
                leg=leg,
                started=started,
                bankruptcy_price=_price(bankruptcy),
                size=to_fraction(size),
                filled={price: to_fraction(contracts) for price, contracts in filled},
                fees=to_fraction(fees),
                fillable_price=_price(fillable),
                equity=_price(equity),
                started_ns=started_ns,
                mispriced=mispriced,
            )
            if isolated is not None:
                liquidation.isolated = IsolatedStart(isolated[0], isolated[1])
                liquidation.closed, liquidation.owed = isolated[2], int(isolated[3])
            if kept is not None:
                liquidation.episode = episodes.setdefault(kept[0], Episode.from_state(kept))
            book.open[account, identity] = liquidation
        return book


def _plain_price(price: Fraction | None) -> list[str] | None:
    return None if price is None else [str(price.numerator), str(price.denominator)]


def _price(plain: list[str] | None) -> Fraction | None:
    return None if plain is None else Fraction(int(plain[0]), int(plain[1]))
