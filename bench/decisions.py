"""How fast do marks become decisions? The whole engine beside the same in plain Python objects.

A generated book of 10,000 accounts (1 + Poisson(2) positions, 400 linear instruments by Zipf
popularity, leverage log-normal). Ours: gate, engine, encoded decisions. The peer: records decoded
by msgspec, objects with slots, floats, the holders of each instrument indexed; a mark revalues its
holders only, and its decisions are encoded by msgspec. One thread each, parts of one stream in
turns. `NAME_differ` counts decisions (account, kind, state before, moment) and, at the end,
accounts' states that are not the same in both; nothing is excused for rounding: the peer's floats
err by about 1e-15 of the gross value, ours decides in rationals near a boundary. The texts of
amounts are not compared. Not included: Kafka, envelopes, snapshots.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from bench.decisions_peer import PlainEngine
from bench.measure import ROUNDS_MIN, Figure, Scale, main, seconds
from monitor.core import events
from monitor.core.engine import RiskEngine
from monitor.core.gate import Refusal, decode, encode
from monitor.core.settings import EngineSettings
from monitor.streams.codec import encode_record

ACCOUNTS = 10_000
INSTRUMENTS = 400
START_NS = 1_760_000_000_000_000_000
BATCH = 500
# Events a round: (calm, crash, account events).
COUNTS: dict[Scale, tuple[int, int, int]] = {
    "small": (500, 500, 2_000),
    "full": (4_000, 2_000, 20_000),
}
SETTINGS = EngineSettings(action_age_max_s=1e9, accounts_reserved=ACCOUNTS)
PEER = "the same in plain Python objects, holders indexed"


class Decided(msgspec.Struct, frozen=True):
    """What is compared of a decision."""

    type: str
    event_ns: int
    account: str
    state_before: str


class Part(NamedTuple):
    """What one side did with the parts of a stream."""

    spent_s: list[float]
    decisions: list[bytes]


class Made:
    """The generator of the book and of the events on it."""

    def __init__(self) -> None:
        self.draw = np.random.default_rng(7)
        weights = 1.0 / np.arange(1, INSTRUMENTS + 1)
        self.popularity: NDArray[np.float64] = weights / weights.sum()
        self.prices = self.draw.lognormal(3, 2, INSTRUMENTS)
        self.seqs = [0] * ACCOUNTS
        self.held: list[list[tuple[int, float, float]]] = []
        self.balances: list[float] = []
        self.now_ns = START_NS

    def opening(self) -> Iterator[events.Event]:
        """Yield the instruments, their marks, and the accounts."""
        tier = events.RiskTier(initial_margin_rate="0.01", maintenance_margin_rate="0.005")
        for number in range(INSTRUMENTS):
            yield events.InstrumentListed(
                event_ns=START_NS,
                instrument=f"COIN{number}-PERP",
                kind="linear",
                base=f"COIN{number}",
                quote="USD",
                settlement_currency="USD",
                contract_size="1",
                lot_size="0.000001",
                tick_size="0.000001",
                risk_tiers=[tier],
            )
            yield self._mark(number)
        for account in range(ACCOUNTS):
            count = 1 + self.draw.poisson(2)
            chosen = np.unique(self.draw.choice(INSTRUMENTS, count, p=self.popularity)).tolist()
            notionals = self.draw.lognormal(6, 1.5, len(chosen))
            leverage = np.clip(self.draw.lognormal(2.0, 0.7, len(chosen)), 1.2, 60)
            sizes = self.draw.choice([-1.0, 1.0], len(chosen)) * notionals / self.prices[chosen]
            entries = self.prices[chosen].tolist()
            self.held.append(list(zip(chosen, sizes.tolist(), entries, strict=True)))
            self.balances.append(float((notionals / leverage).sum()))
            yield self._balance(account, self.balances[-1])
            for held in self.held[-1]:
                yield self._position(account, *held)

    def marks(self, count: int, drift: float, volatility: float) -> list[bytes]:
        """Return the records of single marks."""
        chosen = self.draw.choice(INSTRUMENTS, count, p=self.popularity).tolist()
        steps = np.exp(self.draw.normal(drift, volatility, count)).tolist()
        records = []
        for number, step in zip(chosen, steps, strict=True):
            self.prices[number] *= step
            records.append(encode(self._mark(number)))
        return records

    def account_events(self, count: int) -> list[bytes]:
        """Return the records of balances and positions in turn, each up to 20 % another."""
        records = []
        for number in range(count):
            account = int(self.draw.integers(ACCOUNTS))
            factor = float(self.draw.uniform(0.8, 1.2))
            if number % 2:
                records.append(encode(self._balance(account, self.balances[account] * factor)))
            else:
                place = int(self.draw.integers(len(self.held[account])))
                instrument, size, entry = self.held[account][place]
                records.append(encode(self._position(account, instrument, size * factor, entry)))
        return records

    def _moment(self) -> int:
        self.now_ns += 1_000
        return self.now_ns

    def _mark(self, number: int) -> events.Event:
        price = _text(self.prices[number], 9)
        return events.MarkPriceChanged(
            event_ns=self._moment(), instrument=f"COIN{number}-PERP", price=price
        )

    def _seq(self, account: int) -> int:
        self.seqs[account] += 1
        return self.seqs[account]

    def _balance(self, account: int, balance: float) -> events.Event:
        return events.BalanceChanged(
            event_ns=self._moment(),
            account=f"account-{account:06d}",
            seq=self._seq(account),
            asset="USD",
            balance=_text(balance, 6),
            reason="trade",
        )

    def _position(self, account: int, number: int, size: float, entry: float) -> events.Event:
        return events.PositionChanged(
            event_ns=self._moment(),
            account=f"account-{account:06d}",
            seq=self._seq(account),
            instrument=f"COIN{number}-PERP",
            size=_text(size, 6),
            entry_price=_text(entry, 9),
        )


def _text(value: float, decimals: int) -> str:
    """Return a number as canonical decimal text, never 0."""
    text = f"{value:.{decimals}f}".rstrip("0").rstrip(".")
    return text if float(text) else f"{10.0**-decimals:.{decimals}f}"


def run_engine(engine: RiskEngine, records: Sequence[bytes]) -> list[bytes]:
    """Take records through gate, engine and codec in batches; return the decisions' bytes."""
    told = []
    for start in range(0, len(records), BATCH):
        batch: list[events.Event] = []
        for record in records[start : start + BATCH]:
            for event in decode(record):
                assert not isinstance(event, Refusal), event
                batch.append(event)
        told += [encode_record(decision) for _, decision in engine.apply(batch)]
    return told


def measure(scale: Scale) -> list[Figure]:
    """Return the figures of marks, calm and in a crash, and of account events."""
    made, engine, plain = Made(), RiskEngine(SETTINGS), PlainEngine()
    opening = [encode(event) for event in made.opening()]
    run_engine(engine, opening)
    plain.run(opening)
    warm = [*made.marks(200, 0.0, 1e-3), *made.account_events(200)]
    run_engine(engine, warm)
    plain.run(warm)
    calm, crash, account_events = COUNTS[scale]
    streams: dict[str, Callable[[], list[bytes]]] = {
        "decisions_vs_python_calm": lambda: made.marks(calm, 0.0, 1e-4),
        "decisions_vs_python_crash": lambda: made.marks(crash, -2e-4, 2e-4),
        "account_events_vs_python": lambda: made.account_events(account_events),
    }
    figures: list[Figure] = []
    for name, stream in streams.items():
        figures += _in_turns(name, engine, plain, [stream() for _ in range(ROUNDS_MIN)])
    assert not engine.take_refused(), "expected events that nobody refuses"
    return figures


def _in_turns(
    name: str, engine: RiskEngine, plain: PlainEngine, rounds: list[list[bytes]]
) -> Iterator[Figure]:
    """Time both on the parts of a stream, one after the other; means, as the parts differ."""
    ours, peer = Part([], []), Part([], [])
    for records in rounds:
        ours.spent_s.append(
            seconds(lambda r=records: ours.decisions.extend(run_engine(engine, r)))  # type: ignore[misc]
        )
        peer.spent_s.append(seconds(lambda r=records: peer.decisions.extend(plain.run(r))))  # type: ignore[misc]
    events_count = sum(map(len, rounds))
    ours_us, peer_us = (1e6 * sum(part.spent_s) / events_count for part in (ours, peer))
    yield Figure(
        name=name,
        value=ours_us,
        unit="us an event",
        peer=peer_us,
        peer_name=PEER,
        ratio=peer_us / ours_us,
    )
    yield Figure(name=f"{name}_decisions", value=len(ours.decisions), unit="decisions")
    differ = len(_compared(ours.decisions) ^ _compared(peer.decisions))
    yield Figure(name=f"{name}_differ", value=differ + _states_differ(engine, plain), unit="")


def _compared(decisions: list[bytes]) -> set[Decided]:
    return {msgspec.json.decode(decision, type=Decided) for decision in decisions}


def _states_differ(engine: RiskEngine, plain: PlainEngine) -> int:
    """Return how many accounts stand in another state."""
    states = {
        name: unit.state for shard in engine.shards.engines for name, unit in shard.cross.items()
    }
    assert states.keys() == plain.accounts.keys()
    return sum(states[name] != account.state for name, account in plain.accounts.items())


if __name__ == "__main__":
    main(measure, description=__doc__ or "")
