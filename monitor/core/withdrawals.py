"""The withdrawal gate of each collateral pool, and the run on it while a haircut looms.

A pool is a settlement currency. A haircut looms when a loss is left that neither vaults nor funds
nor deleveraging cover; whom it is charged to may leave first, and what he then cannot pay shifts to
the others. Source of the gate: dYdX (insolvency after deleveraging, outages; a pool each).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from monitor.core.amounts import float_setting, rounded_text
from monitor.core.decisions import Decision, WithdrawalsGated, WithdrawalsReleased
from monitor.core.settings import WithdrawalSettings
from monitor.core.view import PoolView, RunnerView

SECOND_NS = 1_000_000_000
RUNNERS_MAX = 1_000  # of one pool: those with the largest charges
RUNNERS_SHOWN = 100
LEAVING = frozenset({"withdrawal", "transfer"})
ZERO = Fraction(0)


@dataclass(slots=True)
class Gate:
    """Withdrawals of a pool are stopped until `due_ns`, and while an outage holds them."""

    reason: str
    since_ns: int
    due_ns: int
    is_held: bool = False


@dataclass(slots=True)
class Runner:
    """An account that a looming haircut is charged to, in the valuation currency.

    `shifted`: what its equity cannot pay of `charged` any more.
    """

    charged: Fraction = ZERO
    requested: Fraction = ZERO
    withdrawn: Fraction = ZERO
    shifted: Fraction = ZERO


@dataclass(slots=True)
class Race:
    """A looming haircut on a pool, until `until_ns`; `left_out`: charged, but not followed."""

    until_ns: int
    haircut: Fraction = ZERO
    left_out: int = 0
    runners: dict[str, Runner] = field(default_factory=dict)

    @property
    def shifted(self) -> Fraction:
        """Return what those who left shift to the others."""
        return sum((one.shifted for one in self.runners.values()), ZERO)

    def charge(self, charges: Mapping[str, Fraction]) -> None:
        """Add charges; of too many the largest are followed, ties by name."""
        for name, charge in charges.items():
            self.runners.setdefault(name, Runner()).charged += charge
        if len(self.runners) > RUNNERS_MAX:
            ranked = sorted(self.runners.items(), key=lambda one: (-one[1].charged, one[0]))
            self.left_out += len(ranked) - RUNNERS_MAX
            self.runners = dict(ranked[:RUNNERS_MAX])


class Withdrawals:
    """The gates and races by pool."""

    def __init__(self, settings: WithdrawalSettings) -> None:
        """Begin open."""
        self.settings = settings
        self.gates: dict[str, Gate] = {}
        self.races: dict[str, Race] = {}
        self.outages: dict[str, tuple[int, bool]] = {}  # feed: lost since, and it holds gates

    def use(self, settings: WithdrawalSettings) -> None:
        """Take new settings; an outage that does not gate any more lets go."""
        self.settings = settings
        if "outage" not in settings.gate_on:
            self.outages = {feed: (since, False) for feed, (since, _) in self.outages.items()}
            for gate in self.gates.values():
                gate.is_held = False

    # --- the gate -------------------------------------------------------------------------

    def _gate(self, pool: str, reason: str, now_ns: int, *, hold: bool = False) -> list[Decision]:
        due_ns = now_ns + round(self.settings.cool_off_s * SECOND_NS)
        gate = self.gates.get(pool)
        if gate is not None:
            gate.due_ns, gate.is_held = max(gate.due_ns, due_ns), gate.is_held or hold
            return []
        self.gates[pool] = Gate(reason, now_ns, due_ns, hold)
        return [self._gated(pool, now_ns)]

    def _gated(self, pool: str, now_ns: int) -> Decision:
        reason = self.gates[pool].reason
        return WithdrawalsGated(event_ns=now_ns, rule="withdrawals", pool=pool, reason=reason)

    def standing(self, now_ns: int) -> list[Decision]:
        """Return the gates that stand now."""
        return [self._gated(pool, now_ns) for pool in sorted(self.gates)]

    def feed_changed(self, feed: str, *, lost: bool, now_ns: int) -> None:
        """Take that a feed is lost or there again; the last one of an outage lets the gates go."""
        if lost:
            self.outages.setdefault(feed, (now_ns, False))
            return
        _, held = self.outages.pop(feed, (0, False))
        if held and not any(holds for _, holds in self.outages.values()):
            for gate in self.gates.values():
                cool_off_ns = round(self.settings.cool_off_s * SECOND_NS)
                if gate.is_held:
                    gate.due_ns, gate.is_held = max(gate.due_ns, now_ns + cool_off_ns), False

    def pool_listed(self, pool: str, now_ns: int) -> list[Decision]:
        """Take that an instrument is listed: while an outage holds pools, its pool is held too."""
        gate = self.gates.get(pool)
        holds = any(holds for _, holds in self.outages.values())
        if not holds or (gate is not None and gate.is_held):
            return []
        return self._gate(pool, "outage", now_ns, hold=True)

    def next_timer(self) -> tuple[int, str, str] | None:
        """Return the first timer as (due_ns, name, key), None without one."""
        if not self.gates and not self.outages:
            return None
        due = [
            (gate.due_ns, f"withdrawals:pool:{pool}", f"pool:{pool}")
            for pool, gate in self.gates.items()
            if not gate.is_held
        ]
        if "outage" in self.settings.gate_on:
            after_ns = round(self.settings.outage_s * SECOND_NS)
            due += [
                (since_ns + after_ns, f"withdrawals:feed:{feed}", f"feed:{feed}")
                for feed, (since_ns, holds) in self.outages.items()
                if not holds
            ]
        return min(due, default=None)

    def fire(self, key: str, pools: Iterable[str], now_ns: int) -> list[Decision]:
        """Release a pool that has cooled off, or gate all pools: a feed is away for too long."""
        kind, _, name = key.partition(":")
        if kind == "pool":
            del self.gates[name]
            return [WithdrawalsReleased(event_ns=now_ns, rule="withdrawals", pool=name)]
        self.outages[name] = (self.outages[name][0], True)
        return [
            decision
            for pool in sorted(pools)
            for decision in self._gate(pool, "outage", now_ns, hold=True)
        ]

    # --- the race -------------------------------------------------------------------------

    def haircut_looms(
        self, pool: str, haircut: Fraction, charges: Mapping[str, Fraction], now_ns: int
    ) -> list[Decision]:
        """Take a loss that layers before socialized loss leave; whom it is charged to may run."""
        self._forget_over(now_ns)
        race = self.races.setdefault(pool, Race(0))
        race.until_ns = now_ns + round(self.settings.race_s * SECOND_NS)
        race.haircut += haircut
        race.charge(charges)
        gates = "insolvency" in self.settings.gate_on
        return self._gate(pool, "insolvency", now_ns) if gates else []

    def runner(self, account: str, pool: str, now_ns: int) -> Runner | None:
        """Return the account as a runner of a pool, None if no haircut is charged to it."""
        self._forget_over(now_ns)
        race = self.races.get(pool)
        return None if race is None else race.runners.get(account)

    def requested(self, account: str, pool: str, amount: Fraction, now_ns: int) -> None:
        """Take that an account asks to leave with an amount."""
        runner = self.runner(account, pool, now_ns)
        if runner is not None:
            runner.requested += amount

    def left(
        self, account: str, pool: str, amount: Fraction, equity: Fraction, now_ns: int
    ) -> list[Decision]:
        """Take that an account has left with an amount, and with what equity it stays.

        Charged 30 and left with an equity of 10, it shifts 20 to the others.
        """
        runner = self.runner(account, pool, now_ns)
        if runner is None:
            return []
        runner.withdrawn += amount
        runner.requested = max(ZERO, runner.requested - amount)
        runner.shifted = max(runner.shifted, runner.charged - max(ZERO, equity))
        race = self.races[pool]
        limit = float_setting(self.settings.race_limit_ratio) * race.haircut
        if "race" in self.settings.gate_on and race.shifted > limit:
            return self._gate(pool, "race", now_ns)
        return []

    def forget(self, account: str) -> None:
        """Take that an account is closed: what was charged to it shifts in full."""
        for race in self.races.values():
            if account in race.runners:
                runner = race.runners[account]
                runner.requested, runner.shifted = ZERO, runner.charged

    def _forget_over(self, now_ns: int) -> None:
        if any(race.until_ns <= now_ns for race in self.races.values()):
            races = self.races.items()
            self.races = {pool: race for pool, race in races if race.until_ns > now_ns}

    def views(self, now_ns: int) -> tuple[PoolView, ...]:
        """Return every pool with a gate or a race, in the order of names."""
        races = {pool: race for pool, race in self.races.items() if race.until_ns > now_ns}
        return tuple(
            _view(pool, self.gates.get(pool), races.get(pool) or Race(0))
            for pool in sorted(self.gates.keys() | races.keys())
        )

    # --- state ----------------------------------------------------------------------------

    def export_state(self) -> dict[str, Any]:
        """Return everything as plain values, in a canonical order."""
        return {
            "gates": [
                [pool, gate.reason, gate.since_ns, gate.due_ns, gate.is_held]
                for pool, gate in sorted(self.gates.items())
            ],
            "outages": [[feed, *outage] for feed, outage in sorted(self.outages.items())],
            "races": [
                [
                    pool, race.until_ns, _plain(race.haircut), race.left_out,
                    [
                        [name, *map(_plain, (one.charged, one.requested, one.withdrawn,
                                             one.shifted))]
                        for name, one in sorted(race.runners.items())
                    ],
                ]
                for pool, race in sorted(self.races.items())
            ],
        }  # fmt: skip

    def restore(self, state: dict[str, Any]) -> None:
        """Take what `export_state` described."""
        self.gates = {pool: Gate(*gate) for pool, *gate in state["gates"]}
        self.outages = {feed: (since_ns, holds) for feed, since_ns, holds in state["outages"]}
        self.races = {
            pool: Race(
                until_ns,
                _fraction(haircut),
                left_out,
                {name: Runner(*map(_fraction, amounts)) for name, *amounts in runners},
            )
            for pool, until_ns, haircut, left_out, runners in state["races"]
        }
        self.use(self.settings)


def _view(pool: str, gate: Gate | None, race: Race) -> PoolView:
    followed = sorted(race.runners.items(), key=lambda one: (-one[1].charged, one[0]))
    sums = [
        sum((getattr(one, name) for _, one in followed), ZERO)
        for name in ("charged", "requested", "withdrawn", "shifted")
    ]
    charged, requested, withdrawn, shifted = map(rounded_text, sums)
    return PoolView(
        pool=pool,
        gated=gate is not None,
        reason=None if gate is None else gate.reason,
        since_ns=None if gate is None else gate.since_ns,
        release_ns=None if gate is None or gate.is_held else gate.due_ns,
        race_until_ns=race.until_ns or None,
        haircut_usd=rounded_text(race.haircut),
        charged_usd=charged,
        requested_usd=requested,
        withdrawn_usd=withdrawn,
        shifted_usd=shifted,
        exposed_usd=rounded_text(sums[0] - sums[3]),
        accounts=len(followed) + race.left_out,
        runners=tuple(
            RunnerView(
                account=name,
                charged_usd=rounded_text(one.charged),
                requested_usd=rounded_text(one.requested),
                withdrawn_usd=rounded_text(one.withdrawn),
                shifted_usd=rounded_text(one.shifted),
            )
            for name, one in followed[:RUNNERS_SHOWN]
        ),
    )


def _plain(amount: Fraction) -> list[str]:
    return [str(amount.numerator), str(amount.denominator)]


def _fraction(plain: list[str]) -> Fraction:
    return Fraction(int(plain[0]), int(plain[1]))
