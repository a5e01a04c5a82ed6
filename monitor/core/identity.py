"""The envelope of a decision: its identity, its cause, who made it and under which rules."""

import hashlib
from collections.abc import Iterable
from typing import Any

import msgspec

from monitor.core.decisions import Cause, Decision

_encoder = msgspec.json.Encoder()


def decision_identity(
    kind: str, cause: Cause, rule: str, subject: tuple[Any, ...], number: int
) -> str:
    """Return the decision id: the first 128 bits, in hex, of SHA-256 over the identity.

    The identity is the JSON array [type, cause with sorted keys, rule, subject, number], where
    `number` counts equal identities of one cause from 0. The epoch is not part of it, so a
    decision made again after a restart keeps its id.
    """
    identity = _encoder.encode([kind, sorted(cause.items()), rule, subject, number])
    return hashlib.sha256(identity).hexdigest()[:32]


def stamp(
    decisions: Iterable[tuple[Decision, Cause]], *, configuration_hash: str, epoch: int
) -> list[Decision]:
    """Return the decisions with their envelopes.

    All decisions of one cause must be given in one call, in order: equal ones are numbered.
    """
    stamped = []
    seen: dict[bytes, int] = {}
    for decision, cause in decisions:
        identity = _encoder.encode(
            [decision.kind, sorted(cause.items()), decision.rule, decision.subject]
        )
        number = seen.get(identity, 0)
        seen[identity] = number + 1
        stamped.append(
            msgspec.structs.replace(
                decision,
                decision_id=decision_identity(
                    decision.kind, cause, decision.rule, decision.subject, number
                ),
                cause=cause,
                configuration_hash=configuration_hash,
                epoch=epoch,
            )
        )
    return stamped
