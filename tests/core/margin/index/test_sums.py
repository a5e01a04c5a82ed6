"""The sums by state, kept by differences, equal a recount."""

import numpy as np
import pytest

from tests.core.margin.index.worlds import World


@pytest.mark.parametrize("seed", range(12))
def test_sums_equal_a_recount(seed: int) -> None:
    world = World(seed, accounts=20)
    for _ in range(80):
        world.step()
    kept = world.index.sums()
    counted = np.bincount(world.index.states(sorted(world.numbers[n] for n in world.units)))
    assert kept.counts[: len(counted)].tolist() == counted.tolist()
    world.index.resum()
    anew = world.index.sums()
    assert kept.counts.tolist() == anew.counts.tolist()
    np.testing.assert_allclose(kept.equity[:4], anew.equity[:4], rtol=0, atol=1e-7)
    assert kept.shortfall == pytest.approx(anew.shortfall, abs=1e-7)


def test_equity_by_state_is_the_sum_of_the_units() -> None:
    world = World(5, accounts=30)
    tiered = world.collateral["COIN"]
    haircut = world.index.columns.haircuts[tiered]
    haircut["tier_count"] = 1  # class 1 knows one haircut an asset, without an end
    world.index.columns.tiers["bound"][haircut["tiers"]] = np.inf
    world.index.rescan()
    world.index.resum()
    total = dict.fromkeys(range(4), 0.0)
    for name, unit in world.units.items():
        state = int(world.index.states([world.numbers[name]])[0])
        if state in total:
            total[state] += _equity(world, name, unit)
    np.testing.assert_allclose(
        world.index.sums().equity[:4], [total[state] for state in range(4)], atol=1e-6
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
