"""Decisions posted to an address, signed: for receivers that do not speak Kafka.

A POST carries up to DECISIONS_PER_POST_MAX decisions as a JSON array, in order, and the header
`Loss-Monitor-Signature: t=SECONDS,v1=HEX`, where HEX is HMAC-SHA256 over `SECONDS.BODY` with the
secret. A receiver refuses what is older than five minutes or signed otherwise, and acts on a
`decision_id` once: an answer that is not known is followed by the same decisions again.

The log on Kafka is the truth: a webhook begins with what is decided while it runs, and what a
receiver is too slow for is given up, told and counted.
"""

import asyncio
import hashlib
import hmac
import http.client
from collections import deque
from pathlib import Path
from urllib.parse import urlsplit

import structlog

from monitor.config import ConfigurationError, WebhookSettings
from monitor.runtime.backoff import Backoff
from monitor.runtime.health import Need
from monitor.runtime.vitals import Vitals
from monitor.streams.codec import encode_record
from monitor.streams.shard import Applied

DECISIONS_PER_POST_MAX = 100
DECISIONS_WAITING_MAX = 10_000
SIGNATURE_HEADER = "Loss-Monitor-Signature"
SECRET_BYTES_MIN = 16
RETRY_CAP_S = 30.0
LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})

log = structlog.get_logger(__name__)


def signature(secret: bytes, seconds: int, body: bytes) -> str:
    """Return the header's value for a body sent at `seconds` since the epoch."""
    digest = hmac.new(secret, b"%d." % seconds + body, hashlib.sha256).hexdigest()
    return f"t={seconds},v1={digest}"


class Webhook:
    """One receiver; `run` posts until cancelled."""

    def __init__(self, settings: WebhookSettings, vitals: Vitals) -> None:
        """Check the address and read the secret; raises ConfigurationError."""
        self._settings = settings
        self._vitals = vitals
        self._url = urlsplit(settings.url)
        self._check_url()
        self._secret = self._read_secret()
        self._waiting: deque[bytes] = deque()
        self._arrived = asyncio.Event()
        self.given_up = 0

    def observe(self, applied: Applied | None) -> None:
        """Take in the decisions of an acknowledged batch, as far as they are asked for."""
        kinds = self._settings.decisions
        for decision in applied.decisions if applied else ():
            if not kinds or decision.kind in kinds:
                self._waiting.append(encode_record(decision))
                self._arrived.set()
        while len(self._waiting) > DECISIONS_WAITING_MAX:
            self._waiting.popleft()
            self.given_up += 1

    async def run(self) -> None:
        """Post what waits, in order, trying until the receiver takes it."""
        backoff = Backoff(self._vitals.clock, cap_s=RETRY_CAP_S)
        while True:
            await self._arrived.wait()
            posted = list(self._waiting)[:DECISIONS_PER_POST_MAX]
            given_up_before = self.given_up
            try:
                status = await asyncio.to_thread(self._post, b"[" + b",".join(posted) + b"]")
            except (OSError, http.client.HTTPException) as error:
                problem = repr(error)
            else:
                problem = "" if 200 <= status < 300 else f"status {status}"
            self._tell(problem)
            if problem:
                await asyncio.sleep(backoff.next_delay_s())
                continue
            backoff.started()
            self._forget(len(posted) - (self.given_up - given_up_before))

    def _forget(self, count: int) -> None:
        """Remove what was posted and has not been given up meanwhile."""
        for _ in range(max(0, count)):
            self._waiting.popleft()
        if not self._waiting:
            self._arrived.clear()

    def _post(self, body: bytes) -> int:
        """Post a body and return the status; blocks at most `timeout_s` a step."""
        secure = self._url.scheme == "https"
        kind = http.client.HTTPSConnection if secure else http.client.HTTPConnection
        host = self._url.hostname or ""
        connection = kind(host, self._url.port, timeout=self._settings.timeout_s)
        seconds = self._vitals.clock.now_ns() // 10**9
        headers = {
            "Content-Type": "application/json",
            SIGNATURE_HEADER: signature(self._secret, seconds, body),
        }
        path = self._url.path or "/"
        try:
            connection.request("POST", f"{path}?{self._url.query}".rstrip("?"), body, headers)
            return connection.getresponse().status
        finally:
            connection.close()

    def _tell(self, problem: str) -> None:
        name = f"webhook:{self._settings.name}"
        detail = f"{name}: expected the receiver to answer 2xx, received {problem}"
        if self.given_up:
            detail += f"; {self.given_up} decisions given up"
        if self._vitals.health.set(
            name, detail if problem else "", is_ok=not problem, need=Need.DEGRADED
        ):
            log.info("webhook", name=self._settings.name, problem=problem or None)

    def _check_url(self) -> None:
        place = f"[[webhooks]] {self._settings.name}: url"
        if self._url.scheme not in ("http", "https") or not self._url.hostname:
            raise ConfigurationError(f"{place}: expected https://HOST/..., received another form")
        if self._url.scheme == "http" and self._url.hostname not in LOOPBACK:
            raise ConfigurationError(
                f"{place}: expected https (http only to this machine), received http"
            )
        if self._url.username or self._url.password:
            raise ConfigurationError(f"{place}: expected no name or password in it, received one")

    def _read_secret(self) -> bytes:
        place = f"[[webhooks]] {self._settings.name}: secret_file"
        if self._settings.secret_file is None:
            raise ConfigurationError(f"{place}: expected a file with the secret, received none")
        try:
            secret = Path(self._settings.secret_file).read_bytes().strip()
        except OSError as error:
            raise ConfigurationError(
                f"{place}: expected a readable file, received {error}"
            ) from error
        if len(secret) < SECRET_BYTES_MIN:
            raise ConfigurationError(
                f"{place}: expected at least {SECRET_BYTES_MIN} bytes, received {len(secret)}"
            )
        return secret
