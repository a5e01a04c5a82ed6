"""What the mirror should hold: the live state, merged from the engine's batches.

Pure values. `LiveState.merge` takes a batch in without touching anything outside, so the engine's
task may call it; a mirror asks later, in its own time, what has changed. Values are texts as
other programs read them: decimals without exponent, times in integer nanoseconds, and a field
that does not exist is absent.
"""

import math
from collections import deque
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import NamedTuple, TypeAlias

import msgspec

from monitor.core.lights import LightChange
from monitor.core.view import AccountView, BreakerView, FundView, RiskView

DECISIONS_MAX = 10_000
LIGHTS_MAX = 100_000
RANKS_MAX = 1_000
STANDING_STATES = frozenset({"margin_call", "liquidatable", "bankrupt"})
_SEVERITY = {"armed": 0, "cooling": 1, "tripped": 2}

Fields: TypeAlias = dict[str, str]
Queue: TypeAlias = tuple[str, str]  # instrument, side


class MirrorBatch(msgspec.Struct, frozen=True, kw_only=True):
    """What one acknowledged batch changed.

    `log_offset`: the offset of its `batch_applied`. `accounts`: those that changed (all of them,
    once, after a start). `decisions`: as they stand in the log, in order. `deleveraging`: per
    (instrument, side) the accounts in the order of deleveraging, first to go first; a queue that
    is not named stays as it was. `lights`: positions whose light has changed. `worst`: the accounts
    nearest to liquidation, None: as before. `is_whole`: whether every account has been told since
    the start.
    """

    epoch: int
    log_offset: int
    view: RiskView
    accounts: Sequence[AccountView] = ()
    closed_accounts: Sequence[str] = ()
    decisions: Sequence[bytes] = ()
    deleveraging: Mapping[Queue, Sequence[str]] = {}
    lights: Sequence[LightChange] = ()
    worst: Sequence[str] | None = None
    is_whole: bool = True


class DecisionEntry(msgspec.Struct, frozen=True):
    """A decision for the stream, with the log offset of its batch."""

    log_offset: int
    text: bytes


class LightEntry(NamedTuple):
    """A change of a light for the stream, and the engine time of the view beside it."""

    event_ns: int
    change: LightChange


class LiveState:
    """The merged state, and which accounts changed since somebody last asked."""

    def __init__(self, *, worst_accounts: int = 1_000) -> None:
        self._worst_accounts = worst_accounts
        self.version = 0  # grows with every batch
        self.epoch = -1
        self.log_offset = -1
        self.view = RiskView()
        self.accounts: dict[str, AccountView] = {}
        self.unknown: set[str] = set()
        self.deleveraging: dict[Queue, tuple[str, ...]] = {}
        self.decisions: deque[DecisionEntry] = deque(maxlen=DECISIONS_MAX)
        self.lights: deque[LightEntry] = deque(maxlen=LIGHTS_MAX)
        self.is_whole = False
        self._standing: set[str] = set()
        self._worst: frozenset[str] = frozenset()
        self._changed: set[str] = set()

    def merge(self, batch: MirrorBatch) -> None:
        """Take a batch in; batches come in the order of the log."""
        self.version += 1
        self.epoch = batch.epoch
        self.log_offset = batch.log_offset
        if batch.view is not self.view:  # an old view may show what has changed since
            self.view = batch.view
            for account in batch.view.worst:
                self._put(account)
        for account in batch.accounts:
            self._put(account)
        for name in batch.closed_accounts:
            self._remove(name)
        self.is_whole = batch.is_whole
        if batch.worst is not None:
            self._worst = frozenset(batch.worst)
        for queue, names in batch.deleveraging.items():
            self.deleveraging[queue] = tuple(names[:RANKS_MAX])
        self.decisions.extend(DecisionEntry(batch.log_offset, text) for text in batch.decisions)
        self.lights.extend(LightEntry(batch.view.engine_ns, change) for change in batch.lights)

    def take_changed(self) -> set[str]:
        """Return the accounts put or removed since the last call."""
        changed, self._changed = self._changed, set()
        return changed

    def put_back(self, changed: set[str]) -> None:
        """Note again that these accounts changed: they could not be written."""
        self._changed |= changed

    def take_lights(self) -> list[LightEntry]:
        """Return the changes of lights since the last call: told once, even if they get lost."""
        lights = list(self.lights)
        self.lights.clear()
        return lights

    def at_risk(self) -> dict[str, float]:
        """Return the scores of the worst accounts: those told, the view's, all in a bad state."""
        names = self._standing | self._worst | {account.account for account in self.view.worst}
        scores = {
            name: score
            for name in names
            if name in self.accounts and (score := self.accounts[name].risk_score)
        }
        if len(scores) <= self._worst_accounts:
            return scores
        worst = sorted(scores.items(), key=lambda item: (-item[1], item[0]))
        return dict(worst[: self._worst_accounts])

    def named_fields(self) -> dict[str, Fields]:
        """Return the hashes of breakers and funds by key, without the prefix."""
        breakers: dict[str, list[BreakerView]] = {}
        for breaker in self.view.breakers:
            breakers.setdefault(breaker.breaker, []).append(breaker)
        hashes = {f"breaker:{name}": breaker_fields(group) for name, group in breakers.items()}
        hashes.update({f"fund:{fund.fund}": fund_fields(fund) for fund in self.view.funds})
        return hashes

    def _put(self, account: AccountView) -> None:
        name = account.account
        if self.accounts.get(name) == account:
            return
        self.accounts[name] = account
        self._changed.add(name)
        for names, belongs in (
            (self.unknown, account.state == "unknown"),
            (self._standing, account.state in STANDING_STATES),
        ):
            (names.add if belongs else names.discard)(name)

    def _remove(self, name: str) -> None:
        if self.accounts.pop(name, None) is not None:
            self._changed.add(name)
        self.unknown.discard(name)
        self._standing.discard(name)


def account_fields(account: AccountView) -> Fields:
    """Return the hash of an account; amounts that do not exist are absent."""
    amounts = {
        "equity": account.equity,
        "initial_margin": account.initial_margin,
        "maintenance_margin": account.maintenance_margin,
        "margin_ratio": account.margin_ratio,
        "free_collateral": account.free_collateral,
        "withdrawable": account.withdrawable,
    }
    return {"state": account.state, "updated_ns": str(account.updated_ns)} | _texts(amounts)


ACCOUNT_FIELDS = (
    *("state", "updated_ns", "equity", "initial_margin", "maintenance_margin"),
    *("margin_ratio", "free_collateral", "withdrawable"),
)


def fund_fields(fund: FundView) -> Fields:
    """Return the hash of an insurance fund."""
    amounts = {
        "balance": fund.balance,
        "balance_usd": fund.balance_usd,
        "drawn": fund.drawn,
        "credited": fund.credited,
        "uncovered": fund.uncovered,
        "shortfall_usd": fund.shortfall_usd,
        "socialized_loss_usd": fund.socialized_loss_usd,
        "inventory_loss_usd": fund.inventory_loss_usd,
        "inventory_gain_usd": fund.inventory_gain_usd,
        "inventory_notional_usd": fund.inventory_notional_usd,
    }
    return {"asset": fund.asset, "updated_ns": str(fund.updated_ns)} | _texts(amounts)


def breaker_fields(group: Sequence[BreakerView]) -> Fields:
    """Return the hash of a breaker: its worst scope, and all scopes as JSON in `scopes`."""
    worst = max(group, key=lambda each: (_SEVERITY[each.state], each.changed_ns))
    fields = {
        "kind": worst.kind,
        "action": worst.action,
        "state": worst.state,
        "scope": worst.scope,
        "extended": str(worst.extended),
        "changed_ns": str(worst.changed_ns),
        **_texts({"measured": worst.measured, "limit": worst.limit}),
    }
    scopes = [
        {
            "scope": each.scope,
            "state": each.state,
            "measured": None if each.measured is None else decimal_text(each.measured),
            "limit": decimal_text(each.limit),
            "extended": each.extended,
            "changed_ns": each.changed_ns,
        }
        for each in sorted(group, key=lambda each: each.scope)
    ]
    return fields | {"scopes": msgspec.json.encode(scopes).decode()}


def decimal_text(value: float) -> str:
    """Return a finite float as the shortest exact decimal, without exponent: 1e-07 -> 0.0000001."""
    text = repr(value)
    if "e" in text:
        text = format(Decimal(text), "f")
    return text.removesuffix(".0")


def _texts(amounts: Mapping[str, float | None]) -> Fields:
    return {
        name: decimal_text(value)
        for name, value in amounts.items()
        if value is not None and math.isfinite(value)
    }
