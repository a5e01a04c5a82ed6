"""Who may ask, and what every answer carries."""

import base64
from collections.abc import AsyncIterator

import httpx
import pytest

from monitor.api.desk import Desk
from monitor.api.guard import is_known_host
from monitor.api.routes import build_app
from monitor.api.stream import StreamHub

TOKEN = "correct-horse-battery"


@pytest.fixture
async def guarded(desk: Desk) -> AsyncIterator[httpx.AsyncClient]:
    """Yield a client of an application that asks for a token."""
    app = build_app(desk, StreamHub(desk), hosts=("Risk.Example",), token=TOKEN)
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="https://risk.example") as client:
        yield client


@pytest.mark.parametrize(
    ("host", "is_known"),
    [
        ("localhost", True),
        ("LOCALHOST:8080", True),
        ("127.0.0.1:8080", True),
        ("[::1]:8080", True),
        ("[::1]", True),
        ("10.1.2.3", True),
        ("risk.example:443", True),
        ("evil.example", False),
        ("evil.example:8080", False),
        ("localhost.evil.example", False),
        ("127.0.0.1.evil.example", False),
        ("", False),
    ],
)
def test_a_host_that_is_not_ours_is_a_rebinding_attack(host: str, is_known: bool) -> None:
    assert is_known_host(host, {"localhost", "risk.example"}) is is_known


async def test_a_foreign_host_name_is_refused(client: httpx.AsyncClient) -> None:
    response = await client.get("/v1/status", headers={"host": "evil.example"})
    assert response.status_code == 421
    assert "received 'evil.example'" in response.text


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "PATCH"])
async def test_nothing_can_be_written(client: httpx.AsyncClient, method: str) -> None:
    response = await client.request(method, "/v1/status", headers={"origin": "http://evil.example"})
    assert response.status_code == 405
    assert "access-control-allow-origin" not in response.headers


async def test_every_answer_carries_the_security_headers(client: httpx.AsyncClient) -> None:
    for path in ("/", "/v1/status", "/nowhere", "/v1/status?x=1"):
        headers = (await client.get(path)).headers
        assert "default-src 'none'" in headers["content-security-policy"]
        assert "unsafe" not in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
        assert "access-control-allow-origin" not in headers


@pytest.mark.parametrize(
    "authorization",
    [
        f"Bearer {TOKEN}",
        f"bearer {TOKEN}",
        "Basic " + base64.b64encode(f"anybody:{TOKEN}".encode()).decode(),
    ],
)
async def test_the_token_opens(guarded: httpx.AsyncClient, authorization: str) -> None:
    response = await guarded.get("/v1/status", headers={"authorization": authorization})
    assert response.status_code == 200


@pytest.mark.parametrize(
    "authorization",
    ["", "Bearer", "Bearer wrong", "Basic !!!", "Basic " + base64.b64encode(b"x:y").decode(),
     f"Digest {TOKEN}", "Bearer \xff"],
)  # fmt: skip
async def test_anything_else_does_not(guarded: httpx.AsyncClient, authorization: str) -> None:
    headers = httpx.Headers([(b"authorization", authorization.encode("latin-1"))])
    for path in ("/", "/metrics", "/v1/status", "/v1/stream", "/console/console.js", "/nowhere"):
        response = await guarded.get(path, headers=headers)
        assert response.status_code == 401
        assert response.headers["www-authenticate"].startswith("Basic")


async def test_probes_need_no_token(guarded: httpx.AsyncClient) -> None:
    assert (await guarded.get("/livez")).status_code == 200
    assert (await guarded.get("/readyz")).status_code == 200
