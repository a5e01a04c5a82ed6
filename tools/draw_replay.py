"""Draw what a replay of prices found: price, liquidatable accounts, the fund, the breakers.

    python -m tools.draw_replay --answers OUT --prices FILE --output picture.png [--symbol NAME]

`OUT` is the directory that `loss-monitor replay --prices FILE --output OUT` wrote. Needs
matplotlib (`pip install 'socialized-loss-monitor[report]'`).
"""

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any

from monitor.replay.prices import POINTS, TimeRange, read_history

BIN_MINUTES = 10
MINUTE_NS = 60_000_000_000
BAD_STATES = ("account_liquidatable", "account_bankrupt")


@dataclass(slots=True)
class Answers:
    """What the drawing needs of a replay's answers; times in ns since the epoch."""

    begin_ns: int
    end_ns: int
    fund_end: float
    accounts_ns: list[int] = field(default_factory=list)
    trips: list[tuple[int, str]] = field(default_factory=list)
    draws: list[tuple[int, float, float]] = field(default_factory=list)

    def fund_line(self) -> tuple[list[int], list[float], list[float]]:
        """Return times, the fund's balance, and what it could not pay so far."""
        balance = self.fund_end + sum(paid for _, paid, _ in self.draws)
        uncovered = 0.0
        times, balances, losses = [self.begin_ns], [balance], [0.0]
        for event_ns, paid, left in self.draws:
            balance -= paid
            uncovered += left
            times.append(event_ns)
            balances.append(balance)
            losses.append(uncovered)
        return [*times, self.end_ns], [*balances, balance], [*losses, uncovered]


def read_answers(directory: Path, symbol: str | None) -> Answers:
    """Return a replay's answers; `symbol` keeps only the breakers of one instrument."""
    summary = json.loads((directory / "summary.json").read_text(encoding="utf-8"))
    fund = next(iter(summary["funds"].values()))
    answers = Answers(summary["first_event_ns"], summary["last_event_ns"], float(fund["balance"]))
    seen: set[str] = set()
    for decision in _decisions(directory / "decisions.ndjson"):
        kind, event_ns = decision["type"], decision["event_ns"]
        if kind in BAD_STATES:
            if decision["account"] not in seen:
                answers.accounts_ns.append(event_ns)
            seen.add(decision["account"])
        elif kind == "breaker_tripped" and symbol in (None, decision["scope"]):
            answers.trips.append((event_ns, decision["scope"]))
        elif kind == "insurance_fund_drawn":
            paid, left = float(decision["paid"]), float(decision["uncovered"])
            answers.draws.append((event_ns, paid, left))
    return answers


def _decisions(path: Path) -> Iterator[dict[str, Any]]:
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            yield json.loads(line)


def price_lines(paths: Sequence[str], answers: Answers) -> dict[str, list[tuple[int, float]]]:
    """Return each symbol's path of prices, relative to its first price."""
    begin_ns = answers.begin_ns // MINUTE_NS * MINUTE_NS  # the first candle began just before
    history = read_history(paths, between=TimeRange(begin_ns, answers.end_ns + 1))
    length = history.step_ns
    lines: dict[str, list[tuple[int, float]]] = {}
    for start_ns, candles in history.candles.items():
        for name, prices in candles.items():
            lines.setdefault(name, []).extend(
                (start_ns + round(length * share), float(price))
                for share, price in zip(POINTS, prices, strict=True)
            )
    return {name: [(at, price / line[0][1]) for at, price in line] for name, line in lines.items()}


def _time(event_ns: int) -> datetime:
    return datetime.fromtimestamp(event_ns / 1e9, UTC)


def draw(answers: Answers, lines: dict[str, list[tuple[int, float]]], output: str) -> None:
    """Write the picture."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    figure, (top, middle, bottom) = plt.subplots(
        3, 1, sharex=True, figsize=(10, 8), height_ratios=(3, 2, 2), layout="constrained"
    )
    _draw_prices(top, lines, answers)
    bins = max(1, round((answers.end_ns - answers.begin_ns) / 60e9 / BIN_MINUTES))
    middle.hist([_time(at) for at in answers.accounts_ns], bins=bins, color="#b3541e")
    middle.set_ylabel(f"accounts liquidatable for\nthe first time, in {BIN_MINUTES} minutes")
    times, balances, losses = answers.fund_line()
    moments = [_time(at) for at in times]
    bottom.step(moments, balances, where="post", color="#1b6b93", label="insurance fund")
    bottom.step(moments, losses, where="post", color="#7b2d8e", label="not covered, sum")
    bottom.set_ylabel("USDT")
    bottom.legend(loc="center right", frameon=False)
    for axes in (top, middle, bottom):
        axes.grid(alpha=0.25)
        axes.spines[["top", "right"]].set_visible(False)
    bottom.set_xlabel("UTC")
    figure.savefig(output, dpi=110)


def _draw_prices(axes: Any, lines: dict[str, list[tuple[int, float]]], answers: Answers) -> None:
    for line in lines.values():
        alone = len(lines) == 1
        axes.plot(
            [_time(at) for at, _ in line],
            [price for _, price in line],
            color="#1f2933" if alone else "#9aa5b1",
            linewidth=1.2 if alone else 0.5,
        )
    if len(lines) > 1:
        by_time: dict[int, list[float]] = {}
        for line in lines.values():
            for at, price in line:
                by_time.setdefault(at, []).append(price)
        moments = sorted(by_time)
        axes.plot(
            [_time(at) for at in moments],
            [median(by_time[at]) for at in moments],
            color="#1f2933",
            label=f"median of {len(lines)} instruments",
        )
        axes.set_ylim(0.2, 1.6)
    for number, (event_ns, _) in enumerate(answers.trips):
        axes.axvline(
            _time(event_ns),
            ymax=0.06,
            color="#c62828",
            linewidth=1.5,
            label="a breaker trips" if number == 0 else None,
        )
    axes.set_ylabel("price, first = 1")
    axes.legend(loc="lower left", frameon=False, bbox_to_anchor=(0, 0.08))


def main(arguments: Sequence[str] | None = None) -> int:
    """Draw as the command line says; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tools.draw_replay", description=__doc__)
    parser.add_argument("--answers", required=True, type=Path, metavar="DIR")
    parser.add_argument("--prices", required=True, nargs="+", metavar="FILE")
    parser.add_argument("--output", required=True, metavar="FILE.png")
    parser.add_argument("--symbol", metavar="NAME", help="only this instrument's breakers")
    options = parser.parse_args(arguments)
    answers = read_answers(options.answers, options.symbol)
    draw(answers, price_lines(options.prices, answers), options.output)
    return 0


if __name__ == "__main__":
    sys.exit(main())
