"""The queue takes whole positions, highest score first, and conserves."""

from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from monitor.core.deleveraging.policy import light
from monitor.core.deleveraging.queue_bitmex import POLICY
from monitor.core.deleveraging.round import Round, Winner
from tests.core.deleveraging.rounds import rounds, shuffled


@given(rounds(), st.integers(0, 300))
def test_it_takes_what_was_asked_or_all_there_is(round_: Round, asked: int) -> None:
    taken = [share for share in POLICY.split(round_, "contracts", Fraction(asked)) if share.taken]
    total = sum(share.taken for share in taken)
    assert total == min(asked, sum(winner.lots for winner in round_.winners))
    assert all(share.taken == share.winner.lots for share in taken[:-1])


@given(rounds(), st.data())
def test_the_order_of_the_input_does_not_matter(round_: Round, order: st.DataObject) -> None:
    mixed = shuffled(round_, order)
    assert POLICY.split(mixed, "contracts", Fraction(9)) == POLICY.split(
        round_, "contracts", Fraction(9)
    )


@given(rounds())
def test_scores_do_not_rise_along_the_queue(round_: Round) -> None:
    scores = [share.score for share in POLICY.split(round_, "contracts", Fraction(0))]
    known = [score for score in scores if score is not None]
    assert scores == [None] * (len(scores) - len(known)) + known
    assert known == sorted(known, reverse=True)


def test_a_gain_is_multiplied_and_a_loss_divided_by_leverage() -> None:
    """Shorts of 10 at a mark of 80, 800 of notional on 100 of equity: leverage 8."""
    winners = (
        Winner(account="won", lots=10, entry_price=Fraction(100), equity=Fraction(100)),
        Winner(account="lost", lots=10, entry_price=Fraction(64), equity=Fraction(100)),
        Winner(account="poor", lots=10, entry_price=Fraction(64), equity=Fraction(0)),
    )
    round_ = Round(
        kind="linear",
        contract_size=Fraction(1),
        lot_size=Fraction(1),
        side="short",
        winners=winners,
        mark_price=Fraction(80),
    )
    shares = POLICY.split(round_, "contracts", Fraction(0))
    assert [(share.winner.account, share.score) for share in shares] == [
        ("poor", None),
        ("won", Fraction(8, 5)),
        ("lost", Fraction(-1, 32)),
    ]


def test_lights_split_the_queue_in_fifths() -> None:
    assert [light(rank, 10) for rank in range(1, 11)] == [5, 5, 4, 4, 3, 3, 2, 2, 1, 1]
    assert light(1, 1) == 5
