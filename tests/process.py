"""What the kernel tells of a process, for tests that watch memory, descriptors and whether one is there."""

import os
import re
from pathlib import Path


def is_running(pid: int) -> bool:
    """Whether it is there, and not merely waited for."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def peak_megabytes(pid: int) -> int:
    """The most memory that it ever had resident."""
    found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    assert found
    return int(found[1]) // 1024


def descriptors(pid: int) -> int:
    """How many files and sockets it has open."""
    return len(os.listdir(f"/proc/{pid}/fd"))
