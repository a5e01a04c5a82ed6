"""The synthetic exchange: prices move, margins break, losses find their bearer.

Deterministic: everything follows from the seed, the length of a cycle and the halts that it is
told. Begin with `Exchange.open`, then call `step` once for every `STEP_NS` of event time.
"""

from collections.abc import Sequence
from fractions import Fraction

import numpy as np

from monitor.core.events import (
    DepthChanged,
    Event,
    IndexPriceChanged,
    MarkPricesChanged,
    TradingStatusChanged,
)
from monitor.replay.demo import listing
from monitor.replay.demo.decimals import units_text
from monitor.replay.demo.depth import OFFSETS, Depth
from monitor.replay.demo.desk import Desk
from monitor.replay.demo.journal import Funds, Journal
from monitor.replay.demo.ledger import Ledger
from monitor.replay.demo.liquidator import Liquidator
from monitor.replay.demo.losses import LossSharing
from monitor.replay.demo.opening import deposit_units, open_accounts
from monitor.replay.demo.population import ACCOUNTS, MARKET_MAKERS, Member, members
from monitor.replay.demo.scenario import (
    CYCLE_DEFAULT_S,
    FUNDING_SHARE,
    LIQUIDITY,
    STEP_NS,
    Market,
    interpolate,
)
from monitor.replay.demo.sessions import Sessions
from monitor.replay.demo.valuation import Valuation

FUND_RATIO = 0.001  # of the open interest that the fund stands behind
DEPTH_EVERY_STEPS = 5


class Exchange:
    """The whole exchange; `open` and `step` return what it tells the world."""

    def __init__(
        self, *, seed: int, cycle_s: float, start_ns: int, accounts: int = ACCOUNTS
    ) -> None:
        self._generator = np.random.default_rng(seed)
        self.start_ns = start_ns
        self.cycle_steps = max(20, round(cycle_s * 1e9 / STEP_NS))
        self.steps = 0
        self.population: list[Member] = members(self._generator, accounts)
        self.market = Market(listing.INDEX_STARTS, listing.INDEX_BETAS, self._generator, [0.0, 0.0])
        self.indices = [round(price * 100) for price in listing.INDEX_STARTS]
        ledger = Ledger(listing.CONTRACTS, listing.ASSETS, len(self.population))
        journal = Journal(ledger, [member.name for member in self.population])
        self.desk = Desk(
            ledger=ledger,
            journal=journal,
            valuation=Valuation(ledger),
            funds=Funds(journal, listing.FUNDS),
            depths=self._depths(),
            makers=range(MARKET_MAKERS),
            net_deposits=[0] * len(listing.ASSETS),
        )
        self.losses = LossSharing(self.desk)
        self.liquidator = Liquidator(self.desk, self.losses)
        self.sessions: Sessions | None = None
        self.funds_at_start: Sequence[int] = ()

    def _depths(self) -> list[Depth]:
        depths = []
        for column, contract in enumerate(listing.CONTRACTS):
            price = listing.INDEX_STARTS[listing.INDEX_OF_CONTRACT[column]]
            size = float(contract.contract_size)
            per_contract = size * price if contract.kind == "linear" else size
            depths.append(Depth(listing.DEPTH_USD[column] / per_contract))
        return depths

    @property
    def event_ns(self) -> int:
        """Return the event time of the step to come."""
        return self.start_ns + self.steps * STEP_NS

    @property
    def share(self) -> float:
        """Return how far the cycle is, 0 to 1."""
        return (self.steps % self.cycle_steps) / self.cycle_steps

    def open(self) -> list[Event]:
        """List everything, let all accounts in, and fill the funds."""
        desk = self.desk
        desk.journal.start_step(self.event_ns)
        for event in listing.listing(desk.journal, listing.CONTRACTS):
            desk.journal.add(event)
        self._set_prices(self.market.step(0.0))
        open_accounts(desk, self.population)
        self.funds_at_start = self._fund_targets()
        self.sessions = Sessions(desk, self.losses, self.population, self.funds_at_start)
        self.sessions.refill_funds()
        for column in range(len(listing.CONTRACTS)):
            self._tell_depth(column)
        self.steps += 1
        return desk.journal.take()

    def _fund_targets(self) -> list[int]:
        usd = [0.0] * len(listing.ASSETS)
        for column, asset in enumerate(self.desk.ledger.settlement):
            usd[asset] += float(self.desk.valuation.notionals(column).sum()) / 2 * FUND_RATIO
        return [deposit_units(self.desk, asset, amount) for asset, amount in enumerate(usd)]

    def step(self) -> list[Event]:
        """Move time on by one step and return what happened in it."""
        assert self.sessions is not None, "expected open() before step()"
        desk, share = self.desk, self.share
        desk.journal.start_step(self.event_ns)
        desk.funds.tell()
        seconds = CYCLE_DEFAULT_S / self.cycle_steps  # in a cycle of the default length
        for depth in desk.depths:
            depth.pass_time(seconds, interpolate(LIQUIDITY, share))
        if self.steps == 1 or self.steps % self.cycle_steps == 0:
            wait = round(FUNDING_SHARE * self.cycle_steps) * STEP_NS
            self.sessions.start_cycle(self.event_ns + wait)
        self._set_prices(self.market.step(share))
        self._end_halts()
        self.liquidator.step()
        self.sessions.trade_around(self._generator)
        self.sessions.step(share, self.cycle_steps - self.steps % self.cycle_steps)
        column = self.steps % DEPTH_EVERY_STEPS
        if column < len(listing.CONTRACTS):
            self._tell_depth(column)
        self.steps += 1
        return desk.journal.take()

    def halt(self, instrument: str, seconds: float) -> bool:
        """Stop trading and liquidating an instrument; takes effect with the next step."""
        names = [contract.instrument for contract in listing.CONTRACTS]
        if instrument not in names or names.index(instrument) in self.desk.halted_until_ns:
            return False
        until_ns = self.event_ns + round(seconds * 1e9)
        self.desk.journal.start_step(self.event_ns)
        self.desk.halted_until_ns[names.index(instrument)] = until_ns
        self.desk.journal.add(
            TradingStatusChanged(
                event_ns=self.desk.journal.now(),
                instrument=instrument,
                status="halted",
                until_ns=until_ns,
            )
        )
        return True

    def _end_halts(self) -> None:
        for column, until_ns in list(self.desk.halted_until_ns.items()):
            if self.event_ns >= until_ns:
                del self.desk.halted_until_ns[column]
                self.desk.journal.add(
                    TradingStatusChanged(
                        event_ns=self.desk.journal.now(),
                        instrument=listing.CONTRACTS[column].instrument,
                        status="open",
                    )
                )

    def _set_prices(self, indices: list[float]) -> None:
        journal, valuation = self.desk.journal, self.desk.valuation
        self.indices = [round(price * 10**listing.INDEX_DIGITS) for price in indices]
        for name, units in zip(listing.INDICES, self.indices, strict=True):
            journal.add(
                IndexPriceChanged(
                    event_ns=journal.now(),
                    index=name,
                    price=units_text(units, listing.INDEX_DIGITS),
                )
            )
        valuation.usd[1] = Fraction(self.indices[0], 10**listing.INDEX_DIGITS)
        prices = {}
        for column, contract in enumerate(listing.CONTRACTS):
            index = indices[listing.INDEX_OF_CONTRACT[column]]
            ticks = contract.ticks(index * (1 + self.desk.depths[column].premium))
            valuation.marks[column] = ticks
            prices[contract.instrument] = contract.price_text(ticks)
        journal.add(MarkPricesChanged(event_ns=journal.now(), prices=prices))

    def _tell_depth(self, column: int) -> None:
        contract, depth = listing.CONTRACTS[column], self.desk.depths[column]
        sides: dict[str, list[tuple[str, str]]] = {}
        for side, selling in (("bids", True), ("asks", False)):
            sides[side] = [
                (
                    contract.price_text(
                        self.desk.price_beyond(column, OFFSETS[level], selling=selling)
                    ),
                    str(size),
                )
                for level, size in enumerate(depth.levels(side))
                if size
            ]
        self.desk.journal.add(
            DepthChanged(
                event_ns=self.desk.journal.now(),
                instrument=contract.instrument,
                bids=sides["bids"],
                asks=sides["asks"],
            )
        )
