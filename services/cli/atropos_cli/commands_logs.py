"""`logs`: what the handler of a task said, once or for as long as the task lives."""

import json
from typing import Annotated

import typer
from rich.text import Text

from atropos_cli import output
from atropos_cli.ending import PATIENCE_SECONDS
from atropos_cli.exit_codes import ExitCode, connected
from atropos_cli.options import Api, AsJson, TaskId
from atropos_client import DEFAULT_URL, LogLine

Attempt = Annotated[int | None, typer.Option(min=1, help="Only of this attempt.")]
Follow = Annotated[bool, typer.Option("--follow", "-f", help="Go on until the task has ended.")]


def logs(
    task_id: TaskId,
    follow: Follow = False,
    attempt: Attempt = None,
    as_json: AsJson = False,
    api: Api = DEFAULT_URL,
) -> None:
    """Print what the handler of a task logged, oldest first.

    With --follow and --json the document is printed once the task has ended. Ctrl-C leaves the task running.
    """
    lines: list[LogLine] = []
    screen = output.console()
    with connected(api) as client:
        if follow:
            # Only an API that was there once is waited for.
            client.get_status(task_id)
            client = client.with_options(patience=PATIENCE_SECONDS, on_outage=_show_outage)
        try:
            for line in client.logs(task_id, attempt=attempt, follow=follow):
                if as_json:
                    lines.append(line)
                else:
                    screen.print(describe_line(line), soft_wrap=True)
        except KeyboardInterrupt as interrupt:
            raise typer.Exit(ExitCode.INTERRUPTED) from interrupt
    if as_json:
        output.print_json({"lines": lines})


def _show_outage(reason: str) -> None:
    output.advise(f"{reason}; trying again")


def describe_line(line: LogLine) -> Text:
    """A line for people: the time on this machine's clock, the attempt, the message and the fields."""
    at = output.moment(line["at"])
    time_of_day = f"{at.astimezone():%Y-%m-%d %H:%M:%S}.{at.microsecond // 1000:03}" if at else ""
    fields = " ".join(f"{name}={_value(value)}" for name, value in line["fields"].items())
    return Text.assemble(
        output.plain(f"{time_of_day} #{line['attempt']} ", "dim"),
        output.plain(line["message"]),
        output.plain(f"  {fields}" if fields else "", "cyan"),
    )


def _value(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
