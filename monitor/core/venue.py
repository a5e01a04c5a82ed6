"""VenueEngine: breakers, insurance funds, the waterfall, deleveraging and socialized loss.

It knows accounts only through values: a `Shortfall` comes in, and `Winners` answers what the
shards' candidates and gains are. So it is the same for one shard and for many, and a fund is
never spent twice.
"""

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any

from monitor.core import events
from monitor.core.amounts import (
    float_setting,
    floor_units,
    rounded_text_or_none,
    to_fraction,
)
from monitor.core.breakers.board import BreakerBoard
from monitor.core.decisions import (
    Charge,
    Decision,
    DeleveragingPlanned,
    InsuranceFundCredited,
    InsuranceFundDrawn,
)
from monitor.core.deleveraging.plan import Plan
from monitor.core.deleveraging.policy import Policy
from monitor.core.deleveraging_ledger import DeleveragingLedger
from monitor.core.deleveraging_watch import DeleveragingWatch, Moment
from monitor.core.instruments import Instrument
from monitor.core.liquidation import Liquidation
from monitor.core.live_losses import LossSharer, Sharing
from monitor.core.live_plans import LivePlan, LivePlanner, Winners
from monitor.core.market import Market
from monitor.core.oracles.board import OracleBoard
from monitor.core.pool_factors import PoolFactors
from monitor.core.refusals import RefusedError
from monitor.core.settings import FUND_EXHAUSTED, POOL_PNL_FACTOR, EngineSettings, FundSettings
from monitor.core.unfilled import Unfilled
from monitor.core.vaults import Vaults
from monitor.core.waterfall import Fund, Loss, Shortfall, entry_of
from monitor.core.waterfall_ledger import WaterfallLedger
from monitor.core.waves import Waves
from monitor.core.withdrawals import Withdrawals

SECOND_NS = 1_000_000_000


class VenueEngine:
    """The venue's half of the engine."""

    def __init__(self, market: Market, settings: EngineSettings) -> None:
        """Begin without funds, all breakers armed."""
        self.market = market
        self.settings = settings
        self.planner = LivePlanner(market, settings.deleveraging)
        self.funds: dict[str, Fund] = {}
        self.board = BreakerBoard(settings.breakers)
        self.oracles = OracleBoard(settings.oracles)
        self.ledger = WaterfallLedger()
        self.deleveraging_watch = DeleveragingWatch(market, DeleveragingLedger())
        self.shortfall_usd: dict[str, Fraction] = {}
        self.socialized_usd: dict[str, Fraction] = {}
        self.vaults = Vaults()
        self.waves = Waves()
        self.withdrawals = Withdrawals(settings.withdrawals)
        self.pool_factors = PoolFactors(settings.deleveraging)
        self.unfilled = Unfilled(settings.deleveraging)
        self._tripped: list[Decision] = []  # of breakers, since they were last taken

    @property
    def policy(self) -> Policy:
        """Return the policy of deleveraging in force."""
        return self.planner.policy

    @property
    def deleveragings(self) -> DeleveragingLedger:
        """Return why accounts were deleveraged."""
        return self.deleveraging_watch.ledger

    def configure(self, settings: EngineSettings, now_ns: int) -> list[Decision]:
        """Take new settings; return what they make of prices."""
        self.board.configure(settings.breakers)
        self.settings = settings
        self.withdrawals.use(settings.withdrawals)
        self.pool_factors.use(settings.deleveraging)
        self.unfilled.use(settings.deleveraging)
        self.planner = LivePlanner(self.market, settings.deleveraging)
        return self.oracles.configure(settings.oracles, now_ns)

    # --- funds ----------------------------------------------------------------------------

    def fund_changed(self, event: events.InsuranceFundChanged) -> int | None:
        """Take a fund's reported balance; return what it changed by, in minor units, for losses.

        None for other reasons, and the first time. Raises RefusedError if it is not in the fund's
        asset.
        """
        fund = self.fund(event.fund, event.asset)
        if event.asset != fund.asset:
            raise RefusedError(
                "invalid_field",
                f"expected the balance of fund {event.fund} in {fund.asset}, "
                f"received {event.asset} - at `$.asset`",
            )
        return fund.report(event, self.market.unit(event.asset).count(event.balance))

    def uses_asset(self, asset: str) -> bool:
        """Return whether a fund is kept in the asset."""
        return any(fund.asset == asset for fund in self.funds.values())

    def fund(self, name: str, asset: str) -> Fund:
        """Return a fund, made on its first mention in its configured asset or `asset`."""
        self.funds[name] = found = self.look_at_fund(name, asset)
        return found

    def look_at_fund(self, name: str, asset: str) -> Fund:
        """Return a fund as it is; one that nobody has mentioned is empty, and is not kept."""
        if name in self.funds:
            return self.funds[name]
        configured = {fund.name: fund.asset for fund in self.settings.funds}
        return Fund(name, configured.get(name, asset))

    def take_tripped(self) -> list[Decision]:
        """Return what breakers have decided about shortfalls since the last call."""
        taken, self._tripped = self._tripped, []
        return taken

    # --- the waterfall --------------------------------------------------------------------

    def credit(
        self, instrument: Instrument, liquidation: Liquidation, gain: Fraction, now_ns: int
    ) -> list[Decision]:
        """Credit an execution gain (settlement currency), up to its cap, to the instrument's fund.

        With a `credit_rate_max` of 0.01 a gain of 30 on fills of 1,000 credits 10.
        """
        if instrument.fund is None:
            return []
        rate = self.settings.waterfall.credit_rate_max
        if rate is not None:
            gain = min(gain, float_setting(rate) * liquidation.filled_notional(instrument))
        fund = self.fund(instrument.fund, instrument.settlement)
        converted = self._convert(gain, instrument.settlement, fund.asset)
        if converted is None:
            return []
        unit = self.market.unit(fund.asset)
        amount = floor_units(converted, unit.value)
        if not amount:
            return []
        fund.credited += amount
        return [
            InsuranceFundCredited(
                event_ns=now_ns,
                rule="waterfall",
                fund=fund.name,
                asset=fund.asset,
                amount=unit.text_of(amount),
                liquidation_id=liquidation.liquidation_id,
            )
        ]

    def bear(self, shortfall: Shortfall, winners: Winners, moment: Moment) -> list[Decision]:
        """Pass a shortfall down the layers; returns what each of them decides."""
        now_ns = moment.engine_ns
        instrument = self.market.instruments[shortfall.instrument]
        layers = self.settings.waterfall.layers
        account_of = instrument.fund or ""
        value = self.market.exact_value(shortfall.asset)
        assert value is not None
        unit = self.market.unit(shortfall.asset).value
        self.shortfall_usd[account_of] = (
            self.shortfall_usd.get(account_of, Fraction(0)) + shortfall.amount * unit * value
        )
        amount = shortfall.amount * unit
        place = (shortfall.instrument, shortfall.asset, shortfall.episode_id)
        self.waves.note(now_ns, place, amount, amount * value)
        self._tripped += self.board.shortfall_incurred(instrument.name, amount * value, now_ns)
        loss = Loss(shortfall)
        decisions: list[Decision] = []
        if "liquidator_vault" in layers:
            vaults = winners.vaults(without=shortfall.account)
            minor_unit = self.market.unit(shortfall.asset)
            decisions += self.vaults.draw(loss, vaults, value, minor_unit, now_ns)
        given_up: dict[str, Fraction] = {}
        early = self._early_trigger(instrument)
        if early is not None:
            decisions += self._plan(loss, winners, (moment, early), given_up)
        if "insurance_fund" in layers and loss.amount and instrument.fund is not None:
            decisions += self._draw_up(loss, instrument.fund, now_ns)
        if early is None and FUND_EXHAUSTED in self.settings.deleveraging.trigger:
            decisions += self._plan(loss, winners, (moment, FUND_EXHAUSTED), given_up)
        if "socialized_loss" in layers and loss.amount:
            asked = loss.amount
            sharing = Sharing(loss, instrument, winners, given_up, now_ns)
            sharer = LossSharer(self.market, self.settings.waterfall)
            shared = sharer.share(sharing)
            decisions.append(shared)
            self._note_socialized(loss, account_of, asked - loss.amount)
            decisions += self._looms(loss, asked, shared.accounts, now_ns)
        elif loss.amount:
            decisions += self._looms(loss, loss.amount, [], now_ns)
        first, name = shortfall.is_first, shortfall.account
        entry = entry_of(loss, self.market)
        self.ledger.add(shortfall.episode_id, name, entry, now_ns, is_first=first)
        return decisions

    def _early_trigger(self, instrument: Instrument) -> str | None:
        """Return what lets winners be asked before the fund now, the first by configuration."""
        scopes = {instrument.name, instrument.fund}
        for name in self.settings.deleveraging.trigger:
            if name == POOL_PNL_FACTOR and self.pool_factors.is_on(instrument.settlement):
                return name
            if self.board.is_tripped({name}, scopes):
                return name
        return None

    def _plan(
        self, loss: Loss, winners: Winners, why: tuple[Moment, str], given_up: dict[str, Fraction]
    ) -> list[Decision]:
        """Deleverage for what is left of a loss, and enter who gives up what for it.

        `why`: the moment, and the trigger.
        """
        moment, trigger = why
        is_asked = "deleveraging" in self.settings.waterfall.layers and loss.amount
        if not is_asked or loss.shortfall.closed_side is None:
            return []
        instrument = self.market.instruments[loss.shortfall.instrument]
        made = self.planner.for_loss(loss, winners)
        self.deleveraging_watch.note_plan(loss, made, self.planner, moment)
        planned = self._deleverage(loss, made, trigger, moment.engine_ns)
        given_up.update(self._given_up(instrument, made.plan))
        return [planned]

    def _note_socialized(self, loss: Loss, fund: str, charged: int) -> None:
        value = self.market.exact_value(loss.asset) or Fraction(0)
        charged_usd = charged * self.market.unit(loss.asset).value * value
        self.socialized_usd[fund] = self.socialized_usd.get(fund, Fraction(0)) + charged_usd

    def _looms(
        self, loss: Loss, left: int, charges: Sequence[Charge], now_ns: int
    ) -> list[Decision]:
        """Let the withdrawal gate know what layers before socialized loss leave, and to whom."""
        value = self.market.exact_value(loss.asset)
        assert value is not None  # a layer has been asked in this asset
        haircut = left * self.market.unit(loss.asset).value * value
        worths = {one.account: to_fraction(one.amount) * value for one in charges}
        pool = self.market.instruments[loss.shortfall.instrument].settlement
        return self.withdrawals.haircut_looms(pool, haircut, worths, now_ns)

    def _convert(self, amount: Fraction, asset: str, target: str) -> Fraction | None:
        if asset == target:
            return amount
        value, target_value = self.market.exact_value(asset), self.market.exact_value(target)
        return None if value is None or not target_value else amount * value / target_value

    def _draw_up(self, loss: Loss, name: str, now_ns: int) -> list[Decision]:
        """Ask a fund, then its parent for what is left, and so on."""
        configured = {fund.name: fund for fund in self.settings.funds}
        decisions: list[Decision] = []
        following: str | None = name
        while following is not None and loss.amount:
            own = configured.get(following)
            fund = self.fund(following, loss.asset)
            decisions += self._draw(loss, fund, own, now_ns)
            following = None if own is None else own.parent
        return decisions

    def _most(self, fund: Fund, own: FundSettings | None, now_ns: int) -> int | None:
        """Return the most that a fund may pay now by its caps, None without any."""
        unit = self.market.unit(fund.asset).value
        caps = []
        if own is not None and own.payout_cap is not None:
            caps.append(floor_units(float_setting(own.payout_cap), unit))
        if own is not None and own.payout_window_cap is not None:
            assert own.payout_window_s is not None  # both, or none
            paid = fund.paid_since(now_ns - round(own.payout_window_s * SECOND_NS))
            caps.append(max(0, floor_units(float_setting(own.payout_window_cap), unit) - paid))
        return min(caps, default=None)

    def _draw(
        self, loss: Loss, fund: Fund, own: FundSettings | None, now_ns: int
    ) -> list[Decision]:
        unit = self.market.unit(fund.asset)
        if fund.asset != loss.asset:
            amount = loss.amount * self.market.unit(loss.asset).value
            converted = self._convert(amount, loss.asset, fund.asset)
            if converted is None:
                return []
            loss.convert(fund.asset, converted / unit.value)
        asked = loss.amount
        shortfall = loss.shortfall
        most = self._most(fund, own, now_ns)
        paid = fund.draw(asked, shortfall.liquidation_id, shortfall.event_ns, cap=most)
        if paid and own is not None and own.payout_window_s is not None:
            fund.note_payout(now_ns, paid)
        loss.pay("insurance_fund", fund.name, paid)
        return [
            InsuranceFundDrawn(
                event_ns=now_ns,
                rule="waterfall",
                fund=fund.name,
                asset=fund.asset,
                amount=unit.text_of(asked),
                paid=unit.text_of(paid),
                uncovered=unit.text_of(loss.amount),
                liquidation_id=loss.shortfall.liquidation_id,
            )
        ]

    def _given_up(self, instrument: Instrument, made: Plan | None) -> dict[str, Fraction]:
        """Return what each account gives up in a plan, in the settlement currency."""
        amounts: dict[str, Fraction] = {}
        if made is None:
            return amounts
        value = self.market.exact_value(instrument.settlement)
        assert value  # the plan rests on it
        for part in made.reductions:
            assert part.amount is not None
            name = part.share.winner.account
            amounts[name] = amounts.get(name, Fraction(0)) + part.amount / value
        return amounts

    def _deleverage(self, loss: Loss, made: LivePlan, trigger: str, now_ns: int) -> Decision:
        """Take what a plan collects off the loss."""
        unit = self.market.unit(loss.asset)
        asked, collected = loss.amount, 0
        if made.plan is not None:
            value = self.market.exact_value(loss.asset)
            assert value  # the plan rests on it
            collected = floor_units(made.plan.taken / value, unit.value)
        taken = min(asked, collected)
        surplus = {"surplus": collected - taken, "reductions": made.reductions}
        loss.pay("deleveraging", self.policy.name, taken, **surplus)
        return DeleveragingPlanned(
            event_ns=now_ns,
            rule=self.policy.name,
            instrument=loss.shortfall.instrument,
            side=loss.winning_side,
            policy=self.policy.name,
            asset=loss.asset,
            amount=unit.text_of(asked),
            taken=unit.text_of(taken),
            left=unit.text_of(loss.amount),
            price=rounded_text_or_none(made.price),
            reductions=made.reductions,
            liquidation_id=loss.shortfall.liquidation_id,
            trigger=trigger,
        )

    # --- state ----------------------------------------------------------------------------

    def export_state(self) -> dict[str, Any]:
        """Return everything as plain values, in a canonical order."""
        return {
            "funds": [self.funds[name].export_state() for name in sorted(self.funds)],
            "breakers": self.board.export_state(),
            "oracles": self.oracles.export_state(),
            "ledger": self.ledger.export_state(),
            "deleveragings": self.deleveragings.export_state(),
            "withdrawals": self.withdrawals.export_state(),
            "pool_factors": self.pool_factors.export_state(),
            "unfilled": self.unfilled.export_state(),
            "waves": self.waves.export_state(),
            "vaults": self.vaults.export_state(),
            "shortfall_usd": _plain_sums(self.shortfall_usd),
            "socialized_usd": _plain_sums(self.socialized_usd),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Take what `export_state` described."""
        self.funds = {plain[0]: Fund.from_state(plain) for plain in state["funds"]}
        self.board.restore(state["breakers"])
        self.oracles.restore(state["oracles"])
        self.ledger = WaterfallLedger.from_state(state["ledger"])
        deleveragings = DeleveragingLedger.from_state(state["deleveragings"])
        self.deleveraging_watch = DeleveragingWatch(self.market, deleveragings)
        self.withdrawals.restore(state["withdrawals"])
        self.pool_factors.restore(state["pool_factors"])
        self.unfilled.restore(state["unfilled"])
        self.waves.restore(state["waves"])
        self.vaults.restore(state["vaults"])
        self.shortfall_usd = _sums(state["shortfall_usd"])
        self.socialized_usd = _sums(state["socialized_usd"])


def _plain_sums(sums: Mapping[str, Fraction]) -> list[Any]:
    return [[name, str(v.numerator), str(v.denominator)] for name, v in sorted(sums.items())]


def _sums(plain: list[Any]) -> dict[str, Fraction]:
    return {name: Fraction(int(n), int(d)) for name, n, d in plain}
