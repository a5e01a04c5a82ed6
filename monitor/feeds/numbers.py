"""Decimal strings of venues, without a detour through binary floats.

Canonical: no exponent, no plus sign, no zeros in front or behind, at most 18 digits on either
side of the point. What has no such form raises ValueError.
"""

import re
from decimal import Context, Decimal
from functools import lru_cache

from monitor.core.events import NUMBER_PATTERN

_NUMBER = re.compile(NUMBER_PATTERN)
_INTEGER = re.compile(r"-?[0-9]{1,36}\Z")
_EXACT = Context(prec=80)
_TWO = Decimal(2)
EXPONENT_MAX = 18
CACHED_MAX = 16_384  # a book names the same prices over and over


@lru_cache(maxsize=CACHED_MAX)
def canonical(text: str) -> str:
    """Return the one form of a decimal: `"061800.20"` -> `"61800.2"`, `"-0.0"` -> `"0"`."""
    if _NUMBER.fullmatch(text) is None:
        raise ValueError(f"expected a decimal of at most 18 + 18 digits, received {text[:50]!r}")
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    sign, digits = ("-", text[1:]) if text[0] == "-" else ("", text)
    if digits[0] == "0" and len(digits) > 1 and digits[1] != ".":
        digits = digits.lstrip("0")
        digits = f"0{digits}" if not digits or digits[0] == "." else digits
    return "0" if digits == "0" else sign + digits


def canonical_positive(text: str) -> str:
    """Return the canonical form of a number above 0."""
    number = canonical(text)
    if number == "0" or number[0] == "-":
        raise ValueError(f"expected a number above 0, received {text!r}")
    return number


def canonical_non_negative(text: str) -> str:
    """Return the canonical form of a number that is not below 0."""
    number = canonical(text)
    if number[0] == "-":
        raise ValueError(f"expected a number of at least 0, received {text!r}")
    return number


def mid(bid: Decimal, ask: Decimal) -> str:
    """Return the exact mean of two prices: 61800.20 and 61800.30 -> `"61800.25"`."""
    return canonical(format(_EXACT.divide(_EXACT.add(bid, ask), _TWO), "f"))


def scaled(integer: str, exponent: int) -> str:
    """Return integer x 10^exponent exactly: `"6140993501000"`, -8 -> `"61409.93501"`."""
    if _INTEGER.match(integer) is None:
        raise ValueError(f"expected an integer of at most 36 digits, received {integer[:50]!r}")
    if abs(exponent) > EXPONENT_MAX:
        raise ValueError(f"expected an exponent from -18 to 18, received {exponent}")
    return canonical(format(_EXACT.scaleb(Decimal(integer), exponent), "f"))


def mid_of_quotes(bid: tuple[str, str], ask: tuple[str, str]) -> str | None:
    """Return the mid of the best bid and ask, each (price, size); None when they cross.

    All four are above 0: a side without size has no best price. Locked quotes (bid = ask) have
    that price as their mid. Raises ValueError for a number that is none.
    """
    for size in (bid[1], ask[1]):
        canonical_positive(size)
    bid_price, ask_price = Decimal(canonical_positive(bid[0])), Decimal(canonical_positive(ask[0]))
    return mid(bid_price, ask_price) if bid_price <= ask_price else None
