"""Range and If-Range of a request for a content (RFC 9110 §14 and §13.1.5); routes/files.py asks."""

import re
from enum import Enum

from starlette.datastructures import Headers

#: One range; several are answered with the whole, as a server may (§14.2).
ONE_RANGE = re.compile(r"bytes=\s*([0-9]{0,18})-([0-9]{0,18})\s*", re.IGNORECASE)


class Unsatisfiable(Enum):
    """No byte of the content is in the range."""

    UNSATISFIABLE = "unsatisfiable"


UNSATISFIABLE = Unsatisfiable.UNSATISFIABLE


def requested_range(headers: Headers, size: int, etag: str) -> tuple[int, int] | Unsatisfiable | None:
    """The first byte that is asked for, and the one after the last; None for all of them.

    What is not understood, and a range of another version of the content, means all of them.
    """
    condition = headers.get("if-range")
    found = ONE_RANGE.fullmatch(headers.get("range", ""))
    if found is None or (condition is not None and condition != etag):
        return None
    first, last = found.groups()
    if not first:
        if not last:
            return None
        length = min(int(last), size)
        return (size - length, size) if length else UNSATISFIABLE
    start, end = int(first), min(int(last) + 1, size) if last else size
    if last and int(last) < start:
        return None
    return (start, end) if start < size else UNSATISFIABLE
