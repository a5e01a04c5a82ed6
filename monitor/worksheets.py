"""Worksheets: a file of candidates in, the answer of `deleverage` or `socialize` out.

Reads the file, asks the core, and prints: a table for people, one JSON object for programs.
"""

import sys
from dataclasses import dataclass
from decimal import Context
from pathlib import Path
from typing import Any

import msgspec
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from monitor.core import deleveraging, socialization
from monitor.core.amounts import exact_text
from monitor.core.deleveraging.plan import plan
from monitor.core.deleveraging.request import CandidatesFile, parse_candidates, round_for
from monitor.core.deleveraging.round import Unit
from monitor.core.socialization.request import parse_loss_file, share_loss
from monitor.core.worksheet import WorksheetError, exact_amount

__all__ = ["DeleverageRequest", "WorksheetError", "deleverage", "show", "socialize"]

BYTES_MAX = 512 * 2**20
_ROWS_MAX = 50  # of a table; a program asks for JSON
_NAME_WIDTH_MAX = 32
_READABLE = Context(prec=6)  # of a number in a table

Answer = dict[str, Any]


@dataclass(slots=True, frozen=True, kw_only=True)
class DeleverageRequest:
    """What the command was asked; `amount` is decimal text, `candidates` a path or `-`."""

    candidates: str
    amount: str
    unit: Unit = "contracts"
    seed: int = 1


def deleverage(request: DeleverageRequest, policy: str | None) -> Answer:
    """Return a policy's answer, without a policy the comparison of all of them.

    Raises WorksheetError for bad input, OSError for a file that cannot be read.
    """
    asked = exact_amount(request.amount)
    try:
        file = parse_candidates(_read(request.candidates))
        if policy is not None:
            return _answer(policy, file, request)
        answers = [_answer_or_error(name, file, request) for name in deleveraging.POLICIES]
    except WorksheetError as error:
        raise WorksheetError(f"{request.candidates}: {error}") from None
    return {"unit": request.unit, "asked": exact_text(asked), "policies": answers}


def _answer(policy: str, file: CandidatesFile, request: DeleverageRequest) -> Answer:
    chosen = deleveraging.POLICIES[policy]
    round_ = round_for(chosen, file, seed=request.seed)
    asked = exact_amount(request.amount)
    return plan(chosen, round_, unit=request.unit, asked=asked).answer()


def _answer_or_error(policy: str, file: CandidatesFile, request: DeleverageRequest) -> Answer:
    try:
        return _answer(policy, file, request)
    except WorksheetError as error:
        return {"policy": policy, "error": str(error)}


def socialize(method: str, candidates: str, amount: str) -> Answer:
    """Return who would bear a loss.

    Raises WorksheetError for bad input, OSError for a file that cannot be read.
    """
    loss = exact_amount(amount)
    try:
        file = parse_loss_file(_read(candidates))
        return share_loss(socialization.METHODS[method], file, loss)
    except WorksheetError as error:
        raise WorksheetError(f"{candidates}: {error}") from None


def _read(path: str) -> bytes:
    stream = sys.stdin.buffer if path == "-" else Path(path).open("rb")  # noqa: SIM115 (closed)
    with stream:
        raw = stream.read(BYTES_MAX + 1)
    if len(raw) > BYTES_MAX:
        raise WorksheetError(f"expected at most {BYTES_MAX} bytes, received more")
    return raw


def show(answer: Answer, *, as_json: bool) -> None:
    """Print an answer on standard output."""
    if as_json:
        sys.stdout.write(msgspec.json.encode(answer).decode() + "\n")
        return
    console = Console(file=sys.stdout, highlight=False)
    if "policies" in answer:
        _show_comparison(console, answer)
    elif "policy" in answer:
        _show_plan(console, answer)
    else:
        _show_burden(console, answer)


def _table(rows: list[Answer], columns: tuple[str, ...]) -> Table:
    table = Table(box=SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
    longest = max((len(row[columns[0]]) for row in rows[:_ROWS_MAX]), default=0)
    table.add_column(columns[0], overflow="fold", min_width=min(longest, _NAME_WIDTH_MAX))
    for name in columns[1:]:
        table.add_column(name.replace("_", " "), justify="right")
    for row in rows[:_ROWS_MAX]:
        table.add_row(Text(row[columns[0]]), *(_cell(row.get(name)) for name in columns[1:]))
    if len(rows) > _ROWS_MAX:
        table.caption = f"and {len(rows) - _ROWS_MAX} more: --json has all"
    return table


def _cell(value: str | int | None) -> str:
    """Return a number for a person's eyes."""
    if value is None:
        return "-"
    text = format(_READABLE.create_decimal(value), "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def _show_plan(console: Console, answer: Answer) -> None:
    title = (
        f"{answer['policy']}: asked {answer['asked']} {answer['unit']}, taken {answer['taken']},"
        f" left {answer['left']}"
    )
    columns = ("account", "size", "amount", "score", "rank", "light")
    console.print(Text(title))
    console.print(_table(answer["reductions"], columns))
    _show_lines(console, answer["metrics"])


def _show_burden(console: Console, answer: Answer) -> None:
    title = (
        f"{answer['method']}: asked {answer['asked']} {answer['asset']}, taken {answer['taken']},"
        f" left {answer['left']}"
    )
    console.print(Text(title))
    console.print(_table(answer["charges"], ("account", "amount", "share")))
    _show_lines(console, {"surplus": answer["surplus"], "fund_used": answer["fund_used"]})
    for name in ("stages", "index_change"):
        for part, value in (answer[name] or {}).items():
            console.print(f"{name.replace('_', ' ')}, {part}: {_cell(value)}")


def _show_lines(console: Console, values: Answer) -> None:
    for name, value in values.items():
        console.print(f"{name.replace('_', ' ')}: {_cell(value)}")


def _show_comparison(console: Console, answer: Answer) -> None:
    rows = [
        one
        | {
            "accounts": one["metrics"]["accounts_touched"],
            "most_of_equity": one["metrics"]["max_fraction_of_equity"],
            "gini": one["metrics"]["gini"],
            "leverage_left": one["metrics"]["leverage_max"],
        }
        for one in answer["policies"]
        if "error" not in one
    ]
    columns = ("policy", "taken", "left", "accounts", "most_of_equity", "gini", "leverage_left")
    console.print(f"asked {answer['asked']} {answer['unit']}")
    console.print(_table(rows, columns))
    for one in answer["policies"]:
        if "error" in one:
            console.print(Text(f"{one['policy']}: {one['error']}"))
