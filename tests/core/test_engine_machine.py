"""A random exchange, compared with the slow twin in everything after every event.

One rule an event kind (and a restart): decisions, refusals, the verdict of every margin unit, every
class 1 sum, every amount and price of every position. Half of the books are spread over two shards.
"""

from typing import Any

import msgspec
from hypothesis import Phase
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from monitor.core.engine import RiskEngine
from monitor.core.events import ConfigurationChanged
from monitor.core.settings import EngineSettings
from tests import random_settings
from tests.builders import Journal
from tests.core.comparison import Pair
from tests.reference.naive import NaiveEngine
from tests.strategies import ACCOUNTS, Writer


def written(settings: EngineSettings) -> str:
    return msgspec.json.encode(settings).decode()


def parsed(text: str) -> EngineSettings:
    return msgspec.json.decode(text, type=EngineSettings)


def writes(name: str) -> Any:
    """Return the rule that lets a `Writer` write events of one kind."""

    def write(self: "ExchangeMachine", data: st.DataObject) -> None:
        getattr(self.writer(data), name)()
        self.tell()

    write.__name__ = name
    return rule(data=st.data())(write)


class ExchangeMachine(RuleBasedStateMachine):
    """One exchange, told twice."""

    @initialize(
        data=st.data(), settings=random_settings.SETTINGS_OF_ALL_RULES, shards=st.integers(1, 2)
    )
    def begin(self, data: st.DataObject, settings: EngineSettings, shards: int) -> None:
        """List instruments, and give most accounts money and a position."""
        settings = parsed(written(settings))  # as an operator's: numbers are floats
        self.journal = Journal()
        self.accounts = ACCOUNTS[: data.draw(st.integers(2, 5))]
        self.pair = Pair(
            RiskEngine(settings, parse_settings=parsed, shards=shards),
            NaiveEngine(settings, parsed),
        )
        self.writer(data).world()
        self.writer(data).book()
        self.tell()

    def writer(self, data: st.DataObject) -> Writer:
        return Writer(data.draw, self.journal, self.accounts, "all")

    def tell(self) -> None:
        """Tell both what was written, and compare everything after each event."""
        for event in self.journal.take():
            self.pair.apply(event)
            self.pair.check_all()

    mark, marks, index = map(writes, ("mark", "marks", "index"))
    balance, position, hedge, orders = map(writes, ("balance", "position", "hedge", "orders"))
    funding, fund, snapshot = map(writes, ("funding", "fund", "snapshot"))
    liquidation, bankruptcy = map(writes, ("liquidation", "bankruptcy"))
    relist, delist, list_collateral = map(writes, ("relist", "delist", "list_collateral"))
    open, reopen, reset, noise = map(writes, ("open", "reopen", "reset", "noise"))
    tick, long_pause = map(writes, ("tick", "long_pause"))

    @rule(settings=random_settings.SETTINGS_OF_ALL_RULES)
    def configure(self, settings: EngineSettings) -> None:
        """Put another configuration in force."""
        self.journal.add(
            ConfigurationChanged(event_ns=self.journal.now_ns, hash="h", text=written(settings))
        )
        self.tell()

    @rule()
    def restart(self) -> None:
        """Go on with an engine that was made from the state of this one."""
        engine = self.pair.engine
        self.pair.engine = RiskEngine.from_state(
            engine.export_state(), engine.settings, parse_settings=parsed
        )
        self.pair.check_all()


class TestExchange(ExchangeMachine.TestCase):  # type: ignore[misc,valid-type]
    """A quarter of the profile's examples: each is some 40 events, all compared in everything."""

    settings = hypothesis_settings(
        max_examples=hypothesis_settings().max_examples // 4,
        stateful_step_count=20,
        phases=[Phase.explicit, Phase.generate],  # shrinking takes longer than a test may
    )
