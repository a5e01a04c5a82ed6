"""Random worlds and event sequences, small and coarse so that ties and equalities are common.

`chaos` draws sequences in which anything may happen; `closed_book` draws sequences in which
every trade has both sides, every fee a receiver and every payment a payer. Both return plain
lists of events, so that a failing case can be written down as it is. With `rules="all"` the
instruments are listed with every margin rule of `random_rules`, and there are orders and hedges.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from hypothesis import strategies as st

from monitor.core import events
from tests import random_rules
from tests.builders import Journal
from tests.examples import EXAMPLES, INVERSE, LINEAR

ACCOUNTS = ["ann", "bob", "cay", "dan", "Åsa", "zoë"]
OTHER, QUANTO = "SOL-PERP", "XRP-QNT"
INSTRUMENTS = [LINEAR, OTHER, INVERSE, QUANTO]
PRICES = ["8", "9", "9.5", "10", "10.5", "11", "12"]
WILD_PRICES = [*PRICES, "5", "20", "1"]
SIZES = ["-3", "-2", "-1", "1", "2", "3", "10", "-10"]
BALANCES = ["0", "1", "2", "5", "10", "20", "-1", "-5", "3.5"]
MARGINS = ["0", "1", "2", "5"]
RATES = ["0.01", "-0.01", "0.1", "-0.1"]
WAITS = [0.0, 0.0, 0.001, 0.5, 1.0, 5.0, 10.0, 60.0]
Rules: TypeAlias = Literal["tiered", "all"]


@dataclass
class Writer:
    """Draws one event at a time into a journal."""

    draw: Callable[[st.SearchStrategy[Any]], Any]
    journal: Journal
    accounts: Sequence[str]
    rules: Rules = "tiered"

    def pick(self, choices: Sequence[Any]) -> Any:
        """Return one of the choices."""
        return self.draw(st.sampled_from(choices))

    def chance(self, one_in: int) -> bool:
        """Return true about once in so many times (never when shrunk)."""
        return bool(self.draw(st.integers(0, one_in - 1)) == one_in - 1)

    # --- the world ------------------------------------------------------------------------------

    def list_instrument(self, instrument: str) -> None:
        """List one of the four instruments."""
        fields: dict[str, Any] = {"risk_tiers": self.pick(random_rules.TIERS)}
        if self.rules == "all" and self.chance(2):
            fields |= self.draw(random_rules.RULES)
        if not self.chance(4):
            fields["fund"] = "main" if instrument != INVERSE else "coin"
        if self.chance(6):
            fields["funding_in_margin"] = False
        if instrument == INVERSE:
            fields |= {"contract_size": "10"}
            self.journal.list_instrument(instrument, "inverse", **fields)
        elif instrument == QUANTO:
            fields |= {"contract_size": "0.01", "settlement_currency": "BTC"}
            self.journal.list_instrument(instrument, "quanto", **fields)
        else:
            self.journal.list_instrument(instrument, **fields)

    def list_collateral(self) -> None:
        """List an asset as collateral."""
        asset, index = self.pick([("BTC", "BTC"), ("EUR", "EUR"), ("USD", None)])
        self.journal.list_collateral(asset, index=index, **self.pick(random_rules.HAIRCUTS))

    def world(self) -> None:
        """Write the definitions, and most prices."""
        for _ in range(self.draw(st.integers(0, 2))):
            self.list_collateral()
        for instrument in INSTRUMENTS:
            if instrument == LINEAR or not self.chance(4):
                self.list_instrument(instrument)
        for index in ("BTC", "EUR"):
            if not self.chance(5):
                self.journal.index(index, "10")
        for instrument in INSTRUMENTS:
            if not self.chance(5):
                self.journal.mark(instrument, "10")

    def book(self) -> None:
        """Give most accounts some cash and a position against somebody."""
        for number, name in enumerate(self.accounts):
            if self.chance(5):
                continue
            self.journal.balance(name, self.pick(["1", "2", "5", "20"]))
            if self.chance(3):
                self.journal.balance(name, self.pick(["1", "0.5", "2"]), "BTC")
            instrument = self.pick([LINEAR, LINEAR, OTHER, INVERSE])
            size = self.pick(["1", "2", "3", "5"])
            fields = {}
            if self.chance(4):
                fields = {"margin_mode": "isolated", "isolated_margin": self.pick(MARGINS)}
            self.journal.position(
                name, instrument, size if number % 2 else f"-{size}", self.pick(PRICES), **fields
            )
            if self.rules == "all" and self.chance(3):
                self.pick([self.hedge, self.orders])()

    # --- anything ---------------------------------------------------------------------------------

    def step(self) -> None:
        """Write one random event after a random pause."""
        if self.chance(3):
            self.journal.wait(self.pick(WAITS))
        if self.chance(20):
            self.journal.now_ns -= 1_500_000_000
        choices = [
            self.mark, self.mark, self.mark, self.marks, self.index, self.balance, self.balance,
            self.position, self.position, self.position, self.funding, self.liquidation,
            self.bankruptcy, self.bankruptcy, self.fund, self.snapshot, self.rare,
        ]  # fmt: skip
        if self.rules == "all":
            choices += [self.hedge, self.orders]
        self.pick(choices)()

    def mark(self) -> None:
        """Move a mark, sometimes with extremes."""
        price = self.pick(WILD_PRICES)
        fields = {}
        if self.chance(6):
            fields = {"high": "12", "low": "8", "count": 3}
        self.journal.mark(self.pick(INSTRUMENTS), price, **fields)

    def marks(self) -> None:
        """Move several marks at once."""
        names = self.draw(st.lists(st.sampled_from(INSTRUMENTS), min_size=1, unique=True))
        prices = {name.replace("-", "_"): self.pick(PRICES) for name in names}
        self.journal.marks(**prices)

    def index(self) -> None:
        """Move an index, sometimes one that only judges."""
        source = "other" if self.chance(6) else "exchange"
        self.journal.index(self.pick(["BTC", "EUR"]), self.pick(PRICES), source)

    def more(self) -> dict[str, Any]:
        """Return sometimes the mark of an unfinished change."""
        return {"more": True} if self.chance(6) else {}

    def account(self) -> str:
        """Return an account, sometimes after skipping or repeating one of its numbers."""
        name: str = self.pick(self.accounts)
        if self.chance(25):
            self.journal.next_seq(name)
        elif self.chance(25):
            self.journal.sequences[name] = max(0, self.journal.sequences.get(name, 0) - 1)
        return name

    def balance(self) -> None:
        """Set a balance."""
        fields = self.more()
        reason = self.pick(["deposit", "trade", "fee", "funding"])
        if reason == "funding" and self.chance(2):
            fields["funding_id"] = self.pick(["f1", "f2"])
        amount = "0.000000001" if self.chance(30) else self.pick(BALANCES)
        asset = self.pick(["USD", "USD", "USD", "BTC", "EUR", "GBP"])
        self.journal.balance(self.account(), amount, asset, reason, **fields)

    def place(self) -> tuple[str, str]:
        """Return an instrument and a leg."""
        return self.pick([LINEAR, LINEAR, OTHER, INVERSE, QUANTO]), self.pick(
            ["net", "net", "net", "long", "short"]
        )

    def position(self) -> None:
        """Set a position."""
        instrument, leg = self.place()
        size = self.pick(SIZES)
        if leg != "net":
            size = size.lstrip("-") if leg == "long" else "-" + size.lstrip("-")
        if self.chance(5):
            size = "0"
        if self.chance(40):
            size = "-0.5" if leg == "short" else "0.5"
        fields = self.more()
        if self.chance(3):
            margin = self.pick([*MARGINS, None])
            fields |= {"margin_mode": "isolated", "isolated_margin": margin}
        entry = None if size == "0" else self.pick(PRICES)
        self.journal.position(self.account(), instrument, size, entry, leg=leg, **fields)

    def hedge(self) -> None:
        """Set a long and a short leg in one instrument, and close a net position there."""
        account, instrument = self.account(), self.pick(INSTRUMENTS)
        if not self.chance(4):
            self.journal.position(account, instrument, "0", **self.more())
        for leg, sign in (("long", ""), ("short", "-")):
            fields = self.more()
            if self.chance(8):
                fields |= {"margin_mode": "isolated", "isolated_margin": self.pick(MARGINS)}
            size = sign + self.pick(["1", "2", "3", "10"])
            entry = self.pick(PRICES)
            self.journal.position(account, instrument, size, entry, leg=leg, **fields)

    def funding(self) -> None:
        """Pay funding."""
        self.journal.funding(
            self.pick(INSTRUMENTS), self.pick(RATES), self.pick(PRICES), self.pick([None, "f1"])
        )

    def liquidation(self) -> None:
        """Report some stage of a liquidation; its id belongs to one position."""
        account = self.account()
        instrument, leg = self.place()
        stage = self.pick(["started", "filled", "finished", "finished"])
        size = self.pick(SIZES if stage == "filled" else [*SIZES, "0"])
        price = None if stage == "finished" and size == "0" else self.pick(PRICES)
        self.journal.liquidation(
            stage, account, instrument, size, price, f"{account}.{instrument}.{leg}", leg=leg,
            **self.more(),
        )  # fmt: skip

    def bankruptcy(self) -> None:
        """Let one account go under and be liquidated, perhaps in several waves."""
        account, instrument = self.account(), self.pick([LINEAR, LINEAR, OTHER, INVERSE])
        size = self.pick(["-5", "-2", "2", "5"])
        closing = size[1:] if size[0] == "-" else f"-{size}"
        isolated = self.chance(4)
        mode = {"margin_mode": "isolated", "isolated_margin": "1"} if isolated else {}
        self.journal.position(account, instrument, size, "10", **mode)
        name = f"{account}.{instrument}.net"
        self.journal.liquidation("started", account, instrument, closing, None, name)
        self.journal.mark(instrument, self.pick(WILD_PRICES))
        for _ in range(self.draw(st.integers(0, 2))):
            self.journal.liquidation(
                "filled", account, instrument, closing, self.pick(WILD_PRICES), name
            )
        if self.chance(2):
            if isolated:
                mode = {"margin_mode": "isolated", "isolated_margin": self.pick(["-1", "-5", "0"])}
            self.journal.position(account, instrument, "0", **mode, **self.more())
            asset = "BTC" if instrument == INVERSE else "USD"
            balance = self.pick(["-1", "-5", "0", "1"])
            self.journal.balance(account, balance, asset, "liquidation", **self.more())
        self.journal.liquidation("finished", account, instrument, closing, "9", name)

    def fund(self) -> None:
        """Report a fund's balance."""
        fields: dict[str, Any] = {}
        if self.chance(3):
            names = [f"{self.pick(self.accounts)}.{LINEAR}.net"]
            fields["liquidation_ids"] = names
        name, asset = self.pick([("main", "USD"), ("main", "USD"), ("coin", "BTC")])
        self.journal.fund(name, self.pick(["0", "1", "5", "0.5"]), asset, **fields)

    def snapshot(self) -> None:
        """Replace an account."""
        positions = []
        for instrument in self.draw(
            st.lists(st.sampled_from(INSTRUMENTS), max_size=2, unique=True)
        ):
            isolated = self.chance(3)
            positions.append(
                events.PositionRecord(
                    instrument=instrument,
                    size=self.pick(SIZES),
                    entry_price=self.pick(PRICES),
                    margin_mode="isolated" if isolated else "cross",
                    isolated_margin=self.pick([*MARGINS, None]) if isolated else None,
                )
            )
        pending = []
        if self.chance(4):
            pending.append(
                events.PendingFunding(
                    instrument=LINEAR, asset="USD", amount=self.pick(["1", "-1"]), funding_id="f1"
                )
            )
        name = self.account()
        fields = {"seq": self.journal.sequences.get(name, 0) + 5} if self.chance(4) else {}
        self.journal.snapshot(
            name,
            balances={"USD": self.pick(BALANCES)} if self.chance(2) else {},
            positions=positions,
            pending_funding=pending,
            orders=self.snapshot_orders(),
            **fields,
        )

    def snapshot_orders(self) -> list[events.OrdersRecord]:
        """Return the open orders of a snapshot."""
        if self.rules != "all" or not self.chance(2):
            return []
        names = self.draw(st.lists(st.sampled_from(INSTRUMENTS), max_size=2, unique=True))
        return [
            events.OrdersRecord(instrument=name, **self.draw(random_rules.ORDERS)) for name in names
        ]

    def rare(self) -> None:
        """Write something that does not happen every day."""
        choices = [
            self.tick, self.long_pause, self.open, self.reopen, self.relist, self.delist,
            self.list_collateral, self.orders, self.reset, self.noise,
        ]  # fmt: skip
        self.pick(choices)()

    def tick(self) -> None:
        """Let time pass."""
        self.journal.wait(self.pick([0.1, 1.1, 30.0, 400.0]))
        self.journal.tick()

    def long_pause(self) -> None:
        """Let a lot of time pass without an event."""
        self.journal.wait(self.pick([2.0, 100.0, 1_000.0]))

    def open(self) -> None:
        """Open an account in a role."""
        role = self.pick(["client", "market_maker", "liquidator", "insurance_fund"])
        self.journal.open(self.pick(self.accounts), role=role)

    def reopen(self) -> None:
        """Close an account; whatever comes next with its name starts at 1."""
        name = self.pick(self.accounts)
        seq = self.journal.next_seq(name)
        self.journal.add(events.AccountClosed(event_ns=self.journal.now_ns, account=name, seq=seq))
        self.journal.sequences[name] = 0

    def relist(self) -> None:
        """List an instrument again, perhaps with other tiers."""
        self.list_instrument(self.pick(INSTRUMENTS))

    def delist(self) -> None:
        """Delist an instrument."""
        self.journal.add(
            events.InstrumentDelisted(
                event_ns=self.journal.now_ns, instrument=self.pick(INSTRUMENTS)
            )
        )

    def orders(self) -> None:
        """Report open orders: none, where not all rules are drawn."""
        numbers = self.draw(random_rules.ORDERS) if self.rules == "all" else {}
        self.journal.orders(self.account(), self.pick(INSTRUMENTS), **numbers)

    def reset(self) -> None:
        """Reset a breaker by hand."""
        self.journal.add(
            events.BreakerReset(
                event_ns=self.journal.now_ns,
                breaker=self.pick(["fast", "slow", "one", "none"]),
                reason="looked at",
                by="duty officer",
            )
        )

    def noise(self) -> None:
        """Write an event that this engine only counts."""
        event = self.pick(
            [
                one
                for one in EXAMPLES
                if isinstance(
                    one,
                    events.TradingStatusChanged
                    | events.OracleReported
                    | events.FundingRateChanged
                    | events.DepthChanged
                    | events.TradePrinted
                    | events.AuditPoint
                    | events.FeedLost
                    | events.FeedRestored
                    | events.ForecastFinished
                    | events.BootstrapFinished
                    | events.WithdrawalRequested
                    | events.DeleveragingFilled,
                )
            ]
        )
        now: dict[str, Any] = {"event_ns": self.journal.now_ns}
        if isinstance(event, events.AccountEvent):
            account = self.account()
            now |= {"account": account, "seq": self.journal.next_seq(account)}
        fields = {name: getattr(event, name) for name in event.__struct_fields__}
        self.journal.add(type(event)(**(fields | now)))


@st.composite
def chaos(
    draw: st.DrawFn, *, steps_max: int = 20, rules: Rules = "tiered"
) -> list[events.AnyEvent]:
    """Draw a sequence in which anything may happen."""
    count = draw(st.integers(2, 5))
    writer = Writer(draw, Journal(), ACCOUNTS[:count], rules)
    writer.world()
    writer.book()
    for _ in range(draw(st.integers(1, steps_max))):
        writer.step()
    return writer.journal.events
