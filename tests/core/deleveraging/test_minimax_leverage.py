"""Cut from the top: the best whole lots there are, whatever the steps."""

from dataclasses import replace
from fractions import Fraction
from itertools import product

from hypothesis import given
from hypothesis import strategies as st

from monitor.core.deleveraging.minimax_leverage import POLICY
from monitor.core.deleveraging.round import Round, Winner
from tests.core.deleveraging.rounds import lots_taken


def _round(*accounts: tuple[int, int]) -> Round:
    """Return winners of (lots, equity), 1 of notional a lot."""
    return Round(
        kind="linear",
        contract_size=Fraction(1),
        lot_size=Fraction(1),
        side="long",
        mark_price=Fraction(1),
        winners=tuple(
            Winner(
                account=f"{number}",
                lots=lots,
                entry_price=Fraction(1, 2),
                equity=Fraction(equity),
            )
            for number, (lots, equity) in enumerate(accounts)
        ),
    )


BOOKS = st.lists(st.tuples(st.integers(1, 12), st.integers(0, 9)), min_size=1, max_size=4)


def _highest(round_: Round, taken: dict[str, int]) -> Fraction:
    left = [(w.lots - taken[w.account], w.equity or Fraction(1, 10**6)) for w in round_.winners]
    return max(lots / equity for lots, equity in left)


@given(BOOKS.filter(lambda accounts: len(accounts) <= 3), st.integers(0, 36))
def test_no_other_choice_leaves_a_lower_highest_leverage(
    accounts: list[tuple[int, int]], asked: int
) -> None:
    round_ = _round(*accounts)
    asked = min(asked, sum(lots for lots, _ in accounts))
    best = min(
        _highest(round_, {f"{n}": lots for n, lots in enumerate(choice)})
        for choice in product(*(range(lots + 1) for lots, _ in accounts))
        if sum(choice) == asked
    )
    assert _highest(round_, lots_taken(POLICY, round_, asked)) == best


@given(BOOKS, st.integers(0, 30), st.integers(0, 30))
def test_two_steps_are_one(accounts: list[tuple[int, int]], first: int, second: int) -> None:
    round_ = _round(*accounts)
    at_once = lots_taken(POLICY, round_, first + second)
    before = lots_taken(POLICY, round_, first)
    left = tuple(
        replace(winner, lots=winner.lots - before[winner.account]) for winner in round_.winners
    )
    after = lots_taken(POLICY, replace(round_, winners=left), second)
    assert {name: before[name] + after[name] for name in before} == at_once


def test_six_hundred_then_four_hundred_is_a_thousand() -> None:
    round_ = _round((900, 100), (700, 200), (300, 10))
    assert lots_taken(POLICY, round_, 1_000) == {"0": 610, "1": 119, "2": 271}


@given(BOOKS, st.integers(0, 48))
def test_splitting_an_account_saves_it_nothing(accounts: list[tuple[int, int]], asked: int) -> None:
    doubled = [(2 * lots, 2 * equity) for lots, equity in accounts]
    lots, equity = accounts[0]
    whole = lots_taken(POLICY, _round(*doubled), asked)["0"]
    split = lots_taken(POLICY, _round((lots, equity), (lots, equity), *doubled[1:]), asked)
    assert abs(split["0"] + split["1"] - whole) <= len(accounts) + 1  # lots are whole
