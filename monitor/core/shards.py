"""Several AccountEngines seen as one: what the venue's half asks is merged here.

Each answer of a shard is a partial one that merges: sums add, the foremost candidates of all are
among the foremost of each.
"""

import zlib
from collections.abc import Mapping
from fractions import Fraction

from monitor.core.accounts import AccountEngine
from monitor.core.bearers import equities_of, sizes_in, unrealized_in
from monitor.core.candidates import Scored, scored
from monitor.core.decisions import Side
from monitor.core.deleveraging.live import CandidateSet, round_of
from monitor.core.deleveraging.policy import Policy
from monitor.core.deleveraging_watch import Closing
from monitor.core.inventory import Inventory, inventories_of, vault_equities
from monitor.core.ledger import Position
from monitor.core.liquidation_watch import UnitKey
from monitor.core.margin.book import MarginUnit
from monitor.core.open_interest import Concentration, SideInterest, merged
from monitor.core.pool_gains import PoolPart, pool_part, pools_of
from monitor.core.sessions import Sessions
from monitor.core.vaults import VaultEquity
from monitor.core.winners import (
    Standing,
    all_candidates,
    foremost_candidates,
    ranked,
    standing,
    unrealized_gains,
)


class Shards:
    """The account engines of one process, and the `Winners` that the venue's half asks."""

    def __init__(self, engines: list[AccountEngine], policy: Policy, sessions: Sessions) -> None:
        """Take at least one engine, and what all accounts have realized in this session."""
        assert engines
        self.sessions = sessions
        self.engines = engines
        self.policy = policy

    def of(self, account: str) -> AccountEngine:
        """Return the engine that keeps an account."""
        if len(self.engines) == 1:
            return self.engines[0]
        return self.engines[zlib.crc32(account.encode()) % len(self.engines)]

    def unit(self, key: UnitKey) -> MarginUnit | None:
        """Return the margin unit of an account and position, None if it is gone."""
        name, position = key
        engine = self.of(name)
        account = engine.ledger.accounts.get(name)
        if account is None:
            return None
        if position is None:
            return engine.cross[name]
        number = engine.margin_units.isolated.get(account.number, {}).get(position)
        return None if number is None else engine.margin_units.look(number)

    def candidates(
        self, instrument: str, side: Side, *, without: str, contracts: Fraction
    ) -> CandidateSet:
        """Return the foremost candidates of every shard, and how many there are in all.

        None is of the owner of the account `without`: nobody closes against himself.
        """
        bankrupt = self.of(without).ledger.accounts.get(without)
        owner = without if bankrupt is None else bankrupt.owner
        parts = [
            foremost_candidates(
                engine, instrument, side, without=owner, contracts=contracts, policy=self.policy
            )
            for engine in self.engines
        ]
        return CandidateSet(
            [candidate for part in parts for candidate in part.foremost],
            sum(part.total for part in parts),
        )

    def standing(self, account: str, position: Position) -> Standing | None:
        """Return a position's exact standing in the queue of its side, None if it is in none."""
        return standing(self.engines, account, position, self.policy)

    def standings(self, instrument: str, side: Side) -> dict[tuple[str, str], Standing]:
        """Return the exact standing of every candidate of a side, by (account, leg)."""
        winners = [
            winner
            for engine in self.engines
            for winner in all_candidates(engine, instrument, side, self.policy)
        ]
        queue = ranked(self.policy, round_of(self.engines[0].market, instrument, side, winners))
        return {
            (winner.account, winner.leg): Standing(place, len(queue))
            for place, winner in enumerate(queue, start=1)
        }

    def scored(self, instrument: str, side: Side) -> list[Scored]:
        """Return the candidates of a side with their scores, a part from each shard.

        None for a policy without a ranking.
        """
        if self.policy.ranking is None:
            return []
        return [scored(engine, instrument, side, self.policy) for engine in self.engines]

    def closing(self, account: str, instrument: str, liquidation_id: str) -> Closing:
        """Return what is known of a bankrupt position in an instrument."""
        engine = self.of(account)
        liquidation = engine.liquidations.open.get((account, liquidation_id))
        if liquidation is not None and liquidation.instrument != instrument:
            liquidation = None  # of the account as a whole: it says nothing of this instrument
        found = engine.ledger.accounts.get(account)
        contracts: dict[Side, Fraction] = {}
        for position in () if found is None else found.list_positions():
            if position.instrument.name == instrument and position.size:
                side: Side = "long" if position.size > 0 else "short"
                size = abs(position.instrument.contracts(position.size))
                contracts[side] = contracts.get(side, Fraction(0)) + size
        return Closing(liquidation, contracts, self.count_holders(instrument))

    def gains(self, instrument: str, *, without: str) -> Mapping[str, Fraction]:
        """Return every trader's unrealized gain in an instrument."""
        gains: dict[str, Fraction] = {}
        for engine in self.engines:
            gains.update(unrealized_gains(engine, instrument, without=without))
        return gains

    def vaults(self, *, without: str) -> list[VaultEquity]:
        """Return the vaults whose equity is known, in the order of names."""
        found = [one for engine in self.engines for one in vault_equities(engine)]
        return sorted(
            (one for one in found if one.account != without), key=lambda one: one.account.encode()
        )

    def profits(
        self, asset: str, minor_unit: Fraction, now_ns: int, *, without: str
    ) -> Mapping[str, Fraction]:
        """Return every trader's profit of the session in an asset, realized and not."""
        realized = self.sessions.of(now_ns, asset)
        profits: dict[str, Fraction] = {}
        for engine in self.engines:
            for name, pnl in unrealized_in(engine, asset, without=without).items():
                profits[name] = pnl + realized.get(name, 0) * minor_unit
        return profits

    def sizes(self, instrument: str, *, without: str) -> Mapping[str, Fraction]:
        """Return how many contracts every trader holds in an instrument."""
        sizes: dict[str, Fraction] = {}
        for engine in self.engines:
            sizes.update(sizes_in(engine, instrument, without=without))
        return sizes

    def equities(self, *, without: str) -> Mapping[str, Fraction]:
        """Return every trader's equity above 0."""
        equities: dict[str, Fraction] = {}
        for engine in self.engines:
            equities.update(equities_of(engine, without=without))
        return equities

    def pools(self) -> dict[str, PoolPart]:
        """Return what every collateral pool holds, and what its winners have gained."""
        found: dict[str, PoolPart] = {}
        for pool, instruments in pools_of(self.engines[0].market).items():
            for engine in self.engines:
                part = pool_part(engine, pool, instruments)
                found[pool] = found.get(pool, PoolPart(0, 0)).plus(part)
        return found

    def inventories(self) -> dict[str, Inventory]:
        """Return what the venue's vaults have taken over and not closed, by fund."""
        merged_ones: dict[str, Inventory] = {}
        for engine in self.engines:
            for fund, part in inventories_of(engine).items():
                merged_ones.setdefault(fund, Inventory(part.asset)).add(part)
        return merged_ones

    def open_interest(self, instrument: str) -> tuple[int, int]:
        """Return (long, short) in size units, as magnitudes."""
        long, short = self._sides(instrument)
        return sum(part.total for part in long), sum(part.total for part in short)

    def owner_interest(self, instrument: str, owner: str) -> tuple[int, int]:
        """Return what all accounts of an owner hold (long, short), in size units."""
        long, short = self._sides(instrument)
        return (
            sum(part.groups.get(owner, 0) for part in long),
            sum(part.groups.get(owner, 0) for part in short),
        )

    def concentrations(self, instrument: str) -> tuple[Concentration, Concentration]:
        """Return how concentrated the long and the short side are."""
        long, short = self._sides(instrument)
        return merged(long).concentration(), merged(short).concentration()

    def _sides(self, instrument: str) -> tuple[list[SideInterest], list[SideInterest]]:
        """Return every shard's long and short side of an instrument."""
        sides = [engine.ledger.open_interest.get(instrument) for engine in self.engines]
        held = [pair for pair in sides if pair is not None]
        return [pair[0] for pair in held], [pair[1] for pair in held]

    def count_holders(self, instrument: str) -> int:
        """Return how many positions there are in an instrument."""
        return sum(engine.ledger.store.count_holders(instrument) for engine in self.engines)

    def go_on_relisting(self) -> None:
        """Do the next slice of one relisting, the first by name: the same in every shard."""
        if relistings := self.engines[0].ledger.store.relistings:
            name = min(relistings)
            for engine in self.engines:
                engine.relist_slice(name)

    def count(self) -> int:
        """Return how many accounts there are."""
        return sum(len(engine.ledger.accounts) for engine in self.engines)

    def account_ids(self) -> list[str]:
        """Return every account, in the order of names."""
        return sorted(name for engine in self.engines for name in engine.ledger.accounts)

    def take_changed(self) -> set[str]:
        """Return the accounts that were touched or changed state since the last call."""
        changed: set[str] = set()
        for engine in self.engines:
            changed |= engine.changed
            engine.changed = set()
        return changed
