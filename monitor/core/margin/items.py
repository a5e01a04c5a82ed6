"""A margin unit's items, as the threshold index takes them, from the columns of the ledger.

Compiled: no object is made of an account or a position. Pending funding lies beside the columns:
of an account with the flag `OWES` the caller adds an AMOUNT of minus each payment.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from monitor.core.ledger.columns import NONE
from monitor.core.ledger.store import Store
from monitor.core.margin.index.columns import (
    AMOUNT,
    COLLATERAL,
    CONSTANT,
    POSITION,
    WATCHED,
    Records,
)
from monitor.core.margin.index.compile import compiled, inlined

# What the index calls an asset of the ledger, by its number there.
ASSET_TERMS = np.dtype(
    [
        ("unit", "f8"),  # one minor unit in the asset
        ("slot", "i4"),  # of the price that values it; NONE: nothing values it
        ("collateral", "i4"),  # its number; NONE: it has no haircut
        ("counts", "u1"),  # a positive balance is worth something
    ],
    align=True,
)
# What the index calls an instrument of the ledger, by its number there.
INSTRUMENT_TERMS = np.dtype(
    [
        ("quantity", "f8"),  # of one unit of size
        ("margin_unit", "f8"),  # one minor unit of the settlement currency
        ("margin_slot", "i4"),  # of the price that values it; NONE: nothing does
        ("number", "i4"),
    ],
    align=True,
)
# A unit to be read: an account's cross unit (`position` NONE), or one isolated position.
WANTED = np.dtype([("account", "i4"), ("position", "i4"), ("unit", "i4")])


class LedgerColumns(NamedTuple):
    """The columns of the ledger that make a margin unit."""

    first_position: NDArray[np.int32]
    first_balance: NDArray[np.int32]
    instrument: NDArray[np.int32]
    isolated: NDArray[np.uint8]
    size: NDArray[np.int64]
    entry: NDArray[np.float64]
    isolated_margin: NDArray[np.int64]
    next_position: NDArray[np.int32]
    asset: NDArray[np.int32]
    units: NDArray[np.int64]
    next_balance: NDArray[np.int32]


class Terms(NamedTuple):
    """What the index calls what the ledger has: ASSET_TERMS and INSTRUMENT_TERMS by number."""

    assets: Records
    instruments: Records


def ledger_columns(store: Store) -> LedgerColumns:
    """Return the columns as they are now: ask again for each call, for growth replaces them."""
    accounts, positions = store.accounts.arrays, store.positions.arrays
    balances = store.balances.arrays
    return LedgerColumns(
        first_position=accounts["first_position"],
        first_balance=accounts["first_balance"],
        instrument=positions["instrument"],
        isolated=positions["isolated"],
        size=positions["size"],
        entry=positions["entry"],
        isolated_margin=positions["isolated_margin"],
        next_position=positions["next"],
        asset=balances["asset"],
        units=balances["units"],
        next_balance=balances["next"],
    )


@inlined
def put(items: Records, place: int, kind: int, ref: int, quantity: float) -> int:
    """Write an item if there is room; return the next place."""
    if place < len(items):
        item = items[place]
        item["kind"], item["ref"] = kind, ref
        item["quantity"], item["entry"] = quantity, 0.0
    return place + 1


@inlined
def put_valued(items: Records, place: int, slot: int, quantity: float) -> int:
    """Write an amount that counts in full; what nothing values makes its unit always exact."""
    if slot == NONE:
        return put(items, place, WATCHED, 0, 1.0)
    return put(items, place, AMOUNT, slot, quantity)


@inlined
def put_balance(terms: Terms, items: Records, place: int, asset: int, units: int) -> int:
    """Write a balance: collateral, a debt or another amount in full, or nothing."""
    own = terms.assets[asset]
    if units > 0 and not own["counts"]:
        return place
    quantity = units * own["unit"]
    if own["collateral"] != NONE and own["slot"] != NONE:
        return put(items, place, COLLATERAL, own["collateral"], quantity)
    return put_valued(items, place, own["slot"], quantity)


@inlined
def put_position(
    ledger: LedgerColumns, terms: Terms, items: Records, place: int, position: int
) -> int:
    """Write a position that has a size."""
    own = terms.instruments[ledger.instrument[position]]
    quantity = ledger.size[position] * own["quantity"]
    if place < len(items):
        place = put(items, place, POSITION, own["number"], quantity)
        items[place - 1]["entry"] = ledger.entry[position]
        return place
    return place + 1


@inlined
def put_cross_unit(
    ledger: LedgerColumns, terms: Terms, items: Records, place: int, account: int
) -> int:
    """Write an account's balances and its cross positions."""
    balance = ledger.first_balance[account]
    while balance != NONE:
        place = put_balance(terms, items, place, ledger.asset[balance], ledger.units[balance])
        balance = ledger.next_balance[balance]
    position = ledger.first_position[account]
    while position != NONE:
        if ledger.size[position] != 0 and not ledger.isolated[position]:
            place = put_position(ledger, terms, items, place, position)
        position = ledger.next_position[position]
    return place


@inlined
def put_isolated_unit(
    ledger: LedgerColumns, terms: Terms, items: Records, place: int, position: int
) -> int:
    """Write an isolated position and its margin."""
    margin = ledger.isolated_margin[position]
    if margin != 0:
        own = terms.instruments[ledger.instrument[position]]
        place = put_valued(items, place, own["margin_slot"], margin * own["margin_unit"])
    if ledger.size[position] != 0:
        place = put_position(ledger, terms, items, place, position)
    return place


@compiled
def fill_items(
    ledger: LedgerColumns, terms: Terms, wanted: Records, first: int, items: Records
) -> tuple[int, int]:
    """Write the items of the wanted units (WANTED records) from the first on, into ITEM records.

    Returns (units done, items written). It ends before a unit that has no room any more: take
    what is written and go on from there; with nothing written, give it more room. A unit without
    items is a unit still: an amount of 0 stands for it.
    """
    place = 0
    for number in range(first, len(wanted)):
        own, begin = wanted[number], place
        if own["position"] == NONE:
            place = put_cross_unit(ledger, terms, items, place, own["account"])
        else:
            place = put_isolated_unit(ledger, terms, items, place, own["position"])
        if place == begin:
            place = put(items, place, AMOUNT, CONSTANT, 0.0)
        if place > len(items):
            return number, begin
        for written in range(begin, place):
            items[written]["unit"] = own["unit"]
    return len(wanted), place
