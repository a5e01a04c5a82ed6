"""What an account holds, read from the ledger's columns into the items of a margin unit.

The arrays are the ledger's own, in the order in which rows are chained. What an asset or an
instrument means to the index stands in a record for each (`monitor/core/ledger/meanings.py`);
where nothing is told of one yet, the caller says it and asks again.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from monitor.core.ledger.columns import NONE
from monitor.core.ledger.meanings import IN_FULL, NOT_AT_ALL
from monitor.core.ledger.store import Store
from monitor.core.margin.index.columns import (
    AMOUNT,
    COLLATERAL,
    ITEMS_MAX,
    POSITION,
    Records,
)
from monitor.core.margin.index.compile import inlined

# Instead of the state of a unit that was to be set.
UNTOLD, TOO_MANY, NO_ROOM = -1, -2, -3
CROSS = -2  # instead of the row of an isolated unit's position
UNIT_ITEMS_MAX = ITEMS_MAX // 2


class Holdings(NamedTuple):
    """The columns of the ledger that margin depends on."""

    first_balance: NDArray[np.int32]  # by account
    first_position: NDArray[np.int32]
    asset: NDArray[np.int32]  # by balance
    units: NDArray[np.int64]
    next_balance: NDArray[np.int32]
    instrument: NDArray[np.int32]  # by position
    isolated: NDArray[np.uint8]
    size: NDArray[np.int64]
    entry: NDArray[np.float64]
    isolated_margin: NDArray[np.int64]
    next_position: NDArray[np.int32]
    assets: Records  # meanings, by number
    instruments: Records


def holdings_of(store: Store) -> Holdings:
    """Return a ledger's columns as they lie now: until `store.layout` says that one has moved."""
    accounts, balances, positions = (
        table.arrays for table in (store.accounts, store.balances, store.positions)
    )
    return Holdings(
        accounts["first_balance"],
        accounts["first_position"],
        balances["asset"],
        balances["units"],
        balances["next"],
        positions["instrument"],
        positions["isolated"],
        positions["size"],
        positions["entry"],
        positions["isolated_margin"],
        positions["next"],
        store.asset_meanings.records,
        store.instrument_meanings.records,
    )


@inlined
def write_item(items: Records, place: int, kind: int, ref: int, quantity: float) -> None:
    """Write an item without an entry price."""
    item = items[place]
    item["kind"], item["ref"], item["quantity"], item["entry"] = kind, ref, quantity, 0.0


@inlined
def write_position(h: Holdings, row: int, items: Records, place: int) -> None:
    """Write a position whose instrument's meaning is told."""
    meaning = h.instruments[h.instrument[row]]
    write_item(items, place, POSITION, meaning["terms"], h.size[row] * meaning["quantity"])
    items[place]["entry"] = h.entry[row]


@inlined
def write_balance(h: Holdings, row: int, items: Records, place: int) -> int:
    """Write a balance, or nothing; return the next place, UNTOLD if its meaning is not known.

    A debt counts in full, collateral after its haircut, what is no collateral for nothing.
    """
    meaning, units = h.assets[h.asset[row]], h.units[row]
    counts = meaning["counts"]
    if not meaning["told"]:
        return UNTOLD
    amount = units * meaning["unit"]
    if units < 0 or counts == IN_FULL:
        if meaning["slot"] == NONE:
            return UNTOLD
        write_item(items, place, AMOUNT, meaning["slot"], amount)
    elif counts == NOT_AT_ALL:
        return place
    else:
        write_item(items, place, COLLATERAL, counts, amount)
    return place + 1


@inlined
def read_cross(h: Holdings, account: int, items: Records, place: int) -> int:
    """Write the balances and the cross positions of an account; return where they end."""
    row = h.first_balance[account]
    while row != NONE:
        if place >= UNIT_ITEMS_MAX:
            return TOO_MANY
        place = write_balance(h, row, items, place)
        if place == UNTOLD:
            return UNTOLD
        row = h.next_balance[row]
    row = h.first_position[account]
    while row != NONE:
        if h.size[row] != 0 and not h.isolated[row]:
            if place >= UNIT_ITEMS_MAX:
                return TOO_MANY
            if not h.instruments[h.instrument[row]]["told"]:
                return UNTOLD
            write_position(h, row, items, place)
            place += 1
        row = h.next_position[row]
    return place


@inlined
def read_isolated(h: Holdings, row: int, items: Records, place: int) -> int:
    """Write the margin of an isolated position and the position; return where they end."""
    if row == NONE or not h.isolated[row]:
        return place
    meaning = h.instruments[h.instrument[row]]
    if not meaning["told"]:
        return UNTOLD
    margin = h.isolated_margin[row] * meaning["margin_unit"]
    write_item(items, place, AMOUNT, meaning["margin_slot"], margin)
    place += 1
    if h.size[row] != 0:
        write_position(h, row, items, place)
        place += 1
    return place
