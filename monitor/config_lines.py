"""In which line of a TOML file a mistake lies: the parser does not tell."""

import re
from dataclasses import dataclass, field

_HEADER = re.compile(r"\s*(\[\[?)\s*([^\[\]]+?)\s*\]")
_KEY = re.compile(r"""\s*(?:([A-Za-z0-9_-]+)|"([^"]*)"|'([^']*)')\s*=""")
_MULTILINE = re.compile(r'"""|\'\'\'')
# How a message names a place: `$.section[2].key`, or "[section] name: ..." in front.
_PATH = re.compile(r"at `\$\.?([^`]*)`")
_TABLE = re.compile(r"\[\[?([^\[\]]+)\]\]?:?\s?([^\s:]+)?:?")
_UNKNOWN = re.compile(r"known fields, received `([^`]*)`")
_WORD = re.compile(r"[A-Za-z0-9_-]+")


@dataclass
class _Table:
    """A table of the file: its dotted name, which of that name, its line and those of its keys."""

    name: str
    number: int
    line: int
    keys: dict[str, int] = field(default_factory=dict)
    values: dict[str, str] = field(default_factory=dict)

    def is_named(self, name: str | None) -> bool:
        """Return whether this is what its key `name` says."""
        return self.values.get("name", "").strip("\"'") == name


def line_of(text: str, problem: str) -> int | None:
    """Return the line (from 1) that a message of a mistake is about, None where it cannot tell."""
    tables = _tables(text)
    path = _PATH.search(problem)
    unknown = _UNKNOWN.search(problem)
    if path is not None or unknown is not None:
        found = [match.group(1) for match in (path, unknown) if match is not None]
        return _line_of_path(tables, ".".join(found), problem)
    named = _TABLE.match(problem)
    if named is None:
        return None
    section, name = named.groups()
    ours = [table for table in tables if table.name == section]
    own = [table for table in ours if table.is_named(name)]
    if not own:  # the last one of those that share a name
        received = problem.partition("received ")[2].partition(" ")[0].strip("'")
        own = [table for table in ours if table.is_named(received)][-1:]
    return _line_in(own or ours, problem)


def _line_of_path(tables: list[_Table], path: str, problem: str) -> int | None:
    """Return the line of `section[2].key`; of its table where the key is not written there."""
    *parents, key = re.findall(r"[^.\[\]]+|\[[^\]]*\]", path) or [""]
    if key.startswith("["):
        parents, key = [*parents, key], ""
    number = next((int(one[1:-1]) for one in parents if one[1:-1].isdigit()), 0)
    names = [one for one in parents if not one.startswith("[")]
    for depth in range(len(names), -1, -1):
        inner = names[depth] if depth < len(names) else key
        dotted = ".".join(names[:depth])
        for table in tables:
            is_own = table.name == dotted and table.number == number * (depth > 0)
            if is_own and inner in table.keys:
                return table.keys[inner]
    if "[...]" in parents:  # a table of any name: only where one alone has the key
        within = ".".join(names) + "."
        lines = [one.keys[key] for one in tables if one.name.startswith(within) and key in one.keys]
        return lines[0] if len(lines) == 1 else None
    whole = ".".join([*names, key]).strip(".")
    own = [table for table in tables if table.name in (whole, ".".join(names))]
    return _line_in([table for table in own if table.number == number] or own, problem)


def _line_in(tables: list[_Table], problem: str) -> int | None:
    """Return the line of the last key that a message names first, else that of a table."""
    for word in _WORD.findall(problem):
        for table in reversed(tables):
            if word in table.keys and word != "name":
                return table.keys[word]
    return tables[-1].line if tables else None


def _tables(text: str) -> list[_Table]:
    tables, counts, is_inside = [_Table("", 0, 1)], dict[str, int](), False
    for line, written in enumerate(text.splitlines(), 1):
        marks = len(_MULTILINE.findall(written))
        if not is_inside:
            header, key = _HEADER.match(written), _KEY.match(written)
            if header is not None:
                name = re.sub(r"\s*\.\s*|[\"']", lambda m: "." if "." in m[0] else "", header[2])
                number = counts.get(name, 0) if header[1] == "[[" else 0
                counts[name] = number + 1
                tables.append(_Table(name, number, line))
            elif key is not None:
                name = key[1] or key[2] or key[3] or ""
                tables[-1].keys[name] = line
                tables[-1].values[name] = written[key.end() :].partition("#")[0].strip()
        is_inside ^= bool(marks % 2)
    return tables
