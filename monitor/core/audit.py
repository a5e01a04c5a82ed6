"""The continuous audit: what must be conserved, and is it. docs/model/audit.md.

Kept by differences, from what every event moved in the ledgers of all shards:

- `open_interest` of an instrument: long contracts = short contracts.
- `pnl` of a settlement currency, and of an instrument where every flow names one: what trades,
  liquidations and deleveraging put into balances is what positions have realized.
- `funding` of an asset: what some pay, others receive; at audit points alone.
- `fund`: what a fund reports for liquidations is what it was credited with and drew.
- `fills` of a liquidation: they add up to what its end says.

A sum that is off for longer than `settle_s` of engine time, or at an audit point of the venue, is
told, once it is known that the venue sends both sides: by an audit point, by the configuration, or
by many returns to balance.
"""

import heapq
from collections.abc import Callable, Iterable
from fractions import Fraction
from typing import Any, Literal, NamedTuple, TypeAlias

import msgspec

from monitor.core.amounts import rounded_text
from monitor.core.decisions import ConservationViolated, Contributor
from monitor.core.ledger.moves import FINEST, CashMove, Move, SizeMove
from monitor.core.market import Market
from monitor.core.settings import AuditSettings
from monitor.core.watched_sum import ARMED_BY, BILLION, WatchedSum
from monitor.core.waterfall import Fund

SECOND_NS = 1_000_000_000
TOLD_MAX = 20  # accounts that a violation names
# What stays inside the venue's accounts: it leaves one and comes to another.
INTERNAL = frozenset({"trade", "liquidation", "deleveraging", "transfer"})
CHECKS = ("open_interest", "pnl", "funding", "fund", "fills")
LEARNED = ("pnl", "fund")  # what a venue may not publish everything of
Key: TypeAlias = tuple[str, str]  # check, scope
Timer = tuple[int, str, Key]


class AuditSum(msgspec.Struct, frozen=True, kw_only=True):
    """One sum that must be conserved, in contracts or in an asset.

    `difference`: how far it is off, since `off_since_ns`; null while it is within `allowed`.
    `state`: `waiting` until the venue is known to send both sides, then `armed`.
    `tolerance_ratio`: what is allowed of what was moved, learned where the venue does not publish
    everything. `returns`: how often it came back into balance.
    """

    check: str
    scope: str
    state: Literal["waiting", "armed"]
    difference: str
    allowed: str
    tolerance_ratio: float
    off_since_ns: int | None
    returns: int
    violations: int


class AuditReport(msgspec.Struct, frozen=True, kw_only=True):
    """Every sum that is watched, and how much was counted again."""

    audit_points: int
    recounts: int
    recount_violations: int
    sums: list[AuditSum]


class Mover(NamedTuple):
    """Whose event moved something, and which it was."""

    account: str
    seq: int


class Audit:
    """All sums that are watched; one for all shards."""

    def __init__(
        self,
        market: Market,
        settings: AuditSettings,
        *,
        is_suspect: Callable[[str], bool],
        fund_asset: Callable[[str], str],
    ) -> None:
        """Begin with nothing moved.

        `is_suspect`: whether an event of an account is missing. `fund_asset`: what it is kept in.
        """
        self.market = market
        self.is_suspect = is_suspect
        self.fund_asset = fund_asset
        self.sums: dict[Key, WatchedSum] = {}
        self.audit_points = 0
        self._unnamed: set[str] = set()  # assets with flows that name no instrument
        self._touched: dict[Key, None] = {}
        self._flows: dict[str, int] = {}  # of funds, as last seen
        self._timers: list[tuple[int, Key]] = []
        self.use(settings)

    def use(self, settings: AuditSettings) -> None:
        """Take settings from here on."""
        self.settings = settings
        self._settle_ns = round(settings.settle_s * SECOND_NS)

    # --- what moved -----------------------------------------------------------------------

    def take(self, moves: Iterable[Move], mover: Mover) -> None:
        """Take what one event of an account has moved."""
        for move in moves:
            if isinstance(move, CashMove):
                self._take_cash(move, mover)
            else:
                self._take_size(move, mover)
                self._take_worth(move, mover)

    def take_replaced(self, moves: Iterable[Move], mover: Mover) -> None:
        """Take what an event that sets an account as a whole, or closes it, has moved.

        Its positions count; its pnl is no flow, and is judged from here on.
        """
        assets = set()
        for move in moves:
            if isinstance(move, CashMove):
                assets.add(move.asset)
            else:
                assets.add(self.market.instruments[move.instrument].settlement)
                self._take_size(move, mover)
        self.rebase(assets)

    def _take_cash(self, move: CashMove, mover: Mover) -> None:
        amount = move.units * self._finest(move.asset)
        if move.reason == "funding":
            self._contribute(("funding", move.asset), amount, mover)
        if move.reason not in INTERNAL:
            return
        self._contribute(("pnl", move.asset), amount, mover)
        if move.instrument is None:
            if move.reason != "transfer":
                self._unnamed.add(move.asset)
        else:
            self._contribute(("pnl", f"{move.asset}/{move.instrument}"), amount, mover)

    def _take_size(self, move: SizeMove, mover: Mover) -> None:
        if move.units:
            self._contribute(("open_interest", move.instrument), move.units, mover)

    def _take_worth(self, move: SizeMove, mover: Mover) -> None:
        instrument = self.market.instruments[move.instrument]
        asset = instrument.settlement
        quantity = instrument.quantity_per_unit
        worth = move.entry_value * quantity.numerator // quantity.denominator
        margin = move.margin_units * self._finest(asset)
        amount = margin + worth if instrument.inverse else margin - worth
        if amount:
            self._contribute(("pnl", asset), amount, mover)
            self._contribute(("pnl", f"{asset}/{instrument.name}"), amount, mover)

    def _finest(self, asset: str) -> int:
        """Return a minor unit of an asset in 1 / FINEST."""
        return int(self.market.unit(asset).value * FINEST)

    def _contribute(self, key: Key, amount: int, mover: Mover) -> None:
        self._sum(key).contribute(mover.account, amount, mover.seq)
        self._touched[key] = None

    def note_fund(self, fund: str, change: int) -> None:
        """Take what a fund's balance is reported to have changed by for losses, in minor units."""
        self._contribute(("fund", fund), change, Mover(fund, 0))

    def note_flows(self, funds: Iterable[Fund]) -> None:
        """Take what funds were credited with and drew by us, from their first report on."""
        for fund in funds:
            flows = fund.flows
            if fund.reported_ns and flows != self._flows.get(fund.name, 0):
                change = self._flows.get(fund.name, 0) - flows
                self._contribute(("fund", fund.name), change, Mover(fund.name, 0))
            self._flows[fund.name] = flows

    def note_fills(self, instrument: str, mover: Mover, missing: int) -> None:
        """Take what the fills of a liquidation that has ended miss of its total, in size units."""
        self._sum(("fills", instrument)).returns += not missing
        if missing:
            self._contribute(("fills", instrument), missing, mover)

    def rebase(self, assets: Iterable[str]) -> None:
        """Judge the pnl of assets from here on: what was replaced as a whole is no flow."""
        for key in self.sums:
            if key[0] == "pnl" and key[1].partition("/")[0] in assets:
                self.sums[key].settle()

    def forget_instrument(self, name: str, settlement: str) -> None:
        """Forget the sums of an instrument that is no more."""
        for key in (("open_interest", name), ("fills", name), ("pnl", f"{settlement}/{name}")):
            self.sums.pop(key, None)
            self._touched.pop(key, None)
        self.rebase([settlement])

    def _sum(self, key: Key) -> WatchedSum:
        found = self.sums.get(key)
        if found is None:
            found = self.sums[key] = self._new(key)
        return found

    def _new(self, key: Key) -> WatchedSum:
        if key[0] == "pnl":
            floor = self._finest(key[1].partition("/")[0])
            return WatchedSum(round(self.settings.pnl_tolerance_ratio * BILLION), floor)
        return WatchedSum()

    # --- judging --------------------------------------------------------------------------

    def look(self, now_ns: int) -> None:
        """Follow what was moved, at the end of a step."""
        if not self._touched:
            return
        for key in self._touched:
            watched = self.sums[key]
            if watched.look(now_ns):
                heapq.heappush(self._timers, (now_ns + self._settle_ns, key))
        self._touched = {}

    def next_timer(self) -> Timer | None:
        """Return when a sum may have been off for too long."""
        while self._timers:
            due_ns, key = self._timers[0]
            watched = self.sums.get(key)
            if watched is not None and watched.since_ns is not None:
                if watched.since_ns + self._settle_ns <= due_ns:
                    return due_ns, "audit:" + ":".join(key), key
                heapq.heapreplace(self._timers, (watched.since_ns + self._settle_ns, key))
            else:
                heapq.heappop(self._timers)
        return None

    def fire(self, key: Key, now_ns: int) -> list[ConservationViolated]:
        """Judge a sum that has been off for `settle_s`."""
        heapq.heappop(self._timers)
        if key[0] == "funding":  # a venue takes its time to pay everybody
            return []
        return self._judge(key, now_ns, is_armed=self._is_armed(self.sums[key]))

    def audit_point(self, now_ns: int) -> list[ConservationViolated]:
        """Judge every sum: the venue says that both sides of everything are here."""
        self.audit_points += 1
        off = [key for key, watched in self.sums.items() if watched.since_ns is not None]
        return [one for key in sorted(off) for one in self._judge(key, now_ns, is_armed=True)]

    def unit(self, key: Key) -> Fraction:
        """Return what one unit of a sum is, in contracts or in its asset."""
        check, scope = key
        if check in {"open_interest", "fills"}:
            return self.market.instruments[scope].size_unit.value
        if check == "fund":
            return self.market.unit(self.fund_asset(scope)).value
        return Fraction(1, FINEST)

    def _is_armed(self, watched: WatchedSum) -> bool:
        known = self.audit_points > 0 or watched.returns >= ARMED_BY
        return known if self.settings.arm == "auto" else self.settings.arm == "always"

    def _judge(self, key: Key, now_ns: int, *, is_armed: bool) -> list[ConservationViolated]:
        watched = self.sums[key]
        check, scope = key
        asset, _, instrument = scope.partition("/")
        if check == "pnl" and instrument and asset in self._unnamed:
            watched.settle()
            return []
        if not is_armed:
            if check in LEARNED and self.settings.arm == "auto":
                watched.learn()
            return []
        watched.violations += 1
        told = self._violation(key, watched, now_ns)
        watched.settle()
        return [told]

    def _violation(self, key: Key, watched: WatchedSum, now_ns: int) -> ConservationViolated:
        order = sorted(
            watched.contributions.items(), key=lambda item: (-abs(item[1].amount), item[0].encode())
        )
        told = order[:TOLD_MAX]
        unit = self.unit(key)
        return ConservationViolated(
            event_ns=now_ns,
            rule="audit",
            suspect=any(self.is_suspect(name) for name, _ in order),
            check=key[0],
            scope=key[1],
            difference=rounded_text(watched.difference * unit),
            accounts=[name for name, _ in told],
            left_out=len(order) - len(told) + watched.left_out,
            contributions=[
                Contributor(
                    account=name,
                    amount=rounded_text(one.amount * unit),
                    events=one.events,
                    first_seq=one.first_seq,
                    last_seq=one.last_seq,
                )
                for name, one in told
            ],
        )

    def report(self, recounts: int, recount_violations: int) -> AuditReport:
        """Return every sum as it is now."""
        return AuditReport(
            audit_points=self.audit_points,
            recounts=recounts,
            recount_violations=recount_violations,
            sums=[self._told(key, self.sums[key]) for key in sorted(self.sums)],
        )

    def _told(self, key: Key, watched: WatchedSum) -> AuditSum:
        unit = self.unit(key)
        return AuditSum(
            check=key[0],
            scope=key[1],
            state="armed" if self._is_armed(watched) else "waiting",
            difference=rounded_text(watched.difference * unit),
            allowed=rounded_text(watched.allowed * unit),
            tolerance_ratio=watched.ratio_ppb / BILLION,
            off_since_ns=watched.since_ns,
            returns=watched.returns,
            violations=watched.violations,
        )

    def off(self) -> dict[str, int]:
        """Return how many sums are off now, by check."""
        counts = dict.fromkeys(CHECKS, 0)
        for (check, _), watched in self.sums.items():
            counts[check] += watched.since_ns is not None
        return counts

    # --- state ----------------------------------------------------------------------------

    def export_state(self) -> dict[str, Any]:
        """Return everything as plain values, in a canonical order."""
        return {
            "sums": [[*key, self.sums[key].export_state()] for key in sorted(self.sums)],
            "audit_points": self.audit_points,
            "unnamed": sorted(self._unnamed),
            "flows": [[name, str(units)] for name, units in sorted(self._flows.items())],
            "timers": [[due_ns, *key] for due_ns, key in sorted(self._timers)],
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Take what `export_state` described."""
        self.sums = {(one[0], one[1]): WatchedSum.from_state(one[2]) for one in state["sums"]}
        self.audit_points = state["audit_points"]
        self._unnamed = set(state["unnamed"])
        self._flows = {name: int(units) for name, units in state["flows"]}
        self._timers = [(due_ns, (check, scope)) for due_ns, check, scope in state["timers"]]
