"""What the exchange does on schedule within a cycle: funding, the session's end, returns."""

import math
from collections.abc import Sequence
from fractions import Fraction

import numpy as np

from monitor.core.events import FundingPaid, FundingRateChanged
from monitor.replay.demo.desk import Desk, Order
from monitor.replay.demo.journal import BalanceChange
from monitor.replay.demo.losses import LossSharing
from monitor.replay.demo.opening import return_client
from monitor.replay.demo.population import Member
from monitor.replay.demo.scenario import (
    FUNDING_SHARE,
    RETURN_END_SHARE,
    RETURN_START_SHARE,
    SESSION_END_SHARE,
)

FUNDING_RATE = Fraction("0.0001")
TRADES_PER_STEP = 3


class Sessions:
    """Does each thing once a cycle, when its share of the cycle has come."""

    def __init__(
        self, desk: Desk, losses: LossSharing, population: Sequence[Member], funds: Sequence[int]
    ) -> None:
        self.desk = desk
        self.losses = losses
        self.population = population
        self.fund_targets = tuple(funds)
        self._done: set[str] = set()

    def _is_due(self, name: str, share: float, at: float) -> bool:
        if share < at or name in self._done:
            return False
        self._done.add(name)
        return True

    def start_cycle(self, next_funding_ns: int) -> None:
        """Begin a cycle: nothing has been done yet; announce the funding to come."""
        self._done.clear()
        for contract in self.desk.ledger.contracts:
            self.desk.journal.add(
                FundingRateChanged(
                    event_ns=self.desk.journal.now(),
                    instrument=contract.instrument,
                    rate=str(float(FUNDING_RATE)),
                    next_funding_ns=next_funding_ns,
                )
            )

    def step(self, share: float, steps_left: int) -> None:
        """Do what is due at a share of the cycle."""
        if self._is_due("funding", share, FUNDING_SHARE):
            for column in range(len(self.desk.ledger.contracts)):
                self._pay_funding(column)
        if self._is_due("session end", share, SESSION_END_SHARE):
            self.losses.end_session()
        if self._is_due("fund deposit", share, RETURN_START_SHARE):
            self.refill_funds()
        if share >= RETURN_START_SHARE:
            self._return_clients(share, steps_left)

    def refill_funds(self) -> None:
        """Bring each fund up to its target."""
        for asset, target in enumerate(self.fund_targets):
            missing = target - self.desk.funds.units[asset]
            if missing > 0:
                self.desk.net_deposits[asset] += missing
                self.desk.funds.deposit(asset, missing)

    def _pay_funding(self, column: int) -> None:
        desk, ledger = self.desk, self.desk.ledger
        contract, asset = ledger.contracts[column], ledger.settlement[column]
        mark = desk.valuation.marks[column]
        funding_id = f"F-{contract.instrument}-{desk.journal.now()}"
        desk.journal.add(
            FundingPaid(
                event_ns=desk.journal.now(),
                instrument=contract.instrument,
                rate="0.0001",
                price=contract.price_text(mark),
                funding_id=funding_id,
            )
        )
        owed = {}
        for row in map(int, np.flatnonzero(ledger.sizes[:, column])):
            size = ledger.size(row, column)
            exact = abs(contract.value(size, mark)) * FUNDING_RATE
            owed[row] = math.ceil(exact) if size > 0 else -math.floor(exact)
        payee = desk.makers[0]  # the remainder of all roundings has one named payee
        owed[payee] = owed.get(payee, 0) - sum(owed.values())
        for row, units in owed.items():
            ledger.add(row, asset, -units)
            change = BalanceChange(row, asset, "funding", contract.instrument, funding_id)
            desk.journal.add_change(desk.journal.balance(change))

    def _return_clients(self, share: float, steps_left: int) -> None:
        desk = self.desk
        flat = [
            row
            for row, member in enumerate(self.population)
            if member.notionals and not desk.ledger.has_position(row)
        ]
        left = max(1, math.ceil(steps_left * (RETURN_END_SHARE - share) / (1 - share + 1e-9)))
        for row in flat[: math.ceil(len(flat) / left)]:
            if all(desk.ledger.balance(row, asset) >= 0 for asset in (0, 1)):
                return_client(desk, row, self.population[row])

    def trade_around(self, generator: np.random.Generator) -> None:
        """Let a few healthy clients change their positions a little."""
        desk = self.desk
        rows = generator.integers(len(desk.makers), len(self.population), size=TRADES_PER_STEP)
        for row, direction in zip(rows, generator.random(TRADES_PER_STEP), strict=True):
            held = np.flatnonzero(desk.ledger.sizes[row])
            if not len(held) or int(held[0]) in desk.halted_until_ns:
                continue
            column = int(held[0])
            size = desk.ledger.size(int(row), column)
            change = max(1, abs(size) // 50) * (1 if direction < 0.5 else -1)
            healthy = desk.valuation.equity(int(row)) > 2 * desk.valuation.maintenance(int(row))
            if not healthy or size + change == 0:
                continue
            ticks = desk.price_beyond(column, 0.0002, selling=change < 0)
            desk.trade_with_maker(Order(int(row), column, change, ticks))
