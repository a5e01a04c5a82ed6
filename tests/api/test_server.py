"""A real server: where it listens, whom it refuses, and what it does with bad clients."""

import http.client
import json
import socket
import ssl
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from monitor.api import connection
from monitor.api.server import ListenError, bind, serve
from monitor.config import HttpSettings
from tests.api.crash import Crash
from tests.api.serving import ServedCrash

CLIENT_TIMEOUT_S = 20.0


@pytest.fixture
def served() -> Iterator[ServedCrash]:
    with ServedCrash(second=200) as served:
        yield served


def connected(served: ServedCrash) -> socket.socket:
    """Return a raw connection."""
    return socket.create_connection(("127.0.0.1", served.server.port), timeout=CLIENT_TIMEOUT_S)


def stream_of(served: ServedCrash) -> http.client.HTTPResponse:
    """Return an open /v1/stream."""
    client = http.client.HTTPConnection("127.0.0.1", served.server.port, timeout=CLIENT_TIMEOUT_S)
    client.request("GET", "/v1/stream")
    return client.getresponse()


def next_message(response: http.client.HTTPResponse) -> tuple[str, str]:
    """Return the next server-sent event: its name and its data."""
    event = ""
    while line := response.readline().decode().rstrip("\n"):
        name, _, value = line.partition(": ")
        if name == "event":
            event = value
        if name == "data":
            assert response.readline() == b"\n"
            return event, value
        if name == "retry":
            assert response.readline() == b"\n"
    raise AssertionError("expected a message, received the end of the stream")


def test_the_stream_says_hello_and_goes_on(served: ServedCrash) -> None:
    response = stream_of(served)
    assert response.headers["content-type"] == "text/event-stream"
    event, data = next_message(response)
    assert event == "hello"
    assert len(json.loads(data)["history"]["seconds"]) >= 200
    event, data = next_message(response)
    assert event == "step"
    assert json.loads(data)["state"]["status"]["accounts"]["liquidatable"] == 32


def test_stopping_ends_the_streams(served: ServedCrash) -> None:
    response = stream_of(served)
    next_message(response)
    served.do(served.server.hub.close)
    while response.read(65_536):
        pass


def test_a_port_in_use_names_the_port_and_the_remedy() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ListenError, match=rf"127.0.0.1:{port}, which another program holds"):
            bind("127.0.0.1", port)


def test_an_address_of_another_machine_cannot_be_listened_on() -> None:
    with pytest.raises(ListenError, match="expected an address of this machine"):
        bind("192.0.2.1", 0)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (HttpSettings(listen="0.0.0.0:0"), "expected a loopback address, or tls_certificate_file"),
        (HttpSettings(listen="[::]:0"), "expected a loopback address"),
        (HttpSettings(listen="risk.example:0"), "expected a loopback address"),
        (HttpSettings(listen="0.0.0.0:0", token_file="t"), "expected a loopback address"),
        (HttpSettings(listen="8080"), "expected \"host:port\", received '8080'"),
        (HttpSettings(listen="127.0.0.1:99999"), 'expected "host:port"'),
        (HttpSettings(listen="127.0.0.1:0", tls_key_file="k"), "received one of them"),
        (HttpSettings(listen="127.0.0.1:0", token_file="/nowhere"), "expected a readable file"),
        (
            HttpSettings(listen="127.0.0.1:0", tls_certificate_file="/c", tls_key_file="/k"),
            "tls_certificate_file: expected a file, received '/c'",
        ),
    ],
)
async def test_an_open_door_is_refused(settings: HttpSettings, message: str) -> None:
    with pytest.raises(ListenError) as refused:
        await serve(settings, Crash().source())
    assert message in str(refused.value)


async def test_a_short_token_is_refused(tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("secret\n", encoding="utf-8")
    settings = HttpSettings(listen="127.0.0.1:0", token_file=str(token))
    with pytest.raises(ListenError, match="at least 16 characters"):
        await serve(settings, Crash().source())


def test_insecure_may_be_said_aloud() -> None:
    settings = HttpSettings(listen="0.0.0.0:0", allow_insecure=True)
    with ServedCrash(settings=settings) as served:
        url = f"http://127.0.0.1:{served.server.port}/livez"
        assert urllib.request.urlopen(url, timeout=CLIENT_TIMEOUT_S).status == 200


def test_tls_and_a_token_together(tmp_path: Path) -> None:
    settings = HttpSettings(listen="127.0.0.1:0", **certificate(tmp_path))
    with ServedCrash(settings=settings) as served:
        trust = ssl.create_default_context(cafile=settings.tls_certificate_file)
        url = f"https://localhost:{served.server.port}/v1/status"
        with pytest.raises(urllib.error.HTTPError, match="401"):
            urllib.request.urlopen(url, timeout=CLIENT_TIMEOUT_S, context=trust)
        request = urllib.request.Request(url)
        request.add_header("Authorization", "Bearer correct-horse-battery")
        answer = urllib.request.urlopen(request, timeout=CLIENT_TIMEOUT_S, context=trust)
        assert json.load(answer)["service"]["version"] == "1.2.3"


def certificate(directory: Path) -> dict[str, Any]:
    """Return the settings of a fresh self-signed certificate and a token."""
    certificate_file, key_file = directory / "certificate.pem", directory / "key.pem"
    token_file = directory / "token"
    token_file.write_text("correct-horse-battery\n", encoding="utf-8")
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"),
            *("-nodes", "-keyout", str(key_file), "-out", str(certificate_file)),
            *("-days", "1", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"),
        ],
        check=True,
        capture_output=True,
    )
    return {
        "tls_certificate_file": str(certificate_file),
        "tls_key_file": str(key_file),
        "token_file": str(token_file),
    }


def test_a_client_that_never_finishes_its_request_is_cut_off(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(connection, "HEADERS_TIMEOUT_S", 0.3)
    with ServedCrash() as served, connected(served) as silent, connected(served) as dripping:
        dripping.sendall(b"GET /v1/status HTTP/1.1\r\nHost: localhost\r\nX-")
        assert silent.recv(1) == b""
        assert dripping.recv(1) == b""


def test_a_second_request_has_a_deadline_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "HEADERS_TIMEOUT_S", 0.3)
    with ServedCrash() as served, connected(served) as client:
        client.sendall(b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert client.recv(65_536).startswith(b"HTTP/1.1 200")
        client.sendall(b"GET /livez HTTP/1.1\r\nHost: ")
        while client.recv(65_536):
            pass


def test_a_client_that_never_reads_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "READ_TIMEOUT_S", 0.3)
    with ServedCrash(second=200) as served:
        deaf = socket.socket()
        deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2_048)
        deaf.settimeout(CLIENT_TIMEOUT_S)
        deaf.connect(("127.0.0.1", served.server.port))
        deaf.sendall(b"GET /v1/stream HTTP/1.1\r\nHost: localhost\r\n\r\n")
        quick = stream_of(served)
        for _ in range(200):
            served.do(served.server.hub.step)
            next_message(quick)
            if served.do(lambda: len(served.server.hub.followers)) == 1:
                break
        assert served.do(lambda: len(served.server.hub.followers)) == 1
        deaf.close()


def test_more_connections_than_allowed_are_told_so() -> None:
    settings = HttpSettings(listen="127.0.0.1:0", connections_max=4)
    with ServedCrash(settings=settings) as served:
        held = [connected(served) for _ in range(4)]
        with connected(served) as surplus:
            surplus.sendall(b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert surplus.recv(65_536).startswith(b"HTTP/1.1 503")
        for one in held:
            one.close()
