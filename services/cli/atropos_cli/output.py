"""Where output goes: data on standard output, everything else on standard error. Called by every command."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import typer
from rich.console import Console
from rich.highlighter import JSONHighlighter
from rich.text import Text

from atropos_client import ProblemError

#: A JSON object as the API sent it, or a typed dictionary of the client.
Document = Mapping[str, Any]

STATUS_STYLES = {
    "pending": "yellow",
    "processing": "cyan",
    "completed": "green",
    "failed": "red",
    "cancelled": "magenta",
}
#: Characters that steer a terminal, except the newline and the tab; tasks may put them into their messages.
CONTROL = [code for code in (*range(0x20), *range(0x7F, 0xA0)) if code not in (0x09, 0x0A)]
VISIBLE = dict.fromkeys(CONTROL, "\N{REPLACEMENT CHARACTER}")
ESCAPED = {code: f"\\u{code:04x}" for code in CONTROL}
UNITS = ((86_400, "d"), (3600, "h"), (60, "min"))


def console() -> Console:
    """Standard output, for people."""
    return Console(highlight=False)


def diagnostics() -> Console:
    """Standard error."""
    return Console(stderr=True, highlight=False)


def plain(value: object, style: str = "") -> Text:
    """Text from elsewhere: no markup in it counts, and nothing in it steers the terminal."""
    return Text(str(value).translate(VISIBLE), style=style)


def status_text(status: str) -> Text:
    """A task's status in its colour."""
    return plain(status, STATUS_STYLES.get(status, ""))


def to_json(value: Any) -> str:
    """JSON for people and machines, without characters that steer a terminal."""
    return json.dumps(value, indent=2, ensure_ascii=False).translate(ESCAPED)


def print_json(value: Any) -> None:
    """The one document on standard output, for machines: never with colours."""
    typer.echo(to_json(value))


def show_json(value: Any) -> None:
    """A value on standard output, for people."""
    console().print(JSONHighlighter()(Text(to_json(value))), soft_wrap=True)


def complain(message: str) -> None:
    """Say on standard error what went wrong."""
    diagnostics().print(Text.assemble(("error: ", "bold red"), plain(message)), soft_wrap=True)


def advise(message: str) -> None:
    """Say on standard error what to do, or what comes next."""
    diagnostics().print(plain(message), soft_wrap=True)


def show_problem(error: ProblemError) -> None:
    """Title, detail and errors of a problem on standard error."""
    if len(error.errors) < 2:
        complain(str(error))
        return
    complain(error.title)
    for found in error.errors:
        where = ".".join(str(part) for part in found["location"])
        advise(f"  {where}: {found['message']}")


def show_error(error: Document) -> None:
    """The error of a failed task on standard error, its traceback first, as Python does."""
    if error["traceback"]:
        diagnostics().print(plain(error["traceback"].rstrip(), "dim"), soft_wrap=True)
    complain(describe_error(error))


def describe_error(error: Document) -> str:
    """The error of an attempt in a line."""
    return f"{error['type']}: {error['message']} ({error['reason']}, attempt {error['attempt']})"


def moment(timestamp: str | None) -> datetime | None:
    """The API's timestamp."""
    return datetime.fromisoformat(timestamp) if timestamp else None


def duration(seconds: float) -> str:
    """Seconds in the unit that fits."""
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 10:
        return f"{seconds:.1f} s"
    for size, name in UNITS:
        if seconds >= size:
            return f"{seconds / size:.0f} {name}"
    return f"{seconds:.0f} s"


def age(timestamp: str | None) -> str:
    """How long ago, or how soon, a timestamp is; nothing for none."""
    at = moment(timestamp)
    if at is None:
        return ""
    seconds = (datetime.now(UTC) - at).total_seconds()
    if abs(seconds) < 1:
        return "now"
    return f"{duration(seconds)} ago" if seconds > 0 else f"in {duration(-seconds)}"


def local_time(timestamp: str | None) -> str:
    """The time on this machine's clock, and its age."""
    at = moment(timestamp)
    return f"{at.astimezone():%Y-%m-%d %H:%M:%S} ({age(timestamp)})" if at else ""
