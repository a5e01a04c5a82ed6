"""What outsiders read equals what the twin computes from scratch."""

from collections import Counter
from fractions import Fraction

import pytest
from hypothesis import given

from monitor.core.engine import RiskEngine
from monitor.core.events import AnyEvent
from monitor.core.settings import EngineSettings
from tests import creeping, random_settings, strategies
from tests.reference import naive_margin
from tests.reference.naive import NaiveEngine


def both(settings: EngineSettings, sequence: list[AnyEvent]) -> tuple[RiskEngine, NaiveEngine]:
    """Return engine and twin after a sequence."""
    engine, twin = RiskEngine(settings), NaiveEngine(settings)
    engine.apply(sequence)
    for event in sequence:
        twin.apply(event)
    return engine, twin


@given(random_settings.SETTINGS, strategies.chaos())
def test_counts_funds_and_breakers_equal_those_of_the_twin(
    settings: EngineSettings, sequence: list[AnyEvent]
) -> None:
    engine, twin = both(settings, sequence)
    view, accounts = engine.view(), twin.world.accounts.values()
    states = Counter(account.units[None].state for account in accounts)
    assert {state: count for state, count in view.accounts.items() if count} == states
    assert view.suspect_accounts == sum(twin.ledger.is_suspect(account) for account in accounts)
    assert view.liquidating_accounts == sum(
        unit.liquidating for account in accounts for unit in account.units.values()
    )
    assert [fund.fund for fund in view.funds] == sorted(twin.world.funds)
    for fund in view.funds:
        expected = twin.world.funds[fund.fund]
        assert fund.asset == expected.asset
        assert fund.balance == pytest.approx(float(expected.available))
        assert fund.drawn == pytest.approx(float(expected.drawn))
    seen = {(one.settings.name, one.scope): one.state for one in twin.breakers if one.ticks}
    assert {(one.breaker, one.scope): one.state for one in view.breakers} == seen


@given(random_settings.SETTINGS, creeping.drift())
def test_the_margin_shortfall_follows_prices_that_cross_no_threshold(
    settings: EngineSettings, sequence: list[AnyEvent]
) -> None:
    engine, twin = both(settings, sequence)
    total = Fraction(0)
    for account in twin.world.accounts.values():
        for key, unit in account.units.items():
            figures = naive_margin.figures(twin.world, account, key)
            if figures is not None and unit.state in {"liquidatable", "bankrupt"}:
                total += max(Fraction(0), figures.maintenance_margin - figures.equity)
    assert engine.view().margin_shortfall_usd == pytest.approx(float(total), abs=1e-6)


@given(random_settings.SETTINGS, creeping.drift())
def test_the_worst_accounts_come_first(settings: EngineSettings, sequence: list[AnyEvent]) -> None:
    engine, twin = both(settings, sequence)
    worst = engine.view().worst
    scores = [account.risk_score or 0.0 for account in worst]
    assert scores == sorted(scores, reverse=True)
    for account in worst:
        found = twin.world.accounts[account.account]
        figures = naive_margin.figures(twin.world, found, None)
        assert figures is not None
        assert account.equity == pytest.approx(float(figures.equity), abs=1e-6)
