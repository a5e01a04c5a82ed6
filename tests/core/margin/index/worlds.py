"""Random exchanges, each kept twice: by the engine in objects and by the index in columns."""

import math
import random
from collections.abc import Iterator
from typing import Any

from monitor.core import events as e
from monitor.core.engine import RiskEngine
from monitor.core.margin.book import MarginUnit, owns_payment
from monitor.core.margin.index.columns import (
    AMOUNT,
    COLLATERAL,
    POSITION,
    UNDECIDED,
    Capacity,
)
from monitor.core.margin.index.index import Item, ThresholdIndex
from monitor.core.margin.index.terms import collateral_tiers, terms_of
from monitor.core.margin.totals import liquidation_is_over, unit_totals
from monitor.core.settings import EngineSettings, MarginSettings

STATE_NAMES = ("healthy", "margin_call", "liquidatable", "bankrupt", "unknown", "undecided")
TIERS = [
    e.RiskTier(notional_max="50", initial_margin_rate="0.02", maintenance_margin_rate="0.01"),
    e.RiskTier(notional_max="400", initial_margin_rate="0.05", maintenance_margin_rate="0.04"),
    e.RiskTier(initial_margin_rate="0.2", maintenance_margin_rate="0.15"),
]
JUMPS = [
    e.RiskTier(
        notional_max="120",
        initial_margin_rate="0.02",
        maintenance_margin_rate="0.01",
        maintenance_deduction="0",
    ),
    e.RiskTier(
        notional_max="500",
        initial_margin_rate="0.05",
        maintenance_margin_rate="0.06",
        maintenance_deduction="2",
    ),
    e.RiskTier(initial_margin_rate="0.5", maintenance_margin_rate="1", maintenance_deduction="300"),
]
MODELS: list[e.MarginModel | None] = [
    e.SizeLinear(
        initial_margin_rate="0.05", maintenance_margin_rate="0.02", rate_per_unit="0.0003"
    ),
    e.SquareRoot(factor="0.004"),
    e.SkewScaled(skew_scale="10000", ratio="2"),
    e.OpenInterestScaled(lower="10", upper="100"),
]
KINDS: tuple[e.InstrumentKind, ...] = ("linear", "linear", "inverse", "quanto")
INDICES = {"COIN": "COIN-USD", "GEM": "GEM-USD"}


def price(chance: random.Random, middle: float = 10.0, width: float = 0.2) -> str:
    return f"{middle * math.exp(chance.gauss(0, width)):.4f}"


class World:
    """One exchange: `engine` is the slow truth, `index` what is tested; `numbers` joins them."""

    def __init__(
        self,
        seed: int,
        *,
        accounts: int = 12,
        instruments: int = 4,
        jumping: bool = False,
        rare: float = 0.15,
        liquidating: bool = False,
    ) -> None:
        self.liquidating = liquidating  # every unit is in liquidation, and prices move little
        self.jumping = jumping  # every instrument has tiers with jumps
        self.rare = rare  # share of instruments that have each of the rarer rules
        self.chance = random.Random(seed)
        self.engine = RiskEngine(EngineSettings(margin=MarginSettings(liquidation_end_ratio=0.7)))
        self.sequences: dict[str, int] = {}
        self.names = [f"I{number}" for number in range(instruments)]
        self.engine.apply([*self._listings()])
        for number in range(accounts):
            for name in (*self.names, *self.names):  # often two legs
                self.engine.apply(self._position(f"a{number}", name))
            for asset in ("USDT", "COIN", "GEM"):
                self.engine.apply(self._balance(f"a{number}", asset))
        self.decided = 0
        rules = self.engine.rules
        self.over: dict[str, bool] = {}  # units in liquidation: clear of its end, when last told
        self.index = ThresholdIndex(
            rules.call_factor, Capacity(64, 256, 4, 2, 9000), end_factor=float(1 / rules.end_ratio)
        )
        self._fill()

    # --- the engine's side ---------------------------------------------------------------------

    def _listings(self) -> Iterator[e.AnyEvent]:
        chance = self.chance
        tiers = [
            e.HaircutTier(value_max="300", haircut="0.05"),
            e.HaircutTier(haircut="0.4"),
        ]
        yield e.CollateralListed(event_ns=1, asset="COIN", index="COIN-USD", haircut_tiers=tiers)
        yield e.CollateralListed(event_ns=1, asset="GEM", index="GEM-USD", haircut="0.1")
        for index in INDICES.values():
            yield e.IndexPriceChanged(event_ns=1, index=index, price=price(chance))
        for name in self.names:
            yield self._listing(name)
            if chance.random() < 0.95:
                yield e.MarkPriceChanged(event_ns=1, instrument=name, price=price(chance))

    def _listing(self, name: str) -> e.InstrumentListed:
        chance = self.chance
        kind = chance.choice(KINDS)
        coin = chance.choice(["COIN", "GEM"])
        fee = chance.choice(["0", "0", "0.001"])
        at_bankruptcy = chance.random() < self.rare
        if at_bankruptcy:
            fee = chance.choice(["0.001", "0.03"])
        tiers = chance.choice([TIERS, TIERS, TIERS[2:], JUMPS, []])
        model = chance.choice([None, None, None, *MODELS])
        margin_price: Any = chance.choice(["mark_price", "mark_price", "entry_price"])
        if self.jumping:
            tiers, model, margin_price = JUMPS, None, "mark_price"
        return e.InstrumentListed(
            event_ns=1,
            instrument=name,
            kind=kind,
            base=coin,
            quote="USDT",
            settlement_currency="USDT" if kind == "linear" else coin,
            contract_size="0.1" if kind == "quanto" else "1",
            lot_size="1",
            tick_size="0.01",
            index=INDICES[coin],
            risk_tiers=tiers,
            margin_model=model,
            closing_fee_rate=fee,
            closing_fee_basis="none"
            if fee == "0"
            else "bankruptcy_price"
            if at_bankruptcy
            else "mark_price",
            margin_price=margin_price,
            hedge_margin="larger" if chance.random() < self.rare else "both",
            bankruptcy_price_after_fee=chance.random() < 0.5,
            liquidation_buffer_rate="0.02" if chance.random() < self.rare else "0",
        )

    def _next(self, account: str) -> int:
        self.sequences[account] = self.sequences.get(account, 0) + 1
        return self.sequences[account]

    def _position(self, account: str, name: str) -> list[e.AnyEvent]:
        chance = self.chance
        if chance.random() < 0.4:
            return []
        leg: e.Leg = chance.choice(["net", "net", "net", "long", "short"])
        isolated = chance.random() < 0.2
        size = chance.choice([-60, -12, -1, 0, 1, 4, 12, 30])
        if leg != "net":
            size = abs(size) if leg == "long" else -abs(size)
        return [
            e.PositionChanged(
                event_ns=2,
                account=account,
                seq=self._next(account),
                instrument=name,
                leg=leg,
                size=str(size),
                entry_price=price(chance) if size else None,
                margin_mode="isolated" if isolated else "cross",
                isolated_margin=f"{chance.uniform(0, 30):.2f}" if isolated else None,
            )
        ]

    def _balance(self, account: str, asset: str) -> list[e.AnyEvent]:
        amount = self.chance.gauss(60, 120) if asset == "USDT" else self.chance.gauss(4, 12)
        return [
            e.BalanceChanged(
                event_ns=2,
                account=account,
                seq=self._next(account),
                asset=asset,
                balance=f"{amount:.2f}" if self.chance.random() < 0.8 else "0",
                reason="deposit",
            )
        ]

    def exact(self, unit: MarginUnit) -> str:
        """Return the state of a unit in exact rationals."""
        totals = unit_totals(unit, self.engine.market, self.engine.rules)
        if totals is None:
            return "unknown"
        return self.engine.rules.state(
            totals.equity, totals.maintenance_margin, has_position=totals.has_position
        )

    def is_over(self, unit: MarginUnit) -> bool:
        """Return whether a unit is clear of the end of a liquidation, in exact rationals."""
        market, rules = self.engine.market, self.engine.rules
        totals = unit_totals(unit, market, rules)
        return totals is not None and liquidation_is_over(unit, market, rules, totals)

    # --- the index's side ----------------------------------------------------------------------

    def _fill(self) -> None:
        market, index = self.engine.market, self.index
        self.slots: dict[str, int] = {}
        for name in INDICES.values():
            self.slots[name] = index.add_price(market.indices[name].number)
        self.instruments: dict[str, int] = {}
        for name in self.names:
            quote = market.marks.get(name)
            self.slots[name] = index.add_price(math.nan if quote is None else quote.number)
            instrument = market.instruments[name]
            terms = terms_of(instrument, self.slots[name], self._value_slot(instrument.settlement))
            self.instruments[name] = index.add_instrument(terms)
        self.collateral = {
            asset: index.add_collateral(self._value_slot(asset), collateral_tiers(rule))
            for asset, rule in market.collateral.items()
        }
        self.numbers: dict[str, int] = {}
        self.units: dict[str, MarginUnit] = {}
        for unit in self.engine.shards.engines[0].units():
            self._set(unit)

    def _value_slot(self, asset: str) -> int:
        index = self.engine.market.index_of(asset)
        return 0 if index is None else self.slots[index]

    def _set(self, unit: MarginUnit) -> None:
        number = self.numbers.setdefault(unit.name, len(self.numbers))
        self.units[unit.name] = unit
        self._decide(self.index.set_unit(number, self._items(unit)))
        if self.liquidating and unit.name not in self.over:
            self._begin_or_end_liquidation(unit.name)

    def _items(self, unit: MarginUnit) -> list[Item]:
        market, account = self.engine.market, unit.account
        items: list[Item] = []
        if unit.key is None:
            for asset, amount in account.balances.items():
                quantity = amount * market.unit(asset).number
                if asset in market.collateral:
                    items.append(Item(COLLATERAL, self.collateral[asset], quantity))
                elif amount < 0 or market.counts(asset):
                    items.append(Item(AMOUNT, self._value_slot(asset), quantity))
        for position in unit.positions():
            number = self.instruments[position.instrument.name]
            items.append(Item(POSITION, number, position.quantity, position.entry))
        if unit.key is not None:
            own = account.positions[unit.key]
            asset = own.instrument.settlement
            quantity = own.isolated_margin * market.unit(asset).number
            items.append(Item(AMOUNT, self._value_slot(asset), quantity))
        for payment in account.pending_funding:
            if owns_payment(unit, payment):
                quantity = -payment.amount * market.unit(payment.asset).number
                items.append(Item(AMOUNT, self._value_slot(payment.asset), quantity))
        return items

    def _decide(self, changes: Any) -> None:
        """Answer what the index asks, by exact rationals."""
        names = {number: name for name, number in self.numbers.items()}
        for unit, after in zip(changes["unit"].tolist(), changes["after"].tolist(), strict=True):
            name = names[unit]
            if name in self.over:
                self.over[name] = self.is_over(self.units[name])
            if after == UNDECIDED:
                self.decided += 1
                state = self.exact(self.units[name])
                self.index.decide(unit, STATE_NAMES.index(state))

    # --- what happens --------------------------------------------------------------------------

    def step(self) -> None:
        """Let one random thing happen to both."""
        chance = self.chance
        what = chance.random()
        if what < 0.2:
            self._change_account()
        elif what < 0.25:
            self._begin_or_end_liquidation(chance.choice(sorted(self.units)))
        else:
            count = 1 if what < 0.7 else chance.randint(2, len(self.slots))
            width = chance.choice([0.0005, 0.01, 0.01 if self.liquidating else 0.3])
            self._move(chance.sample(sorted(self.slots), count), width)

    def _move(self, names: list[str], width: float) -> None:
        market = self.engine.market
        prices: list[float] = []
        for name in names:
            quotes = market.indices if name in market.indices else market.marks
            quote = quotes.get(name)
            text = price(self.chance, 10.0 if quote is None else quote.number, width)
            text = text if float(text) > 0.01 else "0.01"
            prices.append(float(text))
            event: e.AnyEvent = (
                e.IndexPriceChanged(event_ns=4, index=name, price=text)
                if name in market.indices
                else e.MarkPriceChanged(event_ns=4, instrument=name, price=text)
            )
            self.engine.apply([event])
        slots = [self.slots[name] for name in names]
        by_rescan = self.chance.choice([None, False, True])
        self._decide(self.index.move(slots, prices, by_rescan=by_rescan))

    def _begin_or_end_liquidation(self, name: str) -> None:
        self.index.set_ending(self.numbers[name], ending=name not in self.over)
        if self.over.pop(name, None) is None:
            self.over[name] = self.is_over(self.units[name])

    def _change_account(self) -> None:
        account = self.chance.choice(sorted(self.sequences))
        events = self._position(account, self.chance.choice(self.names))
        events += self._balance(account, self.chance.choice(["USDT", "COIN", "GEM"]))
        self.engine.apply(events)
        present = {unit.name: unit for unit in self.engine.shards.engines[0].units()}
        for name in [name for name in self.units if name.split("/")[0] == account]:
            if name not in present:
                self.index.remove_units([self.numbers[name]])
                del self.units[name]
                self.over.pop(name, None)
        for name, unit in present.items():
            if name.split("/")[0] == account:
                self._set(unit)

    def differences(self) -> list[tuple[str, str, str, str]]:
        """Return each unit whose state in the index is not the exact one, or whose verdict is.

        And each of whose liquidation the end came without a report.
        """
        found = []
        for name, unit in self.units.items():
            number, wanted = self.numbers[name], self.exact(unit)
            held = STATE_NAMES[self.index.states([number])[0]]
            fresh = STATE_NAMES[self.index.verdicts([number])[0]]
            if held != wanted or fresh not in (wanted, "undecided"):
                found.append((name, wanted, held, fresh))
            if name in self.over and self.over[name] != self.is_over(unit):
                found.append((name, "end", str(self.over[name]), held))
        return found
