"""How the metrics of the exchange's liquidations are read from the view."""

from collections.abc import Callable, Iterator

from monitor.core.liquidation_view import LiquidationsView, PaceRecord, SlippageView
from monitor.core.view import RiskView
from monitor.exporter.catalogue_liquidations import PACES, SLIPPAGE_BUCKETS, WAITS
from monitor.exporter.reader import Child, Reader
from monitor.runtime.measurements import Distribution

_NANOSECONDS = 1e9


def _waiting(value: Callable[[LiquidationsView], tuple[float, ...]]) -> Reader:
    def read(view: RiskView) -> Iterator[Child]:
        for label, number in zip(WAITS, value(view.liquidations), strict=True):
            yield (label,), number

    return read


def _last_step(view: RiskView) -> Iterator[Child]:
    last_ns = view.liquidations.last_step_ns
    if last_ns is not None:
        yield (), last_ns / _NANOSECONDS


def _paces(view: RiskView) -> Iterator[Child]:
    for against in PACES:
        told = [_pace(one, against) for one in view.liquidations.paces]
        known = [float(one) for one in told if one is not None]
        if known:
            yield (against,), max(known)


def _pace(record: PaceRecord, against: str) -> str | None:
    ratio: str | None = getattr(record, f"of_{against}_ratio")
    return ratio


def _flows(view: RiskView) -> Iterator[Child]:
    yield from view.liquidations.fund_usd.items()


LIQUIDATION_READERS: dict[str, Reader] = {
    "loss_monitor_liquidations_waiting": _waiting(lambda one: one.waits.counts),
    "loss_monitor_liquidations_waiting_usd": _waiting(lambda one: one.waits.notional_usd),
    "loss_monitor_liquidation_engine_silent": lambda view: [
        ((), float(view.liquidations.is_silent))
    ],
    "loss_monitor_liquidation_engine_last_step_timestamp_seconds": _last_step,
    "loss_monitor_insurance_fund_flow_usd_total": _flows,
    "loss_monitor_liquidation_pace_ratio": _paces,
    "loss_monitor_opposed_positions": lambda view: [((), float(view.liquidations.opposed_count))],
}
_DISTRIBUTIONS: dict[str, Callable[[LiquidationsView], SlippageView]] = {
    "loss_monitor_liquidation_fill_slippage_ratio": lambda one: one.fill_slippage,
    "loss_monitor_liquidation_cost_ratio": lambda one: one.cost,
    "loss_monitor_liquidation_bankruptcy_loss_ratio": lambda one: one.bankruptcy_loss,
    "loss_monitor_liquidation_beyond_ideal_ratio": lambda one: one.beyond_ideal,
}
DISTRIBUTIONS = frozenset(_DISTRIBUTIONS)


def distribution_of(name: str, view: RiskView) -> Distribution:
    """Return a histogram of the view."""
    told = _DISTRIBUTIONS[name](view.liquidations)
    distribution = Distribution(SLIPPAGE_BUCKETS)
    distribution.counts, distribution.sum = list(told.counts), told.sum
    return distribution
