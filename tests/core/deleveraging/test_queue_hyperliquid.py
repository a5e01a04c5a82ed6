"""The queue by price gain x leverage of the account."""

from dataclasses import replace
from fractions import Fraction

from monitor.core.deleveraging.queue_hyperliquid import POLICY
from monitor.core.deleveraging.round import Round, Winner
from tests.core.deleveraging.rounds import lots_taken


def _round(side: str, mark: int) -> Round:
    return Round(
        kind="linear",
        contract_size=Fraction(1),
        lot_size=Fraction(1),
        side=side,
        mark_price=Fraction(mark),
        winners=(
            Winner(account="calm", lots=2, entry_price=Fraction(100), equity=Fraction(400)),
            Winner(account="hot", lots=2, entry_price=Fraction(100), equity=Fraction(40)),
        ),
    )


def test_a_gain_raises_the_score_on_both_sides() -> None:
    long_score = POLICY.split(_round("long", 125), "contracts", Fraction(0))[0].score
    short_score = POLICY.split(_round("short", 80), "contracts", Fraction(0))[0].score
    assert long_score == Fraction(125, 100) * Fraction(250, 40)
    assert short_score == Fraction(100, 80) * Fraction(160, 40)


def test_the_more_leveraged_goes_first() -> None:
    assert lots_taken(POLICY, _round("short", 80), 3) == {"hot": 2, "calm": 1}


def test_no_equity_is_infinite_leverage_and_goes_first() -> None:
    broke = Winner(account="z", lots=2, entry_price=Fraction(100), equity=Fraction(0))
    round_ = _round("short", 80)
    round_ = replace(round_, winners=(*round_.winners, broke))
    assert POLICY.split(round_, "contracts", Fraction(0))[0].winner == broke
