"""Two programs, one truth: the exchange's own books and the monitor agree to the minor unit."""

from fractions import Fraction

import pytest

from monitor.core import decisions, events
from monitor.core.breaker_settings import PriceVelocitySettings
from monitor.core.engine import RiskEngine
from monitor.core.settings import EngineSettings, FundSettings
from monitor.replay.demo.exchange import Exchange

SETTINGS = EngineSettings(
    funds=(
        FundSettings(name="linear-fund", asset="USDT"),
        FundSettings(name="inverse-fund", asset="BTC"),
    ),
    breakers=(PriceVelocitySettings(name="fast", lookback_s=1.6, limit_ratio=0.05, halt_s=1.0),),
)


class Heard:
    """An exchange's whole story and what the engine decided in it."""

    def __init__(self) -> None:
        self.exchange = Exchange(seed=5, cycle_s=20.0, start_ns=1_760_130_000_000_000_000)
        self.engine = RiskEngine(SETTINGS)
        self.decisions: list[decisions.Decision] = []
        self.unjustified: list[events.LiquidationStarted] = []
        self._hear(self.exchange.open())
        for _ in range(70):
            self._hear(self.exchange.step())

    def _hear(self, batch: list[events.Event]) -> None:
        for event in batch:
            if isinstance(event, events.LiquidationStarted):
                view = self.engine.account_view(event.account)
                if view is None or view.state not in {"liquidatable", "bankrupt"}:
                    self.unjustified.append(event)
            self.decisions += [decision for _, decision in self.engine.apply([event])]

    def of(self, kind: type[decisions.Decision]) -> list[decisions.Decision]:
        return [decision for decision in self.decisions if isinstance(decision, kind)]


@pytest.fixture(scope="module")
def heard() -> Heard:
    return Heard()


def test_the_engine_refuses_nothing_of_what_the_exchange_says(heard: Heard) -> None:
    assert heard.engine.take_refused() == []


def test_whoever_the_exchange_liquidates_is_liquidatable_for_the_engine(heard: Heard) -> None:
    assert heard.exchange.liquidator.started > 100
    assert heard.unjustified == []


def test_the_fund_pays_what_the_engine_says_it_pays(heard: Heard) -> None:
    drawn = {"USDT": Fraction(0), "BTC": Fraction(0)}
    for decision in heard.of(decisions.InsuranceFundDrawn):
        assert isinstance(decision, decisions.InsuranceFundDrawn)
        drawn[decision.asset] += Fraction(decision.paid)
    paid = heard.exchange.losses.totals.paid_by_fund
    assert drawn == {"USDT": Fraction(paid[0], 10**6), "BTC": Fraction(paid[1], 10**8)}


def test_every_account_with_a_deficit_is_a_shortfall_for_the_engine(heard: Heard) -> None:
    named = {
        decision.account
        for decision in heard.of(decisions.ShortfallIncurred)
        if isinstance(decision, decisions.ShortfallIncurred)
    }
    names = heard.exchange.desk.journal.names
    assert named == {names[row] for row in heard.exchange.losses.totals.bankrupt}


def test_equities_agree_at_the_end(heard: Heard) -> None:
    heard.engine.apply(heard.exchange.step())
    valuation = heard.exchange.desk.valuation
    for row in range(30, 200):
        view = heard.engine.account_view(heard.exchange.desk.journal.names[row])
        assert view is not None
        assert view.equity is not None
        assert view.equity == pytest.approx(float(valuation.equity(row)), abs=1e-6)


def test_the_breaker_trips_and_winners_are_planned_to_be_deleveraged(heard: Heard) -> None:
    assert heard.of(decisions.BreakerTripped)
    assert heard.of(decisions.DeleveragingPlanned)
