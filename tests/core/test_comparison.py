"""What the comparison with the twin must see: each kind of difference, by its own name."""

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import pytest

from monitor.core import report
from monitor.core.accounts import AccountEngine
from monitor.core.engine import RiskEngine
from monitor.core.margin import prices
from monitor.core.margin.index import index
from monitor.core.margin.thresholds import Thresholds
from monitor.core.open_interest import Concentration, SideInterest
from monitor.core.settings import EngineSettings
from tests.builders import Journal
from tests.core.comparison import Pair
from tests.reference.naive import NaiveEngine

Break = Callable[[pytest.MonkeyPatch], None]


def compare() -> None:
    """Compare a book with cross and isolated units on both sides after every event."""
    journal = Journal()
    journal.list_instrument("X-PERP")
    journal.mark("X-PERP", "100")
    journal.balance("ann", "50")
    journal.position("ann", "X-PERP", "1", "100", margin_mode="isolated", isolated_margin="10")
    journal.position("ann", "X-PERP", "2", "100", leg="long")
    journal.balance("bob", "50")
    journal.position("bob", "X-PERP", "-3", "100")
    journal.mark("X-PERP", "93")
    pair = Pair(RiskEngine(EngineSettings()), NaiveEngine(EngineSettings()))
    for event in journal.take():
        pair.apply(event)
        pair.check_all()


def isolated_units_stay_as_they_are(patch: pytest.MonkeyPatch) -> None:
    right = AccountEngine._follow

    def follow(self: AccountEngine, unit: object, after: int) -> object:
        return [] if getattr(unit, "key", None) else right(self, unit, after)  # type: ignore[arg-type]

    patch.setattr(AccountEngine, "_follow", follow)


def equity_has_the_wrong_sign(patch: pytest.MonkeyPatch) -> None:
    right = index._sums_of
    patch.setattr(index, "_sums_of", lambda c: right(c)._replace(equity=-right(c).equity))


def units_are_counted_twice(patch: pytest.MonkeyPatch) -> None:
    right = index._sums_of
    patch.setattr(index, "_sums_of", lambda c: right(c)._replace(counts=2 * right(c).counts))


def nothing_is_concentrated(patch: pytest.MonkeyPatch) -> None:
    none = Concentration(Fraction(0), Fraction(0), Fraction(0))
    patch.setattr(SideInterest, "concentration", lambda _: none)


def open_interest_is_of_longs(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(report, "notional_usd", lambda *_: Fraction(300))


def floats_are_a_little_off(patch: pytest.MonkeyPatch) -> None:
    right = Thresholds.amounts

    def amounts(self: Thresholds, unit: object) -> tuple[float, float] | None:
        found = right(self, unit)  # type: ignore[arg-type]
        return None if found is None else (found[0] + 1e-6, found[1])

    patch.setattr(Thresholds, "amounts", amounts)


def a_price_is_a_little_off(patch: pytest.MonkeyPatch) -> None:
    right = prices.bankruptcy_price

    def bankruptcy_price(*args: Any) -> Fraction:
        return (right(*args) or Fraction(0)) + Fraction(1, 10**12)

    patch.setattr(report, "bankruptcy_price", bankruptcy_price)


@pytest.mark.parametrize(
    ("make_wrong", "subject"),
    [
        (isolated_units_stay_as_they_are, "decisions"),
        (equity_has_the_wrong_sign, "equity of"),
        (units_are_counted_twice, "units by state"),
        (nothing_is_concentrated, "concentration of"),
        (open_interest_is_of_longs, "open interest of"),
        (floats_are_a_little_off, "equity of ann"),
        (a_price_is_a_little_off, "report of ann"),
    ],
)
def test_a_difference_is_seen_where_it_is(
    make_wrong: Break, subject: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    compare()
    make_wrong(monkeypatch)
    with pytest.raises(AssertionError, match=f"^{subject}"):
        compare()
