"""Nobody is asked for more than its equity, once for all positions that share it."""

from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.core.deleveraging import POLICIES
from monitor.core.deleveraging.plan import plan
from monitor.core.deleveraging.policy import Policy
from monitor.core.deleveraging.round import Round, Unit, Winner
from tests.core.deleveraging.rounds import rounds

SPARING = [policy for policy in POLICIES.values() if not policy.may_bankrupt]
UNITS: st.SearchStrategy[Unit] = st.sampled_from(["contracts", "pnl"])


def shorts(*winners: Winner) -> Round:
    """Return shorts at a mark of 80 that are closed at 85: 5 a lot."""
    return Round(
        kind="linear",
        contract_size=Fraction(1),
        lot_size=Fraction(1),
        side="short",
        winners=winners,
        mark_price=Fraction(80),
        bankruptcy_price=Fraction(85),
        spares_counterparties=True,
    )


def short(account: str, equity: int | None, *, leg: str = "net", isolated: bool = False) -> Winner:
    """Return a short of 10 lots from 100: a gain of 200."""
    return Winner(
        account=account,
        lots=10,
        leg=leg,
        isolated=isolated,
        entry_price=Fraction(100),
        equity=None if equity is None else Fraction(equity),
    )


@given(st.sampled_from(SPARING), rounds(), UNITS, st.fractions(0, 2_000, max_denominator=20))
def test_no_policy_takes_more_than_the_equity(
    policy: Policy, round_: Round, unit: Unit, asked: Fraction
) -> None:
    sparing = replace(round_, spares_counterparties=True)
    made = plan(policy, sparing, unit=unit, asked=asked)
    for reduction in made.reductions:
        equity = reduction.share.winner.equity
        assert equity is not None
        assert reduction.amount is not None
        assert reduction.amount <= equity


def test_fewer_lots_may_be_closed_and_the_size_stays() -> None:
    (spared,) = shorts(short("ann", 24)).sparing("contracts").winners
    assert spared.lots == 4
    assert spared.size == 10


def test_in_pnl_the_largest_haircut_is_smaller() -> None:
    (spared,) = shorts(short("ann", 24)).sparing("pnl").winners
    assert spared.haircut_max == Fraction(24, 200)


def test_a_loss_and_an_unknown_equity_stay_as_they_are() -> None:
    lost = replace(short("ann", 0), entry_price=Fraction(70))
    unknown = short("bob", None)
    assert shorts(lost, unknown).sparing("pnl").winners == (lost, unknown)


def test_without_a_concession_everything_may_be_closed() -> None:
    round_ = replace(shorts(short("ann", 0)), bankruptcy_price=Fraction(75))
    assert round_.sparing("contracts").winners == round_.winners


@pytest.mark.parametrize(
    ("isolated", "lots"), [(False, {"long": 10, "net": 2}), (True, {"long": 10, "net": 10})]
)
def test_positions_share_an_equity_but_for_isolated_ones(
    isolated: bool, lots: dict[str, int]
) -> None:
    legs = [short("ann", 60, leg=leg, isolated=isolated) for leg in ("net", "long")]
    spared = {one.leg: one.lots for one in shorts(*legs).sparing("contracts").winners}
    assert spared == lots


def test_what_is_beyond_whole_lots_counts_in_the_score_alone() -> None:
    odd = replace(short("ann", 1_000), odd_lots=Fraction(1, 2))
    made = plan(POLICIES["queue-bitmex"], shorts(odd), unit="contracts", asked=Fraction(20))
    assert made.taken == 10
    assert made.left == 10
    (share,) = made.shares
    assert share.score == Fraction(1, 5) * Fraction(840, 1_000)
