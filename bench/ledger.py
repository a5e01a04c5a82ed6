"""What an account costs in the exact ledger, in bytes and in time, in columns and in objects.

The book: 1 + Poisson(2) positions an account on 400 instruments (Zipf), a tenth of them isolated,
a fifth of the accounts with a second asset. The peer, `object_ledger.py`, keeps one object an
account and a position, in a book of at most 100,000 accounts. Memory is that of the process,
names, texts and dictionaries included; the columns alone are a figure of their own. Pauses are
processor time, for other programs may run meanwhile. Not included: what the engine keeps beside
the ledger (margin units, guards).
"""

import gc
import random
import resource
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from bench import object_ledger
from bench.ledger_book import (
    Holdings,
    Whole,
    accounts_of,
    make_holdings,
    make_instruments,
    name_of,
    price_text,
)
from bench.measure import Figure, Scale, alternate, main, seconds
from monitor.core.instruments import Instrument
from monitor.core.ledger import Ledger
from monitor.core.ledger.store import ACCOUNTS_RESERVED

ACCOUNTS: dict[Scale, int] = {"small": 100_000, "full": 1_000_000}
PEER_ACCOUNTS_MAX = 100_000
EVENTS = 50_000
GROWTH_RUNS = 3


class Event(NamedTuple):
    """A position or a balance of an account."""

    name: str
    instrument: int
    units: int
    entry: str


def fill(ledger: Ledger, instruments: list[Instrument], holdings: Holdings, offset: int) -> None:
    """Put a book into a ledger, account numbers from `offset` on."""
    for _ in fill_each(ledger, instruments, holdings, accounts_of(holdings), offset):
        pass


def fill_each(
    ledger: Ledger,
    instruments: list[Instrument],
    holdings: Holdings,
    accounts: Iterable[tuple[int, int, int, range]],
    offset: int,
) -> Iterator[None]:
    """Put the accounts of a book into a ledger; pause after each."""
    for number, balance, coins, rows in accounts:
        account = ledger.open_account(name_of(offset + number))
        ledger.set_balance(account, "USD", balance, "deposit")
        if coins:
            ledger.set_balance(account, "COIN", coins, "deposit")
        for row in rows:
            margin = int(holdings.margins[row])
            ledger.set_position(
                account,
                instruments[holdings.instruments[row]],
                "net",
                size=int(holdings.sizes[row]),
                entry=price_text(int(holdings.entries[row])),
                margin_mode="isolated" if margin else "cross",
                isolated_margin=margin,
            )
        yield


def fill_peer(
    ledger: object_ledger.Ledger, instruments: list[Instrument], holdings: Holdings
) -> None:
    """Put a book into the peer."""
    for number, balance, coins, rows in accounts_of(holdings):
        account = object_ledger.Account(name_of(number))
        ledger.accounts[account.name] = account
        ledger.set_balance(account, "USD", balance, "deposit")
        if coins:
            ledger.set_balance(account, "COIN", coins, "deposit")
        for row in rows:
            position = object_ledger.Position(instruments[holdings.instruments[row]], "net")
            position.isolated_margin = int(holdings.margins[row])
            position.margin_mode = "isolated" if position.isolated_margin else "cross"
            entry = price_text(int(holdings.entries[row]))
            ledger.set_position(account, position, int(holdings.sizes[row]), entry)


def measure(scale: Scale) -> list[Figure]:
    """Return the figures."""
    instruments, accounts = make_instruments(), ACCOUNTS[scale]
    peer_accounts = min(accounts, PEER_ACCOUNTS_MAX)
    fill(Ledger(), instruments, make_holdings(100), 0)  # what every process needs once
    holdings, ledger = make_holdings(accounts), Ledger(accounts)
    spent, filled_s = _memory_and_time(lambda: fill(ledger, instruments, holdings, 0))
    peer, few = object_ledger.Ledger(), make_holdings(peer_accounts)
    spent_by_peer, peer_s = _memory_and_time(lambda: fill_peer(peer, instruments, few))
    figures = [
        Figure(name="accounts", value=accounts, unit="accounts"),
        Figure(name="positions", value=ledger.size().positions, unit="positions"),
        _against("bytes_per_account", spent / accounts, spent_by_peer / peer_accounts, "bytes"),
        Figure(
            name="column_bytes_per_account",
            value=ledger.size().column_bytes / accounts,
            unit="bytes",
        ),
        Figure(name="name_bytes_per_account", value=_name_bytes(ledger) / accounts, unit="bytes"),
        _against(
            "fill_us", 1e6 * filled_s / accounts, 1e6 * peer_s / peer_accounts, "us an account"
        ),
        *_event_figures(ledger, peer, instruments, peer_accounts),
    ]
    figures += _reuse_figures(ledger, instruments, holdings)
    return [*figures, *_growth_figures(instruments, holdings)]


def _against(name: str, value: float, peer: float, unit: str) -> Figure:
    return Figure(
        name=name, value=value, unit=unit, peer=peer, peer_name="objects", ratio=peer / value
    )


def _memory_and_time(work: Callable[[], None]) -> tuple[int, float]:
    """Return what a piece of work adds to the memory of the process, and how long it takes."""
    gc.collect()
    gc.freeze()
    before = _resident_bytes()
    spent_s = seconds(work)
    return _resident_bytes() - before, spent_s


def _resident_bytes() -> int:
    pages = Path("/proc/self/statm").read_text(encoding="ascii").split()[1]
    return int(pages) * resource.getpagesize()


def _name_bytes(ledger: Ledger) -> int:
    """Return what the names of accounts cost: their texts, numbers, dictionaries and list."""
    store = ledger.store
    texts = sum(sys.getsizeof(name) for name in store.names)
    numbers = 28 * len(store.names)
    parts = sum(sys.getsizeof(part) for part in store.numbers.parts)
    return texts + numbers + parts + sys.getsizeof(store.names)


# --- events -----------------------------------------------------------------------------------


def _event_figures(
    ledger: Ledger,
    peer: object_ledger.Ledger,
    instruments: list[Instrument],
    accounts: int,
) -> Iterator[Figure]:
    chance = random.Random(3)  # noqa: S311 - a benchmark, not a secret
    made = [
        Event(
            name_of(chance.randrange(accounts)),
            chance.randrange(20),
            chance.choice((-1, 1)) * chance.randrange(1, 1_000_000),
            price_text(chance.randrange(1_000, 10_000_000)),
        )
        for _ in range(EVENTS)
    ]
    pairs = {
        "balance_us": (
            lambda: _balances(ledger, made),
            lambda: _balances_of_peer(peer, made),
        ),
        "position_us": (
            lambda: _positions(ledger, made, instruments),
            lambda: _positions_of_peer(peer, made, instruments),
        ),
        "read_us": (
            lambda: _read(ledger, made),
            lambda: _read_peer(peer, made),
        ),
    }
    for name, (ours, theirs) in pairs.items():
        timing = alternate(ours, theirs)
        per_event = 1e6 / EVENTS
        yield _against(name, timing.ours_s * per_event, timing.peer_s * per_event, "us an event")


def _balances(ledger: Ledger, made: list[Event]) -> None:
    for event in made:
        account = ledger.accounts[event.name]
        ledger.set_balance(account, "USD", event.units, "trade")


def _balances_of_peer(ledger: object_ledger.Ledger, made: list[Event]) -> None:
    for event in made:
        account = ledger.accounts[event.name]
        ledger.set_balance(account, "USD", event.units, "trade")


def _positions(ledger: Ledger, made: list[Event], instruments: list[Instrument]) -> None:
    for event in made:
        account = ledger.accounts[event.name]
        ledger.set_position(
            account, instruments[event.instrument], "net", size=event.units, entry=event.entry
        )


def _positions_of_peer(
    ledger: object_ledger.Ledger, made: list[Event], instruments: list[Instrument]
) -> None:
    for event in made:
        account, instrument = ledger.accounts[event.name], instruments[event.instrument]
        position = account.positions.get((instrument.name, "net"))
        if position is None:
            position = object_ledger.Position(instrument, "net")
        position.margin_mode, position.isolated_margin = "cross", 0
        ledger.set_position(account, position, event.units, event.entry)


def _read(ledger: Ledger, made: list[Event]) -> float:
    """Read what a verdict in Python reads: balances, and each position's quantity and entry."""
    total = 0.0
    for event in made:
        account = ledger.accounts[event.name]
        total += sum(account.balances.values())
        for position in account.cross_positions():
            total += position.quantity * position.entry
    return total


def _read_peer(ledger: object_ledger.Ledger, made: list[Event]) -> float:
    total = 0.0
    for event in made:
        account = ledger.accounts[event.name]
        total += sum(account.balances.values())
        for position in account.positions.values():
            if position.size and position.margin_mode == "cross":
                total += position.quantity * position.entry
    return total


# --- growth and reuse ----------------------------------------------------------------------------


def _growth_figures(instruments: list[Instrument], holdings: Holdings) -> Iterator[Figure]:
    """Find the longest stop while a ledger gets accounts: half were expected, then hardly any."""
    made = [*accounts_of(holdings)]
    for name, expected in (("half", holdings.accounts // 2), ("few", ACCOUNTS_RESERVED)):
        runs = []
        for _ in range(GROWTH_RUNS):
            ledger = Ledger(expected)
            runs.append(_stops(ledger, fill_each(ledger, instruments, holdings, made, 0)))
        stop_ms = np.min(runs, axis=0).max() / 1e6  # what every run had: not the machine's noise
        growths = ledger.size().growths
        yield Figure(name=f"{name}_expected_growths", value=growths, unit="tables")
        yield Figure(name=f"{name}_expected_longest_stop_ms", value=float(stop_ms), unit="ms")


def _stops(ledger: Ledger, filling: Iterator[None]) -> Whole:
    """Return the processor time of each account that comes, in nanoseconds."""
    assert not ledger.accounts
    gc.collect()
    gc.freeze()
    gc.disable()  # its pauses are not the ledger's
    spent = []
    last_ns = time.thread_time_ns()
    for _ in filling:
        spent.append(time.thread_time_ns() - last_ns)
        last_ns = time.thread_time_ns()
    gc.enable()
    return np.array(spent)


def _reuse_figures(
    ledger: Ledger, instruments: list[Instrument], holdings: Holdings
) -> Iterator[Figure]:
    """Close every account and open as many others: they take the rows of the closed ones."""
    used = ledger.store.accounts.used
    closed_s = seconds(lambda: _close_all(ledger))
    yield Figure(name="close_us", value=1e6 * closed_s / holdings.accounts, unit="us an account")
    fill(ledger, instruments, holdings, holdings.accounts)
    grown = ledger.store.accounts.used - used
    yield Figure(name="rows_added_after_reuse", value=grown, unit="rows")


def _close_all(ledger: Ledger) -> None:
    for name in [*ledger.accounts]:
        account = ledger.accounts[name]
        ledger.clear(account, "closed")
        ledger.remove_account(account)


if __name__ == "__main__":
    main(measure, description=__doc__ or "")
