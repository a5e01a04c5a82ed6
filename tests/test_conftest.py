"""Unit tests cannot open a socket; tests of servers reach this machine and nothing else."""

import asyncio
import socket

import pytest
from hypothesis import settings
from pytest_socket import SocketBlockedError, SocketConnectBlockedError

ELSEWHERE = ("192.0.2.1", 9)  # an address for documentation: nobody has it

pytestmark = pytest.mark.filterwarnings("ignore:A test tried to use")


def test_a_unit_test_cannot_open_a_socket() -> None:
    with pytest.raises(SocketBlockedError):
        socket.socket(socket.AF_INET, socket.SOCK_STREAM)


async def test_a_unit_test_has_an_event_loop_all_the_same() -> None:
    await asyncio.sleep(0)


@pytest.mark.service
def test_a_test_of_a_server_reaches_this_machine() -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        socket.create_connection(server.getsockname()) as client,
    ):
        assert client.getpeername() == server.getsockname()


@pytest.mark.service
def test_a_test_of_a_server_reaches_no_other_machine() -> None:
    with pytest.raises(SocketConnectBlockedError):
        socket.create_connection(ELSEWHERE)


def test_examples_repeat() -> None:
    assert settings().database is None
    assert settings().deadline is None
