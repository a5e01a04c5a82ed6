"""What the API answers, as records: the OpenAPI document is generated from them.

Numbers are decimal strings, times integer nanoseconds since the epoch (UTC), ratios 0 to 1, and
what does not exist is null. `_usd` is the valuation currency.
"""

import math
from decimal import Decimal
from typing import Any, Literal, TypeAlias

import msgspec

from monitor.core.decisions import AnyDecision, BreakerState, BreakerUnit, State, VenueFollowing
from monitor.core.deleveraging_case import Deleveraging

Level: TypeAlias = Literal["calm", "watch", "critical", "blind"]


def decimal_text(value: float | None) -> str | None:
    """Return a number as a decimal string with 12 significant digits, never in exponent form.

    None for what is unknown, infinite or not a number.
    """
    if value is None or not math.isfinite(value):
        return None
    return format(Decimal(f"{value:.12g}"), "f")


def exact_text(value: float) -> str:
    """Return a known finite number as a decimal string; "0" for what is not finite."""
    return decimal_text(value) or "0"


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """One answer, or a part of one."""


class CheckRecord(Record, frozen=True, kw_only=True):
    """One named check of the daemon; `need` says what fails with it."""

    name: str
    ok: bool
    detail: str
    need: Literal["live", "ready", "degraded"]


class HealthRecord(Record, frozen=True, kw_only=True):
    """The answer of /livez and /readyz."""

    ok: bool
    checks: list[CheckRecord]


class ConditionRecord(Record, frozen=True, kw_only=True):
    """The exchange in one sentence: `level` is the worst of what it names."""

    level: Level
    sentence: str


class InstrumentRecord(Record, frozen=True, kw_only=True):
    """One instrument; open interest as magnitudes of each side."""

    instrument: str
    kind: str
    status: str
    mark_price: str | None
    mark_price_ns: int
    index_price: str | None
    mark_index_deviation_ratio: str | None
    funding_rate: str | None
    open_interest_long_contracts: str
    open_interest_short_contracts: str
    open_interest_usd: str | None


class FundRecord(Record, frozen=True, kw_only=True):
    """One insurance fund; `balance` is null while nobody has told or asked it.

    `peak_usd`: the highest balance that this process has seen. Never added: `shortfall_usd` is
    realized, `inventory_loss_usd` what the positions of the venue's vaults would lose at the mark.
    """

    fund: str
    asset: str
    balance: str | None
    balance_usd: str | None
    peak_usd: str | None
    left_ratio: str | None
    drawn: str
    credited: str
    uncovered: str
    shortfall_usd: str
    socialized_loss_usd: str
    inventory_loss_usd: str | None
    inventory_gain_usd: str | None
    inventory_notional_usd: str | None
    inventory_positions: int
    updated_ns: int


class BookSideRecord(Record, frozen=True, kw_only=True):
    """One side of an instrument: amounts in USD, null while a price is missing."""

    unrealized_gains_usd: str | None
    unrealized_losses_usd: str | None
    free_margin_usd: str
    holders: int
    notional_by_distance_usd: list[str | None]


class BookInstrumentRecord(Record, frozen=True, kw_only=True):
    """One instrument of a book image."""

    instrument: str
    settlement_currency: str
    long: BookSideRecord
    short: BookSideRecord


class BookAnswer(Record, frozen=True, kw_only=True):
    """Sums over the whole book as of one moment: docs/model/live_sums.md.

    A histogram counts margin units with a position, by where its buckets begin (`_from`) and then
    two more: of `margin_ratios` the bankrupt and the unknown ones, of `distances` the liquidatable
    (or bankrupt) and the unknown ones; `notional_by_distance_usd` has the same buckets.
    """

    as_of_ns: int
    equity_usd: dict[str, str]
    maintenance_margin_usd: dict[str, str]
    margin_ratio_from: list[str]
    margin_ratios: list[int]
    distance_from: list[str]
    distances: list[int]
    instruments: list[BookInstrumentRecord]


class LadderRungRecord(Record, frozen=True, kw_only=True):
    """What becomes liquidatable from one price of a bucket to the other.

    `price_from` < `price_to`; notionals at the end nearer to the mark; `cumulative_usd` from the
    mark up to and with this rung.
    """

    price_from: str
    price_to: str
    notional_usd: str
    notional_settlement: str
    cumulative_usd: str
    positions: int


class LadderLeftOutRecord(Record, frozen=True, kw_only=True):
    """Units with positions in an instrument that are on no rung; null while a price is missing."""

    units: int
    notional_usd: str | None


class LadderAnswer(Record, frozen=True, kw_only=True):
    """One instrument's liquidation ladder as of one moment: docs/model/ladder.md.

    `below`: what a fall of the mark makes liquidatable (longs), `above`: a rise (shorts); buckets
    with positions alone, away from the mark. On no rung: what is liquidatable already, units with a
    missing price (`unknown`) and units with rules that floats do not bound (`exact_only`). A rung
    is wrong by one bucket at most; at `refreshed_ns` all were exact. `mark_price` is null while it
    is missing and while nobody holds the instrument.
    """

    instrument: str
    settlement_currency: str
    as_of_ns: int
    refreshed_ns: int
    mark_price: str | None
    below: list[LadderRungRecord]
    above: list[LadderRungRecord]
    liquidatable: LadderLeftOutRecord
    unknown: LadderLeftOutRecord
    exact_only: LadderLeftOutRecord


class BreakerRecord(Record, frozen=True, kw_only=True):
    """One breaker for one scope. `limit_used_ratio`: measured / limit.

    `following`: does the venue do what it asks for; null: its events do not tell.
    """

    breaker: str
    kind: str
    scope: str
    state: BreakerState
    action: str
    unit: BreakerUnit
    dry_run: bool
    measured: str | None
    limit: str
    limit_used_ratio: str | None
    extended: int
    changed_ns: int
    following: VenueFollowing | None
    degraded_since_ns: int | None


class AccountRecord(Record, frozen=True, kw_only=True):
    """One account's cross unit, 1 the worst; margin ratio: maintenance / equity, null without."""

    risk_rank: int
    account: str
    owner: str
    role: str
    state: State
    equity: str | None
    initial_margin: str | None
    maintenance_margin: str | None
    margin_ratio: str | None
    margin_shortfall: str | None
    free_collateral: str | None
    withdrawable: str | None
    flags: list[str]
    updated_ns: int


class OracleRecord(Record, frozen=True, kw_only=True):
    """One oracle's newest price of an index; `reason`: why it is not `valid`."""

    oracle: str
    index: str
    price: str
    deviation_ratio: str | None
    published_ns: int
    validity: str
    reason: str


class FeedRecord(Record, frozen=True, kw_only=True):
    """One feed as the engine knows it."""

    feed: str
    lost: bool
    changed_ns: int


class DecisionRecord(Record, frozen=True, kw_only=True):
    """A decision, its number in this process and what it says in plain words."""

    number: int
    text: str
    decision: AnyDecision


class DecisionLine(Record, frozen=True, kw_only=True):
    """A line of the console's list: one decision, or many of one kind in one second.

    `number` and `event_ns` are those of the newest of them; `count` says how many they are.
    """

    number: int
    count: int
    kind: str
    event_ns: int
    text: str


class AccountsPage(Record, frozen=True, kw_only=True):
    """Accounts at risk, worst first; `next_offset` is null on the last page."""

    total: int
    offset: int
    next_offset: int | None
    accounts: list[AccountRecord]


class DecisionsPage(Record, frozen=True, kw_only=True):
    """Decisions, newest first; `next_before` is null on the last page."""

    next_before: int | None
    decisions: list[DecisionRecord]


class InstrumentsAnswer(Record, frozen=True, kw_only=True):
    """All instruments, largest open interest first."""

    instruments: list[InstrumentRecord]


class FundsAnswer(Record, frozen=True, kw_only=True):
    """All insurance funds."""

    funds: list[FundRecord]


class ServiceRecord(Record, frozen=True, kw_only=True):
    """The daemon itself."""

    version: str
    epoch: int
    configuration_hash: str
    ready: bool
    checks: list[CheckRecord]
    inbox_depth_events: int
    inbox_capacity_events: int


class Status(Record, frozen=True, kw_only=True):
    """The exchange and the daemon, summed up.

    `engine_ns` is the newest event time applied; `stalled_s` is for how long it has not moved.
    """

    now_ns: int
    engine_ns: int
    stalled_s: str
    condition: ConditionRecord
    accounts: dict[str, int]
    suspect_accounts: int
    liquidating_accounts: int
    margin_shortfall_usd: str
    shortfall_usd: str
    socialized_loss_usd: str
    open_interest_usd: str
    events: dict[str, int]
    decisions: dict[str, int]
    service: ServiceRecord


class ConsoleState(Record, frozen=True, kw_only=True):
    """One `state` message of /v1/stream: the status and the head of each list."""

    status: Status
    funds: list[FundRecord]
    breakers: list[BreakerRecord]
    breakers_total: int
    worst: list[AccountRecord]
    instruments: list[InstrumentRecord]
    instruments_total: int
    oracles: list[OracleRecord]
    feeds: list[FeedRecord]


class HistoryRecord(Record, frozen=True, kw_only=True):
    """The past minutes as columns of one length, for drawing; null where nothing was known.

    `seconds`: engine time, seconds since the epoch. `accounts`: number in each state.
    """

    seconds: list[float]
    mark_price: dict[str, list[float | None]]
    open_interest_usd: dict[str, list[float | None]]
    fund_balance_usd: dict[str, list[float | None]]
    accounts: dict[str, list[float | None]]


class Hello(Record, frozen=True, kw_only=True):
    """The first message of /v1/stream (`hello`): everything a fresh page shows."""

    state: ConsoleState
    history: HistoryRecord
    decisions: list[DecisionLine]
    breaker_trips_ns: list[int]


class Step(Record, frozen=True, kw_only=True):
    """A later message of /v1/stream (`step`): new state, new decisions, new points to draw."""

    state: ConsoleState
    history: HistoryRecord
    decisions: list[DecisionLine]
    breaker_trips_ns: list[int]


class DeleveragingRecord(Record, frozen=True, kw_only=True):
    """One case, and the decision that planned it with its cause: its place in the log.

    Both are null where the venue deleveraged without a plan of ours, and where the decision is
    older than the newest 2,000.
    """

    decision_id: str | None
    cause: dict[str, str | int] | None
    deleveraging: Deleveraging


class DeleveragingsAnswer(Record, frozen=True, kw_only=True):
    """Why accounts were deleveraged for one liquidation: its cases, oldest first."""

    liquidation_id: str
    deleveragings: list[DeleveragingRecord]


class ErrorRecord(Record, frozen=True, kw_only=True):
    """Why a request was refused: what was expected, what was received, and where."""

    error: str
    expected: str
    received: str
    where: str


AccountReport: TypeAlias = dict[str, Any]
