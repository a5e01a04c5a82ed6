"""Socialized losses on the live book: what each method is given, and what follows from it."""

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

from monitor.core.amounts import float_setting, floor_units, rounded_text
from monitor.core.decisions import Charge, LossSocialized
from monitor.core.instruments import Instrument
from monitor.core.live_plans import Winners
from monitor.core.market import Market
from monitor.core.settings import WaterfallSettings
from monitor.core.socialization import METHODS
from monitor.core.socialization.loss import Bearer
from monitor.core.socialization.loss import Loss as SharedLoss
from monitor.core.waterfall import Loss


@dataclass(slots=True, frozen=True)
class Sharing:
    """A loss that is to be shared: whom to ask, and what deleveraging takes from them already.

    `given_up`: by account, in the settlement currency.
    """

    loss: Loss
    instrument: Instrument
    winners: Winners
    given_up: Mapping[str, Fraction]
    now_ns: int


class LossSharer:
    """Shares losses by the configured method."""

    def __init__(self, market: Market, settings: WaterfallSettings) -> None:
        """Share at the prices of a market."""
        self.market = market
        self.settings = settings

    def share(self, sharing: Sharing) -> LossSocialized:
        """Charge what is left of a loss; what is charged beyond it is the surplus.

        taken + left = asked + surplus.
        """
        loss, method = sharing.loss, METHODS[self.settings.socialized_loss]
        unit, asked = self.market.unit(loss.asset), loss.amount
        shared = SharedLoss(
            amount=asked,
            bearers=tuple(self._bearers(sharing)),
            minor_unit=unit.value,
            minimum_rate=float_setting(self.settings.minimum_rate),
            index_tick=float_setting(self.settings.index_tick),
            payee_of_remainder=self.settings.payee_of_remainder or "",
        )
        shares = method.share(shared).charges
        charges = [
            Charge(
                account=name,
                amount=unit.text_of(charge),
                share=rounded_text(Fraction(charge, asked)),
            )
            for name, charge in sorted(shares.items(), key=lambda item: item[0].encode())
        ]
        charged = sum(shares.values())
        taken = min(asked, charged)
        loss.pay("socialized_loss", method.name, taken, charges=charges, surplus=charged - taken)
        return LossSocialized(
            event_ns=sharing.now_ns,
            rule=method.name,
            method=method.name,
            asset=loss.asset,
            amount=unit.text_of(asked),
            accounts=charges,
            left=unit.text_of(loss.amount),
            surplus=unit.text_of(charged - taken),
            liquidation_id=loss.shortfall.liquidation_id,
        )

    def _bearers(self, sharing: Sharing) -> list[Bearer]:
        """Return who may bear a part, in the order of names, with what the method needs."""
        needs = METHODS[self.settings.socialized_loss].needs
        loss, instrument = sharing.loss, sharing.instrument
        asked, name = sharing.winners, loss.shortfall.account
        settlement = instrument.settlement
        if "size" in needs:
            sizes = asked.sizes(instrument.name, without=name)
            return [Bearer(account=each, size=sizes[each]) for each in _ordered(sizes)]
        if "equity" in needs:
            equities = self._units(asked.equities(without=name), None, loss.asset)
            return [Bearer(account=each, equity=equities[each]) for each in _ordered(equities)]
        if "session_profit" in needs:
            minor_unit = self.market.unit(settlement).value
            profits = asked.profits(settlement, minor_unit, sharing.now_ns, without=name)
            units = self._units(_less(profits, sharing.given_up), settlement, loss.asset)
            return [Bearer(account=each, session_profit=units[each]) for each in _ordered(units)]
        gains = _less(asked.gains(instrument.name, without=name), sharing.given_up)
        units = self._units(gains, settlement, loss.asset)
        return [Bearer(account=each, unrealized_pnl=units[each]) for each in _ordered(units)]

    def _units(
        self, amounts: Mapping[str, Fraction], asset: str | None, target: str
    ) -> dict[str, int]:
        """Return amounts above 0 in whole minor units of `target`; None: they are valuations."""
        value = Fraction(1) if asset is None else self.market.exact_value(asset)
        own, unit = self.market.exact_value(target), self.market.unit(target).value
        if asset == target:
            value = own = Fraction(1)
        if value is None or not own:
            return {}
        return {
            name: floor_units(amount * value / own, unit)
            for name, amount in amounts.items()
            if amount > 0
        }


def _less(amounts: Mapping[str, Fraction], given_up: Mapping[str, Fraction]) -> dict[str, Fraction]:
    return {name: amount - given_up.get(name, Fraction(0)) for name, amount in amounts.items()}


def _ordered(amounts: Mapping[str, Fraction] | Mapping[str, int]) -> list[str]:
    return sorted(amounts, key=str.encode)
