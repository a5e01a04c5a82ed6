"""Items read from the columns by compiled code are those that Python makes of the objects."""

import random
from typing import Any

import numpy as np
import pytest

from monitor.core.ledger import Position
from monitor.core.ledger.columns import NONE
from monitor.core.margin.index.columns import (
    AMOUNT,
    COLLATERAL,
    CONSTANT,
    ITEM,
    POSITION,
    WATCHED,
)
from monitor.core.margin.items import (
    ASSET_TERMS,
    INSTRUMENT_TERMS,
    WANTED,
    Terms,
    fill_items,
    ledger_columns,
)
from tests.core.ledger.books import INSTRUMENTS, TwoBooks

# By asset: minor unit, slot of its value, collateral, whether a positive balance counts.
ASSETS = {"USD": (0.01, 0, NONE, 1), "COIN": (1e-8, 3, 1, 1), "GEM": (1e-4, 5, NONE, 0)}
UNVALUED = {**ASSETS, "COIN": (1e-8, NONE, 1, 1), "GEM": (1e-4, NONE, NONE, 0)}
Assets = dict[str, tuple[float, int, int, int]]
Key = tuple[int, int, int]
Item = tuple[int, int, float, float, int]  # unit, ref, quantity, entry, kind


def terms_of(books: TwoBooks, assets: Assets) -> Terms:
    """Return what the index would call assets and instruments: numbers unlike the ledger's."""
    store = books.ledger.store
    own = np.zeros(16, ASSET_TERMS)
    for asset in store.assets:
        own[store.assets.find(asset)] = assets[asset]
    listed = np.zeros(16, INSTRUMENT_TERMS)
    for name, number in store.instrument_numbers.items():
        per_unit = books.instruments[name].float_quantity_per_unit
        unit, slot, _, _ = assets[settlement(name)]
        listed[number] = (per_unit, unit, slot, 100 + INSTRUMENTS.index(name))
    return Terms(own, listed)


def expected(books: TwoBooks, assets: Assets) -> dict[Key, list[Item]]:
    """Return the items of every unit by (account, position, unit), made of objects."""
    found: dict[Key, list[Item]] = {}
    for account in books.ledger.accounts.values():
        unit = len(found)
        items = [_balance(unit, amount, *assets[own]) for own, amount in account.balances.items()]
        cross = [_position(unit, each) for each in account.cross_positions()]
        found[account.number, NONE, unit] = [item for item in items if item] + cross
        for each in account.list_positions():
            if each.margin_mode == "isolated":
                unit = len(found)
                minor, slot, _, _ = assets[settlement(each.instrument.name)]
                margin = _balance(unit, each.isolated_margin, minor, slot, NONE, counts=1)
                items = [margin, _position(unit, each) if each.size else None]
                found[account.number, each.row, unit] = [item for item in items if item]
    return {key: items or [(key[2], CONSTANT, 0.0, 0.0, AMOUNT)] for key, items in found.items()}


def settlement(instrument: str) -> str:
    """Return the asset that an instrument settles in here."""
    return "USD" if instrument < "C" else "COIN"


def _balance(
    unit: int, amount: int, minor: float, slot: int, collateral: int, counts: int
) -> Item | None:
    if not amount or (amount > 0 and not counts):
        return None
    if slot == NONE:
        return (unit, 0, 1.0, 0.0, WATCHED)
    if collateral != NONE:
        return (unit, collateral, amount * minor, 0.0, COLLATERAL)
    return (unit, slot, amount * minor, 0.0, AMOUNT)


def _position(unit: int, position: Position) -> Item:
    number = 100 + INSTRUMENTS.index(position.instrument.name)
    return (unit, number, position.quantity, position.entry, POSITION)


def told(records: Any) -> list[Item]:
    """Return ITEM records as tuples."""
    names = ("unit", "ref", "quantity", "entry", "kind")
    return [tuple(record[name].item() for name in names) for record in records]


@pytest.mark.parametrize("assets", [ASSETS, UNVALUED], ids=["valued", "not valued"])
@pytest.mark.parametrize("seed", range(4))
def test_items_from_columns_are_those_from_objects(seed: int, assets: Assets) -> None:
    books = TwoBooks(seed)
    chance = random.Random(seed)
    for _ in range(12):
        for _ in range(60):
            books.step()
        wanted = expected(books, assets)
        keys = chance.sample(sorted(wanted), len(wanted))
        items = np.zeros(2_000, ITEM)
        done, written = fill_items(
            ledger_columns(books.ledger.store),
            terms_of(books, assets),
            np.array(keys, WANTED),
            0,
            items,
        )
        assert done == len(keys)
        assert told(items[:written]) == [item for key in keys for item in wanted[key]]


def test_a_full_sheet_ends_before_the_unit_that_has_no_room() -> None:
    books = TwoBooks(3)
    for _ in range(300):
        books.step()
    wanted = expected(books, ASSETS)
    keys, terms = sorted(wanted), terms_of(books, ASSETS)
    columns, found, first, sheets = ledger_columns(books.ledger.store), [], 0, 0
    room = max(map(len, wanted.values()))
    while first < len(keys):
        items = np.zeros(room, ITEM)
        done, written = fill_items(columns, terms, np.array(keys, WANTED), first, items)
        assert done > first
        found += told(items[:written])
        first, sheets = done, sheets + 1
    assert found == [item for key in keys for item in wanted[key]]
    assert sheets > 3
    largest = next(number for number, key in enumerate(keys) if len(wanted[key]) == room)
    few = np.zeros(room - 1, ITEM)
    assert fill_items(columns, terms, np.array(keys, WANTED), largest, few) == (largest, 0)
