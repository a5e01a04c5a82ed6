"""A crash in progress, second by second, as the API would see it: always the same.

Calm until second 180, then the price of BTC falls by a sixth within a minute; accounts go under
water, the breaker trips, the fund drains from 5,000,000 to 1,150,000 USDT, winners are
deleveraged and a part is socialized. No engine is needed: a view is only a record.
"""

import math

import msgspec

from monitor.api.breaker_resets import (
    NotRecordedError,
    ResetRecord,
    ResetRequest,
    UnknownBreakerError,
)
from monitor.api.decision_ring import DecisionRing
from monitor.api.desk import Desk
from monitor.api.source import ApiSource
from monitor.core.decisions import (
    AccountBankrupt,
    AccountLiquidatable,
    AccountMarginCalled,
    BreakerTripped,
    Charge,
    Decision,
    DeleveragingPlanned,
    InsuranceFundDrawn,
    LossSocialized,
    Reduction,
    ShortfallIncurred,
)
from monitor.core.identity import stamp
from monitor.core.oracle_view import OracleView
from monitor.core.view import (
    AccountView,
    BookInstrumentView,
    BookSideView,
    BookSums,
    BreakerView,
    FeedView,
    FundView,
    InstrumentView,
    Ladders,
    RiskView,
)
from monitor.runtime.clock import ManualClock
from monitor.runtime.health import Health, Need
from monitor.runtime.measurements import Measurements
from tests.api.crash_distances import distances_at
from tests.api.crash_funding import funding_at
from tests.api.crash_ladders import CrashLadders
from tests.api.crash_loss_at_risk import loss_at_risk_at
from tests.api.crash_shadow import CrashShadow
from tests.api.crash_waterfall import bankrupt_engine

START_NS = 1_760_131_200_000_000_000  # 2025-10-10 21:20 UTC
FALL_STARTS = 180
FALL_LASTS = 60
END = 270
INSTRUMENTS = {"BTC-PERP": 121_500.0, "ETH-PERP": 4_350.0, "SOL-PERP": 221.0, "BTC-USD": 121_450.0}


def fallen(second: int) -> float:
    """Return how far the crash has come: 0 before, 1 at its end."""
    return min(1.0, max(0.0, (second - FALL_STARTS) / FALL_LASTS))


def mark_price(instrument: str, second: int) -> float:
    """Return a price that trembles, falls by a sixth, and recovers a little."""
    tremble = 0.0008 * math.sin(second / 3) + 0.0005 * math.sin(second / 1.3)
    recovery = 0.03 * min(1.0, max(0.0, (second - FALL_STARTS - FALL_LASTS) / 60))
    depth = {"SOL-PERP": 1.6, "ETH-PERP": 1.2}.get(instrument, 1.0)
    fall = (0.165 * fallen(second) - recovery) * depth
    return round(INSTRUMENTS[instrument] * (1 + tremble - fall), 2)


def accounts_at(second: int) -> dict[str, int]:
    """Return 2,000 accounts by state."""
    share = fallen(second)
    bankrupt = round(14 * max(0.0, share - 0.4) / 0.6)
    liquidatable = round(96 * share)
    called = round(20 + 220 * share)
    healthy = 2_000 - bankrupt - liquidatable - called
    return {
        "healthy": healthy, "margin_call": called, "liquidatable": liquidatable,
        "bankrupt": bankrupt, "unknown": 0,
    }  # fmt: skip


def fund_at(second: int) -> FundView:
    """Return the fund: full, then drained by three quarters."""
    drawn = round(3_850_000 * max(0.0, fallen(second) - 0.2) / 0.8, 2)
    socialized = 412_000.0 if fallen(second) == 1.0 else 0.0
    return FundView(
        fund="main", asset="USDT", balance=5_000_000 - drawn, balance_usd=5_000_000 - drawn,
        drawn=drawn, credited=12_500.0, uncovered=socialized,
        shortfall_usd=drawn + socialized, socialized_loss_usd=socialized,
        inventory_loss_usd=0.0, inventory_gain_usd=0.0, inventory_notional_usd=0.0,
        inventory_positions=0,
        updated_ns=START_NS + second * 10**9,
    )  # fmt: skip


def instrument_at(name: str, second: int) -> InstrumentView:
    """Return one instrument."""
    price = mark_price(name, second)
    contracts = round(8_400 * (1 - 0.22 * fallen(second)), 3)
    tripped = name == "BTC-PERP" and fallen(second) > 0.5
    return InstrumentView(
        instrument=name, kind="inverse" if name == "BTC-USD" else "linear",
        status="halted" if tripped else "open",
        mark_price=price, mark_price_ns=START_NS + second * 10**9,
        index_price=round(price * (1 + 0.004 * fallen(second)), 2), funding_rate=0.0001,
        open_interest_long_contracts=contracts, open_interest_short_contracts=contracts,
        open_interest_usd=contracts * INSTRUMENTS[name] / (1 if name == "BTC-PERP" else 3),
    )  # fmt: skip


def breaker_at(scope: str, second: int) -> BreakerView:
    """Return the velocity breaker of an instrument: BTC-PERP's trips half way down."""
    back = mark_price(scope, max(0, second - 60))
    measured = abs(mark_price(scope, second) / back - 1)
    tripped = scope == "BTC-PERP" and fallen(second) > 0.5
    return BreakerView(
        breaker="velocity-60s", kind="price_velocity", scope=scope,
        state="tripped" if tripped else "armed", action="halt",
        measured=measured, limit=0.08 if scope == "BTC-PERP" else 0.5,
        extended=2 if tripped else 0, changed_ns=START_NS + (FALL_STARTS + 31) * 10**9,
    )  # fmt: skip


def worst_at(second: int) -> tuple[AccountView, ...]:
    """Return the worst 60 accounts, worst first."""
    counts = accounts_at(second)
    worst = []
    for rank in range(60):
        if rank < counts["bankrupt"]:
            state, ratio = "bankrupt", None
        elif rank < counts["bankrupt"] + counts["liquidatable"]:
            state, ratio = "liquidatable", 2.4 - rank * 0.02
        else:
            state, ratio = "margin_call", 0.99 - rank * 0.002
        maintenance = 48_000.0 - rank * 511.25
        equity = maintenance / ratio if ratio else -12_400.0 + rank * 700.5
        worst.append(
            AccountView(
                account=f"trader-{1_000 + rank * 17}", owner=f"owner-{rank}", role="client",
                state=state, equity=equity, initial_margin=2 * maintenance,  # type: ignore[arg-type]
                maintenance_margin=maintenance, margin_ratio=ratio,
                free_collateral=0.0, withdrawable=0.0,
                flags=("liquidating",) if rank % 3 == 0 and state != "margin_call" else (),
                has_position=True, updated_ns=START_NS + second * 10**9,
            )
        )  # fmt: skip
    return tuple(worst)


def view_at(second: int) -> RiskView:
    """Return the whole exchange."""
    counts = accounts_at(second)
    return RiskView(
        engine_ns=START_NS + second * 10**9,
        events_applied={"mark_price_changed": 40 * second, "position_changed": 9 * second},
        decisions={"account_bankrupt": counts["bankrupt"]},
        accounts=counts,
        liquidating_accounts=counts["liquidatable"] // 2,
        margin_shortfall_usd=18_250.5 * (counts["liquidatable"] + counts["bankrupt"]),
        worst=worst_at(second),
        instruments=tuple(instrument_at(name, second) for name in INSTRUMENTS),
        funds=(fund_at(second),),
        breakers=tuple(breaker_at(name, second) for name in INSTRUMENTS),
        oracles=(
            OracleView(
                oracle="pyth", index="BTCUSD", price=mark_price("BTC-PERP", second) * 1.002,
                deviation_ratio=0.002, published_ns=START_NS + second * 10**9,
            ),
        ),
        feeds=(
            FeedView(feed="binance-reference", lost=False, changed_ns=START_NS),
            FeedView(feed="pyth", lost=False, changed_ns=START_NS),
        ),
        configuration_hash="c0ffee" * 10,
        ready=True,
        book=book_at(second),
        shadows=(CrashShadow(START_NS + second * 10**9, 4_000_000.0),),
        funding=funding_at(START_NS + second * 10**9),
        distances=distances_at(START_NS + second * 10**9, fallen(second)),
        loss_at_risk=loss_at_risk_at(START_NS + second * 10**9, fallen(second)),
        ladders=CrashLadders(
            as_of_ns=START_NS + second * 10**9,
            refreshed_ns=START_NS + second // 60 * 60 * 10**9,
            mark_price=mark_price("BTC-PERP", second), fallen=fallen(second),
        ),
    )  # fmt: skip


def book_at(second: int) -> BookSums:
    """Return the sums of the book as they were after so many seconds."""
    counts = accounts_at(second)
    side = BookSideView(
        gains_usd=1_250.5, losses_usd=80.25, free_margin_usd=9_000.0, holders=12,
        notional_by_distance_usd=(0.0, 2_000.0, 50_000.0, 1_000.0, None),
    )  # fmt: skip
    return BookSums(
        as_of_ns=START_NS + second * 10**9,
        equity_usd={"healthy": 1_000_000.0, "bankrupt": -500.0 * counts["bankrupt"]},
        maintenance_margin_usd={"healthy": 40_000.0},
        margin_ratio_edges=(0.0, 0.5, 1.0, float("inf")),
        margin_ratios=(100, 20, counts["liquidatable"], counts["bankrupt"], 0),
        distance_edges=(0.0, 0.01, 0.1, float("inf")),
        distances=(3, 20, 97, counts["liquidatable"], 0),
        instruments=tuple(
            BookInstrumentView(instrument=name, settlement_currency="USDT", long=side, short=side)
            for name in INSTRUMENTS
        ),
    )


def decisions_at(second: int) -> list[Decision]:
    """Return what the engine would say in this second, stamped."""
    made = _decisions(second, START_NS + second * 10**9)
    cause: dict[str, str | int] = {"topic": "market", "partition": 0, "offset": second}
    return stamp([(one, cause) for one in made], configuration_hash="c0ffee", epoch=3)


def _decisions(second: int, now_ns: int) -> list[Decision]:
    step = second - FALL_STARTS
    if not 0 <= step <= FALL_LASTS:
        return []
    made: list[Decision] = []
    if step % 6 == 0:
        made.append(_account(AccountMarginCalled, 2_000 + step, now_ns, "healthy"))
    if step % 9 == 0:
        made.append(_account(AccountLiquidatable, 1_000 + step, now_ns, "margin_call"))
    if step == 31:
        made.append(
            BreakerTripped(
                event_ns=now_ns, rule="price_velocity", breaker="velocity-60s", scope="BTC-PERP",
                measured="0.0828", limit="0.08", action="halt",
            )
        )  # fmt: skip
    if step >= 40 and step % 10 == 0:
        made += [_account(AccountBankrupt, 1_000 + step, now_ns, "liquidatable"), *_losses(now_ns)]
    if step == FALL_LASTS:
        made += _last_layers(now_ns)
    return made


def _account(
    kind: type[AccountMarginCalled | AccountLiquidatable | AccountBankrupt],
    number: int, now_ns: int, before: str,
) -> Decision:  # fmt: skip
    is_bankrupt = kind is AccountBankrupt
    return kind(
        event_ns=now_ns, rule="margin", account=f"trader-{number}", instrument=None, leg=None,
        equity="-1843.2" if is_bankrupt else "21050.75", maintenance_margin="20112.5",
        margin_ratio=None if is_bankrupt else "0.955429",
        state_before=before,  # type: ignore[arg-type]
    )  # fmt: skip


def _losses(now_ns: int) -> list[Decision]:
    liquidation = f"liq-{now_ns // 10**9}"
    return [
        ShortfallIncurred(
            event_ns=now_ns, rule="shortfall", account="trader-1040", instrument="BTC-PERP",
            leg="net", liquidation_id=liquidation, episode_id="e-1", asset="USDT",
            amount="1283333.25", execution_loss="20111",
        ),
        InsuranceFundDrawn(
            event_ns=now_ns, rule="waterfall", fund="main", asset="USDT", amount="1283333.25",
            paid="1283333.25", uncovered="0", liquidation_id=liquidation,
        ),
    ]  # fmt: skip


def _last_layers(now_ns: int) -> list[Decision]:
    return [
        DeleveragingPlanned(
            event_ns=now_ns, rule="queue-bitmex", instrument="BTC-PERP", side="short",
            policy="queue-bitmex", asset="USDT", amount="912000", taken="500000", left="412000",
            price="101250",
            reductions=[
                Reduction(account=f"winner-{n}", size="2.5", amount="250000", score="9.1",
                          rank=n, light=5)
                for n in (1, 2)
            ],
            liquidation_id="liq-last",
        ),
        LossSocialized(
            event_ns=now_ns, rule="waterfall", method="gains-pro-rata", asset="USDT",
            amount="412000",
            accounts=[Charge(account=f"w-{n}", amount="412", share="0.001") for n in range(1_000)],
            left="0", liquidation_id="liq-last",
        ),
    ]  # fmt: skip


class Crash:
    """The crash as a source of the API; `go_to` moves it on, as the daemon would."""

    def __init__(self) -> None:
        self.clock = ManualClock(now_ns=START_NS)
        self.health = Health()
        self.health.set("kafka", "Kafka answers", is_ok=True)
        self.health.set("event_loop", is_ok=True, need=Need.LIVE)
        self.decisions = DecisionRing()
        self.measurements = Measurements()
        self.measurements.set_to("loss_monitor_leader_epoch", 3)
        self.measurements.set_to("loss_monitor_inbox_capacity_events", 50_000)
        self.second = 0
        self.view = view_at(0)
        self.resets: list[ResetRecord] = []

    async def metrics(self) -> tuple[str, bytes]:
        """Return a text that stands for the exporter's."""
        return "text/plain; version=0.0.4; charset=utf-8", b"loss_monitor_ready 1.0\n"

    def step(self) -> None:
        """Go on by one second."""
        self.second += 1
        self.clock.advance(1)
        self.view = view_at(self.second)
        self.decisions.extend(decisions_at(self.second))

    def go_to(self, second: int, desk: Desk | None = None) -> None:
        """Go on to a second, sampling the history on the way."""
        while self.second < second:
            self.step()
            if desk is not None:
                desk.sample()

    def rename_worst(self, name: str) -> None:
        """Give the worst account another name."""
        first, *others = self.view.worst
        renamed = msgspec.structs.replace(first, account=name)
        self.view = msgspec.structs.replace(self.view, worst=(renamed, *others))

    def keep_ladders(self, ladders: Ladders) -> None:
        """Let the ladders be old."""
        self.view = msgspec.structs.replace(self.view, ladders=ladders)

    def source(self) -> ApiSource:
        """Return the crash as the daemon would hand itself over."""
        return ApiSource(
            view=lambda: self.view,
            health=self.health,
            account_report=self._account_report,
            waterfall_episode=bankrupt_engine().waterfall_episode,
            deleveragings=bankrupt_engine().deleveragings,
            audit_report=bankrupt_engine().audit_report,
            reset_breaker=self._reset_breaker,
            metrics=self.metrics,
            now_ns=self.clock.now_ns,
            decisions=self.decisions,
            measurements=self.measurements,
            version="1.2.3",
        )

    async def _reset_breaker(self, breaker: str, request: ResetRequest) -> ResetRecord:
        if breaker != "fast":
            raise UnknownBreakerError("a configured breaker (fast)")
        if request.reason == "no broker":
            raise NotRecordedError("the market topic to take the reset within 5 s")
        recorded = ResetRecord(
            breaker=breaker,
            scope=request.scope,
            reason=request.reason,
            by=request.by,
            event_ns=self.clock.now_ns(),
            topic="market",
        )
        self.resets.append(recorded)
        return recorded

    def _account_report(self, account: str) -> dict[str, object] | None:
        for one in self.view.worst:
            if one.account == account:
                return {
                    "account": account,
                    "state": one.state,
                    "equity": str(one.equity),
                    "initial_margin": str(one.initial_margin),
                    "maintenance_margin": str(one.maintenance_margin),
                    "margin_ratio": None,
                    "flags": list(one.flags),
                    "positions": [
                        {
                            "instrument": "BTC-PERP",
                            "size": "4.25",
                            "entry_price": "119850",
                            "mark_price": str(mark_price("BTC-PERP", self.second)),
                            "unrealized_pnl": "-74050.5",
                            "liquidation_price": "112400.5",
                        }
                    ],
                }
        return None
