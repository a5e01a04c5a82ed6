"""An instrument in the form that the core computes with: exact rationals and their floats."""

from fractions import Fraction

from monitor.core.amounts import Unit, to_fraction
from monitor.core.events import InstrumentListed
from monitor.core.requirements import MarginModel, make_model


def mark_key(instrument: str) -> str:
    """Return the key under which guards on an instrument's mark are kept."""
    return "mark:" + instrument


class Instrument:
    """A tradable contract; `definition` is what the venue said of it."""

    __slots__ = (
        "buffer_rate", "contract_size", "definition", "fee_at_bankruptcy", "fee_at_mark",
        "fee_rate", "float_fee_rate", "float_quantity_per_unit", "fund",
        "funding_in_margin", "guard_key", "index", "inverse", "kind", "larger_leg",
        "lot_size", "margins_at_entry", "model", "name", "quantity_per_unit", "settlement",
        "size_unit",
    )  # fmt: skip

    def __init__(self, definition: InstrumentListed) -> None:
        """Take the definition as listed."""
        self.definition = definition
        self.name = definition.instrument
        self.guard_key = mark_key(definition.instrument)
        self.kind = definition.kind
        self.inverse = definition.kind == "inverse"
        self.settlement = definition.settlement_currency
        self.fund = definition.fund
        self.index = definition.index
        self.funding_in_margin = definition.funding_in_margin
        self.contract_size = to_fraction(definition.contract_size)
        self.lot_size = to_fraction(definition.lot_size)
        self.size_unit = Unit(definition.size_unit or definition.lot_size)
        self.quantity_per_unit = self.contract_size * self.size_unit.value
        self.float_quantity_per_unit = float(self.quantity_per_unit)
        self.model: MarginModel = make_model(definition)
        self.margins_at_entry = definition.margin_price == "entry_price"
        self.larger_leg = definition.hedge_margin == "larger"
        self.fee_rate = to_fraction(definition.closing_fee_rate)
        self.float_fee_rate = float(self.fee_rate)
        self.fee_at_mark = bool(self.fee_rate) and definition.closing_fee_basis == "mark_price"
        self.fee_at_bankruptcy = (
            bool(self.fee_rate) and definition.closing_fee_basis == "bankruptcy_price"
        )
        self.buffer_rate = to_fraction(definition.liquidation_buffer_rate)

    def values_like(self, other: "Instrument") -> bool:
        """Return whether a size is worth the same under both, at any price, and as many lots."""
        ours, theirs = self.definition, other.definition
        return (
            self.kind == other.kind
            and self.quantity_per_unit == other.quantity_per_unit
            and self.lot_size == other.lot_size
            and self.settlement == other.settlement
            and (ours.base, ours.index) == (theirs.base, theirs.index)
        )

    def moves_with(self, other: "Instrument") -> bool:
        """Return whether one price moves both: they are one, or have one index."""
        return self.name == other.name or (self.index is not None and self.index == other.index)

    def contracts(self, units: int) -> Fraction:
        """Return a size in contracts from its size units."""
        return units * self.size_unit.value
