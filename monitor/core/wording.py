"""Says a decoder's complaint in the house's words: what was expected, what was received, where."""

import re

_WORDINGS = (
    (re.compile(r"^Expected (.*), got (.*?)( - at .*)?$"), r"expected \1, received \2\3"),
    (
        re.compile(r"^Object contains unknown field (`.*?`)( - at .*)?$"),
        r"expected known fields, received \1\2",
    ),
    (
        re.compile(r"^Object missing required field (`.*?`)( - at .*)?$"),
        r"expected the field \1, received none\2",
    ),
    (
        re.compile(r"^Invalid enum value (.*?)( - at .*)?$"),
        r"expected one of the listed values, received \1\2",
    ),
    (re.compile(r"^Invalid value (.*?)( - at .*)?$"), r"expected a listed value, received \1\2"),
    (re.compile(r"^Expected (.*?)( - at .*)?$"), r"expected \1, received something else\2"),
)


def reworded(error: Exception) -> str:
    """Return a msgspec error's message: "Expected `int`, got `str`" says "received `str`"."""
    message = str(error)
    for pattern, wording in _WORDINGS:
        if pattern.match(message):
            return pattern.sub(wording, message)
    return message
