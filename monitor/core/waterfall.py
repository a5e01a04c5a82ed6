"""Who bears a shortfall: vault, fund, deleveraging, socialized loss. Every layer conserves it.

A fund's reported balance is absolute; our own draws lower what the next draw finds until a
report includes them (by liquidation id, or by time). What every layer paid is entered in the
ledger of `waterfall_ledger.py`.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from monitor.core.amounts import Unit, ceil_units, rounded_text
from monitor.core.decisions import Charge, Reduction, Side
from monitor.core.events import InsuranceFundChanged, Leg
from monitor.core.market import Market
from monitor.core.waterfall_ledger import ACCOUNTS_MAX, BorneShortfall, Layer, LayerPayment

LOSS_REASONS = frozenset({"liquidation", "deleveraging", "socialized_loss"})
PAYOUTS_MAX = 1_000  # of one fund's window


@dataclass(slots=True, frozen=True)
class Shortfall:
    """A deficit at the end of a liquidation at `event_ns`; `amount` in minor units of `asset`.

    `account_margin` is what the account itself lost before, in the same unit, None if that is not
    known; `is_first`: of its episode. `bankruptcy_price` is the one frozen at the start;
    `closed_side` the liquidated side.
    """

    event_ns: int
    account: str
    instrument: str
    leg: Leg
    liquidation_id: str
    episode_id: str
    is_first: bool
    asset: str
    account_margin: int | None
    amount: int
    closed_side: str | None
    bankruptcy_price: Fraction | None


@dataclass(slots=True, frozen=True)
class Payment:
    """What one layer paid, in minor units of `asset`, and what that `covered` of the loss.

    `covered` is in minor units of the shortfall's asset; `surplus` what was collected beyond.
    """

    layer: Layer
    payer: str
    asset: str
    asked: int
    paid: int
    covered: int
    surplus: int = 0
    reductions: Sequence[Reduction] = ()
    charges: Sequence[Charge] = ()


class Loss:
    """What is left of a shortfall on its way down the layers: minor units of `asset`.

    `uncovered` is the same in the shortfall's own asset. It only ever falls by what is covered, so
    amount = sum of covered + uncovered holds exactly whatever the conversions are.
    """

    def __init__(self, shortfall: Shortfall) -> None:
        """Begin with the whole shortfall; the account's own margin has been lost before."""
        self.shortfall = shortfall
        self.asset = shortfall.asset
        self.amount = self.uncovered = shortfall.amount
        self.payments: list[Payment] = []
        self.rounding = Fraction(0)  # minor units of the shortfall's asset, added by conversions
        self._worth = Fraction(1)  # of a minor unit of `asset`, in those of the shortfall's
        margin = shortfall.account_margin
        if margin:
            total = margin + shortfall.amount
            self.payments.append(
                Payment("account_margin", shortfall.account, self.asset, total, margin, margin)
            )

    @property
    def winning_side(self) -> Side:
        """Return the side that gained what the closed one lost."""
        return "short" if self.shortfall.closed_side == "long" else "long"

    def convert(self, asset: str, units: Fraction) -> None:
        """Go on in another asset: so many of its minor units are what is left, rounded up."""
        worth = self.amount * self._worth / units
        self.asset, self.amount, self._worth = asset, ceil_units(units, Fraction(1)), worth
        self.rounding += (self.amount - units) * worth

    def pay(self, layer: Layer, payer: str, paid: int, **details: Any) -> None:  # noqa: ANN401 (fields of Payment)
        """Take what a layer paid off the loss; what is left to cover is rounded up."""
        asked = self.amount
        assert 0 <= paid <= asked
        self.amount -= paid
        rest = min(self.uncovered, ceil_units(self.amount * self._worth, Fraction(1)))
        covered, self.uncovered = self.uncovered - rest, rest
        self.payments.append(Payment(layer, payer, self.asset, asked, paid, covered, **details))


def entry_of(loss: Loss, market: Market) -> BorneShortfall:
    """Return who bore a shortfall, in decimals, once all layers have been asked."""
    shortfall, margin = loss.shortfall, loss.shortfall.account_margin
    unit = market.unit(shortfall.asset)
    return BorneShortfall(
        liquidation_id=shortfall.liquidation_id,
        event_ns=shortfall.event_ns,
        instrument=shortfall.instrument,
        leg=shortfall.leg,
        asset=shortfall.asset,
        account_margin=None if margin is None else unit.text_of(margin),
        shortfall=unit.text_of(shortfall.amount),
        payments=tuple(_told(each, market.unit(each.asset), unit) for each in loss.payments),
        uncovered=unit.text_of(loss.uncovered),
        rounding=rounded_text(loss.rounding * unit.value),
    )


def _told(payment: Payment, unit: Unit, unit_of_shortfall: Unit) -> LayerPayment:
    return LayerPayment(
        layer=payment.layer,
        payer=payment.payer,
        asset=payment.asset,
        asked=unit.text_of(payment.asked),
        paid=unit.text_of(payment.paid),
        left=unit.text_of(payment.asked - payment.paid),
        covered=unit_of_shortfall.text_of(payment.covered),
        surplus=unit.text_of(payment.surplus),
        accounts=len(payment.reductions) + len(payment.charges),
        reductions=tuple(payment.reductions[:ACCOUNTS_MAX]),
        charges=tuple(payment.charges[:ACCOUNTS_MAX]),
    )


@dataclass(slots=True, frozen=True)
class Draw:
    """One draw on a fund that no report includes yet."""

    liquidation_id: str
    amount: int
    event_ns: int


@dataclass(slots=True)
class Fund:
    """One insurance fund, in minor units of its asset."""

    name: str
    asset: str
    reported: int = 0
    reported_ns: int = 0
    draws: list[Draw] = field(default_factory=list)
    drawn: int = 0
    credited: int = 0
    uncovered: int = 0
    payouts: deque[tuple[int, int]] = field(default_factory=deque)  # (engine_ns, paid), of a window

    @property
    def flows(self) -> int:
        """Return what it was credited with less what it drew, by our own figures."""
        return self.credited - self.drawn

    @property
    def available(self) -> int:
        """Return what a draw can find now, never below 0."""
        return max(0, self.reported - sum(draw.amount for draw in self.draws))

    def report(self, event: InsuranceFundChanged, balance: int) -> int | None:
        """Take the venue's absolute balance, and forget the draws that it includes.

        Returns what it changed by for losses; None for other reasons, and the first time.
        """
        is_for_losses = self.reported_ns > 0 and event.reason in LOSS_REASONS
        change = balance - self.reported if is_for_losses else None
        self.reported = balance
        self.reported_ns = event.event_ns
        included = event.liquidation_ids
        if included is None:
            self.draws = [draw for draw in self.draws if draw.event_ns > event.event_ns]
        else:
            self.draws = [draw for draw in self.draws if draw.liquidation_id not in included]
        return change

    def paid_since(self, start_ns: int) -> int:
        """Return what it paid after a moment of engine time, and forget what it paid before."""
        while self.payouts and self.payouts[0][0] <= start_ns:
            self.payouts.popleft()
        return sum(paid for _, paid in self.payouts)

    def note_payout(self, now_ns: int, paid: int) -> None:
        """Keep a payout for its window; of very many the oldest count as one, at the later time."""
        self.payouts.append((now_ns, paid))
        if len(self.payouts) > PAYOUTS_MAX:
            _, oldest = self.payouts.popleft()
            later_ns, second = self.payouts.popleft()
            self.payouts.appendleft((later_ns, oldest + second))

    def draw(
        self, amount: int, liquidation_id: str, event_ns: int, *, cap: int | None = None
    ) -> int:
        """Pay what the fund can of `amount`, at most `cap`; return what it paid.

        paid + uncovered = amount: the next fund or layer is asked for what is uncovered.
        """
        assert amount > 0
        paid = min(self.available, amount) if cap is None else min(self.available, amount, cap)
        if paid:
            self.draws.append(Draw(liquidation_id, paid, event_ns))
        self.drawn += paid
        self.uncovered += amount - paid
        return paid

    def export_state(self) -> list[Any]:
        """Return the fund as plain values."""
        return [
            self.name,
            self.asset,
            self.reported,
            self.reported_ns,
            [[draw.liquidation_id, draw.amount, draw.event_ns] for draw in self.draws],
            str(self.drawn),
            str(self.credited),
            str(self.uncovered),
            [[paid_ns, str(paid)] for paid_ns, paid in self.payouts],
        ]

    @classmethod
    def from_state(cls, state: list[Any]) -> "Fund":
        """Return the fund that `export_state` described."""
        name, asset, reported, reported_ns, draws, drawn, credited, uncovered, payouts = state
        return cls(
            name=name,
            asset=asset,
            reported=reported,
            reported_ns=reported_ns,
            draws=[Draw(*draw) for draw in draws],
            drawn=int(drawn),
            credited=int(credited),
            uncovered=int(uncovered),
            payouts=deque((paid_ns, int(paid)) for paid_ns, paid in payouts),
        )
