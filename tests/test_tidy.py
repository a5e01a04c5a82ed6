"""The form of the code is tested: each rule prints file:line and the fix.

A rule is a function from a `Source` to the lines that break it. `RULES` lists them with the
folders in which they hold; `EXAMPLES` proves that each rule sees what it forbids.
"""

import ast
import re
from collections.abc import Callable, Iterator
from functools import cache, cached_property
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parent.parent
LINE_LENGTH_MAX = 100
FUNCTION_LINES_MAX = 70
MODULE_LINES_MAX = 400
# Lists of records, which are clearer in one place than in two.
LONG_DECLARATIONS = ("monitor/core/events.py", "monitor/core/decisions.py")
BANNED_NAMES = ("utils.py", "helpers.py", "common.py", "types.py", "misc.py")
# Tests of what several modules do together, or of what is no module.
FREE_TESTS = ("configs", "deploy", "end_to_end", "faults", "integration", "reference", "scenarios")
# A delay here is the fault itself (a random moment, the length of an outage), not a wait.
TIMED_FAULTS = ("tests/faults/test_kill.py", "tests/store/mirror_cases.py")
FREE_TEST_FILES = (
    "tests/test_documentation.py", "tests/test_model_documents.py", "tests/test_scenarios.py",
    "tests/test_schema.py", "tests/test_setup.py", "tests/test_tidy.py",
)  # fmt: skip
FUNCTION_NODES = (ast.FunctionDef, ast.AsyncFunctionDef)


class Source:
    """One Python file: its path below the root, its text, its syntax tree."""

    def __init__(self, name: str, text: str) -> None:
        self.name = name
        self.text = text

    @cached_property
    def tree(self) -> ast.Module:
        """Return the syntax tree."""
        return ast.parse(self.text, self.name)

    @cached_property
    def nodes(self) -> list[ast.AST]:
        """Return every node of the tree."""
        return list(ast.walk(self.tree))

    def calls(self) -> Iterator[tuple[ast.Call, str]]:
        """Yield each call with the dotted name that is called."""
        for node in self.nodes:
            if isinstance(node, ast.Call):
                yield node, ast.unparse(node.func)


Problem = tuple[int, str]
Rule = Callable[[Source], Iterator[Problem]]


def lines_are_short(source: Source) -> Iterator[Problem]:
    for number, line in enumerate(source.text.splitlines(), 1):
        length = len(re.split(r"  # (?:noqa|type: ignore)", line)[0])  # as ruff counts
        if length > LINE_LENGTH_MAX:
            yield number, f"{length} characters: at most {LINE_LENGTH_MAX}"


def names_explain(source: Source) -> Iterator[Problem]:
    if Path(source.name).name in BANNED_NAMES:
        yield 1, "a file name that explains nothing: name what is in it"


def functions_are_short(source: Source) -> Iterator[Problem]:
    for node in source.nodes:
        if isinstance(node, FUNCTION_NODES):
            lines = (node.end_lineno or node.lineno) - node.lineno + 1
            if lines > FUNCTION_LINES_MAX:
                yield node.lineno, f"{node.name} has {lines} lines: split it, at most 70"


def modules_are_short(source: Source) -> Iterator[Problem]:
    lines = source.text.count("\n")
    if lines > MODULE_LINES_MAX and source.name not in LONG_DECLARATIONS:
        yield 1, f"{lines} lines in one module: make it a folder, at most {MODULE_LINES_MAX}"


def everything_public_is_explained(source: Source) -> Iterator[Problem]:
    if not ast.get_docstring(source.tree):
        yield 1, "a module without a docstring: say why it exists"
    for parent in source.nodes:
        if not isinstance(parent, (ast.Module, ast.ClassDef)):
            continue
        for node in parent.body:
            if isinstance(node, (ast.ClassDef, *FUNCTION_NODES)) and not _is_explained(node):
                yield node.lineno, f"{node.name} has no docstring: say what it means"


def _is_explained(node: ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """Return whether a definition has a docstring or needs none."""
    private = node.name.startswith("_") and not isinstance(node, ast.ClassDef)
    overload = any("overload" in ast.unparse(item) for item in node.decorator_list)
    return private or overload or bool(ast.get_docstring(node))


def the_core_has_no_effects(source: Source) -> Iterator[Problem]:
    for node in source.nodes:
        if isinstance(node, (ast.Await, ast.AsyncFunctionDef, ast.AsyncFor, ast.AsyncWith)):
            yield node.lineno, "asynchronous code in the core: move it outside"
    for call, name in source.calls():
        if name in ("open", "print", "input", "eval", "exec"):
            yield call.lineno, f"{name}() in the core: move it outside"


def only_the_clock_reads_time(source: Source) -> Iterator[Problem]:
    if source.name == "monitor/runtime/clock.py":
        return
    for node in source.nodes:
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        module = node.module if isinstance(node, ast.ImportFrom) else None
        if "time" in names or module == "time":
            yield getattr(node, "lineno", 1), "imports time: take a monitor.runtime.clock.Clock"
    for call, name in source.calls():
        if re.search(r"\b(date|datetime)\.(now|utcnow|today)$", name):
            yield call.lineno, f"{name}() reads time: take a monitor.runtime.clock.Clock"


def nothing_waits_with_wait_for(source: Source) -> Iterator[Problem]:
    for call, name in source.calls():
        if name in ("asyncio.wait_for", "wait_for") and name != "self.wait_for":
            yield call.lineno, "wait_for can swallow a cancellation: use asyncio.timeout"


def nothing_is_left_to_do(source: Source) -> Iterator[Problem]:
    for number, line in enumerate(source.text.splitlines(), 1):
        found = re.search(r"\b(TODO|FIXME|XXX|HACK)\b", line)
        if found and source.name != "tests/test_tidy.py":
            yield number, f"{found.group()}: do it or delete it"


def errors_are_not_swallowed(source: Source) -> Iterator[Problem]:
    for node in source.nodes:
        if isinstance(node, ast.ExceptHandler):
            if node.type is None:
                yield node.lineno, "a bare except: name the error"
            if all(isinstance(item, ast.Pass) or _is_ellipsis(item) for item in node.body):
                yield node.lineno, "an error is swallowed: handle it or let it rise"
    for call, name in source.calls():
        broad = {"Exception", "BaseException"} & {ast.unparse(item) for item in call.args}
        if name.endswith("suppress") and broad:
            yield call.lineno, "every error is swallowed: name the one that is expected"


def _is_ellipsis(node: ast.stmt) -> bool:
    """Return whether a statement is `...`."""
    return isinstance(node, ast.Expr) and ast.unparse(node) == "..."


def errors_say_received(source: Source) -> Iterator[Problem]:
    exempt = {
        id(node.body[0].value)
        for node in source.nodes
        if isinstance(node, (ast.Module, ast.ClassDef, *FUNCTION_NODES))
        and isinstance(node.body[0], ast.Expr)
    }
    # a pattern may look for the word in the messages of others
    exempt |= {id(call.args[0]) for call, name in source.calls() if name == "re.compile"}
    for node in source.nodes:
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            said = re.search(r"\bgot\b", node.value)
            if said and id(node) not in exempt:
                yield node.lineno, "an error says what was expected and what was *received*"


def no_test_sleeps(source: Source) -> Iterator[Problem]:
    loops = [node for node in source.nodes if isinstance(node, (ast.While, ast.For, ast.AsyncFor))]
    polling = {id(node) for loop in loops for node in ast.walk(loop)}
    is_test = Path(source.name).name.startswith("test_")
    for call, name in source.calls():
        if name not in ("time.sleep", "asyncio.sleep", "sleep") or not call.args:
            continue
        waits = ast.unparse(call.args[0]) != "0" and source.name not in TIMED_FAULTS
        if waits and (is_test or id(call) not in polling):
            yield call.lineno, "a test sleeps: poll with a deadline, in a function of conftest.py"


def files_mirror_the_code(source: Source) -> Iterator[Problem]:
    path = Path(source.name)
    folder = path.parent.relative_to("tests")
    free = source.name in FREE_TEST_FILES or (folder.parts and folder.parts[0] in FREE_TESTS)
    if free or not path.name.startswith("test_"):
        return
    words = path.stem.removeprefix("test_").split("_")
    for root in (ROOT / "monitor", ROOT, ROOT / "tests"):  # the product, tools and bench, tests
        for count in range(len(words), 0, -1):
            subject = root / folder / "_".join(words[:count])
            if subject.with_suffix(".py").is_file() or (subject / "__init__.py").is_file():
                return
    yield 1, f"mirrors nothing: expected a module monitor/{folder / '_'.join(words)}.py"


class Check(NamedTuple):
    """A rule and the folders in which it holds."""

    rule: Rule
    folders: tuple[str, ...]


EVERYWHERE = ("monitor", "tests", "tools", "bench")
PRODUCT = ("monitor", "tools", "bench")
RULES = (
    Check(lines_are_short, EVERYWHERE),
    Check(names_explain, EVERYWHERE),
    Check(functions_are_short, EVERYWHERE),
    Check(modules_are_short, EVERYWHERE),
    Check(everything_public_is_explained, PRODUCT),
    Check(the_core_has_no_effects, ("monitor/core", "monitor/analysis")),
    Check(only_the_clock_reads_time, ("monitor",)),
    Check(nothing_waits_with_wait_for, EVERYWHERE),
    Check(nothing_is_left_to_do, EVERYWHERE),
    Check(errors_are_not_swallowed, EVERYWHERE),
    Check(errors_say_received, PRODUCT),
    Check(no_test_sleeps, ("tests",)),
    Check(files_mirror_the_code, ("tests",)),
)


@cache
def sources(folder: str) -> list[Source]:
    """Return every Python file under a folder."""
    return [
        Source(str(path.relative_to(ROOT)), path.read_text(encoding="utf-8"))
        for path in sorted((ROOT / folder).rglob("*.py"))
    ]


@pytest.mark.parametrize("check", RULES, ids=lambda check: check.rule.__name__)
def test_the_code_is_tidy(check: Check) -> None:
    problems = [
        f"{source.name}:{line}: {fix}"
        for folder in check.folders
        for source in sources(folder)
        for line, fix in check.rule(source)
    ]
    assert not problems, "\n" + "\n".join(problems)


EXAMPLES = (
    (lines_are_short, "x = 1  # " + "x" * 100),
    (functions_are_short, "def f():\n" + "    x = 1\n" * 71),
    (modules_are_short, "x = 1\n" * 401),
    (everything_public_is_explained, '"""M."""\ndef f(): ...'),
    (the_core_has_no_effects, "async def f(): await g()"),
    (the_core_has_no_effects, "print(1)"),
    (only_the_clock_reads_time, "from time import monotonic"),
    (only_the_clock_reads_time, "datetime.datetime.now()"),
    (nothing_waits_with_wait_for, "asyncio.wait_for(x, 1)"),
    (nothing_is_left_to_do, "x = 1  # TODO"),
    (errors_are_not_swallowed, "try:\n    f()\nexcept OSError:\n    pass"),
    (errors_are_not_swallowed, "with contextlib.suppress(Exception): f()"),
    (errors_say_received, "raise E('expected a, got b')"),
    (no_test_sleeps, "time.sleep(0.1)"),
    (files_mirror_the_code, ""),
)


@pytest.mark.parametrize(
    ("rule", "text"), EXAMPLES, ids=[f"{rule.__name__}-{i}" for i, (rule, _) in enumerate(EXAMPLES)]
)
def test_a_rule_sees_what_it_forbids(rule: Rule, text: str) -> None:
    assert list(rule(Source("tests/nowhere/test_nothing.py", text)))


@pytest.mark.parametrize("name", BANNED_NAMES)
def test_a_name_that_explains_nothing_is_seen(name: str) -> None:
    assert list(names_explain(Source(f"monitor/core/{name}", "")))
