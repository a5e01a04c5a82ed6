"""One Kafka for every test process of this user on this machine.

A node costs seconds of two cores and 400 MB, so processes share one, each with topic names of its
own. Who uses it holds a shared lock on a file; the node runs under a guard (this module, run as a
program) that ends it when nobody holds that lock any more, however the users ended.
`LOSS_MONITOR_TEST_KAFKA_LINGER_S` keeps it that long for the next run (default 0).
"""

import fcntl
import json
import os
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from typing import IO, Self

from monitor.embedded.real_kafka import KAFKA_VERSION, RealKafka, kafka_answers

START_TIMEOUT_S = 180
POLL_INTERVAL_S = 0.1


def shared_directory() -> Path:
    """Return the folder in which the processes of this user meet."""
    folder = Path(tempfile.gettempdir()) / f"loss-monitor-tests-{os.getuid()}-{KAFKA_VERSION}"
    folder.mkdir(mode=0o700, exist_ok=True)
    return folder


class SharedKafka:
    """A use of the shared node: from `open` to `close`."""

    def __init__(self, users: IO[str], bootstrap_servers: str, pid: int) -> None:
        self._users = users
        self.bootstrap_servers = bootstrap_servers
        self.pid = pid

    @classmethod
    def open(cls) -> Self:
        """Return a use of the node, starting it if nobody else has."""
        folder = shared_directory()
        with (folder / "start.lock").open("a") as mutex:
            fcntl.flock(mutex, fcntl.LOCK_EX)
            users = (folder / "users.lock").open("a")
            fcntl.flock(users, fcntl.LOCK_SH)  # waits while a guard is ending the last node
            address = _running(folder) or _start(folder)
        return cls(users, str(address["bootstrap_servers"]), int(address["pid"]))

    def close(self) -> None:
        """Give the node up; the guard ends it when this was the last use."""
        self._users.close()


def _running(folder: Path) -> dict[str, str] | None:
    try:
        address: dict[str, str] = json.loads((folder / "kafka.json").read_text())
    except (OSError, ValueError):
        return None
    return address if kafka_answers(address["bootstrap_servers"]) else None


def _start(folder: Path) -> dict[str, str]:
    (folder / "kafka.json").unlink(missing_ok=True)
    with (folder / "guard.log").open("w") as log:
        guard = subprocess.Popen(
            [sys.executable, "-m", "tests.shared_kafka", str(folder)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            cwd=Path(__file__).parents[1],
            start_new_session=True,
        )
    for _ in range(int(START_TIMEOUT_S / POLL_INTERVAL_S)):
        address = _running(folder)
        if address is not None:
            return address
        try:
            guard.wait(timeout=POLL_INTERVAL_S)
        except subprocess.TimeoutExpired:
            continue
        break
    guard.kill()
    raise RuntimeError(f"expected a Kafka, received {(folder / 'guard.log').read_text()[-2000:]}")


def guard(folder: Path) -> None:
    """Run the node until nobody uses it."""
    kafka = RealKafka()
    kafka.start()
    try:
        partial = folder / "kafka.json.partial"
        partial.write_text(
            json.dumps({"bootstrap_servers": kafka.bootstrap_servers, "pid": kafka.pid})
        )
        partial.rename(folder / "kafka.json")
        linger_s = float(os.environ.get("LOSS_MONITOR_TEST_KAFKA_LINGER_S", "0"))
        with (folder / "users.lock").open("a") as users:
            _wait_unused(users, linger_s)
            (folder / "kafka.json").unlink(missing_ok=True)
            kafka.close()
    finally:
        kafka.close()


def _wait_unused(users: IO[str], linger_s: float) -> None:
    """Return holding the lock that nobody else holds, and nobody took for `linger_s`."""
    fcntl.flock(users, fcntl.LOCK_EX)
    while linger_s > 0:
        fcntl.flock(users, fcntl.LOCK_UN)
        threading.Event().wait(linger_s)
        try:
            fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            fcntl.flock(users, fcntl.LOCK_EX)
        else:
            return


if __name__ == "__main__":
    guard(Path(sys.argv[1]))
