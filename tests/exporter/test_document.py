"""docs/metrics.md follows the catalogue."""

from pathlib import Path

from monitor.exporter.catalogue import CATALOGUE
from monitor.exporter.document import render_markdown

PAGE = Path(__file__).parents[2] / "docs" / "metrics.md"


def test_the_page_is_the_catalogue() -> None:
    assert PAGE.read_text(encoding="utf-8") == render_markdown(), (
        "expected docs/metrics.md as generated, received another text: "
        "python -m monitor.exporter.document > docs/metrics.md"
    )


def test_every_metric_is_on_the_page() -> None:
    page = render_markdown()
    assert all(f"`{metric.name}`" in page for metric in CATALOGUE)
