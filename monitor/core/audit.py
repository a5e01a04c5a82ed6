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
from collections import deque
from collections.abc import Callable, Iterable, Set
from fractions import Fraction
from itertools import islice
from typing import Any

from monitor.core.amounts import rounded_text
from monitor.core.audit_entry import (
    Contribution,
    Entry,
    Key,
    entry_from,
    plain_entry,
)
from monitor.core.audit_reading import Reading
from monitor.core.audit_view import AuditReport, AuditSum
from monitor.core.decisions import ConservationViolated, Contributor
from monitor.core.events import LiquidationFinished
from monitor.core.ledger.moves import FINEST
from monitor.core.market import Market
from monitor.core.settings import AuditSettings
from monitor.core.watched_sum import ARMED_BY, BILLION, WatchedSum
from monitor.core.waterfall import Fund

SECOND_NS = 1_000_000_000
TOLD_MAX = 20  # accounts that a violation names
READ_NS = 10_000_000  # what events moved is read together, so often at most
READING: Key = ("", "")  # stands for reading, among the sums that are due
RECENT_MAX = 20_000  # events that are looked through for who moved a sum
CHECKS = ("open_interest", "pnl", "funding", "fund", "fills")
LEARNED = ("pnl", "fund")  # what a venue may not publish everything of
Timer = tuple[int, str, Key]


class Audit:
    """All sums that are watched; one for all shards.

    What events move is noted, and read together: at most every READ_NS of engine time, whenever a
    sum may be due, and when somebody asks.
    """

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
        self.reading = Reading(market)
        self.is_suspect = is_suspect
        self.fund_asset = fund_asset
        self.sums: dict[Key, WatchedSum] = {}
        self.audit_points = 0
        self._unread: list[Entry] = []
        self._recent: deque[Entry] = deque(maxlen=RECENT_MAX)  # that have been read
        self._entries = 0  # how many have been read in all
        self._read_due_ns = 0
        self._touched: dict[Key, None] = {}
        self._flows: dict[str, int] = {}  # of funds, as last seen
        self._timers: list[tuple[int, Key]] = []
        self.use(settings)

    def use(self, settings: AuditSettings) -> None:
        """Take settings from here on."""
        self.settings = settings
        self._settle_ns = round(settings.settle_s * SECOND_NS)

    # --- what moved -----------------------------------------------------------------------

    def take(self, entry: Entry) -> None:
        """Note what one event of an account has moved."""
        self._unread.append(entry)

    def look(self, now_ns: int) -> None:
        """Read what was noted, at the end of a step, if the last reading is long enough ago."""
        if self._unread and now_ns >= self._read_due_ns:
            self.read(now_ns)

    def read(self, now_ns: int) -> None:
        """Read what was noted, and follow every sum that it moved."""
        self._read_due_ns = now_ns + READ_NS
        for entry in self._unread:
            for key, amount in self.reading.amounts(entry):
                watched = self.sums.get(key) or self._sum(key)
                watched.add(amount)
                self._touched[key] = None
            if entry.replaces:
                self._rebase(set(map(self.reading.asset, entry.moves)))
        self._recent.extend(self._unread)
        self._entries += len(self._unread)
        self._unread = []
        for key in self._touched:
            watched = self.sums[key]
            if watched.look(now_ns, self._entries):
                heapq.heappush(self._timers, (now_ns + self._settle_ns, key))
        self._touched = {}

    def note_fund(self, fund: str, change: int) -> None:
        """Take what a fund's balance is reported to have changed by for losses, in minor units."""
        self._note(("fund", fund), change)

    def note_flows(self, funds: Iterable[Fund]) -> None:
        """Take what funds were credited with and drew by us, from their first report on."""
        for fund in funds:
            flows = fund.flows
            if fund.reported_ns and flows != self._flows.get(fund.name, 0):
                self._note(("fund", fund.name), self._flows.get(fund.name, 0) - flows)
            self._flows[fund.name] = flows

    def note_fills(self, event: LiquidationFinished, missing: int) -> None:
        """Take what the fills of a liquidation that has ended miss of its total, in size units."""
        key = ("fills", event.instrument)
        self._sum(key).returns += not missing
        self._note(key, missing, account=event.account, seq=event.seq)

    def _note(self, key: Key, amount: int, *, account: str = "", seq: int = 0) -> None:
        """Note what moves one sum alone."""
        if amount:
            self._unread.append(Entry(account or key[1], seq, [(key, amount)], replaces=False))

    def rebase(self, assets: Iterable[str], now_ns: int) -> None:
        """Judge the pnl of assets from here on: what they were worth has changed."""
        self.read(now_ns)
        self.reading.forget_meanings()
        self._rebase(set(assets))

    def _rebase(self, assets: Set[str]) -> None:
        for key in self.sums:
            if key[0] == "pnl" and key[1].partition("/")[0] in assets:
                self.sums[key].settle(self._entries)

    def forget_instrument(self, name: str, settlement: str, now_ns: int) -> None:
        """Forget the sums of an instrument that is no more."""
        self.rebase([settlement], now_ns)
        for key in (("open_interest", name), ("fills", name), ("pnl", f"{settlement}/{name}")):
            self.sums.pop(key, None)
        self._recent = deque(
            (entry for entry in self._recent if all(move[0] != name for move in entry.moves)),
            maxlen=RECENT_MAX,
        )

    def _sum(self, key: Key) -> WatchedSum:
        found = self.sums.get(key)
        if found is None:
            found = self.sums[key] = self._new(key)
        return found

    def _new(self, key: Key) -> WatchedSum:
        if key[0] == "pnl":
            floor = self.reading.finest(key[1].partition("/")[0])
            return WatchedSum(round(self.settings.pnl_tolerance_ratio * BILLION), floor)
        return WatchedSum()

    # --- judging --------------------------------------------------------------------------

    def next_timer(self) -> Timer | None:
        """Return when a sum may have been off for too long, or what was noted is to be read."""
        if self._unread:
            return self._read_due_ns, "audit", READING
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
        """Judge a sum that has been off for `settle_s`, unless what was not read yet ends that."""
        if key == READING:
            self.read(now_ns)
            return []
        heapq.heappop(self._timers)
        self.read(now_ns)
        watched = self.sums[key]
        is_off = watched.since_ns is not None and watched.since_ns + self._settle_ns <= now_ns
        if not is_off or key[0] == "funding":  # a venue takes its time to pay everybody
            return []
        return self._judge(key, now_ns, is_armed=self._is_armed(watched))

    def audit_point(self, now_ns: int) -> list[ConservationViolated]:
        """Judge every sum: the venue says that both sides of everything are here."""
        self.read(now_ns)
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
        if check == "pnl" and instrument and asset in self.reading.unnamed:
            watched.settle(self._entries)
            return []
        if not is_armed:
            if check in LEARNED and self.settings.arm == "auto":
                watched.learn(self._entries)
            return []
        watched.violations += 1
        told = self._violation(key, watched, now_ns)
        watched.settle(self._entries)
        return [told]

    def _violation(self, key: Key, watched: WatchedSum, now_ns: int) -> ConservationViolated:
        contributions, forgotten = self._contributions(key, watched.since_entry)
        order = sorted(contributions, key=lambda one: (-abs(one.amount), one.account.encode()))
        told = order[:TOLD_MAX]
        unit = self.unit(key)
        return ConservationViolated(
            event_ns=now_ns,
            rule="audit",
            suspect=any(self.is_suspect(one.account) for one in order),
            check=key[0],
            scope=key[1],
            difference=rounded_text(watched.difference * unit),
            accounts=[one.account for one in told],
            left_out=len(order) - len(told) + forgotten,
            contributions=[
                Contributor(
                    account=one.account,
                    amount=rounded_text(one.amount * unit),
                    events=one.events,
                    first_seq=one.first_seq,
                    last_seq=one.last_seq,
                )
                for one in told
            ],
        )

    def _contributions(self, key: Key, since_entry: int) -> tuple[list[Contribution], int]:
        """Return what accounts added to a sum since an entry, and how many entries are forgotten.

        Looked for among the newest RECENT_MAX.
        """
        wanted = self._entries - since_entry
        kept = min(wanted, len(self._recent))
        found: dict[str, Contribution] = {}
        for entry in islice(self._recent, len(self._recent) - kept, None):
            amount = sum(amount for moved, amount in self.reading.amounts(entry) if moved == key)
            if amount:
                own = found.get(entry.account)
                if own is None:
                    own = found[entry.account] = Contribution(entry.account, entry.seq)
                own.add(amount, entry.seq)
        return list(found.values()), wanted - kept

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

    # --- state ----------------------------------------------------------------------------

    def export_state(self) -> dict[str, Any]:
        """Return everything as plain values, in a canonical order."""
        return {
            "sums": [[*key, self.sums[key].export_state()] for key in sorted(self.sums)],
            "audit_points": self.audit_points,
            "unnamed": sorted(self.reading.unnamed),
            "flows": [[name, str(units)] for name, units in sorted(self._flows.items())],
            "timers": [[due_ns, *key] for due_ns, key in sorted(self._timers)],
            "unread": [plain_entry(entry) for entry in self._unread],
            "recent": [plain_entry(entry) for entry in self._recent],
            "entries": self._entries,
            "read_due_ns": self._read_due_ns,
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Take what `export_state` described."""
        self.sums = {(one[0], one[1]): WatchedSum.from_state(one[2]) for one in state["sums"]}
        self.audit_points = state["audit_points"]
        self.reading.unnamed = set(state["unnamed"])
        self._flows = {name: int(units) for name, units in state["flows"]}
        self._timers = [(due_ns, (check, scope)) for due_ns, check, scope in state["timers"]]
        self._unread = [entry_from(plain) for plain in state["unread"]]
        self._recent = deque((entry_from(plain) for plain in state["recent"]), maxlen=RECENT_MAX)
        self._entries = state["entries"]
        self._read_due_ns = state["read_due_ns"]
