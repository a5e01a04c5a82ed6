"""Every policy in floats takes what the exact policy takes."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.analysis.rounds import Close
from monitor.analysis.shadow import CONCESSION, LOTS, NEEDED, PRICE, Shadow, digests_of
from monitor.analysis.splits import IN_PNL, POLICIES
from monitor.core.deleveraging import POLICIES as EXACT
from monitor.core.deleveraging.plan import plan
from monitor.core.deleveraging.round import Past
from monitor.core.deleveraging.severity_learner import severity
from monitor.core.settings import PolicyName
from tests.analysis.shadow_books import exact_round, random_book

BOUND = 1e-9
PAST = (Past(Fraction(100), Fraction(40)), Past(Fraction(80), Fraction(50)))


def test_every_policy_but_the_yardstick_has_a_fast_twin() -> None:
    assert {*POLICIES, "minmax-fraction"} == set(EXACT)


@pytest.mark.parametrize("policy", range(len(POLICIES)), ids=POLICIES)
@given(
    seed=st.integers(0, 2**32),
    inverse=st.booleans(),
    side=st.sampled_from([0, 1]),
    stress=st.sampled_from([0.0, 0.05, 0.2]),
)
@settings(max_examples=60, deadline=None)
def test_a_fast_plan_is_the_exact_one(
    policy: int, seed: int, inverse: bool, side: int, stress: float
) -> None:
    terms, book = random_book(seed, inverse=inverse)
    learned = float(severity(PAST))
    shadow, digests = Shadow(terms, book), digests_of([seed % 7, seed % 7])
    facts = shadow.all_sides(digests, stress=stress, severity=learned).facts[side]
    if not facts[LOTS]:
        return
    found = shadow.paying(side, digests, stress=stress, severity=learned)[policy]
    banned = {int(unit) for unit in np.flatnonzero(shadow.bankrupt == side)}
    close = Close(
        side=side,
        direction=1.0 if side else -1.0,
        price=float(facts[PRICE]),
        move=0.0,
        worth=0.0,
        members=len(banned),
        lots=float(facts[LOTS]),
        needed=float(facts[NEEDED]),
        concession=float(facts[CONCESSION]),
    )
    round_ = exact_round(terms, book, close, banned, seed % 7)
    is_pnl = policy in IN_PNL
    asked = Fraction(close.needed) if is_pnl else Fraction(close.lots) * round_.lot_size
    if POLICIES[policy] == "severity-learner":
        round_ = type(round_)(
            **{name: getattr(round_, name) for name in round_.__slots__} | {"past": PAST}
        )
    made = plan(EXACT[POLICIES[policy]], round_, unit="pnl" if is_pnl else "contracts", asked=asked)
    exact = {int(share.winner.account): float(share.taken) for share in made.shares if share.taken}
    taken = {
        unit: part
        for unit, part in zip(found.unit.tolist(), found.taken.tolist(), strict=True)
        if part
    }
    if is_pnl:
        for unit in exact.keys() | taken.keys():
            assert taken.get(unit, 0.0) == pytest.approx(
                exact.get(unit, 0.0), rel=BOUND, abs=BOUND * close.needed
            )
    else:
        assert taken == exact
    assert float(made.taken) == pytest.approx(
        found.amount.sum() if is_pnl else sum(taken.values()) * terms.lot[0],
        rel=BOUND,
    )


def test_the_names_are_those_of_the_configuration() -> None:
    assert set(POLICIES) <= set(PolicyName.__args__)  # type: ignore[attr-defined]
