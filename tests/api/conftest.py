"""What the tests of the API share: the crash, and the application around it."""

from collections.abc import AsyncIterator

import httpx
import pytest

from monitor.api.desk import Desk
from monitor.api.routes import build_app
from monitor.api.stream import StreamHub
from tests.api.crash import Crash


@pytest.fixture
def crash() -> Crash:
    """Return the crash at its first second."""
    return Crash()


@pytest.fixture
def desk(crash: Crash) -> Desk:
    """Return a desk in front of the crash."""
    return Desk(crash.source())


@pytest.fixture
async def client(desk: Desk) -> AsyncIterator[httpx.AsyncClient]:
    """Yield a client of the whole application, without sockets."""
    transport = httpx.ASGITransport(app=build_app(desk, StreamHub(desk)))
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost:8080") as client:
        yield client
