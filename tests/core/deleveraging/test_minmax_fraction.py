"""No other whole lots cost anybody a smaller part of its equity."""

from fractions import Fraction
from itertools import product

from hypothesis import given
from hypothesis import strategies as st

from monitor.core.deleveraging.minmax_fraction import POLICY
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


def _largest(round_: Round, taken: dict[str, int]) -> Fraction:
    rich = [winner for winner in round_.winners if winner.equity]
    return max((taken[w.account] / w.equity for w in rich if w.equity), default=Fraction(0))


@given(BOOKS.filter(lambda accounts: len(accounts) <= 3), st.integers(0, 36))
def test_no_other_choice_beats_it(accounts: list[tuple[int, int]], asked: int) -> None:
    accounts = [(lots, equity or 1) for lots, equity in accounts]
    round_ = _round(*accounts)
    asked = min(asked, sum(lots for lots, _ in accounts))
    best = min(
        _largest(round_, {f"{n}": lots for n, lots in enumerate(choice)})
        for choice in product(*(range(lots + 1) for lots, _ in accounts))
        if sum(choice) == asked
    )
    assert _largest(round_, lots_taken(POLICY, round_, asked)) == best


def test_no_equity_gives_last() -> None:
    assert lots_taken(POLICY, _round((3, 0), (4, 9)), 5) == {"0": 1, "1": 4}
