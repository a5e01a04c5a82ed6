"""How often price breakers trip on calm days: `python -m tools.false_alarms FILE...`, as Markdown.

The files are candles of one venue, one a symbol, BTCUSDT among them; the rules are those of the
shipped example configuration that see nothing but marks. A day (UTC) is calm when BTCUSDT moved by
less than 5 % from its lowest to its highest; what others did on it is not asked.
"""

import argparse
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path

from monitor.config import load_configuration
from monitor.core.breakers import INDEX_RULES, PRICE_RULES, TRADE_RULES
from monitor.core.breakers.board import BreakerBoard
from monitor.core.decisions import BreakerTripped
from monitor.core.events import MarkPriceChanged
from monitor.replay.prices import ALL_TIME, HistoryError, marks_of, read_history
from monitor.replay.progress import shown

SHIPPED = Path(__file__).parent.parent / "deploy/config/loss-monitor.toml"
CALM = "BTCUSDT"
CALM_RANGE = 0.05
DAY_NS = 86_400_000_000_000
MONTH_DAYS = 30.0


@dataclass
class Days:
    """What was seen, by day."""

    low: dict[int, float] = field(default_factory=dict)  # of BTCUSDT
    high: dict[int, float] = field(default_factory=dict)
    trips: list[tuple[int, str, str]] = field(default_factory=list)  # day, rule, symbol
    symbols: set[str] = field(default_factory=set)

    @property
    def calm(self) -> set[int]:
        """Return the calm days."""
        return {day for day in self.low if self.high[day] / self.low[day] - 1.0 < CALM_RANGE}


def follow(paths: Sequence[str]) -> Days:
    """Let the breakers see every mark of the files."""
    configuration, _ = load_configuration(SHIPPED)
    rules = [
        rule
        for rule in configuration.breakers
        if type(rule) in PRICE_RULES and type(rule) not in {**TRADE_RULES, **INDEX_RULES}
    ]
    board, days, history = BreakerBoard(rules), Days(), read_history(paths, between=ALL_TIME)
    for event_ns, marks in shown(marks_of(history), "marks"):
        while (timer := board.next_timer()) is not None and timer[0] <= event_ns:
            board.fire(timer[2], timer[0])
        for symbol, scaled in marks.items():
            price = f"{Decimal(scaled).scaleb(-history.digits[symbol]):f}"
            mark = MarkPriceChanged(event_ns=event_ns, instrument=symbol, price=price)
            for decision in board.mark_changed(mark, event_ns):
                if isinstance(decision, BreakerTripped):
                    days.trips.append((event_ns // DAY_NS, decision.breaker, symbol))
            days.symbols.add(symbol)
            if symbol == CALM:
                day, number = event_ns // DAY_NS, float(price)
                days.low[day] = min(number, days.low.get(day, number))
                days.high[day] = max(number, days.high.get(day, number))
    return days


def table(days: Days) -> Iterator[str]:
    """Yield the lines of a Markdown table."""
    calm, rules = days.calm, sorted({rule for _, rule, _ in days.trips})
    yield f"{len(days.low)} days, {len(calm)} of them calm, {len(days.symbols)} instruments"
    yield ""
    yield "| rule | trips on calm days | an instrument and month | most of one instrument |"
    yield "|---|---:|---:|---|"
    months = len(calm) / MONTH_DAYS * len(days.symbols)
    for rule in rules or ["none tripped"]:
        own = [symbol for day, name, symbol in days.trips if name == rule and day in calm]
        most = max(sorted(set(own)), key=own.count, default="-")
        share = len(own) / months if months else 0.0
        yield f"| {rule} | {len(own)} | {share:.2f} | {most} {own.count(most) or ''} |"


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the table; 2: the files cannot be used."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("prices", nargs="+", metavar="FILE", help="candles (CSV, .gz)")
    options = parser.parse_args(arguments)
    try:
        days = follow(options.prices)
    except HistoryError as error:
        sys.stderr.write(f"false_alarms: {error}\n")
        return 2
    if not days.low:
        sys.stderr.write(f"false_alarms: expected {CALM} among the files, received none\n")
        return 2
    sys.stdout.write("\n".join(table(days)) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
