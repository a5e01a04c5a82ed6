"""The queue takes whole positions, highest score first, and conserves."""

from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from monitor.core.deleveraging.policy import Candidate, light, take_in_order
from monitor.core.deleveraging.queue_bitmex import QueueBitmex

RATIOS = st.fractions(min_value=-2, max_value=2, max_denominator=8)
CANDIDATES = st.lists(
    st.builds(
        Candidate,
        account=st.text("abc", min_size=1, max_size=3),
        leg=st.just("net"),
        contracts=st.integers(1, 20).map(Fraction),
        pnl_ratio=RATIOS,
        leverage=st.one_of(st.none(), st.integers(1, 50).map(Fraction)),
    ),
    unique_by=lambda candidate: candidate.account,
    max_size=12,
)


@given(CANDIDATES, st.integers(0, 100))
def test_it_takes_what_was_asked_or_all_there_is(candidates: list[Candidate], asked: int) -> None:
    taken = take_in_order(QueueBitmex().rank(candidates), Fraction(asked))
    total = sum(part.contracts for part in taken)
    assert total == min(asked, sum(candidate.contracts for candidate in candidates))
    assert all(part.contracts == part.ranked.candidate.contracts for part in taken[:-1])


@given(CANDIDATES, st.randoms(use_true_random=False))
def test_the_order_of_the_input_does_not_matter(
    candidates: list[Candidate], shuffler: object
) -> None:
    shuffled = list(candidates)
    shuffler.shuffle(shuffled)  # type: ignore[attr-defined]
    assert QueueBitmex().rank(shuffled) == QueueBitmex().rank(candidates)


@given(CANDIDATES)
def test_scores_do_not_rise_along_the_queue(candidates: list[Candidate]) -> None:
    scores = [place.score for place in QueueBitmex().rank(candidates)]
    known = [score for score in scores if score is not None]
    assert scores == [None] * (len(scores) - len(known)) + known
    assert known == sorted(known, reverse=True)


def test_no_equity_is_infinite_leverage_and_goes_first() -> None:
    poor = Candidate("poor", "net", Fraction(1), Fraction(-1), None)
    rich = Candidate("rich", "net", Fraction(1), Fraction(1), Fraction(100))
    assert [p.candidate.account for p in QueueBitmex().rank([rich, poor])] == ["poor", "rich"]


def test_lights_split_the_queue_in_fifths() -> None:
    assert [light(rank, 10) for rank in range(1, 11)] == [5, 5, 4, 4, 3, 3, 2, 2, 1, 1]
    assert light(1, 1) == 5
