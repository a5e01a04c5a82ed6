"""The class 1 sums, added up anew from the definitions: docs/model/live_sums.md.

Nothing is kept by differences here. `class_one` is about units by state, `sides` about open
interest by owner. Not in the equity: collateral in haircut tiers, which is class 2.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction

from monitor.core import events
from tests.reference import naive_equity
from tests.reference.naive_world import Account, UnitKey, World

ZERO = Fraction(0)
TOP_GROUPS = 10
GRID = Fraction(1, 2**40)  # what the grid of class 1 may cost an amount
FLOAT = Fraction(1, 2**53)
Term = tuple[Fraction, Fraction | None]  # amount, price: their products add up to equity
Terms = list[Term]


@dataclass
class StateSum:
    """The units of one state: what they are worth, and how far floats may be from it.

    Not known while a price is missing of a unit that keeps its state until its change is whole.
    """

    equity: Fraction | None
    tolerance: Fraction


@dataclass
class ClassOne:
    """Sums over the whole book; `accounts` counts by the state of the cross unit."""

    accounts: Counter[str] = field(default_factory=Counter)
    units: Counter[str] = field(default_factory=Counter)
    states: dict[str, StateSum] = field(default_factory=dict)


def is_tiered(listed: events.CollateralListed | None) -> bool:
    """Return whether what an asset counts for is not linear in its price."""
    if listed is None or listed.haircut is not None:
        return False
    return any(tier.value_max is not None for tier in listed.haircut_tiers)


def class_one(world: World) -> ClassOne:
    """Return the sums at the present prices, every unit in the state that it is known to have."""
    found = ClassOne()
    terms: dict[str, Terms] = defaultdict(list)
    for account in world.accounts.values():
        found.accounts[account.units[None].state] += 1
        for key, unit in account.units.items():
            found.units[unit.state] += 1
            if unit.state != "unknown":
                terms[unit.state] += unit_terms(world, account, key)
    for state in ("healthy", "margin_call", "liquidatable", "bankrupt"):
        mine = [(amount, price) for amount, price in terms[state] if price is not None]
        if len(mine) < len(terms[state]):
            found.states[state] = StateSum(None, ZERO)
            continue
        gross = sum((abs(amount) * price for amount, price in mine), ZERO)
        found.states[state] = StateSum(
            sum((amount * price for amount, price in mine), ZERO),
            GRID * sum((price for _, price in mine), ZERO) + (len(mine) + 8) * FLOAT * gross,
        )
    return found


def unit_terms(world: World, account: Account, key: UnitKey, *, tiered: bool = False) -> Terms:
    """Return what a unit's class 1 equity is made of.

    `tiered`: with collateral in haircut tiers, as if nothing were taken off.
    """
    terms = list(_balances(world, account, tiered=tiered)) if key is None else []
    for position in naive_equity.unit_positions(account, key):
        listed = world.instruments[position.instrument]
        value, mark = world.value(listed.settlement_currency), world.marks.get(position.instrument)
        if position.isolated_margin:
            terms.append((position.isolated_margin, value))
        if position.size == 0:
            continue
        entry = position.entry_price
        assert entry is not None
        contracts = position.size * Fraction(listed.contract_size)
        if listed.kind == "inverse":
            moving = None if value is None or mark is None else value / mark
            terms += [(contracts / entry, value), (-contracts, moving)]
        else:
            moving = None if value is None or mark is None else value * mark
            terms += [(-contracts * entry, value), (contracts, moving)]
    for pending in naive_equity.unit_pending(account, key):
        if pending.amount > 0:
            terms.append((-pending.amount, world.value(pending.asset)))
    return terms


def _balances(world: World, account: Account, *, tiered: bool) -> Iterator[Term]:
    for asset, balance in account.balances.items():
        if balance == 0 or (balance > 0 and not world.counts(asset)):
            continue
        listed = world.collaterals.get(asset)
        if balance < 0:
            yield balance, world.value(asset)
        elif is_tiered(listed):
            if tiered:
                yield balance, world.value(asset)
        else:
            yield naive_equity.credited(world, asset, balance), world.value(asset)


# --- open interest ------------------------------------------------------------------------------


@dataclass
class Side:
    """One side of an instrument: what every owner holds, in contracts."""

    groups: dict[str, Fraction] = field(default_factory=dict)

    @property
    def contracts(self) -> Fraction:
        """Return the open interest."""
        return sum(self.groups.values(), ZERO)

    @property
    def concentration(self) -> tuple[Fraction, Fraction, Fraction]:
        """Return the shares of the largest and of the ten largest, and the sum of squares."""
        total = self.contracts
        if not total:
            return ZERO, ZERO, ZERO
        shares = sorted((held / total for held in self.groups.values()), reverse=True)
        squares = sum((share * share for share in shares), ZERO)
        return shares[0], sum(shares[:TOP_GROUPS], ZERO), squares


def sides(world: World, instrument: str) -> tuple[Side, Side]:
    """Return the long and the short side."""
    found = Side(), Side()
    for account in world.accounts.values():
        for position in account.positions.values():
            if position.instrument == instrument and position.size:
                groups = found[position.size < 0].groups
                groups[account.owner] = groups.get(account.owner, ZERO) + abs(position.size)
    return found


def value_of(world: World, instrument: str, contracts: Fraction) -> Fraction | None:
    """Return what so many contracts are worth at the mark; None: a price is missing."""
    listed = world.instruments[instrument]
    mark, value = world.marks.get(instrument), world.value(listed.settlement_currency)
    if mark is None or value is None:
        return None
    return naive_equity.notional(listed, contracts, mark) * value
