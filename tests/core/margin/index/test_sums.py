"""The sums by state, kept by differences, equal a recount."""

import random
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.core.margin.index.columns import AMOUNT
from monitor.core.margin.index.index import Item, ThresholdIndex
from tests.core.margin.index.worlds import World


@pytest.mark.parametrize("seed", range(12))
def test_sums_equal_a_recount(seed: int) -> None:
    world = World(seed, accounts=20)
    for _ in range(80):
        world.step()
    kept = world.index.sums()
    counted = np.bincount(world.index.states(sorted(world.numbers[n] for n in world.units)))
    assert kept.counts[: len(counted)].tolist() == counted.tolist()
    anew = world.index.recount()
    assert kept.counts.tolist() == anew.counts.tolist()
    assert kept.equity[:4].tolist() == anew.equity[:4].tolist()


AMOUNTS = st.one_of(
    st.floats(-1e6, 1e6),
    st.floats(-1e23, 1e23),
    st.integers(-(2**62), 2**62).map(float),
    st.sampled_from([1e-30, 2.0**-40, 3 * 2.0**-40, 0.1, 8191.7, 2.0**77]),
)


@given(st.lists(AMOUNTS, min_size=1, max_size=30))
def test_a_sum_is_exact_but_for_the_grid(amounts: list[float]) -> None:
    index = ThresholdIndex(call_factor=1.25)
    for unit, amount in enumerate(amounts):
        index.set_unit(unit, [Item(AMOUNT, 0, amount)])
    true = sum((Fraction(amount) for amount in amounts), Fraction(0))
    coarse, middle, fine = (sum(part) for part in index.columns.constants[:, :3].T.tolist())
    held = coarse * 2**40 + middle + Fraction(fine, 2**39)
    small = sum(abs(amount) < 8192 for amount in amounts)
    assert abs(held - true) <= Fraction(small, 2**40)
    told = float(np.nansum(index.sums().equity[:4]))
    largest = sum(map(abs, amounts))
    assert told == pytest.approx(float(true), abs=1e-15 * largest + small * 2.0**-40)


@given(st.lists(AMOUNTS, min_size=2, max_size=12), st.randoms(use_true_random=False))
def test_what_came_and_went_leaves_no_trace(amounts: list[float], draw: random.Random) -> None:
    """In whatever order units come, change and go: the same book has the same integers."""
    steady, moved = ThresholdIndex(call_factor=1.25), ThresholdIndex(call_factor=1.25)
    for unit, amount in enumerate(amounts):
        steady.set_unit(unit, [Item(AMOUNT, 0, amount)])
    for _ in range(3):
        units = [*range(len(amounts))]
        draw.shuffle(units)
        for unit in units:
            moved.set_unit(unit, [Item(AMOUNT, 0, draw.choice(amounts) / 3)])
            if draw.random() < 0.3:
                moved.remove_units([unit])
    for unit, amount in reversed([*enumerate(amounts)]):
        moved.set_unit(unit, [Item(AMOUNT, 0, amount)])
    for name in ("counts", "constants", "amounts", "positions"):
        kept, other = getattr(steady.columns, name), getattr(moved.columns, name)
        assert kept.tolist() == other.tolist(), name


def test_equity_by_state_is_the_sum_of_the_units() -> None:
    world = World(5, accounts=30)
    tiered = world.collateral["COIN"]
    haircut = world.index.columns.haircuts[tiered]
    haircut["tier_count"] = 1  # class 1 knows one haircut an asset, without an end
    world.index.columns.tiers["bound"][haircut["tiers"]] = np.inf
    world.index.rescan()
    total = dict.fromkeys(range(4), 0.0)
    for name, unit in world.units.items():
        state = int(world.index.states([world.numbers[name]])[0])
        if state in total:
            total[state] += _equity(world, name, unit)
    np.testing.assert_allclose(
        world.index.recount().equity[:4], [total[state] for state in range(4)], atol=1e-6
    )


def _equity(world: World, name: str, unit: object) -> float:
    del unit
    columns = world.index.columns
    begin = int(columns.begins[world.numbers[name]])
    head = columns.heads[begin]
    equity = float(head["constant"])
    for row in columns.rows[begin + 1 : begin + 1 + head["count"]]:
        if row["kind"] == 0:
            terms = columns.instruments[row["ref"]]
            mark = columns.slots[terms["mark"]]["price"]
            value = columns.slots[terms["value"]]["price"]
            gain = (
                row["quantity"] / row["entry"] - row["quantity"] / mark
                if terms["inverse"]
                else row["quantity"] * (mark - row["entry"])
            )
            equity += float(gain * value)
            continue
        slot = row["ref"] if row["kind"] == 1 else columns.haircuts[row["ref"]]["slot"]
        worth = float(row["quantity"] * columns.slots[slot]["price"])
        if row["kind"] == 2 and worth > 0:
            worth *= float(columns.tiers[columns.haircuts[row["ref"]]["tiers"]]["rate"])
        equity += worth
    return equity
