"""Books account events in the ledger: text becomes units, absolute states become differences.

Every amount is converted before anything is changed, so an event that is not representable
(NotRepresentableError) leaves the ledger as it was.
"""

from collections.abc import Iterable

from monitor.core import events
from monitor.core.amounts import ceil_units, to_fraction
from monitor.core.contracts import funding_owed
from monitor.core.instruments import Instrument
from monitor.core.ledger import Account, Ledger, PendingPayment, Position, position_quantity
from monitor.core.market import Market
from monitor.core.refusals import RefusedError

# Of one account, each: well inside what one margin unit may consist of in the threshold index.
POSITIONS_MAX, ASSETS_MAX = 16_000, 1_000
ASSET_NAMES_MAX = 10_000  # of a ledger: what was booked in an asset is kept for good


def book_balance(
    ledger: Ledger, market: Market, account: Account, event: events.BalanceChanged
) -> None:
    """Set a balance; reason `funding` clears the pending payments that it books."""
    units = market.unit(event.asset).count(event.balance)
    if units and not account.has_balance(event.asset):
        _check_room(account.name, "balances", len(account.balances) + 1, ASSETS_MAX)
    if event.asset not in ledger.booked:
        _check_assets(ledger, account.name, [event.asset])
    ledger.set_balance(account, event.asset, units, event.reason, event.instrument)
    if event.reason == "funding" and account.pending_funding:
        account.pending_funding = [
            payment
            for payment in account.pending_funding
            if payment.asset != event.asset
            or (event.funding_id is not None and payment.funding_id != event.funding_id)
        ]


def book_position(
    ledger: Ledger,
    market: Market,
    account: Account,
    record: events.PositionChanged | events.PositionRecord,
    *,
    is_new: bool = False,
) -> Position | None:
    """Set a position; return it, None when neither size nor isolated margin is left.

    `is_new`: as the ledger takes it; whether there is room has been checked.
    """
    instrument = market.instruments[record.instrument]
    if not is_new and account.position((record.instrument, record.leg)) is None:
        _check_room(account.name, "positions", account.position_count + 1, POSITIONS_MAX)
    position = ledger.set_position(
        account,
        instrument,
        record.leg,
        size=instrument.size_unit.count(record.size),
        entry=record.entry_price or "0",
        margin_mode=record.margin_mode,
        isolated_margin=_isolated_margin(market, instrument, record),
        is_new=is_new,
    )
    ledger.follow_mode(account, (record.instrument, record.leg))
    return position


def _isolated_margin(
    market: Market,
    instrument: Instrument,
    record: events.PositionChanged | events.PositionRecord,
) -> int:
    """Return the margin of an isolated position in minor units; 0 for null, and under cross."""
    if record.margin_mode != "isolated" or record.isolated_margin is None:
        return 0
    return market.unit(instrument.settlement).count(record.isolated_margin)


def book_snapshot(
    ledger: Ledger, market: Market, account: Account, event: events.AccountSnapshot
) -> list[Position]:
    """Replace the whole account, and return its positions; what is not named is 0."""
    owed_in = {record.asset for record in event.pending_funding}
    for name, count, count_max in (
        ("positions", len(event.positions), POSITIONS_MAX),
        ("balances", len(event.balances), ASSETS_MAX),
        ("assets of pending funding", len(owed_in), ASSETS_MAX),
    ):
        _check_room(account.name, name, count, count_max)
    _check_assets(ledger, account.name, event.balances)
    balances = {asset: market.unit(asset).count(text) for asset, text in event.balances.items()}
    for record in event.positions:
        instrument = market.instruments[record.instrument]
        instrument.size_unit.count(record.size)
        _isolated_margin(market, instrument, record)
    isolated = {(p.instrument, p.leg) for p in event.positions if p.margin_mode == "isolated"}
    payments = [
        PendingPayment(
            record.instrument,
            record.leg,
            record.asset,
            market.unit(record.asset).count(record.amount),
            record.funding_id,
            isolated=(record.instrument, record.leg) in isolated,
        )
        for record in event.pending_funding
    ]
    ledger.set_owner(account, event.owner or event.account)
    account.role = event.role
    for asset in sorted(set(account.balances) | set(balances)):
        ledger.set_balance(account, asset, balances.get(asset, 0), "snapshot")
    account.pending_funding = []
    ledger.drop_positions(account)
    last = {(record.instrument, record.leg): record for record in event.positions}
    for record in reversed(last.values()):  # each before the one that it precedes
        book_position(ledger, market, account, record, is_new=True)
    account.orders = {
        order.instrument: (order.bids_size, order.asks_size, order.bids_value, order.asks_value)
        for order in event.orders
    }
    account.pending_funding = [payment for payment in payments if payment.amount > 0]
    ledger.set_suspect(account, suspect=False)
    return account.list_positions()


def _check_room(account: str, name: str, count: int, count_max: int) -> None:
    """Refuse more than an account may have, before anything is changed."""
    if count > count_max:
        raise RefusedError(
            "invalid_field", f"{account}: expected at most {count_max} {name}, received {count}"
        )


def _check_assets(ledger: Ledger, account: str, assets: Iterable[str]) -> None:
    """Refuse an asset that was never booked where very many have been."""
    unknown = [asset for asset in assets if asset not in ledger.booked]
    if unknown and len(ledger.booked) + len(unknown) > ASSET_NAMES_MAX:
        raise RefusedError(
            "invalid_field",
            f"{account}: expected at most {ASSET_NAMES_MAX} assets of a shard, "
            f"received {unknown[0]!r}",
        )


def book_funding(ledger: Ledger, market: Market, event: events.FundingPaid) -> list[Account]:
    """Note what each holder of an instrument owes, and return those who do.

    What is owed is rounded up to the minor unit of the settlement currency; it is pending, and
    counts against equity, until the account books it. What is to be received is not noted, nor a
    payment that is pending already under its funding_id.
    """
    instrument = market.instruments[event.instrument]
    if not instrument.funding_in_margin:
        return []
    unit = market.unit(instrument.settlement).value
    price, rate = to_fraction(event.price), to_fraction(event.rate)
    owing = []
    holders = sorted(
        ledger.positions_in(event.instrument), key=lambda pair: (pair[0].name, pair[1].leg)
    )
    for account, position in holders:
        owed = funding_owed(instrument.kind, position_quantity(position), price, rate)
        if owed > 0 and not _is_pending(account, position, event.funding_id):
            amount = ceil_units(owed, unit)
            account.owe(
                PendingPayment(
                    event.instrument,
                    position.leg,
                    instrument.settlement,
                    amount,
                    event.funding_id,
                    isolated=position.margin_mode == "isolated",
                )
            )
            owing.append(account)
    return owing


def _is_pending(account: Account, position: Position, funding_id: str | None) -> bool:
    return funding_id is not None and any(
        payment.funding_id == funding_id and payment.key == position.key
        for payment in account.pending_funding
    )
