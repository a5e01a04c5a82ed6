"""How much to take is learned from recorded rounds; the split is one haircut."""

from dataclasses import replace
from fractions import Fraction
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from monitor.core.deleveraging.round import Past, Round, Winner
from monitor.core.deleveraging.severity_learner import POLICY, severities, severity


def _round(*gains: int, haircut_max: Fraction = Fraction(1)) -> Round:
    """Return winners with these gains; the first may lose no more than `haircut_max`."""
    return Round(
        kind="linear",
        contract_size=Fraction(1),
        lot_size=Fraction(1),
        side="long",
        mark_price=Fraction(1_000),
        winners=tuple(
            Winner(
                account=f"{number}",
                lots=1,
                entry_price=Fraction(1_000 - gain),
                haircut_max=haircut_max if number == 0 else Fraction(1),
            )
            for number, gain in enumerate(gains)
        ),
    )


def _given(round_: Round, pnl: Fraction | int) -> list[Fraction]:
    shares = POLICY.split(round_, "pnl", Fraction(pnl))
    by_name = {share.winner.account: Fraction(share.taken) for share in shares}
    return [by_name[winner.account] for winner in round_.winners]


def test_without_recorded_rounds_all_that_is_asked_is_taken() -> None:
    assert severity(()) == 1
    assert _given(_round(100, 20), 60) == [50, 10]


def test_a_deficit_that_was_not_needed_lowers_the_severity() -> None:
    past = (Past(Fraction(100), Fraction(0)),)
    assert severity(past) == 0  # the step is 1 / 100
    assert _given(replace(_round(100, 20), past=past), 60) == [0, 0]


def test_it_stays_where_what_was_taken_was_needed() -> None:
    assert severity((Past(Fraction(100), Fraction(100)),) * 5) == 1


@given(st.lists(st.tuples(st.integers(0, 1_000), st.integers(0, 1_000)), max_size=20))
def test_the_regret_stays_within_its_bound(rounds: list[tuple[int, int]]) -> None:
    past = [Past(Fraction(deficit), Fraction(needed)) for deficit, needed in rounds if deficit]
    wanted = [min(Fraction(1), one.needed / one.deficit) for one in past]
    played = _played(past)
    regret = sum(
        float(one.deficit * abs(chosen - target))
        for one, chosen, target in zip(past, played, wanted, strict=True)
    )
    path = sum(abs(after - before) for before, after in pairwise(wanted))
    squares = sum(one.deficit**2 for one in past)
    assert regret <= float((1 + 2 * path) * squares) ** 0.5 + 1e-9


def _played(past: list[Past]) -> list[Fraction]:
    """Return the severity of every round, with the step that all of them together give."""
    return severities(tuple(past))[: len(past)]
