"""What the continuous audit costs the engine.

10,000 accounts (`full`: 100,000) that trade in pairs on 400 instruments: of each trade both sides,
a position and a balance each, and a mark for every four trades. The whole engine behind the gate,
decisions encoded, as it is, and without the audit and without counting again. The same slices go
through both, in turns that alternate in order; `audit_loss` is the share of throughput that is
lost: the median over the pairs, with its 95 % interval from order statistics. Not included: Kafka,
snapshots.
"""

from collections.abc import Iterable

import numpy as np

from bench.measure import Figure, Scale, main, seconds
from monitor.core import events
from monitor.core.audit_entry import Entry
from monitor.core.decisions import Decision
from monitor.core.engine import RiskEngine
from monitor.core.gate import decode, encode
from monitor.core.ledger import ledger as ledger_module
from monitor.core.ledger.moves import entry_value
from monitor.core.ledger.store import Store
from monitor.core.settings import EngineSettings
from monitor.core.waterfall import Fund
from monitor.streams.codec import encode_record

ACCOUNTS: dict[Scale, int] = {"small": 10_000, "full": 100_000}
INSTRUMENTS = 400
PAIRS = 40
TRADES = 1_000  # of a slice
TRADES_A_MARK = 4
START_NS = 1_760_000_000_000_000_000


class NoAudit:
    """Takes everything, and watches nothing."""

    def take(self, entry: Entry) -> None:
        """Take nothing."""

    def note_flows(self, funds: Iterable[Fund]) -> None:
        """Take nothing."""

    def rebase(self, assets: Iterable[str], now_ns: int) -> None:
        """Take nothing."""

    def look(self, *_: object) -> list[Decision]:
        """Find nothing; for the audit and for counting again."""
        return []

    def next_timer(self) -> None:
        """Wait for nothing."""


class Traders:
    """Accounts that trade in pairs: all that one buys another sells."""

    def __init__(self, accounts: int) -> None:
        self.draw = np.random.default_rng(7)
        weights = 1.0 / np.arange(1, INSTRUMENTS + 1)
        self.popularity = weights / weights.sum()
        self.prices = self.draw.lognormal(3, 2, INSTRUMENTS).tolist()
        self.accounts = accounts
        self.seqs = [0] * accounts
        self.sizes: dict[tuple[int, int], int] = {}
        self.now_ns = START_NS

    def opening(self) -> list[events.Event]:
        """Return the instruments with their marks, and what everybody pays in."""
        tier = events.RiskTier(initial_margin_rate="0.01", maintenance_margin_rate="0.005")
        made: list[events.Event] = []
        for number in range(INSTRUMENTS):
            listed = events.InstrumentListed(
                event_ns=START_NS,
                instrument=f"COIN{number}-PERP",
                kind="linear",
                base=f"COIN{number}",
                quote="USD",
                settlement_currency="USD",
                contract_size="1",
                lot_size="1",
                tick_size="0.000001",
                risk_tiers=[tier],
            )
            made += [listed, self._mark(number)]
        made += [self._balance(account, "deposit", more=False) for account in range(self.accounts)]
        return made

    def slice(self, trades: int) -> list[bytes]:
        """Return the records of so many trades, with marks between them."""
        chosen = self.draw.choice(INSTRUMENTS, trades, p=self.popularity).tolist()
        pairs = self.draw.integers(self.accounts, size=(trades, 2)).tolist()
        made: list[events.Event] = []
        for place, (number, (buyer, seller)) in enumerate(zip(chosen, pairs, strict=True)):
            if not place % TRADES_A_MARK:
                self.prices[number] *= float(np.exp(self.draw.normal(0, 1e-4)))
                made.append(self._mark(number))
            if buyer != seller:
                for account, size in ((buyer, 2), (seller, -2)):
                    made.append(self._position(account, number, size))
                    made.append(self._balance(account, "trade", more=False))
        return [encode(event) for event in made]

    def _moment(self) -> int:
        self.now_ns += 20_000
        return self.now_ns

    def _seq(self, account: int) -> int:
        self.seqs[account] += 1
        return self.seqs[account]

    def _mark(self, number: int) -> events.Event:
        return events.MarkPriceChanged(
            event_ns=self._moment(),
            instrument=f"COIN{number}-PERP",
            price=f"{self.prices[number]:.6f}",
        )

    def _balance(self, account: int, reason: str, *, more: bool) -> events.Event:
        return events.BalanceChanged(
            event_ns=self._moment(),
            account=f"account-{account:06d}",
            seq=self._seq(account),
            asset="USD",
            balance=f"{self.draw.integers(10_000, 1_000_000)}.25",
            reason=reason,  # type: ignore[arg-type]
            more=more,
        )

    def _position(self, account: int, number: int, change: int) -> events.Event:
        size = self.sizes.get((account, number), 0) + change
        self.sizes[account, number] = size
        return events.PositionChanged(
            event_ns=self._moment(),
            account=f"account-{account:06d}",
            seq=self._seq(account),
            instrument=f"COIN{number}-PERP",
            size=str(size),
            entry_price=f"{self.prices[number]:.6f}" if size else None,
            more=True,
        )


def without_audit() -> RiskEngine:
    """Return an engine that watches no sum."""
    engine = RiskEngine(EngineSettings(action_age_max_s=1e9))
    engine.audit = engine.facts.audit = engine.recount = NoAudit()  # type: ignore[assignment]
    return engine


def no_value(store: Store, row: int, *, is_inverse: bool) -> int:
    """Return 0: a ledger whose moves nobody asks for does not look at entry values."""
    del store, row, is_inverse
    return 0


def run(engine: RiskEngine, records: list[bytes], *, is_audited: bool) -> None:
    """Apply a slice and encode its decisions."""
    if not is_audited:
        ledger_module.entry_value = no_value  # type: ignore[attr-defined]
    try:
        batch = [event for record in records for event in decode(record)]
        for _, decision in engine.apply(batch):  # type: ignore[arg-type]
            encode_record(decision)
    finally:
        ledger_module.entry_value = entry_value  # type: ignore[attr-defined]


def measure(scale: Scale) -> list[Figure]:
    """Return the loss of throughput."""
    traders = Traders(ACCOUNTS[scale])
    audited, bare = RiskEngine(EngineSettings(action_age_max_s=1e9)), without_audit()
    opening = traders.opening()
    for engine in (audited, bare):
        engine.apply(opening)
    for _ in range(5):  # positions to begin with
        records = traders.slice(TRADES)
        run(audited, records, is_audited=True)
        run(bare, records, is_audited=False)
    losses, spent = [], [0.0, 0.0]
    for number in range(PAIRS):
        records = traders.slice(TRADES)
        work = {
            True: lambda: run(audited, records, is_audited=True),  # noqa: B023 - called at once
            False: lambda: run(bare, records, is_audited=False),  # noqa: B023
        }
        order = (True, False) if number % 2 else (False, True)
        times = {is_audited: seconds(work[is_audited]) for is_audited in order}
        losses.append(1 - times[False] / times[True])
        spent = [spent[0] + times[True], spent[1] + times[False]]
    losses.sort()
    low, high = interval(PAIRS)
    events_each = PAIRS * len(records)
    return [
        Figure(name="audit_loss", value=losses[PAIRS // 2], unit="share of throughput"),
        Figure(name="audit_loss_low", value=losses[low], unit="share of throughput"),
        Figure(name="audit_loss_high", value=losses[high], unit="share of throughput"),
        Figure(
            name="event_us",
            value=spent[0] / events_each * 1e6,
            unit="us",
            peer=spent[1] / events_each * 1e6,
            peer_name="the same engine without the audit",
            ratio=spent[1] / spent[0],
        ),
    ]


def interval(count: int) -> tuple[int, int]:
    """Return the ranks of a 95 % interval of the median of so many sorted values."""
    half = 0.98 * count**0.5  # 1.96 standard deviations of a binomial with probability 1/2
    low = int(count / 2 - half)
    return low, count - 1 - low


if __name__ == "__main__":
    main(measure, description=__doc__ or "")
