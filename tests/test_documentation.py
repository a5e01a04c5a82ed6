"""What exists is documented, and what is documented exists; each failure names the page."""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
import yaml

from monitor.api.openapi import openapi_document
from monitor.config import Configuration
from monitor.core import decisions, events, gate
from monitor.core.view import AccountView, BreakerView, FundView
from monitor.exporter.catalogue import CATALOGUE
from monitor.store.live_state import account_fields, breaker_fields, fund_fields
from monitor.streams import codec
from tools import meanings, settings_meanings
from tools.settings_tables import configuration_keys

ROOT = Path(__file__).parent.parent
RECORDS = [
    value
    for module in (events, decisions, codec)
    for value in vars(module).values()
    if isinstance(value, type) and issubclass(value, msgspec.Struct)
]
FIELDS = {(record.__name__, name) for record in RECORDS for name in record.__struct_fields__}
MARKDOWN = [
    path
    for path in sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("*/README.md")])
    if ".venv" not in path.parts
]
VARIABLE = re.compile(r"\bLOSS_MONITOR_[A-Z_]*[A-Z]\b")


def page(name: str) -> str:
    """Return the text of a page."""
    path = ROOT / name
    assert path.is_file(), f"{name} is missing"
    return path.read_text(encoding="utf-8")


def headings(text: str) -> set[str]:
    """Return the anchors of a page's headings, as a renderer of Markdown makes them."""
    return {
        re.sub(r"[^\w\- ]", "", title.strip().lower()).replace(" ", "-")
        for title in re.findall(r"^#+ (.+)$", text, flags=re.MULTILINE)
    }


@pytest.mark.parametrize(
    "record",
    [*events.ACCOUNT_EVENTS, *events.MARKET_EVENTS, *events.LOCAL_EVENTS, *decisions.DECISIONS],
    ids=lambda record: record.__name__,
)
def test_every_event_and_decision_has_a_section(record: type[msgspec.Struct]) -> None:
    assert events.snake_case(record.__name__) in headings(page("docs/events.md"))


@pytest.mark.parametrize("field", sorted({name for _, name in FIELDS}))
def test_every_field_has_a_meaning(field: str) -> None:
    said = [record for record, name in FIELDS if name == field and _has_meaning(record, field)]
    silent = sorted({record for record, name in FIELDS if name == field} - set(said))
    bases = {"LogHeader"}
    assert not set(silent) - bases, f"tools/meanings.py: say what {field} of {silent} means"


def _has_meaning(record: str, field: str) -> bool:
    return field in meanings.FIELDS or (record, field) in meanings.SPECIAL


def test_no_meaning_is_left_over() -> None:
    names = {name for _, name in FIELDS} | {"type"}
    assert set(meanings.FIELDS) <= names, set(meanings.FIELDS) - names
    assert set(meanings.SPECIAL) <= FIELDS, set(meanings.SPECIAL) - FIELDS


def test_every_configuration_key_has_a_meaning_and_none_is_left_over() -> None:
    assert set(configuration_keys(Configuration)) == set(settings_meanings.SETTINGS)


@pytest.mark.parametrize("metric", CATALOGUE, ids=lambda metric: metric.name)
def test_every_metric_is_in_the_table(metric: object) -> None:
    assert f"`{getattr(metric, 'name', '')}`" in page("docs/metrics.md")


@pytest.mark.parametrize("path", openapi_document("0")["paths"])
def test_every_address_of_the_api_is_described(path: str) -> None:
    assert f"`{path}`" in page("docs/api.md") or f"GET {path}" in page("docs/api.md")


BREAKER = BreakerView(
    breaker="b", kind="k", scope="s", state="armed", action="halt",
    measured=0.5, limit=1.0, extended=0, changed_ns=0,
)  # fmt: skip
FUND = FundView(
    fund="f", asset="USD", balance=1.0, balance_usd=1.0, drawn=0.0, credited=0.0,
    uncovered=0.0, shortfall_usd=0.0, socialized_loss_usd=0.0, updated_ns=0,
    inventory_loss_usd=0.0, inventory_gain_usd=0.0, inventory_notional_usd=0.0,
    inventory_positions=0,
)  # fmt: skip
ACCOUNT = AccountView(
    account="a", owner="a", role="client", state="healthy", equity=1.0, initial_margin=1.0,
    maintenance_margin=1.0, margin_ratio=1.0, free_collateral=1.0, withdrawable=1.0,
    flags=(), has_position=True, updated_ns=0,
)  # fmt: skip


@pytest.mark.parametrize(
    "fields",
    [account_fields(ACCOUNT), fund_fields(FUND), breaker_fields([BREAKER])],
    ids=["account", "fund", "breaker"],
)
def test_every_field_in_redis_is_described(fields: dict[str, str]) -> None:
    silent = [name for name in fields if f"`{name}`" not in page("docs/redis.md")]
    assert not silent, f"docs/redis.md: say what these hold: {silent}"


@pytest.mark.parametrize("path", MARKDOWN, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_event_that_a_page_shows_passes_the_gate(path: Path) -> None:
    for line in re.findall(r'^\{"type": *".*\}$', path.read_text(), flags=re.MULTILINE):
        for event in gate.decode(line.encode()):
            assert isinstance(event, events.Event), f"{path.relative_to(ROOT)}: {event}"


def targets() -> set[str]:
    """Return the targets of the Makefile that a person calls."""
    return set(re.findall(r"^([a-z]+):", page("Makefile"), flags=re.MULTILINE))


def test_every_target_says_what_it_does() -> None:
    said = set(re.findall(r"^([a-z]+):.*## \S", page("Makefile"), flags=re.MULTILINE))
    assert targets() == said
    phony = re.search(r"^\.PHONY: (.*)$", page("Makefile"), flags=re.MULTILINE)
    assert phony
    assert set(phony.group(1).split()) == targets()


@pytest.mark.parametrize("path", MARKDOWN, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_target_that_a_page_names_exists(path: Path) -> None:
    named = set(re.findall(r"(?:`|^\$? *)make ([a-z]+)", path.read_text(), flags=re.MULTILINE))
    assert named <= targets(), f"{path.relative_to(ROOT)} names targets that do not exist"


@pytest.mark.parametrize("path", MARKDOWN, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_link_of_a_page_leads_somewhere(path: Path) -> None:
    text = re.sub(r"```.*?```", "", path.read_text(encoding="utf-8"), flags=re.DOTALL)
    for link in re.findall(r"\]\(([^)\s]+)\)", text):
        if re.match(r"[a-z]+:", link):
            continue
        name, _, anchor = link.partition("#")
        target = (path.parent / name).resolve() if name else path
        assert target.exists(), f"{path.relative_to(ROOT)}: {link} leads nowhere"
        if anchor and target.suffix == ".md":
            assert anchor in headings(target.read_text()), f"{path.relative_to(ROOT)}: {link}"


def verbs() -> list[str]:
    """Return the verbs of the command line, as `--help` lists them."""
    command = [sys.executable, "-m", "monitor", "--help"]
    told = subprocess.run(command, check=True, capture_output=True, text=True, cwd=ROOT).stdout
    return re.findall(r"^    ([a-z][a-z-]+)(?: |$)", told, flags=re.MULTILINE)


def test_every_verb_of_the_command_is_shown_in_the_documents() -> None:
    text = "".join(path.read_text(encoding="utf-8") for path in MARKDOWN)
    assert verbs()
    for verb in verbs():
        assert f"loss-monitor {verb}" in text, f"show `loss-monitor {verb}` in README.md or docs/"


def alerts() -> Iterator[tuple[str, str]]:
    """Yield the name of each alert with the address of its page."""
    for path in sorted((ROOT / "deploy/prometheus/rules").glob("*.yml")):
        for group in yaml.safe_load(path.read_text(encoding="utf-8"))["groups"]:
            for rule in group["rules"]:
                if "alert" in rule:
                    yield rule["alert"], rule["annotations"]["runbook_url"]


@pytest.mark.parametrize(("alert", "address"), list(alerts()))
def test_every_alert_has_a_heading_in_the_runbook(alert: str, address: str) -> None:
    assert alert.lower() in headings(page("docs/runbook.md"))
    assert address.endswith(f"docs/runbook.md#{alert.lower()}")


def test_every_heading_of_an_alert_has_its_alert() -> None:
    named = set(
        re.findall(r"^#+ ([A-Z][a-z]+(?:[A-Z][a-z]+)+)$", page("docs/runbook.md"), re.MULTILINE)
    )
    assert named <= {alert for alert, _ in alerts()}, "the runbook explains alerts that are gone"


def test_every_environment_variable_is_documented() -> None:
    used = {
        name
        for folder in ("monitor", "tests", "bench", ".ci")
        for path in sorted((ROOT / folder).rglob("*"))
        if path.is_file() and path.suffix in ("", ".py")
        for name in VARIABLE.findall(path.read_text(encoding="utf-8", errors="replace"))
    }
    documented = {name for path in MARKDOWN for name in VARIABLE.findall(path.read_text())}
    assert used <= documented, f"say in docs/ what these do: {sorted(used - documented)}"


def test_every_module_that_the_architecture_names_exists() -> None:
    names = set(re.findall(r"`([a-z_]+\.py)`", page("docs/architecture.md")))
    exist = {path.name for folder in ("monitor", "tests", "tools", "bench")
             for path in (ROOT / folder).rglob("*.py")}  # fmt: skip
    assert names <= exist, f"docs/architecture.md names what is gone: {sorted(names - exist)}"


def test_the_records_of_decisions_are_numbered_without_a_hole() -> None:
    numbers = sorted(int(path.name[:4]) for path in (ROOT / "docs/decisions").glob("*.md"))
    assert numbers == list(range(1, len(numbers) + 1))
