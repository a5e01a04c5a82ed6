"""The peers of the threshold index, as fast as plain columns allow: linear cross margin only."""

from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar, cast

import numba
import numpy as np
from numpy.typing import NDArray

from bench.threshold_book import CALL_FACTOR, INSTRUMENTS, MAINTENANCE_RATE, Book

Floats = NDArray[np.float64]
Function = TypeVar("Function", bound=Callable[..., Any])


def _compiled(function: Function) -> Function:
    return cast("Function", numba.njit(cache=True, error_model="numpy")(function))


_BANKRUPT, _LIQUIDATABLE, _MARGIN_CALL = 3, 2, 1


class Plain(NamedTuple):
    """The book as plain columns: positions by unit, and the units that hold each instrument."""

    prices: Floats
    starts: NDArray[np.int64]
    instruments: NDArray[np.uint16]
    quantities: Floats
    constants: Floats
    states: NDArray[np.uint8]
    equity: Floats
    maintenance: Floats
    holder_starts: NDArray[np.int64]
    holders: NDArray[np.int32]
    held: Floats


def plain_columns(book: Book, prices: Floats) -> Plain:
    """Return the columns that the peers walk."""
    count = len(book.constants)
    order = np.argsort(book.instruments, kind="stable")
    plain = Plain(
        prices=prices.copy(),
        starts=np.searchsorted(book.units, np.arange(count + 1)),
        instruments=book.instruments.astype(np.uint16),
        quantities=book.quantities,
        constants=book.constants,
        states=np.zeros(count, np.uint8),
        equity=np.zeros(count),
        maintenance=np.zeros(count),
        holder_starts=np.searchsorted(book.instruments[order], np.arange(INSTRUMENTS + 1)),
        holders=book.units[order],
        held=book.quantities[order],
    )
    value = book.quantities * prices[book.instruments]
    plain.equity[:] = book.constants + np.bincount(book.units, value)
    plain.maintenance[:] = MAINTENANCE_RATE * np.bincount(book.units, np.abs(value))
    rescan(plain)
    return plain


def _state(equity: float, maintenance: float) -> int:
    if equity < 0.0:
        return _BANKRUPT
    if equity < maintenance:
        return _LIQUIDATABLE
    return _MARGIN_CALL if equity < CALL_FACTOR * maintenance else 0


_state_of = _compiled(_state)


def _judge(plain: Plain, unit: int) -> int:
    equity, gross = plain.constants[unit], 0.0
    for number in range(plain.starts[unit], plain.starts[unit + 1]):
        value = plain.quantities[number] * plain.prices[plain.instruments[number]]
        equity += value
        gross += abs(value)
    return int(_state_of(equity, MAINTENANCE_RATE * gross))


_judged = _compiled(_judge)


@_compiled
def rescan(plain: Plain) -> int:
    """Judge every unit; return how many changed state."""
    changed = 0
    for unit in range(len(plain.states)):
        state = _judged(plain, unit)
        changed += state != plain.states[unit]
        plain.states[unit] = state
    return changed


@_compiled
def rescan_holders(plain: Plain, instrument: int, price: float) -> int:
    """Judge every unit that holds an instrument at its new price; return how many changed."""
    plain.prices[instrument] = price
    changed = 0
    for number in range(plain.holder_starts[instrument], plain.holder_starts[instrument + 1]):
        unit = plain.holders[number]
        state = _judged(plain, unit)
        changed += state != plain.states[unit]
        plain.states[unit] = state
    return changed


@_compiled
def add_differences(plain: Plain, instrument: int, price: float) -> int:
    """Add what a move means to each holder's equity and maintenance margin (this drifts)."""
    step = price - plain.prices[instrument]
    plain.prices[instrument] = price
    changed = 0
    for number in range(plain.holder_starts[instrument], plain.holder_starts[instrument + 1]):
        unit, quantity = plain.holders[number], plain.held[number]
        plain.equity[unit] += quantity * step
        plain.maintenance[unit] += MAINTENANCE_RATE * abs(quantity) * step
        state = _state_of(plain.equity[unit], plain.maintenance[unit])
        changed += state != plain.states[unit]
        plain.states[unit] = state
    return changed


def revalue_in_numpy(book: Book, prices: Floats) -> NDArray[np.int64]:
    """Return the states of all units by full revaluation in NumPy."""
    value = book.quantities * prices[book.instruments]
    equity = book.constants + np.bincount(book.units, value)
    maintenance = MAINTENANCE_RATE * np.bincount(book.units, np.abs(value))
    conditions = [equity < 0, equity < maintenance, equity < CALL_FACTOR * maintenance]
    states = np.select(conditions, [_BANKRUPT, _LIQUIDATABLE, _MARGIN_CALL], 0)
    return np.asarray(states, np.int64)
