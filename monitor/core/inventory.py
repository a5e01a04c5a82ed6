"""The liquidation inventory: what the venue's vaults have taken over and not closed yet.

Its unrealized loss is money that nobody has lost yet, a shortfall is money that is gone. The two
are told beside each other and never added: docs/model/waterfall.md.
"""

from dataclasses import dataclass
from fractions import Fraction

from monitor.core.accounts import AccountEngine
from monitor.core.contracts import notional
from monitor.core.deleveraging.round import settled
from monitor.core.ledger import Position, position_quantity
from monitor.core.margin.exact import position_pnl, unit_equity
from monitor.core.market import Market
from monitor.core.vaults import VaultEquity

ZERO = Fraction(0)


@dataclass(slots=True)
class Inventory:
    """The positions of vaults in the instruments of one fund; exact sums in USD, which merge.

    `gains` and `losses` (both >= 0) by position: a gain of one does not hide the loss of another.
    Those without a price count in `unvalued` alone. `asset`: what the instruments settle in, the
    first by name.
    """

    asset: str
    gains: Fraction = ZERO
    losses: Fraction = ZERO
    notional: Fraction = ZERO
    positions: int = 0
    unvalued: int = 0

    def add(self, other: "Inventory") -> None:
        """Add what another part of the book has."""
        self.asset = min(self.asset, other.asset)
        self.gains += other.gains
        self.losses += other.losses
        self.notional += other.notional
        self.positions += other.positions
        self.unvalued += other.unvalued

    def known(self, amount: Fraction) -> float | None:
        """Return one of its amounts for a view, None while a position has no price."""
        return None if self.unvalued else float(amount)


def inventories_of(engine: AccountEngine) -> dict[str, Inventory]:
    """Return what the vaults of a shard hold, by fund; instruments without a fund have none."""
    found: dict[str, Inventory] = {}
    for account in engine.ledger.liquidators():
        for position in account.list_positions():
            fund = engine.market.instruments[position.instrument.name].fund
            if fund is not None and position.size:
                single = _of_position(position, engine.market)
                found.setdefault(fund, Inventory(single.asset)).add(single)
    return found


def vault_equities(engine: AccountEngine) -> list[VaultEquity]:
    """Return the equities of a shard's vaults that are known: those of their cross units."""
    return [
        VaultEquity(account.name, equity)
        for account in engine.ledger.liquidators()
        if (equity := unit_equity(engine.cross[account.name], engine.market)) is not None
    ]


def _of_position(position: Position, market: Market) -> Inventory:
    listed = position.instrument
    quote, value = market.marks.get(listed.name), market.exact_value(listed.settlement)
    pnl = position_pnl(position, market)
    if quote is None or value is None or pnl is None:
        return Inventory(listed.settlement, positions=1, unvalued=1)
    pnl *= value
    worth = notional(listed.kind, position_quantity(position), quote.exact) * value
    if listed.inverse:  # sums of quotients would have thousands of digits
        pnl, worth = settled(pnl), settled(worth)
    return Inventory(listed.settlement, max(ZERO, pnl), max(ZERO, -pnl), worth, positions=1)
