"""The factor of a pool: on strictly beyond one level, off strictly below another."""

from collections.abc import Mapping

from hypothesis import given
from hypothesis import strategies as st

from monitor.core.pool_factors import INTERVAL_NS, PoolFactors
from monitor.core.settings import DeleveragingSettings
from monitor.core.waterfall import Fund

SETTINGS = DeleveragingSettings(trigger=("pool_pnl_factor",))
Amounts = Mapping[str, tuple[int, int]]


def see(
    factors: PoolFactors, now_s: int, amounts: Amounts, funds: tuple[Fund, ...] = ()
) -> list[str]:
    """Return what a look decides."""
    made = factors.look(lambda: amounts, funds, now_s * INTERVAL_NS)
    return [decision.kind for decision in made]


def test_it_is_on_beyond_85_percent_and_off_below_77() -> None:
    factors = PoolFactors(SETTINGS)
    assert see(factors, 0, {"USD": (85, 100)}) == []  # at the level itself
    assert see(factors, 1, {"USD": (86, 100)}) == ["breaker_tripped"]
    assert factors.is_on("USD")
    assert see(factors, 2, {"USD": (80, 100)}) == []  # between the levels it stays
    assert see(factors, 3, {"USD": (77, 100)}) == []
    assert see(factors, 4, {"USD": (76, 100)}) == ["breaker_rearmed"]
    assert see(factors, 5, {"USD": (85, 100)}) == []
    assert not factors.is_on("USD")


def test_funds_of_the_currency_are_money_in_the_pool() -> None:
    factors = PoolFactors(SETTINGS)
    funds = (Fund("main", "USD", reported=100), Fund("other", "EUR", reported=1_000))
    assert see(factors, 0, {"USD": (90, 0)}, funds) == ["breaker_tripped"]
    assert factors.pools["USD"].money == 100


def test_a_pool_without_money_divides_nothing_by_zero() -> None:
    factors = PoolFactors(SETTINGS)
    assert see(factors, 0, {"EUR": (0, 0), "USD": (3, -5)}) == ["breaker_tripped"]
    assert (factors.is_on("EUR"), factors.is_on("USD")) == (False, True)


def test_it_looks_once_a_second() -> None:
    factors = PoolFactors(SETTINGS)
    assert see(factors, 0, {"USD": (0, 100)}) == []
    half = factors.look(lambda: {"USD": (90, 100)}, (), INTERVAL_NS - 1)
    assert half == []
    assert see(factors, 1, {"USD": (90, 100)}) == ["breaker_tripped"]


def test_a_reload_without_the_trigger_lets_go() -> None:
    factors = PoolFactors(SETTINGS)
    see(factors, 0, {"USD": (90, 100)})
    assert [one.kind for one in factors.standing(1)] == ["breaker_tripped"]
    factors.use(DeleveragingSettings())
    assert (factors.is_on("USD"), factors.standing(1)) == (False, [])
    assert see(factors, 9, {"USD": (90, 100)}) == []


@given(st.lists(st.tuples(st.integers(0, 120), st.integers(0, 110)), max_size=30))
def test_it_never_flaps_between_its_levels(seen: list[tuple[int, int]]) -> None:
    """Between two changes the factor has crossed the whole gap; a restored one goes on alike."""
    factors, turns = PoolFactors(SETTINGS), []
    for second, (gains, money) in enumerate(seen):
        restored = PoolFactors(SETTINGS)
        restored.restore(factors.export_state())
        made = see(factors, second, {"USD": (gains, money)})
        assert see(restored, second, {"USD": (gains, money)}) == made
        assert restored.export_state() == factors.export_state()
        share = gains / max(1, money)
        turns += made
        if made:
            assert share > 0.85 if made == ["breaker_tripped"] else share < 0.77
    assert turns == (["breaker_tripped", "breaker_rearmed"] * len(turns))[: len(turns)]
