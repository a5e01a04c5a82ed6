"""Why somebody was deleveraged: the engine's cases, each with the decision that planned it."""

from collections.abc import Sequence

import msgspec

from monitor.api.decision_ring import DECISIONS_KEPT, DecisionRing
from monitor.api.records import DeleveragingRecord, DeleveragingsAnswer
from monitor.core.decisions import DeleveragingPlanned
from monitor.core.deleveraging_case import Choice, Deleveraging

_KIND = "deleveraging_planned"


def deleveragings_answer(
    liquidation_id: str, cases: Sequence[Deleveraging], ring: DecisionRing, account: str | None
) -> DeleveragingsAnswer:
    """Return the cases of a liquidation; of one account, if it is named, what concerns it."""
    newest = (each.decision for each in ring.newest(limit=DECISIONS_KEPT, kind=_KIND))
    decisions = {
        (one.instrument, one.side, one.event_ns): one
        for one in newest
        if isinstance(one, DeleveragingPlanned) and one.liquidation_id == liquidation_id
    }
    return DeleveragingsAnswer(
        liquidation_id=liquidation_id,
        deleveragings=[
            _record(
                case if account is None else of_account(case, account),
                decisions.get((case.instrument, case.side, case.expected.engine_ns)),
            )
            for case in cases
            if account is None or _concerns(case, account)
        ],
    )


def _concerns(case: Deleveraging, account: str) -> bool:
    """Return whether an account is the bankrupt one, due to give, or has given."""
    names = {case.account}
    names |= {each.account for each in case.expected.reductions}
    names |= {each.account for each in case.fills}
    return account in names


def _record(case: Deleveraging, decision: DeleveragingPlanned | None) -> DeleveragingRecord:
    is_planned = decision is not None and case.expected.origin != "first_fill"
    return DeleveragingRecord(
        decision_id=decision.decision_id if decision and is_planned else None,
        cause=decision.cause if decision and is_planned else None,
        deleveraging=case,
    )


def of_account(case: Deleveraging, account: str) -> Deleveraging:
    """Return a case with the reductions, fills and choices of one account alone."""
    expected, review = case.expected, case.review
    if review is not None:
        review = msgspec.structs.replace(
            review,
            skipped=_choices_of(review.skipped, account),
            wrongly_chosen=_choices_of(review.wrongly_chosen, account),
        )
    reductions = tuple(each for each in expected.reductions if each.account == account)
    return msgspec.structs.replace(
        case,
        expected=msgspec.structs.replace(expected, reductions=reductions),
        fills=tuple(each for each in case.fills if each.account == account),
        review=review,
    )


def _choices_of(listed: tuple[Choice, ...] | None, account: str) -> tuple[Choice, ...] | None:
    return None if listed is None else tuple(one for one in listed if one.account == account)
