"""`status`, `result`, `list`, `types` and `workers`: the commands that only look."""

import json
import shlex
from typing import Annotated, Any
from uuid import UUID

import typer

from atropos_cli import output, tables
from atropos_cli.doctor import pods_that_wait
from atropos_cli.ending import report
from atropos_cli.exit_codes import connected
from atropos_cli.options import Api, AsJson, LabelConditions, Statuses, TaskId, TaskTypes
from atropos_client import DEFAULT_URL, TaskType

Limit = Annotated[int, typer.Option(min=1, max=1000, help="Tasks on a page.")]
Cursor = Annotated[UUID | None, typer.Option(help="`next_cursor` of the page before.")]
TypeName = Annotated[
    str | None, typer.Argument(metavar="TASK_TYPE", help="Show the parameters of this type.", show_default=False)
]


def status(task_id: TaskId, as_json: AsJson = False, api: Api = DEFAULT_URL) -> None:
    """Show where a task stands."""
    with connected(api) as client:
        found = client.get_status(task_id)
    if as_json:
        output.print_json(found)
    else:
        output.console().print(tables.status_table(found))


def result(task_id: TaskId, as_json: AsJson = False, api: Api = DEFAULT_URL) -> None:
    """Print the result of a task as JSON.

    The exit code is 1 when the task failed or was cancelled, and 3 when it has not ended. With --json the status
    and the error are in the document too.
    """
    with connected(api) as client:
        found = client.result(task_id)
    report(found, as_json=as_json)


def list_tasks(
    status: Statuses = None,
    task_type: TaskTypes = None,
    label: LabelConditions = None,
    limit: Limit = 50,
    cursor: Cursor = None,
    as_json: AsJson = False,
    api: Api = DEFAULT_URL,
) -> None:
    """List tasks, newest first, a page at a time."""
    query: dict[str, Any] = {"limit": limit, "status": status or [], "task_type": task_type or [], "label": label or []}
    if cursor:
        query["cursor"] = str(cursor)
    with connected(api) as client:
        page = client.list_page(query)
    if as_json:
        output.print_json(page)
        return
    screen = output.console()
    screen.print(tables.task_table(page["tasks"], width=screen.width))
    if page["next_cursor"]:
        output.advise(f"There are more: add --cursor {page['next_cursor']}")


def types(task_type: TypeName = None, as_json: AsJson = False, api: Api = DEFAULT_URL) -> None:
    """List what can be submitted, or show the parameters of one type."""
    with connected(api) as client:
        found = client.task_types()
    if task_type:
        found = [kind for kind in found if kind["name"] == task_type]
        if not found:
            raise typer.BadParameter(f"{task_type!r} is not installed; `atropos types` lists what is")
    if as_json:
        output.print_json(found[0] if task_type else {"task_types": found})
        return
    if task_type:
        _show_type(found[0])
    else:
        output.console().print(tables.type_table(found))


def _show_type(kind: TaskType) -> None:
    screen = output.console()
    screen.print(output.plain(f"{kind['name']}: {kind['description']}"))
    screen.print()
    screen.print(tables.parameter_table(kind))
    if kind["example"]:
        command = ["atropos", "submit", kind["name"], "--parameters", json.dumps(kind["example"])]
        screen.print()
        screen.print(output.plain(shlex.join(command)), soft_wrap=True)


def workers(as_json: AsJson = False, api: Api = DEFAULT_URL) -> None:
    """List the workers that live, and what each runs."""
    with connected(api) as client:
        document = client.workers()
    if as_json:
        output.print_json(document)
    else:
        output.console().print(tables.worker_table(document["workers"]))
        for pod in pods_that_wait(document):
            output.advise(pod)
