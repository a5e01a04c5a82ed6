"""An entry price in 64 bits and its text kept to the letter: "0.250" is 250 / 10^3.

Most texts are digits with at most one point, and of at most 18 or 19 digits; what is not stays a
text beside the columns. So no text changes on its way through, canonical or not.
"""

MANTISSA_MAX = 2**63 - 1
_DIGITS_SAFE = 18  # so many digits always fit
NO_ENTRY = -1  # exponent of a position without size
TEXT_ENTRY = -2  # exponent of an entry price that is kept as text


def pack(text: str) -> tuple[int, int] | None:
    """Return (mantissa, exponent) of a decimal text, None if they would not give it back."""
    whole, point, decimals = text.partition(".")
    digits = whole + decimals
    if (
        not whole
        or (point and not decimals)
        or (whole[0] == "0" and len(whole) > 1)
        or not digits.isdecimal()
        or not digits.isascii()
        or len(decimals) > _DIGITS_SAFE
    ):
        return None
    mantissa = int(digits)
    return (mantissa, len(decimals)) if mantissa <= MANTISSA_MAX else None


def unpack(mantissa: int, exponent: int) -> str:
    """Return the text that was packed: `unpack(250, 3)` is "0.250"."""
    if not exponent:
        return str(mantissa)
    digits = str(mantissa).rjust(exponent + 1, "0")
    return f"{digits[:-exponent]}.{digits[-exponent:]}"
