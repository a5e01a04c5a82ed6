"""Every fact the engine can be told.

One definition serves Kafka, recordings, memory and tests. Each event is a frozen record tagged by
`type` (the class name in snake case). Conventions, everywhere:

* numbers are decimal strings (`Number`, `Price`, `NonNegative`), canonical after the gate:
  no exponent, at most 18 digits on either side of the point, no zeros in front or at the end of
  the decimals, no "-0";
* `event_ns` is when the fact happened: integer nanoseconds since the epoch, UTC;
* sizes are signed, > 0 is long; sizes are in contracts; money is in the asset named beside it;
* account events carry `seq`, increasing by one per account, starting at 1
  (`account_opened` has none); `more` joins an event to the account's next one as one change.

Start reading at `ACCOUNT_EVENTS`, `MARKET_EVENTS` and `LOCAL_EVENTS` at the end.
"""

import re
from typing import Annotated, Literal, TypeAlias

import msgspec

NUMBER_PATTERN = r"^-?[0-9]{1,18}(\.[0-9]{1,18})?$"
NON_NEGATIVE_PATTERN = r"^[0-9]{1,18}(\.[0-9]{1,18})?$"
POSITIVE_PATTERN = r"^(?=.*[1-9])[0-9]{1,18}(\.[0-9]{1,18})?$"
NUMBER_LENGTH_MAX = 38


def _number(pattern: str) -> msgspec.Meta:
    """Return what marks a number field; the gate checks its pattern, the schema shows it."""
    return msgspec.Meta(
        max_length=NUMBER_LENGTH_MAX,
        extra={"number": pattern},
        extra_json_schema={"pattern": pattern},
    )


Number = Annotated[str, _number(NUMBER_PATTERN)]
NonNegative = Annotated[str, _number(NON_NEGATIVE_PATTERN)]
Price = Annotated[str, _number(POSITIVE_PATTERN)]
Positive = Price
Nanoseconds = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]
Sequence = Annotated[int, msgspec.Meta(ge=1, le=2**63 - 1)]
Count = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]
IDENTIFIER_LENGTH_MAX = 128
Identifier = Annotated[str, msgspec.Meta(min_length=1, max_length=IDENTIFIER_LENGTH_MAX)]
Text = Annotated[str, msgspec.Meta(max_length=1024)]

Role: TypeAlias = Literal["client", "market_maker", "liquidator", "insurance_fund"]
Leg: TypeAlias = Literal["net", "long", "short"]
MarginMode: TypeAlias = Literal["cross", "isolated"]
InstrumentKind: TypeAlias = Literal["linear", "inverse", "quanto"]
TradingStatus: TypeAlias = Literal["open", "pre_open", "halted", "reduce_only", "closed"]
BalanceReason: TypeAlias = Literal[
    "deposit", "withdrawal", "transfer", "trade", "fee", "funding", "liquidation",
    "deleveraging", "socialized_loss", "insurance", "conversion", "adjustment",
]  # fmt: skip
FundReason: TypeAlias = Literal[
    "deposit", "withdrawal", "liquidation", "fee", "deleveraging", "socialized_loss",
    "transfer", "adjustment",
]  # fmt: skip


def snake_case(name: str) -> str:
    """Return a class name as its `type` tag: `MarkPriceChanged` -> `mark_price_changed`."""
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()


class Event(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    gc=False,
    tag_field="type",
    tag=snake_case,
    forbid_unknown_fields=True,
    omit_defaults=True,
):
    """A fact, past tense; `event_ns` is when it happened (nanoseconds since the epoch, UTC)."""

    event_ns: Nanoseconds


class AccountEvent(Event, frozen=True, kw_only=True, gc=False):
    """A fact about one account: ordered by `seq`, joined to its next event by `more`."""

    account: Identifier
    seq: Sequence
    more: bool = False


# --- records inside events ------------------------------------------------------------------


class Record(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    gc=False,
    forbid_unknown_fields=True,
    omit_defaults=True,
):
    """A plain part of an event."""


class RiskTier(Record, frozen=True, kw_only=True, gc=False):
    """One step of a size-dependent margin schedule.

    `notional_max` is inclusive, null for no limit: quote currency for linear instruments,
    settlement currency for inverse and quanto. Rates are per notional (0.01 = 1 %).
    """

    notional_max: Positive | None = None
    initial_margin_rate: NonNegative
    maintenance_margin_rate: NonNegative
    maintenance_deduction: NonNegative | None = None
    initial_deduction: NonNegative = "0"


class HaircutTier(Record, frozen=True, kw_only=True, gc=False):
    """The share `haircut` (0 to 1) taken off value up to `value_max` (null: of all the rest)."""

    value_max: Positive | None = None
    haircut: NonNegative


class Tiered(Record, frozen=True, kw_only=True, gc=False, tag_field="type", tag="tiered"):
    """Margin rates from `risk_tiers` (the default)."""


class SizeLinear(Record, frozen=True, kw_only=True, gc=False, tag_field="type", tag="size_linear"):
    """Rate + `rate_per_unit` x size in base units, for initial and maintenance (Deribit form)."""

    initial_margin_rate: NonNegative
    maintenance_margin_rate: NonNegative
    rate_per_unit: NonNegative


class OpenInterestScaled(
    Record, frozen=True, kw_only=True, gc=False, tag_field="type", tag="open_interest_scaled"
):
    """The tier's initial rate rises to 1 between two open-interest notionals (dYdX form)."""

    lower: NonNegative
    upper: NonNegative


class SquareRoot(Record, frozen=True, kw_only=True, gc=False, tag_field="type", tag="square_root"):
    """max(rate, 0.8 x rate + factor x sqrt(size in base units)), each rate (Drift form)."""

    factor: NonNegative


class SkewScaled(Record, frozen=True, kw_only=True, gc=False, tag_field="type", tag="skew_scaled"):
    """Initial rate + size / skew_scale x ratio; maintenance = that x maintenance_scalar."""

    skew_scale: Positive
    ratio: NonNegative
    maintenance_scalar: NonNegative = "0.5"


MarginModel: TypeAlias = Tiered | SizeLinear | OpenInterestScaled | SquareRoot | SkewScaled


class PositionRecord(Record, frozen=True, kw_only=True, gc=False):
    """A position inside an `account_snapshot`; fields as in `position_changed`."""

    instrument: Identifier
    leg: Leg = "net"
    size: Number
    entry_price: Number | None = None
    margin_mode: MarginMode = "cross"
    isolated_margin: Number | None = None


class OrdersRecord(Record, frozen=True, kw_only=True, gc=False):
    """Open orders inside an `account_snapshot`; fields as in `margin_orders_changed`."""

    instrument: Identifier
    bids_size: NonNegative = "0"
    asks_size: NonNegative = "0"
    bids_value: NonNegative = "0"
    asks_value: NonNegative = "0"


class PendingFunding(Record, frozen=True, kw_only=True, gc=False):
    """A funding payment not yet booked; `amount` > 0 is owed by the account, in `asset`."""

    instrument: Identifier
    leg: Leg = "net"
    asset: Identifier
    amount: Number
    funding_id: Identifier | None = None


# --- the market -----------------------------------------------------------------------------


class InstrumentListed(Event, frozen=True, kw_only=True, gc=False):
    """The full definition of an instrument; a later one replaces it.

    `contract_size`: base units a contract (linear), quote units a contract (inverse), settlement
    units a contract and price point (quanto). `lot_size` and `size_unit` are in contracts.
    """

    instrument: Identifier
    kind: InstrumentKind
    base: Identifier
    quote: Identifier
    settlement_currency: Identifier
    contract_size: Positive
    lot_size: Positive
    tick_size: Positive
    fund: Identifier | None = None
    index: Identifier | None = None
    size_unit: Positive | None = None
    risk_tiers: list[RiskTier] = []
    margin_model: MarginModel | None = None
    closing_fee_rate: NonNegative = "0"
    closing_fee_basis: Literal["none", "mark_price", "bankruptcy_price"] = "none"
    funding_in_margin: bool = True
    margin_price: Literal["mark_price", "entry_price"] = "mark_price"
    bankruptcy_price_after_fee: bool = False
    hedge_margin: Literal["both", "larger"] = "both"
    liquidation_buffer_rate: NonNegative = "0"


class InstrumentDelisted(Event, frozen=True, kw_only=True, gc=False):
    """The instrument no longer exists; its price and definition are freed."""

    instrument: Identifier


class TradingStatusChanged(Event, frozen=True, kw_only=True, gc=False):
    """What the venue does with an instrument; `until_ns` null: no announced end."""

    instrument: Identifier
    status: TradingStatus
    until_ns: Nanoseconds | None = None


class BootstrapFinished(Event, frozen=True, kw_only=True, gc=False):
    """Every one of `accounts` accounts has sent its snapshot."""

    accounts: Count


class CollateralListed(Event, frozen=True, kw_only=True, gc=False):
    """What an asset counts for as collateral: value x (1 - haircut), tier by tier.

    `index` null: one unit is worth 1 in the valuation currency. `haircut` is a single rate for
    all of it and stands instead of `haircut_tiers`.
    """

    asset: Identifier
    minor_unit: Positive = "0.00000001"
    index: Identifier | None = None
    haircut_tiers: list[HaircutTier] = []
    haircut: NonNegative | None = None


class MarkPriceChanged(Event, frozen=True, kw_only=True, gc=False):
    """The exchange's mark, the only price that margins, in the quote currency.

    `high`, `low`, `count` describe what was coalesced since the last one.
    """

    instrument: Identifier
    price: Price
    high: Price | None = None
    low: Price | None = None
    count: Annotated[int, msgspec.Meta(ge=1, le=2**63 - 1)] = 1


class MarkPricesChanged(Event, frozen=True, kw_only=True, gc=False):
    """Many marks of one instant: one step; verdicts are those after all are applied."""

    prices: dict[Identifier, Price]


class IndexPriceChanged(Event, frozen=True, kw_only=True, gc=False):
    """An index; source `exchange` values collateral, every other source only judges."""

    index: Identifier
    price: Price
    source: Identifier = "exchange"


class OracleReported(Event, frozen=True, kw_only=True, gc=False):
    """An external report; `confidence_interval` is one side, in price units.

    A price that is not positive is a finding about the oracle, not a broken event.
    """

    oracle: Identifier
    index: Identifier
    price: Number
    confidence_interval: NonNegative = "0"
    published_ns: Nanoseconds
    round: Count | None = None
    signers: Count | None = None


class FundingRateChanged(Event, frozen=True, kw_only=True, gc=False):
    """The predicted rate of the next payment, per notional; > 0: longs pay shorts."""

    instrument: Identifier
    rate: Number
    next_funding_ns: Nanoseconds


class FundingPaid(Event, frozen=True, kw_only=True, gc=False):
    """A payment of the venue at `price`; rate > 0: longs owe, shorts receive."""

    instrument: Identifier
    rate: Number
    price: Price
    funding_id: Identifier | None = None


class DepthChanged(Event, frozen=True, kw_only=True, gc=False):
    """The whole visible book, at most 50 [price, size] levels a side, best first, in contracts."""

    instrument: Identifier
    bids: Annotated[list[tuple[Price, NonNegative]], msgspec.Meta(max_length=50)]
    asks: Annotated[list[tuple[Price, NonNegative]], msgspec.Meta(max_length=50)]


class TradePrinted(Event, frozen=True, kw_only=True, gc=False):
    """A trade between any two accounts; `size` in contracts, > 0; `aggressor` took liquidity.

    `aggressor` is the venue's word for the side, usually `buy` or `sell`.
    """

    instrument: Identifier
    price: Price
    size: Positive
    aggressor: Identifier
    trade_id: Identifier | None = None


class InsuranceFundChanged(Event, frozen=True, kw_only=True, gc=False):
    """The absolute balance of a fund after a change, in `asset`.

    `liquidation_ids`: what the balance already includes; without it, everything with
    `event_ns` <= its own.
    """

    fund: Identifier
    asset: Identifier
    balance: Number
    reason: FundReason
    instrument: Identifier | None = None
    liquidation_ids: list[Identifier] | None = None


class AuditPoint(Event, frozen=True, kw_only=True, gc=False):
    """The venue says: up to these offsets of the accounts topic its events are complete."""

    accounts_position: dict[str, Count]


# --- accounts -------------------------------------------------------------------------------


class AccountOpened(Event, frozen=True, kw_only=True, gc=False):
    """An account exists. `owner` groups accounts; a `liquidator` is a layer, never a trader."""

    account: Identifier
    owner: Identifier | None = None
    role: Role = "client"
    more: bool = False


class AccountClosed(AccountEvent, frozen=True, kw_only=True, gc=False):
    """The account no longer exists; its rows are freed."""


class AccountSnapshot(AccountEvent, frozen=True, kw_only=True, gc=False):
    """The whole account as one step: sets `seq`, ends `suspect`; what it does not name is 0."""

    owner: Identifier | None = None
    role: Role = "client"
    balances: dict[Identifier, Number] = {}
    positions: list[PositionRecord] = []
    orders: list[OrdersRecord] = []
    pending_funding: list[PendingFunding] = []


class BalanceChanged(AccountEvent, frozen=True, kw_only=True, gc=False):
    """The absolute balance of one asset after a change; isolated margin is not in it."""

    asset: Identifier
    balance: Number
    reason: BalanceReason
    instrument: Identifier | None = None
    funding_id: Identifier | None = None


class WithdrawalRequested(AccountEvent, frozen=True, kw_only=True, gc=False):
    """The account asks to take `amount` of `asset` out."""

    asset: Identifier
    amount: Positive
    request_id: Identifier


class PositionChanged(AccountEvent, frozen=True, kw_only=True, gc=False):
    """The absolute position after a change; size 0 closes it.

    A position is (account, instrument, leg); `entry_price` may be null only when size is 0. The
    leg `long` has size >= 0, `short` size <= 0.
    `isolated_margin` is in the settlement currency.
    """

    instrument: Identifier
    leg: Leg = "net"
    size: Number
    entry_price: Number | None = None
    margin_mode: MarginMode = "cross"
    isolated_margin: Number | None = None


class MarginOrdersChanged(AccountEvent, frozen=True, kw_only=True, gc=False):
    """Open orders that need margin, summed a side: size in contracts, value in quote."""

    instrument: Identifier
    bids_size: NonNegative
    asks_size: NonNegative
    bids_value: NonNegative
    asks_value: NonNegative


class LiquidationEvent(AccountEvent, frozen=True, kw_only=True, gc=False):
    """What the exchange's liquidation engine did to a position of `account`."""

    instrument: Identifier
    leg: Leg = "net"
    size: Number
    price: Price | None = None
    fee: Number = "0"
    liquidation_id: Identifier


class LiquidationStarted(LiquidationEvent, frozen=True, kw_only=True, gc=False):
    """A liquidation begins; `size` is the total to close, signed as the position changes."""


class LiquidationFilled(LiquidationEvent, frozen=True, kw_only=True, gc=False):
    """One fill; `size` is the signed change of the liquidated position, 0 is refused."""


class LiquidationFinished(LiquidationEvent, frozen=True, kw_only=True, gc=False):
    """The liquidation has ended: total `size`, mean `price` (null when nothing was filled)."""


class DeleveragingFilled(AccountEvent, frozen=True, kw_only=True, gc=False):
    """What the exchange's deleveraging did to `account`, the winner; `size` is signed."""

    instrument: Identifier
    size: Number
    price: Price
    counterparty: Identifier
    liquidation_id: Identifier


# --- made by the monitor or an operator -----------------------------------------------------


class ClockTicked(Event, frozen=True, kw_only=True, gc=False):
    """Time moves on in silence."""


class FeedLost(Event, frozen=True, kw_only=True, gc=False):
    """Our connection to a source gives no valid frames."""

    feed: Identifier
    reason: Text


class FeedRestored(Event, frozen=True, kw_only=True, gc=False):
    """Our connection to a source gives valid frames again."""

    feed: Identifier


class BreakerReset(Event, frozen=True, kw_only=True, gc=False):
    """An operator arms a tripped or cooling breaker by hand; `scope` null: on every scope."""

    breaker: Identifier
    reason: Text
    by: Text
    scope: Identifier | None = None


class ConfigurationChanged(Event, frozen=True, kw_only=True, gc=False):
    """The configuration in force from here on: its text (TOML) and SHA-256 (hex)."""

    hash: str
    text: str


class ForecastFinished(Event, frozen=True, kw_only=True, gc=False):
    """A result of the analysis that may cause a decision, at the position it rests on."""

    name: Identifier
    as_of: dict[str, Count]
    seed: Count
    values: dict[str, Number]
    model_hash: str


class AccountEventRefused(Event, frozen=True, kw_only=True, gc=False):
    """The gate refused an event of `account`: what it would have said is missing.

    Made by the gate alone, in the refused event's place; never read from a record. `seq` is null
    when it could not be read.
    """

    account: Identifier
    seq: Sequence | None


ACCOUNT_EVENTS = (
    AccountOpened, AccountClosed, AccountSnapshot, BalanceChanged, WithdrawalRequested,
    PositionChanged, MarginOrdersChanged, LiquidationStarted, LiquidationFilled,
    LiquidationFinished, DeleveragingFilled,
)  # fmt: skip
MARKET_EVENTS = (
    InstrumentListed, InstrumentDelisted, TradingStatusChanged, BootstrapFinished,
    CollateralListed, MarkPriceChanged, MarkPricesChanged, IndexPriceChanged, OracleReported,
    FundingRateChanged, FundingPaid, DepthChanged, TradePrinted, InsuranceFundChanged, AuditPoint,
)  # fmt: skip
LOCAL_EVENTS = (
    ClockTicked, FeedLost, FeedRestored, BreakerReset, ConfigurationChanged, ForecastFinished,
)  # fmt: skip

AnyEvent: TypeAlias = (
    AccountOpened | AccountClosed | AccountSnapshot | BalanceChanged | WithdrawalRequested
    | PositionChanged | MarginOrdersChanged | LiquidationStarted | LiquidationFilled
    | LiquidationFinished | DeleveragingFilled
    | InstrumentListed | InstrumentDelisted | TradingStatusChanged | BootstrapFinished
    | CollateralListed | MarkPriceChanged | MarkPricesChanged | IndexPriceChanged | OracleReported
    | FundingRateChanged | FundingPaid | DepthChanged | TradePrinted | InsuranceFundChanged
    | AuditPoint
    | ClockTicked | FeedLost | FeedRestored | BreakerReset | ConfigurationChanged
    | ForecastFinished
)  # fmt: skip
