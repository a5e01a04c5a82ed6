"""How clients come in: deposits and first trades, and the return of those who lost all."""

import math
from collections.abc import Sequence

from monitor.core.events import AccountOpened
from monitor.replay.demo.desk import Desk, Order
from monitor.replay.demo.population import Member


def deposit_units(desk: Desk, asset: int, usd: float) -> int:
    """Return a deposit of so many USD in minor units of an asset, in whole cents' worth."""
    return math.floor(usd / float(desk.valuation.usd_per_unit(asset)))


def contracts_for(desk: Desk, column: int, notional_usd: float) -> int:
    """Return the signed number of contracts nearest to a USD notional, towards zero."""
    contract = desk.ledger.contracts[column]
    mark = float(contract.price(desk.valuation.marks[column]))
    base = float(contract.contract_size)
    per_contract = base * mark if contract.kind == "linear" else base
    return int(notional_usd / per_contract)


def open_accounts(desk: Desk, population: Sequence[Member]) -> None:
    """Open every account, book its deposits, then its first positions against the makers."""
    journal = desk.journal
    for row, member in enumerate(population):
        journal.add(
            AccountOpened(
                event_ns=journal.now(),
                account=member.name,
                owner=member.owner,
                role="market_maker" if member.market_maker else "client",
            )
        )
        for asset, usd in member.deposits_usd.items():
            desk.deposit(row, asset, deposit_units(desk, asset, usd))
    for row, member in enumerate(population):
        for column, notional in member.notionals.items():
            size = contracts_for(desk, column, notional)
            if size:
                order = Order(row, column, size, desk.valuation.marks[column])
                desk.book(order, desk.next_maker())
                journal.add_change(journal.position(row, column))
    for maker in desk.makers:
        for column in range(len(desk.ledger.contracts)):
            journal.add_change(journal.position(maker, column))


def return_client(desk: Desk, row: int, member: Member) -> None:
    """Bring a client without positions back to its plan: a deposit and new trades."""
    for asset, usd in member.deposits_usd.items():
        missing = deposit_units(desk, asset, usd) - desk.ledger.balance(row, asset)
        if missing > 0:
            desk.deposit(row, asset, missing)
    for column, notional in member.notionals.items():
        size = contracts_for(desk, column, notional)
        if size and column not in desk.halted_until_ns:
            side = desk.price_beyond(column, 0.0, selling=size < 0)
            desk.trade_with_maker(Order(row, column, size, side))
