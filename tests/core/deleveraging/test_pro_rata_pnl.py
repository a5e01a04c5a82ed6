"""One haircut on all gains; losers and collateral are left alone."""

from fractions import Fraction

from monitor.core.deleveraging.pro_rata_pnl import POLICY
from monitor.core.deleveraging.round import Round, Winner


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


def test_gains_give_in_proportion_and_losers_nothing() -> None:
    assert _given(_round(100, 20, -50), 60) == [50, 10, 0]
    assert _given(_round(100, 20, -50), 500) == [100, 20, 0]


def test_what_a_cap_cuts_off_is_spread_again() -> None:
    assert _given(_round(100, 20, 20, haircut_max=Fraction(1, 10)), 30) == [10, 10, 10]
