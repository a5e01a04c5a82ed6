"""Where compiled code of the index is kept: a folder named after what the source says.

Numba renews cached code when a function's own file changes, not when an inlined one does.
"""

import hashlib
import tempfile
from pathlib import Path

import numba

from monitor.core import margin

_PACKAGE = Path(margin.__file__).parent / "index"


def use_compiled_cache(suffix: str = "") -> Path:
    """Tell numba where to keep compiled code; call it before the index is imported."""
    found = hashlib.sha256()
    for path in sorted(_PACKAGE.glob("*.py")):
        found.update(path.read_bytes())
    folder = Path(tempfile.gettempdir()) / f"threshold-index-{found.hexdigest()[:16]}{suffix}"
    setattr(numba.config, "CACHE_DIR", str(folder))  # noqa: B010 (numba makes its settings at run time)
    return folder
