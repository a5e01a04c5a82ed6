"""The state of one shard's accounts as plain values, and back."""

from typing import Any

from monitor.core.accounts import RESERVED_MIN, AccountEngine
from monitor.core.ledger import Ledger
from monitor.core.liquidation import LiquidationBook
from monitor.core.margin.book import Episode, MarginRules
from monitor.core.market import Market


def export_accounts(engine: AccountEngine) -> dict[str, Any]:
    """Return everything as plain values, in a canonical order."""
    return {
        **engine.ledger.export_state(),
        "units": [
            [
                unit.account.name,
                unit.key,
                unit.state,
                unit.last_known,
                sorted(unit.liquidations),
                unit.liquidating,
                None if unit.episode is None else unit.episode.export_state(),
            ]
            for unit in engine.units()
        ],
        "episodes": [
            [name, sorted(counts.items())] for name, counts in sorted(engine.episode_counts.items())
        ],
        "liquidations": engine.liquidations.export_state(),
    }


def restore_accounts(
    state: dict[str, Any],
    market: Market,
    rules: MarginRules,
    *,
    accounts_reserved: int = RESERVED_MIN,
) -> AccountEngine:
    """Return the engine that `export_accounts` described, with fresh guards."""
    ledger = Ledger.from_state(state, market.instruments)
    engine = AccountEngine(market, rules, accounts_reserved=accounts_reserved, ledger=ledger)
    units = []
    engine.liquidations = LiquidationBook.from_state(state["liquidations"])
    engine.episode_counts = {name: dict(counts) for name, counts in state["episodes"]}
    for name, key, known_state, last_known, open_ids, liquidating, episode in state["units"]:
        number = engine.margin_units.open(
            ledger.accounts[name].number, None if key is None else (key[0], key[1])
        )
        unit = engine.margin_units.look(number)
        unit.state, unit.last_known = known_state, last_known
        unit.liquidations, unit.liquidating = set(open_ids), liquidating
        if episode is not None:
            unit.episode = Episode.from_state(episode)
        engine.adopt(unit)
        units.append(number)
    engine.thresholds.restore(units)
    return engine
