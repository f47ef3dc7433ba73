"""Reads server-sent events from the bytes of a response; called by client.py."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass


@dataclass(frozen=True)
class ServerSentEvent:
    """One event: its data, and the last id that the stream gave."""

    data: str
    id: str | None = None


def read_events(chunks: Iterable[bytes]) -> Iterator[ServerSentEvent]:
    """The events of a stream whose lines end with LF or CRLF; one that is cut off at the end is left out.

    After "Interpreting an event stream" in the HTML standard, without `event` and `retry`, which we do not use.
    """
    event_id: str | None = None
    data: list[str] = []
    for line in _lines(chunks):
        if not line:
            if data:
                yield ServerSentEvent("\n".join(data), event_id)
            data = []
            continue
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if name == "data":
            data.append(value)
        elif name == "id":
            event_id = value


def _lines(chunks: Iterable[bytes]) -> Iterator[str]:
    """Whole lines. Not `str.splitlines`: it also splits at characters that JSON text may hold, such as U+2028."""
    rest = b""
    for chunk in chunks:
        *lines, rest = (rest + chunk).split(b"\n")
        for line in lines:
            yield line.removesuffix(b"\r").decode(errors="replace")
