"""What it means that DuckDB raised an error."""

import re
from collections.abc import Iterable
from pathlib import Path

from atropos_core.settings import get_settings
from atropos_worker.outcome import Permanent

#: Where what a message says ends, and advice begins that only who writes DuckDB's own SQL can follow.
ADVICE = re.compile(
    r"\n\s*(?:Possible (?:fixes|solutions?)\b|file ?= |LINE \d+:|See also )|\nThis type was auto-", re.IGNORECASE
)
#: What has nothing to do with the task.
OF_THE_MACHINE = re.compile(
    r"No space left on device|Cannot allocate memory|Too many open files|Input/output error|INTERNAL Error|FATAL Error"
)
MAXIMUM_TEXT = 1000


class DuckDBFailed(Exception):
    """It may work on another attempt: the machine was short of something, or DuckDB has a fault."""


def failure(error: Exception, paths: Iterable[Path]) -> Exception:
    """Permanent, with DuckDB's own words, if it is the task's fault; paths of this machine are left out."""
    limits, said = get_settings(), str(error)
    if type(error).__name__ == "OutOfMemoryException":
        if "max_temp_directory_size" in said:
            most = f"{limits.data_max_temporary_bytes:,} bytes on disk (ATROPOS_DATA_MAX_TEMPORARY_BYTES)"
        else:
            most = f"{limits.data_memory_bytes:,} bytes of memory (ATROPOS_DATA_MEMORY_BYTES)"
        return Permanent(f"it needs more than {most}")
    text = cleaned(said, paths)
    if OF_THE_MACHINE.search(said):
        return DuckDBFailed(f"DuckDB: {text}")
    return Permanent(f"DuckDB: {text}")


def cleaned(text: str, paths: Iterable[Path]) -> str:
    """The message without advice and paths of this machine."""
    text = ADVICE.split(text, maxsplit=1)[0]
    for path in paths:
        for shown in sorted({str(path), str(path.resolve())}, key=len, reverse=True):
            text = text.replace(f'"{shown}"', "the file").replace(f"'{shown}'", "the file").replace(shown, "the file")
    return text.strip()[:MAXIMUM_TEXT]
