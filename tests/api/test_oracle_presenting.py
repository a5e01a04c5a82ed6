"""What /v1/oracles says of an engine's view."""

from monitor.api.oracle_presenting import oracles_answer
from monitor.core.oracle_view import IndexErrorView, IndexSensitivity
from monitor.core.view import RiskView
from tests.core.oracles.worlds import SECOND_NS, START_S, World

ERROR = IndexErrorView(
    error="0.05", error_ratio=0.05, units_down=3, notional_down_usd=300.5, units_up=1,
    notional_up_usd=50.0, undecided=0,
)  # fmt: skip


def test_an_index_comes_with_its_sources_and_with_what_it_can_do() -> None:
    world = World('[oracles.index.BTC]\nprice = "aggregate"\n')
    for oracle, price in (("a", "100"), ("b", "102")):
        world.report(oracle, price, confidence_interval="1")
    view: RiskView = world.engine.view()
    found = IndexSensitivity(index="BTC", as_of_ns=5, errors=(ERROR,))
    view = RiskView(indices=view.indices, oracles=view.oracles, sensitivities=(found,))
    answer = oracles_answer(view)
    (index,) = answer.indices
    assert (index.price, index.stable_price, index.live) == ("101", "100", "aggregate")
    assert (index.fit_sources, index.quorum, index.quorum_left) == (2, 1, 1)
    assert index.errors_as_of_ns == 5
    assert [(one.error, one.units_down, one.notional_down_usd) for one in index.errors] == [
        ("0.05", 3, "300.5")
    ]
    assert [(one.oracle, one.price, one.is_live) for one in answer.sources] == [
        ("a", "100", True), ("b", "102", True),
    ]  # fmt: skip
    assert answer.sources[0].confidence_ratio == "0.01"


def test_what_may_not_be_used_comes_first_with_its_reason() -> None:
    world = World("[oracles.classes.default]\nstale_after_s = 10\n")
    world.index("100")
    world.at(11).tick()
    (index,) = oracles_answer(world.engine.view()).indices
    assert (index.validity, index.reason, index.allowed) == (
        "stale_for_margin", "stale_for_margin", [],
    )  # fmt: skip
    assert index.since_ns == (START_S + 10) * SECOND_NS + 1
    assert (index.errors_as_of_ns, index.errors) == (None, [])
