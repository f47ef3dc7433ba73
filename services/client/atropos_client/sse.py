"""Reads server-sent events from the bytes of a response; called by following.py."""

from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True)
class ServerSentEvent:
    """One event: its data, and the last id that the stream gave."""

    data: str
    id: str | None = None


class EventDecoder:
    """The events of a stream whose lines end with LF or CRLF; one that is cut off at the end is left out.

    After "Interpreting an event stream" in the HTML standard, without `event` and `retry`, which we do not use.
    """

    def __init__(self) -> None:
        self._rest = b""
        self._data: list[str] = []
        self._id: str | None = None

    def feed(self, chunk: bytes) -> Iterator[ServerSentEvent]:
        """The events that end in this chunk of the stream.

        Lines are not found with `str.splitlines`: it also splits at characters that JSON may hold, such as U+2028.
        """
        *lines, self._rest = (self._rest + chunk).split(b"\n")
        for line in lines:
            if event := self._take(line.removesuffix(b"\r").decode(errors="replace")):
                yield event

    def _take(self, line: str) -> ServerSentEvent | None:
        if not line:
            data, self._data = self._data, []
            return ServerSentEvent("\n".join(data), self._id) if data else None
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if name == "data":
            self._data.append(value)
        elif name == "id":
            self._id = value
        return None
