"""Every conclusion the engine can reach.

A decision leaves the engine without its envelope (`decision_id`, `cause`, `configuration_hash`,
`epoch` are empty); `stamp` fills them in, and is the only place that does. Conventions:

* amounts that are paid (`amount`, `paid`, `uncovered`, ...) are exact decimal strings in `asset`;
* valuations (`equity`, `maintenance_margin`, ...) are decimal strings with 12 significant digits
  in the valuation currency; what does not exist is null;
* `rule` names what decided (a breaker, a policy, a margin rule);
* `suspect`: an event of the account is missing or was refused, so the decision may be wrong;
* `caught_up`: the condition stood when the monitor caught up with its backlog.

`DECISIONS` lists the kinds in the order in which one step publishes them.
"""

import hashlib
from collections.abc import Iterable
from typing import Any, ClassVar, Literal, TypeAlias

import msgspec

from monitor.core.events import Leg, snake_case

State: TypeAlias = Literal["healthy", "margin_call", "liquidatable", "bankrupt", "unknown"]
Side: TypeAlias = Literal["long", "short"]
BreakerState: TypeAlias = Literal["armed", "tripped", "cooling"]
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


class LiquidationUnjustified(LiquidationDecision, frozen=True, kw_only=True, gc=False):
    """A unit is being liquidated that was not liquidatable."""


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
    positions would be closed.
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

    subject_fields: ClassVar[tuple[str, ...]] = ("instrument", "side", "liquidation_id")


class Charge(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What a socialized loss takes from one account: `amount` in the asset, `share` of the loss."""

    account: str
    amount: str
    share: str


class LossSocialized(Decision, frozen=True, kw_only=True, gc=False):
    """A loss nobody else covers, spread over `accounts`; `left` could not be charged to anyone."""

    method: str
    asset: str
    amount: str
    accounts: list[Charge]
    left: str
    liquidation_id: str

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


class BreakerTripped(BreakerDecision, frozen=True, kw_only=True, gc=False):
    """`measured` went strictly beyond `limit`; `action` is what the exchange should do."""

    measured: str
    limit: str
    action: str


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


class ConservationViolated(Decision, frozen=True, kw_only=True, gc=False):
    """What must be conserved is not: `difference` in `asset` (or contracts)."""

    check: str
    scope: str
    difference: str
    accounts: list[str]
    left_out: int

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


class Heartbeat(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag=snake_case):
    """The monitor lives; made once a second. Its silence is an alarm."""

    event_ns: int
    epoch: int


DECISIONS = (
    AccountMarginCalled, AccountLiquidatable, AccountBankrupt, AccountRecovered,
    LiquidationOverdue, LiquidationUnjustified, LiquidationMispriced, ShortfallIncurred,
    InsuranceFundDrawn, InsuranceFundCredited, DeleveragingPlanned, LossSocialized,
    WithdrawalsGated, WithdrawalsReleased, BreakerTripped, BreakerCooling, BreakerRearmed,
    OracleRejected, OracleRestored, MarginChangeRecommended, ConservationViolated,
    StreamGapDetected,
)  # fmt: skip

AnyDecision: TypeAlias = (
    AccountMarginCalled | AccountLiquidatable | AccountBankrupt | AccountRecovered
    | LiquidationOverdue | LiquidationUnjustified | LiquidationMispriced | ShortfallIncurred
    | InsuranceFundDrawn | InsuranceFundCredited | DeleveragingPlanned | LossSocialized
    | WithdrawalsGated | WithdrawalsReleased | BreakerTripped | BreakerCooling | BreakerRearmed
    | OracleRejected | OracleRestored | MarginChangeRecommended | ConservationViolated
    | StreamGapDetected | Heartbeat
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


_encoder = msgspec.json.Encoder()


def decision_identity(
    kind: str, cause: Cause, rule: str, subject: tuple[Any, ...], number: int
) -> str:
    """Return the decision id: the first 128 bits, in hex, of SHA-256 over the identity.

    The identity is the JSON array [type, cause with sorted keys, rule, subject, number], where
    `number` counts equal identities of one cause from 0. The epoch is not part of it, so a
    decision made again after a restart keeps its id.
    """
    identity = _encoder.encode([kind, sorted(cause.items()), rule, subject, number])
    return hashlib.sha256(identity).hexdigest()[:32]


def stamp(
    decisions: Iterable[tuple[Decision, Cause]], *, configuration_hash: str, epoch: int
) -> list[Decision]:
    """Return the decisions with their envelopes.

    All decisions of one cause must be given in one call, in order: equal ones are numbered.
    """
    stamped = []
    seen: dict[bytes, int] = {}
    for decision, cause in decisions:
        identity = _encoder.encode(
            [decision.kind, sorted(cause.items()), decision.rule, decision.subject]
        )
        number = seen.get(identity, 0)
        seen[identity] = number + 1
        stamped.append(
            msgspec.structs.replace(
                decision,
                decision_id=decision_identity(
                    decision.kind, cause, decision.rule, decision.subject, number
                ),
                cause=cause,
                configuration_hash=configuration_hash,
                epoch=epoch,
            )
        )
    return stamped
