"""One round of deleveraging as every policy sees it, and what a policy gives back.

Amounts are exact rationals in the valuation currency. A policy is a `Rule`: the fields that it
needs, the unit that it splits (whole lots, or pnl) and one pure function from a round and an
amount to its shares, in the order in which it would execute them.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

from monitor.core.amounts import REPORT_DIGITS, rounded_text, to_fraction
from monitor.core.contracts import notional, unrealized_pnl

Unit = Literal["contracts", "pnl"]


def settled(value: Fraction) -> Fraction:
    """Return a quotient as a decimal of 18 significant digits.

    The exact sum of thousands of quotients by different numbers would have thousands of digits.
    """
    return to_fraction(rounded_text(value, REPORT_DIGITS))


@dataclass(slots=True, frozen=True)
class Past:
    """A recorded round: the deficit there was, and what of it was needed in the end."""

    deficit: Fraction
    needed: Fraction


@dataclass(slots=True, frozen=True, kw_only=True)
class Winner:
    """A candidate's position; None is what the policy at hand does not need.

    `lots` is its magnitude in whole lots; `other_exposure` what its account holds beside it of
    the same factor (> 0 long); `equity_min` what a haircut must leave it.
    """

    account: str
    lots: int
    entry_price: Fraction | None = None
    equity: Fraction | None = None
    wallet_balance: Fraction | None = None
    maintenance_margin: Fraction | None = None
    owner: str | None = None
    haircut_max: Fraction = Fraction(1)
    equity_min: Fraction | None = None
    other_exposure: Fraction = Fraction(0)


@dataclass(slots=True, frozen=True, kw_only=True)
class Round:
    """The winners of one side of one instrument, and the prices of the close.

    `settlement_price` is what one unit of the settlement currency is worth: 1 unless said
    otherwise, the mark for inverse contracts.
    """

    kind: str
    contract_size: Fraction
    lot_size: Fraction
    side: str
    winners: tuple[Winner, ...]
    mark_price: Fraction | None = None
    bankruptcy_price: Fraction | None = None
    settlement_price: Fraction | None = None
    past: tuple[Past, ...] = ()
    seed: int = 1

    @property
    def direction(self) -> int:
        """Return 1 when the winners are long, -1 when they are short."""
        return 1 if self.side == "long" else -1

    def mark(self) -> Fraction:
        """Return the mark price, which the policy declared that it needs."""
        assert self.mark_price is not None
        return self.mark_price

    def worth(self) -> Fraction:
        """Return the value of one unit of the settlement currency."""
        if self.settlement_price is not None:
            return self.settlement_price
        return self.mark() if self.kind == "inverse" else Fraction(1)

    def quantity(self, lots: int | Fraction) -> Fraction:
        """Return so many lots of this side as the signed quantity of the contract formulas."""
        return self.direction * lots * self.lot_size * self.contract_size

    def notional(self, lots: int | Fraction) -> Fraction:
        """Return the value (> 0) of so many lots at the mark."""
        return notional(self.kind, self.quantity(lots), self.mark()) * self.worth()

    def gain(self, winner: Winner) -> Fraction:
        """Return a winner's unrealized pnl at the mark, negative for a loss.

        For inverse contracts to 18 significant digits.
        """
        assert winner.entry_price is not None
        quantity = self.quantity(winner.lots)
        pnl = unrealized_pnl(self.kind, quantity, winner.entry_price, self.mark())
        return settled(pnl * self.worth()) if self.kind == "inverse" else pnl * self.worth()

    def pnl_ratio(self, winner: Winner) -> Fraction:
        """Return unrealized pnl / entry value."""
        assert winner.entry_price is not None
        entry_value = notional(self.kind, self.quantity(winner.lots), winner.entry_price)
        return self.gain(winner) / (entry_value * self.worth())

    def leverage(self, winner: Winner) -> Fraction | None:
        """Return notional / equity, None for infinite (equity 0)."""
        assert winner.equity is not None
        return self.notional(winner.lots) / winner.equity if winner.equity else None

    def concession(self) -> Fraction | None:
        """Return what a winner gives up per lot that is closed at the bankruptcy price.

        Against the mark; < 0 if that price is the better one for it, None without both prices.
        """
        if self.mark_price is None or self.bankruptcy_price is None:
            return None
        lot = self.quantity(1)
        pnl = unrealized_pnl(self.kind, lot, self.bankruptcy_price, self.mark_price)
        return pnl * self.worth()


@dataclass(slots=True, frozen=True)
class Share:
    """What a policy takes from a winner: whole lots, or pnl; `score` None is infinite or none."""

    winner: Winner
    taken: int | Fraction
    score: Fraction | None


Split = Callable[[Round, Unit, Fraction], list[Share]]


@dataclass(slots=True, frozen=True)
class Rule:
    """A policy: its name, the unit that it splits, what it needs, and its function.

    `unit` None: it splits whichever unit is asked. `needs` names fields of a candidate,
    `prices` fields of the file. `split` gets the amount in lots (a whole number) or in pnl and
    returns a share for every winner, those with nothing included.
    """

    name: str
    unit: Unit | None
    needs: tuple[str, ...]
    prices: tuple[str, ...]
    split: Split


def name_order(winner: Winner) -> bytes:
    """Return the key that breaks every tie: the account's UTF-8 bytes."""
    return winner.account.encode("utf-8")


def by_score(
    winners: Sequence[Winner], score: Callable[[Winner], Fraction | None]
) -> list[tuple[Winner, Fraction | None]]:
    """Return winners with their scores, highest first; None is infinite; ties by account."""
    scored = [(winner, score(winner)) for winner in winners]
    return sorted(
        scored, key=lambda pair: (pair[1] is not None, -(pair[1] or 0), name_order(pair[0]))
    )


def take_whole(order: Sequence[tuple[Winner, Fraction | None]], lots: Fraction) -> list[Share]:
    """Return what a queue takes: each position whole, in order, until nothing is asked."""
    rest = int(lots)
    shares = []
    for winner, score in order:
        taken = min(rest, winner.lots)
        shares.append(Share(winner, taken, score))
        rest -= taken
    return shares
