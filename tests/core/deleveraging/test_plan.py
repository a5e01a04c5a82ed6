"""Whatever the policy: it conserves, keeps to the caps, and does not mind the order of the file."""

from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.core.deleveraging import POLICIES
from monitor.core.deleveraging.plan import gini, plan
from monitor.core.deleveraging.policy import Policy
from monitor.core.deleveraging.random_walk import overlaps
from monitor.core.deleveraging.round import Round, Unit, Winner
from monitor.core.worksheet import WorksheetError
from tests.core.deleveraging.rounds import given_by_account, planned, rounds, scaled, shuffled

ALL = pytest.mark.parametrize("policy", POLICIES.values(), ids=lambda policy: policy.name)
ANY_POLICY = st.sampled_from(list(POLICIES.values()))
SETTINGS = settings(max_examples=100)
UNITS: st.SearchStrategy[Unit] = st.sampled_from(["contracts", "pnl"])
AMOUNTS = st.fractions(min_value=0, max_value=2_000, max_denominator=20)
ROUND = Round(
    kind="linear",
    contract_size=Fraction(1),
    lot_size=Fraction(1),
    side="short",
    winners=(Winner(account="ann", lots=4, entry_price=Fraction(100), equity=Fraction(40)),),
    mark_price=Fraction(80),
    bankruptcy_price=Fraction(85),
)


def capacity(policy: Policy, round_: Round, unit: Unit) -> Fraction:
    """Return the most that a policy can take, in the unit that it splits."""
    if (policy.unit or unit) == "contracts":
        able = [
            one for one in round_.winners if policy.name != "random-walk" or overlaps(round_, one)
        ]
        return Fraction(sum(winner.lots for winner in able))
    gains = [max(Fraction(0), round_.gain(one)) * one.haircut_max for one in round_.winners]
    return sum(gains, Fraction(0))


@SETTINGS
@given(policy=ANY_POLICY, round_=rounds(), unit=UNITS, asked=AMOUNTS)
def test_it_takes_what_is_asked_or_all_there_is(
    policy: Policy, round_: Round, unit: Unit, asked: Fraction
) -> None:
    made = planned(policy, round_, unit, asked)
    concession = round_.concession()
    assert concession is not None
    if (policy.unit or unit) == "contracts":
        unit_value = round_.lot_size if unit == "contracts" else concession
        lots = min(Fraction(-(-asked // unit_value)), capacity(policy, round_, unit))
        assert made.taken == lots * unit_value
    else:
        per_pnl = Fraction(1) if unit == "pnl" else round_.lot_size / concession
        assert made.taken == min(asked, capacity(policy, round_, unit) * per_pnl)
    assert made.left == max(0, asked - made.taken)


@SETTINGS
@given(policy=ANY_POLICY, round_=rounds(), unit=UNITS, asked=AMOUNTS)
def test_nobody_gives_more_than_it_has(
    policy: Policy, round_: Round, unit: Unit, asked: Fraction
) -> None:
    made = planned(policy, round_, unit, asked)
    assert len(made.reductions) == made.metrics["accounts_touched"]
    for reduction in made.reductions:
        winner = reduction.share.winner
        assert 0 < reduction.size <= winner.lots * round_.lot_size
        if (policy.unit or unit) == "contracts":
            assert reduction.size % round_.lot_size == 0
        else:
            assert reduction.amount is not None
            assert reduction.amount <= round_.gain(winner) * winner.haircut_max
        assert 1 <= reduction.rank <= len(round_.winners)
    ranks = [reduction.rank for reduction in made.reductions]
    assert ranks == sorted(ranks)


@SETTINGS
@given(policy=ANY_POLICY, round_=rounds(), unit=UNITS, asked=AMOUNTS, order=st.data())
def test_the_order_of_the_file_does_not_matter(
    policy: Policy, round_: Round, unit: Unit, asked: Fraction, order: st.DataObject
) -> None:
    made = planned(policy, round_, unit, asked)
    again = planned(policy, shuffled(round_, order), unit, asked)
    assert made == again


@SETTINGS
@given(
    policy=ANY_POLICY.filter(lambda policy: policy.name != "queue-binance"),
    round_=rounds(),
    asked=AMOUNTS,
    factor=st.sampled_from([10, 1_000]),
)
def test_counting_money_in_another_unit_changes_nobody_s_contracts(
    policy: Policy, round_: Round, asked: Fraction, factor: int
) -> None:
    def sizes(one: Round) -> dict[str, Fraction]:
        made = planned(policy, one, "contracts", asked)
        return {account: size for account, (size, _) in given_by_account(made).items()}

    assert sizes(round_) == sizes(scaled(round_, factor))


@ALL
def test_without_candidates_everything_is_left(policy: Policy) -> None:
    made = plan(policy, replace(ROUND, winners=()), unit="contracts", asked=Fraction(7))
    assert made.taken == 0
    assert made.left == 7
    assert not made.reductions


@ALL
def test_nothing_asked_is_nothing_taken(policy: Policy) -> None:
    winner = replace(ROUND.winners[0], wallet_balance=Fraction(20), maintenance_margin=Fraction(3))
    round_ = replace(ROUND, winners=(winner,))
    made = plan(policy, round_, unit="contracts", asked=Fraction(0))
    assert made.taken == 0
    assert made.left == 0
    assert not made.reductions


def test_an_amount_between_two_lots_is_rounded_up() -> None:
    made = plan(POLICIES["pro-rata-contracts"], ROUND, unit="contracts", asked=Fraction(5, 2))
    assert made.taken == 3
    assert made.left == 0


def test_pnl_becomes_contracts_by_what_a_winner_gives_up_for_each() -> None:
    made = plan(POLICIES["queue-bitmex"], ROUND, unit="pnl", asked=Fraction(11))
    assert given_by_account(made) == {"ann": (3, 15)}
    assert made.taken == 15
    assert made.left == 0


def test_pnl_given_up_is_the_gain_of_a_part_of_the_position() -> None:
    made = plan(POLICIES["pro-rata-pnl"], ROUND, unit="pnl", asked=Fraction(20))
    assert given_by_account(made) == {"ann": (1, 20)}


def test_better_than_the_mark_is_a_gain_for_the_winner() -> None:
    round_ = replace(ROUND, bankruptcy_price=Fraction(75))
    made = plan(POLICIES["queue-bitmex"], round_, unit="contracts", asked=Fraction(1))
    assert given_by_account(made) == {"ann": (1, -5)}


@pytest.mark.parametrize(
    ("price", "said"), [(80, "equal to the mark"), (75, "better for the winners")]
)
def test_pnl_needs_a_bankruptcy_price_that_costs_winners(price: int, said: str) -> None:
    round_ = replace(ROUND, bankruptcy_price=Fraction(price))
    with pytest.raises(WorksheetError, match=said):
        plan(POLICIES["queue-bitmex"], round_, unit="pnl", asked=Fraction(1))


@pytest.mark.parametrize("missing", ["mark_price", "bankruptcy_price"])
def test_pnl_needs_both_prices(missing: str) -> None:
    round_ = replace(ROUND, mark_price=None)
    if missing == "bankruptcy_price":
        round_ = replace(ROUND, bankruptcy_price=None)
    with pytest.raises(WorksheetError, match=f"`{missing}`"):
        plan(POLICIES["pro-rata-contracts"], round_, unit="pnl", asked=Fraction(1))


def test_without_prices_contracts_are_told_and_pnl_is_not() -> None:
    round_ = replace(ROUND, mark_price=None, bankruptcy_price=None)
    answer = plan(
        POLICIES["pro-rata-contracts"], round_, unit="contracts", asked=Fraction(1)
    ).answer()
    assert answer["reductions"][0]["amount"] is None
    assert answer["metrics"]["max_fraction_of_equity"] is None


def test_inverse_amounts_are_valued_at_the_mark() -> None:
    round_ = replace(ROUND, kind="inverse", contract_size=Fraction(100))
    made = plan(POLICIES["queue-bitmex"], round_, unit="contracts", asked=Fraction(1))
    assert round_.notional(1) == 100
    assert given_by_account(made)["ann"][1] == 80 * (Fraction(100, 80) - Fraction(100, 85))


@given(st.lists(st.fractions(min_value=0, max_value=9, max_denominator=3), min_size=1))
def test_gini_is_the_mean_difference(values: list[Fraction]) -> None:
    total = sum(values, Fraction(0))
    if not total:
        assert gini(values) is None
        return
    differences = sum((abs(a - b) for a in values for b in values), Fraction(0))
    assert gini(values) == differences / (2 * len(values) * total)
