"""The immutable summary that everybody outside the engine reads.

A view is taken by the writer at most every 100 ms and handed out by reference; nobody outside
the engine's task ever touches the engine. Amounts are floats in the valuation currency: a view
shows, the ledger decides.
"""

from typing import Protocol

import msgspec

from monitor.core.decisions import BreakerState, BreakerUnit, State, VenueFollowing
from monitor.core.distance_view import Distances
from monitor.core.funding_view import FundingForecast
from monitor.core.liquidation_view import LiquidationsView
from monitor.core.loss_at_risk_view import LossAtRisk
from monitor.core.oracle_view import IndexSensitivity, IndexView, OracleView
from monitor.core.shadow_view import Shadow


class PositionView(msgspec.Struct, frozen=True, kw_only=True):
    """One position of an account at risk."""

    instrument: str
    leg: str
    size: str
    margin_mode: str
    notional_usd: float | None
    unrealized_pnl_usd: float | None


class AccountView(msgspec.Struct, frozen=True, kw_only=True):
    """One account's cross unit; amounts are null when a price is missing (`unknown`)."""

    account: str
    owner: str
    role: str
    state: State
    equity: float | None
    initial_margin: float | None
    maintenance_margin: float | None
    margin_ratio: float | None
    free_collateral: float | None
    withdrawable: float | None
    flags: tuple[str, ...]
    has_position: bool
    updated_ns: int

    @property
    def risk_score(self) -> float | None:
        """Return maintenance_margin / equity, +inf when equity <= 0 with a position or a debt.

        None when the amounts are unknown.
        """
        if self.equity is None or self.maintenance_margin is None:
            return None
        if self.equity > 0:
            return self.maintenance_margin / self.equity
        return float("inf") if self.has_position or self.equity < 0 else 0.0


class ConcentrationView(msgspec.Struct, frozen=True, kw_only=True):
    """How much of one side's open interest few owners hold: shares of 0 to 1, 0 without any.

    `top_share`: of the ten largest; `herfindahl`: the sum of all squared shares.
    """

    largest_share: float = 0.0
    top_share: float = 0.0
    herfindahl: float = 0.0


class BookSideView(msgspec.Struct, frozen=True, kw_only=True):
    """One side of one instrument over a whole book, in the valuation currency.

    `gains` and `losses` are unrealized and >= 0, of the positions that gain and of those that lose;
    `free_margin` is equity - maintenance margin of the units on this side, where above 0, and
    `notional_by_distance` their notional by bucket of their distance to liquidation. Null while a
    price is missing.
    """

    gains_usd: float | None
    losses_usd: float | None
    free_margin_usd: float
    holders: int
    notional_by_distance_usd: tuple[float | None, ...]


class BookInstrumentView(msgspec.Struct, frozen=True, kw_only=True):
    """One instrument over a whole book. Amounts are of the moment of the image."""

    instrument: str
    settlement_currency: str
    long: BookSideView
    short: BookSideView


class BookSums(msgspec.Struct, frozen=True, kw_only=True):
    """Sums over an image of the book, exact for `as_of_ns`: docs/model/live_sums.md.

    Units are margin units; by state in the order of the states. The histograms count units with a
    position by bucket: from each edge to the next, then those without a number (`distances`:
    liquidatable or bankrupt, then unknown; `margin_ratios`: bankrupt, then unknown).
    """

    as_of_ns: int
    equity_usd: dict[str, float]
    maintenance_margin_usd: dict[str, float]
    margin_ratio_edges: tuple[float, ...]
    margin_ratios: tuple[int, ...]
    distance_edges: tuple[float, ...]
    distances: tuple[int, ...]
    instruments: tuple[BookInstrumentView, ...]


class RungView(msgspec.Struct, frozen=True, kw_only=True):
    """What becomes liquidatable as a mark goes from one price of a bucket to the other.

    `price_from` < `price_to`; notionals at the end nearer to the mark; `cumulative_usd` from the
    mark up to and with this one. Two legs of a unit are two positions.
    """

    price_from: float
    price_to: float
    notional_usd: float
    notional_settlement: float
    cumulative_usd: float
    positions: int


class LadderLeftOutView(msgspec.Struct, frozen=True, kw_only=True):
    """Units with positions in an instrument that are not among its rungs; null: a price misses."""

    units: int
    notional_usd: float | None


class LadderView(msgspec.Struct, frozen=True, kw_only=True):
    """One instrument's liquidation ladder: docs/model/ladder.md.

    `below`: what a fall of its mark makes liquidatable, `above`: a rise; buckets with positions
    alone, away from the mark. Not among them: what is liquidatable already, units with a missing
    price, and units with rules that floats do not bound (`exact_only`). `mark_price` is null while
    it is missing, and while nobody holds the instrument.
    """

    instrument: str
    settlement_currency: str
    mark_price: float | None
    below: tuple[RungView, ...]
    above: tuple[RungView, ...]
    liquidatable: LadderLeftOutView
    unknown: LadderLeftOutView
    exact_only: LadderLeftOutView


class LadderUnits(msgspec.Struct, frozen=True, kw_only=True):
    """Units with positions over a whole book: on the ladder, or left out and why."""

    placed: int
    liquidatable: int
    unknown: int
    exact_only: int


class Ladders(Protocol):
    """The ladders of all instruments at one moment; nothing changes in them any more.

    `refreshed_ns`: when every unit was last placed anew.
    """

    @property
    def as_of_ns(self) -> int:
        """Return the engine time of the image."""
        ...

    @property
    def refreshed_ns(self) -> int:
        """Return the engine time of the last refresh."""
        ...

    @property
    def units(self) -> LadderUnits:
        """Return how many units are on the ladders."""
        ...

    def of(self, instrument: str) -> LadderView | None:
        """Return one instrument's ladder; None: it was not listed at that moment."""
        ...


class InstrumentView(msgspec.Struct, frozen=True, kw_only=True):
    """One instrument: prices and aggregate open interest (sides as magnitudes, contracts)."""

    instrument: str
    kind: str
    status: str
    mark_price: float | None
    mark_price_ns: int
    index_price: float | None
    funding_rate: float | None
    open_interest_long_contracts: float
    open_interest_short_contracts: float
    open_interest_usd: float | None
    concentration_long: ConcentrationView = ConcentrationView()
    concentration_short: ConcentrationView = ConcentrationView()


class FundView(msgspec.Struct, frozen=True, kw_only=True):
    """One insurance fund; `drawn`, `credited`, `uncovered` are totals since the start.

    `balance` is null while nobody has told or asked it: then it is shown for its inventory alone.
    Two losses that are never added: `shortfall_usd` is realized, by instruments of this fund;
    `inventory_loss_usd` is what positions that the venue's vaults hold in them would lose at the
    mark (>= 0, by position; null while a price is missing), beside what others would gain.
    """

    fund: str
    asset: str
    balance: float | None
    balance_usd: float | None
    drawn: float
    credited: float
    uncovered: float
    shortfall_usd: float
    socialized_loss_usd: float
    inventory_loss_usd: float | None
    inventory_gain_usd: float | None
    inventory_notional_usd: float | None
    inventory_positions: int
    updated_ns: int


LOWEST_LIMITS = frozenset(  # kinds that trip below their limit
    {"fund_below_mean", "fund_speed", "depth_collapse"}
)


class BreakerView(msgspec.Struct, frozen=True, kw_only=True):
    """One breaker for one scope, with its distance to the limit (`measured` of `limit`).

    `following`: whether the venue does what a standing trip asks for, None where its events do
    not tell. `silent_since_ns`: since when the mark that it needs is silent, None while it is told.
    """

    breaker: str
    kind: str
    scope: str
    state: BreakerState
    action: str
    unit: BreakerUnit = "ratio"
    dry_run: bool = False
    measured: float | None
    limit: float
    extended: int
    changed_ns: int
    following: VenueFollowing | None = None
    silent_since_ns: int | None = None

    @property
    def limit_used_ratio(self) -> float | None:
        """Return measured / limit (strictly above 1 it trips); None while nothing is measured.

        Of a limit that is a lowest one (`LOWEST_LIMITS`), limit / measured.
        """
        if self.measured is None:
            return None
        measured, limit = self.measured, self.limit
        if self.kind in LOWEST_LIMITS:
            measured, limit = limit, measured
        return measured / limit if limit else float("inf")


class WaveView(msgspec.Struct, frozen=True, kw_only=True):
    """Shortfalls without a pause of more than 5 s between them. The figures are never added.

    `wave_usd` is what the wave lost, `largest_event_usd` what one event did; `by_pool` is in each
    pool's asset. `episodes`: how many stays under water the shortfalls belong to.
    """

    number: int
    first_event_ns: int
    last_event_ns: int
    shortfalls: int
    episodes: int
    wave_usd: str
    largest_event_usd: str
    by_market_usd: dict[str, str]
    by_pool: dict[str, str]


class RunnerView(msgspec.Struct, frozen=True, kw_only=True):
    """An account that a looming haircut is charged to, and what it has done since; USD.

    `shifted_usd`: what its equity cannot pay of its charge any more, so that others must.
    """

    account: str
    charged_usd: str
    requested_usd: str
    withdrawn_usd: str
    shifted_usd: str


class PoolView(msgspec.Struct, frozen=True, kw_only=True):
    """A collateral pool: its withdrawal gate, and the run on it while a haircut looms; USD.

    `release_ns` is null while an outage holds the gate. `haircut_usd` is what vaults, funds and
    deleveraging left; `exposed_usd` what the charged could still shift by leaving. Sums are over
    the followed accounts, of `accounts` that are charged; `runners` are the first 100 of them.
    """

    pool: str
    gated: bool
    reason: str | None
    since_ns: int | None
    release_ns: int | None
    race_until_ns: int | None
    haircut_usd: str
    charged_usd: str
    requested_usd: str
    withdrawn_usd: str
    shifted_usd: str
    exposed_usd: str
    accounts: int
    runners: tuple[RunnerView, ...]


class FeedView(msgspec.Struct, frozen=True, kw_only=True):
    """One feed as the engine was told of it."""

    feed: str
    lost: bool
    changed_ns: int


class RiskView(msgspec.Struct, frozen=True, kw_only=True):
    """The state of the whole exchange as of `engine_ns`."""

    engine_ns: int = 0
    events_applied: dict[str, int] = {}
    events_ignored: dict[str, int] = {}
    decisions: dict[str, int] = {}
    accounts: dict[str, int] = {}
    suspect_accounts: int = 0
    liquidating_accounts: int = 0
    liquidations_overdue: int = 0
    liquidations: LiquidationsView = LiquidationsView()
    margin_shortfall_usd: float = 0.0
    exact_verdicts: int = 0
    equity_usd: dict[str, float] = {}
    deficit_usd: float = 0.0
    ledgers_forgotten: dict[str, int] = {}  # what did not fit, by ledger
    audit_sums_off: dict[str, int] = {}  # sums that should be 0 and are not now, by check
    book: BookSums | None = None
    ladders: Ladders | None = None
    shadows: tuple[Shadow, ...] = ()  # of the worst accounts, then by stress
    funding: FundingForecast | None = None
    distances: Distances | None = None
    loss_at_risk: LossAtRisk | None = None
    worst: tuple[AccountView, ...] = ()
    instruments: tuple[InstrumentView, ...] = ()
    funds: tuple[FundView, ...] = ()
    pools: tuple[PoolView, ...] = ()
    waves: tuple[WaveView, ...] = ()  # the newest 100, newest first
    breakers: tuple[BreakerView, ...] = ()
    oracles: tuple[OracleView, ...] = ()
    indices: tuple[IndexView, ...] = ()
    sensitivities: tuple[IndexSensitivity, ...] = ()
    feeds: tuple[FeedView, ...] = ()
    configuration_hash: str = ""
    ready: bool = False

    def instruments_by_size(self) -> list[InstrumentView]:
        """Return the instruments, largest open interest first."""
        return sorted(
            self.instruments, key=lambda one: (-(one.open_interest_usd or 0.0), one.instrument)
        )

    def breakers_by_urgency(self) -> list[BreakerView]:
        """Return the breakers: those not armed first, then those nearest to their limit."""
        return sorted(
            self.breakers,
            key=lambda one: (
                ("tripped", "cooling", "armed").index(one.state),
                -(one.limit_used_ratio or 0.0),
                one.breaker,
                one.scope,
            ),
        )
