"""What each account has realized since the session began: the base of session profits.

Sessions are of equal length and begin where engine time is a multiple of it (a day: at midnight
UTC). Kept by differences, only while a method of socializing losses asks for it.
"""

from typing import Any

from monitor.core.settings import WaterfallSettings

SECOND_NS = 1_000_000_000
METHODS_BY_SESSION = frozenset({"session-profit", "session-profit-minimum-rate"})
# Why a balance changes when its owner gains or loses; all else only moves money.
PROFIT_REASONS = frozenset(
    {"trade", "fee", "funding", "liquidation", "deleveraging", "socialized_loss"}
)


class Sessions:
    """The realized profits of one session by asset and account, in minor units.

    No larger than the number of accounts with a profit or a loss, times their assets.
    """

    def __init__(self, settings: WaterfallSettings) -> None:
        """Begin without any."""
        self.number: int | None = None
        self.realized: dict[str, dict[str, int]] = {}
        self.use(settings)

    def use(self, settings: WaterfallSettings) -> None:
        """Take new settings; profits of sessions of another length are no use any more."""
        length_ns = round(settings.session_s * SECOND_NS)
        self.is_kept = settings.socialized_loss in METHODS_BY_SESSION
        if not self.is_kept or length_ns != getattr(self, "length_ns", length_ns):
            self.number, self.realized = None, {}
        self.length_ns = length_ns

    def note(self, now_ns: int, account: str, asset: str, difference: int) -> None:
        """Add what a balance changed by."""
        self._turn(now_ns)
        of_asset = self.realized.setdefault(asset, {})
        of_asset[account] = of_asset.get(account, 0) + difference

    def of(self, now_ns: int, asset: str) -> dict[str, int]:
        """Return what every account has realized in an asset; who is not named: nothing."""
        self._turn(now_ns)
        return self.realized.get(asset, {})

    def forget(self, account: str) -> None:
        """Forget a closed account."""
        for of_asset in self.realized.values():
            of_asset.pop(account, None)

    def _turn(self, now_ns: int) -> None:
        number = now_ns // self.length_ns
        if number != self.number:
            self.number, self.realized = number, {}

    def export_state(self) -> list[Any]:
        """Return everything as plain values, in a canonical order."""
        return [
            self.length_ns,
            self.number,
            [
                [asset, sorted([name, str(units)] for name, units in of_asset.items())]
                for asset, of_asset in sorted(self.realized.items())
            ],
        ]

    def restore(self, state: list[Any]) -> None:
        """Take what `export_state` described, of sessions of the same length."""
        length_ns, number, realized = state
        if self.is_kept and length_ns == self.length_ns:
            self.number = number
            self.realized = {
                asset: {name: int(units) for name, units in of_asset}
                for asset, of_asset in realized
            }
