"""`python -m atropos_cli.type_files` prints what the API imports of the packages that bring task types, as JSON.

`atropos dev` asks it in a process of its own, which has the newest code and forgets it.
"""

import json
import sys
from contextlib import suppress
from importlib.metadata import entry_points
from importlib.util import find_spec

ENTRY_POINT_GROUP = "atropos.task_types"


def folders() -> list[str]:
    """Where the packages are that bring task types, Atropos' own left out: folders, and modules that are a file."""
    found: set[str] = set()
    for entry in entry_points(group=ENTRY_POINT_GROUP):
        package = entry.value.partition(":")[0].partition(".")[0]
        if package == "atropos_core":
            continue
        with suppress(ImportError, ValueError):
            if spec := find_spec(package):
                found.update(spec.submodule_search_locations or ([spec.origin] if spec.origin else []))
    return sorted(found)


def imported() -> list[str]:
    """The files of all modules that are imported with the task types."""
    for entry in entry_points(group=ENTRY_POINT_GROUP):
        with suppress(Exception):
            entry.load()
    return sorted({path for module in list(sys.modules.values()) if (path := getattr(module, "__file__", None))})


if __name__ == "__main__":
    json.dump({"folders": folders(), "imported": imported()}, sys.stdout)
