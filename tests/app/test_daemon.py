"""The daemon from start to stop, on a real broker, inside the test."""

import asyncio
import secrets
import socket
from pathlib import Path

import httpx
import msgspec
import pytest
from aiokafka import TopicPartition
from redis.asyncio import Redis

from monitor.api.server import ListenError
from monitor.app.state import StateError
from monitor.config import KafkaSettings
from monitor.core.events import ConfigurationChanged
from monitor.store.snapshot import SnapshotStore
from monitor.streams.codec import BATCH_APPLIED, decode_batch, decode_header
from monitor.streams.journal import LeadershipLostError
from monitor.streams.log import RetentionError
from monitor.streams.receiver import DecisionReceiver
from monitor.streams.topics import TopicError
from tests.api.crash_waterfall import story
from tests.app.app_access import RunningApp, running_app
from tests.services import MakeTopics, StartRedis
from tests.topic_access import (
    forget,
    opening,
    present_journal,
    read_topic,
    read_values,
    trading,
    wait_until,
    write_events,
    write_records,
)

pytestmark = pytest.mark.service
ACCOUNTS = 10


async def applied(running: RunningApp, events: int) -> None:
    """Return when the engine was given so many events that came from the topics."""
    app = running.app

    def enough() -> bool:
        shard = app.shard
        return shard is not None and shard.events_given - shard.locals_applied >= events

    await wait_until(enough, what=f"{events} events applied")


async def test_events_become_decisions_in_the_log_a_view_and_a_snapshot(
    settings: KafkaSettings, tmp_path: Path
) -> None:
    journal = present_journal()
    events = opening(journal, accounts=ACCOUNTS)
    events += trading(journal, steps=50, accounts=ACCOUNTS, seed=5)
    async with running_app(settings, tmp_path) as running:
        await running.ready()
        await write_events(settings, events)
        await applied(running, len(events))
        await wait_until(lambda: running.app.views.view.accounts, what="a view")
        await running.stop()
    receiver = DecisionReceiver()
    values = await read_values(settings, settings.topics.decisions)
    decisions = [each for value in values if (each := receiver.receive(value))]
    assert {each["type"] for each in decisions} >= {"account_liquidatable"}
    assert all(each["configuration_hash"] and each["epoch"] == 1 for each in decisions)
    assert receiver.heartbeat_ns > 0
    snapshot = SnapshotStore(tmp_path / "state" / "snapshots").load_newest()
    assert snapshot is not None
    assert snapshot.header.log_offset == len(values)


async def test_silence_moves_the_engine_s_clock_once_a_second(
    settings: KafkaSettings, tmp_path: Path
) -> None:
    async with running_app(settings, tmp_path) as running:
        await running.ready()
        before_ns = running.app.vitals.clock.now_ns()
        await wait_until(
            lambda: running.app.views.view.engine_ns > before_ns, what="engine time moving"
        )


async def test_what_cannot_be_applied_is_quarantined_with_its_place(
    settings: KafkaSettings, tmp_path: Path
) -> None:
    market, accounts = settings.topics.market, settings.topics.accounts
    async with running_app(settings, tmp_path) as running:
        await running.ready()
        await write_records(
            settings,
            [
                (market, b"", b'{"type":"mark_price_changed"'),
                (market, b"", b'{"type":"nonsense","event_ns":1}'),
                (accounts, b"a", b"\xff\xfe"),
            ],
        )
        await wait_until(
            lambda: (
                sum(
                    running.app.vitals.measurements.children(
                        "loss_monitor_quarantined_total"
                    ).values()
                )
                >= 3
            ),
            what="three quarantined records",
        )
    records = await read_topic(settings, settings.topics.quarantine)
    places = {
        (headers["topic"], headers["offset"])
        for record in records
        if (headers := {key: value.decode() for key, value in record.headers})
    }
    assert {(market, "0"), (market, "1"), (accounts, "0")} <= places
    assert all(dict(record.headers)["reason"] for record in records)


async def test_a_missing_topic_is_named_with_the_way_to_create_it(
    settings: KafkaSettings, tmp_path: Path
) -> None:
    topics = msgspec.structs.replace(settings.topics, decisions="never-created")
    absent = msgspec.structs.replace(settings, topics=topics)
    async with running_app(absent, tmp_path) as running:
        with pytest.raises(ExceptionGroup) as caught:
            await running.task
    assert caught.group_contains(TopicError, match="never-created.*--create-topics")


async def test_missing_topics_are_created_when_asked(
    settings: KafkaSettings, tmp_path: Path
) -> None:
    prefix = f"test-{secrets.token_hex(4)}"
    names = ("accounts", "market", "decisions", "quarantine")
    topics = msgspec.structs.replace(
        settings.topics, **{each: f"{prefix}.{each}" for each in names}
    )
    absent = msgspec.structs.replace(settings, topics=topics)
    async with running_app(absent, tmp_path, create_topics=True) as running:
        await running.ready()


async def test_a_market_topic_with_two_partitions_is_refused(
    settings: KafkaSettings, make_topics: MakeTopics, tmp_path: Path
) -> None:
    other = make_topics(accounts_partitions=2)
    topics = msgspec.structs.replace(settings.topics, market=other.accounts)
    async with running_app(msgspec.structs.replace(settings, topics=topics), tmp_path) as running:
        with pytest.raises(ExceptionGroup) as caught:
            await running.task
    assert caught.group_contains(TopicError, match="expected 1 partition.*received 2")


async def test_a_second_writer_takes_over_and_the_first_ends(
    settings: KafkaSettings, tmp_path: Path
) -> None:
    journal = present_journal()
    events = opening(journal, accounts=ACCOUNTS)
    async with running_app(settings, tmp_path, state="first") as first:
        await first.ready()
        await write_events(settings, events)
        await applied(first, len(events))
        async with running_app(settings, tmp_path, state="second") as second:
            await second.ready()
            with pytest.raises(ExceptionGroup) as caught:
                async with asyncio.timeout(10):
                    await first.task
            more = trading(journal, steps=20, accounts=ACCOUNTS, seed=6)
            await write_events(settings, more)
            await applied(second, len(events) + len(more))
            assert second.app.shard is not None
            assert second.app.shard.epoch == 2
    assert caught.group_contains(LeadershipLostError, match="leader_started of .* with epoch 2")


async def test_one_state_directory_serves_one_process(
    settings: KafkaSettings, tmp_path: Path
) -> None:
    async with running_app(settings, tmp_path) as first:
        await first.ready()
        async with running_app(settings, tmp_path) as second:
            with pytest.raises(StateError, match="expected to be its only user"):
                await second.task


async def test_a_state_directory_of_another_topic_is_refused(
    settings: KafkaSettings, make_topics: MakeTopics, tmp_path: Path
) -> None:
    async with running_app(settings, tmp_path) as first:
        await first.ready()
    other = msgspec.structs.replace(settings, topics=make_topics())
    async with running_app(other, tmp_path) as second:
        with pytest.raises(StateError, match=r"expected decisions_topic .*another shard, topic"):
            await second.task


async def test_a_busy_port_is_told_with_its_fix(settings: KafkaSettings, tmp_path: Path) -> None:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        address = f"127.0.0.1:{holder.getsockname()[1]}"
        async with running_app(settings, tmp_path, listen=address) as running:
            with pytest.raises(ExceptionGroup) as caught:
                await running.task
    assert caught.group_contains(ListenError, match="expected a free port")


async def test_the_daemon_answers_over_http_from_its_first_moment(
    settings: KafkaSettings, tmp_path: Path
) -> None:
    async with running_app(settings, tmp_path, listen="127.0.0.1:0") as running:
        await wait_until(lambda: running.app.server or running.task.done(), what="a server")
        assert running.app.server is not None
        async with httpx.AsyncClient(base_url=running.app.server.url) as client:
            assert (await client.get("/livez")).status_code == 200
            await running.ready()
            assert (await client.get("/readyz")).status_code == 200
            metrics = (await client.get("/metrics")).text
    assert "loss_monitor_leader_epoch 1.0" in metrics


async def test_the_daemon_says_over_http_who_paid_and_why_somebody_was_deleveraged(
    settings: KafkaSettings, tmp_path: Path
) -> None:
    async with running_app(settings, tmp_path, listen="127.0.0.1:0") as running:
        await wait_until(lambda: running.app.server or running.task.done(), what="a server")
        assert running.app.server is not None
        async with httpx.AsyncClient(base_url=running.app.server.url) as client:
            assert (await client.get("/v1/waterfall/lea:1")).status_code == 404
            assert (await client.get("/v1/deleveragings/L1")).status_code == 404
            await running.ready()
            for number, event in enumerate(story(), start=1):  # two topics have no common order
                await write_events(settings, [event])
                await applied(running, number)
            episode = (await client.get("/v1/waterfall/lea:1")).json()
            deleveragings = (await client.get("/v1/deleveragings/L1")).json()["deleveragings"]
    assert (episode["account"], episode["totals"][0]["shortfall"]) == ("lea", "350")
    assert deleveragings[0]["deleveraging"]["review"]["taken_contracts"] == "7"


async def test_redis_refused_is_told_and_does_no_harm(
    settings: KafkaSettings, tmp_path: Path
) -> None:
    async with running_app(settings, tmp_path, redis_url="redis://127.0.0.1:1/0") as running:
        await running.ready()
        await wait_until(lambda: running.check("redis"), what="a degraded check")
        assert "expected an answer" in running.check("redis")


async def test_a_wrong_redis_password_is_told_and_does_no_harm(
    settings: KafkaSettings, start_redis: StartRedis, tmp_path: Path
) -> None:
    server = start_redis(password="right")
    async with running_app(
        settings, tmp_path, redis_url=server.url.replace("right", "wrong")
    ) as running:
        await running.ready()
        await wait_until(lambda: running.check("redis"), what="a degraded check")
        assert running.app.vitals.health.is_ready


async def test_the_mirror_in_redis_has_the_accounts(
    settings: KafkaSettings, start_redis: StartRedis, tmp_path: Path
) -> None:
    server = start_redis()
    events = opening(present_journal(), accounts=ACCOUNTS)
    async with running_app(settings, tmp_path, redis_url=server.url) as running:
        await running.ready()
        await write_events(settings, events)
        async with Redis.from_url(server.url) as client:
            async with asyncio.timeout(20):
                while not await client.exists("loss-monitor:account:account-3"):
                    pass
            state = await client.hget("loss-monitor:account:account-3", "state")
    assert state in {b"healthy", b"margin_call", b"liquidatable", b"bankrupt"}


async def test_retention_shorter_than_the_oldest_kept_snapshot_is_refused(
    settings: KafkaSettings, tmp_path: Path
) -> None:
    journal = present_journal()
    events = opening(journal, accounts=ACCOUNTS)
    async with running_app(settings, tmp_path) as running:
        await running.ready()
        await write_events(settings, events)
        await applied(running, len(events))
    market = TopicPartition(settings.topics.market, 0)
    await write_events(settings, trading(journal, steps=50, accounts=ACCOUNTS, seed=1))
    await forget(settings, market, 40)
    async with running_app(settings, tmp_path) as running:
        with pytest.raises(ExceptionGroup) as caught:
            await running.task
    assert caught.group_contains(RetentionError, match=r"raise retention\.ms")


async def test_a_reload_changes_the_configuration_at_one_place_of_the_log(
    settings: KafkaSettings, tmp_path: Path
) -> None:
    async with running_app(settings, tmp_path) as running:
        await running.ready()
        before = running.app.views.view.configuration_hash
        running.path.write_text(running.path.read_text() + "\n[margin]\nmargin_call_ratio = 0.7\n")
        assert await running.app.reload()
        await wait_until(
            lambda: running.app.views.view.configuration_hash != before, what="a new configuration"
        )
    values = await read_values(settings, settings.topics.decisions)
    changes = [
        local.event
        for value in values
        if decode_header(value).type == BATCH_APPLIED
        for local in decode_batch(value).local
        if isinstance(local.event, ConfigurationChanged)
    ]
    assert len(changes) == 2
    assert "margin_call_ratio = 0.7" in changes[1].text


async def test_a_bad_file_leaves_the_old_configuration_in_force(
    settings: KafkaSettings, tmp_path: Path
) -> None:
    async with running_app(settings, tmp_path) as running:
        await running.ready()
        before = running.app.views.view.configuration_hash
        running.path.write_text("[margin]\nmargin_call_ratio = -1\n")
        assert not await running.app.reload()
        measurements = running.app.vitals.measurements
        assert measurements.value("loss_monitor_config_last_reload_successful") == 0
        assert running.app.views.view.configuration_hash == before
        assert running.app.vitals.health.is_ready
