"""A haircut in proportion to leverage squared."""

from fractions import Fraction

from monitor.core.deleveraging.risk_aware_pro_rata import POLICY
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


def test_three_times_the_leverage_gives_nine_times_the_part() -> None:
    assert lots_taken(POLICY, _round((10, 10), (30, 10)), 14) == {"0": 1, "1": 13}
    shares = POLICY.split(_round((20, 20), (20, 10)), "pnl", Fraction(5))
    assert [share.taken for share in shares] == [4, 1]


def test_no_equity_gives_first() -> None:
    assert lots_taken(POLICY, _round((10, 10), (4, 0)), 5) == {"0": 1, "1": 4}
