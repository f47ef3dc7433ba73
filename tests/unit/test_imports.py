"""The rules of the code's shape, held by walking its syntax trees: who imports whom, who writes what, how long."""

import ast
import re
import sys
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[2]
SERVICES = CHECKOUT / "services"
#: Path below the member's folder, such as `atropos_core/db.py`.
SOURCES = {
    "/".join(path.relative_to(SERVICES).parts[1:]): path for path in sorted(SERVICES.glob("*/atropos_*/**/*.py"))
}
#: Path below the checkout, such as `tests/stack.py`.
TESTS = {
    str(path.relative_to(CHECKOUT)): path
    for folder in ("tests", "benchmarks")
    for path in sorted((CHECKOUT / folder).rglob("*.py"))
}
FORBIDDEN = {
    "atropos_core": {"atropos_sdk", "atropos_api", "atropos_worker", "atropos_client", "atropos_cli"},
    "atropos_sdk": {"atropos_api", "atropos_worker", "atropos_client", "atropos_cli"},
    "atropos_api": {"atropos_sdk", "atropos_worker", "atropos_client", "atropos_cli"},
    "atropos_worker": {"atropos_api", "atropos_client", "atropos_cli"},
    "atropos_client": {"atropos_core", "atropos_sdk", "atropos_api", "atropos_worker", "atropos_cli"},
}
HANDLERS_SEE = {
    "atropos_core.builtin_types",
    "atropos_core.data_parameters",
    "atropos_core.report_parameters",
    "atropos_core.files",
    "atropos_core.settings",
    "atropos_sdk",
    "atropos_core.sources",
    "atropos_worker.context",
    "atropos_worker.outcome",
    "atropos_worker.handlers",
    "duckdb",
    "jinja2",
    "typst",
    "vl_convert",
    "imageio_ffmpeg",
    "pydantic",
}
CELERY = {"celery", "kombu", "billiard"}
KNOW_CELERY = {f"atropos_worker/{name}.py" for name in ("app", "consumer", "execute", "transport", "__main__")}
WRITES_STATUS = re.compile(
    r"\bINSERT\s+INTO\s+tasks\b|\bSET\s+status\b|\bUPDATE\s+tasks\s+SET\b(?:(?!\bWHERE\b).)*?\bstatus\s*=",
    re.IGNORECASE | re.DOTALL,
)
VAGUE_NAMES = {"utils", "common", "helpers", "manager"}
MAXIMUM_FILE_LINES = 249
MAXIMUM_FUNCTION_LINES = 45


@cache
def _tree(name: str) -> ast.Module:
    return ast.parse(SOURCES[name].read_text())


def _imported(nodes: Iterable[ast.AST]) -> Iterator[str]:
    """The dotted names that import statements among the nodes name; `from a import b` names `a.b`."""
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute, so that these tests can read them"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _imports(name: str) -> set[str]:
    return set(_imported(ast.walk(_tree(name))))


def _outside_functions(node: ast.AST) -> Iterator[ast.AST]:
    """The nodes that run when the module is imported."""
    for child in ast.iter_child_nodes(node):
        if not isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            yield child
            yield from _outside_functions(child)


def _packages(names: Iterable[str]) -> set[str]:
    return {name.partition(".")[0] for name in names}


def _strings(name: str) -> Iterator[str]:
    """String literals; what is formatted into one is left out."""
    for node in ast.walk(_tree(name)):
        if isinstance(node, ast.JoinedStr):
            yield "".join(str(part.value) for part in node.values if isinstance(part, ast.Constant))
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def _calls(name: str) -> Iterator[ast.Call]:
    return (node for node in ast.walk(_tree(name)) if isinstance(node, ast.Call))


def _where(condition: Callable[[str], object]) -> set[str]:
    return {name for name in SOURCES if condition(name)}


def _writes_status(name: str) -> bool:
    in_sql = any(WRITES_STATUS.search(string) for string in _strings(name))
    in_values = any(
        isinstance(call.func, ast.Attribute)
        and call.func.attr == "values"
        and any(keyword.arg == "status" for keyword in call.keywords)
        for call in _calls(name)
    )
    return in_sql or in_values


def _commits(name: str) -> bool:
    # `drain` is a module of the worker: it begins no transaction.
    return any(
        isinstance(call.func, ast.Attribute)
        and call.func.attr in {"commit", "begin"}
        and ast.unparse(call.func) != "drain.begin"
        for call in _calls(name)
    )


def _is_seen_by_handlers(imported: str) -> bool:
    if imported.partition(".")[0] in sys.stdlib_module_names:
        return True
    return any(imported == seen or imported.startswith(f"{seen}.") for seen in HANDLERS_SEE)


def test_all_members_are_looked_at() -> None:
    """The other tests see the code of all members."""
    members = {"atropos_core", "atropos_sdk", "atropos_api", "atropos_worker", "atropos_client", "atropos_cli"}
    assert members == {name.partition("/")[0] for name in SOURCES}


@pytest.mark.parametrize("package", FORBIDDEN)
def test_dependencies_point_to_the_core(package: str) -> None:
    """API, worker and SDK stand on the core and know nothing of each other; the core knows none, the client nobody."""
    members = [name for name in SOURCES if name.startswith(f"{package}/")]
    assert not {name: found for name in members if (found := _packages(_imports(name)) & FORBIDDEN[package])}


def test_the_client_needs_httpx_alone() -> None:
    """Whoever installs the client gets one library with it."""
    members = [name for name in SOURCES if name.startswith("atropos_client/")]
    imported = set().union(*(_packages(_imports(name)) for name in members))
    assert {"httpx"} == imported - {"atropos_client"} - set(sys.stdlib_module_names)


def test_the_command_line_starts_without_the_services() -> None:
    """Importing the CLI imports neither API nor worker, which need not be installed."""
    services = {"atropos_api", "atropos_worker"}
    members = [name for name in SOURCES if name.startswith("atropos_cli/")]
    imported = {name: _packages(_imported(_outside_functions(_tree(name)))) for name in members}
    assert not {name: found & services for name, found in imported.items() if found & services}


def test_handlers_see_only_the_context() -> None:
    """A handler imports its parameters, the context, the exceptions it speaks in, pydantic and the standard library."""
    handlers = [name for name in SOURCES if name.startswith("atropos_worker/handlers/")]
    strange = {name: {found for found in _imports(name) if not _is_seen_by_handlers(found)} for name in handlers}
    assert not {name: found for name, found in strange.items() if found}


def test_celery_is_known_to_five_files() -> None:
    """Celery and its libraries are imported in the worker's outermost files alone."""
    assert not _where(lambda name: _packages(_imports(name)) & CELERY) - KNOW_CELERY


def test_kubernetes_is_known_to_one_file() -> None:
    """The client of Kubernetes, large and slow to import, is imported by the API's view of its cluster alone."""
    assert {"atropos_api/cluster.py"} == _where(lambda name: "kubernetes" in _packages(_imports(name)))


def test_status_is_written_in_one_file() -> None:
    """The statements that set the state of a task are all in core/transitions.py."""
    assert {"atropos_core/transitions.py"} == _where(_writes_status)


def test_transactions_are_made_in_one_place() -> None:
    """Only the core's db.py begins or commits a transaction; migrations leave theirs to Alembic."""
    assert {"atropos_core/db.py"} == _where(_commits)


def test_modules_are_named_after_what_they_own() -> None:
    """No module has a name under which anything fits."""
    assert not _where(lambda name: set(Path(name).with_suffix("").parts) & VAGUE_NAMES)


def test_files_are_short() -> None:
    """A file has fewer than 250 lines: under services, and of tests and benchmarks."""
    assert {"tests/unit/test_imports.py", "benchmarks/work.py"} <= TESTS.keys()
    lengths = {name: len(path.read_text().splitlines()) for name, path in (SOURCES | TESTS).items()}
    assert not {name: length for name, length in lengths.items() if length > MAXIMUM_FILE_LINES}


def test_functions_are_short() -> None:
    """A function under services has at most 45 lines, from `def` on."""
    lengths = {
        f"{name}:{node.name}": (node.end_lineno or 0) - node.lineno + 1
        for name in SOURCES
        for node in ast.walk(_tree(name))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }
    assert not {name: length for name, length in lengths.items() if length > MAXIMUM_FUNCTION_LINES}
