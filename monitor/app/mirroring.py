"""What the mirror in Redis is told: the accounts that changed, a few times a second.

Looking at an account costs the writer time, so a turn looks at a limited number of them and the
rest wait for the next turns: together they take at most a tenth of the writer's time. The worst
accounts are never late: every view has them.
"""

from itertools import islice
from typing import Protocol

from monitor.app.view_holder import ViewHolder
from monitor.core.decisions import Side
from monitor.core.engine import RiskEngine
from monitor.runtime.clock import Clock
from monitor.store.live_state import RANKS_MAX, MirrorBatch, Queue
from monitor.streams.codec import encode_record
from monitor.streams.shard import Applied, Shard

ACCOUNTS_PER_TURN_MAX = 200
SIDES: tuple[Side, ...] = ("long", "short")
SHARE_MAX = 0.1


class Mirror(Protocol):
    """Takes batches in without waiting: the mirror in Redis."""

    def update(self, batch: MirrorBatch) -> None:
        """Merge what has changed."""
        ...


class MirrorFeeder:
    """Collects what the log has acknowledged and tells the mirror every `interval_s`."""

    def __init__(
        self,
        mirror: Mirror,
        shard: Shard,
        views: ViewHolder,
        *,
        interval_s: float,
        clock: Clock,
    ) -> None:
        self._mirror = mirror
        self._shard = shard
        self._views = views
        self._interval_s = interval_s
        self._clock = clock
        self._due_s = clock.monotonic_s()
        self._waiting: dict[str, None] = {}
        self._decisions: list[bytes] = []
        self._has_news = True
        self._turn = 0

    def tell_all(self, engine: RiskEngine) -> None:
        """Tell every account once: after a start the mirror knows nothing."""
        engine.take_changed_accounts()
        self._tell(engine, engine.account_ids())

    def observe(self, applied: Applied | None) -> None:
        """Note a batch, and tell the mirror if it is time."""
        if applied is not None:
            self._has_news = True
            self._decisions.extend(encode_record(each) for each in applied.decisions)
        started_s = self._clock.monotonic_s()
        if not self._has_news or started_s < self._due_s:
            return
        engine = self._shard.engine
        assert isinstance(engine, RiskEngine), "expected a RiskEngine in the shard"
        self._waiting.update(dict.fromkeys(sorted(engine.take_changed_accounts())))
        names = list(islice(self._waiting, ACCOUNTS_PER_TURN_MAX))
        for name in names:
            del self._waiting[name]
        self._tell(engine, names)
        self._has_news = bool(self._waiting)
        ended_s = self._clock.monotonic_s()
        spent_s = (ended_s - started_s) / SHARE_MAX
        pause_s = 0.0 if self._waiting else self._interval_s
        self._due_s = ended_s + max(pause_s, spent_s)

    def _tell(self, engine: RiskEngine, names: list[str]) -> None:
        accounts, closed = [], []
        for name in names:
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
            deleveraging=self._next_queue(engine),
        )
        self._decisions, self._has_news = [], False
        self._mirror.update(batch)

    def _next_queue(self, engine: RiskEngine) -> dict[Queue, list[str]]:
        """Return one side's deleveraging queue: each turn tells the next one, round and round."""
        sides = [(name, side) for name in sorted(engine.market.instruments) for side in SIDES]
        if not sides:
            return {}
        self._turn += 1
        name, side = sides[self._turn % len(sides)]
        return {(name, side): engine.shards.queue(name, side)[:RANKS_MAX]}
