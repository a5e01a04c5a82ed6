"""Depth near the mid: against every book kept, and through the engine."""

from fractions import Fraction
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from monitor.core.breaker_settings import DepthCollapseSettings
from monitor.core.breakers.depth_collapse import LEVELS_MAX, DepthCollapse, depth_of
from monitor.core.engine import RiskEngine
from monitor.core.settings import EngineSettings
from tests.builders import Journal

Book = tuple[list[tuple[str, str]], list[tuple[str, str]]]


def settings(**changes: Any) -> DepthCollapseSettings:
    return DepthCollapseSettings(name="depth", cool_off_s=0, **changes)


def levels(worths: list[int], best: Fraction, step: Fraction) -> list[tuple[Fraction, Fraction]]:
    return [(best + place * step, Fraction(worth)) for place, worth in enumerate(worths)]


def book(bids: int, asks: int) -> tuple[list[Any], list[Any]]:
    """Return a book with one level on each side, 0: none."""
    one = Fraction(1, 100)
    return (
        levels([bids] if bids else [], 100 - one, -one),
        levels([asks] if asks else [], 100 + one, one),
    )


Depths = st.tuples(st.integers(0, 9), st.integers(0, 9))


@given(st.dictionaries(st.integers(0, 40), Depths, max_size=9))
def test_a_share_is_of_the_mean_of_all_books_before(books: dict[int, tuple[int, int]]) -> None:
    own = settings(limit_ratio=0.5, lookback_s=1e-8)
    rule, restored = DepthCollapse(own), DepthCollapse(own)
    depths: list[int | None] = []  # that holds in each nanosecond until the next
    for now_ns in range(50):
        before = depths[-1] if depths else None
        depths.append(before)
        if now_ns in books:
            rule.observe(now_ns, *book(*books[now_ns]))
            depths[-1] = min(books[now_ns])
            held = [one for one in depths[max(0, now_ns - 10) : now_ns] if one is not None]
            mean = Fraction(sum(held), len(held)) if held else Fraction(before or 0)
            wanted = min(books[now_ns]) / mean if mean else Fraction(1)
            assert rule.measure(now_ns).value == wanted
            assert rule.measure(now_ns).is_beyond == (wanted < Fraction(1, 2))
        restored.restore(rule.export_state())
        assert restored.measure(now_ns) == rule.measure(now_ns)


@given(
    st.lists(st.integers(1, 50), min_size=1, max_size=50),
    st.lists(st.integers(1, 50), min_size=1, max_size=50),
    st.integers(1, 100),
)
def test_depth_is_what_a_walk_along_each_side_finds(
    bids: list[int], asks: list[int], within_percent: int
) -> None:
    step, middle = Fraction(1, 2), Fraction(100)
    sides = levels(bids, middle - step, -step), levels(asks, middle + step, step)
    reach = Fraction(within_percent)
    found = []
    for worths in (bids, asks):
        near = [worth for place, worth in enumerate(worths, 1) if place * step <= reach]
        found.append((Fraction(sum(near)), len(near) < LEVELS_MAX))
    assert depth_of(*sides, Fraction(within_percent, 100)) == min(found)


def test_a_book_that_may_go_on_unseen_counts_only_where_it_is_deep_enough() -> None:
    rule = DepthCollapse(settings(limit_usd=1_000))
    assert not rule.measure(0).is_beyond  # nothing is known
    step = Fraction(1, 100_000)
    full, (_, asks) = levels([1] * LEVELS_MAX, Fraction(100), -step), book(9, 5_000)
    rule.observe(1, full, asks)
    assert rule.measure(1).value == 1_000  # passed over
    rule.observe(2, full[:-1], asks)
    assert rule.measure(2).value == 49
    assert rule.measure(2).is_beyond
    deep = [(price, worth * 100) for price, worth in full]
    rule.observe(3, deep, asks)
    assert rule.measure(3).value == 5_000
    assert rule.measure(3).is_back


def decided(rule: DepthCollapseSettings, *books: Book) -> list[tuple[str, str | None]]:
    """Return (kind, measured) of what is decided on books a minute apart."""
    journal = Journal()
    journal.list_instrument("X", contract_size="0.5")
    for bids, asks in books:
        journal.wait(60).depth("X", bids=bids, asks=asks)
    found = []
    for is_whole in (True, False):
        engine = RiskEngine(EngineSettings(breakers=(rule,)))
        taken = [list(journal.events)] if is_whole else [[one] for one in journal.events]
        made = [one for batch in taken for _, one in engine.apply(batch)]
        assert not engine.take_refused()
        found.append([(one.kind, getattr(one, "measured", None)) for one in made])
        restored = RiskEngine.from_state(engine.export_state(), engine.settings)
        assert restored.state_hash() == engine.state_hash()
    assert found[0] == found[1]
    return found[0]


DEEP: Book = ([("99.5", "20"), ("98", "40")], [("100.5", "16")])  # 995 and 804 within 1 %
THIN: Book = ([("99.5", "20")], [("100.5", "4"), ("102", "90")])  # 995 and 201


def test_books_of_the_engine_are_worth_what_their_contracts_are() -> None:
    tripped = decided(settings(limit_usd=500, release_usd=800), DEEP, THIN, DEEP)
    assert tripped == [
        ("breaker_tripped", "201"),
        ("breaker_cooling", None),
        ("breaker_rearmed", None),
    ]
    assert decided(settings(limit_usd=201), DEEP, THIN) == []
    relative = decided(settings(limit_ratio=0.3), DEEP, DEEP, THIN)
    assert relative == [("breaker_tripped", "0.25")]
    assert decided(settings(limit_ratio=0.25), DEEP, DEEP, THIN) == []


def test_an_empty_side_offers_nothing() -> None:
    assert decided(settings(limit_usd=500), DEEP, ([], DEEP[1])) == [("breaker_tripped", "0")]
