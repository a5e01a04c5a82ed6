"""One haircut up to each limit; splitting an account changes nothing."""

from dataclasses import replace
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from monitor.core.deleveraging.pro_rata_pnl_capped import POLICY
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


GAINS = st.lists(st.integers(1, 900), min_size=1, max_size=6)


def test_the_capped_give_their_cap_and_the_others_the_rest() -> None:
    assert _given(_round(100, 20, haircut_max=Fraction(2, 5)), 60) == [40, 20]


@given(GAINS, st.integers(0, 900), st.fractions(min_value=0, max_value=1, max_denominator=9))
def test_splitting_an_account_saves_it_nothing(gains: list[int], pnl: int, part: Fraction) -> None:
    whole = _given(_round(*gains), pnl)
    round_ = _round(*gains)
    gain = gains[0]
    parts = [(f"{n}", share * gain) for n, share in (("a", part), ("b", 1 - part)) if share]
    split = tuple(
        replace(round_.winners[0], account=name, entry_price=1_000 - amount)
        for name, amount in parts
    )
    after = _given(replace(round_, winners=split + round_.winners[1:]), pnl)
    assert sum(after[: len(split)], Fraction(0)) == whole[0]
    assert after[len(split) :] == whole[1:]


@given(GAINS, st.integers(0, 900))
def test_a_larger_gain_never_gives_less(gains: list[int], pnl: int) -> None:
    taken = _given(_round(*gains), pnl)
    ordered = sorted(zip(gains, taken, strict=True))
    assert [part for _, part in ordered] == sorted(taken)


def test_an_account_keeps_the_equity_it_must() -> None:
    round_ = _round(100, 100)
    kept = replace(round_.winners[0], equity=Fraction(120), equity_min=Fraction(90))
    round_ = replace(round_, winners=(kept, round_.winners[1]))
    assert _given(round_, 100) == [30, 70]
