"""Where the rules of instruments and collateral lie: numbers and areas that are used again.

A number may be dropped when no unit holds it any more; the next instrument or collateral gets it.
Tiers and steps of all lie in one column each, an area a number; a free area is used again for as
many. So a venue that lists anew every day needs no more than it lists at one time.
"""

from collections.abc import Sequence

import numpy as np

from monitor.core.margin.index.columns import HAIRCUT, INSTRUMENT, RARE, TIER, Columns, Records
from monitor.core.margin.index.growth import with_instruments
from monitor.core.margin.index.terms import InstrumentTerms, tier_records


class Areas:
    """The areas of one column, each of one owner; free ones by their length."""

    def __init__(self) -> None:
        """Begin without any."""
        self._free: dict[int, list[int]] = {}

    def write(self, column: Records, records: Records) -> tuple[Records, int]:
        """Write records into a free area or behind all; return the column and where they are."""
        free = self._free.get(len(records))
        if not free:
            return np.concatenate([column, records]), len(column)
        first = free.pop()
        column[first : first + len(records)] = records
        return column, first

    def free(self, first: int, count: int) -> None:
        """Give an area back."""
        if count:
            self._free.setdefault(count, []).append(first)


class Listings:
    """What numbers and areas are taken; the rules themselves lie in the columns."""

    def __init__(self) -> None:
        """Begin without any."""
        self.instruments = 0  # numbers that were ever given
        self._free_instruments: list[int] = []
        self._free_haircuts: list[int] = []
        self._tiers, self._steps = Areas(), Areas()

    def add_instrument(self, columns: Columns, terms: InstrumentTerms) -> tuple[Columns, int]:
        """List an instrument; return the columns and its number."""
        if self._free_instruments:
            number = self._free_instruments.pop()
        else:
            number, self.instruments = self.instruments, self.instruments + 1
            if number >= len(columns.instruments):
                columns = with_instruments(columns)
        return self.set_terms(columns, number, terms), number

    def set_terms(self, columns: Columns, number: int, terms: InstrumentTerms) -> Columns:
        """Give an instrument its terms, instead of those it has."""
        own = columns.instruments[number]
        self._free_terms(own)
        tiers, own["tiers"] = self._tiers.write(columns.tiers, tier_records(terms.tiers))
        steps, own["steps"] = self._steps.write(columns.steps, np.array(terms.steps, np.float64))
        own["tier_count"], own["step_count"] = len(terms.tiers), len(terms.steps)
        for name in ("mark", "value", "inverse", "model", "rate", "per_unit", "scalar", "fee"):
            own[name] = getattr(terms, name)
        for name in ("at_entry", "larger_leg", "after_fee", "always_exact"):
            own[name] = getattr(terms, name)
        own["at_bankruptcy"] = terms.closing_fee > 0.0
        columns.rare[number] = (terms.buffer, terms.closing_fee)
        return columns._replace(tiers=tiers, steps=steps)

    def _free_terms(self, own: Records) -> None:
        self._tiers.free(int(own["tiers"]), int(own["tier_count"]))
        self._steps.free(int(own["steps"]), int(own["step_count"]))

    def drop_instrument(self, columns: Columns, number: int) -> None:
        """Give an instrument's number back that nobody holds."""
        self._free_terms(columns.instruments[number])
        columns.instruments[number] = np.zeros((), INSTRUMENT)
        columns.rare[number] = np.zeros((), RARE)
        assert not columns.positions[number].any(), "expected nobody to hold it"
        self._free_instruments.append(number)

    def add_collateral(
        self, columns: Columns, slot: int, tiers: Sequence[tuple[float, float]]
    ) -> tuple[Columns, int]:
        """List a collateral; return the columns and its number."""
        records = np.array([(width, share, 0.0, 0.0) for width, share in tiers], dtype=TIER)
        column, first = self._tiers.write(columns.tiers, records)
        own = np.array([(slot, first, len(tiers), 0)], dtype=HAIRCUT)
        if self._free_haircuts:
            number = self._free_haircuts.pop()
            columns.haircuts[number] = own[0]
            return columns._replace(tiers=column), number
        haircuts = np.concatenate([columns.haircuts, own])
        return columns._replace(tiers=column, haircuts=haircuts), len(columns.haircuts)

    def drop_collateral(self, columns: Columns, number: int) -> None:
        """Give a collateral's number back that nobody holds."""
        own = columns.haircuts[number]
        self._tiers.free(int(own["tiers"]), int(own["tier_count"]))
        columns.haircuts[number] = np.zeros((), HAIRCUT)
        self._free_haircuts.append(number)
