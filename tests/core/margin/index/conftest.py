"""The compiled code of the index is cached by what the package says, not by when a file changed."""

import hashlib
import tempfile
from pathlib import Path

import numba

PACKAGE = Path(__file__).parents[4] / "monitor" / "core" / "margin" / "index"


def _digest() -> str:
    found = hashlib.sha256()
    for path in sorted(PACKAGE.glob("*.py")):
        found.update(path.read_bytes())
    return found.hexdigest()[:16]


numba.config.CACHE_DIR = str(Path(tempfile.gettempdir()) / f"threshold-index-{_digest()}")
