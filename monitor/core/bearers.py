"""What socialized losses are charged to, beside gains: profits, sizes, equities of all traders.

An account whose amount is unknown (a price is missing) has none, and bears nothing.
"""

from collections.abc import Iterator
from fractions import Fraction

from monitor.core.accounts import AccountEngine
from monitor.core.ledger import Account
from monitor.core.margin.exact import position_pnl, unit_equity


def traders(engine: AccountEngine, *, without: str) -> Iterator[Account]:
    """Yield the traders of a shard but one account."""
    for account in engine.ledger.accounts.values():
        if account.is_trader and account.name != without:
            yield account


def unrealized_in(engine: AccountEngine, asset: str, *, without: str) -> dict[str, Fraction]:
    """Return each trader's unrealized pnl (signed) of all instruments settled in an asset."""
    found: dict[str, Fraction] = {}
    for account in traders(engine, without=without):
        values = [
            position_pnl(position, engine.market)
            for position in account.list_positions()
            if position.size and position.instrument.settlement == asset
        ]
        if None not in values:
            found[account.name] = sum((value for value in values if value), Fraction(0))
    return found


def sizes_in(engine: AccountEngine, instrument: str, *, without: str) -> dict[str, Fraction]:
    """Return how many contracts (> 0) each trader holds in an instrument, both legs together."""
    found: dict[str, Fraction] = {}
    for account, position in engine.ledger.positions_in(instrument):
        if account.is_trader and account.name != without:
            contracts = abs(position.instrument.contracts(position.size))
            found[account.name] = found.get(account.name, Fraction(0)) + contracts
    return found


def equities_of(engine: AccountEngine, *, without: str) -> dict[str, Fraction]:
    """Return each trader's equity (> 0) in the valuation currency: that of its cross unit.

    Every account is looked at exactly: this costs as much as there are accounts.
    """
    found: dict[str, Fraction] = {}
    for account in traders(engine, without=without):
        equity = unit_equity(engine.cross[account.name], engine.market)
        if equity is not None and equity > 0:
            found[account.name] = equity
    return found
