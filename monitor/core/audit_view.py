"""What outsiders see of the audit."""

from typing import Literal

import msgspec


class AuditSum(msgspec.Struct, frozen=True, kw_only=True):
    """One sum that must be conserved, in contracts or in an asset.

    `difference`: how far it is off, since `off_since_ns`; null while it is within `allowed`.
    `state`: `waiting` until the venue is known to send both sides, then `armed`.
    `tolerance_ratio`: what is allowed of what was moved, learned where the venue does not publish
    everything. `returns`: how often it came back into balance.
    """

    check: str
    scope: str
    state: Literal["waiting", "armed"]
    difference: str
    allowed: str
    tolerance_ratio: float
    off_since_ns: int | None
    returns: int
    violations: int


class AuditReport(msgspec.Struct, frozen=True, kw_only=True):
    """Every sum that is watched, and how much was counted again."""

    audit_points: int
    recounts: int
    recount_violations: int
    sums: list[AuditSum]
