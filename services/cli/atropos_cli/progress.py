"""Shows a task that is being followed: a bar on a terminal, lines elsewhere; both on standard error."""

from datetime import datetime
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TaskProgressColumn, TimeElapsedColumn
from rich.table import Column
from rich.text import Text

from atropos_cli.output import Document, describe_error, duration, plain, status_text
from atropos_client import Event, Observer, TaskStatus

#: Where a task stands after an event; other events do not change that.
STATUS_AFTER = {
    "submitted": "pending",
    "started": "processing",
    "completed": "completed",
    "retry_scheduled": "pending",
    "failed": "failed",
    "interrupted": "pending",
    "rescued": "pending",
    "cancelled": "cancelled",
    "retried": "pending",
}


class FieldColumn(ProgressColumn):
    """A field that holds text, as it is: rich's own TextColumn would take it for markup."""

    def __init__(self, name: str) -> None:
        super().__init__(Column(no_wrap=True, overflow="ellipsis"))
        self._name = name

    def render(self, task: Task) -> Text:
        """Draw the field."""
        text: Text = task.fields[self._name]
        return text


class TaskProgress(Observer):
    """The display of one task, between enter and exit."""

    def __init__(self, console: Console) -> None:
        """Draw on `console`."""
        self._console = console
        columns = (
            FieldColumn("status"),
            BarColumn(bar_width=24),
            TaskProgressColumn(),
            TimeElapsedColumn(),
            FieldColumn("message"),
        )
        self._bar = Progress(*columns, console=console, disable=not console.is_terminal)
        self._task = self._bar.add_task("", total=1.0, status=Text(), message=Text())
        self._printed_tenth = 0

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._bar.stop()

    def show_event(self, event: Event) -> None:
        """Move the bar, and print a line for what is worth one."""
        kind, data = event["type"], event["data"]
        if kind == "progressed":
            self._show_progress(data["progress"], data["message"] or "")
        elif status := STATUS_AFTER.get(kind):
            completed = 1.0 if kind == "completed" else 0.0 if kind in {"started", "retried"} else None
            self._bar.update(self._task, status=status_text(status), completed=completed, message=Text())
            self._printed_tenth = 0 if status == "pending" else self._printed_tenth
        if line := describe_event(event):
            self._print(line)

    def show_status(self, status: TaskStatus) -> None:
        """Show where the task stands, which no event may have told."""
        self._bar.update(self._task, status=status_text(status["status"]))
        if status["status"] == "processing":
            self._show_progress(status["progress"], status["progress_message"] or "")
        elif status["status"] == "completed":
            self._bar.update(self._task, completed=1.0)
        elif position := status["queue_position"]:
            self._bar.update(self._task, message=plain(f"{position} before it"))

    def show_outage(self, reason: str) -> None:
        """Say that the API is away."""
        self._print(f"{reason}; trying again")

    def _show_progress(self, progress: float, message: str) -> None:
        self._bar.update(self._task, completed=progress, message=plain(message.replace("\n", " ")))
        tenth = int(progress * 10)
        if not self._console.is_terminal and tenth > self._printed_tenth:
            self._printed_tenth = tenth
            self._print(f"{progress:.0%} {message}".rstrip())

    def _print(self, line: str) -> None:
        self._console.print(plain(line), soft_wrap=True)


def _given_back(data: Document) -> str:
    why = "its worker goes away and gave it back"
    if data.get("reason") == "held_up":
        why = "its worker was busy and gave it back"
    elif message := data.get("message"):
        why = f"given back: {message.rstrip('.')}"
    place = f" in the queue {data['queue']}" if data.get("queue") else ""
    return f"{why}; it will run again{place}"


def describe_event(event: Event) -> str | None:
    """An event in a line; none for those that only move the bar or mean nothing to people."""
    data = event["data"]
    match event["type"]:
        case "started":
            return f"attempt {event['attempt']} started on {data['worker']}"
        case "retry_scheduled":
            wait = datetime.fromisoformat(data["run_at"]) - datetime.fromisoformat(event["at"])
            return f"{describe_error(data['error'])}; again in {duration(max(wait.total_seconds(), 0))}"
        case "rescued":
            return f"{data['error']['message']} It will run again."
        case "interrupted":
            return _given_back(data)
        case "released":
            return "the tasks that it waited for have ended"
        case "cancel_requested":
            return "asked to stop"
        case "retried":
            return "retried: it will run again"
        case "completed" | "failed" | "cancelled":
            ran = data.get("seconds")
            return f"{event['type']} after {duration(ran)}" if ran is not None else str(event["type"])
    return None
