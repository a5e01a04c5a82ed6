"""Every worked number in the documents of the model is run."""

import doctest
from pathlib import Path

import pytest

DOCUMENTS = sorted((Path(__file__).parent.parent / "docs" / "model").glob("*.md"))


@pytest.mark.timeout(300)
@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.stem)
def test_its_numbers_are_right(document: Path) -> None:
    results = doctest.testfile(str(document), module_relative=False)
    assert results.failed == 0


def test_each_document_of_a_formula_has_a_worked_number_and_a_test() -> None:
    texts = {path.name: path.read_text() for path in DOCUMENTS}
    silent = [name for name, text in texts.items() if not (">>>" in text or "tests/" in text)]
    assert silent == []
