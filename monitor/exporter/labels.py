"""Label values made harmless: names come from outside, and one bad one would blind a scrape.

A lone surrogate makes the client library answer every scrape with an error; a line break or a
megabyte of text would be an injection. What is not plain printable ASCII is replaced, long values
are cut, and a changed value carries a short digest, so that two hostile names stay two series.
"""

import hashlib
import string

LABEL_LENGTH_MAX = 64
_DIGEST_LENGTH = 8
_HARMLESS = frozenset(string.ascii_letters + string.digits + "._-:/*+@ ")


def harmless(value: str) -> str:
    """Return a label value that is safe to expose; equal inputs give equal outputs."""
    if len(value) <= LABEL_LENGTH_MAX and _HARMLESS.issuperset(value):
        return value
    digest = hashlib.sha256(value.encode("utf-8", "surrogatepass")).hexdigest()[:_DIGEST_LENGTH]
    kept = value[: LABEL_LENGTH_MAX - _DIGEST_LENGTH - 1]
    plain = "".join(character if character in _HARMLESS else "_" for character in kept)
    return f"{plain}~{digest}"
