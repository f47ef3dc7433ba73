"""Tells `atropos dev` which processes have old code: looks at the files of the packages that bring task types."""

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from time import monotonic

#: How often files are looked at, in seconds. Changes within one look are one change, and it must be over for another.
LOOK_SECONDS = 0.3
#: Importing the task types takes a second or two; one that takes longer is given up.
IMPORT_SECONDS = 30.0


class Changes:
    """Remembers when each file was changed last."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment
        self._folders: list[str] = []
        self._imported: set[str] = set()
        self._seen: dict[str, float] = {}
        self._next_look = 0.0
        self._pending: set[str] = set()
        self._ask()
        self._seen = self._look()

    @property
    def folders(self) -> list[str]:
        """What it looks at."""
        return self._folders

    def stale(self) -> set[str]:
        """The roles whose processes have old code: `worker`, and `api` if it imports what was changed. Cheap."""
        if monotonic() < self._next_look:
            return set()
        self._next_look = monotonic() + LOOK_SECONDS
        seen = self._look()
        changed = {path for path in seen.keys() | self._seen.keys() if seen.get(path) != self._seen.get(path)}
        self._seen = seen
        self._pending |= changed
        if changed or not self._pending:
            return set()
        pending, self._pending = self._pending, set()
        known = self._imported
        self._ask()
        self._seen |= self._look()
        return {"worker", "api"} if pending & (known | self._imported) else {"worker"}

    def _look(self) -> dict[str, float]:
        found: dict[str, float] = {}
        for folder in map(Path, self._folders):
            for path in [folder] if folder.is_file() else folder.rglob("*.py"):
                try:
                    found[str(path)] = path.stat().st_mtime
                except OSError:
                    continue  # It went between the two calls.
        return found

    def _ask(self) -> None:
        """What there is to look at, and what of it the API imports; a process that breaks changes nothing."""
        command = [sys.executable, "-m", "atropos_cli.type_files"]
        try:
            asked = subprocess.run(
                command, env=dict(self._environment), capture_output=True, check=True, timeout=IMPORT_SECONDS
            )
            # A package may print what it likes before.
            answer = json.loads(asked.stdout.decode().splitlines()[-1])
        except (subprocess.SubprocessError, ValueError, IndexError):
            return
        self._folders, self._imported = answer["folders"], set(answer["imported"])
