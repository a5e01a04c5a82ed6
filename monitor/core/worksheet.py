"""A file of candidates becomes a checked record: numbers exact, unknown fields refused.

A worksheet is what an operator hands to `deleverage` and `socialize`. Numbers are decimal strings
or plain JSON numbers, in either case without binary floats in between.
"""

import json
from collections.abc import Iterable
from fractions import Fraction
from typing import TypeVar

import msgspec

from monitor.core.amounts import to_fraction
from monitor.core.events import Number
from monitor.core.shaping import FieldError, Plain, kind_of, parse_plainly, shape
from monitor.core.wording import reworded

CANDIDATES_MAX = 1_000_000
_RECEIVED_MAX = 80

Record = TypeVar("Record", bound=msgspec.Struct)


class WorksheetError(ValueError):
    """A worksheet cannot be used; the message says what was expected, received, and where."""


class _Amount(msgspec.Struct):
    """The amount of a command."""

    amount: Number


def parse_object(raw: bytes) -> dict[str, Plain]:
    """Return the JSON object of a worksheet, its numbers as text."""
    try:
        value = parse_plainly(raw)
    except RecursionError:
        raise WorksheetError("expected JSON, received too many brackets in each other") from None
    except ValueError as error:
        raise WorksheetError(f"expected JSON, received {error}") from None
    if b"\\ud" in raw.lower():
        try:
            json.dumps(value, ensure_ascii=False).encode()
        except UnicodeEncodeError as error:
            raise WorksheetError(f"expected text, {reworded(error)}") from None
    if not isinstance(value, dict):
        raise WorksheetError(f"expected a JSON object, received {kind_of(value)}")
    candidates = value.get("candidates")
    if isinstance(candidates, list) and len(candidates) > CANDIDATES_MAX:
        raise WorksheetError(
            f"expected at most {CANDIDATES_MAX} candidates, received {len(candidates)}"
            " - at `candidates`"
        )
    return value


def to_record(value: dict[str, Plain], kind: type[Record]) -> Record:
    """Return a worksheet as its record, every number canonical."""
    try:
        shaped = shape(value, msgspec.inspect.type_info(kind), "$")
        return msgspec.convert(shaped, kind)
    except (FieldError, msgspec.ValidationError) as error:
        raise WorksheetError(reworded(error).replace("`$.", "`")) from None


def check_unique(accounts: Iterable[str]) -> None:
    """Refuse an account that is listed twice."""
    places: dict[str, int] = {}
    for number, account in enumerate(accounts):
        if account in places:
            raise WorksheetError(
                f"expected every account once, received {account:.{_RECEIVED_MAX}} again"
                f" - at `candidates[{number}].account`, first at `candidates[{places[account]}]`"
            )
        places[account] = number


def require(record: msgspec.Struct, fields: Iterable[str], who: str, where: str) -> None:
    """Refuse a record without a field that `who` needs."""
    for field in fields:
        if getattr(record, field) is None:
            raise WorksheetError(f"expected `{field}`, which {who} needs, received none - {where}")


def exact(text: str | None) -> Fraction | None:
    """Return the exact value of a canonical number, None for what was left out."""
    return None if text is None else to_fraction(text)


def exact_amount(text: str) -> Fraction:
    """Return the amount of a command, exactly; it must not be negative."""
    record = to_record({"amount": text}, _Amount)
    amount = to_fraction(record.amount)
    if amount < 0:
        raise WorksheetError(f"expected an amount >= 0, received {text:.{_RECEIVED_MAX}}")
    return amount
