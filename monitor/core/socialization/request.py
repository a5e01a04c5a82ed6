"""What `socialize` is asked, checked against what a method needs, and what it answers."""

from fractions import Fraction
from typing import Any

import msgspec

from monitor.core.amounts import REPORT_DIGITS, Unit, ceil_units, exact_text, rounded_text_or_none
from monitor.core.events import Identifier, NonNegative, Number, Positive
from monitor.core.socialization.loss import Bearer, Burden, Loss, Method
from monitor.core.worksheet import (
    WorksheetError,
    check_unique,
    exact,
    parse_object,
    require,
    to_record,
)


class BearerRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One account; money in the loss's asset, `size` signed, in contracts."""

    account: Identifier
    session_profit: Number | None = None
    unrealized_pnl: Number | None = None
    unvested_pnl: Number | None = None
    equity: Number | None = None
    size: Number | None = None


class LossFile(msgspec.Struct, frozen=True, kw_only=True):
    """A file of accounts that may bear a loss."""

    asset: Identifier
    candidates: list[BearerRecord]
    minor_unit: Positive = "0.00000001"
    fund_balance: NonNegative | None = None
    payee_of_remainder: Identifier | None = None
    minimum_rate: NonNegative | None = None
    index_tick: Positive | None = None


def parse_loss_file(raw: bytes) -> LossFile:
    """Return a file of accounts, all checked but what single methods need.

    Raises WorksheetError.
    """
    file = to_record(parse_object(raw), LossFile)
    check_unique(candidate.account for candidate in file.candidates)
    rate = exact(file.minimum_rate)
    if rate is not None and rate > 1:
        raise WorksheetError(
            f"expected a rate from 0 to 1, received {file.minimum_rate} - at `minimum_rate`"
        )
    return file


def loss_for(method: Method, file: LossFile, amount: Fraction) -> Loss:
    """Return the loss that a method shares. Raises WorksheetError naming what it misses.

    The amount is rounded up to the minor unit, gains and balances down.
    """
    require(file, method.fields, method.name, "at the top of the file")
    for number, candidate in enumerate(file.candidates):
        require(candidate, method.needs, method.name, f"at `candidates[{number}]`")
    unit = Unit(file.minor_unit).value
    return Loss(
        amount=ceil_units(amount, unit),
        bearers=tuple(_bearer(candidate, unit) for candidate in file.candidates),
        minor_unit=unit,
        fund_balance=_units(file.fund_balance, unit),
        minimum_rate=exact(file.minimum_rate) or Fraction(0),
        index_tick=exact(file.index_tick) or Fraction(1),
        payee_of_remainder=file.payee_of_remainder or "",
    )


def _units(text: str | None, unit: Fraction) -> int:
    value = exact(text)
    return 0 if value is None else int(value // unit)


def _bearer(record: BearerRecord, unit: Fraction) -> Bearer:
    return Bearer(
        account=record.account,
        session_profit=_units(record.session_profit, unit),
        unrealized_pnl=_units(record.unrealized_pnl, unit),
        unvested_pnl=_units(record.unvested_pnl, unit),
        equity=_units(record.equity, unit),
        size=exact(record.size) or Fraction(0),
    )


def share_loss(method: Method, file: LossFile, amount: Fraction) -> dict[str, Any]:
    """Return who would bear a loss, as the command prints it.

    taken = charges + what the fund pays; taken + left = asked + surplus. A charge's share is its
    part of all charges. What a method does not know is None.
    """
    loss = loss_for(method, file, amount)
    burden = method.share(loss)
    charged = sum(burden.charges.values())
    taken = charged + burden.fund_used
    left, surplus = max(0, loss.amount - taken), max(0, taken - loss.amount)
    assert taken + left == loss.amount + surplus

    def money(units: int) -> str:
        return exact_text(units * loss.minor_unit)

    return {
        "method": method.name,
        "asset": file.asset,
        "asked": exact_text(amount),
        "taken": money(taken),
        "left": money(left),
        "surplus": money(surplus),
        "fund_used": money(burden.fund_used),
        "stages": burden.stages and {name: money(part) for name, part in burden.stages.items()},
        "index_change": _index_change(burden),
        "charges": [
            {
                "account": account,
                "amount": money(charge),
                "share": rounded_text_or_none(
                    Fraction(charge, charged) if charged else None, REPORT_DIGITS
                ),
            }
            for account, charge in sorted(
                burden.charges.items(), key=lambda item: (-item[1], item[0].encode("utf-8"))
            )
        ],
    }


def _index_change(burden: Burden) -> dict[str, str] | None:
    if burden.index_change is None:
        return None
    return {
        "long": exact_text(burden.index_change),
        "short": exact_text(-burden.index_change),
    }
