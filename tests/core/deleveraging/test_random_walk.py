"""A walk in a circle from a seeded start, past those whose close would bankrupt them."""

from fractions import Fraction

from monitor.core.deleveraging.random_walk import POLICY, VISITS_MAX
from monitor.core.deleveraging.round import Round, Winner
from tests.core.deleveraging.rounds import lots_taken


def _round(count: int, *, seed: int = 1, equity: int = 100) -> Round:
    return Round(
        kind="linear",
        contract_size=Fraction(1),
        lot_size=Fraction(1),
        side="short",
        mark_price=Fraction(80),
        bankruptcy_price=Fraction(85),
        seed=seed,
        winners=tuple(
            Winner(account=f"{number:04}", lots=1, equity=Fraction(equity))
            for number in range(count)
        ),
    )


def test_a_seed_walks_one_way_and_seeds_start_apart() -> None:
    starts = {
        POLICY.split(_round(50, seed=seed), "contracts", Fraction(1))[0].winner.account
        for seed in range(20)
    }
    assert len(starts) > 10
    assert lots_taken(POLICY, _round(9), 4) == lots_taken(POLICY, _round(9), 4)


def test_it_passes_over_whom_the_close_would_bankrupt() -> None:
    assert set(lots_taken(POLICY, _round(3, equity=4), 3).values()) == {0}
    assert set(lots_taken(POLICY, _round(3, equity=5), 3).values()) == {1}


def test_the_walk_ends_after_so_many_visits() -> None:
    assert sum(lots_taken(POLICY, _round(VISITS_MAX + 9), VISITS_MAX + 9).values()) == VISITS_MAX
