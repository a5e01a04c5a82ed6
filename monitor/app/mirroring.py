"""What the mirror in Redis is told: accounts, a few at a time, many times a second.

Looking at an account costs the writer time, so a turn looks at a limited number of them, and all
turns together take at most a fifth of the writer's time (half of it on the first tour after a
start). First come those whose state changed; then, once a second, the worst of the newest image of
the book; then in equal parts those that changed otherwise, and the next of a tour of all accounts
that never ends.
"""

import math
from collections.abc import Container
from itertools import islice
from typing import NamedTuple, Protocol

from monitor.app.view_holder import ViewHolder
from monitor.config import RedisSettings
from monitor.core.decisions import AccountDecision, Side
from monitor.core.engine import RiskEngine
from monitor.core.lights import LightBoard, LightChange
from monitor.core.winners import foremost_accounts
from monitor.runtime.clock import Clock
from monitor.store.live_state import RANKS_MAX, MirrorBatch, Queue
from monitor.streams.codec import encode_record
from monitor.streams.shard import Applied, Shard

ACCOUNTS_PER_TURN_MAX = 50
WORST_INTERVAL_S = 1.0
TOUR_MIN_S = 60.0  # a tour of all accounts takes no less
SIDES: tuple[Side, ...] = ("long", "short")
SHARE_MAX = 0.2
FIRST_SHARE_MAX = 0.5  # after a start, until every account has been told
QUEUE_SHARE_MAX = 0.05  # of the writer's time, for ranking whole sides
QUEUE_UNMOVED_S = 60.0  # a side whose mark stands still is ranked again after this
RANKING_S_MAX = 0.005  # of one turn, but for the side that it began with
LIGHTS_PER_TURN_MAX = 10_000  # that are told; the present ones the API tells


class Mirror(Protocol):
    """Takes batches in without waiting: the mirror in Redis."""

    def update(self, batch: MirrorBatch) -> None:
        """Merge what has changed."""
        ...


class MirrorFeeder:
    """Collects what the log has acknowledged and tells the mirror of it.

    A turn with news comes every `[redis] interval_s`, sooner while accounts wait.
    """

    def __init__(
        self,
        mirror: Mirror,
        shard: Shard,
        views: ViewHolder,
        *,
        settings: RedisSettings,
        clock: Clock,
    ) -> None:
        self._mirror = mirror
        self._shard = shard
        self._views = views
        self._settings = settings
        self._clock = clock
        self._due_s = self._worst_due_s = clock.monotonic_s()
        self._urgent: dict[str, None] = {}
        self._waiting: dict[str, None] = {}
        self._decisions: list[bytes] = []
        self._has_news = True
        self._tour = Tour(clock)
        self._queues = Queues()

    def begin(self, engine: RiskEngine) -> None:
        """Begin after a start: the mirror knows nothing, the first tour tells it every account."""
        engine.take_changed_accounts()
        names = self._tour.next(engine, ACCOUNTS_PER_TURN_MAX)
        self._tell(engine, names, None, self._rank(engine))

    def observe(self, applied: Applied | None) -> None:
        """Note a batch, and tell the mirror if it is time."""
        if applied is not None:
            self._has_news = True
            self._decisions.extend(encode_record(each) for each in applied.decisions)
            self._hurry(applied)
        started_s = self._clock.monotonic_s()
        if started_s < self._due_s:
            return
        engine = self._shard.engine
        assert isinstance(engine, RiskEngine), "expected a RiskEngine in the shard"
        worst = None
        if started_s >= self._worst_due_s:
            worst = worst_of_image(engine, self._settings.worst_accounts)
            self._urgent |= dict.fromkeys(worst or ())
            self._worst_due_s = started_s + WORST_INTERVAL_S
        waits = self._urgent or self._waiting
        if not (self._has_news or waits or self._tour.is_due()):
            return
        self._waiting |= dict.fromkeys(sorted(engine.take_changed_accounts()))
        ranked = self._rank(engine)
        queued_s = self._clock.monotonic_s()
        self._tell(engine, self._next_names(engine), worst, ranked)
        ended_s = self._clock.monotonic_s()
        is_behind = self._urgent or self._waiting or self._tour.is_due()
        pause_s = 0.0 if is_behind else self._settings.interval_s
        share = FIRST_SHARE_MAX if self._tour.is_first else SHARE_MAX
        self._due_s = ended_s + max(pause_s, (ended_s - queued_s) * (1 / share - 1))

    def _hurry(self, applied: Applied) -> None:
        """Let the accounts whose state changed come first, the newest before the others."""
        changed = [one.account for one in applied.decisions if isinstance(one, AccountDecision)]
        if changed:
            self._urgent = dict.fromkeys(changed) | self._urgent

    def _next_names(self, engine: RiskEngine) -> list[str]:
        """Return whom this turn looks at, and let them wait no longer."""
        names = _taken(self._urgent, ACCOUNTS_PER_TURN_MAX)
        room = ACCOUNTS_PER_TURN_MAX - len(names)
        others = _taken(self._waiting, (room + 1) // 2 if self._tour.is_due() else room)
        tour = self._tour.next(engine, room - len(others)) if self._tour.is_due() else []
        return [*dict.fromkeys([*names, *others, *tour])]

    def _tell(
        self,
        engine: RiskEngine,
        names: list[str],
        worst: list[str] | None,
        ranked: "Ranked",
    ) -> None:
        accounts, closed = [], []
        for name in names:
            self._waiting.pop(name, None)
            view = engine.account_view(name)
            if view is None:
                closed.append(name)
            else:
                accounts.append(view)
        batch = MirrorBatch(
            epoch=self._shard.epoch,
            log_offset=self._shard.batch_offset,
            view=self._views.view,
            accounts=accounts,
            closed_accounts=closed,
            decisions=self._decisions,
            deleveraging=ranked.queues,
            lights=ranked.changes,
            worst=worst,
            is_whole=not self._tour.is_first,
        )
        self._decisions, self._has_news = [], False
        self._mirror.update(batch)

    def _rank(self, engine: RiskEngine) -> "Ranked":
        """Rank the next sides while their share of the time lasts, one at least when it is due."""
        return self._queues.rank(engine, self._clock)


class Ranked(NamedTuple):
    """What was ranked in a turn: the foremost of some sides, and whose light has changed."""

    queues: dict[Queue, list[str]]
    changes: list[LightChange]


class Queues:
    """Ranks the sides of all instruments, round and round: those whose mark has moved.

    All rankings together take at most QUEUE_SHARE_MAX of the time.
    """

    def __init__(self) -> None:
        self._board = LightBoard()
        self._ranked: dict[Queue, tuple[str | None, float]] = {}  # at which mark, and when
        self._turn = 0
        self._due_s = -math.inf

    def rank(self, engine: RiskEngine, clock: Clock) -> Ranked:
        """Return what is due now."""
        began_s, ranked = clock.monotonic_s(), Ranked({}, [])
        if began_s < self._due_s:
            return ranked
        sides = [(name, side) for name in sorted(engine.market.instruments) for side in SIDES]
        self._forget(engine.market.instruments)
        for _ in sides:
            now_s = clock.monotonic_s()
            if now_s - began_s > RANKING_S_MAX:
                break
            self._turn += 1
            name, side = sides[self._turn % len(sides)]
            quote = engine.market.marks.get(name)
            mark = None if quote is None else quote.text
            last_mark, last_s = self._ranked.get((name, side), (None, -math.inf))
            if mark != last_mark or now_s - last_s >= QUEUE_UNMOVED_S:
                self._ranked[name, side] = mark, now_s
                parts = engine.shards.scored(name, side)
                ranked.queues[name, side] = foremost_accounts(parts, RANKS_MAX)
                ranked.changes.extend(self._board.tell(name, side, parts) if parts else [])
        ended_s = clock.monotonic_s()
        self._due_s = ended_s + (ended_s - began_s) * (1 / QUEUE_SHARE_MAX - 1)
        del ranked.changes[LIGHTS_PER_TURN_MAX:]
        return ranked

    def _forget(self, listed: Container[str]) -> None:
        """Forget the sides of instruments that are no more."""
        gone = [queue for queue in self._ranked if queue[0] not in listed]
        for queue in gone:
            del self._ranked[queue]
            self._board.forget(queue)


class Tour:
    """Goes through all accounts, shard by shard, row by row, and begins again."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._part = self._row = 0
        self._began_s = clock.monotonic_s()
        self.is_first = True  # whether the first one is not over

    def is_due(self) -> bool:
        """Return whether it may go on: a new one begins when the last began long enough ago."""
        is_new = not self._part and not self._row and not self.is_first
        return not is_new or self._clock.monotonic_s() - self._began_s >= TOUR_MIN_S

    def next(self, engine: RiskEngine, count: int) -> list[str]:
        """Return the next accounts, at most `count`."""
        if not self._part and not self._row:
            self._began_s = self._clock.monotonic_s()
        names: list[str] = []
        parts = engine.shards.engines
        while len(names) < count:
            found, self._row = parts[self._part].ledger.names_from(self._row, count - len(names))
            names += found
            if not self._row:
                self._part = (self._part + 1) % len(parts)
                if not self._part:
                    self.is_first = False
                    break
        return names


def worst_of_image(engine: RiskEngine, count: int) -> list[str] | None:
    """Return the `count` worst accounts of every shard in the newest image; None without images."""
    names: list[str] = []
    for part in engine.shards.engines:
        if part.watchlist.worst_of_image is None:
            return None
        look = part.margin_units.look
        names += [look(unit).account.name for unit in islice(part.watchlist.worst_of_image, count)]
    return names


def _taken(waiting: dict[str, None], count: int) -> list[str]:
    """Return the first names that wait, and let them wait no longer."""
    names = [*islice(waiting, count)]
    for name in names:
        del waiting[name]
    return names
