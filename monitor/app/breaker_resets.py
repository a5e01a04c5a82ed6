"""Resets that the API was asked for, into the market topic."""

import asyncio
from collections.abc import Callable

import structlog

from monitor.api.breaker_resets import (
    NotRecordedError,
    ResetRecord,
    ResetRequest,
    UnknownBreakerError,
)
from monitor.config import Configuration
from monitor.core.events import BreakerReset
from monitor.runtime.clock import Clock
from monitor.streams.outbox import Outbox, market_record

RECORDED_WITHIN_S = 5.0

log = structlog.get_logger(__name__)


class BreakerResets:
    """Writes resets where every shard reads them; `configuration` returns the one in force."""

    def __init__(
        self, outbox: Outbox, configuration: Callable[[], Configuration], clock: Clock
    ) -> None:
        self._outbox = outbox
        self._configuration = configuration
        self._clock = clock

    async def reset(self, breaker: str, request: ResetRequest) -> ResetRecord:
        """Return what is recorded; raises UnknownBreakerError or NotRecordedError."""
        configuration = self._configuration()
        names = [settings.name for settings in configuration.breakers]
        if breaker not in names:
            raise UnknownBreakerError(
                f"a configured breaker ({', '.join(names) or 'none is configured'})"
            )
        topic = configuration.kafka.topics.market
        event = BreakerReset(
            event_ns=self._clock.now_ns(),
            breaker=breaker,
            reason=request.reason,
            by=request.by,
            scope=request.scope,
        )
        try:
            async with asyncio.timeout(RECORDED_WITHIN_S):
                await self._outbox.send(topic, [market_record(event)], partition=0)
        except TimeoutError as error:
            log.warning("breaker_reset_not_recorded", breaker=breaker, by=request.by)
            raise NotRecordedError(
                f"the market topic to take the reset within {RECORDED_WITHIN_S:g} s"
            ) from error
        log.info("breaker_reset_recorded", breaker=breaker, scope=request.scope, by=request.by)
        return ResetRecord(
            breaker=breaker,
            scope=request.scope,
            reason=request.reason,
            by=request.by,
            event_ns=event.event_ns,
            topic=topic,
        )
