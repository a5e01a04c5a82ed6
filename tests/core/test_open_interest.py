"""Open interest by side and owner: sums, squares and the largest equal a recount, always."""

import random
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.core.engine import RiskEngine
from monitor.core.events import AnyEvent
from monitor.core.open_interest import (
    FOREMOST_MAX,
    TOP_GROUPS,
    Concentration,
    SideInterest,
    merged,
)
from monitor.core.settings import EngineSettings
from tests import strategies
from tests.builders import Journal

CHANGES = st.lists(st.tuples(st.sampled_from("abcdefgh"), st.integers(0, 5)), max_size=60)


def recount(groups: dict[str, int]) -> Concentration:
    """Return the concentration of groups from its definition."""
    total = sum(groups.values())
    if not total:
        return Concentration(Fraction(0), Fraction(0), Fraction(0))
    shares = sorted((Fraction(units, total) for units in groups.values()), reverse=True)
    squares = sum((share * share for share in shares), Fraction(0))
    return Concentration(shares[0], sum(shares[:TOP_GROUPS], Fraction(0)), squares)


def test_a_worked_number() -> None:
    side = SideInterest()
    side.change("ann", 3)
    side.change("bob", 1)
    assert side.concentration() == (Fraction(3, 4), Fraction(1), Fraction(10, 16))
    assert side.largest(1) == [("ann", 3)]


@given(CHANGES)
def test_every_change_leaves_what_a_recount_finds(changes: list[tuple[str, int]]) -> None:
    side, groups = SideInterest(), dict.fromkeys("abcdefgh", 0)
    for owner, units in changes:
        side.change(owner, units - groups[owner])
        groups[owner] = units
        assert side.concentration() == recount(groups)
        held = sorted(((-units, name) for name, units in groups.items() if units))
        assert side.largest(3) == [(name, -units) for units, name in held[:3]]


@pytest.mark.parametrize("units_max", [3, 10**12])
def test_the_largest_are_found_though_few_groups_are_looked_at(units_max: int) -> None:
    chance, side = random.Random(1), SideInterest()
    for number in range(20_000):
        owner = f"owner{chance.randrange(2_000)}"
        # the groups shrink in the second half: those that were the largest leave one by one
        units = chance.randrange(units_max) // (1 + number // 10_000 * 99)
        side.change(owner, units - side.groups.get(owner, 0))
        assert len(side.foremost) <= FOREMOST_MAX
        if number % 97 == 0:
            held = sorted((-units, name) for name, units in side.groups.items())
            assert side.largest(10) == [(name, -units) for units, name in held[:10]]


@given(CHANGES, CHANGES)
def test_parts_merge_to_the_whole(
    first: list[tuple[str, int]], second: list[tuple[str, int]]
) -> None:
    parts, whole = [SideInterest(), SideInterest()], SideInterest()
    for part, changes in zip(parts, (first, second), strict=True):
        for owner, units in changes:
            part.change(owner, units)
            whole.change(owner, units)
    assert merged(parts).concentration() == whole.concentration()


@given(strategies.chaos(), st.integers(1, 3))
def test_the_engine_counts_by_owner_after_every_event(
    sequence: list[AnyEvent], shards: int
) -> None:
    engine = RiskEngine(EngineSettings(), shards=shards)
    for event in sequence:
        engine.apply([event])
        for name in engine.market.instruments:
            sides: tuple[dict[str, int], dict[str, int]] = ({}, {})
            for part in engine.shards.engines:
                for account, position in part.ledger.positions_in(name):
                    side = sides[position.size < 0]
                    side[account.owner] = side.get(account.owner, 0) + abs(position.size)
            assert engine.shards.concentrations(name) == tuple(map(recount, sides))


def test_accounts_of_one_owner_are_one_group() -> None:
    journal = Journal()
    journal.list_instrument("X-PERP")
    for name, size in (("ann", "2"), ("bob", "1"), ("cay", "1")):
        journal.position(name, "X-PERP", size, "10")
    journal.open("bob", owner="ann")
    engine = RiskEngine(EngineSettings())
    engine.apply(journal.take())
    long, short = engine.shards.concentrations("X-PERP")
    assert long.largest_share == Fraction(3, 4)
    assert short.largest_share == 0
