"""How long a restart from a snapshot takes, beside reading the same bytes.

`full`: 100,000 accounts with two positions each on 50 instruments; `small`: 10,000. Ours: find the
newest snapshot, check every chunk, decode, rebuild the engine. `verified` also compares the state
hash, as the daemon does. The peer reads the same file into memory (from the page cache). Not
included: starting Python, and the log after the snapshot.
"""

import random
import tempfile
from pathlib import Path

from bench.measure import Figure, Scale, Timing, alternate, main, seconds
from monitor.core import events
from monitor.core.engine import RiskEngine
from monitor.core.settings import EngineSettings
from monitor.runtime.collection import collection_paused
from monitor.store.snapshot import SnapshotHeader, SnapshotStore

ACCOUNTS: dict[Scale, int] = {"small": 10_000, "full": 100_000}
INSTRUMENTS = 50
POSITIONS = 2
BATCH = 5_000
START_NS = 1_760_000_000_000_000_000


def build_engine(accounts: int) -> RiskEngine:
    """Return an engine with so many accounts, from a seeded generator."""
    engine = RiskEngine(EngineSettings(action_age_max_s=1e9))
    facts = [*market_facts()]
    generator = random.Random(7)  # noqa: S311 - a benchmark, not a secret
    for number in range(accounts):
        facts += account_facts(f"account-{number:06d}", generator)
    for start in range(0, len(facts), BATCH):
        engine.apply(facts[start : start + BATCH])
    refused = engine.take_refused()
    assert not refused, f"expected no refused event, received {refused[0]}"
    return engine


def market_facts() -> list[events.Event]:
    """Return the instruments and their marks."""
    tiers = [events.RiskTier(initial_margin_rate="0.1", maintenance_margin_rate="0.05")]
    facts: list[events.Event] = []
    for number in range(INSTRUMENTS):
        name = f"COIN{number}-PERP"
        facts.append(
            events.InstrumentListed(
                event_ns=START_NS,
                instrument=name,
                kind="linear",
                base=f"COIN{number}",
                quote="USD",
                settlement_currency="USD",
                contract_size="1",
                lot_size="0.001",
                tick_size="0.01",
                risk_tiers=tiers,
            )
        )
        facts.append(events.MarkPriceChanged(event_ns=START_NS, instrument=name, price="100"))
    return facts


def account_facts(name: str, generator: random.Random) -> list[events.Event]:
    """Return an account with a balance and positions."""
    facts: list[events.Event] = [
        events.AccountOpened(event_ns=START_NS, account=name, owner=name, role="client"),
        events.BalanceChanged(
            event_ns=START_NS,
            account=name,
            seq=1,
            asset="USD",
            balance=f"{generator.randrange(1_000, 100_000)}.25",
            reason="deposit",
        ),
    ]
    chosen = generator.sample(range(INSTRUMENTS), POSITIONS)
    for seq, number in enumerate(chosen, start=2):
        facts.append(
            events.PositionChanged(
                event_ns=START_NS,
                account=name,
                seq=seq,
                instrument=f"COIN{number}-PERP",
                size=f"{generator.choice((-1, 1)) * generator.randrange(1, 20)}.5",
                entry_price=f"{generator.randrange(90, 110)}.5",
                margin_mode="cross",
            )
        )
    return facts


def measure(scale: Scale) -> list[Figure]:
    """Return the figures of saving and restarting."""
    engine = build_engine(ACCOUNTS[scale])
    with tempfile.TemporaryDirectory() as directory:
        store = SnapshotStore(Path(directory))
        path = store.save(engine.export_state(), _header(engine))
        size_mb = path.stat().st_size / 1e6
        plain = alternate(lambda: restart(store), path.read_bytes)
        verified = alternate(lambda: verified_once(store), path.read_bytes)
        save_s = min(
            seconds(lambda: store.save(engine.export_state(), _header(engine))) for _ in range(5)
        )
    return [
        _figure("restart_from_snapshot", plain),
        _figure("restart_verified", verified),
        Figure(name="snapshot_export_and_save", value=save_s, unit="s"),
        Figure(name="snapshot_size", value=size_mb, unit="MB"),
        Figure(name="accounts", value=ACCOUNTS[scale], unit="accounts"),
    ]


def restart(store: SnapshotStore) -> RiskEngine:
    """Return the engine from the newest snapshot."""
    loaded = store.load_newest()
    assert loaded is not None
    assert loaded.skipped == ()
    with collection_paused():
        return RiskEngine.from_state(loaded.state, EngineSettings(action_age_max_s=1e9))


def verified_once(store: SnapshotStore) -> None:
    """Restart and compare the state hash."""
    expected = store.headers()[-1].state_hash
    engine = restart(store)
    with collection_paused():
        assert engine.state_hash() == expected


def _figure(name: str, timing: Timing) -> Figure:
    return Figure(
        name=name,
        value=timing.ours_s,
        unit="s",
        peer=timing.peer_s,
        peer_name="reading the same bytes",
        ratio=timing.ratio,
    )


def _header(engine: RiskEngine) -> SnapshotHeader:
    return SnapshotHeader(
        configuration_hash="",
        shard=0,
        epoch=1,
        log_offset=0,
        positions={},
        state_hash=engine.state_hash(),
        created_ns=START_NS,
    )


if __name__ == "__main__":
    main(measure, description=__doc__.splitlines()[0] if __doc__ else "")
