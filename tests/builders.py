"""Short ways to write events in tests: a `Journal` counts seq and time for the writer.

Every method appends one event and returns it. Numbers may be given as int, str, Decimal or
Fraction; the event gets the canonical decimal string.
"""

from decimal import Decimal
from fractions import Fraction
from typing import Any, TypeAlias

from monitor.core import events

Amount: TypeAlias = int | str | Decimal | Fraction

SECOND_NS = 1_000_000_000
START_NS = 1_000 * SECOND_NS


def text(value: Amount) -> str:
    """Return an amount as a canonical decimal string: no exponent, no trailing zeros."""
    if isinstance(value, str):
        return value
    if isinstance(value, Fraction):
        scaled = value * 10**18
        if scaled.denominator != 1:
            raise ValueError(f"expected at most 18 decimal places, received {value}")
        value = Decimal(scaled.numerator).scaleb(-18)
    written = f"{Decimal(value):f}"
    if "." in written:
        written = written.rstrip("0").rstrip(".")
    return "0" if written in {"-0", ""} else written


def tier(
    notional_max: Amount | None,
    initial_margin_rate: Amount,
    maintenance_margin_rate: Amount,
    maintenance_deduction: Amount | None = None,
    initial_deduction: Amount = "0",
) -> events.RiskTier:
    """Return one risk tier."""
    return events.RiskTier(
        notional_max=None if notional_max is None else text(notional_max),
        initial_margin_rate=text(initial_margin_rate),
        maintenance_margin_rate=text(maintenance_margin_rate),
        maintenance_deduction=None
        if maintenance_deduction is None
        else text(maintenance_deduction),
        initial_deduction=text(initial_deduction),
    )


TIERS = [tier(None, "0.1", "0.05")]


class Journal:
    """A growing list of events; `now_ns` is the event_ns of the next one."""

    def __init__(self, start_ns: int = START_NS) -> None:
        self.events: list[events.AnyEvent] = []
        self.now_ns = start_ns
        self.sequences: dict[str, int] = {}

    def add(self, event: events.AnyEvent) -> events.AnyEvent:
        """Append an event made elsewhere."""
        self.events.append(event)
        return event

    def wait(self, seconds: float) -> "Journal":
        """Move time on for the events that follow."""
        self.now_ns += round(seconds * SECOND_NS)
        return self

    def take(self) -> list[events.AnyEvent]:
        """Return the events written since the last call."""
        taken, self.events = self.events, []
        return taken

    def next_seq(self, account: str) -> int:
        """Return the next sequence number of an account and count it as used."""
        self.sequences[account] = self.sequences.get(account, 0) + 1
        return self.sequences[account]

    # --- the market ---------------------------------------------------------------------------

    def list_instrument(
        self, instrument: str, kind: str = "linear", **fields: Any
    ) -> events.AnyEvent:
        """List an instrument `AAA-PERP`: linear in USD, inverse in the base, quanto in USD."""
        base = instrument.split("-", maxsplit=1)[0]
        defaults: dict[str, Any] = {
            "base": base,
            "quote": "USD",
            "settlement_currency": base if kind == "inverse" else "USD",
            "contract_size": "1",
            "lot_size": "1",
            "tick_size": "0.01",
            "risk_tiers": TIERS,
            "index": base,
        }
        return self.add(
            events.InstrumentListed(
                event_ns=self.now_ns,
                instrument=instrument,
                kind=kind,  # type: ignore[arg-type]
                **(defaults | fields),
            )
        )

    def list_collateral(self, asset: str, **fields: Any) -> events.AnyEvent:
        """List an asset that counts as collateral."""
        return self.add(events.CollateralListed(event_ns=self.now_ns, asset=asset, **fields))

    def mark(self, instrument: str, price: Amount, **fields: Any) -> events.AnyEvent:
        """Move one mark."""
        return self.add(
            events.MarkPriceChanged(
                event_ns=self.now_ns, instrument=instrument, price=text(price), **fields
            )
        )

    def marks(self, **prices: Amount) -> events.AnyEvent:
        """Move many marks in one step; `AAA_PERP=1` means the instrument `AAA-PERP`."""
        return self.add(
            events.MarkPricesChanged(
                event_ns=self.now_ns,
                prices={name.replace("_", "-"): text(price) for name, price in prices.items()},
            )
        )

    def index(self, index: str, price: Amount, source: str = "exchange") -> events.AnyEvent:
        """Move an index."""
        return self.add(
            events.IndexPriceChanged(
                event_ns=self.now_ns, index=index, price=text(price), source=source
            )
        )

    def funding(
        self, instrument: str, rate: Amount, price: Amount, funding_id: str | None = None
    ) -> events.AnyEvent:
        """Pay funding: rate > 0 means that longs owe."""
        return self.add(
            events.FundingPaid(
                event_ns=self.now_ns,
                instrument=instrument,
                rate=text(rate),
                price=text(price),
                funding_id=funding_id,
            )
        )

    def fund(
        self, fund: str, balance: Amount, asset: str = "USD", reason: str = "deposit", **fields: Any
    ) -> events.AnyEvent:
        """Set the balance of an insurance fund."""
        return self.add(
            events.InsuranceFundChanged(
                event_ns=self.now_ns,
                fund=fund,
                asset=asset,
                balance=text(balance),
                reason=reason,  # type: ignore[arg-type]
                **fields,
            )
        )

    def depth(self, instrument: str, **sides: list[tuple[str, str]]) -> events.AnyEvent:
        """Show a whole book: `bids` and `asks`."""
        return self.add(events.DepthChanged(event_ns=self.now_ns, instrument=instrument, **sides))

    def tick(self) -> events.AnyEvent:
        """Let time move on in silence."""
        return self.add(events.ClockTicked(event_ns=self.now_ns))

    def deleveraging(
        self,
        account: str,
        instrument: str,
        size: Amount,
        price: Amount,
        counterparty: str,
        liquidation_id: str = "L1",
        **fields: Any,
    ) -> events.AnyEvent:
        """Let the venue deleverage a winner: `size` is the signed change of its position."""
        values = {
            "instrument": instrument,
            "size": text(size),
            "price": text(price),
            "counterparty": counterparty,
            "liquidation_id": liquidation_id,
        }
        return self._account(events.DeleveragingFilled, account, values | fields)

    # --- accounts -----------------------------------------------------------------------------

    def open(self, account: str, **fields: Any) -> events.AnyEvent:
        """Open an account."""
        return self.add(events.AccountOpened(event_ns=self.now_ns, account=account, **fields))

    def _account(self, kind: Any, account: str, fields: dict[str, Any]) -> events.AnyEvent:
        """Append an account event with the next seq."""
        seq = self.next_seq(account)
        return self.add(kind(event_ns=self.now_ns, account=account, seq=seq, **fields))

    def balance(
        self,
        account: str,
        balance: Amount,
        asset: str = "USD",
        reason: str = "deposit",
        **fields: Any,
    ) -> events.AnyEvent:
        """Set the absolute balance of an asset."""
        values = {"asset": asset, "balance": text(balance), "reason": reason} | fields
        return self._account(events.BalanceChanged, account, values)

    def position(
        self,
        account: str,
        instrument: str,
        size: Amount,
        entry_price: Amount | None = None,
        **fields: Any,
    ) -> events.AnyEvent:
        """Set an absolute position."""
        values: dict[str, Any] = {"instrument": instrument, "size": text(size)}
        if entry_price is not None:
            values["entry_price"] = text(entry_price)
        return self._account(events.PositionChanged, account, values | fields)

    def orders(self, account: str, instrument: str, **fields: Amount) -> events.AnyEvent:
        """Set the open orders of an instrument."""
        values = dict.fromkeys(("bids_size", "asks_size", "bids_value", "asks_value"), "0")
        values |= {name: text(value) for name, value in fields.items()}
        return self._account(
            events.MarginOrdersChanged, account, {"instrument": instrument, **values}
        )

    def snapshot(self, account: str, **fields: Any) -> events.AnyEvent:
        """Replace an account; its seq goes on from the number that is given or the next one."""
        if "seq" in fields:
            self.sequences[account] = fields.pop("seq") - 1
        return self._account(events.AccountSnapshot, account, fields)

    def liquidation(
        self,
        stage: str,
        account: str,
        instrument: str,
        size: Amount,
        price: Amount | None = None,
        liquidation_id: str = "L1",
        **fields: Any,
    ) -> events.AnyEvent:
        """Report a liquidation; stage is `started`, `filled` or `finished`."""
        kinds: dict[str, type[events.LiquidationEvent]] = {
            "started": events.LiquidationStarted,
            "filled": events.LiquidationFilled,
            "finished": events.LiquidationFinished,
        }
        values = {
            "instrument": instrument,
            "size": text(size),
            "price": None if price is None else text(price),
            "liquidation_id": liquidation_id,
        }
        return self._account(kinds[stage], account, values | fields)
