"""The exchange's liquidations as the API tells them."""

from monitor.api.records import Record, decimal_text
from monitor.core.liquidation_view import (
    SLIPPAGE_EDGES,
    WAIT_EDGES_S,
    ExecutionRecord,
    FundFlowRecord,
    LiquidationsView,
    OpposedRecord,
    PaceRecord,
    SlippageView,
)


class WaitingRecord(Record, frozen=True, kw_only=True):
    """Liquidatable units without a liquidation that wait for `waited_from_s` or longer.

    Up to the next record's. `notional_usd`: of their positions when each began to wait.
    """

    waited_from_s: str
    units: int
    notional_usd: str | None


class SlippageRecord(Record, frozen=True, kw_only=True):
    """How many fell at or below each edge and above the one before; then above the last."""

    edges: list[str]
    counts: list[int]
    mean: str | None


class LiquidationsAnswer(Record, frozen=True, kw_only=True):
    """What the exchange's liquidation engine does, and what it costs: docs/model/execution.md.

    `worst`: the ten that cost most against the mark at their start, of the newest 1,000 that ended.
    `opposed`: the highest scores first; a score says where to look, not what it was.
    """

    as_of_ns: int
    waiting: list[WaitingRecord]
    oldest_waits_since_ns: int | None
    overdue: int
    backlog: int
    backlog_growth: int
    backlog_is_growing: bool
    engine_is_silent: bool
    last_step_ns: int | None
    under_way: int
    left_out: int
    fill_slippage: SlippageRecord
    cost: SlippageRecord
    bankruptcy_loss: SlippageRecord
    beyond_ideal: SlippageRecord
    worst: list[ExecutionRecord]
    fund_flows: list[FundFlowRecord]
    paces: list[PaceRecord]
    opposed: list[OpposedRecord]
    opposed_count: int


def liquidations_answer(view: LiquidationsView, as_of_ns: int) -> LiquidationsAnswer:
    """Return the answer of a view."""
    waits = view.waits
    return LiquidationsAnswer(
        as_of_ns=as_of_ns,
        waiting=[
            WaitingRecord(waited_from_s=str(edge), units=count, notional_usd=decimal_text(worth))
            for edge, count, worth in zip(
                WAIT_EDGES_S, waits.counts, waits.notional_usd, strict=True
            )
        ],
        oldest_waits_since_ns=waits.oldest_ns,
        overdue=waits.overdue,
        backlog=view.backlog,
        backlog_growth=view.backlog_growth,
        backlog_is_growing=view.is_growing,
        engine_is_silent=view.is_silent,
        last_step_ns=view.last_step_ns,
        under_way=view.under_way,
        left_out=view.left_out,
        fill_slippage=_slippage(view.fill_slippage),
        cost=_slippage(view.cost),
        bankruptcy_loss=_slippage(view.bankruptcy_loss),
        beyond_ideal=_slippage(view.beyond_ideal),
        worst=list(view.worst),
        fund_flows=list(view.fund_flows),
        paces=list(view.paces),
        opposed=list(view.opposed),
        opposed_count=view.opposed_count,
    )


def _slippage(view: SlippageView) -> SlippageRecord:
    count = sum(view.counts)
    return SlippageRecord(
        edges=[decimal_text(float(edge)) or "0" for edge in SLIPPAGE_EDGES],
        counts=list(view.counts),
        mean=decimal_text(view.sum / count) if count else None,
    )
