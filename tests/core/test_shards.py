"""What every shard hands out merges: a book in parts gives what the whole book gives.

Integers, counts, exact amounts and orders are equal; floats within 1e-9 of their size, since they
are added up in another order.
"""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.core.book_sums import NamedColumns, book_sums, image_sums
from monitor.core.decisions import Side
from monitor.core.engine import RiskEngine
from monitor.core.events import AnyEvent
from monitor.core.margin.index.image import BookImages, ImageReader
from monitor.core.settings import EngineSettings
from monitor.core.winners import foremost_accounts
from tests import random_settings, strategies
from tests.builders import Journal

SIDES: tuple[Side, ...] = ("long", "short")


def close(value: Any) -> Any:
    """Return plain values with their floats compared within the bound."""
    if isinstance(value, float):
        return pytest.approx(value, rel=1e-9, abs=1e-6, nan_ok=True)
    if isinstance(value, dict):
        return {key: close(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(close(each) for each in value)
    return value


def plain(record: Any) -> Any:
    """Return a record as plain values."""
    return msgspec.to_builtins(record)


def view(engine: RiskEngine) -> Any:
    """Return the view, its worst accounts by name: near ties may change places."""
    told = plain(engine.view())
    return told | {"worst": sorted(told["worst"], key=lambda each: each["account"])}


def book(engine: RiskEngine) -> Any:
    """Return the sums over images of all shards."""
    settlements = {name: one.settlement for name, one in engine.market.instruments.items()}
    named = []
    for part in engine.shards.engines:
        image = BookImages(part.thresholds.index).take()
        names = [(name, settlements.get(name, "")) for name in part.thresholds.instrument_names]
        named.append(NamedColumns(ImageReader().columns(image.source), names))
        image.release()
    sums = plain(book_sums(named, image_sums(named), engine.engine_ns))
    held = [each for each in sums["instruments"] if any(each[side]["holders"] for side in SIDES)]
    return sums | {"instruments": held}  # an empty shard has no number of what it never held


def assert_same_sides(one: RiskEngine, many: RiskEngine) -> None:
    """Compare what is asked of the shards for each side of each instrument."""
    for name in sorted(one.market.instruments):
        assert many.shards.open_interest(name) == one.shards.open_interest(name)
        assert many.shards.concentrations(name) == one.shards.concentrations(name)
        for side in SIDES:
            parts = [engine.shards.scored(name, side) for engine in (one, many)]
            assert foremost_accounts(parts[0], 99) == foremost_accounts(parts[1], 99)
            assert many.shards.standings(name, side) == one.shards.standings(name, side)
        for account in ("", *one.account_ids()):
            assert many.shards.gains(name, without=account) == one.shards.gains(
                name, without=account
            )


@given(random_settings.SETTINGS, strategies.chaos(rules="all"), st.integers(2, 3))
def test_everything_that_shards_hand_out_merges(
    settings: EngineSettings, sequence: list[AnyEvent], shards: int
) -> None:
    one, many = RiskEngine(settings), RiskEngine(settings, shards=shards)
    for event in sequence:
        assert plain(many.apply([event])) == plain(one.apply([event]))
        assert many.summary() | {"state_hash": ""} == one.summary() | {"state_hash": ""}
        assert view(many) == close(view(one))
    assert many.account_ids() == one.account_ids()
    assert many.take_changed_accounts() == one.take_changed_accounts()
    assert many.account_reports() == one.account_reports()
    assert many.shards.count() == one.shards.count()
    assert_same_sides(one, many)
    assert book(many) == close(book(one))


def test_a_deficit_is_of_all_shards_whatever_a_unit_with_an_open_change_gains() -> None:
    """Ann is bankrupt until her change is whole, though her 1 at 10 is worth 12 by now."""
    views = []
    for shards in (1, 3):
        engine = RiskEngine(EngineSettings(), shards=shards)
        journal = Journal()
        journal.list_instrument("X-PERP")
        journal.mark("X-PERP", "9")
        journal.position("ann", "X-PERP", "1", "10")
        journal.balance("bob", "-5")
        journal.balance("ann", "0", more=True)
        journal.mark("X-PERP", "12")
        engine.apply(journal.take())
        assert len({id(engine.shards.of(name)) for name in ("ann", "bob")}) == min(shards, 2)
        views.append(engine.view())
    assert views[0].accounts["bankrupt"] == 2
    assert [view.deficit_usd for view in views] == [3.0, 3.0]
