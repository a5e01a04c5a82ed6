"""Random rounds, and what every policy's answer must satisfy."""

from collections.abc import Mapping
from dataclasses import replace
from fractions import Fraction
from typing import Any

from hypothesis import strategies as st

from monitor.core.deleveraging.plan import Plan, plan
from monitor.core.deleveraging.policy import Policy
from monitor.core.deleveraging.round import Round, Unit, Winner

POSITIVE = st.fractions(min_value=1, max_value=200, max_denominator=4)
WINNERS = st.builds(
    Winner,
    account=st.text("abc", min_size=1, max_size=3),
    lots=st.integers(1, 30),
    entry_price=POSITIVE,
    equity=st.fractions(min_value=0, max_value=300, max_denominator=4),
    wallet_balance=st.fractions(min_value=-50, max_value=300, max_denominator=4),
    maintenance_margin=st.fractions(min_value=0, max_value=30, max_denominator=4),
    haircut_max=st.sampled_from([Fraction(1), Fraction(1, 2), Fraction(0)]),
    other_exposure=st.fractions(min_value=-500, max_value=500, max_denominator=2),
)
SIDES = st.sampled_from(["long", "short"])


@st.composite
def rounds(draw: st.DrawFn) -> Round:
    """Return a round whose close at the bankruptcy price costs the winners something."""
    side = draw(SIDES)
    mark = draw(POSITIVE)
    concession = draw(st.fractions(min_value=Fraction(1, 10), max_value=Fraction(9, 10)))
    worse = mark * (1 - concession) if side == "long" else mark * (1 + concession)
    return Round(
        kind=draw(st.sampled_from(["linear", "inverse", "quanto"])),
        contract_size=draw(st.sampled_from([Fraction(1), Fraction(1, 100)])),
        lot_size=draw(st.sampled_from([Fraction(1), Fraction(1, 10)])),
        side=side,
        winners=tuple(draw(st.lists(WINNERS, max_size=8, unique_by=lambda winner: winner.account))),
        mark_price=mark,
        bankruptcy_price=worse,
        seed=draw(st.integers(0, 5)),
    )


def given_by_account(made: Plan) -> Mapping[str, tuple[Any, Any]]:
    """Return (contracts, pnl) of every account that gives something."""
    return {
        reduction.share.winner.account: (reduction.size, reduction.amount)
        for reduction in made.reductions
    }


def lots_taken(policy: Policy, round_: Round, lots: int) -> dict[str, int]:
    """Return how many lots each account gives."""
    shares = policy.split(round_, "contracts", Fraction(lots))
    return {share.winner.account: int(share.taken) for share in shares}


def shuffled(round_: Round, order: st.DataObject) -> Round:
    """Return the round with its candidates in another order."""
    return replace(round_, winners=tuple(order.draw(st.permutations(round_.winners))))


def scaled(round_: Round, factor: int) -> Round:
    """Return the round with every amount of money times `factor`: only the unit has changed."""

    def times(value: Fraction | None) -> Fraction | None:
        return None if value is None else value * factor

    winners = tuple(
        replace(
            winner,
            equity=times(winner.equity),
            wallet_balance=times(winner.wallet_balance),
            maintenance_margin=times(winner.maintenance_margin),
            other_exposure=winner.other_exposure * factor,
        )
        for winner in round_.winners
    )
    return replace(round_, winners=winners, settlement_price=round_.worth() * factor)


def planned(policy: Policy, round_: Round, unit: Unit, asked: Fraction) -> Plan:
    """Return a policy's plan."""
    return plan(policy, round_, unit=unit, asked=asked)
