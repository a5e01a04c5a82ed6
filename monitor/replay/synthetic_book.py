"""A made-up book of accounts for real prices: who held what, when all that is known is a candle.

Nobody publishes the accounts behind a crash, so this is an assumption, and every figure that
comes out of it is one of the assumption too:

* accounts come in pairs: one long, one short, of the same size, so long = short;
* the instrument of a pair is drawn with equal chances from those traded at the start;
* the pair's notional is log-normal, median 20,000 USD, sigma 1.2, clipped to 100..1,000,000;
* each side has a leverage of its own: log-normal, median 5, sigma 0.7, clipped to 1..20;
  its deposit is notional / leverage, in USDT, and its entry price is the first price;
* margin tiers are the same everywhere (`TIERS`); cross margin, one position an account;
* the insurance fund starts with `FUND_RATIO` of the open interest;
* whoever is liquidatable at a step is closed at once, whole. All of one step, instrument and
  side fill at one price, worse than the mark by `IMPACT` x their share of the instrument's
  first open interest: a wave of a tenth moves it 1 %, of half 5 %. So a shortfall comes from
  the gap of a step and from the size of the wave;
* one market maker (`BACKSTOP`, with the open interest as its deposit) takes the positions over,
  so long = short stays true;
* the fund pays each deficit as far as it reaches; what it cannot pay stays a debt.
"""

import math
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import numpy.typing as npt

from monitor.core.events import (
    AccountOpened,
    CollateralListed,
    Event,
    InstrumentListed,
    LiquidationEvent,
    LiquidationFilled,
    LiquidationFinished,
    LiquidationStarted,
    MarkPricesChanged,
)
from monitor.replay.demo.contracts import Asset, Contract, schedule
from monitor.replay.demo.journal import BalanceChange, Funds, Journal
from monitor.replay.demo.ledger import Ledger
from monitor.replay.demo.listing import instrument_listed

TIERS = schedule((250_000, "0.02", "0.01"), (1_000_000, "0.03", "0.015"), (None, "0.1", "0.05"))
FUND_RATIO = 0.005
FUND = "insurance-fund"
BACKSTOP = "BACKSTOP"
IMPACT = 0.1
NOTIONAL_MEDIAN_USD, NOTIONAL_SIGMA = 20_000.0, 1.2
NOTIONAL_MIN_USD, NOTIONAL_MAX_USD = 100.0, 1_000_000.0
LEVERAGE_MEDIAN, LEVERAGE_SIGMA = 5.0, 0.7
LEVERAGE_MIN, LEVERAGE_MAX = 1.0, 20.0
USDT = Asset("USDT", digits=8)
USDT_UNITS = USDT.units_per_one

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Book:
    """What a book is made of: `first_prices` in ticks of 10^-digits, by symbol."""

    digits: Mapping[str, int]
    first_prices: Mapping[str, int]
    accounts: int
    seed: int
    impact: float = IMPACT


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a liquidation: size signed as the position changes, price in ticks."""

    size: int
    ticks: int
    liquidation_id: str


def contract_of(symbol: str, digits: int, ticks: int) -> Contract:
    """Return a linear contract on USDT; one contract is worth 10 to 100 USD at `ticks`."""
    tick_size = Fraction(1, 10**digits)
    magnitude = math.floor(math.log10(float(ticks * tick_size)))
    base = symbol.removesuffix("USDT") or symbol
    return Contract(
        instrument=symbol,
        kind="linear",
        base=base,
        quote="USDT",
        settlement=USDT,
        contract_size=Fraction(10) ** (1 - magnitude),
        tick_size=tick_size,
        tiers=TIERS,
        fund=FUND,
        index=None,
    )


class SyntheticBook:
    """The accounts and their exchange; `open` once, then `step` for every change of marks."""

    def __init__(self, book: Book) -> None:
        assert book.accounts >= 2, f"expected at least one pair, received {book.accounts} accounts"
        self.book = book
        self.pairs = book.accounts // 2
        self.symbols = sorted(book.digits)
        starts = {**dict.fromkeys(self.symbols, 0), **book.first_prices}
        self.contracts = [
            contract_of(symbol, book.digits[symbol], starts[symbol] or 10 ** book.digits[symbol])
            for symbol in self.symbols
        ]
        names = [f"LONG-{n:05d}" for n in range(1, self.pairs + 1)]
        names += [f"SHORT-{n:05d}" for n in range(1, self.pairs + 1)]
        self.backstop = len(names)
        self.ledger = Ledger(self.contracts, [USDT], len(names) + 1)
        self.journal = Journal(self.ledger, [*names, BACKSTOP])
        self.funds = Funds(self.journal, [FUND])
        self.marks = [0] * len(self.symbols)
        self.columns: Integers = np.zeros(self.backstop, dtype=np.int64)
        self.listed: set[str] = set()
        self.open_interest = [0] * len(self.symbols)
        self.liquidations = 0

    def open(self, event_ns: int, marks: Mapping[str, int]) -> list[Event]:
        """List what is traded, open the accounts with their positions, fill the fund."""
        self.journal.start_step(event_ns)
        self.journal.add(CollateralListed(event_ns=self.journal.now(), asset=USDT.name))
        self._set_marks(marks)
        sizes, deposits = self._draw()
        for row in range(self.backstop + 1):
            self._open_account(row, int(deposits[row]))
        for pair in range(self.pairs):
            column, size = int(self.columns[pair]), int(sizes[pair])
            self.open_interest[column] += size
            self.ledger.trade(pair, self.pairs + pair, column, size, self.marks[column])
            for row in (pair, self.pairs + pair):
                self.journal.add_change(self.journal.position(row, column))
        open_interest = sum(
            self.contracts[self.columns[pair]].notional(
                int(sizes[pair]), self.marks[self.columns[pair]]
            )
            for pair in range(self.pairs)
        )
        fund = math.floor(open_interest * Fraction(FUND_RATIO).limit_denominator(10_000))
        self.funds.deposit(0, fund * USDT_UNITS)
        return self.journal.take()

    def _open_account(self, row: int, deposit: int) -> None:
        self.journal.add(
            AccountOpened(
                event_ns=self.journal.now(),
                account=self.journal.names[row],
                role="market_maker" if row == self.backstop else "client",
            )
        )
        self.ledger.add(row, 0, deposit)
        self.journal.add_change(self.journal.balance(BalanceChange(row, 0, "deposit")))

    def _draw(self) -> tuple[Integers, Integers]:
        """Return the sizes of the pairs (contracts) and all deposits (minor units)."""
        generator = np.random.default_rng(self.book.seed)
        traded = np.array([self.symbols.index(symbol) for symbol in sorted(self.book.first_prices)])
        columns = traded[generator.integers(0, len(traded), size=self.pairs)]
        self.columns = np.concatenate([columns, columns]).astype(np.int64)
        notionals = np.clip(
            generator.lognormal(np.log(NOTIONAL_MEDIAN_USD), NOTIONAL_SIGMA, self.pairs),
            NOTIONAL_MIN_USD,
            NOTIONAL_MAX_USD,
        )
        leverages = np.clip(
            generator.lognormal(np.log(LEVERAGE_MEDIAN), LEVERAGE_SIGMA, 2 * self.pairs),
            LEVERAGE_MIN,
            LEVERAGE_MAX,
        )
        per_contract = self._contract_values()[columns]
        sizes = np.maximum(1, np.round(notionals / per_contract)).astype(np.int64)
        held = np.tile(sizes * per_contract, 2)
        deposits = np.ceil(held / leverages * USDT_UNITS).astype(np.int64)
        backstop = np.array([math.ceil(float(held.sum()))], dtype=np.int64) * USDT_UNITS
        return sizes, np.concatenate([deposits, backstop])

    def _contract_values(self) -> Floats:
        """Return what one contract of each instrument is worth at the marks, in USD."""
        return np.array(
            [
                float(contract.contract_size * contract.price(mark))
                for contract, mark in zip(self.contracts, self.marks, strict=True)
            ]
        )

    def _set_marks(self, marks: Mapping[str, int]) -> None:
        prices = {}
        for symbol, ticks in marks.items():
            column = self.symbols.index(symbol)
            self.marks[column] = ticks
            if symbol not in self.listed:
                self.listed.add(symbol)
                self.journal.add(self._listing(column))
            prices[symbol] = self.contracts[column].price_text(ticks)
        self.journal.add(MarkPricesChanged(event_ns=self.journal.now(), prices=prices))

    def _listing(self, column: int) -> InstrumentListed:
        return instrument_listed(self.contracts[column], self.journal.now())

    def step(self, event_ns: int, marks: Mapping[str, int]) -> list[Event]:
        """Move the marks, then liquidate whoever is liquidatable at them."""
        self.journal.start_step(event_ns)
        self._set_marks(marks)
        waves: dict[tuple[int, bool], list[int]] = defaultdict(list)
        for row in self._suspects():
            if self._is_liquidatable(row):
                column = int(self.columns[row])
                waves[column, self.ledger.size(row, column) > 0].append(row)
        for (column, selling), rows in waves.items():
            ticks = self._fill_price(column, rows, selling=selling)
            for row in rows:
                self._liquidate(row, ticks)
        self.funds.tell()
        return self.journal.take()

    def _fill_price(self, column: int, rows: list[int], *, selling: bool) -> int:
        """Return the price at which a wave of liquidations of one side fills, in ticks."""
        wave = sum(abs(self.ledger.size(row, column)) for row in rows)
        share = wave / max(wave, self.open_interest[column])
        slippage = self.book.impact * share
        mark = self.marks[column]
        moved = math.floor(mark * (1 - slippage)) if selling else math.ceil(mark * (1 + slippage))
        return max(1, moved)

    def _suspects(self) -> list[int]:
        """Return the accounts that may be liquidatable, by floats; exact checks follow."""
        rows = np.arange(self.backstop)
        sizes = self.ledger.sizes[rows, self.columns].astype(np.float64)
        costs = self.ledger.costs[rows, self.columns] / USDT_UNITS
        values = sizes * self._contract_values()[self.columns]
        equities = self.ledger.balances[: self.backstop, 0] / USDT_UNITS + values - costs
        notionals = np.abs(values)
        # the largest rate without its deduction: never too small
        bounds = notionals * max(float(tier.maintenance_margin_rate) for tier in TIERS)
        return [int(row) for row in np.flatnonzero((sizes != 0) & (equities <= bounds + 1e-6))]

    def _is_liquidatable(self, row: int) -> bool:
        column = int(self.columns[row])
        size, mark = self.ledger.size(row, column), self.marks[column]
        contract = self.contracts[column]
        return self._equity(row) <= contract.maintenance_margin(size, mark) * USDT_UNITS

    def _equity(self, row: int) -> Fraction:
        """Return an account's equity in minor units, exact."""
        column = int(self.columns[row])
        return self.ledger.balance(row, 0) + self.ledger.unrealized(row, column, self.marks[column])

    def _liquidate(self, row: int, ticks: int) -> None:
        column = int(self.columns[row])
        size = self.ledger.size(row, column)
        self.liquidations += 1
        liquidation_id = f"L-{self.liquidations}"
        self.journal.add(
            self._about(LiquidationStarted, row, Part(-size, self.marks[column], liquidation_id))
        )
        filled = self._about(LiquidationFilled, row, Part(-size, ticks, liquidation_id))
        buyer, seller = (self.backstop, row) if size > 0 else (row, self.backstop)
        self.ledger.trade(buyer, seller, column, abs(size), ticks)
        self.journal.add_trade_side(row, column, "liquidation", filled)
        self.journal.add_trade_side(self.backstop, column, "trade")
        self.journal.add(self._about(LiquidationFinished, row, Part(-size, ticks, liquidation_id)))
        paid = min(-self.ledger.balance(row, 0), self.funds.units[0])
        if paid > 0:
            self.ledger.add(row, 0, paid)
            change = BalanceChange(row, 0, "insurance", self.symbols[column])
            self.journal.add_change(self.journal.balance(change))
            self.funds.pay(0, paid, liquidation_id)

    def _about(self, kind: type[LiquidationEvent], row: int, part: Part) -> LiquidationEvent:
        column = int(self.columns[row])
        return kind(
            event_ns=self.journal.now(),
            account=self.journal.names[row],
            seq=self.journal.sequence(row),
            instrument=self.symbols[column],
            size=str(part.size),
            price=self.contracts[column].price_text(part.ticks),
            liquidation_id=part.liquidation_id,
        )
