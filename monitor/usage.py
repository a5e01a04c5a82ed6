"""What the command line says about wrong arguments: one line, expected and received.

`argparse` prints the whole usage first and has sentences of its own; `Parser` raises a UsageError
with ours instead, for every verb, and leaves printing and the exit status to the command.
"""

import argparse
import re
from typing import NoReturn

_KINDS = {"int": "an integer", "float": "a number"}
_RECEIVED_MAX = 200
# The sentences of argparse, and ours in their place.
_REWORDED = (
    (r"the following arguments are required: (?P<names>.+)", "expected {names}, received none"),
    (r"one of the arguments (?P<names>.+) is required", "expected one of {names}, received none"),
    (r"unrecognized arguments: (?P<value>.+)", "expected known arguments, received {value}"),
    (
        r"ambiguous option: (?P<value>.+?) could match (?P<names>.+)",
        "expected one of {names}, received {value}",
    ),
    (
        r"argument (?P<name>.+?): invalid choice: (?P<value>.+) \(choose from (?P<names>.+)\)",
        "expected one of {names}, received {value} - at {name}",
    ),
    (
        r"argument (?P<name>.+?): invalid (?P<kind>\w+) value: (?P<value>.+)",
        "expected {kind}, received {value} - at {name}",
    ),
    (
        r"argument (?P<name>.+?): not allowed with argument (?P<other>.+)",
        "expected {name} or {other}, received both",
    ),
    (
        r"argument (?P<name>.+?): expected (?P<count>.+)",
        "expected {count}, received another number of them - at {name}",
    ),
    (
        r"argument (?P<name>.+?): ignored explicit argument (?P<value>.+)",
        "expected no value, received {value} - at {name}",
    ),
)


class UsageError(Exception):
    """The arguments cannot be used; the message says what was expected, received, and where."""


class Parser(argparse.ArgumentParser):
    """An argument parser that raises UsageError instead of printing its usage and exiting."""

    def error(self, message: str) -> NoReturn:
        """Raise UsageError with a message of argparse in our words, the verb in front."""
        _, _, verb = self.prog.partition(" ")
        said = reworded(" ".join(message.split()))
        raise UsageError(f"{verb}: {said}" if verb else said)


def reworded(message: str) -> str:
    """Return a sentence of argparse as "expected ..., received ..."."""
    for pattern, sentence in _REWORDED:
        found = re.fullmatch(pattern, message)
        if found is not None:
            parts = found.groupdict()
            if "kind" in parts:
                parts["kind"] = _KINDS.get(parts["kind"], parts["kind"])
            if "value" in parts:
                parts["value"] = parts["value"][:_RECEIVED_MAX]
            return sentence.format(**parts)
    return f"expected arguments as --help shows them, received others: {message}"
