"""How the metrics of indices and oracles are read from the view; see `readers.py`."""

from collections.abc import Callable, Iterator, Mapping

from monitor.core.oracle_view import IndexErrorView, IndexSensitivity, IndexView, OracleView
from monitor.core.view import RiskView
from monitor.exporter.catalogue_oracles import IGNORED
from monitor.exporter.reader import Child, Reader

_NANOSECONDS = 1e9


def _index_values(value: Callable[[IndexView], float]) -> Reader:
    def read(view: RiskView) -> Iterator[Child]:
        for index in sorted(view.indices, key=lambda one: (is_fit(one), one.index)):
            yield (index.index,), value(index)

    return read


def is_fit(index: IndexView) -> bool:
    """Return whether verdicts may rest on an index; of one without a price there are none."""
    return index.price is not None and "liquidation" in index.allowed


def _source_values(value: Callable[[OracleView], float | None]) -> Reader:
    def read(view: RiskView) -> Iterator[Child]:
        for oracle in sorted(view.oracles, key=lambda one: one.validity == "valid"):
            number = value(oracle)
            if number is not None:
                yield (oracle.index, oracle.oracle), number

    return read


def _ignored(view: RiskView) -> Iterator[Child]:
    for reason in IGNORED:
        yield (reason,), sum(oracle.ignored.get(reason, 0) for oracle in view.oracles)


def _error_values(value: Callable[[IndexErrorView], float]) -> Reader:
    def read(view: RiskView) -> Iterator[Child]:
        for one in sorted(view.sensitivities, key=_most_first):
            for error in one.errors:
                yield (one.index, error.error), value(error)

    return read


def _most_first(one: IndexSensitivity) -> tuple[float, str]:
    return -max(error.notional_usd for error in one.errors), one.index


ORACLE_READERS: Mapping[str, Reader] = {
    "loss_monitor_index_fit": _index_values(lambda one: float(is_fit(one))),
    "loss_monitor_index_quorum_left": _index_values(lambda one: one.quorum_left),
    "loss_monitor_oracle_live": _source_values(lambda one: float(one.is_live)),
    "loss_monitor_oracle_received_timestamp_seconds": _source_values(
        lambda one: one.received_ns / _NANOSECONDS
    ),
    "loss_monitor_oracle_confidence_ratio": _source_values(lambda one: one.confidence_ratio),
    "loss_monitor_oracle_mark_deviation_ratio": _source_values(
        lambda one: one.mark_deviation_ratio
    ),
    "loss_monitor_oracle_reports_ignored_total": _ignored,
    "loss_monitor_index_error_units": _error_values(lambda one: one.units),
    "loss_monitor_index_error_notional_usd": _error_values(lambda one: one.notional_usd),
}
