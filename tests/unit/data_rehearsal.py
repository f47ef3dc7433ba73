"""The work on tables as a worker does it, but for the service: called by the unit tests of it."""

from pathlib import Path
from typing import Any

import duckdb

from atropos_core.builtin_types import data_processing
from atropos_sdk import testing
from atropos_sdk.testing import Ran

CONTENT = "shop,amount,day\nnorth,1.5,2026-01-01\nsouth,2,2026-01-02\nnorth,3,2026-01-03\neast,,2026-01-04\n"


def address(name: str) -> dict[str, str]:
    return {"url": f"http://files.test/{name}"}


def rehearse(folder: Path, files: dict[str, str | bytes], parameters: dict[str, Any], **options: Any) -> Ran:
    """The whole handler, with these files as its sources."""
    kept = folder / "given"
    kept.mkdir(exist_ok=True)
    for name, content in files.items():
        (kept / name).write_bytes(content.encode() if isinstance(content, str) else content)
    inputs = {address(name)["url"]: kept / name for name in files}
    return testing.run(data_processing, parameters, inputs=inputs, folder=folder, **options)


def sales(folder: Path, *, content: str | bytes = CONTENT, name: str = "sales.csv", **parameters: Any) -> Ran:
    return rehearse(folder, {name: content}, {"source": address(name), **parameters})


def rows(ran: Ran, name: str = "data.parquet") -> list[tuple[Any, ...]]:
    assert ran.error is None, ran.error
    with duckdb.connect() as connection:
        return connection.execute("SELECT * FROM read_parquet(?)", [str(ran.artifacts[name])]).fetchall()
