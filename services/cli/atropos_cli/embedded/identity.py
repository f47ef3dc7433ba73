"""Decides as whom a child process runs and that it ends with its launcher; called by every launch."""

import os
import shutil
import signal
import subprocess
from dataclasses import dataclass
from functools import cache
from pathlib import Path

NOBODY = 65534


@dataclass(frozen=True)
class Identity:
    """A command prefix that PostgreSQL accepts, and the user who must own its files."""

    prefix: tuple[str, ...]
    owner: int


@cache
def postgres_identity(program: Path, folder: Path) -> Identity | None:
    """Return how to start PostgreSQL, which refuses to run as root; None when root finds no way.

    In a user namespace root keeps its own files under the name `nobody`. Where that is forbidden, as in many
    containers, or does not reach `program` and `folder`, because a folder above them is closed to others, the
    process becomes `nobody` and keeps only the right to pass such folders.
    """
    user = os.geteuid()
    if user != 0:
        return Identity((), user)
    check = ("test", "-x", str(program), "-a", "-x", str(folder))
    namespace = ("unshare", "--user", f"--map-user={NOBODY}", f"--map-group={NOBODY}")
    if _runs(*namespace, *check):
        return Identity(namespace, 0)
    nobody = ("setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups")
    # By the last flag access(2), by which PostgreSQL looks for itself, heeds that right too.
    reach = ("--inh-caps=+dac_override", "--ambient-caps=+dac_override", "--securebits=+no_setuid_fixup")
    return Identity(nobody + reach, NOBODY) if _runs(*nobody, *reach, *check) else None


def ends_with_launcher(stop_signal: signal.Signals) -> tuple[str, ...]:
    """Return a command prefix by which Linux sends `stop_signal` when the launcher has died.

    Linux sends it when the *thread* that started the process ends, so start processes from a lasting one.
    Empty where the platform has no such thing.
    """
    name = stop_signal.name.removeprefix("SIG")
    prefix = ("setpriv", f"--pdeathsig={name}")
    return prefix if _runs(*prefix, "true") else ()


def hand_over(directory: Path, owner: int) -> None:
    """As root, make `owner` the owner of everything in `directory`; else do nothing."""
    if os.geteuid() != 0:
        return
    for folder, _, files in os.walk(directory):
        for path in (folder, *(os.path.join(folder, file) for file in files)):
            if os.lstat(path).st_uid != owner:
                os.chown(path, owner, owner, follow_symlinks=False)


@cache
def _runs(*command: str) -> bool:
    if shutil.which(command[0]) is None:
        return False
    return subprocess.run(command, capture_output=True, check=False).returncode == 0
