"""Stories as tables: a text file with one row a fact or an expected decision.

The first line is a sentence, the name of the case. Then, optionally, a block `configuration`
(indented TOML), then rows of four cells; `#` begins a line of comment:

    second | what             | who or what | values
         0 | balance_changed  | ann         | asset USD, balance 1000
         1 | mark_price_changed | ETH-PERP  | price 90
           | => account_liquidatable | ann   | equity 0, state_before healthy
           | ? account        | ann         | state liquidatable

`=>` rows are the decisions of the fact above: all of them, in order; only the fields that a row
names are compared. `?` rows ask the engine about an account, about an episode (its sums, and `paid`
by whom of its newest shortfall: what each covers) or about the newest deleveraging of a
liquidation (its expectation, its review and `asked` of whom), or about an index. `!` rows, at the
end, are guards: a decision that must have come `by` a second, `never` may come, or is wanted and
`missed`.

A row whose second is `10 +0.5 x 300` stands for 300 rows from second 10 on, 0.5 s apart; in it
`{n}` counts from 1 and `{100..50}` goes from 100 to 50. `seq` and the usual fields of a definition
are filled in. Nested values: `risk_tiers 20:0.1:0.05 / none:0.2:0.1` (notional_max, initial and
maintenance rate), `prices ETH-PERP=90 / SOL-PERP=9`, `bids 99:5 / 98:20` (price and size),
`reductions bob:3` (account and size), `accounts bob:1.5` (account and amount).
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any, cast

import msgspec

from monitor.core import decisions, events, gate
from tests.builders import SECOND_NS, START_NS, TIERS, Journal, text

SUBJECTS = ("account", "breaker", "fund", "instrument", "index", "feed", "asset")
WHOLE_NUMBERS = {"seq", "count", "accounts", "published_ns", "next_funding_ns", "until_ns"}
REPEATED = re.compile(r"[0-9.]+ \+[0-9.]+ x [0-9]+")
RANGE = re.compile(r"\{([0-9.]+)\.\.([0-9.]+)\}")
HEADER = ("second", "what", "who or what", "values")


class StoryError(Exception):
    """A story that cannot be read, or an engine that does not tell it: where, and what."""


@dataclass
class Cell:
    """A piece of text with its place in the file."""

    text: str
    line: int
    column: int
    path: str

    def error(self, expected: str, received: object) -> StoryError:
        """Return the error that points at this cell."""
        return StoryError(
            f"{self.path}:{self.line}:{self.column}: expected {expected}, received {received}"
        )

    def split(self, separator: str) -> Iterator["Cell"]:
        """Yield the parts between separators, each with its own place."""
        offset = 0
        for part in self.text.split(separator):
            stripped = part.strip()
            if stripped:
                start = self.column + offset + len(part) - len(part.lstrip())
                yield Cell(stripped, self.line, start, self.path)
            offset += len(part) + len(separator)

    def pairs(self) -> dict[str, "Cell"]:
        """Return `name value, name value` as cells by name."""
        found = {}
        for part in self.split(","):
            name, _, value = part.text.partition(" ")
            if not value and name not in {"never", "missed"}:
                raise part.error("a name and a value", repr(part.text))
            found[name] = Cell(value.strip(), self.line, part.column + len(name) + 1, self.path)
        return found


@dataclass
class Row:
    """One row; `kind` is `fact`, `decision`, `question` or `guard`."""

    kind: str
    second: Cell
    what: Cell
    who: Cell
    values: dict[str, Cell]


@dataclass
class Story:
    """A whole file."""

    sentence: str
    configuration: str
    rows: list[Row]


def read_story(path: Path) -> Story:
    """Return the story in a file; raises StoryError with line and column."""
    lines = path.read_text(encoding="utf-8").splitlines()
    first = Cell(lines[0] if lines else "", 1, 1, path.name)
    if not first.text.endswith(".") or "|" in first.text:
        raise first.error("a sentence that ends with a full stop", repr(first.text))
    configuration: list[str] = []
    rows: list[Row] = []
    in_configuration = False
    for number, line in enumerate(lines[1:], start=2):
        if line.strip() == "configuration":
            in_configuration = True
        elif in_configuration and line.startswith("    "):
            configuration.append(line.strip())
        elif line.strip() and not line.startswith("#") and set(line.strip()) - set("-+"):
            in_configuration = False
            found = (read_row(each) for each in repeated(Cell(line, number, 1, path.name)))
            rows += [row for row in found if row is not None]
    return Story(first.text, "\n".join(configuration), rows)


def repeated(line: Cell) -> Iterator[Cell]:
    """Yield the rows that a row stands for: itself, or so many of them."""
    second, bar, rest = line.text.partition("|")
    if REPEATED.fullmatch(second.strip()) is None:
        if "+" in second or " x " in second:
            raise line.error("`BEGIN +STEP x COUNT`, as 10 +0.5 x 300", repr(second.strip()))
        yield line
        return
    begin, step, count = second.replace("+", "").replace(" x ", " ").split()
    for number in range(int(count)):
        share = number / max(1, int(count) - 1)
        at = f"{float(begin) + number * float(step):.9g}"
        told = RANGE.sub(lambda found: between(found, share), rest)  # noqa: B023
        yield Cell(at + bar + told.replace("{n}", str(number + 1)), line.line, 1, line.path)


def between(found: re.Match[str], share: float) -> str:
    """Return a value between the ends of a range, to seven digits; the ends themselves exactly."""
    first, last = found.groups()
    if share in {0.0, 1.0}:
        return last if share else first
    value = float(first) + share * (float(last) - float(first))
    return f"{value:.0f}" if abs(value) >= 1e9 else text(Decimal(f"{value:.7g}"))


def read_row(line: Cell) -> Row | None:
    """Return the row in a line, None for the header."""
    parts = line.text.split("|")
    if len(parts) != len(HEADER):
        raise line.error(f"{len(HEADER)} cells separated by |", f"{len(parts)} cells")
    cells, column = [], 1
    for part in parts:
        start = column + len(part) - len(part.lstrip())
        cells.append(Cell(part.strip(), line.line, start if part.strip() else column, line.path))
        column += len(part) + 1
    if tuple(cell.text for cell in cells) == HEADER:
        return None
    second, what, who, values = cells
    for mark, kind in (("=>", "decision"), ("?", "question"), ("!", "guard")):
        if what.text.startswith(mark):
            name = Cell(what.text[len(mark) :].strip(), what.line, what.column, what.path)
            return Row(kind, second, name, who, values.pairs())
    return Row("fact", second, what, who, values.pairs())


class Teller:
    """Turns fact rows into events; counts seq as an exchange does."""

    def __init__(self) -> None:
        self.journal = Journal()
        self.kinds: dict[str, type[events.Event]] = {
            str(kind.__struct_config__.tag): kind
            for kind in (*events.ACCOUNT_EVENTS, *events.MARKET_EVENTS, *events.LOCAL_EVENTS)
        }

    def event(self, row: Row) -> events.AnyEvent:
        """Return the event that a row states."""
        kind = self.kinds.get(row.what.text)
        if kind is None:
            raise row.what.error("the type of an event", repr(row.what.text))
        if row.second.text:
            try:
                self.journal.now_ns = START_NS + round(float(row.second.text) * SECOND_NS)
            except ValueError:
                raise row.second.error("a number of seconds", repr(row.second.text)) from None
        fields: dict[str, Any] = {"type": row.what.text, "event_ns": self.journal.now_ns}
        fields |= self.defaults(kind, row)
        for name, cell in row.values.items():
            if name not in kind.__struct_fields__:
                raise cell.error(f"a field of {row.what.text}", repr(name))
            fields[name] = value_of(name, cell)
        (answer,) = gate.decode(msgspec.json.encode(fields))
        if isinstance(answer, gate.Refusal):
            where = next(iter(row.values.values()), row.what)
            raise where.error(f"a {row.what.text}", f"{answer.reason}: {answer.detail}")
        return cast("events.AnyEvent", answer)

    def defaults(self, kind: type[events.Event], row: Row) -> dict[str, Any]:
        """Return the fields that a row need not write."""
        fields: dict[str, Any] = {}
        subject = next((name for name in SUBJECTS if name in kind.__struct_fields__), None)
        if row.who.text and subject is not None:
            fields[subject] = row.who.text
        if issubclass(kind, events.AccountEvent):
            if "seq" not in row.values:
                fields["seq"] = self.journal.next_seq(row.who.text)
            else:
                self.journal.sequences[row.who.text] = int(row.values["seq"].text)
        if kind is events.InstrumentListed:
            form = row.values.get("kind", Cell("linear", 0, 0, "")).text
            listed = Journal().list_instrument(row.who.text, form, risk_tiers=TIERS)
            fields |= msgspec.to_builtins(listed) | {"event_ns": self.journal.now_ns}
        if kind is events.BalanceChanged:
            fields |= {"asset": "USD", "reason": "deposit"}
        return fields


def value_of(name: str, cell: Cell) -> Any:
    """Return the value of a field as the JSON of an event would have it."""
    plain = {"null": None, "true": True, "false": False}
    if cell.text in plain:
        return plain[cell.text]
    if name == "risk_tiers":
        return [tier_of(part) for part in cell.split("/")]
    if name in {"bids", "asks"}:
        return [part.text.split(":", maxsplit=1) for part in cell.split("/")]
    if name in {"prices", "balances"}:
        return dict(part.text.split("=", maxsplit=1) for part in cell.split("/"))
    if name == "liquidation_ids":
        return [part.text for part in cell.split("/")]
    return int(cell.text) if name in WHOLE_NUMBERS else cell.text


def tier_of(cell: Cell) -> dict[str, Any]:
    """Return a risk tier from `notional_max:initial:maintenance`."""
    parts = cell.text.split(":")
    if len(parts) != 3:
        raise cell.error("notional_max:initial:maintenance", repr(cell.text))
    return {
        "notional_max": None if parts[0] == "none" else parts[0],
        "initial_margin_rate": parts[1],
        "maintenance_margin_rate": parts[2],
    }


def shown(name: str, value: Any) -> str:
    """Return a decision's field as a story writes it."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if name == "reductions":
        return " / ".join(f"{one.account}:{one.size}" for one in value)
    if name in {"skipped", "wrongly_chosen"}:
        return " / ".join(f"{one.account}:{one.expected}:{one.filled}" for one in value) or "nobody"
    if name == "accounts":
        return " / ".join(f"{one.account}:{one.amount}" for one in value)
    return str(value)


def check_decision(row: Row, decision: decisions.Decision) -> None:
    """Raise StoryError unless a decision is what a row expects."""
    if decision.kind != row.what.text:
        raise row.what.error(row.what.text, describe(decision))
    subject = next(
        (str(getattr(decision, name)) for name in SUBJECTS if hasattr(decision, name)), ""
    )
    if subject != row.who.text:
        raise row.who.error(row.who.text, f"{subject} in {describe(decision)}")
    for name, cell in row.values.items():
        if not hasattr(decision, name):
            raise cell.error(f"a field of {decision.kind}", repr(name))
        received = shown(name, getattr(decision, name))
        if received != cell.text:
            raise cell.error(f"{name} {cell.text}", received)


def describe(decision: decisions.Decision) -> str:
    """Return a decision in one line."""
    plain = msgspec.to_builtins(decision)
    left_out = {"type", "decision_id", "cause", "configuration_hash", "epoch"}
    fields = ", ".join(f"{name} {value}" for name, value in plain.items() if name not in left_out)
    return f"{decision.kind}: {fields}"
