"""The time-weighted mean: the twin's, to the part of the window by which it slides."""

from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from monitor.core.oracles.mean import PARTS, TimeMean
from tests.reference import naive_oracles

LOOKBACK_NS = 256_000
STEPS = st.lists(
    st.tuples(st.integers(0, 40_000), st.integers(1, 10**6).map(Fraction)), min_size=1, max_size=60
)


def told(steps: list[tuple[int, Fraction]]) -> tuple[TimeMean, list[tuple[int, Fraction]], int]:
    now_ns = 1_000_000
    own = TimeMean(LOOKBACK_NS, now_ns, steps[0][1])
    past = [(now_ns, steps[0][1])]
    for passed_ns, price in steps[1:]:
        now_ns += passed_ns
        own.change(now_ns, price)
        past.append((now_ns, price))
    return own, past, now_ns


@given(STEPS, st.integers(0, 300_000))
def test_the_mean_is_the_twins_to_a_part_of_the_window(
    steps: list[tuple[int, Fraction]], waited_ns: int
) -> None:
    own, past, now_ns = told(steps)
    found = own.mean(now_ns + waited_ns)
    exact = naive_oracles.time_mean(past, now_ns + waited_ns, LOOKBACK_NS)
    highest = max(price for _, price in past)
    assert abs(found - exact) <= highest / PARTS
    assert min(p for _, p in past) <= found <= highest


@given(STEPS)
def test_prices_further_apart_than_a_part_give_the_exact_mean(
    steps: list[tuple[int, Fraction]],
) -> None:
    own, past, now_ns = told([(passed + LOOKBACK_NS // PARTS, price) for passed, price in steps])
    assert own.mean(now_ns) == naive_oracles.time_mean(past, now_ns, LOOKBACK_NS)


@given(STEPS)
def test_a_restored_mean_goes_on_alike(steps: list[tuple[int, Fraction]]) -> None:
    own, _, now_ns = told(steps)
    again = TimeMean.from_state(LOOKBACK_NS, own.export_state())
    for mean in (own, again):
        mean.change(now_ns + 5_000, Fraction(7))
    assert own.mean(now_ns + 9_000) == again.mean(now_ns + 9_000)
    assert own.export_state() == again.export_state()


def test_memory_is_bounded_whatever_the_number_of_prices() -> None:
    own = TimeMean(LOOKBACK_NS, 0, Fraction(1))
    for now_ns in range(1, 3 * LOOKBACK_NS, 50):
        own.change(now_ns, Fraction(now_ns % 7 + 1))
    assert len(own.export_state()[2]) <= 2 * PARTS + 2
