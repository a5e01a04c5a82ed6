"""Arming a breaker by hand through the API: who may, what is refused, what is answered."""

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest

from monitor.api import breaker_resets
from monitor.api.desk import Desk
from monitor.api.routes import build_app
from monitor.api.stream import StreamHub
from tests.api.crash import Crash

TOKEN = "correct-horse-battery"
PATH = "/v1/breakers/fast/reset"
SAID = {"reason": "bad print, feed mended", "by": "duty officer"}


@pytest.fixture
async def trusted(desk: Desk) -> AsyncIterator[httpx.AsyncClient]:
    """Yield a client that has the token."""
    transport = httpx.ASGITransport(app=build_app(desk, StreamHub(desk), token=TOKEN))
    headers = {"authorization": f"Bearer {TOKEN}"}
    async with httpx.AsyncClient(
        transport=transport, base_url="http://localhost:8080", headers=headers
    ) as client:
        yield client


async def test_a_reset_is_recorded_with_who_and_why(
    trusted: httpx.AsyncClient, crash: Crash
) -> None:
    response = await trusted.post(PATH, json={**SAID, "scope": "BTC-PERP"})
    assert response.status_code == 202
    recorded = {**SAID, "breaker": "fast", "scope": "BTC-PERP", "topic": "market"}
    assert response.json() == {**recorded, "event_ns": crash.clock.now_ns()}
    assert [(one.breaker, one.scope, one.by) for one in crash.resets] == [
        ("fast", "BTC-PERP", "duty officer")
    ]


async def test_without_a_configured_token_nobody_resets_and_the_fix_is_named(
    client: httpx.AsyncClient, crash: Crash
) -> None:
    response = await client.post(PATH, json=SAID)
    assert response.status_code == 403
    assert "set [http] token_file" in response.text
    assert "loss-monitor breaker reset" in response.text
    assert crash.resets == []


@pytest.mark.parametrize("authorization", ["", "Bearer wrong"])
async def test_without_the_token_nobody_resets(
    trusted: httpx.AsyncClient, crash: Crash, authorization: str
) -> None:
    headers = {"authorization": authorization}
    assert (await trusted.post(PATH, json=SAID, headers=headers)).status_code == 401
    assert crash.resets == []


@pytest.mark.parametrize("origin", ["https://evil.example", "http://localhost:9090", "null"])
async def test_a_page_of_another_origin_resets_nothing(
    trusted: httpx.AsyncClient, crash: Crash, origin: str
) -> None:
    response = await trusted.post(PATH, json=SAID, headers={"origin": origin})
    assert response.status_code == 403
    assert f"received '{origin}'" in response.text
    assert crash.resets == []


async def test_our_own_page_may(trusted: httpx.AsyncClient) -> None:
    headers = {"origin": "http://localhost:8080"}
    assert (await trusted.post(PATH, json=SAID, headers=headers)).status_code == 202


@pytest.mark.parametrize(
    ("body", "kind", "where", "said"),
    [
        (b'{"reason":"r","by":"b"}', "text/plain", "header content-type", "application/json"),
        (b"not json", "application/json", "body", '{"reason": TEXT'),
        (b'{"reason":"r"}', "application/json", "body", '{"reason": TEXT'),
        (b'{"reason":"","by":"b"}', "application/json", "body", '{"reason": TEXT'),
        (b'{"reason":"r","by":"b","x":1}', "application/json", "body", '{"reason": TEXT'),
        (b'{"reason":"\xff","by":"b"}', "application/json", "body", '{"reason": TEXT'),
        (b" " * 20_000, "application/json", "body", "at most 16384 bytes"),
    ],
)
async def test_a_body_that_cannot_be_used_says_what_was_expected(
    trusted: httpx.AsyncClient, crash: Crash, body: bytes, kind: str, where: str, said: str
) -> None:
    response = await trusted.post(PATH, content=body, headers={"content-type": kind})
    assert response.status_code == 400
    assert response.json()["where"] == where
    assert response.json()["expected"].startswith(said)
    assert crash.resets == []


async def test_a_body_that_never_ends_is_refused_in_time(
    trusted: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(breaker_resets, "BODY_TIMEOUT_S", 0.01)

    async def endless() -> AsyncIterator[bytes]:
        yield b"{"
        await asyncio.Event().wait()

    headers = {"content-type": "application/json"}
    response = await trusted.post(PATH, content=endless(), headers=headers)
    assert response.status_code == 400
    assert response.json()["received"] == "1 bytes"


async def test_an_unknown_breaker_and_a_silent_broker_are_named(trusted: httpx.AsyncClient) -> None:
    unknown = await trusted.post("/v1/breakers/fats/reset", json=SAID)
    assert unknown.status_code == 404
    assert unknown.json()["expected"] == "a configured breaker (fast)"
    late = await trusted.post(PATH, json={**SAID, "reason": "no broker"})
    assert late.status_code == 503
    assert "asking again does no harm" in late.json()["received"]


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "OPTIONS"])
async def test_only_post_resets(trusted: httpx.AsyncClient, crash: Crash, method: str) -> None:
    assert (await trusted.request(method, PATH)).status_code == 405
    assert crash.resets == []
