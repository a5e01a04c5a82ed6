"""docs/metrics.md, generated from the catalogue: `python -m monitor.exporter.document`."""

import sys

from monitor.exporter.catalogue import CATALOGUE, PROCESS_SERIES_MAX, SECTIONS, SERIES_MAX
from monitor.exporter.metric import Metric

_HEAD = """# Metrics

Generated from `monitor/exporter/catalogue.py` by `python -m monitor.exporter.document`;
do not edit.

`/metrics` speaks the Prometheus text format. Money is in the valuation currency (`usd`) unless
the metric has an `asset` label. Ratios are 0 to 1, times are seconds since the epoch: the age of
anything is `time() - …_timestamp_seconds`. What is unknown is absent, never 0; a timestamp of 0
means "never". No label carries an account. In label values, what is not a plain printable ASCII
character is replaced, long values are cut, and a changed value ends in `~` and a short digest.

A scrape is rendered in a thread of its own from the newest immutable view and served for at most
100 ms, however many scrapers there are.
"""


def render_markdown() -> str:
    """Return the page."""
    parts = [_HEAD]
    for title, metrics in SECTIONS.items():
        parts.append(f"## {title}\n")
        parts.append("| metric | kind | unit | labels | series at most | meaning |")
        parts.append("|---|---|---|---|---:|---|")
        parts.extend(_row(metric) for metric in metrics)
        parts.append("")
    parts.append("## Process\n")
    parts.append(
        "The client library's own `process_*` metrics (memory, processor time, open files), "
        f"at most {PROCESS_SERIES_MAX} series.\n"
    )
    parts.append("## Cost\n")
    parts.append(
        f"{len(CATALOGUE)} metrics, together at most {SERIES_MAX:,} series, "
        "with 400 instruments listed and every limit reached."
    )
    return "\n".join(parts) + "\n"


def _row(metric: Metric) -> str:
    labels = ", ".join(_label(metric, label) for label in metric.labels) or "-"
    return (
        f"| `{metric.name}` | {metric.kind} | {metric.unit} | {labels} | {metric.series:,} "
        f"| {metric.help}{_buckets(metric)} |"
    )


def _label(metric: Metric, label: str) -> str:
    values = metric.values.get(label, ())
    if not values or len(values) > 6:
        return f"`{label}`"
    return f"`{label}`: " + " ".join(f"`{value}`" for value in values)


def _buckets(metric: Metric) -> str:
    if not metric.buckets:
        return ""
    return " Bounds: " + ", ".join(f"{bound:g}" for bound in metric.buckets) + "."


if __name__ == "__main__":
    sys.stdout.write(render_markdown())
