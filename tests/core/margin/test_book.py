"""Units have numbers that are used again, and leave nothing behind."""

import pytest

from monitor.core.ledger.store import Store
from monitor.core.margin.book import (
    ISOLATED,
    LIQUIDATING,
    STATES,
    CrossUnits,
    Episode,
    MarginUnit,
    Units,
)

KEY = ("X-PERP", "net")


def units_of(*names: str) -> Units:
    """Return the cross units of new accounts."""
    store = Store(4)
    units = Units(store)
    for name in names:
        units.open(store.open_account(name))
    return units


def test_an_isolated_unit_is_its_positions_and_the_cross_unit_everything_elses() -> None:
    units = units_of("ann", "bob")
    cross = units.store.accounts.unit[1]
    isolated = units.open(1, KEY)
    assert units.of_account(1) == [cross, isolated]
    assert units.of_position(1, KEY) == isolated
    assert units.of_position(1, ("Y-PERP", "net")) == cross
    assert units.flags[isolated] == ISOLATED
    assert units.cross_units().tolist() == [units.store.accounts.unit[0], cross]
    look = units.look(isolated)
    assert (look.account.name, look.key, look.name) == ("bob", KEY, "bob/X-PERP/net")


def test_a_number_that_is_given_again_knows_nothing_of_before() -> None:
    units = units_of("ann")
    number = units.open(0, KEY)
    look = units.look(number)
    look.state = look.last_known = "bankrupt"
    look.liquidations, look.liquidating, look.episode = {"one"}, True, Episode("x")
    units.close(number)
    assert (units.keys, units.isolated, units.liquidations, units.episodes) == ({}, {}, {}, {})
    assert units.open(0, ("Y-PERP", "net")) == number
    again = units.look(number)
    assert (again.state, again.last_known, again.key) == ("healthy", "healthy", ("Y-PERP", "net"))
    assert (again.liquidations, again.is_in_liquidation, again.episode) == (set(), False, None)


def test_a_unit_is_in_liquidation_while_one_is_open_or_it_is_said_to_be() -> None:
    unit = units_of("ann").look(0)
    unit.liquidations |= {"one"}
    unit.liquidations |= {"two"}
    assert (unit.liquidations, unit.is_in_liquidation) == ({"one", "two"}, True)
    unit.liquidations -= {"one"}
    unit.liquidating = True
    unit.liquidations -= {"two"}
    assert (unit.liquidations, unit.is_in_liquidation) == (set(), True)
    assert unit.units.flags[0] == LIQUIDATING
    unit.liquidating = False
    assert not unit.is_in_liquidation


@pytest.mark.parametrize("state", STATES)
def test_a_state_is_a_name_outside_and_a_number_inside(state: str) -> None:
    unit = units_of("ann").look(0)
    unit.state = state  # type: ignore[assignment]
    assert unit.state == state
    assert STATES[unit.units.state[0]] == state


def test_two_looks_at_one_unit_are_equal() -> None:
    units, others = units_of("ann", "bob"), units_of("ann")
    assert units.look(0) == MarginUnit(units, 0)
    assert units.look(0) != units.look(1)
    assert units.look(0) != others.look(0)
    assert len({units.look(0), units.look(0), units.look(1)}) == 2


def test_cross_units_are_found_by_the_names_of_accounts() -> None:
    units = units_of("ann", "bob")
    cross = CrossUnits(units)
    assert {name: unit.number for name, unit in cross.items()} == {"ann": 0, "bob": 1}
    assert len(cross) == 2
    with pytest.raises(KeyError, match="cay"):
        cross["cay"]
