"""The stable price: the twin's to the bit, slow both ways, and never beyond its limit."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.core.oracle_settings import StablePriceSettings
from monitor.core.oracles.stable_price import SECOND_NS, STEP_S_MAX, StablePrice
from tests.reference import naive_oracles

SETTINGS = StablePriceSettings()
PATHS = st.lists(
    st.tuples(
        st.one_of(st.integers(0, 30), st.integers(0, 7_200), st.integers(0, 200_000)),
        st.decimals("0.01", "100000", places=2).map(lambda price: format(price, "f")),
    ),
    min_size=1,
    max_size=40,
)


def run(stable: StablePrice, start_s: int, step_s: int, steps: int, price: str) -> int:
    for number in range(steps):
        stable.update((start_s + step_s * (number + 1)) * SECOND_NS, price)
    return start_s + step_s * steps


@given(PATHS, st.integers(0, 10**9), st.sampled_from([(3_600, 24), (60, 5), (10, 2)]))
def test_it_is_the_twins(path: list[tuple[int, str]], start_s: int, delay: tuple[int, int]) -> None:
    settings = StablePriceSettings(delay_s=delay[0], delay_count=delay[1])
    own = StablePrice(settings, start_s * SECOND_NS, path[0][1])
    twin = naive_oracles.StablePrice(settings, float(path[0][1]), start_s)
    now_s = start_s
    for passed_s, price in path[1:]:
        now_s += passed_s
        before = own.price
        own.update(now_s * SECOND_NS + 7, price)
        twin.update(now_s, float(price))
        assert own.price == pytest.approx(twin.price, rel=1e-12)
        limit = settings.growth_ratio_per_s * STEP_S_MAX
        assert before * (1 - limit) <= own.price <= before * (1 + limit)


@given(PATHS)
def test_a_restored_one_goes_on_alike(path: list[tuple[int, str]]) -> None:
    own, now_s = StablePrice(SETTINGS, 0, path[0][1]), 0
    for passed_s, price in path[1:]:
        now_s += passed_s
        own.update(now_s * SECOND_NS, price)
        own = StablePrice.from_state(SETTINGS, own.export_state())
    again = StablePrice(SETTINGS, 0, path[0][1])
    now_s = 0
    for passed_s, price in path[1:]:
        now_s += passed_s
        again.update(now_s * SECOND_NS, price)
    assert again.export_state() == own.export_state()


def test_another_number_of_intervals_begins_again_at_the_price_it_had() -> None:
    own = StablePrice(SETTINGS, 0, "1")
    run(own, 0, 60, 100, "10")
    other = StablePriceSettings(delay_count=12)
    again = StablePrice.from_state(other, own.export_state())
    assert again.text == own.text
    assert again.export_state()[5] == [repr(own.price)] * 12


def test_a_first_price_is_the_stable_price() -> None:
    assert StablePrice(SETTINGS, 5 * SECOND_NS, "100").text == "100"


def test_worked_numbers_of_a_tenfold_pump() -> None:
    # One step of a minute: at most 0.03 % a second x 60 = 1.8 %.
    stable = StablePrice(SETTINGS, 0, "1")
    end_s = run(stable, 0, 60, 1, "10")
    assert stable.text == "1.018"
    # The next one by 1.8 % / 1.018 squared: the delayed price is still 1.
    end_s = run(stable, end_s, 60, 1, "10")
    assert stable.price == pytest.approx(1.018 * (1 + 0.018 / 1.018**2))
    # After an hour 1.78 instead of 10, and the first delayed price is 6 % above the one before.
    end_s = run(stable, end_s, 60, 58, "10")
    assert stable.price == pytest.approx(1.7806, abs=5e-5)
    assert stable.export_state()[5][:2] == ["1.06", "1.0"]


def test_a_price_that_comes_too_soon_is_not_looked_at() -> None:
    stable = StablePrice(SETTINGS, 0, "1")
    stable.update(9_999_999_999, "2")
    assert stable.text == "1"
    stable.update(10_000_000_000, "2")
    assert stable.text == "1.003"


def test_a_long_silence_counts_ten_minutes() -> None:
    stable = StablePrice(SETTINGS, 0, "1")
    stable.update(3_599 * SECOND_NS, "2")
    assert stable.text == "1.18"
