"""Counting again finds what differs, and nothing else."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from monitor.core.decisions import ConservationViolated
from monitor.core.engine import RiskEngine
from monitor.core.events import AnyEvent
from monitor.core.ledger.columns import exact_sum
from monitor.core.recount import (
    Difference,
    recount_asset,
    recount_instrument,
    recount_states,
)
from monitor.core.settings import EngineSettings
from tests import strategies
from tests.builders import Journal


@given(strategies.chaos(), st.integers(1, 2))
def test_what_is_kept_by_differences_is_what_is_counted(
    sequence: list[AnyEvent], shards: int
) -> None:
    engine = RiskEngine(EngineSettings(), shards=shards)
    engine.apply(sequence)
    for part in engine.shards.engines:
        assert recount_states(part) == []
        for name in part.ledger.open_interest:
            assert recount_instrument(part, name) == []
        for asset in part.ledger.booked:
            assert recount_asset(part, asset) == []


def book() -> RiskEngine:
    """Return an engine with two accounts and one instrument."""
    journal = Journal()
    journal.list_instrument("X")
    journal.mark("X", "100")
    for name, size in (("ann", "3"), ("bob", "-3")):
        journal.balance(name, "1000")
        journal.position(name, "X", size, "100")
    engine = RiskEngine(EngineSettings())
    engine.apply(journal.events)
    return engine


def test_a_position_that_changes_beside_the_books_is_found() -> None:
    engine = book()
    (part,) = engine.shards.engines
    part.ledger.store.positions.size[0] += 1
    assert recount_instrument(part, "X") == [Difference("open_interest/X/long", -1)]


def test_a_balance_that_changes_beside_the_books_is_found() -> None:
    engine = book()
    (part,) = engine.shards.engines
    part.ledger.store.balances.units[0] -= 5
    assert recount_asset(part, "USD") == [Difference("balances/USD", 5)]


def test_a_state_that_changes_beside_the_books_is_found() -> None:
    engine = book()
    (part,) = engine.shards.engines
    part.margin_units.state[0] = 2
    assert recount_states(part) == [
        Difference("accounts/healthy", 1),
        Difference("accounts/liquidatable", -1),
    ]


def test_a_round_of_slices_finds_it_and_tells_it() -> None:
    engine = book()
    (part,) = engine.shards.engines
    part.ledger.store.balances.units[0] -= 5
    journal = Journal(engine.engine_ns)
    for _ in range(4):
        journal.wait(1.1).tick()
    made = [decision for _, decision in engine.apply(journal.events)]
    (found,) = [one for one in made if isinstance(one, ConservationViolated)]
    assert (found.check, found.scope, found.difference) == ("ledger", "balances/USD", "5")
    assert engine.audit_report().recount_violations == 1


@given(st.lists(st.integers(-(2**62), 2**62), max_size=50))
def test_a_sum_of_large_numbers_is_exact(units: list[int]) -> None:
    assert exact_sum(np.array(units, np.int64)) == sum(units)
