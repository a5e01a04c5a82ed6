"""What fills cost against the mark, the bankruptcy price and an ideal sweep."""

from hypothesis import given
from hypothesis import strategies as st

from monitor.core.engine import RiskEngine
from monitor.core.liquidation_watch import execution
from tests.builders import Journal
from tests.core.liquidation_watch.watching import depth, engine_with, findings, long_of


def sold(price: str, identity: str = "L1", bids: list[tuple[str, int]] | None = None) -> Journal:
    """Return a long of 10 with 60 of margin, sold at a price when the mark is 96."""
    journal = long_of(10, "60")
    journal.wait(1).mark("X", "96")
    if bids is not None:
        depth(journal, [*bids], [])
    journal.liquidation("started", "ann", "X", -10, liquidation_id=identity)
    journal.liquidation("filled", "ann", "X", -10, price, fee="1", liquidation_id=identity)
    journal.liquidation("finished", "ann", "X", -10, price, fee="1", liquidation_id=identity)
    return journal


def test_the_costs_of_a_liquidation_are_those_of_the_document() -> None:
    engine = engine_with()
    assert findings(engine, sold("93", bids=[("96", 5), ("95", 10)])) == []
    view = engine.view().liquidations
    (kept,) = view.worst
    assert (kept.cost_usd, kept.cost_ratio) == ("30", "0.03125")
    assert (kept.bankruptcy_price, kept.bankruptcy_loss_usd) == ("94", "10")
    assert (kept.ideal_cost_usd, kept.beyond_ideal_usd, kept.fees_usd) == ("5", "25", "1")
    assert (view.fill_slippage.sum, sum(view.fill_slippage.counts)) == (0.03125, 1)
    assert view.cost.counts[8] == 1  # from 0.025 to 0.05
    assert (view.under_way, view.left_out) == (0, 0)


def test_a_short_is_bought_back_the_other_way_round() -> None:
    engine, journal = engine_with(), Journal()
    journal.list_instrument("X")
    journal.mark("X", "100")
    journal.balance("ann", "60")
    journal.position("ann", "X", -10, "100")
    journal.wait(1).mark("X", "104")
    depth(journal, [], [("104", 10)])
    journal.liquidation("started", "ann", "X", 10)
    journal.liquidation("filled", "ann", "X", 10, "105")
    journal.liquidation("finished", "ann", "X", 10, "105")
    findings(engine, journal)
    (kept,) = engine.view().liquidations.worst
    assert (kept.cost_usd, kept.ideal_cost_usd, kept.bankruptcy_loss_usd) == ("10", "0", "-10")


def test_an_inverse_contract_costs_in_its_coin() -> None:
    engine, journal = engine_with(), Journal()
    journal.list_instrument("X", kind="inverse")
    journal.mark("X", "100")
    journal.index("X", "100")
    journal.balance("ann", "0.2", asset="X")
    journal.position("ann", "X", 100, "100")
    journal.wait(1).mark("X", "80")
    journal.liquidation("started", "ann", "X", -100)
    journal.liquidation("filled", "ann", "X", -100, "64")
    journal.liquidation("finished", "ann", "X", -100, "64")
    findings(engine, journal)
    (kept,) = engine.view().liquidations.worst
    # 100/64 - 100/80 = 0.3125 coins at 100, of 100/80 = 1.25
    assert (kept.cost_usd, kept.cost_ratio) == ("31.25", "0.25")


def test_less_than_was_closed_in_sight_gives_no_ideal() -> None:
    engine = engine_with()
    findings(engine, sold("93", bids=[("96", 9)]))
    (kept,) = engine.view().liquidations.worst
    assert (kept.ideal_cost_usd, kept.beyond_ideal_usd) == (None, None)


def test_the_worst_ten_are_those_that_cost_most() -> None:
    engine = engine_with()
    journal = long_of(10, "60")
    journal.wait(1).mark("X", "96")
    findings(engine, journal)
    for number in range(15):
        for stage in ("started", "filled", "finished"):
            price = None if stage == "started" else str(96 - number)
            journal.liquidation(stage, "ann", "X", -1, price, liquidation_id=f"L{number}")
    findings(engine, journal)
    costs = [one.cost_usd for one in engine.view().liquidations.worst]
    assert costs == [str(number) for number in range(14, 4, -1)]


def test_what_is_under_way_is_bounded() -> None:
    engine, journal = engine_with(), long_of(10, "60")
    for number in range(execution.FOLLOWED_MAX + 5):
        journal.liquidation("started", "ann", "X", -1, liquidation_id=f"L{number}")
    findings(engine, journal)
    view = engine.view().liquidations
    assert (view.under_way, view.left_out) == (execution.FOLLOWED_MAX, 5)


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["mark", "depth", "start", "fill", "end", "trade"]),
        st.integers(88, 104),
        st.sampled_from(["ann", "bob"]),
    ),
    max_size=25,
)


def written(steps: list[tuple[str, int, str]]) -> Journal:
    """Return two accounts of one owner on both sides, and what happens to them."""
    journal = long_of(10, "60")
    journal.open("bob", owner="ann")
    journal.balance("bob", "60")
    journal.position("bob", "X", -10, "100")
    for what, price, name in steps:
        journal.wait(0.5)
        sign = -1 if name == "ann" else 1
        if what == "mark":
            journal.mark("X", price)
        elif what == "depth":
            depth(journal, [(price - 1, 4)], [(price + 1, 4)])
        elif what == "trade":
            journal.tick()
        elif what == "start":
            journal.liquidation("started", name, "X", 4 * sign)
        elif what == "fill":
            journal.liquidation("filled", name, "X", sign, price, fee="1")
        else:
            journal.liquidation("finished", name, "X", sign, price)
    journal.wait(90).tick()
    return journal


LIMITS = {
    "overdue_after_s": 3.0,
    "incomplete_after_s": 1.0,
    "attempts_max": 1,
    "oversized_beyond_ratio": 0.0,
    "fill_depth_beyond_ratio": 0.0,
    "fee_ratio_max": 0.001,
    "fee_may_bankrupt": False,
    "silent_after_s": 2.0,
    "backlog_growth_max": 0,
    "unjustified_beyond_ratio": 0.01,
    "opposed_window_s": 60.0,
}


@given(STEPS, st.integers(0, 30), st.integers(1, 3))
def test_shards_batches_and_restarts_change_nothing(
    steps: list[tuple[str, int, str]], cut: int, shards: int
) -> None:
    journal = written(steps)
    whole = engine_with(**LIMITS)
    expected = [decision for _, decision in whole.apply(journal.events)]
    other = RiskEngine(whole.settings, shards=shards)
    found = [decision for _, decision in other.apply(journal.events[:cut])]
    if shards == 1:
        other = RiskEngine.from_state(other.export_state(), whole.settings)
    for event in journal.events[cut:]:
        found += [decision for _, decision in other.apply([event])]
        other.view()
    assert found == expected
    assert other.watch.export_state() == whole.watch.export_state()
    assert other.view().liquidations == whole.view().liquidations
