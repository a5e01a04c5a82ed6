"""What engine and twin must agree on, and how a difference is shown.

`assert_same` compares the decisions, refusals and verdicts of whole sequences. A `Pair` is told one
event at a time; beside those it compares the sums (`check_sums`) and reports (`check_reports`).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, NamedTuple

import msgspec

from monitor.core import gate
from monitor.core.decisions import Decision
from monitor.core.engine import RiskEngine
from monitor.core.events import AnyEvent
from monitor.core.margin.book import STATES
from monitor.core.margin.index.verdict import FLOAT_BAND as BAND
from monitor.core.report import open_interest_report
from tests.reference import naive_margin, naive_report, naive_requirements, naive_sums
from tests.reference.naive import NaiveEngine
from tests.reference.naive_world import Account, UnitKey, exact

# A square root that is cut to 18 decimals makes a curve of steps: its root is no finer than they.
CURVED_TOLERANCE = Fraction(1, 10**15)
FLOAT_BAND = Fraction(BAND)


class Verdict(NamedTuple):
    """What is said of one margin unit; the account's gap in its events beside it."""

    state: str
    liquidating: bool
    suspect: bool


Verdicts = dict[tuple[str, UnitKey], Verdict]


def plain(made: Sequence[Decision]) -> list[dict[str, Any]]:
    """Return decisions as dictionaries, to compare and to show."""
    return [msgspec.to_builtins(decision) for decision in made]


def told(events: Sequence[AnyEvent]) -> str:
    """Return events as JSON lines."""
    return "\n".join(gate.encode(event).decode() for event in events)


def assert_same(
    engine: RiskEngine,
    twin: NaiveEngine,
    events: Sequence[AnyEvent],
    *,
    received_ns: int | None = None,
) -> None:
    """Apply events one by one to both and compare decisions, refusals and verdicts."""
    pair = Pair(engine, twin)
    for event in events:
        pair.apply(event, received_ns=received_ns)


@dataclass
class Pair:
    """An engine and its twin, and what both were told."""

    engine: RiskEngine
    twin: NaiveEngine
    events: list[AnyEvent] = field(default_factory=list)
    solved: naive_report.SolvedPrices = field(default_factory=dict)

    def apply(self, event: AnyEvent, *, received_ns: int | None = None) -> None:
        """Apply an event to both; compare decisions, refusals and the verdict of every unit."""
        self.events.append(event)
        expected = plain(self.twin.apply(event, received_ns))
        made = [one for _, one in self.engine.apply([event], received_ns=received_ns)]
        # The audit has a twin of its own: tests/core/test_audit.py.
        received = plain([one for one in made if one.rule != "audit"])
        assert received == expected, self.after("decisions")
        refused = [(one.reason, one.held) for one in self.engine.take_refused()]
        assert refused == self.twin.ledger.refused, self.after("refusals")
        self.twin.ledger.refused.clear()
        assert verdicts(self.engine) == twin_verdicts(self.twin), self.after("verdicts")

    def after(self, subject: str) -> str:
        """Return what is compared, and after which events."""
        return f"{subject} after:\n{told(self.events)}"

    def check_all(self) -> None:
        """Compare every sum, amount and price."""
        self.check_sums()
        self.check_views()
        self.check_reports()

    # --- class 1 sums -----------------------------------------------------------------------

    def check_sums(self) -> None:
        """Compare every class 1 sum with one over the whole book."""
        view, expected = self.engine.view(), naive_sums.class_one(self.twin.world)
        counts = {state: count for state, count in view.accounts.items() if count}
        assert counts == expected.accounts, self.after("accounts by state")
        parts = [part.thresholds.index.sums().counts for part in self.engine.shards.engines]
        by_unit = {state: sum(int(p[n]) for p in parts) for n, state in enumerate(STATES)}
        units = {state: count for state, count in by_unit.items() if count}
        assert units == expected.units, self.after("units by state")
        for state, found in expected.states.items():
            amounts = [(view.equity_usd[state], found.equity)]
            if state == "bankrupt":
                short = None if found.equity is None else max(-found.equity, Fraction(0))
                amounts.append((view.deficit_usd, short))
            for received, wanted in amounts:
                assert math.isnan(received) == (wanted is None), self.after(f"equity of {state}")
                if wanted is not None:
                    difference = abs(Fraction(received) - wanted)
                    assert difference <= found.tolerance, self.after(f"equity of {state}")
        self._check_open_interest()

    def _check_open_interest(self) -> None:
        world = self.twin.world
        for name in world.instruments:
            long, short = naive_sums.sides(world, name)
            worth = naive_sums.value_of(world, name, max(long.contracts, short.contracts))
            expected = {
                "long": exact(long.contracts),
                "short": exact(short.contracts),
                "notional_usd": naive_report.text(worth),
            }
            found = open_interest_report(self.engine, name)
            assert found == expected, self.after(f"open interest of {name}")
            shares = self.engine.shards.concentrations(name)
            wanted = (long.concentration, short.concentration)
            assert shares == wanted, self.after(f"concentration of {name}")

    # --- amounts in floats ------------------------------------------------------------------

    def check_views(self) -> None:
        """Compare what the mirror is told of every account: exact but for the float band.

        Domain: accounts without an open change, whose floats are those before it.
        """
        world = self.twin.world
        for name, account in world.accounts.items():
            view = self.engine.account_view(name)
            assert view is not None
            if account.change:
                continue
            figures = naive_margin.figures(world, account, None)
            for amount in ("equity", "initial_margin", "maintenance_margin", "free_collateral",
                           "withdrawable"):  # fmt: skip
                found, expected = getattr(view, amount), getattr(figures, amount, None)
                assert (found is None) == (expected is None), self.after(f"{amount} of {name}")
                if found is not None and expected is not None:
                    difference = abs(Fraction(found) - expected)
                    assert difference <= FLOAT_BAND * self._gross(account), self.after(
                        f"{amount} of {name}"
                    )

    def _gross(self, account: Account) -> Fraction:
        """Return what a cross unit's amounts come to without their signs."""
        terms = naive_sums.unit_terms(self.twin.world, account, None, tiered=True)
        return sum((abs(amount) * (price or 0) for amount, price in terms), Fraction(1))

    # --- amounts and prices -----------------------------------------------------------------

    def check_reports(self) -> None:
        """Compare every account's report, liquidation prices on curved pieces to 15 digits."""
        assert self.engine.account_ids() == sorted(self.twin.world.accounts)
        for report in self.engine.account_reports():
            name = report["account"]
            expected, twin_prices = self._plain_and_curved(
                naive_report.account_report(self.twin, name, self.solved)
            )
            received, prices = self._plain_and_curved(report)
            assert received == expected, self.after(f"report of {name}")
            for price, other in zip(prices, twin_prices, strict=True):
                is_same = price == other
                if price is not None and other is not None:
                    is_same = abs(price - other) <= CURVED_TOLERANCE * other
                assert is_same, self.after(f"{price} instead of {other} for {name}")

    def _plain_and_curved(
        self, report: dict[str, Any]
    ) -> tuple[dict[str, Any], list[Fraction | None]]:
        """Return a report without the liquidation prices on curved pieces, and those."""
        curved: list[Fraction | None] = []
        positions = []
        for position in report["positions"]:
            price = position["liquidation_price"]
            if naive_requirements.is_curved(self.twin.world.instruments[position["instrument"]]):
                curved.append(None if price is None else Fraction(price))
                position = position | {"liquidation_price": "curved"}  # noqa: PLW2901
            positions.append(position)
        return report | {"positions": positions}, curved


def verdicts(engine: RiskEngine) -> Verdicts:
    """Return the verdict of every margin unit."""
    return {
        (unit.account.name, unit.key): Verdict(
            unit.state, unit.liquidating, unit.account.is_suspect
        )
        for part in engine.shards.engines
        for unit in part.units()
    }


def twin_verdicts(twin: NaiveEngine) -> Verdicts:
    """Return the same of the twin."""
    return {
        (name, key): Verdict(unit.state, unit.liquidating, twin.ledger.is_suspect(account))
        for name, account in twin.world.accounts.items()
        for key, unit in account.units.items()
    }
