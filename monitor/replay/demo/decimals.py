"""Exact numbers as text: minor units and fractions into the decimal strings of the events."""

from fractions import Fraction

DIGITS_AFTER_POINT_MAX = 18


def units_text(units: int, digits: int) -> str:
    """Return `units` of 10^-digits as a decimal: (12345, 3) is `12.345`, (12000, 3) is `12`."""
    sign = "-" if units < 0 else ""
    whole, part = divmod(abs(units), 10**digits)
    tail = f"{part:0{digits}d}".rstrip("0") if digits else ""
    return f"{sign}{whole}.{tail}" if tail else f"{sign}{whole}"


def fraction_text(value: Fraction) -> str:
    """Return a fraction as a decimal, rounded half to even at the 18th digit after the point."""
    return units_text(round(value * 10**DIGITS_AFTER_POINT_MAX), DIGITS_AFTER_POINT_MAX)
