"""Says when there are more accounts than room was reserved for: columns grow then, with a pause."""

import structlog

from monitor.core.view import RiskView

log = structlog.get_logger(__name__)


class RoomWatch:
    """Compares the accounts with `accounts_reserved`; `check` is to be called now and then."""

    def __init__(self, reserved: int) -> None:
        self._reserved = reserved
        self._told_from = reserved

    def check(self, view: RiskView) -> None:
        """Warn of more accounts than reserved, and again at each doubling."""
        known = sum(view.accounts.values())
        if known > self._told_from:
            log.warning("accounts_beyond_reserved", reserved=self._reserved, known=known)
            self._told_from = 2 * known
