"""`loss-monitor run`: logs, signals, the event loop and the exit status around an App."""

import asyncio
import os
import signal
import sys
from collections.abc import Iterable, Iterator
from importlib.util import find_spec

from monitor.api.server import ListenError
from monitor.app.daemon import App
from monitor.app.state import StateError
from monitor.config import Configuration, ConfigurationError, load_configuration
from monitor.runtime.clock import Clock
from monitor.runtime.logs import configure_logs
from monitor.runtime.supervise import RestartsExhaustedError
from monitor.store.snapshot import SnapshotError
from monitor.streams.broker import BrokerError
from monitor.streams.codec import LogRecordError
from monitor.streams.journal import LeadershipLostError

EXIT_DONE = 0
EXIT_FAILED = 1
EXIT_USAGE = 2
# What an operator can act on: told in one line, without a traceback.
EXPECTED_ERRORS = (
    BrokerError,
    ConfigurationError,
    ListenError,
    LeadershipLostError,
    LogRecordError,
    RestartsExhaustedError,
    SnapshotError,
    StateError,
    OSError,
)


def run(config_path: str | os.PathLike[str], *, create_topics: bool = False) -> int:
    """Run the daemon until SIGTERM or SIGINT; return the exit status.

    0: stopped in order; 1: it failed while running; 2: the configuration cannot be used. SIGHUP
    reads the file again.
    """
    try:
        configuration, text = load_configuration(config_path)
    except ConfigurationError as error:
        sys.stderr.write(f"loss-monitor: {error}\n")
        return EXIT_USAGE
    service = configuration.service
    configure_logs(Clock(), form=service.log_format, level=service.log_level)
    try:
        with asyncio.Runner(loop_factory=_loop_factory()) as runner:
            runner.run(_run(configuration, text, config_path, create_topics=create_topics))
    except ConfigurationError as error:
        _failed([error])
        return EXIT_USAGE
    except EXPECTED_ERRORS as error:
        return _failed([error])
    except BaseExceptionGroup as group:
        expected, unexpected = group.split(EXPECTED_ERRORS)
        if unexpected is not None or expected is None:
            raise
        return _failed(_leaves(expected))
    return EXIT_DONE


def _failed(errors: Iterable[BaseException]) -> int:
    """Tell each error once, in one line, and return the exit status."""
    for message in dict.fromkeys(str(error) or repr(error) for error in errors):
        sys.stderr.write(f"loss-monitor: {message}\n")
    return EXIT_FAILED


async def _run(
    configuration: Configuration,
    text: str,
    path: str | os.PathLike[str],
    *,
    create_topics: bool,
) -> None:
    app = App(configuration, text, path=path, create_topics=create_topics)
    loop = asyncio.get_running_loop()
    reloads: set[asyncio.Task[bool]] = set()

    def reload() -> None:
        task = loop.create_task(app.reload(), name="reload")
        reloads.add(task)
        task.add_done_callback(reloads.discard)

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, app.request_stop)
    loop.add_signal_handler(signal.SIGHUP, reload)
    await app.run_until_stopped()


def _loop_factory() -> "type[asyncio.AbstractEventLoop] | None":
    """Return uvloop's loop where it is installed (the extra `uvloop`), else None."""
    if find_spec("uvloop") is None:
        return None
    import uvloop  # optional

    factory: type[asyncio.AbstractEventLoop] = uvloop.Loop
    return factory


def _leaves(group: BaseException) -> Iterator[BaseException]:
    """Return the errors inside nested groups."""
    if isinstance(group, BaseExceptionGroup):
        for each in group.exceptions:
            yield from _leaves(each)
    else:
        yield group
