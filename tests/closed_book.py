"""Random books in which nothing is missing: every trade has both sides, every fee a receiver.

The exchange of these sequences keeps exact cash (fractions) and books the nearest minor unit, so
whatever the engine adds up may be off by rounding only: one minor unit an account and asset.
Between two operations nothing is half-delivered.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from hypothesis import strategies as st

from monitor.core import events
from tests.builders import Journal

LINEAR, INVERSE = "ETH-PERP", "BTC-INV"
SETTLEMENT = {LINEAR: "USD", INVERSE: "BTC"}
CONTRACT_SIZE = {LINEAR: Fraction(1, 10), INVERSE: Fraction(7)}
HOUSE = "house"
TRADERS = ["ann", "bob", "cay", "dan"]
UNIT = Fraction(1, 10**8)
PRICES = ["7", "9.5", "10", "11", "13", "20"]


def gain(instrument: str, size: Fraction, entry: Fraction, price: Fraction) -> Fraction:
    """Return the exact gain of a position in its settlement currency."""
    contracts = size * CONTRACT_SIZE[instrument]
    if instrument == INVERSE:
        return contracts * (1 / entry - 1 / price)
    return contracts * (price - entry)


@dataclass
class Holding:
    """A position: signed size, the price it was last settled at, and its own margin if isolated."""

    size: Fraction = Fraction(0)
    entry: Fraction = Fraction(0)
    margin: Fraction | None = None


@dataclass
class Exchange:
    """Exact cash and positions, and the journal of what was told."""

    draw: Callable[[st.SearchStrategy[Any]], Any]
    journal: Journal = field(default_factory=Journal)
    cash: dict[tuple[str, str], Fraction] = field(default_factory=dict)
    holdings: dict[tuple[str, str], Holding] = field(default_factory=dict)
    marks: dict[str, Fraction] = field(default_factory=dict)
    funds: dict[str, Fraction] = field(default_factory=dict)
    deposits: dict[str, Fraction] = field(default_factory=dict)
    liquidations: int = 0

    def pick(self, choices: Sequence[Any]) -> Any:
        """Return one of the choices."""
        return self.draw(st.sampled_from(choices))

    def open(self) -> None:
        """List everything and give everybody some cash."""
        for instrument, kind in ((LINEAR, "linear"), (INVERSE, "inverse")):
            self.journal.list_instrument(
                instrument,
                kind,
                contract_size="0.1" if kind == "linear" else "7",
                fund=f"fund-{SETTLEMENT[instrument]}",
            )
            self.mark(instrument, "10")
        self.journal.index("BTC", "10")
        for asset in ("USD", "BTC"):
            self.funds[asset] = Fraction(3)
            self.deposits[asset] = Fraction(3)
            self.journal.fund(f"fund-{asset}", 3, asset)
            for trader in TRADERS:
                self.book(trader, asset, Fraction(5), "deposit")
                self.deposits[asset] += 5

    def mark(self, instrument: str, price: str) -> None:
        """Move a mark."""
        self.marks[instrument] = Fraction(price)
        self.journal.mark(instrument, price)

    def book(self, account: str, asset: str, change: Fraction, reason: str, **fields: Any) -> None:
        """Change an account's exact cash and tell the nearest minor unit."""
        after = self.cash.get((account, asset), Fraction(0)) + change
        self.cash[account, asset] = after
        self.journal.balance(account, round(after / UNIT) * UNIT, asset, reason, **fields)

    def holding(self, account: str, instrument: str) -> Holding:
        """Return a position of an account."""
        return self.holdings.setdefault((account, instrument), Holding())

    def tell(self, account: str, instrument: str, **fields: Any) -> None:
        """Tell an account's position as it is now."""
        held = self.holding(account, instrument)
        if held.size == 0 and held.margin is not None:
            self.book(account, SETTLEMENT[instrument], held.margin, "transfer", more=True)
            held.margin = None
        if held.margin is not None:
            fields |= {"margin_mode": "isolated", "isolated_margin": text_of(held.margin)}
        entry = held.entry if held.size else None
        self.journal.position(account, instrument, held.size, entry, **fields)

    # --- operations ---------------------------------------------------------------------------

    def step(self) -> None:
        """Do one thing, completely."""
        self.journal.wait(self.pick([0.0, 1.0, 30.0]))
        self.pick(
            [
                self.trade,
                self.trade,
                self.move,
                self.fund,
                self.isolate,
                self.liquidate,
                self.cash_in,
            ]
        )()

    def move(self) -> None:
        """Move a mark."""
        self.mark(self.pick([LINEAR, INVERSE]), self.pick(PRICES))

    def trade(self) -> None:
        """Let two accounts trade at a price, one of them paying a fee to the house."""
        buyer, seller = self.draw(st.permutations(TRADERS))[:2]
        instrument = self.pick([LINEAR, INVERSE])
        price, size = Fraction(self.pick(PRICES)), Fraction(self.pick([1, 2, 5]))
        self.fill(buyer, instrument, size, price)
        self.fill(seller, instrument, -size, price)
        asset = SETTLEMENT[instrument]
        fee = Fraction(self.pick(["0.01", "0.00000003", "0"]))
        self.book(buyer, asset, -fee, "fee")
        self.book(HOUSE, asset, fee, "fee")

    def fill(self, account: str, instrument: str, size: Fraction, price: Fraction) -> None:
        """Settle a position at a price and change its size there."""
        held = self.holding(account, instrument)
        realized = gain(instrument, held.size, held.entry, price) if held.size else Fraction(0)
        held.size += size
        held.entry = price
        self.book(account, SETTLEMENT[instrument], realized, "trade", more=True)
        self.tell(account, instrument)

    def fund(self) -> None:
        """Let one side pay the other."""
        instrument, rate = self.pick([LINEAR, INVERSE]), Fraction(self.pick(["0.01", "-0.003"]))
        price = self.marks[instrument]
        self.journal.funding(instrument, rate, price, "f")
        for (account, name), held in self.holdings.items():
            if name == instrument and held.size:
                contracts = held.size * CONTRACT_SIZE[instrument]
                worth = contracts / price if instrument == INVERSE else contracts * price
                self.book(account, SETTLEMENT[instrument], -worth * rate, "funding")

    def isolate(self) -> None:
        """Give a position its own margin, or take it back."""
        account, instrument = self.pick(TRADERS), self.pick([LINEAR, INVERSE])
        held = self.holding(account, instrument)
        if not held.size:
            return
        margin = Fraction(0) if held.margin is not None else Fraction(1)
        change = (held.margin or Fraction(0)) - margin
        held.margin = margin or None
        self.book(account, SETTLEMENT[instrument], change, "transfer", more=True)
        self.tell(account, instrument)

    def cash_in(self) -> None:
        """Deposit or withdraw."""
        asset, amount = self.pick(["USD", "BTC"]), Fraction(self.pick(["1", "-1", "0.00000007"]))
        self.deposits[asset] += amount
        reason = "deposit" if amount > 0 else "withdrawal"
        self.book(self.pick(TRADERS), asset, amount, reason)

    def liquidate(self) -> None:
        """Close a position against another account; the fund pays what is missing, if it can."""
        loser, taker = self.draw(st.permutations(TRADERS))[:2]
        instrument = self.pick([LINEAR, INVERSE])
        asset, held = SETTLEMENT[instrument], self.holding(loser, instrument)
        if not held.size:
            return
        self.liquidations += 1
        name, size, price = f"L{self.liquidations}", held.size, self.marks[instrument]
        self.journal.liquidation("started", loser, instrument, -size, None, name)
        self.journal.liquidation("filled", loser, instrument, -size, price, name)
        self.fill(loser, instrument, -size, price)
        self.fill(taker, instrument, size, price)
        self.journal.liquidation("finished", loser, instrument, -size, price, name)
        missing = -self.cash[loser, asset]
        paid = min(missing, self.funds[asset])
        if paid > 0:
            self.funds[asset] -= paid
            self.book(loser, asset, paid, "insurance")
        self.journal.fund(
            f"fund-{asset}", round(self.funds[asset] / UNIT) * UNIT, asset, "liquidation",
            liquidation_ids=[name],
        )  # fmt: skip


def text_of(value: Fraction) -> str:
    """Return a whole amount as text."""
    return str(int(value))


@dataclass
class Chapter:
    """What one operation told, and the net deposits by asset after it."""

    events: list[events.AnyEvent]
    deposits: dict[str, Fraction]


@st.composite
def closed_book(draw: st.DrawFn, *, steps_max: int = 15) -> list[Chapter]:
    """Draw a sequence of whole operations on a closed book."""
    exchange = Exchange(draw)
    exchange.open()
    chapters = [Chapter(exchange.journal.take(), dict(exchange.deposits))]
    for _ in range(draw(st.integers(1, steps_max))):
        exchange.step()
        chapters.append(Chapter(exchange.journal.take(), dict(exchange.deposits)))
    return chapters
