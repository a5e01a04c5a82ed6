"""What the exchange's liquidation engine does, in one call."""

import msgspec

from monitor.api.liquidations import liquidations_answer
from monitor.core.liquidation_view import SLIPPAGE_EDGES, LiquidationsView
from tests.core.liquidation_watch.test_execution import sold
from tests.core.liquidation_watch.watching import engine_with, findings


def test_an_answer_has_the_costs_of_the_document_as_texts() -> None:
    engine = engine_with()
    findings(engine, sold("93", bids=[("96", 5), ("95", 10)]))
    view = engine.view()
    answer = liquidations_answer(view.liquidations, view.engine_ns)
    assert answer.worst[0].beyond_ideal_usd == "25"
    assert answer.cost.mean == "0.03125"
    assert answer.cost.edges == ["-0.01", "-0.001", "0", "0.001", "0.0025", "0.005", "0.01",
                                 "0.025", "0.05", "0.1"]  # fmt: skip
    assert len(answer.cost.counts) == len(SLIPPAGE_EDGES) + 1
    assert [one.units for one in answer.waiting] == [1, 0, 0, 0, 0, 0]
    assert answer.paces[0].of_safe_ratio == "2.22222222222"
    msgspec.json.encode(answer)


def test_before_anything_happens_it_is_empty() -> None:
    answer = liquidations_answer(LiquidationsView(), 0)
    assert (answer.worst, answer.opposed, answer.cost.mean) == ([], [], None)
    assert answer.oldest_waits_since_ns is None
