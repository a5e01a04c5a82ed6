"""The start: from the newest snapshot to the end of the log, waiting for Kafka if need be."""

import asyncio
from dataclasses import dataclass

import structlog
from aiokafka import TopicPartition

from monitor.app.state import StateDirectory
from monitor.config import Configuration
from monitor.runtime.backoff import Backoff
from monitor.runtime.notify import Notifier
from monitor.runtime.vitals import Vitals
from monitor.streams.broker import BROKER_ERRORS
from monitor.streams.journal import Journal
from monitor.streams.recovery import Recovered, recover
from monitor.streams.retention import check_retention
from monitor.streams.shard import Shard
from monitor.streams.topics import ensure_topics, own_partitions

START_RETRY_CAP_S = 2.0

log = structlog.get_logger(__name__)


@dataclass(frozen=True, kw_only=True)
class Start:
    """What a start needs; `create_topics`: make those that are missing."""

    configuration: Configuration
    journal: Journal
    vitals: Vitals
    notifier: Notifier
    create_topics: bool

    async def run(self, state: StateDirectory) -> tuple[Shard, Recovered]:
        """Return the shard as the log leaves it, leading; tries until the broker is there."""
        backoff = Backoff(self.vitals.clock, cap_s=START_RETRY_CAP_S)
        snapshot = await asyncio.to_thread(state.load)
        kept = await asyncio.to_thread(state.kept_places)
        for skipped in snapshot.skipped if snapshot else ():
            log.warning("snapshot_skipped", path=str(skipped.path), reason=skipped.reason)
        while True:
            try:
                present = await self._ensure_topics()
                await check_retention(self.configuration.kafka, kept)
                shard = await asyncio.to_thread(state.restore, snapshot)
                recovered = await recover(
                    self.configuration.kafka,
                    shard,
                    self.journal,
                    inputs=self._inputs(present),
                )
            except BROKER_ERRORS as error:
                self._wait_for_kafka(error)
            else:
                self.vitals.health.set("recovery", is_ok=True)
                self.vitals.measurements.set_to("loss_monitor_leader_epoch", shard.epoch)
                log.info(
                    "recovered",
                    epoch=shard.epoch,
                    log_offset=shard.log_offset,
                    batches=recovered.batches,
                    snapshot=str(snapshot.path) if snapshot else None,
                )
                return shard, recovered
            await asyncio.sleep(backoff.next_delay_s())

    async def _ensure_topics(self) -> dict[str, int]:
        return await ensure_topics(
            self.configuration.kafka,
            shards=self.configuration.service.shards,
            create=self.create_topics,
        )

    def _wait_for_kafka(self, error: BaseException) -> None:
        servers = self.configuration.kafka.bootstrap_servers
        detail = f"expected Kafka at {servers}, received {error!r}; trying again"
        self.vitals.measurements.increase("loss_monitor_kafka_errors_total")
        self.vitals.measurements.set_to("loss_monitor_kafka_connected", 0)
        self.vitals.health.set("recovery", detail, is_ok=False)
        self.notifier.status(detail)
        log.warning("waiting_for_kafka", servers=servers, error=repr(error))

    def _inputs(self, present: dict[str, int]) -> list[TopicPartition]:
        """Return the partitions that this shard reads."""
        topics, service = self.configuration.kafka.topics, self.configuration.service
        own = own_partitions(
            shard=service.shard,
            shards=service.shards,
            accounts_partitions=present[topics.accounts],
        )
        return [
            TopicPartition(topics.market, 0),
            *(TopicPartition(topics.accounts, number) for number in own),
        ]
