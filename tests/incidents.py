"""Incidents as stories, held against the configuration that is shipped as an example.

Its guards were chosen before the incidents were told, one set for all of them. `python -m
tests.incidents` writes the table of what was noticed when into docs/performance.md.
"""

from dataclasses import dataclass
from pathlib import Path

from monitor.config import load_configuration
from monitor.core.decisions import Decision
from monitor.core.engine import RiskEngine
from tests.builders import SECOND_NS, START_NS
from tests.story import SUBJECTS, Row, Story, StoryError, Teller, read_story

ROOT = Path(__file__).parent.parent
PATHS = sorted((ROOT / "tests/scenarios/incidents").glob("*.txt"))
SHIPPED = ROOT / "deploy/config/loss-monitor.toml"
DOCUMENT = ROOT / "docs/performance.md"
BEGIN, END = "<!-- detections -->\n", "<!-- end of detections -->\n"
# What reaches others: the monitor's own plans, and what the venue did.
LOSSES = ("deleveraging_planned", "loss_socialized")


@dataclass(frozen=True)
class Guard:
    """What a story asks of one guard, and when it first spoke (seconds; None: never)."""

    row: Row
    first_s: float | None

    @property
    def wanted(self) -> str:
        """Return the latest second, `never` or `missed`."""
        by = self.row.values.get("by")
        return next(iter(self.row.values)) if by is None else by.text

    @property
    def is_met(self) -> bool:
        """Return whether the guard did what the story says of it."""
        if self.wanted in {"never", "missed"}:
            return self.first_s is None
        return self.first_s is not None and self.first_s <= float(self.wanted)


@dataclass(frozen=True)
class Incident:
    """A story as it went: its guards, and when a loss first reached others."""

    name: str
    story: Story
    guards: list[Guard]
    loss_s: float | None


def run(path: Path) -> Incident:
    """Tell a story to an engine with the shipped configuration."""
    story, teller = read_story(path), Teller()
    configuration, _ = load_configuration(SHIPPED)
    engine = RiskEngine(configuration.engine_settings())
    facts = [row for row in story.rows if row.kind == "fact"]
    made = [(row, teller.event(row)) for row in facts]
    made.sort(key=lambda each: each[1].event_ns)  # repeated rows run beside each other
    decided = [one for _, one in engine.apply([event for _, event in made])]
    refused = engine.take_refused()
    if refused:
        raise made[refused[0].index][0].what.error("an event that can be applied", refused[0])
    losses = [one.event_ns for one in decided if one.kind in LOSSES]
    losses += [event.event_ns for row, event in made if row.what.text == "deleveraging_filled"]
    guards = [Guard(row, first_of(row, decided)) for row in story.rows if row.kind == "guard"]
    return Incident(path.stem, story, guards, None if not losses else seconds(min(losses)))


def first_of(row: Row, decided: list[Decision]) -> float | None:
    """Return when the first decision that a guard row names was made."""
    found = [
        one.event_ns
        for one in decided
        if one.kind == row.what.text and row.who.text in ("", subject_of(one))
    ]
    return seconds(min(found)) if found else None


def subject_of(decision: Decision) -> str:
    """Return whom a decision is about."""
    return next((str(getattr(decision, name)) for name in SUBJECTS if hasattr(decision, name)), "")


def seconds(event_ns: int) -> float:
    """Return a time in seconds of the story."""
    return (event_ns - START_NS) / SECOND_NS


def table(incidents: list[Incident]) -> str:
    """Return what was noticed when, as Markdown."""
    lines = [
        "| incident | guard | first at | wanted by | a loss first reaches others |",
        "|---|---|---:|---:|---:|",
    ]
    for incident in incidents:
        for guard in incident.guards:
            name = f"`{guard.row.what.text}` {guard.row.who.text}".strip()
            first = "silent" if guard.first_s is None else f"{guard.first_s:,.9g} s"
            wanted = guard.wanted
            told = f"{wanted} s" if wanted[0].isdigit() else wanted
            loss = "-" if incident.loss_s is None else f"{incident.loss_s:,.9g} s"
            lines.append(f"| {incident.name} | {name} | {first} | {told} | {loss} |")
    return "\n".join(lines) + "\n"


def with_table(text: str, made: str) -> str:
    """Return a document with the table between its marks."""
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    if not after and END not in rest:
        raise StoryError(f"{DOCUMENT.name}: expected {BEGIN.strip()} and {END.strip()}")
    return before + BEGIN + "\n" + made + "\n" + END + after


if __name__ == "__main__":
    DOCUMENT.write_text(
        with_table(DOCUMENT.read_text(encoding="utf-8"), table([run(path) for path in PATHS])),
        encoding="utf-8",
    )
