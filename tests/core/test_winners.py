"""Floats preselect the queue; they never decide who is in it."""

import random
from typing import get_args

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.core.decisions import Side
from monitor.core.engine import RiskEngine
from monitor.core.events import AnyEvent
from monitor.core.settings import (
    DeleveragingSettings,
    EngineSettings,
    MarginSettings,
    PolicyName,
)
from tests import random_settings, strategies
from tests.builders import Journal

POLICIES = st.sampled_from(get_args(PolicyName))
RANKED = [name for name in get_args(PolicyName) if name != "random-walk"]


def with_policy(settings: EngineSettings, policy: PolicyName) -> EngineSettings:
    """Return settings with another policy."""
    return msgspec.structs.replace(settings, deleveraging=DeleveragingSettings(policy=policy))


def test_an_equity_that_floats_take_for_negative_still_goes_first() -> None:
    journal = Journal()
    journal.list_instrument("X", risk_tiers=[], fund="main")
    journal.fund("main", "0")
    journal.mark("X", "700000000.7")
    journal.balance("ann", "-299999999.6")
    journal.position("ann", "X", "-1", "1000000000.3")
    journal.balance("bob", "1000000")
    journal.position("bob", "X", "-1", "1000000000")
    journal.balance("lost", "100000000")
    journal.position("lost", "X", "1", "900000000")
    journal.liquidation("started", "lost", "X", size="-1")
    journal.liquidation("filled", "lost", "X", size="-1", price="700000000.7")
    journal.liquidation("finished", "lost", "X", size="-1", price="700000000.7")
    engine = RiskEngine(EngineSettings(margin=MarginSettings(liquidatable_when="below")))
    made = [decision for _, decision in engine.apply(journal.events)]
    (plan,) = [decision for decision in made if decision.kind == "deleveraging_planned"]
    report = engine.account_report("ann")
    assert report is not None
    assert report["equity"] == "0"
    assert report["positions"][0]["deleveraging_rank"] == 1
    assert [one.account for one in plan.reductions] == ["ann"]  # type: ignore[attr-defined]


def assert_standings(engine: RiskEngine) -> int:
    """Assert that each single standing is that of the whole queue; return how many there are."""
    shards, found = engine.shards, 0
    for name in engine.account_ids():
        for position in shards.of(name).ledger.accounts[name].positions.values():
            side: Side = "long" if position.size > 0 else "short"
            whole = shards.standings(position.instrument.name, side)
            assert shards.standing(name, position) == whole.get((name, position.leg))
            found += (name, position.leg) in whole
    return found


@given(random_settings.SETTINGS, POLICIES, strategies.chaos(), st.integers(1, 2))
def test_one_standing_is_that_of_the_whole_queue(
    settings: EngineSettings, policy: PolicyName, sequence: list[AnyEvent], shards: int
) -> None:
    engine = RiskEngine(with_policy(settings, policy), shards=shards)
    engine.apply(sequence)
    assert_standings(engine)


@pytest.mark.parametrize("policy", RANKED)
@pytest.mark.parametrize("seed", range(3))
def test_standings_in_a_random_book_with_near_ties_are_exact(seed: int, policy: PolicyName) -> None:
    chance = random.Random(seed)
    journal = Journal()
    for name in ("X-PERP", "Y-PERP"):
        journal.list_instrument(name)
        journal.mark(name, f"{chance.uniform(90, 110):.3f}")
    for number in range(60):
        name = f"account-{number}"
        entry = chance.choice([100.0, 100.00000001, chance.uniform(50, 150)])
        deposit = chance.choice([40.0, 40.00000001, 1e9, chance.uniform(1, 100)])
        journal.balance(name, f"{deposit:.8f}")
        for leg in ("long", "short"):
            size = chance.choice(["1", "2", "-1", "-2"])
            instrument = chance.choice(["X-PERP", "Y-PERP"])
            journal.position(name, instrument, size, f"{entry:.8f}", leg=leg)
    settings = EngineSettings(margin=MarginSettings(liquidatable_when="below"))
    engine = RiskEngine(with_policy(settings, policy))
    engine.apply(journal.events)
    assert assert_standings(engine) > 30


def test_no_account_of_the_bankrupt_owner_is_asked_to_close_against_him() -> None:
    """Two shorts win; the one of the same owner gives nothing, and is charged like all others."""
    journal = Journal()
    journal.list_instrument("X")
    journal.mark("X", "100")
    journal.open("lost", owner="one")
    journal.open("own", owner="one")
    for name in ("own", "other"):
        journal.balance(name, "1000")
        journal.position(name, "X", "-10", "100")
    journal.balance("lost", "50")
    journal.position("lost", "X", "30", "100")
    journal.liquidation("started", "lost", "X", size="-30")
    journal.mark("X", "80")
    journal.liquidation("finished", "lost", "X", size="-30", price="80")
    for shards in (1, 3):
        engine = RiskEngine(EngineSettings(), shards=shards)
        made = {one.kind: one for _, one in engine.apply(journal.events)}
        plan, charged = made["deleveraging_planned"], made["loss_socialized"]
        assert [one.account for one in plan.reductions] == ["other"]  # type: ignore[attr-defined]
        assert [one.account for one in charged.accounts] == ["other", "own"]  # type: ignore[attr-defined]
