"""The metrics of the exchange's liquidations: docs/model/execution.md."""

from typing import Any

from monitor.core.liquidation_view import FUND_CAUSES, SLIPPAGE_EDGES, WAIT_EDGES_S
from monitor.exporter.metric import Metric

WAITS = tuple(str(edge) for edge in WAIT_EDGES_S)
DIRECTIONS = ("inflow", "outflow")
PACES = ("depth", "safe", "volume")
SLIPPAGE_BUCKETS = tuple(float(edge) for edge in SLIPPAGE_EDGES)


def _waiting(name: str, unit: str, what: str) -> Metric:
    return Metric(
        name=name,
        kind="gauge",
        help=f"{what} without a liquidation under way, by how long they wait: `waited` is where "
        "the bucket begins, in seconds.",
        unit=unit,
        source="view",
        labels=("waited",),
        values={"waited": WAITS},
        series_max=len(WAITS),
    )


def _slippage(name: str, what: str) -> Metric:
    told: dict[str, Any] = {"kind": "histogram", "unit": "ratio", "source": "view"}
    return Metric(name=name, help=what, buckets=SLIPPAGE_BUCKETS, **told)


LIQUIDATION_METRICS = (
    _waiting("loss_monitor_liquidations_waiting", "units", "Liquidatable units"),
    _waiting(
        "loss_monitor_liquidations_waiting_usd",
        "usd",
        "Notional, when each began to wait, of liquidatable units",
    ),
    Metric(
        name="loss_monitor_liquidation_engine_silent",
        kind="gauge",
        help="1 while units wait and the liquidation engine has done nothing for the time allowed.",
        unit="bool",
        source="view",
    ),
    Metric(
        name="loss_monitor_liquidation_engine_last_step_timestamp_seconds",
        kind="gauge",
        help="Event time at which a liquidation last began, filled or ended.",
        unit="seconds",
        source="view",
    ),
    _slippage(
        "loss_monitor_liquidation_fill_slippage_ratio",
        "What a fill of a liquidation lost against the mark at its start, of the notional at it.",
    ),
    _slippage(
        "loss_monitor_liquidation_cost_ratio",
        "What a liquidation lost against the mark at its start, of the notional at it.",
    ),
    _slippage(
        "loss_monitor_liquidation_bankruptcy_loss_ratio",
        "What a liquidation lost against its bankruptcy price, of the notional at it.",
    ),
    _slippage(
        "loss_monitor_liquidation_beyond_ideal_ratio",
        "What a liquidation lost beyond a sweep of the book at its start, of the notional then.",
    ),
    Metric(
        name="loss_monitor_insurance_fund_flow_usd_total",
        kind="counter",
        help="What came into the funds and what went out, by the cause that the venue names, "
        "valued when it flowed.",
        unit="usd",
        source="view",
        labels=("direction", "cause"),
        values={"direction": DIRECTIONS, "cause": FUND_CAUSES},
        series_max=len(DIRECTIONS) * len(FUND_CAUSES),
    ),
    Metric(
        name="loss_monitor_liquidation_pace_ratio",
        kind="gauge",
        help="Liquidations of the window against the visible depth, the safe pace and the traded "
        "volume: the largest of all instruments; absent without liquidations or depth.",
        unit="ratio",
        source="view",
        labels=("against",),
        series_max=len(PACES),
    ),
    Metric(
        name="loss_monitor_opposed_positions",
        kind="gauge",
        help="Cases of one owner on both sides of an instrument, from the configured score on; "
        "a reason to look, no finding.",
        unit="cases",
        source="view",
    ),
)
