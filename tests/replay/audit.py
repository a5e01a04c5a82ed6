"""A slow, independent look at a stream of events: it says whether their world conserves.

It knows only the events. Give it every event in order, and ask it wherever no trade is half
delivered: contracts must balance, and every asset's balances, profits and funds must be the net
deposits. Profits are exact rationals from the published entry prices.
"""

from collections import defaultdict
from fractions import Fraction

from monitor.core import events


class StreamAudit:
    """Balances, positions, funds and prices as the events say; `deposits` by asset."""

    def __init__(self) -> None:
        self.instruments: dict[str, events.InstrumentListed] = {}
        self.minor_units: dict[str, Fraction] = {}
        self.marks: dict[str, Fraction] = {}
        self.balances: dict[tuple[str, str], Fraction] = defaultdict(Fraction)
        self.positions: dict[tuple[str, str], tuple[Fraction, Fraction]] = {}
        self.funds: dict[str, tuple[str, Fraction]] = {}
        self.deposits: dict[str, Fraction] = defaultdict(Fraction)
        self.sequences: dict[str, int] = defaultdict(int)
        self.open_groups: set[str] = set()
        self.liquidations: dict[str, events.LiquidationStarted] = {}
        self.last_ns = 0

    def add(self, event: events.Event) -> None:
        """Apply one event; assert what must hold of every single one."""
        assert event.event_ns >= self.last_ns, "expected time not to go back"
        self.last_ns = event.event_ns
        if isinstance(event, events.AccountEvent):
            self._add_account_event(event)
        elif isinstance(event, events.InstrumentListed):
            self.instruments[event.instrument] = event
        elif isinstance(event, events.CollateralListed):
            self.minor_units[event.asset] = Fraction(event.minor_unit)
        elif isinstance(event, events.MarkPriceChanged):
            self.marks[event.instrument] = Fraction(event.price)
        elif isinstance(event, events.MarkPricesChanged):
            self.marks |= {name: Fraction(price) for name, price in event.prices.items()}
        elif isinstance(event, events.InsuranceFundChanged):
            self._add_fund(event)

    def _add_fund(self, event: events.InsuranceFundChanged) -> None:
        before = self.funds.get(event.fund, (event.asset, Fraction(0)))[1]
        balance = Fraction(event.balance)
        assert balance >= 0, f"expected a fund of 0 at least, received {event}"
        if event.reason == "deposit":
            self.deposits[event.asset] += balance - before
        self.funds[event.fund] = (event.asset, balance)

    def _add_account_event(self, event: events.AccountEvent) -> None:
        self.sequences[event.account] += 1
        assert event.seq == self.sequences[event.account], f"expected the next seq in {event}"
        (self.open_groups.add if event.more else self.open_groups.discard)(event.account)
        if isinstance(event, events.BalanceChanged):
            key = (event.account, event.asset)
            balance = Fraction(event.balance)
            assert (balance / self.minor_units[event.asset]).denominator == 1, event
            if event.reason == "deposit":
                self.deposits[event.asset] += balance - self.balances[key]
            self.balances[key] = balance
        elif isinstance(event, events.PositionChanged):
            entry = Fraction(event.entry_price or 0)
            assert (Fraction(event.size) == 0) == (event.entry_price is None), event
            self.positions[event.account, event.instrument] = (Fraction(event.size), entry)
        elif isinstance(event, events.LiquidationStarted):
            self.liquidations[event.liquidation_id] = event
        elif isinstance(event, events.LiquidationFinished):
            assert event.liquidation_id in self.liquidations, event

    def check(self) -> None:
        """Assert that nothing is created or lost; call it where no trade is half delivered."""
        assert not self.open_groups
        profits: dict[str, Fraction] = defaultdict(Fraction)
        sizes: dict[str, Fraction] = defaultdict(Fraction)
        positions: dict[str, int] = defaultdict(int)
        for (_, name), (size, entry) in self.positions.items():
            instrument = self.instruments[name]
            sizes[name] += size
            if size:
                profits[instrument.settlement_currency] += self._profit(instrument, size, entry)
                positions[instrument.settlement_currency] += 1
        assert all(total == 0 for total in sizes.values()), dict(sizes)
        for asset, minor_unit in self.minor_units.items():
            held = sum(amount for (_, name), amount in self.balances.items() if name == asset)
            in_funds = sum(amount for name, amount in self.funds.values() if name == asset)
            difference = held + in_funds + profits[asset] - self.deposits[asset]
            assert abs(difference) <= minor_unit * max(1, positions[asset]), (asset, difference)

    def _profit(
        self, instrument: events.InstrumentListed, size: Fraction, entry: Fraction
    ) -> Fraction:
        mark, contract_size = self.marks[instrument.instrument], Fraction(instrument.contract_size)
        if instrument.kind == "inverse":
            return size * contract_size * (1 / entry - 1 / mark)
        return size * contract_size * (mark - entry)
