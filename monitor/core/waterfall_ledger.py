"""Who has paid what of every episode, layer by layer: the ledger of the waterfall.

An entry is one shortfall with the payments of all layers that were asked. It balances exactly, in
the minor unit of the shortfall's asset: account_margin + shortfall = what all payments cover +
uncovered. docs/model/waterfall.md says who owns which remainder.
"""

from collections import deque
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, Literal, TypeAlias

import msgspec

from monitor.core.amounts import exact_text, to_fraction
from monitor.core.decisions import Charge, Reduction
from monitor.core.events import Leg
from monitor.core.plain import plain

# Lines are shortfalls, payments and the accounts named in them; about 300 bytes each.
LINES_MAX = 100_000
SHORTFALLS_MAX = 100  # of one episode; what was before is in its sums
ACCOUNTS_MAX = 100  # named in one payment; the decision has all of them

Layer: TypeAlias = Literal[
    "account_margin", "liquidator_vault", "insurance_fund", "deleveraging", "socialized_loss"
]


class LayerPayment(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What one layer paid of what it was asked, in `asset`; asked = paid + left.

    `payer`: the account, vault, fund, policy or method. `covered` is what that pays of the
    loss, in the shortfall's asset. `surplus` is what whole lots collect beyond `paid`: it belongs
    to the instrument's fund, and the venue's next report of the fund has it. `reductions` and
    `charges` are the first of `accounts`.
    """

    layer: Layer
    payer: str
    asset: str
    asked: str
    paid: str
    left: str
    covered: str
    surplus: str = "0"
    accounts: int = 0
    reductions: tuple[Reduction, ...] = ()
    charges: tuple[Charge, ...] = ()


class BorneShortfall(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One shortfall and who bore it: account_margin + shortfall = sum of `covered` + uncovered.

    `account_margin` is the equity of the unit when the first of the liquidations began that were
    open on it, "0" for a later shortfall of the episode; null if that is not known, and 0 in the
    sum then. `rounding` is what conversions into other assets added, in `asset`; the layer that
    pays last bears it.
    """

    liquidation_id: str
    event_ns: int
    instrument: str
    leg: Leg
    asset: str
    account_margin: str | None
    shortfall: str
    payments: tuple[LayerPayment, ...]
    uncovered: str
    rounding: str

    @property
    def lines(self) -> int:
        """Return how many lines of the ledger this takes."""
        named = (len(each.reductions) + len(each.charges) for each in self.payments)
        return 1 + len(self.payments) + sum(named)


class EpisodeTotals(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The sums over all shortfalls of an episode in one asset; `covered` by layer."""

    asset: str
    account_margin: str
    shortfall: str
    covered: dict[Layer, str]
    uncovered: str


class WaterfallEpisode(msgspec.Struct, frozen=True, kw_only=True):
    """One episode of a margin unit, from its first shortfall to the newest.

    `closed_ns` is null while the unit is under water. `complete`: all its shortfalls are in the
    sums. `shortfalls_left_out`: how many older ones are in the sums alone.
    """

    episode_id: str
    account: str
    complete: bool
    first_event_ns: int
    last_event_ns: int
    closed_ns: int | None
    totals: tuple[EpisodeTotals, ...]
    shortfalls: tuple[BorneShortfall, ...]
    shortfalls_left_out: int


@dataclass(slots=True)
class _Sums:
    """The sums of one asset."""

    account_margin: Fraction = Fraction(0)
    shortfall: Fraction = Fraction(0)
    uncovered: Fraction = Fraction(0)
    covered: dict[Layer, Fraction] = field(default_factory=dict)

    def add(self, entry: BorneShortfall) -> None:
        """Add a shortfall and its payments."""
        self.account_margin += to_fraction(entry.account_margin or "0")
        self.shortfall += to_fraction(entry.shortfall)
        self.uncovered += to_fraction(entry.uncovered)
        for payment in entry.payments:
            before = self.covered.get(payment.layer, Fraction(0))
            self.covered[payment.layer] = before + to_fraction(payment.covered)

    def totals(self, asset: str) -> EpisodeTotals:
        """Return the sums in decimals."""
        return EpisodeTotals(
            asset=asset,
            account_margin=exact_text(self.account_margin),
            shortfall=exact_text(self.shortfall),
            covered={layer: exact_text(self.covered[layer]) for layer in sorted(self.covered)},
            uncovered=exact_text(self.uncovered),
        )

    @classmethod
    def of(cls, totals: EpisodeTotals) -> "_Sums":
        """Return the sums that `totals` told."""
        return cls(
            account_margin=to_fraction(totals.account_margin),
            shortfall=to_fraction(totals.shortfall),
            uncovered=to_fraction(totals.uncovered),
            covered={layer: to_fraction(text) for layer, text in totals.covered.items()},
        )


@dataclass(slots=True)
class _Episode:
    """One episode as it grows."""

    account: str
    complete: bool
    first_event_ns: int
    last_event_ns: int = 0
    closed_ns: int | None = None
    left_out: int = 0
    lines: int = 0
    sums: dict[str, _Sums] = field(default_factory=dict)
    shortfalls: deque[BorneShortfall] = field(default_factory=deque)

    def add(self, entry: BorneShortfall, now_ns: int) -> None:
        """Add a shortfall; of too many the oldest stays in the sums alone."""
        self.last_event_ns = now_ns
        self.shortfalls.append(entry)
        self.lines += entry.lines
        self.sums.setdefault(entry.asset, _Sums()).add(entry)
        if len(self.shortfalls) > SHORTFALLS_MAX:
            self.lines -= self.shortfalls.popleft().lines
            self.left_out += 1

    def report(self, identity: str) -> WaterfallEpisode:
        """Return the episode as it is now."""
        return WaterfallEpisode(
            episode_id=identity,
            account=self.account,
            complete=self.complete,
            first_event_ns=self.first_event_ns,
            last_event_ns=self.last_event_ns,
            closed_ns=self.closed_ns,
            totals=tuple(self.sums[asset].totals(asset) for asset in sorted(self.sums)),
            shortfalls=tuple(self.shortfalls),
            shortfalls_left_out=self.left_out,
        )


class WaterfallLedger:
    """The episodes that have had a shortfall, by id, bounded to LINES_MAX lines.

    Beyond that those that closed first are forgotten first, then the oldest open ones.
    """

    def __init__(self) -> None:
        """Begin empty."""
        self._episodes: dict[str, _Episode] = {}
        self._closed: dict[str, None] = {}  # in the order in which they closed
        self.lines = 0
        self.forgotten = 0

    def add(
        self, identity: str, account: str, entry: BorneShortfall, now_ns: int, *, is_first: bool
    ) -> None:
        """Enter a shortfall that all layers have been asked for.

        `is_first`: of its episode. An account that was closed and opened again counts its episodes
        from 1 again; the older one of that name is forgotten.
        """
        if is_first and identity in self._episodes:
            self._forget(identity)
        episode = self._episodes.get(identity)
        if episode is None:
            episode = self._episodes[identity] = _Episode(account, is_first, now_ns)
        self.lines -= episode.lines
        episode.add(entry, now_ns)
        self.lines += episode.lines
        while self.lines > LINES_MAX and len(self._episodes) > 1:
            self._forget(self._oldest(identity))

    def close(self, identity: str, now_ns: int) -> None:
        """Note that an episode has ended; nothing, if it had no shortfall."""
        episode = self._episodes.get(identity)
        if episode is not None and episode.closed_ns is None:
            episode.closed_ns = now_ns
            self._closed[identity] = None

    def episode(self, identity: str) -> WaterfallEpisode | None:
        """Return one episode, None if it is unknown or forgotten."""
        episode = self._episodes.get(identity)
        return None if episode is None else episode.report(identity)

    def _oldest(self, newest: str) -> str:
        """Return the one to be forgotten first, never the newest."""
        candidates = (each for part in (self._closed, self._episodes) for each in part)
        return next(each for each in candidates if each != newest)

    def _forget(self, identity: str) -> None:
        self.lines -= self._episodes.pop(identity).lines
        self._closed.pop(identity, None)
        self.forgotten += 1

    # --- state ----------------------------------------------------------------------------

    def export_state(self) -> dict[str, Any]:
        """Return everything as plain values: what is in the sums too."""
        return {
            "episodes": [
                plain(episode.report(identity)) for identity, episode in self._episodes.items()
            ],
            "closed": list(self._closed),
            "forgotten": self.forgotten,
        }

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> "WaterfallLedger":
        """Return the ledger that `export_state` described."""
        ledger = cls()
        for told in msgspec.convert(state["episodes"], list[WaterfallEpisode]):
            episode = _Episode(
                account=told.account,
                complete=told.complete,
                first_event_ns=told.first_event_ns,
                last_event_ns=told.last_event_ns,
                closed_ns=told.closed_ns,
                left_out=told.shortfalls_left_out,
                lines=sum(entry.lines for entry in told.shortfalls),
                sums={totals.asset: _Sums.of(totals) for totals in told.totals},
                shortfalls=deque(told.shortfalls),
            )
            ledger._episodes[told.episode_id] = episode
            ledger.lines += episode.lines
        ledger._closed = dict.fromkeys(state["closed"])
        ledger.forgotten = state["forgotten"]
        return ledger
