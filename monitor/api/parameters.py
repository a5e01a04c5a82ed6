"""Parameters of query and path: read strictly, refused with what was expected and received."""

from collections.abc import Collection

from starlette.requests import Request

RECEIVED_LENGTH_MAX = 100


class BadRequest(Exception):  # noqa: N818 -- the name of the status
    """A request that the API refuses with 400."""

    def __init__(self, *, expected: str, received: str, where: str) -> None:
        super().__init__(f"{where}: expected {expected}, received {received}")
        self.expected = expected
        self.received = received[:RECEIVED_LENGTH_MAX]
        self.where = where


def refuse_unknown(request: Request, known: Collection[str]) -> None:
    """Raise BadRequest if the query has a parameter that the endpoint does not know, or twice."""
    names = [name for name, _ in request.query_params.multi_items()]
    for name in names:
        if name not in known:
            allowed = " or ".join(sorted(known)) or "no query parameter"
            raise BadRequest(expected=allowed, received=name, where="query")
        if names.count(name) > 1:
            raise BadRequest(expected="each parameter once", received=name, where="query")


def integer(request: Request, name: str, default: int | None, *, low: int, high: int) -> int | None:
    """Return a whole number from low to high, or the default."""
    text = request.query_params.get(name)
    if text is None:
        return default
    if not (text.isascii() and text.isdigit() and len(text) < 20 and low <= int(text) <= high):
        raise BadRequest(
            expected=f"a whole number from {low} to {high}",
            received=repr(text),
            where=f"query parameter {name}",
        )
    return int(text)


def choice(request: Request, name: str, allowed: Collection[str]) -> str | None:
    """Return one word of a closed list, or None."""
    text = request.query_params.get(name)
    if text is not None and text not in allowed:
        raise BadRequest(
            expected="one of " + ", ".join(sorted(allowed)),
            received=repr(text),
            where=f"query parameter {name}",
        )
    return text


def path_text(request: Request, name: str, *, length_max: int) -> str:
    """Return a part of the path, of 1 to `length_max` characters."""
    return _bounded(str(request.path_params[name]), name, length_max, where="path")


def query_text(request: Request, name: str, *, length_max: int) -> str | None:
    """Return a text of 1 to `length_max` characters, or None."""
    text = request.query_params.get(name)
    where = f"query parameter {name}"
    return None if text is None else _bounded(text, name, length_max, where=where)


def _bounded(text: str, name: str, length_max: int, *, where: str) -> str:
    if not 1 <= len(text) <= length_max:
        raise BadRequest(
            expected=f"an {name} of 1 to {length_max} characters",
            received=f"{len(text)} characters",
            where=where,
        )
    return text
