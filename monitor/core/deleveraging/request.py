"""What `deleverage` is asked: a file of candidates, checked against what a policy needs."""

from collections.abc import Sequence
from fractions import Fraction

import msgspec

from monitor.core.amounts import to_fraction
from monitor.core.decisions import Side
from monitor.core.deleveraging.policy import Policy
from monitor.core.deleveraging.round import Past, Round, Winner
from monitor.core.events import Identifier, InstrumentKind, NonNegative, Number, Positive
from monitor.core.worksheet import (
    WorksheetError,
    check_unique,
    exact,
    parse_object,
    require,
    to_record,
)

# Of a full `instrument_listed` only these matter here.
_INSTRUMENT_FIELDS = ("kind", "contract_size", "lot_size")


class InstrumentTerms(msgspec.Struct, frozen=True, kw_only=True):
    """The terms of a contract; `lot_size` in contracts."""

    kind: InstrumentKind
    contract_size: Positive
    lot_size: Positive


class CandidateRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One position that may be deleveraged; `size` signed, money in the valuation currency.

    `haircut_max`: the most that may be taken of its gain (0 to 1). `equity_min`: what
    `pro-rata-pnl-capped` must leave the account. `other_exposure`: what the account holds besides
    of the same factor, > 0 long (`minimax-leverage-factor`).
    """

    account: Identifier
    size: Number
    entry_price: Positive | None = None
    equity: NonNegative | None = None
    wallet_balance: Number | None = None
    maintenance_margin: NonNegative | None = None
    owner: Identifier | None = None
    haircut_max: NonNegative = "1"
    equity_min: NonNegative | None = None
    other_exposure: Number = "0"


class PastRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A recorded round, for `severity-learner`: the deficit, and what of it was needed."""

    deficit: NonNegative
    needed: NonNegative


class CandidatesFile(msgspec.Struct, frozen=True, kw_only=True):
    """A file of candidates; `side` is that of the winners, `bankrupt_…` who is being closed.

    `spare_counterparties`: nobody gives more than its equity, but for policies whose venue's rule
    says so.
    """

    instrument: InstrumentTerms
    side: Side
    candidates: list[CandidateRecord]
    mark_price: Positive | None = None
    bankruptcy_price: Positive | None = None
    settlement_price: Positive | None = None
    bankrupt_account: Identifier | None = None
    bankrupt_owner: Identifier | None = None
    rounds: list[PastRecord] = []
    spare_counterparties: bool = False


def parse_candidates(raw: bytes) -> CandidatesFile:
    """Return a file of candidates, all checked but what single policies need.

    Raises WorksheetError.
    """
    value = parse_object(raw)
    instrument = value.get("instrument")
    if isinstance(instrument, dict):
        known = {name: instrument[name] for name in _INSTRUMENT_FIELDS if name in instrument}
        value = value | {"instrument": known}
    file = to_record(value, CandidatesFile)
    check_unique(candidate.account for candidate in file.candidates)
    lot = to_fraction(file.instrument.lot_size)
    for number, candidate in enumerate(file.candidates):
        _check_candidate(file, candidate, lot, f"candidates[{number}]")
    return file


def _check_candidate(
    file: CandidatesFile, candidate: CandidateRecord, lot: Fraction, where: str
) -> None:
    size = to_fraction(candidate.size)
    if size == 0 or (size > 0) != (file.side == "long"):
        sign = ">" if file.side == "long" else "<"
        raise WorksheetError(
            f"expected a {file.side} winner (size {sign} 0), received size {candidate.size}"
            f" - at `{where}.size`"
        )
    if size % lot:
        raise WorksheetError(
            f"expected a multiple of the lot {file.instrument.lot_size}, received {candidate.size}"
            f" - at `{where}.size`"
        )
    if to_fraction(candidate.haircut_max) > 1:
        raise WorksheetError(
            f"expected a share from 0 to 1, received {candidate.haircut_max}"
            f" - at `{where}.haircut_max`"
        )
    if candidate.account == file.bankrupt_account:
        raise WorksheetError(
            f"expected no candidate that is being closed itself, received {candidate.account}"
            f" - at `{where}.account`"
        )
    if candidate.owner is not None and candidate.owner == file.bankrupt_owner:
        raise WorksheetError(
            f"expected another owner than that of the bankrupt account, received {candidate.owner}"
            f" - at `{where}.owner`"
        )


def round_for(policy: Policy, file: CandidatesFile, *, seed: int) -> Round:
    """Return the round that a policy splits. Raises WorksheetError naming what it misses."""
    require(file, policy.prices, policy.name, "at the top of the file")
    for number, candidate in enumerate(file.candidates):
        require(candidate, policy.needs, policy.name, f"at `candidates[{number}]`")
        where = f"at `candidates[{number}]`"
        if candidate.equity_min is not None:
            require(candidate, ("equity",), "its `equity_min`", where)
        if file.spare_counterparties:
            require(candidate, ("equity",), "`spare_counterparties`", where)
    return Round(
        kind=file.instrument.kind,
        contract_size=to_fraction(file.instrument.contract_size),
        lot_size=to_fraction(file.instrument.lot_size),
        side=file.side,
        winners=_winners(file.candidates, to_fraction(file.instrument.lot_size)),
        mark_price=exact(file.mark_price),
        bankruptcy_price=exact(file.bankruptcy_price),
        settlement_price=exact(file.settlement_price),
        past=tuple(Past(to_fraction(p.deficit), to_fraction(p.needed)) for p in file.rounds),
        seed=seed,
        spares_counterparties=file.spare_counterparties,
    )


def _winners(candidates: Sequence[CandidateRecord], lot: Fraction) -> tuple[Winner, ...]:
    return tuple(
        Winner(
            account=candidate.account,
            lots=int(abs(to_fraction(candidate.size)) / lot),
            entry_price=exact(candidate.entry_price),
            equity=exact(candidate.equity),
            wallet_balance=exact(candidate.wallet_balance),
            maintenance_margin=exact(candidate.maintenance_margin),
            owner=candidate.owner,
            haircut_max=to_fraction(candidate.haircut_max),
            equity_min=exact(candidate.equity_min),
            other_exposure=to_fraction(candidate.other_exposure),
        )
        for candidate in candidates
    )
