"""Webhooks, posted to a real HTTP server on this machine."""

import asyncio
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from monitor.app.webhooks import DECISIONS_WAITING_MAX, SIGNATURE_HEADER, Webhook, signature
from monitor.config import ConfigurationError, WebhookSettings
from monitor.core.decisions import AccountRecovered, BreakerTripped, Decision
from monitor.runtime.vitals import Vitals
from monitor.streams.batch import Batch
from monitor.streams.shard import Applied
from tests.topic_access import wait_until

pytestmark = pytest.mark.service
SECRET = b"a secret of a receiver"


class Receiver(ThreadingHTTPServer):
    """A receiver that notes what it is sent and answers with the statuses it is given."""

    def __init__(self) -> None:
        self.posts: list[tuple[str, bytes]] = []
        self.statuses: list[int] = []
        super().__init__(("127.0.0.1", 0), Handler)

    @property
    def url(self) -> str:
        """Return its address."""
        return f"http://127.0.0.1:{self.server_port}/decisions"

    def decisions(self) -> list[dict[str, Any]]:
        """Return everything that was sent, in order."""
        return [each for _, body in self.posts for each in json.loads(body)]


class Handler(BaseHTTPRequestHandler):
    """Takes a post in."""

    server: Receiver

    def do_POST(self) -> None:
        """Note the post and answer."""
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.posts.append((self.headers[SIGNATURE_HEADER], body))
        self.send_response(self.server.statuses.pop(0) if self.server.statuses else 204)
        self.end_headers()

    def log_message(self, *arguments: object) -> None:
        """Say nothing."""


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """Yield a running receiver."""
    with Receiver() as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield server
        server.shutdown()


def settings(directory: Path, url: str, **fields: Any) -> WebhookSettings:
    """Return the settings of a webhook with a secret."""
    path = directory / "secret"
    path.write_bytes(SECRET + b"\n")
    return WebhookSettings(name="ops", url=url, **({"secret_file": str(path)} | fields))


def tripped(number: int) -> Decision:
    """Return a decision."""
    return BreakerTripped(
        decision_id=f"d{number}",
        event_ns=number,
        rule="price_velocity",
        breaker="b",
        scope="AAA",
        measured="2",
        limit="1",
        action="halt",
    )


def recovered() -> Decision:
    """Return a decision of another kind."""
    return AccountRecovered(
        event_ns=1,
        rule="margin",
        account="a",
        instrument=None,
        leg=None,
        equity="1",
        maintenance_margin="0",
        margin_ratio="0",
        state_before="margin_call",
    )


def applied(*decisions: Decision) -> Applied:
    """Return a batch with these decisions."""
    return Applied(Batch(0, [], [], [], [], [], [], 0), list(decisions), [])


async def test_decisions_arrive_in_order_and_signed(receiver: Receiver, tmp_path: Path) -> None:
    webhook = Webhook(settings(tmp_path, receiver.url), Vitals())
    task = asyncio.create_task(webhook.run())
    for number in range(250):
        webhook.observe(applied(tripped(number)))
    await wait_until(lambda: len(receiver.decisions()) >= 250, what="250 decisions")
    task.cancel()
    assert [each["decision_id"] for each in receiver.decisions()] == [
        f"d{number}" for number in range(250)
    ]
    for header, body in receiver.posts:
        seconds = int(header.split(",")[0].removeprefix("t="))
        assert header == signature(SECRET, seconds, body)


async def test_a_receiver_that_fails_gets_the_same_again_and_is_told_of(
    receiver: Receiver, tmp_path: Path
) -> None:
    receiver.statuses = [500, 503]
    vitals = Vitals()
    webhook = Webhook(settings(tmp_path, receiver.url), vitals)
    task = asyncio.create_task(webhook.run())
    webhook.observe(applied(tripped(1)))
    await wait_until(lambda: len(receiver.posts) >= 3, what="a third attempt")
    await wait_until(lambda: vitals.health.is_ok("webhook:ops"), what="a passing check")
    task.cancel()
    assert [each["decision_id"] for each in receiver.decisions()] == ["d1", "d1", "d1"]


async def test_only_the_kinds_that_are_asked_for_are_sent(
    receiver: Receiver, tmp_path: Path
) -> None:
    chosen = settings(tmp_path, receiver.url, decisions=("breaker_tripped",))
    webhook = Webhook(chosen, Vitals())
    task = asyncio.create_task(webhook.run())
    webhook.observe(applied(recovered(), tripped(1)))
    webhook.observe(None)
    await wait_until(receiver.decisions, what="a decision")
    task.cancel()
    assert [each["type"] for each in receiver.decisions()] == ["breaker_tripped"]


def test_what_a_dead_receiver_makes_wait_is_bounded(tmp_path: Path) -> None:
    webhook = Webhook(settings(tmp_path, "http://127.0.0.1:1/"), Vitals())
    webhook.observe(applied(*(tripped(number) for number in range(DECISIONS_WAITING_MAX + 7))))
    assert webhook.given_up == 7


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"url": "http://example.com/"}, "expected https"),
        ({"url": "ftp://example.com/"}, "expected https://HOST"),
        ({"url": "https://me:secret@example.com/"}, "expected no name or password"),
        ({"secret_file": None}, "expected a file with the secret"),
        ({"secret_file": "/nowhere/secret"}, "expected a readable file"),
    ],
)
def test_a_webhook_that_cannot_be_trusted_is_refused(
    tmp_path: Path, fields: dict[str, Any], message: str
) -> None:
    url = fields.pop("url", "https://example.com/")
    with pytest.raises(ConfigurationError, match=message) as caught:
        Webhook(settings(tmp_path, url, **fields), Vitals())
    assert "secret@" not in str(caught.value)
