"""How burdens are told, and whether a close finds counterparties, against a slow recount."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.analysis.burdens import (
    COLLECTED,
    FRACTION_MAX,
    HEDGES_BROKEN,
    LEVERAGE_MAX,
    TOUCHED,
)
from monitor.analysis.positions import CANDIDATE, LOSER, NOTHING, Positions, Terms
from monitor.analysis.rounds import ACCOUNTS_MAX, GAP_RATIO, OPEN_INTEREST_SHARE
from monitor.analysis.shadow import (
    FEASIBLE_LOTS,
    LOTS,
    MEMBERS,
    MOVE,
    NEEDED,
    PRICE,
    Shadow,
    digests_of,
)
from monitor.analysis.splits import IN_PNL, POLICIES
from tests.analysis.shadow_books import random_book, shifted

SEEDS = st.integers(0, 2**32)
DIGESTS = digests_of([1, 1])


def equity_at(terms: Terms, book: Positions, row: int, price: float) -> Fraction:
    """Return a unit's equity with the instrument at a price, exactly."""
    sign = 1 if row < book.begins[1] else -1
    gain = sign * shifted(terms, float(terms.mark[0]), price)
    return Fraction(float(book.equity[row])) + Fraction(float(book.net[row])) * gain


def rows_of(book: Positions, side: int) -> range:
    """Return the rows of a side."""
    return range(int(book.begins[side]), int(book.begins[side + 1]))


@given(SEEDS, st.booleans(), st.sampled_from([0, 1]))
@settings(max_examples=100, deadline=None)
def test_the_worst_are_the_fewest_that_are_bankrupt_first(
    seed: int, inverse: bool, side: int
) -> None:
    terms, book = random_book(seed, inverse=inverse)
    shadow = Shadow(terms, book)
    facts = shadow.all_sides(DIGESTS).facts[side]
    bankrupt = {int(unit) for unit in np.flatnonzero(shadow.bankrupt == side)}
    if not bankrupt:
        return
    sign = 1 if side == 0 else -1
    reach = float(terms.mark[0]) * (1 - sign * float(facts[MOVE]))
    for row in rows_of(book, side):
        if book.role[row] == NOTHING:
            assert row not in bankrupt
            continue
        left = equity_at(terms, book, row, reach)
        room = Fraction(1, 10**9) * abs(Fraction(float(book.equity[row])))
        if row in bankrupt:
            assert left <= room  # at the last one's bankruptcy price all of them are bankrupt,
        elif facts[MOVE] > 0.0:
            assert left >= -room  # and nobody else is; if all are bankrupt now, some suffice
    held = sum(float(book.size[row]) for row in bankrupt)
    wanted = OPEN_INTEREST_SHARE * sum(float(book.size[row]) for row in rows_of(book, side))
    finite = facts[MEMBERS] == ACCOUNTS_MAX or held >= wanted * (1 - 1e-9)
    others = [
        row
        for row in rows_of(book, side)
        if book.role[row] != NOTHING and row not in bankrupt and book.net[row] > 0
    ]
    assert finite or not others or side == 0 or inverse
    assert facts[PRICE] == pytest.approx(reach * (1 - sign * GAP_RATIO))
    owed = sum(
        max(Fraction(0), -equity_at(terms, book, row, float(facts[PRICE]))) for row in bankrupt
    )
    assert facts[NEEDED] == pytest.approx(float(owed), rel=1e-9)


@given(SEEDS, st.sampled_from([0, 1]), st.sampled_from([0.05, 0.1, 0.2]))
@settings(max_examples=60, deadline=None)
def test_a_stress_makes_those_bankrupt_whose_equity_it_uses_up(
    seed: int, side: int, stress: float
) -> None:
    terms, book = random_book(seed)
    shadow = Shadow(terms, book)
    price = float(terms.mark[0]) * (1 - (1 if side == 0 else -1) * stress)
    shadow.all_sides(DIGESTS, stress=stress)
    expected = {
        row
        for row in rows_of(book, side)
        if book.role[row] != NOTHING and equity_at(terms, book, row, price) < 0
    }
    assert {int(unit) for unit in np.flatnonzero(shadow.bankrupt == side)} == expected


@given(SEEDS, st.sampled_from([0, 1]))
@settings(max_examples=60, deadline=None)
def test_what_is_told_of_a_plan_is_what_its_payers_bear(seed: int, side: int) -> None:
    terms, book = random_book(seed)
    shadow = Shadow(terms, book)
    answers = shadow.all_sides(DIGESTS)
    if not answers.facts[side, LOTS]:
        return
    for policy, payers in enumerate(shadow.paying(side, DIGESTS)):
        told = answers.burdens[policy, side]
        some = payers.taken > 0.0
        with np.errstate(divide="ignore"):
            fractions = payers.amount[some] / payers.equity[some]
        assert told[TOUCHED] == some.sum()
        assert told[COLLECTED] == pytest.approx(payers.amount.sum())
        assert told[FRACTION_MAX] == pytest.approx(fractions.max(initial=0.0))
        assert told[COLLECTED] <= answers.facts[side, NEEDED] * (1 + 1e-9)
        if policy in IN_PNL:
            assert told[HEDGES_BROKEN] == 0.0


def two_sides(**columns: list[float]) -> tuple[Terms, Positions]:
    """Return one long that is under water from 95 on, and shorts, of an instrument at 100."""
    count = len(columns["size"])
    terms = Terms(
        np.array([100.0]), np.ones(1), np.ones(1), np.zeros(1, np.uint8), np.zeros(1, np.int64)
    )
    zeros = {name: np.zeros(count) for name in ("maintenance", "wallet")}
    given_columns = {name: np.array(values, np.float64) for name, values in columns.items()}
    role = np.full(count, CANDIDATE, np.uint8)
    role[0] = LOSER
    return terms, Positions(
        begins=np.array([0, 1, count]),
        unit=np.arange(count, dtype=np.int64),
        role=role,
        **zeros,
        **given_columns,
    )


def test_the_example_of_the_model() -> None:
    terms, book = two_sides(
        size=[10, 6, 6],
        entry=[100, 110, 105],
        net=[10, 6, 6],
        other=[0, 500, 0],
        equity=[50, 20, 60],
    )
    answers = Shadow(terms, book).all_sides(digests_of([1, 1]))
    facts = answers.facts[0]
    assert facts[PRICE] == pytest.approx(94.05)
    assert (facts[LOTS], facts[NEEDED]) == (10.0, pytest.approx(9.5))
    assert facts[FEASIBLE_LOTS] == 10.0
    queue = answers.burdens[POLICIES.index("queue-bitmex"), 0]
    even = answers.burdens[POLICIES.index("pro-rata-contracts"), 0]
    # At 94.05 the equities are 20 + 35.7 and 60 + 35.7; a lot costs 0.95.
    assert queue[FRACTION_MAX] == pytest.approx(6 * 0.95 / 55.7)
    assert even[FRACTION_MAX] == pytest.approx(5 * 0.95 / 55.7)
    assert (queue[HEDGES_BROKEN], even[HEDGES_BROKEN]) == (1.0, 1.0)  # the long of 500 is naked
    assert queue[LEVERAGE_MAX] == pytest.approx(2 * 94.05 / 95.7)


@pytest.mark.parametrize(
    ("counterparties_max", "equities", "closed"),
    [
        (500, [1e6, 1e6], 10.0),
        (1, [1e6, 1e6], 6.0),
        (500, [0.0, 1e6], 10.0),
        (500, [-33.0, 1e6], 8.0),
    ],
)
def test_a_close_needs_counterparties_that_stay_solvent(
    counterparties_max: int, equities: list[float], closed: float
) -> None:
    terms, book = two_sides(
        size=[10, 6, 6],
        entry=[100, 100, 100],
        net=[10, 6, 6],
        other=[0, 0, 0],
        equity=[50, *equities],
    )
    shadow = Shadow(terms, book, counterparties_max=counterparties_max)
    # The first short has 2.7 left at 94.05 where its equity is -33 now: two lots at 0.95 each.
    assert shadow.all_sides(DIGESTS).facts[0, FEASIBLE_LOTS] == closed
