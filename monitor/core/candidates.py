"""The candidates of a side in columns: who may be deleveraged, scored in floats.

A side can have hundreds of thousands of positions. Nothing here makes an object for each: rows are
chosen, measured and scored as arrays. What floats cannot tell apart is for `winners.py`, exactly.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from monitor.core.accounts import AccountEngine
from monitor.core.contracts import notional
from monitor.core.decisions import Side
from monitor.core.deleveraging.policy import Floats, Policy, Rough
from monitor.core.instruments import Instrument
from monitor.core.ledger import Position
from monitor.core.ledger.columns import NONE
from monitor.core.ledger.store import LEGS, TRADER_ROLES, Store
from monitor.core.margin.book import STATE_NUMBERS, MarginUnit
from monitor.core.margin.index.exposures import MAGNITUDE, PNL, SIGNED, UNBOUNDED
from monitor.core.market import Market

# A list of holders is walked where the table of all positions has so many times as many rows.
WALKED_SHARE = 128
ELIGIBLE_STATE_MAX = STATE_NUMBERS["margin_call"]  # healthy before it
Rows = NDArray[np.int64]


class Candidates(NamedTuple):
    """Positions that may be deleveraged: their rows, their margin units and accounts by number."""

    rows: Rows
    units: Rows
    accounts: NDArray[np.int32]

    def chosen(self, which: NDArray[np.bool_]) -> "Candidates":
        """Return some of them."""
        return Candidates(self.rows[which], self.units[which], self.accounts[which])


class Scored(NamedTuple):
    """Candidates with their scores; where not `certain`, a score is not good to the margin.

    `lots`: their sizes, > 0.
    """

    engine: AccountEngine
    candidates: Candidates
    lots: Floats
    scores: Floats
    certain: NDArray[np.bool_]

    def name(self, place: int) -> str:
        """Return whose candidate one is."""
        return self.account_name(int(self.candidates.accounts[place]))

    def account_name(self, number: int) -> str:
        """Return the name of an account, or nothing if there is no such account any more."""
        return self.engine.ledger.store.names[number] or ""

    def places_of(self, position: Position) -> list[int]:
        """Return where a position stands: one place, or none."""
        if position.store is not self.engine.ledger.store:
            return []
        places: list[int] = np.flatnonzero(self.candidates.rows == position.row).tolist()
        return places

    def look(self, place: int) -> tuple[MarginUnit, Position]:
        """Return one of them, with its margin unit."""
        engine, chosen = self.engine, self.candidates
        position = Position(engine.ledger.store, int(chosen.rows[place]))
        return engine.margin_units.look(int(chosen.units[place])), position


def eligible(
    engine: AccountEngine, instrument: str, side: Side, *, without: str | None = None
) -> Candidates:
    """Return the positions of a side that may be deleveraged.

    They are a trader's whose margin unit is healthy or margin called. `without`: an owner none of
    whose accounts is asked; nobody closes against himself.
    """
    store, units = engine.ledger.store, engine.margin_units
    rows = held_rows(store, instrument)
    columns, accounts = store.positions.arrays, store.accounts.arrays
    sizes = columns["size"][rows]
    rows = rows[sizes > 0 if side == "long" else sizes < 0]
    owners = columns["account"][rows]
    is_chosen = np.isin(accounts["role"][owners], TRADER_ROLES)
    if without is not None:
        is_chosen &= ~_belongs(store, owners, without)
    rows, owners = rows[is_chosen], owners[is_chosen]
    found = accounts["unit"][owners].astype(np.int64)
    for place in np.flatnonzero(columns["isolated"][rows]).tolist():
        key = instrument, LEGS[columns["leg"][rows[place]]]
        found[place] = units.of_position(int(owners[place]), key)
    fit = units.arrays["state"][found] <= ELIGIBLE_STATE_MAX
    return Candidates(rows, found, owners).chosen(fit)


def _belongs(store: Store, accounts: NDArray[np.int32], owner: str) -> NDArray[np.bool_]:
    """Return which accounts are an owner's: one without an owner is its own."""
    codes, number = store.accounts.arrays["owner"][accounts], store.numbers.find(owner)
    belongs: NDArray[np.bool_] = (codes == NONE) & (accounts == number)
    code = store.owners.find(owner)
    return belongs if code == NONE else belongs | (codes == code)


def held_rows(store: Store, instrument: str) -> Rows:
    """Return the rows of all positions in an instrument, flat ones too."""
    held = store.count_holders(instrument)
    used = store.positions.used
    if held * WALKED_SHARE < used:
        return np.fromiter(store.holders(instrument), np.int64, held)
    numbers = store.positions.arrays["instrument"][:used]
    is_held = np.zeros(used, np.bool_)
    for number in store.numbers_of(instrument):  # two while it is relisted
        is_held |= numbers == number
    return np.flatnonzero(is_held)


def scored(
    engine: AccountEngine,
    instrument: str,
    side: Side,
    policy: Policy,
    *,
    without: str | None = None,
) -> Scored:
    """Return every candidate of a side with its score; those without a price are none."""
    assert policy.ranking is not None
    candidates = eligible(engine, instrument, side, without=without)
    measures = engine.thresholds.index.measures(candidates.units)
    listed = engine.market.instruments[instrument]
    is_known = ~np.isnan(measures[:, 2])
    if instrument not in engine.market.marks or engine.market.value(listed.settlement) is None:
        is_known[:] = False
    candidates = candidates.chosen(is_known)
    if not len(candidates.rows):
        return Scored(engine, candidates, np.zeros(0), np.zeros(0), np.zeros(0, np.bool_))
    rough = _rough(engine, listed, side, (policy, candidates, measures[is_known]))
    scores = policy.ranking.estimate(rough)
    certain = np.ones(len(scores), np.bool_)
    for basis in policy.ranking.rests_on:
        certain &= rough.is_sure(basis)
    certain &= ~np.isin(candidates.accounts, engine.accounts_waiting())
    return Scored(engine, candidates, rough.lots, np.where(np.isnan(scores), 0.0, scores), certain)


def _rough(
    engine: AccountEngine,
    listed: Instrument,
    side: Side,
    measured: tuple[Policy, Candidates, Floats],
) -> Rough:
    """Return candidates in floats; what the policy does not need is 0."""
    policy, candidates, measures = measured
    market, store = engine.market, engine.ledger.store
    columns = store.positions.arrays
    value, mark = market.value(listed.settlement), market.marks[listed.name].number
    assert value is not None
    numbers = columns["instrument"][candidates.rows]
    sizes, entries = columns["size"][candidates.rows], columns["entry"][candidates.rows]
    quantities, lots = np.empty(len(sizes)), np.empty(len(sizes))
    for number in store.numbers_of(listed.name):
        own, terms = numbers == number, store.instruments[number]
        quantities[own] = sizes[own] * terms.float_quantity_per_unit
        lots[own] = np.abs(sizes[own]) * float(terms.size_unit.value / terms.lot_size)
    entry_values = notional(listed.kind, quantities, entries)
    worth = notional(listed.kind, quantities, np.full(len(sizes), mark))
    growth = 1.0 - worth / entry_values if listed.inverse else worth / entry_values - 1.0
    direction = 1 if side == "long" else -1
    is_like_worth = listed.inverse != (side == "long")  # linear long, inverse short
    held = _held(engine, listed, candidates.units, policy)
    equity, maintenance, gross = measures.T
    return Rough(
        direction=direction,
        lots=lots,
        worth=worth * value,
        gain=direction * growth * entry_values * value,
        pnl_ratio=direction * growth,
        price_ratio=worth / entry_values if is_like_worth else entry_values / worth,
        equity=equity,
        # Floats do not bound a fee on the bankruptcy price of an inverse contract.
        maintenance=np.where(held[:, UNBOUNDED] > 0, np.nan, maintenance),
        gross=gross,
        wallet=equity - held[:, PNL],
        other=held[:, SIGNED] - direction * worth * value,
        other_gross=held[:, MAGNITUDE] - worth * value,
    )


def _held(engine: AccountEngine, listed: Instrument, units: Rows, policy: Policy) -> Floats:
    """Return what the units hold; all of the factor only where the policy needs that."""
    market, names = engine.market, engine.thresholds.instrument_names
    if "other_exposure" in policy.needs:
        of_factor = [_is_of_factor(market, name, listed) for name in names]
    else:
        of_factor = [False] * len(names)
    return engine.thresholds.index.exposures(units, np.array(of_factor, np.bool_))


def _is_of_factor(market: Market, name: str, listed: Instrument) -> bool:
    other = market.instruments.get(name)
    return other is not None and other.moves_with(listed)
