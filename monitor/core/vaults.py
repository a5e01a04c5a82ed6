"""The venue's liquidator vaults as a layer: they bear a shortfall before the insurance fund.

A vault is an account of role `liquidator`. It pays out of the equity of its cross unit, at most
down to 0; what it has paid here lowers what the next shortfall finds, until its own events show it.
Source: Hyperliquid's backstop vault (book, vault, deleveraging); dYdX and others have none.
"""

from collections.abc import Sequence
from fractions import Fraction
from typing import Any, NamedTuple

from monitor.core.amounts import Unit, floor_units
from monitor.core.decisions import Decision, LiquidatorVaultDrawn
from monitor.core.waterfall import Loss

DRAWS_MAX = 1_000  # of one vault; of more the oldest count as one, at the later time


class VaultEquity(NamedTuple):
    """A vault and the exact equity of its cross unit in the valuation currency."""

    account: str
    equity: Fraction


class VaultDraw(NamedTuple):
    """What a vault paid, in the valuation currency, and no event of the vault shows yet."""

    event_ns: int
    worth: Fraction


class Vaults:
    """What the vaults have paid beyond what their own events say."""

    def __init__(self) -> None:
        """Begin with nothing drawn."""
        self.draws: dict[str, list[VaultDraw]] = {}

    def available(self, vault: VaultEquity) -> Fraction:
        """Return what a draw can find now in the valuation currency, never below 0."""
        drawn = sum((draw.worth for draw in self.draws.get(vault.account, ())), Fraction(0))
        return max(Fraction(0), vault.equity - drawn)

    def show(self, account: str, event_ns: int) -> None:
        """Take a balance of a vault: it includes what was drawn up to its time."""
        left = [draw for draw in self.draws.pop(account, ()) if draw.event_ns > event_ns]
        if left:
            self.draws[account] = left

    def forget(self, account: str) -> None:
        """Forget a closed account."""
        self.draws.pop(account, None)

    def draw(
        self,
        loss: Loss,
        vaults: Sequence[VaultEquity],
        value: Fraction,
        unit: Unit,
        now_ns: int,
    ) -> list[Decision]:
        """Let the vaults pay a loss, one after the other; `value` is that of the loss's asset.

        A loss of 70 with vaults of 50 and 30: the first pays 50, the second 20.
        """
        decisions: list[Decision] = []
        for vault in vaults:
            if not loss.amount:
                break
            asked = loss.amount
            paid = min(asked, floor_units(self.available(vault) / value, unit.value))
            if paid:
                event_ns = loss.shortfall.event_ns
                self._note(vault.account, VaultDraw(event_ns, paid * unit.value * value))
            loss.pay("liquidator_vault", vault.account, paid)
            decisions.append(
                LiquidatorVaultDrawn(
                    event_ns=now_ns,
                    rule="waterfall",
                    account=vault.account,
                    asset=loss.asset,
                    amount=unit.text_of(asked),
                    paid=unit.text_of(paid),
                    uncovered=unit.text_of(loss.amount),
                    liquidation_id=loss.shortfall.liquidation_id,
                )
            )
        return decisions

    def _note(self, account: str, draw: VaultDraw) -> None:
        own = self.draws.setdefault(account, [])
        own.append(draw)
        if len(own) > DRAWS_MAX:
            first, second = own[0], own[1]
            later_ns = max(first.event_ns, second.event_ns)
            own[:2] = [VaultDraw(later_ns, first.worth + second.worth)]

    def export_state(self) -> list[Any]:
        """Return everything as plain values, in a canonical order."""
        return [
            [name, [[ns, str(worth.numerator), str(worth.denominator)] for ns, worth in draws]]
            for name, draws in sorted(self.draws.items())
        ]

    def restore(self, state: list[Any]) -> None:
        """Take what `export_state` described."""
        self.draws = {
            name: [VaultDraw(ns, Fraction(int(above), int(below))) for ns, above, below in draws]
            for name, draws in state
        }
