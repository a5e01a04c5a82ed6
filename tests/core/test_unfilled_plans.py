"""What a liquidation has not closed in time is planned once, as the twin's queue would."""

import random
from fractions import Fraction

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.core.decisions import DeleveragingPlanned
from monitor.core.engine import RiskEngine
from monitor.core.events import AnyEvent
from monitor.core.settings import DeleveragingSettings, EngineSettings, PolicyName
from tests import random_settings, strategies
from tests.builders import Journal
from tests.reference import naive_deleveraging
from tests.reference.naive import NaiveEngine

TRIGGERS = ("fund_exhausted", "pool_pnl_factor", "liquidation_unfilled")


def unfilled_settings(policy: PolicyName = "queue-bitmex") -> EngineSettings:
    deleveraging = DeleveragingSettings(policy=policy, trigger=("liquidation_unfilled",))
    return EngineSettings(deleveraging=deleveraging)


def stuck(*, filled: str = "-4", held: str = "6") -> Journal:
    """Return lea, long 10 at 100 with 100 (bankrupt at 90), in liquidation; the mark is 85."""
    journal = Journal()
    journal.list_instrument("X")
    journal.mark("X", "100")
    for name, size, balance in (("sue", "-4", "50"), ("tom", "-30", "3000")):
        journal.balance(name, balance)
        journal.position(name, "X", size, "100")
    journal.balance("lea", "100")
    journal.position("lea", "X", "10", "100")
    journal.liquidation("started", "lea", "X", "-10")
    journal.liquidation("filled", "lea", "X", filled, "80")
    journal.position("lea", "X", held, "100")
    journal.mark("X", "85")
    return journal


def late(journal: Journal) -> list[AnyEvent]:
    """Return the events, and a tick long after them."""
    journal.wait(99).tick()
    return journal.take()


def planned_by(engine: RiskEngine, events: list[AnyEvent]) -> list[DeleveragingPlanned]:
    made = [decision for _, decision in engine.apply(events)]
    return [one for one in made if isinstance(one, DeleveragingPlanned)]


def test_it_is_due_exactly_then_and_asked_once() -> None:
    engine, journal = RiskEngine(unfilled_settings()), stuck()
    begun_ns = journal.events[-1].event_ns
    assert planned_by(engine, journal.take()) == []
    journal.wait(30 - 1e-9).tick()
    assert planned_by(engine, journal.take()) == []
    journal.wait(50).tick()
    (planned,) = planned_by(engine, journal.take())
    assert planned.event_ns == begun_ns + 30 * 10**9
    assert [(one.account, one.size) for one in planned.reductions] == [("sue", "4"), ("tom", "2")]
    assert (planned.contracts, planned.amount, planned.taken, planned.left) == (
        "6",
        "30",
        "30",
        "0",
    )
    (case,) = engine.deleveragings("L1")
    assert (case.expected.origin, case.expected.contracts) == ("liquidation_unfilled", "6")
    assert engine.summary()["shortfall_usd"] == "0"


def test_an_ended_one_or_one_without_a_position_is_not_asked_for() -> None:
    ended = stuck()
    ended.liquidation("finished", "lea", "X", "-10", "80")
    for journal in (ended, stuck(filled="-10", held="0"), stuck(held="0")):
        made = planned_by(RiskEngine(unfilled_settings()), late(journal))
        assert [one for one in made if one.trigger == "liquidation_unfilled"] == []


def test_a_policy_that_splits_pnl_closes_nothing() -> None:
    journal = stuck()
    journal.wait(99).tick()
    (planned,) = planned_by(RiskEngine(unfilled_settings("pro-rata-pnl")), journal.take())
    assert (planned.reductions, planned.contracts, planned.taken) == ([], "6", "0")


def test_a_mark_on_the_winners_side_collects_nothing() -> None:
    journal = stuck()
    journal.mark("X", "95")
    journal.wait(99).tick()
    (planned,) = planned_by(RiskEngine(unfilled_settings()), journal.take())
    assert (planned.amount, planned.taken, planned.left) == ("0", "0", "0")


@pytest.mark.parametrize("policy", ["queue-bitmex", "queue-hyperliquid"])
def test_plans_are_those_of_the_twin(policy: PolicyName) -> None:
    taken = 0
    for seed in range(60):
        chance, journal = random.Random(seed), Journal()
        journal.list_instrument("X", lot_size="2")
        journal.mark("X", "100")
        for number in range(chance.randint(1, 8)):
            name = f"winner-{number}"
            journal.balance(name, chance.choice(["40", "300", "300.5", "4000"]))
            size = chance.choice(["-2", "-4", "-7", "-20"])
            journal.position(name, "X", size, chance.choice(["60", "81", "100", "100", "120"]))
        journal.balance("lost", "100")
        journal.position("lost", "X", "40", "100")
        journal.liquidation("started", "lost", "X", "-40")
        filled = chance.randrange(0, 38, 2)
        journal.liquidation("filled", "lost", "X", str(-filled or -2), "90")
        journal.position("lost", "X", str(40 - (filled or 2)), "100")
        journal.mark("X", "85")
        engine, twin = RiskEngine(unfilled_settings(policy)), NaiveEngine(unfilled_settings(policy))
        for event in journal.events:
            twin.apply(event, None)
        made = planned_by(engine, late(journal))
        queue = naive_deleveraging.queue(twin.world, "X", "short", without="lost")
        lots = (40 - (filled or 2)) // 2
        shares = naive_deleveraging.split(policy, queue, lots, Fraction(1))
        expected = [
            (one.account, str(2 * share)) for one, share in zip(queue, shares, strict=True) if share
        ]
        assert [(one.account, one.size) for one in made[0].reductions] == expected
        taken += bool(expected)
    assert taken >= 40


@given(random_settings.SETTINGS, strategies.chaos(), st.integers(1, 3), st.data())
def test_batches_restarts_and_shards_change_nothing(
    chosen: EngineSettings, sequence: list[AnyEvent], shards: int, data: st.DataObject
) -> None:
    deleveraging = msgspec.structs.replace(
        chosen.deleveraging, trigger=TRIGGERS, unfilled_after_s=2.0, pool_pnl_factor_on=0.01,
        pool_pnl_factor_off=0.005,
    )  # fmt: skip
    settings = msgspec.structs.replace(chosen, deleveraging=deleveraging)
    whole = RiskEngine(settings)
    expected = whole.apply(sequence)
    divided = RiskEngine(settings, shards=shards)
    assert divided.apply(sequence) == expected
    number = data.draw(st.integers(0, len(sequence)))
    first = RiskEngine(settings)
    made = first.apply(sequence[:number])
    second = RiskEngine.from_state(first.export_state(), settings)
    made += [(number + index, one) for index, one in second.apply(sequence[number:])]
    assert made == expected
    assert second.state_hash() == whole.state_hash()
