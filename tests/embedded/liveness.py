"""Whether a process of another parent still runs."""

import os
import threading
from pathlib import Path

POLL_INTERVAL_S = 0.02
POLLS_MAX = 500


def is_alive(pid: int) -> bool:
    """Return whether a process runs; one that only waits to be noticed (a zombie) does not."""
    try:
        os.kill(pid, 0)
        status = Path(f"/proc/{pid}/stat").read_text()
    except (ProcessLookupError, FileNotFoundError):
        return False
    return status.rsplit(")", 1)[1].split()[0] != "Z"


def ended(pid: int) -> bool:
    """Return whether a process ends within some seconds."""
    for _ in range(POLLS_MAX):
        if not is_alive(pid):
            return True
        threading.Event().wait(POLL_INTERVAL_S)
    return False
