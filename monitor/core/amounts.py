"""Exact numbers: decimal text to integers and rationals, and back.

Money and sizes are integers in units (`to_units`, `units_text`); everything that divides is a
`Fraction`. Text is what the gate lets through: no exponent, at most 18 + 18 digits.
"""

from decimal import ROUND_HALF_EVEN, Context, Decimal
from fractions import Fraction

UNITS_MAX = 2**62
DECISION_DIGITS = 12
REPORT_DIGITS = 18

_contexts = {
    digits: Context(prec=digits, rounding=ROUND_HALF_EVEN, Emin=-999_999, Emax=999_999)
    for digits in (DECISION_DIGITS, REPORT_DIGITS)
}
_POWERS_OF_TEN = tuple(10**exponent for exponent in range(19))
_exponents = {Fraction(1, power): exponent for exponent, power in enumerate(_POWERS_OF_TEN)}


class NotRepresentableError(ValueError):
    """An amount is no multiple of its unit, or beyond 2**62 units."""


def to_fraction(text: str) -> Fraction:
    """Return the exact value of a decimal text: `"0.25"` is 1/4."""
    whole, _, decimals = text.partition(".")
    return Fraction(int(whole + decimals), 10 ** len(decimals))


class Unit:
    """The smallest part of an asset or of an instrument's size: an exact positive rational."""

    __slots__ = ("decimals", "number", "text", "value")

    def __init__(self, text: str) -> None:
        """Take the unit as decimal text, for example `"0.00000001"`."""
        self.text = text
        self.value = to_fraction(text)
        self.number = float(self.value)
        self.decimals = _exponents.get(self.value)

    def count(self, text: str) -> int:
        """Return how many units a decimal text is: `Unit("0.01").count("1.5")` is 150.

        Raises NotRepresentableError if that is no integer of at most 2**62.
        """
        units: int | None = None
        if self.decimals is not None:
            whole, _, fraction = text.partition(".")
            missing = self.decimals - len(fraction)
            if missing < 0:
                fraction = fraction.rstrip("0")
                missing = self.decimals - len(fraction)
            if missing >= 0:
                units = int(whole + fraction) * _POWERS_OF_TEN[missing]
        else:
            ratio = to_fraction(text) / self.value
            if ratio.denominator == 1:
                units = ratio.numerator
        if units is None or not -UNITS_MAX <= units <= UNITS_MAX:
            raise NotRepresentableError(
                f"expected a multiple of {self.text} of at most 2**62 units, received {text}"
            )
        return units

    def text_of(self, units: int) -> str:
        """Return the exact decimal text of a number of units."""
        return exact_text(units * self.value)


def exact_text(value: Fraction) -> str:
    """Return a terminating rational as decimal text, without exponent or trailing zeros."""
    numerator, denominator = value.numerator, value.denominator
    if denominator == 1:
        return str(numerator)
    decimals = 0
    scale = 1
    while scale % denominator:
        scale *= 10
        decimals += 1
        if decimals > 60:
            raise ValueError(f"expected a terminating decimal, received {value}")
    digits = str(abs(numerator) * (scale // denominator)).rjust(decimals + 1, "0")
    sign = "-" if numerator < 0 else ""
    return f"{sign}{digits[:-decimals]}.{digits[-decimals:]}".rstrip("0").rstrip(".")


def rounded_text(value: Fraction, digits: int = DECISION_DIGITS) -> str:
    """Return a rational with so many significant digits (half to even), without exponent."""
    if not value:
        return "0"
    quotient = _contexts[digits].divide(Decimal(value.numerator), Decimal(value.denominator))
    text = format(quotient, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def rounded_text_or_none(value: Fraction | None, digits: int = DECISION_DIGITS) -> str | None:
    """Return `rounded_text`, or None for what does not exist."""
    return None if value is None else rounded_text(value, digits)


def ceil_units(value: Fraction, unit: Fraction) -> int:
    """Return the smallest number of units that is at least `value`."""
    ratio = value / unit
    return -(-ratio.numerator // ratio.denominator)


def floor_units(value: Fraction, unit: Fraction) -> int:
    """Return the largest number of units that is at most `value`."""
    ratio = value / unit
    return ratio.numerator // ratio.denominator


def float_setting(value: float) -> Fraction:
    """Return a configured float as the decimal that its author wrote: 0.1 is 1/10."""
    return Fraction(repr(value))
