"""Cascades against plain Python, and against what can be said in closed form."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.analysis.cascade import Cascades
from monitor.analysis.funds import Funds
from monitor.analysis.liquidity import without_books
from tests.analysis.cascade_books import engine_of, image_of, random_accounts, random_books
from tests.reference.naive_cascade import NaiveAccount, naive_cascade

ONE_FUND = Funds(np.array([0], np.int64), np.array([100.0]), ("main",))
FUNDS = Funds(np.array([0, 0, -1], np.int64), np.array([100.0]), ("main",))
MARKS = [100.0, 20.0, 3.0]


@given(
    st.integers(0, 10_000),
    st.integers(1, 30),
    st.integers(1, 2),
    st.sampled_from([0.5, 1.0]),
    st.sampled_from([-0.3, -0.1, -0.02, 0.03, 0.15, 1.4]),
    st.booleans(),
)
def test_a_cascade_is_that_of_plain_python(
    seed: int, count: int, shards: int, exponent: float, move: float, has_feedback: bool
) -> None:
    accounts = random_accounts(seed, count, MARKS)
    image = image_of(engine_of(accounts, MARKS, shards), FUNDS)
    naive, books = random_books(seed, len(MARKS), exponent)
    shock = np.array([move, 0.0, move / 2])
    start = {number: mark * (1 + float(shock[number])) for number, mark in enumerate(MARKS)}
    wanted = naive_cascade(accounts, start, naive, [0, 0, -1], has_feedback=has_feedback)
    found = Cascades(image).run(shock, books, has_feedback=has_feedback)
    assert found.closed == len(wanted.closed)
    assert found.rounds == pytest.approx(tuple(wanted.rounds), rel=1e-6)
    held = ~np.isnan(image.terms.mark)  # the index knows no instrument that nobody holds
    ends = np.array(list(wanted.prices.values()))
    assert found.marks[held].tolist() == pytest.approx(ends[held].tolist(), rel=1e-9)
    short = [wanted.shortfall.get(0, 0.0), wanted.shortfall.get(-1, 0.0)]
    scale = max(1.0, *wanted.rounds) if wanted.rounds else 1.0
    assert found.shortfall.tolist() == pytest.approx(short, rel=1e-3, abs=1e-5 * scale)


@given(
    st.integers(0, 10_000),
    st.lists(
        st.tuples(*[st.sampled_from([-0.9, -0.3, -0.1, -0.03, 0, 0.04, 0.2, 1.5])] * 3),
        min_size=2,
        max_size=8,
    ),
)
def test_what_one_cascade_has_measured_serves_the_next(
    seed: int, shocks: list[tuple[float, ...]]
) -> None:
    image = image_of(engine_of(random_accounts(seed, 25, MARKS), MARKS, 2), FUNDS)
    _, books = random_books(seed, len(MARKS), 0.5)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("monitor.analysis.cascade.VERSIONS_MAX", 4)
        cascades = Cascades(image)
        for shock in shocks:
            found = cascades.run(np.array(shock), books)
            fresh = Cascades(image).run(np.array(shock), books)
            assert found.rounds == pytest.approx(fresh.rounds, rel=1e-12)
            assert found.shortfall.tolist() == pytest.approx(fresh.shortfall.tolist(), rel=1e-9)
            assert (found.closed, found.bankrupt) == (fresh.closed, fresh.bankrupt)


@given(st.integers(0, 10_000), st.sampled_from([-0.3, -0.1, 0.15]), st.floats(0, 500))
def test_a_cascade_that_is_ended_early_says_the_same_of_what_was_asked(
    seed: int, move: float, shortfall_max: float
) -> None:
    image = image_of(engine_of(random_accounts(seed, 25, MARKS), MARKS), FUNDS)
    _, books = random_books(seed, len(MARKS), 0.5)
    whole = Cascades(image).run(np.full(3, move), books)
    early = Cascades(image).run(
        np.full(3, move), books, ends=lambda shortfall, _: bool(shortfall[0] > shortfall_max)
    )
    assert (early.shortfall[0] > shortfall_max) == (whole.shortfall[0] > shortfall_max)
    assert early.rounds == whole.rounds[: len(early.rounds)]


def uniform_ladder(count: int) -> list[NaiveAccount]:
    """Return longs of 1 at 100, one of them liquidatable at each 0.1 of the way down."""
    return [
        NaiveAccount(round(100 - 0.95 * (99.95 - 0.1 * number), 6), {0: (1.0, 100.0)})
        for number in range(count)
    ]


def test_a_uniform_ladder_with_linear_impact_ends_where_the_closed_form_says() -> None:
    """docs/model/cascade.md: density d, impact k a contract: the fall is s / (1 - d k)."""
    image = image_of(engine_of(uniform_ladder(400), [100.0]), ONE_FUND)
    density, per_contract, shock = 10.0, 0.04, 2.0  # accounts per 1 of price; price per contract
    books = without_books(np.array([1.0]), np.array([per_contract / (100 - shock)]), 1.0)
    found = Cascades(image).run(np.array([-shock / 100]), books)
    fall = shock / (1 - density * per_contract)
    assert 100 - found.marks[0] == pytest.approx(fall, abs=0.1)
    assert found.closed == pytest.approx(density * fall, abs=1)
    assert found.reproduction == pytest.approx(density * per_contract, abs=0.06)


def test_no_shock_and_no_book_do_nothing() -> None:
    accounts = random_accounts(1, 5, MARKS)
    image = image_of(engine_of(accounts, MARKS), FUNDS)
    _, books = random_books(1, 3, 0.5)
    found = Cascades(image).run(np.zeros(3), books)
    assert (found.rounds, found.closed, found.reproduction) == ((), 0, 0.0)
    empty = image_of(engine_of([], MARKS), FUNDS)
    assert Cascades(empty).run(np.array([-0.5, 0, 0]), books).closed == 0
