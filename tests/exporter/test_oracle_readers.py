"""The metrics of indices and oracles: what calls for an act comes first."""

from monitor.core.oracle_view import IndexErrorView, IndexSensitivity
from monitor.core.view import RiskView
from monitor.exporter.oracle_readers import ORACLE_READERS
from tests.core.oracles.worlds import World


def read(name: str, view: RiskView) -> list[tuple[tuple[str, ...], float]]:
    """Return what a metric reads."""
    return list(ORACLE_READERS[f"loss_monitor_{name}"](view))


def test_an_index_that_is_not_fit_and_its_sources_are_read() -> None:
    world = World(
        "[oracles.classes.default]\nstale_after_s = 10\nquorum = 2\n"
        '[oracles.index.BTC]\nprice = "aggregate"\n'
    )
    world.report("a", "100", confidence_interval="1", round=1)
    world.report("b", "102")
    view = world.engine.view()
    assert read("index_fit", view) == [(("BTC",), 1.0)]
    assert read("index_quorum_left", view) == [(("BTC",), 0)]
    world.at(5).report("a", "101", round=2)
    world.report("a", "90", round=1)
    world.at(12).tick()
    view = world.engine.view()
    assert read("index_fit", view) == [(("BTC",), 0.0)]
    assert read("index_quorum_left", view) == [(("BTC",), -1)]
    assert read("oracle_live", view) == [(("BTC", "b"), 0.0), (("BTC", "a"), 1.0)]
    assert read("oracle_reports_ignored_total", view)[1] == (("republished",), 1)


def test_indices_that_can_do_most_come_first() -> None:
    def error(notional: float) -> tuple[IndexErrorView, ...]:
        return (
            IndexErrorView(
                error="0.01", error_ratio=0.01, units_down=1, notional_down_usd=notional,
                units_up=2, notional_up_usd=0.0, undecided=0,
            ),
        )  # fmt: skip

    found = [
        IndexSensitivity(index=n, as_of_ns=1, errors=error(v)) for n, v in (("A", 1), ("B", 9))
    ]
    view = RiskView(sensitivities=tuple(found))
    assert read("index_error_notional_usd", view) == [(("B", "0.01"), 9), (("A", "0.01"), 1)]
    assert read("index_error_units", view) == [(("B", "0.01"), 2), (("A", "0.01"), 2)]
