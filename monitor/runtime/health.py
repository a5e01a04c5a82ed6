"""Named checks that add up to `live` and `ready`.

Live: the process works; if not, restart it. Ready: it does its whole job; if not, do not rely
on it yet. What is merely degraded (Redis away) is shown and does not make it unready.
"""

from enum import Enum
from typing import NamedTuple


class Need(Enum):
    """What fails when a check fails."""

    LIVE = "live"
    READY = "ready"
    DEGRADED = "degraded"


class Check(NamedTuple):
    """The last result of one named check; `detail` says what is expected and what is so."""

    name: str
    is_ok: bool
    detail: str
    need: Need


class Health:
    """The checks of one process; whoever owns a part sets its check."""

    def __init__(self) -> None:
        self._checks: dict[str, Check] = {}

    def set(self, name: str, detail: str = "", *, is_ok: bool, need: Need = Need.READY) -> bool:
        """Set a check; return whether its verdict changed (the first one counts as a change)."""
        before = self._checks.get(name)
        self._checks[name] = Check(name, is_ok, detail, need)
        return before is None or before.is_ok != is_ok

    def remove(self, name: str) -> None:
        """Forget a check, if it is there."""
        self._checks.pop(name, None)

    def checks(self) -> list[Check]:
        """Return all checks, sorted by name."""
        return [self._checks[name] for name in sorted(self._checks)]

    def is_ok(self, name: str) -> bool:
        """Return whether a check is known and passes."""
        return name in self._checks and self._checks[name].is_ok

    @property
    def is_live(self) -> bool:
        """Return whether no check that the process needs to live fails."""
        return all(check.is_ok for check in self._checks.values() if check.need is Need.LIVE)

    @property
    def is_ready(self) -> bool:
        """Return whether there are checks and none that it needs to do its job fails."""
        needed = [check for check in self._checks.values() if check.need is not Need.DEGRADED]
        return bool(needed) and all(check.is_ok for check in needed)
