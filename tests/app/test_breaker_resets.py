"""A breaker armed by hand while the daemon runs, by API and by command, on a real broker."""

import asyncio
from pathlib import Path

import httpx
import msgspec
import pytest

from monitor.cli import main
from monitor.config import KafkaSettings
from monitor.streams.codec import decode_header
from tests.app.app_access import RunningApp, running_app
from tests.topic_access import present_journal, read_values, wait_until, write_events

pytestmark = pytest.mark.service
TOKEN = "correct-horse-battery"
FAST = """
[[breakers]]
name = "fast"
kind = "price_velocity"
lookback_s = 600
limit_ratio = 0.1
halt_s = 3600
"""


async def states(running: RunningApp, expected: dict[str, str]) -> None:
    """Return when the view shows these states by scope."""
    await wait_until(
        lambda: {one.scope: one.state for one in running.app.views.view.breakers} == expected,
        what=f"breakers {expected}",
    )


async def trip(settings: KafkaSettings) -> None:
    """Let two instruments fall by a fifth."""
    journal = present_journal()
    for name in ("X", "Y"):
        journal.list_instrument(name)
        journal.mark(name, "100")
        journal.mark(name, "80")
    await write_events(settings, journal.take())


async def test_a_reset_by_the_api_and_one_by_the_command_are_recorded_applied_and_replay(
    settings: KafkaSettings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    token_file = tmp_path / "token"
    token_file.write_text(TOKEN)
    more = f'token_file = "{token_file}"\n{FAST}'
    async with running_app(settings, tmp_path, listen="127.0.0.1:0", more=more) as running:
        await running.ready()
        await trip(settings)
        await states(running, {"X": "tripped", "Y": "tripped"})
        assert running.app.server is not None
        headers = {"authorization": f"Bearer {TOKEN}"}
        async with httpx.AsyncClient(base_url=running.app.server.url, headers=headers) as client:
            said = {"reason": "bad print", "by": "duty officer", "scope": "X"}
            response = await client.post("/v1/breakers/fast/reset", json=said)
            assert response.status_code == 202, response.text
            await states(running, {"X": "armed", "Y": "tripped"})
            unknown = await client.post("/v1/breakers/fats/reset", json=said)
            assert unknown.json()["expected"] == "a configured breaker (fast)"
        words = ["breaker", "reset", "fast", "--reason", "looked at", "--by", "ann"]
        command = [*words, "--config", str(running.path), "--json"]
        assert await asyncio.to_thread(main, command) == 0
        recorded = msgspec.json.decode(capsys.readouterr().out.splitlines()[-1])
        assert (recorded["by"], recorded["topic"]) == ("ann", settings.topics.market)
        await states(running, {"X": "armed", "Y": "armed"})
        await running.stop()
    market = [
        msgspec.json.decode(value) for value in await read_values(settings, settings.topics.market)
    ]
    resets = [(offset, one) for offset, one in enumerate(market) if one["type"] == "breaker_reset"]
    assert [(one["by"], one["reason"], one.get("scope")) for _, one in resets] == [
        ("duty officer", "bad print", "X"),
        ("ann", "looked at", None),
    ]
    assert recorded["offset"] == resets[1][0]
    log = await read_values(settings, settings.topics.decisions)
    rearmed = [
        msgspec.json.decode(value)
        for value in log
        if decode_header(value).type == "breaker_rearmed"
    ]
    assert [(one["scope"], one["by"], one["cause"]["offset"]) for one in rearmed] == [
        ("X", "duty officer", resets[0][0]),
        ("Y", "ann", resets[1][0]),
    ]


async def test_a_reset_of_a_scope_that_was_never_seen_is_quarantined(
    settings: KafkaSettings, tmp_path: Path
) -> None:
    async with running_app(settings, tmp_path, more=FAST) as running:
        await running.ready()
        await trip(settings)
        await states(running, {"X": "tripped", "Y": "tripped"})
        words = ["breaker", "reset", "fast", "--scope", "Z", "--reason", "typo"]
        assert await asyncio.to_thread(main, [*words, "--config", str(running.path)]) == 0
        quarantined = running.app.vitals.measurements
        await wait_until(
            lambda: quarantined.children("loss_monitor_quarantined_total"), what="quarantine"
        )
        await states(running, {"X": "tripped", "Y": "tripped"})
