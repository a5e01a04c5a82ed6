"""Loss at risk: against plain Monte Carlo of many more paths, and against known answers."""

import numpy as np
import pytest
from scipy import stats

from monitor.analysis.cascade import Cascades
from monitor.analysis.funds import Funds
from monitor.analysis.liquidity import without_books
from monitor.analysis.loss_at_risk import CONFIDENCES, HORIZONS_S, PATHS_MIN, LossPaths
from monitor.analysis.loss_tail import tail_of
from monitor.analysis.moves import LOG_MOVE_MAX
from monitor.core.loss_at_risk_view import LossAtRisk
from tests.analysis.cascade_books import (
    NAMES,
    engine_of,
    image_of,
    markets_with,
    random_accounts,
)
from tests.reference.naive_cascade import NaiveAccount

MARKS = [100.0, 20.0, 3.0]
FUNDS = Funds(np.array([0, 0, -1], np.int64), np.array([400.0]), ("main",))
BOOKS = without_books(np.array([5_000.0] * 3), np.array([0.05] * 3), 0.5)
DEEP = without_books(np.array([1e12] * 3), np.array([0.05] * 3), 0.5)


def told(paths: int = 1_000) -> LossAtRisk:
    """Return what is at risk in a book of 30 random accounts."""
    image = image_of(engine_of(random_accounts(7, 30, MARKS), MARKS), FUNDS)
    found = LossPaths().look(9, NAMES, Cascades(image), markets_with(BOOKS, FUNDS, paths=paths))
    assert found is not None
    return found


def test_a_thousand_paths_agree_with_thirty_times_as_many_plain_ones() -> None:
    found = told()
    image = image_of(engine_of(random_accounts(7, 30, MARKS), MARKS), FUNDS)
    shape = 0.8 * np.ones((3, 3)) + 0.2 * np.eye(3)
    plain = stats.multivariate_t(np.zeros(3), shape * 0.05**2 / 3.0, df=3).rvs(30_000, 11)
    moves = np.expm1(np.clip(plain, -LOG_MOVE_MAX, LOG_MOVE_MAX))
    cascades = Cascades(image)
    lost = np.array([FUNDS.uncovered(cascades.run(one, BOOKS).shortfall).sum() for one in moves])
    day = found.funds[0].horizons[-1]
    assert day.depletion_probability == pytest.approx((lost > 0).mean(), rel=0.25)
    for confidence, ours in zip(CONFIDENCES, day.uncovered, strict=True):
        truth = tail_of(lost, np.full(len(lost), 1 / len(lost)), confidence)
        beyond = lost[lost > truth.value_at_risk]
        error = beyond.std() / np.sqrt(len(beyond))
        assert ours.expected_shortfall_usd == pytest.approx(
            truth.expected_shortfall, abs=4 * (ours.error_usd + error)
        )
        assert ours.error_usd < 0.1 * ours.expected_shortfall_usd


def test_the_error_that_is_told_is_how_much_answers_differ(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    answers = []
    for seed in range(12):
        monkeypatch.setattr("monitor.analysis.loss_at_risk.SEED", seed)
        answers.append(told(400).funds[0].horizons[-1].uncovered[1])
    spread = np.std([one.expected_shortfall_usd for one in answers], ddof=1)
    assert 0.4 * spread < np.mean([one.error_usd for one in answers]) < 2.5 * spread


def test_one_account_in_a_deep_book_has_a_known_chance() -> None:
    """docs/model/loss_at_risk.md: a long that is bankrupt at a fall of 6 %, a fund of 40."""
    funds = Funds(np.array([0, 0, 0], np.int64), np.array([40.0]), ("main",))
    account = NaiveAccount(60.0, {0: (10.0, 100.0)})
    image = image_of(engine_of([account], MARKS), funds)
    markets = markets_with(DEEP, funds, paths=20_000)
    found = LossPaths().look(1, NAMES, Cascades(image), markets)
    assert found is not None
    own = found.funds[1]
    assert (own.fund, own.balance_usd) == ("main", 40.0)
    for horizon in own.horizons:
        unit = np.sqrt(horizon.horizon_s / HORIZONS_S[-1] / 3.0) * 0.05
        short = stats.t.cdf(np.log(0.94) / unit, 3)
        deplete = stats.t.cdf(np.log(0.90) / unit, 3)
        assert horizon.shortfall_probability == pytest.approx(short, rel=0.1)
        assert horizon.depletion_probability == pytest.approx(deplete, rel=0.1)
    assert [one.share for one in own.contributions] == [pytest.approx(1.0)]
    assert own.median_depletion_s is not None
    unit = np.sqrt(own.median_depletion_s / HORIZONS_S[-1] / 3.0) * 0.05
    day = own.horizons[-1].depletion_probability
    assert stats.t.cdf(np.log(0.90) / unit, 3) == pytest.approx(day / 2, rel=0.15)


def test_contributions_are_parts_of_the_whole() -> None:
    found = told()
    everywhere, main = found.funds
    assert (everywhere.fund, main.fund) == (None, "main")
    assert sum(one.share for one in everywhere.contributions) == pytest.approx(1.0)
    assert {one.instrument for one in main.contributions} <= set(NAMES[:2])
    shares = [one.share for one in everywhere.contributions]
    assert shares == sorted(shares, reverse=True)
    for horizon in everywhere.horizons:
        for own, of_fund in zip(horizon.uncovered, horizon.shortfall, strict=True):
            assert own.expected_shortfall_usd <= of_fund.expected_shortfall_usd
    longer = [one.depletion_probability for one in everywhere.horizons]
    assert longer == sorted(longer)


def test_what_costs_too_much_waits_for_the_next_image(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("monitor.analysis.loss_at_risk.UNITS_MAX", 0)
    image = image_of(engine_of(random_accounts(7, 30, MARKS), MARKS), FUNDS)
    paths, markets = LossPaths(), markets_with(BOOKS, FUNDS, paths=300)
    answers: list[LossAtRisk | None] = []
    moment_ns = 0
    while not answers or answers[-1] is None:
        moment_ns += 1
        answers.append(paths.look(moment_ns, NAMES, Cascades(image), markets))
    assert moment_ns > 10
    assert answers[-1] is not None
    assert answers[-1].paths >= PATHS_MIN
    assert (answers[-1].oldest_ns, answers[-1].as_of_ns) == (1, moment_ns)
    monkeypatch.undo()
    newest = paths.look(10**6, NAMES, Cascades(image), markets)
    assert newest is not None
    assert (newest.paths, newest.oldest_ns) == (300, 10**6)
    # Other instruments: all is forgotten.
    monkeypatch.setattr("monitor.analysis.loss_at_risk.UNITS_MAX", -1)
    assert paths.look(10**6 + 1, ("X", "Y", "Z"), Cascades(image), markets) is None


def test_a_book_without_positions_loses_nothing() -> None:
    image = image_of(engine_of([], MARKS), FUNDS)
    found = LossPaths().look(1, NAMES, Cascades(image), markets_with(BOOKS, FUNDS, paths=200))
    assert found is not None
    assert [one.depletion_probability for one in found.funds[0].horizons] == [0.0] * 3
    assert found.funds[0].median_depletion_s is None
    assert found.funds[0].contributions == ()
