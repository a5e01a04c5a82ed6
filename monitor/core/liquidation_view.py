"""What outsiders read of the exchange's liquidations: records alone, docs/model/execution.md.

Texts are exact or have 12 significant digits; floats only show.
"""

from fractions import Fraction

import msgspec

WAIT_EDGES_S = (0, 1, 5, 15, 60, 300)  # where each bucket of waiting times begins
SLIPPAGE_EDGES = tuple(
    Fraction(edge, 10_000) for edge in (-100, -10, 0, 10, 25, 50, 100, 250, 500, 1_000)
)
FUND_CAUSES = (
    "deposit",
    "withdrawal",
    "liquidation",
    "fee",
    "deleveraging",
    "socialized_loss",
    "transfer",
    "adjustment",
)


class WaitsView(msgspec.Struct, frozen=True, kw_only=True):
    """Liquidatable units without a liquidation, by how long they wait (from each edge on).

    Notionals are those of the moment at which a unit began to wait.
    """

    counts: tuple[int, ...] = (0,) * len(WAIT_EDGES_S)
    notional_usd: tuple[float, ...] = (0.0,) * len(WAIT_EDGES_S)
    oldest_ns: int | None = None
    overdue: int = 0


class SlippageView(msgspec.Struct, frozen=True, kw_only=True):
    """How many fell at or below each edge of `SLIPPAGE_EDGES`, then above all; and their sum."""

    counts: tuple[int, ...] = (0,) * (len(SLIPPAGE_EDGES) + 1)
    sum: float = 0.0


class ExecutionRecord(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What the fills of one liquidation cost; amounts > 0 are losses, in USD.

    `contracts` is signed as the position changed. `cost`: against the mark at the start, the ratio
    a share of the notional at it; `bankruptcy_loss`: against the bankruptcy price frozen then;
    `ideal_cost`: what a sweep of the book seen at the start would have cost, and `beyond_ideal`
    what the fills cost more; null without a book, or where less was visible than was closed.
    """

    account: str
    liquidation_id: str
    instrument: str
    leg: str
    started_ns: int
    finished_ns: int
    contracts: str
    mean_price: str
    mark_price: str
    bankruptcy_price: str | None
    cost_usd: str | None
    cost_ratio: str
    bankruptcy_loss_usd: str | None
    ideal_cost_usd: str | None
    beyond_ideal_usd: str | None
    fees_usd: str | None


class FundFlowRecord(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What came into a fund and what went out of it for one cause, both >= 0, in its asset."""

    fund: str
    asset: str
    cause: str
    inflow: str
    outflow: str


class PaceRecord(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The liquidations of one instrument in one direction (`sell` closes longs) in a window.

    `safe_contracts`: what the visible depth would take up in the window at the safe share a step;
    `depth_contracts`: visible within the price bound of the mark. Null where no book is known.
    """

    instrument: str
    direction: str
    window_s: str
    liquidated_contracts: str
    traded_contracts: str
    traded_same_direction_contracts: str
    depth_contracts: str | None
    safe_contracts: str | None
    of_volume_ratio: str | None
    of_depth_ratio: str | None
    of_safe_ratio: str | None


class OpposedRecord(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One owner that held both sides of an instrument: what was seen, and what it comes to.

    `score` is the mean of the four ratios, each 0 to 1. It says where to look, not what it was.
    """

    owner: str
    instrument: str
    accounts: tuple[str, ...]
    first_ns: int
    last_ns: int
    score: str
    opposite_ratio: str
    closeness_ratio: str
    margin_use_ratio: str
    fund_ratio: str
    liquidation_id: str | None


class LiquidationsView(msgspec.Struct, frozen=True, kw_only=True):
    """The exchange's liquidation engine as of the view's time; `fund_usd` by direction, cause."""

    waits: WaitsView = WaitsView()
    backlog: int = 0
    backlog_growth: int = 0
    is_growing: bool = False
    is_silent: bool = False
    last_step_ns: int | None = None
    under_way: int = 0
    left_out: int = 0
    fill_slippage: SlippageView = SlippageView()
    cost: SlippageView = SlippageView()
    bankruptcy_loss: SlippageView = SlippageView()
    beyond_ideal: SlippageView = SlippageView()
    worst: tuple[ExecutionRecord, ...] = ()
    fund_flows: tuple[FundFlowRecord, ...] = ()
    fund_usd: dict[tuple[str, str], float] = {}
    paces: tuple[PaceRecord, ...] = ()
    opposed: tuple[OpposedRecord, ...] = ()
    opposed_count: int = 0  # at or above the configured score
