"""A policy's plan for one round: asked, taken, left, who gives what, and how fair it is.

Whatever the policy, the same checks hold for its answer: nobody gives more than it has, whole
lots in contracts, never collateral in pnl, never more than asked, and no
counterparty made bankrupt where the round spares them.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from monitor.core.amounts import REPORT_DIGITS, ceil_units, exact_text, rounded_text_or_none
from monitor.core.deleveraging.policy import Policy, Share, light
from monitor.core.deleveraging.round import Round, Unit
from monitor.core.worksheet import WorksheetError

_FINEST = 10**36


@dataclass(slots=True, frozen=True)
class Reduction:
    """What one winner gives: contracts (> 0) and pnl (None without both prices)."""

    share: Share
    rank: int
    light: int
    size: Fraction
    amount: Fraction | None


@dataclass(slots=True, frozen=True)
class Plan:
    """What a policy takes for what was asked, in the unit that was asked.

    taken + left = asked, except that an amount between two lots is rounded up to the lot.
    """

    policy: Policy
    unit: Unit
    asked: Fraction
    taken: Fraction
    left: Fraction
    reductions: tuple[Reduction, ...]
    round_: Round = field(compare=False)  # its winners may stand in any order
    shares: Sequence[Share]

    @property
    def metrics(self) -> dict[str, Fraction | int | None]:
        """Return how the burden lies; None where a field that it needs is missing."""
        space = self.policy.unit or self.unit
        return _metrics(self.round_, space, self.shares, self.reductions)

    def answer(self) -> dict[str, Any]:
        """Return the plan as the command prints it: decimals as text."""
        return {
            "policy": self.policy.name,
            "unit": self.unit,
            "asked": exact_text(self.asked),
            "taken": _text(self.taken),
            "left": _text(self.left),
            "reductions": [
                {
                    "account": reduction.share.winner.account,
                    "size": _text(reduction.size),
                    "amount": _text(reduction.amount),
                    "score": _text(reduction.share.score),
                    "rank": reduction.rank,
                    "light": reduction.light,
                }
                for reduction in self.reductions
            ],
            "metrics": {
                name: value if isinstance(value, int) else _text(value)
                for name, value in self.metrics.items()
            },
        }


def _text(value: Fraction | None) -> str | None:
    """Return the whole number where decimals can tell it, else 18 significant digits."""
    if value is not None and not _FINEST % value.denominator:
        return exact_text(value)
    return rounded_text_or_none(value, REPORT_DIGITS)


def plan(
    policy: Policy, round_: Round, *, unit: Unit, asked: Fraction, total: int | None = None
) -> Plan:
    """Return what a policy takes from whom. Raises WorksheetError if units do not convert.

    `total`: how many candidates there are when the round has only the foremost.
    """
    space = policy.unit or unit
    if round_.spares_counterparties and not policy.may_bankrupt:
        round_ = round_.sparing(space)
    amount = _amount_in(space, round_, unit, asked)
    shares = policy.split(round_, space, amount)
    _check(round_, space, amount, shares)
    total = len(shares) if total is None else total
    reductions = tuple(
        _reduction(round_, space, share, rank, total)
        for rank, share in enumerate(shares, start=1)
        if share.taken
    )
    taken = _taken_in(unit, round_, space, shares)
    return Plan(
        policy=policy,
        unit=unit,
        asked=asked,
        taken=taken,
        left=max(Fraction(0), asked - taken),
        reductions=reductions,
        round_=round_,
        shares=shares,
    )


def _price_per_lot(round_: Round) -> Fraction:
    """Return what each lot closed at the bankruptcy price collects; it must be > 0."""
    concession = round_.concession()
    if concession is None:
        missing = "mark_price" if round_.mark_price is None else "bankruptcy_price"
        raise WorksheetError(
            f"expected `{missing}`, which turning contracts into pnl needs, received none"
            " - at the top of the file"
        )
    if concession <= 0:
        relation = "equal to the mark" if concession == 0 else "better for the winners"
        raise WorksheetError(
            "expected a bankruptcy price at which winners give up pnl against the mark, received"
            f" one that is {relation} - at `bankruptcy_price`"
        )
    return concession


def _amount_in(space: Unit, round_: Round, unit: Unit, asked: Fraction) -> Fraction:
    """Return what is asked in the policy's own unit: lots (rounded up) or pnl."""
    if space == "contracts":
        per_lot = round_.lot_size if unit == "contracts" else _price_per_lot(round_)
        return Fraction(ceil_units(asked, per_lot))
    return asked if unit == "pnl" else asked / round_.lot_size * _price_per_lot(round_)


def _taken_in(unit: Unit, round_: Round, space: Unit, shares: Sequence[Share]) -> Fraction:
    """Return what was taken in the unit that was asked."""
    taken = sum((Fraction(share.taken) for share in shares), Fraction(0))
    if space == "contracts":
        return taken * (round_.lot_size if unit == "contracts" else _price_per_lot(round_))
    return taken if unit == "pnl" else taken / _price_per_lot(round_) * round_.lot_size


def _check(round_: Round, space: Unit, amount: Fraction, shares: Sequence[Share]) -> None:
    """Assert what holds for every policy's answer."""
    assert len(shares) == len(round_.winners)
    assert sum((share.taken for share in shares), Fraction(0)) <= amount
    for share in shares:
        if space == "contracts":
            assert isinstance(share.taken, int)
            assert 0 <= share.taken <= share.winner.lots
        else:
            gain = max(Fraction(0), round_.gain(share.winner))
            assert 0 <= share.taken <= gain * share.winner.haircut_max


def _reduction(round_: Round, space: Unit, share: Share, rank: int, total: int) -> Reduction:
    """Return what a share means in contracts and in pnl.

    In pnl nothing need be closed: the size is the part of the position whose gain is given up.
    """
    if space == "contracts":
        concession = round_.concession()
        amount = None if concession is None else concession * share.taken
        size = share.taken * round_.lot_size
    else:
        amount = Fraction(share.taken)
        size = share.winner.size * round_.lot_size * amount / round_.gain(share.winner)
    return Reduction(share, rank, light(rank, total), size, amount)


def _metrics(
    round_: Round, space: Unit, shares: Sequence[Share], reductions: Sequence[Reduction]
) -> dict[str, Fraction | int | None]:
    """Return how the burden lies; None where a field that it needs is missing.

    `gini` is over all candidates, of what the policy splits: 0 is equal.
    """
    fractions = [
        reduction.amount / equity if (equity := reduction.share.winner.equity) else None
        for reduction in reductions
        if reduction.amount is not None
    ]
    known = [fraction for fraction in fractions if fraction is not None]
    complete = len(known) == len(reductions)
    return {
        "max_fraction_of_equity": max(known, default=Fraction(0)) if complete else None,
        "accounts_touched": len(reductions),
        "candidates": len(shares),
        "gini": gini([Fraction(share.taken) for share in shares]),
        "leverage_max": _leverage_max(round_, space, shares),
    }


def gini(values: Sequence[Fraction]) -> Fraction | None:
    """Return the Gini coefficient of burdens >= 0: 0 when equal, near 1 when one bears all.

    None when nothing is borne. Burdens of 0 and 10 give 0.5.
    """
    total = sum(values, Fraction(0))
    if not total:
        return None
    count = len(values)
    weighted = sum(((rank * value) for rank, value in enumerate(sorted(values), 1)), Fraction(0))
    return 2 * weighted / (count * total) - Fraction(count + 1, count)


def _leverage_max(round_: Round, space: Unit, shares: Sequence[Share]) -> Fraction | None:
    """Return the highest leverage left; None without mark and equities, or when it is infinite.

    Contracts lower the notional, given up pnl lowers the equity.
    """
    if round_.mark_price is None:
        return None
    leverages = []
    for share in shares:
        winner = share.winner
        closed, lost = (share.taken, 0) if space == "contracts" else (0, share.taken)
        if closed == winner.size:
            continue
        if winner.equity is None or winner.equity <= lost:
            return None
        leverages.append(round_.notional(winner.size - closed) / (winner.equity - lost))
    return max(leverages, default=Fraction(0))
