"""How the functions of the index are compiled: the one place that knows numba.

`NUMBA_DISABLE_JIT=1` in the environment runs the same functions as plain Python, for a debugger.

`_nrt=False` is an undocumented option of numba: no reference counts on arrays, which otherwise
cost a locked instruction for every array that a function is handed (nearly half of all time). Its
price: compiled functions cannot allocate or slice. A test runs the index without it.

Compiled code is kept beside the source, or in `NUMBA_CACHE_DIR` of the environment, or where the
user's caches are if neither may be written. Numba renews it when a function's own file changes,
not when an inlined function of another file does: so the folder is named after what all files say.
"""

import hashlib
from collections.abc import Callable
from importlib import resources
from typing import Any, TypeAlias, TypeVar, cast

import numba
import numba.extending
import numba.np.arrayobj
from llvmlite import ir

Function = TypeVar("Function", bound=Callable[..., Any])
# Numba's own objects, whose types it does not tell.
Untyped: TypeAlias = Any
_numba: Any = numba
OPTIONS: dict[str, Any] = {
    "cache": True,
    "error_model": "numpy",
    "nogil": True,
    "_nrt": False,
}


def _digest() -> str:
    """Return what tells one version of the compiled functions from another."""
    found = hashlib.sha256(numba.__version__.encode())
    # The analysis compiles functions of its own, into which these are inlined.
    folders = (resources.files(__package__), resources.files("monitor") / "analysis")
    sources = [each for folder in folders for each in folder.iterdir() if each.name[-3:] == ".py"]
    for source in sorted(sources, key=lambda each: each.name):
        found.update(source.read_bytes())
    return found.hexdigest()[:16]


def cache_folder() -> str:
    """Return where the compiled code of this source is kept, if it may be written."""
    return str(_numba.config.CACHE_DIR)


def _use_cache() -> None:
    """Keep compiled code of this source apart from that of any other."""
    folder = _numba.config.CACHE_DIR or __file__.rpartition("/")[0] + "/__pycache__"
    _numba.config.CACHE_DIR = f"{folder}/compiled-{_digest()}"


class Entry:
    """A compiled function as Python calls it.

    Numba looks at the type of every argument at every call: 15 us with all columns. These are
    always the same, so from its second call on the machine code is called, which still refuses
    what is no array of its kind. What the caller owes: arrays that are contiguous.
    """

    __slots__ = ("call", "function")

    def __init__(self, function: Untyped) -> None:
        """Take numba's function."""
        self.function = function
        self.call = function

    def __call__(self, *arguments: Untyped) -> Untyped:
        """Call it."""
        answer = self.call(*arguments)
        if self.call is self.function:
            (only,) = self.function.overloads.values()
            self.call = only.entry_point
        return answer


def compiled(function: Function) -> Function:
    """Compile a function that Python calls, always with the same kinds of arguments."""
    made: Untyped = numba.njit(**OPTIONS)(function)
    return cast("Function", made if _numba.config.DISABLE_JIT else Entry(made))


def inlined(function: Function) -> Function:
    """Compile a small function into each of its compiled callers; Python calls it as it is.

    Nothing is made or kept for calls from outside: that was half of the time to compile all.
    """
    inner = {name: value for name, value in OPTIONS.items() if name != "cache"}
    outside = {"no_cpython_wrapper": True, "no_cfunc_wrapper": True}
    make = _numba.extending.register_jitable(forceinline=True, **outside, **inner)
    return cast("Function", make(function))


def apart(function: Function) -> Function:
    """Compile a function once, for its compiled callers: what few units need stays out of loops."""
    return cast("Function", numba.njit(**OPTIONS)(function))


def _no_prefetch(array: object, place: int) -> None:
    """Do nothing: what `prefetch` is in plain Python."""
    del array, place


def _prefetch(typing_context: Untyped, array: Untyped, place: Untyped) -> Untyped:
    """Return what numba puts in the place of `prefetch`: one instruction."""
    del typing_context, place

    def generate(
        context: Untyped, builder: Untyped, signature: Untyped, arguments: Untyped
    ) -> Untyped:
        kind, tools = signature.args[0], _numba.core.cgutils
        own = _numba.np.arrayobj.make_array(kind)(context, builder, arguments[0])
        pointer = tools.get_item_pointer(
            context, builder, kind, own, [arguments[1]], wraparound=False
        )
        byte, whole = ir.IntType(8).as_pointer(), ir.IntType(32)
        shape = ir.FunctionType(ir.VoidType(), [byte, whole, whole, whole])
        function = tools.get_or_insert_function(builder.module, shape, "llvm.prefetch.p0")
        flags = [whole(0), whole(3), whole(1)]  # to read, keep close, data
        builder.call(function, [builder.bitcast(pointer, byte), *flags])
        return context.get_dummy_value()

    return _numba.types.void(array, _numba.types.intp), generate


# prefetch(array, place): ask for the line of memory that holds an element which is needed soon.
prefetch: Callable[[Untyped, int], None] = (
    _no_prefetch if _numba.config.DISABLE_JIT else _numba.extending.intrinsic(_prefetch)
)


def _no_fence() -> None:
    """Do nothing: what `fence` is in plain Python."""


def _fence(typing_context: Untyped) -> Untyped:
    """Return what numba puts in the place of `fence`: on x86 no instruction, only an order."""
    del typing_context

    def generate(
        context: Untyped, builder: Untyped, signature: Untyped, arguments: Untyped
    ) -> Untyped:
        del signature, arguments
        builder.fence("acq_rel")
        return context.get_dummy_value()

    return _numba.types.void(), generate


# fence(): no load or store is moved from one side of it to the other, but a load before a store.
fence: Callable[[], None] = (
    _no_fence if _numba.config.DISABLE_JIT else _numba.extending.intrinsic(_fence)
)


_use_cache()
