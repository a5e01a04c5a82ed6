"""What engine and twin must agree on, and how a difference is shown."""

from collections.abc import Sequence
from typing import Any

import msgspec

from monitor.core import gate
from monitor.core.decisions import Decision
from monitor.core.engine import RiskEngine
from monitor.core.events import AnyEvent
from tests.reference.naive import NaiveEngine


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
    """Apply events one by one to both and compare decisions, refusals and states."""
    for number, event in enumerate(events, start=1):
        expected = plain(twin.apply(event, received_ns))
        received = plain([one for _, one in engine.apply([event], received_ns=received_ns)])
        assert received == expected, f"decisions of the last of:\n{told(events[:number])}"
        refused = [(one.reason, one.held) for one in engine.take_refused()]
        assert refused == twin.ledger.refused, f"refusals of the last of:\n{told(events[:number])}"
        twin.ledger.refused.clear()
        assert states(engine) == twin_states(twin), f"states after:\n{told(events[:number])}"


def states(engine: RiskEngine) -> dict[str, tuple[str, bool]]:
    """Return each account's state and whether it is suspect."""
    found = {}
    for name in engine.account_ids():
        account = engine.account_view(name)
        assert account is not None
        found[name] = (str(account.state), "suspect" in account.flags)
    return found


def twin_states(twin: NaiveEngine) -> dict[str, tuple[str, bool]]:
    """Return the same of the twin."""
    return {
        name: (account.units[None].state, twin.ledger.is_suspect(account))
        for name, account in twin.world.accounts.items()
    }
