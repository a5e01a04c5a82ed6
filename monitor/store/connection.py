"""The one way to reach Redis: no hidden retries, a deadline on everything, secrets from outside.

The client must not repeat a command on its own: after a timeout nobody knows whether the command
was carried out, and a second one would count twice. Who sends settles that by reading back.

The deadlines are ours: with `socket_timeout` redis-py sends through `asyncio.wait_for`, which on
Python 3.11 can swallow the cancellation of the task, and the daemon would never end.
"""

import asyncio
import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from urllib.parse import urlsplit

import redis.asyncio
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from monitor.config import ConfigurationError, RedisSettings

PASSWORD_VARIABLE = "LOSS_MONITOR_REDIS_PASSWORD"  # noqa: S105 - the name, not the password
CONNECTIONS_MAX = 4
REDIS_ERRORS = (RedisError, OSError, TimeoutError)


class DeadlineRedis(redis.asyncio.Redis):
    """A client that gives every command `deadline_s` seconds, connecting included."""

    deadline_s = 2.0

    async def execute_command(self, *words: object, **options: object) -> object:
        """Carry out a command; raises TimeoutError when there is no answer in time."""
        carry_out: Callable[..., Awaitable[object]] = super().execute_command
        try:
            async with asyncio.timeout(self.deadline_s):
                return await carry_out(*words, **options)
        except TimeoutError as error:
            raise TimeoutError(f"no answer within {self.deadline_s:g} s") from error


def connect(settings: RedisSettings, *, is_binary: bool = False) -> DeadlineRedis:
    """Return a client; it connects when it is first used. Its answers are text unless binary.

    Raises ConfigurationError for an address or a password that cannot be used.
    """
    try:
        client = DeadlineRedis.from_url(
            _checked_url(settings.url),
            username=settings.username,
            password=read_password(settings),
            retry=Retry(NoBackoff(), 0),
            socket_timeout=None,
            socket_connect_timeout=settings.timeout_s,
            max_connections=CONNECTIONS_MAX,
            decode_responses=not is_binary,
        )
    except ValueError as error:
        raise ConfigurationError(
            f"[redis] url: expected redis://, rediss:// or unix://, received {error}"
        ) from error
    assert isinstance(client, DeadlineRedis)
    client.deadline_s = settings.timeout_s
    return client


def read_password(settings: RedisSettings) -> str | None:
    """Return the password from `password_file`, else from the environment, else None.

    Raises ConfigurationError when the file cannot be read or is empty.
    """
    if settings.password_file is None:
        return os.environ.get(PASSWORD_VARIABLE) or None
    try:
        password = Path(settings.password_file).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(
            f"[redis] password_file: expected a readable file, received {error}"
        ) from error
    if not password:
        raise ConfigurationError(
            f"[redis] password_file: expected a password in {settings.password_file}, "
            "received an empty file"
        )
    return password


def _checked_url(url: str) -> str:
    if urlsplit(url).password is not None:
        raise ConfigurationError(
            "[redis] url: expected no password in the address, received one; put it into "
            f"`password_file` or the environment variable {PASSWORD_VARIABLE}"
        )
    return url
