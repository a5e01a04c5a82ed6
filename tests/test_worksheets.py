"""Reading and showing worksheets: standard input, limits, hostile names, long tables."""

import io
import json
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from monitor import worksheets
from monitor.worksheets import DeleverageRequest, WorksheetError, deleverage, show
from tests.core.deleveraging.test_request import FILE


def _request(path: str, amount: str = "1") -> DeleverageRequest:
    return DeleverageRequest(candidates=path, amount=amount)


def test_a_dash_is_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.BytesIO(json.dumps(FILE).encode())
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=stream))
    assert deleverage(_request("-"), "queue-bitmex")["taken"] == "1"


def test_a_file_that_is_too_large_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(worksheets, "BYTES_MAX", 10)
    path = tmp_path / "winners.json"
    path.write_text(json.dumps(FILE))
    with pytest.raises(WorksheetError, match=r"winners\.json: expected at most 10 bytes"):
        deleverage(_request(str(path)), "queue-bitmex")


def test_a_long_table_ends_and_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = [{"account": f"[red]{number}", "size": "-1"} for number in range(60)]
    path = tmp_path / "winners.json"
    path.write_text(json.dumps(FILE | {"candidates": rows}))
    show(deleverage(_request(str(path), "60"), "pro-rata-contracts"), as_json=False)
    shown = capsys.readouterr().out
    assert "[red]0" in shown
    assert "and 10 more: --json has all" in shown
