"""One round of deleveraging as every policy sees it: the winners of a side and the prices.

Amounts are exact rationals in the valuation currency.
"""

from dataclasses import dataclass, replace
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

    `lots` is how many whole lots may be closed, `odd_lots` what it holds beyond them, in lots;
    `other_exposure` what its account holds beside it of the same factor (> 0 long); `equity_min`
    what a haircut must leave it. The positions of an account share its equity, but for isolated
    ones.
    """

    account: str
    lots: int
    leg: str = "net"
    odd_lots: Fraction = Fraction(0)
    isolated: bool = False
    entry_price: Fraction | None = None
    equity: Fraction | None = None
    wallet_balance: Fraction | None = None
    maintenance_margin: Fraction | None = None
    owner: str | None = None
    haircut_max: Fraction = Fraction(1)
    equity_min: Fraction | None = None
    other_exposure: Fraction = Fraction(0)

    @property
    def size(self) -> Fraction:
        """Return the whole position in lots, > 0."""
        return self.lots + self.odd_lots

    @property
    def name(self) -> str:
        """Return what tells positions apart and breaks ties: the account, then the leg."""
        return f"{self.account}\0{self.leg}"


@dataclass(slots=True, frozen=True, kw_only=True)
class Round:
    """The winners of one side of one instrument, and the prices of the close.

    `settlement_price` is what one unit of the settlement currency is worth: 1 unless said
    otherwise, the mark for inverse contracts. `spares_counterparties`: nobody is made bankrupt by
    what it gives, but for policies whose venue says so.
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
    spares_counterparties: bool = False

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

    def pnl(self, winner: Winner) -> Fraction:
        """Return a winner's exact unrealized pnl at the mark, negative for a loss."""
        assert winner.entry_price is not None
        quantity = self.quantity(winner.size)
        return unrealized_pnl(self.kind, quantity, winner.entry_price, self.mark()) * self.worth()

    def gain(self, winner: Winner) -> Fraction:
        """Return a winner's unrealized pnl, for inverse contracts to 18 significant digits."""
        pnl = self.pnl(winner)
        return settled(pnl) if self.kind == "inverse" else pnl

    def pnl_ratio(self, winner: Winner) -> Fraction:
        """Return unrealized pnl / entry value."""
        assert winner.entry_price is not None
        quantity = self.quantity(winner.size)
        pnl = unrealized_pnl(self.kind, quantity, winner.entry_price, self.mark())
        return pnl / notional(self.kind, quantity, winner.entry_price)

    def leverage(self, winner: Winner) -> Fraction | None:
        """Return notional / equity, None for infinite (equity 0)."""
        assert winner.equity is not None
        return self.notional(winner.size) / winner.equity if winner.equity else None

    def concession(self) -> Fraction | None:
        """Return what a winner gives up per lot that is closed at the bankruptcy price.

        Against the mark; < 0 if that price is the better one for it, None without both prices.
        """
        if self.mark_price is None or self.bankruptcy_price is None:
            return None
        lot = self.quantity(1)
        pnl = unrealized_pnl(self.kind, lot, self.bankruptcy_price, self.mark_price)
        return pnl * self.worth()

    def sparing(self, unit: Unit) -> "Round":
        """Return the round in which nobody can be asked for more than leaves its equity >= 0.

        In contracts fewer lots may be closed, in pnl the largest haircut is smaller. Positions that
        share an equity are asked in the order of their names. Winners without equity stay as they
        are.
        """
        concession = self.concession() if unit == "contracts" else None
        if unit == "contracts" and (concession is None or concession <= 0):
            return self
        spent: dict[tuple[str, str | None], Fraction] = {}
        spared: dict[str, Winner] = {}
        for winner in sorted(self.winners, key=lambda one: one.name.encode("utf-8")):
            if winner.equity is None:
                continue
            payer = (winner.account, winner.leg if winner.isolated else None)
            able = max(Fraction(0), winner.equity - spent.get(payer, Fraction(0)))
            spared[winner.name], most = self._spare(winner, concession, able)
            spent[payer] = spent.get(payer, Fraction(0)) + most
        return replace(self, winners=tuple(spared.get(one.name, one) for one in self.winners))

    def _spare(
        self, winner: Winner, concession: Fraction | None, able: Fraction
    ) -> tuple[Winner, Fraction]:
        """Return a winner that can give at most `able`, and the most that it then gives.

        `concession`: what each lot gives up, None in pnl.
        """
        if concession is None:
            gain = self.gain(winner)
            if gain <= 0:
                return winner, Fraction(0)
            haircut = min(winner.haircut_max, able / gain)
            return replace(winner, haircut_max=haircut), haircut * gain
        lots = min(winner.lots, int(able // concession))
        return replace(winner, lots=lots, odd_lots=winner.size - lots), lots * concession
