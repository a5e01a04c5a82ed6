"""What the mirror in Redis is told: the accounts that changed, a few times a second."""

from typing import Protocol

from monitor.app.view_holder import ViewHolder
from monitor.core.engine import RiskEngine
from monitor.runtime.clock import Clock
from monitor.store.live_state import MirrorBatch
from monitor.streams.codec import encode_record
from monitor.streams.shard import Applied, Shard


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
        self._told_s = clock.monotonic_s() - interval_s
        self._decisions: list[bytes] = []
        self._has_news = True

    def tell_all(self, engine: RiskEngine) -> None:
        """Tell every account once: after a start the mirror knows nothing."""
        engine.take_changed_accounts()
        self._tell(engine, set(engine.account_ids()))

    def observe(self, applied: Applied | None) -> None:
        """Note a batch, and tell the mirror if it is time."""
        if applied is not None:
            self._has_news = True
            self._decisions.extend(encode_record(each) for each in applied.decisions)
        now_s = self._clock.monotonic_s()
        if self._has_news and now_s - self._told_s >= self._interval_s:
            engine = self._shard.engine
            assert isinstance(engine, RiskEngine), f"expected a RiskEngine, received {engine}"
            self._told_s = now_s
            self._tell(engine, engine.take_changed_accounts())

    def _tell(self, engine: RiskEngine, names: set[str]) -> None:
        accounts, closed = [], []
        for name in sorted(names):
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
        )
        self._decisions, self._has_news = [], False
        self._mirror.update(batch)
