"""What outsiders read equals what the twin computes from scratch."""

import math
from collections import Counter
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.core import overview
from monitor.core.accounts import AccountEngine
from monitor.core.engine import RiskEngine
from monitor.core.events import AnyEvent
from monitor.core.margin.index.class_two import class_two
from monitor.core.margin.totals import unit_totals
from monitor.core.report import account_view
from monitor.core.settings import EngineSettings
from monitor.core.view import AccountView
from tests import creeping, random_settings, strategies
from tests.builders import Journal
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


def recount(engine: RiskEngine) -> tuple[int, int, float, tuple[AccountView, ...]]:
    """Return suspects, liquidating units, margin shortfall and the worst accounts by a rescan."""
    suspect = liquidating = 0
    shortfalls: list[float] = []
    scored: list[tuple[float, str, AccountEngine]] = []
    for part in engine.shards.engines:
        suspect += sum(account.is_suspect for account in part.ledger.accounts.values())
        for unit in part.units():
            liquidating += unit.liquidating
            ((equity, maintenance, _),) = part.thresholds.measures([unit]).tolist()
            totals = unit_totals(unit, part.market, part.rules)
            if totals is None:
                assert math.isnan(equity)
                continue
            assert equity == pytest.approx(float(totals.equity), abs=1e-6)
            if unit.state in {"liquidatable", "bankrupt"}:
                shortfalls.append(max(0.0, maintenance - equity))
            is_due = maintenance > 0 or equity < 0 or (not equity and bool(unit.positions()))
            if unit.key is None and is_due:
                score = maintenance / equity if equity > 0 else math.inf
                scored.append((score, unit.account.name, part))
    scored.sort(key=lambda entry: entry[:2], reverse=True)
    worst = [
        account_view(engine.shards, part, name, engine.engine_ns)
        for _, name, part in scored[: overview.WORST_ACCOUNTS]
    ]
    worst.sort(key=lambda view: -(view.risk_score or 0.0))
    return suspect, liquidating, math.fsum(shortfalls), tuple(worst)


def told(engine: RiskEngine) -> tuple[int, int, float, tuple[AccountView, ...]]:
    """Return the same as the view tells it."""
    view = engine.view()
    suspect, liquidating = view.suspect_accounts, view.liquidating_accounts
    return suspect, liquidating, view.margin_shortfall_usd, view.worst


@given(random_settings.SETTINGS, strategies.chaos(), st.data(), st.integers(1, 2))
def test_a_view_of_kept_sums_equals_a_rescan(
    settings: EngineSettings, sequence: list[AnyEvent], data: st.DataObject, shards: int
) -> None:
    saved = data.draw(st.integers(0, len(sequence)))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(overview, "WORST_ACCOUNTS", 2)
        engine = RiskEngine(settings, shards=shards)
        for number, event in enumerate(sequence):
            engine.apply([event])
            assert told(engine) == recount(engine)
            if number == saved:
                engine = RiskEngine.from_state(engine.export_state(), settings)
                assert told(engine) == recount(engine)


def test_the_worst_are_found_again_when_those_kept_have_left() -> None:
    journal = Journal()
    journal.list_instrument("X-PERP")
    journal.mark("X-PERP", "10")
    names = [f"account-{number:04d}" for number in range(3_000)]
    engine = RiskEngine(EngineSettings())
    for number, name in enumerate(names):
        journal.balance(name, 100 + number)
        journal.position(name, "X-PERP", "1", "10")
    engine.apply(journal.take())
    assert told(engine) == recount(engine)
    for name in names[:1_000]:
        journal.balance(name, "1000000")
    engine.apply(journal.take())
    assert told(engine) == recount(engine)
    assert engine.view().worst[0].account == names[1_000]
    for name in reversed(names):
        journal.balance(name, "0")
    engine.apply(journal.take())
    assert told(engine) == recount(engine)
    for name in names[50:]:
        journal.position(name, "X-PERP", "0")
    engine.apply(journal.take())
    assert told(engine) == recount(engine)
    assert len(engine.view().worst) == 50


def test_a_view_looks_at_the_worst_of_the_image_and_at_what_changed_since() -> None:
    journal = Journal()
    journal.list_instrument("X")
    journal.mark("X", "100")
    for number in range(2_200):
        journal.balance(f"c{number:04}", str(20 + number))
        journal.position(f"c{number:04}", "X", "1", "100")
    engine = RiskEngine(EngineSettings())
    engine.apply(journal.take())
    (part,) = engine.shards.engines
    everybody = engine.view().worst
    part.watchlist.note_image()
    sums = class_two(part.thresholds.index.columns, worst_max=2_000)
    part.watchlist.take_worst(sums.worst_units.tolist())
    assert engine.view().worst == everybody
    candidates = part.watchlist.candidates()
    assert candidates is not None
    assert len(candidates) == 1_000
    journal.balance("c2199", "5")  # was the safest of all, and is liquidatable now
    engine.apply(journal.take())
    assert engine.view().worst[0].account == "c2199"


def test_an_account_without_equity_or_requirement_is_among_the_worst() -> None:
    journal = Journal()
    journal.list_instrument("FREE", risk_tiers=[])
    journal.mark("FREE", "90")
    journal.balance("ann", "10")
    journal.position("ann", "FREE", "1", "100")
    journal.balance("bob", "10")
    engine = RiskEngine(EngineSettings())
    engine.apply(journal.take())
    (worst,) = engine.view().worst
    assert (worst.account, worst.equity, worst.risk_score) == ("ann", 0.0, math.inf)
