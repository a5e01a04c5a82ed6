"""How the functions of the index are compiled: the one place that knows numba.

`NUMBA_DISABLE_JIT=1` in the environment runs the same functions as plain Python, for a debugger.

`_nrt=False` is an undocumented option of numba: no reference counts on arrays, which otherwise
cost a locked instruction for every array that a function is handed (nearly half of all time). Its
price: compiled functions cannot allocate or slice. A test runs the index without it.

Compiled code is cached beside the source or in `numba.config.CACHE_DIR`. Numba renews it when a
function's own file changes, not when an inlined function of another file does: a program that may
run changed source sets a cache folder named after the package's digest.
"""

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba

Function = TypeVar("Function", bound=Callable[..., Any])
OPTIONS: dict[str, Any] = {
    "cache": True,
    "error_model": "numpy",
    "nogil": True,
    "_nrt": False,
}


def compiled(function: Function) -> Function:
    """Compile a function that Python calls."""
    return cast("Function", numba.njit(**OPTIONS)(function))


def inlined(function: Function) -> Function:
    """Compile a small function into each of its callers."""
    return cast("Function", numba.njit(forceinline=True, **OPTIONS)(function))
