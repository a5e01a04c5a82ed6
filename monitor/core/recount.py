"""A slow second count of what is kept by differences: a slice a second, round and round.

Open interest of one instrument, balances of one asset, accounts by state: each is added up again
from the ledger's columns. What differs is a fault of ours, and is told as such.
"""

from typing import NamedTuple

import numpy as np

from monitor.core.accounts import AccountEngine
from monitor.core.candidates import held_rows
from monitor.core.decisions import ConservationViolated
from monitor.core.ledger.columns import exact_sum
from monitor.core.margin.book import STATES
from monitor.core.shards import Shards

INTERVAL_NS = 1_000_000_000


class Difference(NamedTuple):
    """What was kept less what was counted, in units of the scope."""

    scope: str
    units: int


class Recount:
    """Counts one slice after the other; one for all shards."""

    def __init__(self) -> None:
        """Begin with the first slice, after a second."""
        self.due_ns = 0
        self.done = 0  # slices
        self.violations = 0

    def look(self, shards: Shards, now_ns: int) -> list[ConservationViolated]:
        """Count the next slice if it is due: at most one a second of engine time."""
        if now_ns < self.due_ns:
            return []
        self.due_ns = now_ns + INTERVAL_NS
        found = [one for engine in shards.engines for one in self._slice(engine)]
        self.done += 1
        self.violations += len(found)
        return [
            ConservationViolated(
                event_ns=now_ns,
                rule="audit",
                check="ledger",
                scope=one.scope,
                difference=str(one.units),
                accounts=[],
                left_out=0,
            )
            for one in found
        ]

    def _slice(self, engine: AccountEngine) -> list[Difference]:
        """Return what differs in the slice whose turn it is: all states, an instrument, an asset.

        The turn is counted over the names of this shard as they are now.
        """
        instruments, assets = sorted(engine.ledger.open_interest), sorted(engine.ledger.booked)
        place = self.done % (1 + len(instruments) + len(assets))
        if not place:
            return recount_states(engine)
        if place <= len(instruments):
            return recount_instrument(engine, instruments[place - 1])
        return recount_asset(engine, assets[place - 1 - len(instruments)])


def recount_instrument(engine: AccountEngine, name: str) -> list[Difference]:
    """Count the open interest of an instrument again, long and short."""
    store = engine.ledger.store
    sizes = store.positions.arrays["size"][held_rows(store, name)]
    counted = exact_sum(sizes[sizes > 0]), -exact_sum(sizes[sizes < 0])
    kept = [side.total for side in engine.ledger.open_interest[name]]
    return [
        Difference(f"open_interest/{name}/{side}", kept[number] - counted[number])
        for number, side in enumerate(("long", "short"))
        if kept[number] != counted[number]
    ]


def recount_asset(engine: AccountEngine, asset: str) -> list[Difference]:
    """Add up the balances of an asset again: they are what was booked."""
    store = engine.ledger.store
    table, code = store.balances, store.assets.find(asset)
    columns = table.arrays
    counted = exact_sum(columns["units"][: table.used][columns["asset"][: table.used] == code])
    kept = sum(engine.ledger.booked[asset].values())
    return [] if kept == counted else [Difference(f"balances/{asset}", kept - counted)]


def recount_states(engine: AccountEngine) -> list[Difference]:
    """Count the accounts in each state again."""
    units = engine.margin_units.cross_units()
    counted = np.bincount(engine.margin_units.arrays["state"][units], minlength=len(STATES))
    kept = engine.state_counts
    return [
        Difference(f"accounts/{state}", kept[state] - int(counted[number]))
        for number, state in enumerate(STATES)
        if kept[state] != counted[number]
    ]
