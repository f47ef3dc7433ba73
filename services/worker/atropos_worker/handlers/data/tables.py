"""The tables that a task reads: what format a file has, and the SQL that reads it. engine.py makes them known."""

import re
from dataclasses import dataclass
from pathlib import Path

from atropos_core.data_parameters import TableFormat

#: Looked at to tell what a file is.
BEGINNING_BYTES = 4096
FORMATS: dict[str, TableFormat] = {
    ".csv": "csv",
    ".tsv": "csv",
    ".txt": "csv",
    ".json": "json",
    ".jsonl": "json",
    ".ndjson": "json",
    ".parquet": "parquet",
}
#: How files of these kinds begin.
COMPRESSIONS = {b"\x1f\x8b": "gzip", b"\x28\xb5\x2f\xfd": "zstd"}
COMPRESSION_SUFFIX = re.compile(r"\.(gz|zst)$", re.IGNORECASE)


@dataclass(frozen=True)
class Table:
    """A file that is read as the table `name`."""

    name: str
    path: Path
    format: TableFormat
    #: As DuckDB calls it: `none`, `gzip` or `zstd`.
    compression: str

    def reader(self, path: Path) -> str:
        """The call that reads it in SQL, at this path. Raises nothing: DuckDB tells whether the file is fit."""
        place = f"{literal(str(path))}, hive_partitioning=false"
        if self.format == "parquet":
            return f"read_parquet({place})"
        return f"read_{self.format}({place}, compression={literal(self.compression)})"


def table(name: str, path: Path, given: TableFormat | None) -> Table:
    """The file as a table. Its format is the one given, or told by its name, or else by how it begins."""
    with path.open("rb") as file:
        beginning = file.read(BEGINNING_BYTES)
    compression = next((kind for magic, kind in COMPRESSIONS.items() if beginning.startswith(magic)), "none")
    suffix = Path(COMPRESSION_SUFFIX.sub("", path.name)).suffix.lower()
    return Table(name, path, given or FORMATS.get(suffix) or _told(beginning), compression)


def _told(beginning: bytes) -> TableFormat:
    if beginning.startswith(b"PAR1"):
        return "parquet"
    text = beginning.removeprefix(b"\xef\xbb\xbf").lstrip()
    return "json" if text[:1] in (b"{", b"[") else "csv"


def literal(text: str) -> str:
    """The text as a string of SQL."""
    return "'" + text.replace("'", "''") + "'"


def identifier(name: str) -> str:
    """The name of a column or table, as SQL takes it."""
    return '"' + name.replace('"', '""') + '"'
