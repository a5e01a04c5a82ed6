"""The window's extremes are those of keeping every point."""

from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from monitor.core.windows import Area, ExtremesWindow, MaximumWindow, MeanWindow

STEPS = st.lists(st.tuples(st.integers(0, 5), st.integers(1, 9)), min_size=1, max_size=40)


@given(STEPS, st.integers(0, 12))
def test_extremes_equal_those_of_all_points(steps: list[tuple[int, int]], lookback: int) -> None:
    window = ExtremesWindow(lookback)
    points: list[tuple[int, int]] = []
    now = 0
    for wait, price in steps:
        now += wait
        window.move_to(now)
        window.add(now, str(price))
        points.append((now, price))
        inside = [price for time, price in points if time >= now - lookback]
        assert (int(window.low), int(window.high)) == (min(inside), max(inside))


@given(STEPS, st.integers(0, 12))
def test_the_next_expiry_is_when_an_extreme_changes(
    steps: list[tuple[int, int]], lookback: int
) -> None:
    window = ExtremesWindow(lookback)
    now = 0
    for wait, price in steps:
        now += wait
        window.move_to(now)
        window.add(now, str(price))
    expiry = window.next_expiry_ns
    assert expiry is not None
    before = (window.low, window.high)
    window.move_to(expiry - 1)
    assert (window.low, window.high) == before
    window.move_to(expiry)
    assert (
        window.next_expiry_ns is None
        or (window.low, window.high) != before
        or window.next_expiry_ns != expiry
    )


def test_a_restart_keeps_only_the_last_price() -> None:
    window = ExtremesWindow(10)
    for time, price in ((0, "5"), (1, "9"), (2, "7")):
        window.add(time, price)
    window.restart(3)
    assert (window.low, window.high) == ("7", "7")


def test_a_restored_window_is_the_same() -> None:
    window = ExtremesWindow(10)
    for time, price in ((0, "5"), (1, "9"), (2, "7")):
        window.add(time, price)
    other = ExtremesWindow(10)
    other.restore(window.export_state())
    assert other.export_state() == window.export_state()
    assert (other.low, other.high, other.last) == (window.low, window.high, window.last)


def test_prices_that_floats_cannot_tell_apart_are_told_apart() -> None:
    window = ExtremesWindow(10)
    for time, price in ((0, "100.000000000000000001"), (1, "100")):
        window.add(time, price)
    assert (window.low, window.high) == ("100", "100.000000000000000001")


def test_a_balance_counts_until_the_next_one_has_been_there_for_the_lookback() -> None:
    window = MaximumWindow(10, Fraction(9))
    window.change(5, Fraction(4))
    assert window.maximum == 9
    assert window.next_expiry_ns == 16
    window.move_to(15)
    assert window.maximum == 9
    window.move_to(16)
    assert window.maximum == 4
    assert window.next_expiry_ns is None


def test_the_area_of_a_balance_is_cut_at_the_lookback() -> None:
    window = MeanWindow(10, 0, Fraction(6))
    window.change(4, Fraction(1))
    one, five = Fraction(1), Fraction(5)
    assert window.area(6) == Area(
        Fraction(26), 6, one, 1, 10
    )  # 4 x 6 + 2 x 1, until 10 without a cut
    assert window.area(12) == Area(Fraction(20), 10, -five, 0, 14)  # 2 x 6 + 8 x 1
    assert window.area(14).area == 10
