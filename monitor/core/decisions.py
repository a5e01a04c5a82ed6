"""Every conclusion the engine can reach.

A decision leaves the engine without its envelope (`decision_id`, `cause`, `configuration_hash`,
`epoch` are empty); `identity.stamp` fills them in, and is the only place that does. Conventions:

* amounts that are paid (`amount`, `paid`, `uncovered`, ...) are exact decimal strings in `asset`;
* valuations (`equity`, `maintenance_margin`, ...) are decimal strings with 12 significant digits
  in the valuation currency; what does not exist is null;
* `rule` names what decided (a breaker, a policy, a margin rule);
* `suspect`: an event of the account is missing or was refused, so the decision may be wrong;
* `caught_up`: the condition stood when the monitor caught up with its backlog.

`DECISIONS` lists the kinds in the order in which one step publishes them.
"""

from typing import ClassVar, Literal, TypeAlias

import msgspec

from monitor.core.events import Leg, snake_case

State: TypeAlias = Literal["healthy", "margin_call", "liquidatable", "bankrupt", "unknown"]
Side: TypeAlias = Literal["long", "short"]
BreakerState: TypeAlias = Literal["armed", "tripped", "cooling"]
# Does the venue do what a tripped breaker asks for?
VenueFollowing: TypeAlias = Literal["waiting", "followed", "not_followed"]
# {topic, partition, offset}, {file, line}, or {topic, partition, local} for the monitor's own.
Cause: TypeAlias = dict[str, str | int]


class Decision(
    msgspec.Struct, frozen=True, kw_only=True, gc=False, tag_field="type", tag=snake_case
):
    """A conclusion with its envelope."""

    decision_id: str = ""
    event_ns: int
    cause: Cause = {}
    rule: str
    configuration_hash: str = ""
    epoch: int = 0
    suspect: bool = False
    caught_up: bool = False

    subject_fields: ClassVar[tuple[str, ...]] = ()

    @property
    def kind(self) -> str:
        """Return the `type` tag."""
        return str(self.__struct_config__.tag)

    @property
    def subject(self) -> tuple[str | None, ...]:
        """Return what the decision is about: the part of its identity beside cause and rule."""
        return tuple(getattr(self, name) for name in self.subject_fields)


class AccountDecision(Decision, frozen=True, kw_only=True, gc=False):
    """A margin unit changed its state; `instrument` null means the account's cross unit."""

    account: str
    instrument: str | None
    leg: Leg | None
    equity: str | None
    maintenance_margin: str | None
    margin_ratio: str | None
    state_before: State

    subject_fields: ClassVar[tuple[str, ...]] = ("account", "instrument", "leg")


class AccountMarginCalled(AccountDecision, frozen=True, kw_only=True, gc=False):
    """margin_ratio reached `margin_call_ratio`."""


class AccountLiquidatable(AccountDecision, frozen=True, kw_only=True, gc=False):
    """equity <= maintenance_margin, with a position."""


class AccountBankrupt(AccountDecision, frozen=True, kw_only=True, gc=False):
    """equity < 0."""


class AccountRecovered(AccountDecision, frozen=True, kw_only=True, gc=False):
    """The unit is healthy again."""


class LiquidationDecision(Decision, frozen=True, kw_only=True, gc=False):
    """A finding about the exchange's liquidation engine."""

    account: str
    instrument: str | None
    leg: Leg | None
    liquidation_id: str | None
    reason: str

    subject_fields: ClassVar[tuple[str, ...]] = ("account", "instrument", "leg", "liquidation_id")


class LiquidationOverdue(LiquidationDecision, frozen=True, kw_only=True, gc=False):
    """A unit has been liquidatable for too long and nobody liquidates it."""


class MarkSeen(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A mark near the start of a liquidation, and the unit's exact amounts at it."""

    mark_price: str
    equity: str
    maintenance_margin: str


class LiquidationUnjustified(LiquidationDecision, frozen=True, kw_only=True, gc=False):
    """A unit is being liquidated that was not liquidatable.

    `evidence`: the lowest mark seen within the tolerance, the present one and the highest, each
    once.
    """

    evidence: list[MarkSeen] = []


class LiquidationMispriced(LiquidationDecision, frozen=True, kw_only=True, gc=False):
    """A liquidation filled at a price that the rules do not allow."""


class ShortfallIncurred(Decision, frozen=True, kw_only=True, gc=False):
    """A liquidation ended with a deficit that the account's margin does not cover.

    `execution_loss`: the fills against the bankruptcy price frozen at the start, in `asset`,
    > 0 is a loss; null without a bankruptcy price; never part of `amount`.
    """

    account: str
    instrument: str
    leg: Leg
    liquidation_id: str
    episode_id: str
    asset: str
    amount: str
    execution_loss: str | None

    subject_fields: ClassVar[tuple[str, ...]] = ("account", "liquidation_id")


class LiquidatorVaultDrawn(Decision, frozen=True, kw_only=True, gc=False):
    """The venue's vault `account` pays `paid` of a loss; `uncovered` goes to the next layer."""

    account: str
    asset: str
    amount: str
    paid: str
    uncovered: str
    liquidation_id: str

    subject_fields: ClassVar[tuple[str, ...]] = ("account", "liquidation_id")


class InsuranceFundDrawn(Decision, frozen=True, kw_only=True, gc=False):
    """The fund pays `paid` of a shortfall `amount`; `uncovered` goes to the next layer."""

    fund: str
    asset: str
    amount: str
    paid: str
    uncovered: str
    liquidation_id: str

    subject_fields: ClassVar[tuple[str, ...]] = ("fund", "liquidation_id")


class InsuranceFundCredited(Decision, frozen=True, kw_only=True, gc=False):
    """A liquidation closed better than bankruptcy; the gain belongs to the fund."""

    fund: str
    asset: str
    amount: str
    liquidation_id: str

    subject_fields: ClassVar[tuple[str, ...]] = ("fund", "liquidation_id")


class Reduction(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What deleveraging takes from one account.

    `size`: contracts, positive; `amount`: pnl given up, valuation currency; `rank` 1 goes first;
    `light` 5 (first fifth of the queue) to 1; `score` null under a policy without a rank.
    """

    account: str
    size: str
    amount: str
    score: str | None
    rank: int
    light: int


class DeleveragingPlanned(Decision, frozen=True, kw_only=True, gc=False):
    """Who would be deleveraged, on which side, to collect `amount` of `asset`.

    `taken` is what the plan collects; `left` goes on to socialized loss. `price` is where the
    positions would be closed. `trigger`: `fund_exhausted`, `pool_pnl_factor`, the name of a breaker
    that stands tripped, or `liquidation_unfilled`: then `contracts` are to be closed that a
    liquidation has not filled, and what they collect is not lost yet.
    """

    instrument: str
    side: Side
    policy: str
    asset: str
    amount: str
    taken: str
    left: str
    price: str | None
    reductions: list[Reduction]
    liquidation_id: str
    trigger: str = "fund_exhausted"
    contracts: str | None = None

    subject_fields: ClassVar[tuple[str, ...]] = ("instrument", "side", "liquidation_id")


class Charge(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What a socialized loss takes from one account: `amount` in the asset, `share` of the loss."""

    account: str
    amount: str
    share: str


class LossSocialized(Decision, frozen=True, kw_only=True, gc=False):
    """A loss nobody else covers, spread over `accounts`; `left` could not be charged to anyone.

    `surplus`: what the method charges beyond the loss; it belongs to the instrument's fund.
    """

    method: str
    asset: str
    amount: str
    accounts: list[Charge]
    left: str
    liquidation_id: str
    surplus: str = "0"

    subject_fields: ClassVar[tuple[str, ...]] = ("asset", "liquidation_id")


class WithdrawalsGated(Decision, frozen=True, kw_only=True, gc=False):
    """Withdrawals of a collateral pool should stop."""

    pool: str
    reason: str

    subject_fields: ClassVar[tuple[str, ...]] = ("pool",)


class WithdrawalsReleased(Decision, frozen=True, kw_only=True, gc=False):
    """Withdrawals of a collateral pool may go on."""

    pool: str

    subject_fields: ClassVar[tuple[str, ...]] = ("pool",)


class BreakerDecision(Decision, frozen=True, kw_only=True, gc=False):
    """A circuit breaker changed its state for one scope; `rule` is its kind."""

    breaker: str
    scope: str

    subject_fields: ClassVar[tuple[str, ...]] = ("breaker", "scope")


class BreakerBound(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """An event that bounds what a breaker measured: its place in the window, when, and its value.

    `role`: `extreme` (what the newest is measured against), `newest`, `first` and `last` (of what
    is summed). `event_ns` is engine time when it was applied. A breaker that was armed again has
    the price of that moment as its only reference.
    """

    role: Literal["extreme", "newest", "first", "last"]
    event_ns: int
    value: str


# Of a measure and its limit; `asset`: of the fund, `quote`: the currency of the price.
BreakerUnit: TypeAlias = Literal["ratio", "usd", "count", "s", "asset", "quote"]


class BreakerTripped(BreakerDecision, frozen=True, kw_only=True, gc=False):
    """`measured` went strictly beyond `limit`; `action` is what the exchange should do.

    Both are in `unit`. `dry_run_action`: what `action` would be if the breaker were not on trial,
    null of one that is not. `window_start_ns`: from when on events counted, null for a rule without
    a lookback; the window ends with `event_ns`. `bounds`: the events that bound it, where the rule
    rests on single ones.
    """

    measured: str
    limit: str
    action: str
    unit: BreakerUnit = "ratio"
    dry_run_action: str | None = None
    window_start_ns: int | None = None
    bounds: list[BreakerBound] = []


class BreakerCooling(BreakerDecision, frozen=True, kw_only=True, gc=False):
    """The condition has ended; the breaker rests. `extended`: how often the trip was prolonged."""

    extended: int


class BreakerRearmed(BreakerDecision, frozen=True, kw_only=True, gc=False):
    """The breaker watches again. `by` is set after a manual reset."""

    by: str | None = None


class OracleRejected(Decision, frozen=True, kw_only=True, gc=False):
    """A price may be used for less; `measured`, `limit`: ratio, factor, seconds, number."""

    oracle: str
    index: str
    reason: str
    measured: str | None = None
    limit: str | None = None
    allowed: list[str] = []

    subject_fields: ClassVar[tuple[str, ...]] = ("oracle", "index")


class OracleRestored(Decision, frozen=True, kw_only=True, gc=False):
    """An oracle may be used for everything again."""

    oracle: str
    index: str

    subject_fields: ClassVar[tuple[str, ...]] = ("oracle", "index")


class MarginChangeRecommended(Decision, frozen=True, kw_only=True, gc=False):
    """Margin rates that the tails ask for."""

    instrument: str
    initial_margin_rate: str
    maintenance_margin_rate: str
    reason: str

    subject_fields: ClassVar[tuple[str, ...]] = ("instrument",)


class Contributor(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What an account added to a sum since its last clean point, by which of its events."""

    account: str
    amount: str
    events: int
    first_seq: int
    last_seq: int


class ConservationViolated(Decision, frozen=True, kw_only=True, gc=False):
    """What must be conserved is not: `difference`, in contracts or in the asset of the `scope`.

    `check`: `open_interest`, `pnl`, `funding`, `fund`, `fills`, `ledger`. `accounts`: those that
    moved the sum most since it was last clean, with their `contributions`; `left_out`: how many
    more there are. docs/model/audit.md.
    """

    check: str
    scope: str
    difference: str
    accounts: list[str]
    left_out: int
    contributions: list[Contributor] = []

    subject_fields: ClassVar[tuple[str, ...]] = ("check", "scope")


class StreamGapDetected(Decision, frozen=True, kw_only=True, gc=False):
    """An event of the account is missing: `expected` is its next seq, `received` came instead.

    `reason` is `sequence_gap`, `refused_event` or `unfinished_change`. The account is suspect
    until an `account_snapshot`.
    """

    account: str
    expected: int
    received: int
    reason: str

    subject_fields: ClassVar[tuple[str, ...]] = ("account",)


class LiquidationIncomplete(LiquidationDecision, frozen=True, kw_only=True, gc=False):
    """A liquidation has ended, and its unit is still liquidatable; no other has begun."""


class LiquidationOversized(LiquidationDecision, frozen=True, kw_only=True, gc=False):
    """A liquidation closed more contracts than would have restored margin."""


class LiquidationFeeExcessive(LiquidationDecision, frozen=True, kw_only=True, gc=False):
    """The fee of a liquidation is above its cap, or made the account bankrupt."""


class LiquidationAttemptsExhausted(LiquidationDecision, frozen=True, kw_only=True, gc=False):
    """As many liquidations as the venue makes have ended, and the unit is still bankrupt."""


class LiquidationEngineDecision(Decision, frozen=True, kw_only=True, gc=False):
    """A finding about the exchange's liquidation engine as a whole.

    `waiting`: units that are liquidatable without a liquidation under way; `notional_usd`: of
    their positions, when each began to wait.
    """

    waiting: int
    notional_usd: str
    reason: str


class LiquidationBacklogGrowing(LiquidationEngineDecision, frozen=True, kw_only=True, gc=False):
    """More units wait than at the least of the window, by more than the limit."""


class LiquidationEngineSilent(LiquidationEngineDecision, frozen=True, kw_only=True, gc=False):
    """Units wait, and no liquidation has begun, filled or ended for too long."""


class Heartbeat(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag=snake_case):
    """The monitor lives; made once a second. Its silence is an alarm."""

    event_ns: int
    epoch: int


DECISIONS = (
    AccountMarginCalled, AccountLiquidatable, AccountBankrupt, AccountRecovered,
    LiquidationOverdue, LiquidationUnjustified, LiquidationMispriced, ShortfallIncurred,
    LiquidatorVaultDrawn, InsuranceFundDrawn, InsuranceFundCredited, DeleveragingPlanned,
    LossSocialized,
    WithdrawalsGated, WithdrawalsReleased, BreakerTripped, BreakerCooling, BreakerRearmed,
    OracleRejected, OracleRestored, MarginChangeRecommended, ConservationViolated,
    StreamGapDetected, LiquidationIncomplete, LiquidationOversized, LiquidationFeeExcessive,
    LiquidationAttemptsExhausted, LiquidationBacklogGrowing, LiquidationEngineSilent,
)  # fmt: skip

AnyDecision: TypeAlias = (
    AccountMarginCalled | AccountLiquidatable | AccountBankrupt | AccountRecovered
    | LiquidationOverdue | LiquidationUnjustified | LiquidationMispriced | ShortfallIncurred
    | LiquidatorVaultDrawn | InsuranceFundDrawn | InsuranceFundCredited | DeleveragingPlanned
    | LossSocialized
    | WithdrawalsGated | WithdrawalsReleased | BreakerTripped | BreakerCooling | BreakerRearmed
    | OracleRejected | OracleRestored | MarginChangeRecommended | ConservationViolated
    | StreamGapDetected | LiquidationIncomplete | LiquidationOversized | LiquidationFeeExcessive
    | LiquidationAttemptsExhausted | LiquidationBacklogGrowing | LiquidationEngineSilent
    | Heartbeat
)  # fmt: skip

_ORDER = {kind: number for number, kind in enumerate(DECISIONS)}


def publication_order(decision: Decision) -> tuple[int, bytes, str, str]:
    """Return the sort key within a step: kind, account by UTF-8 bytes, instrument, leg."""
    return (
        _ORDER[type(decision)],
        getattr(decision, "account", "").encode(),
        getattr(decision, "instrument", None) or "",
        getattr(decision, "leg", None) or "",
    )
