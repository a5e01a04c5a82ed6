"""Short ways to drive an engine with oracles, by the second, with settings as in the file."""

from typing import Any

from monitor.config import parse_configuration
from monitor.core import events
from monitor.core.decisions import Decision
from monitor.core.engine import RiskEngine

SECOND_NS = 1_000_000_000
START_S = 1_000_000


class World:
    """An engine with one linear instrument on an index, and a coin that the index values."""

    def __init__(self, configuration: str = "", *, shards: int = 1) -> None:
        settings = parse_configuration(configuration, where="x.toml").engine_settings()
        self.engine = RiskEngine(
            settings,
            shards=shards,
            parse_settings=lambda text: parse_configuration(text, where="x").engine_settings(),
        )
        self.second: float = START_S
        self.seqs: dict[str, int] = {}
        self.apply(
            "collateral_listed", asset="BTC", index="BTC", minor_unit="0.00000001", haircut="0"
        )

    def apply(self, event_type: str, /, **fields: Any) -> list[Decision]:
        """Apply one event now; what it may not say is an error."""
        event_ns = int(self.second * SECOND_NS)
        made = next(k for k in EVENTS if k.__struct_config__.tag == event_type)(
            event_ns=event_ns, **fields
        )
        found = [decision for _, decision in self.engine.apply([made])]
        refused = self.engine.take_refused()
        assert not refused, refused
        return found

    def at(self, second: float) -> "World":
        """Move to so many seconds after the start."""
        self.second = START_S + second
        return self

    def report(self, oracle: str, price: str, **fields: Any) -> list[Decision]:
        """Let an oracle report BTC, published now if nothing else is said."""
        event_ns = int(self.second * SECOND_NS)
        ago_s = fields.pop("ago_s", 0)
        return self._take(
            events.OracleReported(
                event_ns=event_ns,
                oracle=oracle,
                index="BTC",
                price=price,
                published_ns=event_ns - round(ago_s * SECOND_NS),
                **fields,
            )
        )

    def index(self, price: str, source: str = "exchange") -> list[Decision]:
        """Let the exchange, or a source that judges, say what BTC is worth."""
        event_ns = int(self.second * SECOND_NS)
        return self._take(
            events.IndexPriceChanged(event_ns=event_ns, index="BTC", price=price, source=source)
        )

    def tick(self) -> list[Decision]:
        """Let time pass to now."""
        return self._take(events.ClockTicked(event_ns=int(self.second * SECOND_NS)))

    def _take(self, event: events.Event) -> list[Decision]:
        found = [decision for _, decision in self.engine.apply([event])]
        refused = self.engine.take_refused()
        assert not refused, refused
        return found

    def holder(self, name: str, coins: str) -> None:
        """Give an account coins that the index values."""
        seq = self.seqs[name] = self.seqs.get(name, 0) + 1
        self._take(
            events.BalanceChanged(
                event_ns=int(self.second * SECOND_NS), account=name, seq=seq, asset="BTC",
                balance=coins, reason="deposit",
            )
        )  # fmt: skip

    @property
    def price(self) -> str | None:
        """Return the price of the index."""
        quote = self.engine.market.usable_index("BTC")
        return None if quote is None else quote.text


EVENTS = (*events.ACCOUNT_EVENTS, *events.MARKET_EVENTS, *events.LOCAL_EVENTS)


def told(decisions: list[Decision]) -> list[str]:
    """Return what decisions say of oracles, in short."""
    return [
        " ".join([one.kind, getattr(one, "oracle", ""), getattr(one, "reason", "")]).strip()
        for one in decisions
    ]
