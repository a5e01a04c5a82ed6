"""Write the generated documents: `python -m tools.write_documents` (or `make schema`).

`DOCUMENTS` says what is generated and by what; a test compares it with what stands in docs/.
"""

from collections.abc import Callable
from pathlib import Path

from monitor.exporter.document import render_markdown
from tools.asyncapi import asyncapi_document, encode_document
from tools.event_tables import render_events
from tools.module_tables import render_architecture
from tools.schemas import decisions_schema, events_schema
from tools.settings_tables import render_configuration

ROOT = Path(__file__).parent.parent
DOCUMENTS: dict[str, Callable[[], str]] = {
    "docs/schema/events.schema.json": lambda: encode_document(events_schema()),
    "docs/schema/decisions.schema.json": lambda: encode_document(decisions_schema()),
    "docs/asyncapi.json": lambda: encode_document(asyncapi_document()),
    "docs/events.md": render_events,
    "docs/configuration.md": render_configuration,
    "docs/metrics.md": render_markdown,
    "docs/architecture.md": render_architecture,
}


def main() -> None:
    """Write every document that differs and say which."""
    for name, render in DOCUMENTS.items():
        path = ROOT / name
        text = render()
        if path.is_file() and path.read_text(encoding="utf-8") == text:
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        print(f"written: {name}")


if __name__ == "__main__":
    main()
