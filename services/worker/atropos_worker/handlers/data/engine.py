"""DuckDB for one task: it reads the task's files, writes into its scratch, and stops when told. work.py runs it."""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol

from atropos_core.settings import get_settings
from atropos_worker.handlers.data import statement
from atropos_worker.handlers.data.failure import failure
from atropos_worker.handlers.data.tables import Table, identifier, literal
from atropos_worker.outcome import MissingRequirement, Permanent, Stopped

#: Seconds between two looks at what DuckDB does.
WATCH_SECONDS = 0.1
#: Is told how far a statement is, 0 to 1.
Follow = Callable[[float], None]


class Context(Protocol):
    """What of a TaskContext this needs."""

    @property
    def scratch(self) -> Path: ...

    def progress(self, fraction: float, message: str | None = None) -> None: ...

    def should_stop(self) -> bool: ...

    def raise_if_stopped(self) -> None: ...


def require() -> None:
    """Raises MissingRequirement if the worker lacks DuckDB. Called before a source is fetched."""
    if find_spec("duckdb") is None:
        raise MissingRequirement("This worker has no DuckDB: install atropos-worker[data].")


class Engine:
    """A database in memory with the tables of one task, for `with`.

    Its methods raise Permanent for what is the task's fault, Stopped if the task is to stop, and what may be tried
    again. Nothing can be read but the tables' files, and nothing be written but `targets`, which are in scratch.
    """

    def __init__(self, context: Context, tables: Sequence[Table], targets: Sequence[Path] = ()) -> None:
        import duckdb

        self._errors = duckdb.Error
        self._context = context
        self._tables = list(tables)
        self._targets = list(targets)
        self._names = [table.name for table in tables]
        self._folder = context.scratch / "duckdb"
        self._folder.mkdir()
        self._connection = duckdb.connect(":memory:", config=_configuration(self._folder))

    def __enter__(self) -> "Engine":
        try:
            self._know_tables()
        except BaseException:
            self._connection.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._connection.close()

    def _know_tables(self) -> None:
        # Without a bar that nobody sees there is no progress to ask for.
        self._connection.execute("SET enable_progress_bar = true; SET enable_progress_bar_print = false")
        self._connection.execute("SET progress_bar_time = 0")
        # A file may be called anything, and DuckDB takes `*` and `[` in a path for a pattern: links have plain names.
        links = [self._folder / f"table-{number}" for number, _ in enumerate(self._tables)]
        for link, table in zip(links, self._tables, strict=True):
            link.symlink_to(table.path.resolve())
        allowed = ", ".join(literal(str(path)) for path in [*links, *self._targets])
        self._connection.execute(f"SET allowed_paths = [{allowed}]")
        self._connection.execute("SET enable_external_access = false; SET lock_configuration = true")
        for link, table in zip(links, self._tables, strict=True):
            self.execute(f"CREATE VIEW {identifier(table.name)} AS SELECT * FROM {table.reader(link)}")

    def execute(self, sql: str, *values: object, follow: Follow | None = None) -> list[tuple[Any, ...]]:
        """Run a statement of our own and return its rows. `follow` is called ten times a second."""
        watch = _Watch(self._context, self._connection, self._targets, follow)
        try:
            with watch.watching():
                return self._connection.execute(sql, values or None).fetchall()
        except self._errors as error:
            self._context.raise_if_stopped()
            if watch.too_large:
                most = get_settings().data_max_output_bytes
                raise Permanent(f"the result has more than {most:,} bytes (ATROPOS_DATA_MAX_OUTPUT_BYTES)") from None
            links = [self._folder / f"table-{number}" for number, _ in enumerate(self._tables)]
            # No cause: its message, and so the traceback that is kept, has paths of this machine.
            raise failure(error, [*links, *self._targets, self._context.scratch]) from None

    def columns(self, sql: str) -> list[tuple[str, str]]:
        """Names and types of the columns of a SELECT of our own."""
        return [(name, kind) for name, kind, *_ in self.execute(f"DESCRIBE {sql}")]

    def copy(self, sql: str, target: Path, options: str, follow: Follow | None = None) -> int:
        """Write what a SELECT of anybody's returns into one of `targets`; the number of its rows."""
        # DuckDB refuses a statement that changes something at any place but the top: that is ours.
        selected = f"SELECT {self._exact(sql)} FROM (\n{sql}\n)"
        rows = self.execute(
            f"COPY ({selected}) TO {literal(str(target))} ({options}, USE_TMP_FILE false)", follow=follow
        )
        return int(rows[0][0])

    def _exact(self, sql: str) -> str:
        """All columns. Parquet has no 128-bit integers, which sums of integers are, and DuckDB would round them."""
        casts = [
            f"CAST({identifier(name)} AS DECIMAL(38, 0)) AS {identifier(name)}"
            for name, kind in self.columns(f"SELECT * FROM (\n{sql}\n)")
            if kind in ("HUGEINT", "UHUGEINT")
        ]
        return f"* REPLACE ({', '.join(casts)})" if casts else "*"

    def check(self, sql: str) -> None:
        """Raises Permanent unless it is one SELECT on the task's tables."""
        statement.check(sql, self._names, lambda text: str(self.execute("SELECT json_serialize_sql(?)", text)[0][0]))


def _configuration(folder: Path) -> dict[str, str | bool | int | float | list[str]]:
    limits = get_settings()
    return {
        "autoinstall_known_extensions": False,
        "autoload_known_extensions": False,
        "allow_community_extensions": False,
        "allow_persistent_secrets": False,
        "python_enable_replacements": False,
        "http_proxy": "",  # by default that of the environment, which may hold a password
        "memory_limit": f"{limits.data_memory_bytes}B",
        "threads": limits.data_threads,
        "temp_directory": str(folder / "temporary"),
        "max_temp_directory_size": f"{limits.data_max_temporary_bytes}B",
    }


class _Watch:
    """Beside a running statement: shows how far it is, and interrupts it when it may not go on."""

    def __init__(self, context: Context, connection: Any, targets: Sequence[Path], follow: Follow | None) -> None:
        self._context, self._connection, self._targets, self._follow = context, connection, targets, follow
        self._ended = threading.Event()
        self.too_large = False

    @contextmanager
    def watching(self) -> Iterator[None]:
        self._context.raise_if_stopped()
        thread = threading.Thread(target=self._watch, name="atropos-duckdb-watch", daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._ended.set()
            thread.join()

    def _watch(self) -> None:
        most, done = get_settings().data_max_output_bytes, 0.0
        # Again and again: an interrupt between two steps of a statement is lost.
        while not self._ended.wait(WATCH_SECONDS):
            self.too_large = self.too_large or sum(_size(target) for target in self._targets) > most
            if self.too_large or self._context.should_stop():
                self._connection.interrupt()
            elif self._follow is not None:
                # It is -1 where DuckDB does not know, and may go back from one part of a statement to the next.
                done = max(done, min(1.0, self._connection.query_progress() / 100))
                try:
                    self._follow(done)
                except Stopped:
                    self._connection.interrupt()


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0
