"""How long a snapshot stops the writer, beside exporting the state in its turn.

`full`: 1,000,000 accounts with two positions each on 50 instruments; `small`: 10,000. Ours: the
fork, the longest of five. The peer exports the state where the writer stands, once. Beside them
the whole snapshot, from the fork to the file, and a restart from it, once each: decode and rebuild,
with the state hash compared, as the daemon does. Not included: the broker.
"""

import asyncio
import resource
import tempfile
from functools import partial
from pathlib import Path

from bench.measure import Figure, Scale, main, seconds
from bench.restart import build_engine
from monitor.app.snapshots import Snapshotter
from monitor.core.engine import RiskEngine
from monitor.core.settings import EngineSettings
from monitor.runtime.clock import Clock
from monitor.runtime.collection import collection_paused
from monitor.runtime.forked import ForkedWork
from monitor.runtime.vitals import Vitals
from monitor.store.snapshot import SnapshotStore
from monitor.streams.shard import Shard

ACCOUNTS: dict[Scale, int] = {"small": 10_000, "full": 1_000_000}
ROUNDS = 5
TIMEOUT_S = 10.0
MEGABYTE = 1e6


def measure(scale: Scale) -> list[Figure]:
    """Return the figures of one book."""
    engine = build_engine(ACCOUNTS[scale])
    pause_s = asyncio.run(longest_pause())
    export_s = seconds(engine.export_state)
    with tempfile.TemporaryDirectory() as directory:
        store = SnapshotStore(Path(directory))
        whole_s = seconds(lambda: asyncio.run(snapshot(engine, store)))
        size_bytes = next(Path(directory).glob("*.bin")).stat().st_size
        child_kilobytes = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
        restart_s = seconds(lambda: restart(store))
    return [
        Figure(
            name="snapshot_pause_ms",
            value=pause_s * 1e3,
            unit="ms",
            peer=export_s * 1e3,
            peer_name="exporting in the writer's turn",
            ratio=export_s / pause_s,
        ),
        Figure(name="snapshot_s", value=whole_s, unit="s"),
        Figure(name="snapshot_size", value=size_bytes / MEGABYTE, unit="MB"),
        Figure(name="snapshot_child_peak", value=child_kilobytes / 1e3, unit="MB"),
        Figure(name="restart_verified_s", value=restart_s, unit="s"),
        Figure(name="accounts", value=ACCOUNTS[scale], unit="accounts"),
    ]


async def longest_pause() -> float:
    """Return the longest of some forks, in seconds; each child ends at once."""
    pauses = []
    for _ in range(ROUNDS):
        children: list[ForkedWork] = []
        pauses.append(seconds(partial(_fork, children)))
        await children[0].result(TIMEOUT_S)
    return max(pauses)


def _fork(children: list[ForkedWork]) -> None:
    children.append(ForkedWork(bytes))


async def snapshot(engine: RiskEngine, store: SnapshotStore) -> None:
    """Take a snapshot as the daemon does at its end."""
    shard = Shard(engine, log_topic="decisions", number=0)
    vitals = Vitals(clock=Clock())
    await Snapshotter(store, shard, interval_s=60.0, vitals=vitals).finish()
    assert vitals.health.is_ok("snapshot")


def restart(store: SnapshotStore) -> None:
    """Rebuild the engine from the newest snapshot and compare its hash."""
    loaded = store.load_newest()
    assert loaded is not None
    with collection_paused():
        engine = RiskEngine.from_state(loaded.state["engine"], EngineSettings(action_age_max_s=1e9))
        assert engine.state_hash() == loaded.header.state_hash


if __name__ == "__main__":
    main(measure, description=__doc__.splitlines()[0] if __doc__ else "")
