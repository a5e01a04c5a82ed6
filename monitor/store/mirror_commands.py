"""The Redis commands that bring the mirror from what it holds to what it should hold.

Pure: no connection here. `CommandWriter` remembers what Redis holds for sure, so that only what
differs is written; after a failure nothing is sure any more, and what may be there is overwritten
or removed. Every command sets an absolute value, except the stream of decisions, which goes into
the one script that also moves the offset.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import TypeVar

import msgspec

from monitor.store.live_state import (
    ACCOUNT_FIELDS,
    DECISIONS_MAX,
    LIGHTS_MAX,
    Fields,
    LiveState,
    Queue,
    account_fields,
)
from monitor.store.marker import Argument, Command

MEMBERS_PER_COMMAND = 1_000

Value = TypeVar("Value")


class MirrorKeys:
    """The names of the keys; `docs/redis.md` describes each."""

    def __init__(self, prefix: str, shard: int) -> None:
        self.prefix = prefix
        self.at_risk = f"{prefix}:at-risk"
        self.unknown = f"{prefix}:unknown"
        self.decisions = f"{prefix}:decisions"
        self.lights = f"{prefix}:lights"
        self.leader = f"{prefix}:leader" if shard == 0 else f"{prefix}:leader:{shard}"
        self.marker = f"{prefix}:mirror:{shard}"
        self.accounts = f"{prefix}:mirror:{shard}:accounts"
        self.named = f"{prefix}:mirror:{shard}:named"

    def account(self, name: str) -> str:
        """Return the key of an account."""
        return f"{self.prefix}:account:{name}"

    def deleveraging(self, queue: Queue) -> str:
        """Return the key of a deleveraging queue."""
        instrument, side = queue
        return f"{self.prefix}:deleveraging:{instrument}:{side}"


class Leftover(msgspec.Struct, frozen=True):
    """What a Redis that we did not leave like this holds of our shard."""

    accounts: set[str]
    named: set[str]
    at_risk: set[str]
    unknown: set[str]


class DecisionEnvelope(msgspec.Struct):
    """What a stream entry repeats of a decision."""

    type: str
    decision_id: str = ""


class _Holding(msgspec.Struct):
    """What Redis holds; None as a value means that it may hold anything under that name."""

    accounts: set[str] = msgspec.field(default_factory=set)
    at_risk: dict[str, float | None] = msgspec.field(default_factory=dict)
    unknown: dict[str, bool | None] = msgspec.field(default_factory=dict)
    hashes: dict[str, Fields | None] = msgspec.field(default_factory=dict)
    queues: dict[str, tuple[str, ...] | None] = msgspec.field(default_factory=dict)


class CommandWriter:
    """Writes the commands for one shard's part of the mirror."""

    def __init__(self, keys: MirrorKeys, state: LiveState) -> None:
        self._keys = keys
        self._state = state
        self._held = _Holding()
        self._sent = _Holding()
        self._left: set[str] = set()  # accounts of an earlier process, not told of yet

    def start_anew(self, leftover: Leftover) -> set[str]:
        """Forget what Redis holds but for its leftovers; return the accounts to write or remove."""
        prefix = f"{self._keys.prefix}:deleveraging:"
        self._held = _Holding(
            at_risk=dict.fromkeys(leftover.at_risk),
            unknown=dict.fromkeys(leftover.unknown),
            hashes=dict.fromkeys(key for key in leftover.named if not key.startswith(prefix)),
            queues=dict.fromkeys(key for key in leftover.named if key.startswith(prefix)),
        )
        self._left = leftover.accounts
        return self.settled() | self._state.accounts.keys()

    def settled(self) -> set[str]:
        """Return the accounts of an earlier process to write or remove, once all have been told."""
        if not self._state.is_whole:
            return set()
        left, self._left = self._left, set()
        return left

    def accounts(self, names: Sequence[str]) -> list[Command]:
        """Return the commands for these accounts: as they are now, or gone."""
        commands: list[Command] = []
        known = self._state.accounts
        gone = [name for name in names if name not in known]
        new = [name for name in names if name in known and name not in self._held.accounts]
        for name in names:
            account = known.get(name)
            key = self._keys.account(name)
            if account is None:
                commands.append(("DEL", key))
            else:
                commands += _hash(key, account_fields(account), ACCOUNT_FIELDS)
        commands += _members("SADD", self._keys.accounts, new)
        commands += _members("SREM", self._keys.accounts, gone)
        self._held.accounts.update(new)
        self._held.accounts.difference_update(gone)
        return commands

    def summary(self) -> list[Command]:
        """Return the commands for everything but accounts and decisions."""
        state, keys, held = self._state, self._keys, self._held
        queues = {keys.deleveraging(queue): names for queue, names in state.deleveraging.items()}
        hashes = {f"{keys.prefix}:{key}": value for key, value in state.named_fields().items()}
        at_risk, unknown = state.at_risk(), dict.fromkeys(state.unknown, True)
        self._sent = _Holding(
            at_risk={**at_risk},
            unknown={**unknown},
            hashes={**hashes},
            queues={**queues},
        )
        commands: list[Command] = []
        put, gone = _difference(held.at_risk, at_risk)
        commands += _scored(keys.at_risk, put)
        commands += _members("ZREM", keys.at_risk, gone)
        marked, unmarked = _difference(held.unknown, unknown)
        commands += _members("SADD", keys.unknown, marked)
        commands += _members("SREM", keys.unknown, unmarked)
        commands += self._named(hashes, queues)
        return commands

    def confirm(self) -> None:
        """Note that the last summary is in Redis."""
        self._sent.accounts = self._held.accounts
        self._held = self._sent

    def doubt(self, accounts: set[str]) -> None:
        """Note that the last commands, about these accounts, may or may not be in Redis."""
        held, sent = self._held, self._sent
        self._held = _Holding(
            accounts=held.accounts - accounts,
            at_risk=dict.fromkeys([*held.at_risk, *sent.at_risk]),
            unknown=dict.fromkeys([*held.unknown, *sent.unknown]),
            hashes=dict.fromkeys([*held.hashes, *sent.hashes]),
            queues=dict.fromkeys([*held.queues, *sent.queues]),
        )

    def decisions(self, *, after: int, up_to: int) -> list[Command]:
        """Return the commands for the decisions of the batches in (after, up_to]."""
        commands: list[Command] = []
        for entry in self._state.decisions:
            if after < entry.log_offset <= up_to:
                envelope = msgspec.json.decode(entry.text, type=DecisionEnvelope)
                commands.append(
                    (
                        *("XADD", self._keys.decisions, "MAXLEN", "~", DECISIONS_MAX, "*"),
                        *("type", envelope.type, "decision_id", envelope.decision_id),
                        *("log_offset", entry.log_offset, "decision", entry.text),
                    )
                )
        commands.append(("HSET", self._keys.marker, "decisions_offset", up_to))
        return commands

    def lights(self) -> list[Command]:
        """Return the commands for the lights that have changed: each is written at most once."""
        return [
            (
                *("XADD", self._keys.lights, "MAXLEN", "~", LIGHTS_MAX, "*"),
                *("instrument", change.instrument, "side", change.side),
                *("account", change.account, "light", change.light, "before", change.before),
                *("event_ns", event_ns),
            )
            for event_ns, change in self._state.take_lights()
        ]

    def _named(
        self, hashes: Mapping[str, Fields], queues: Mapping[str, tuple[str, ...]]
    ) -> list[Command]:
        """Write the breakers, funds and queues that differ; a queue is replaced as a whole."""
        commands: list[Command] = []
        changed, gone = _difference(self._held.hashes, hashes)
        for key, fields in changed.items():
            commands.append(("DEL", key))
            commands += _hash(key, fields, ())
        queues_changed, queues_gone = _difference(self._held.queues, queues)
        for key, names in queues_changed.items():
            commands.append(("DEL", key))
            commands += _scored(key, {name: rank for rank, name in enumerate(names, start=1)})
        commands += _members("DEL", None, [*gone, *queues_gone])
        commands += _members("SREM", self._keys.named, [*gone, *queues_gone])
        commands += _members("SADD", self._keys.named, [*changed, *queues_changed])
        return commands


def _difference(
    held: Mapping[str, Value | None], wanted: Mapping[str, Value]
) -> tuple[dict[str, Value], list[str]]:
    """Return what to put (new or different) and which names to remove."""
    put = {name: value for name, value in wanted.items() if held.get(name) != value}
    return put, [name for name in held if name not in wanted]


def _hash(key: str, fields: Fields, possible: Iterable[str]) -> list[Command]:
    words: list[Argument] = ["HSET", key]
    for name, value in fields.items():
        words += (name, value)
    absent = [name for name in possible if name not in fields]
    return [words, ("HDEL", key, *absent)] if absent else [words]


def _members(verb: str, key: str | None, names: Iterable[str]) -> list[Command]:
    head = [verb] if key is None else [verb, key]
    members = list(names)
    return [
        [*head, *members[start : start + MEMBERS_PER_COMMAND]]
        for start in range(0, len(members), MEMBERS_PER_COMMAND)
    ]


def _scored(key: str, scores: Mapping[str, float]) -> list[Command]:
    members = list(scores.items())
    commands: list[Command] = []
    for start in range(0, len(members), MEMBERS_PER_COMMAND):
        words: list[Argument] = ["ZADD", key]
        for name, score in members[start : start + MEMBERS_PER_COMMAND]:
            words += (score, name)
        commands.append(words)
    return commands
