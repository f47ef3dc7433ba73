"""`cancel` and `retry`: by id, or by a filter after a question."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, cast
from uuid import UUID

import typer
from rich.prompt import Confirm

from atropos_cli import output
from atropos_cli.exit_codes import ExitCode, connected
from atropos_cli.options import Api, AsJson, LabelConditions, Status, Statuses, TaskIds, TaskTypes, parse_labels
from atropos_client import DEFAULT_URL, BulkResult, Client, Filter, ProblemError, TaskSummary

DryRun = Annotated[bool, typer.Option("--dry-run", help="Only count the tasks that would change.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask before changing what a filter finds.")]


@dataclass(frozen=True)
class Change:
    """What is done to tasks, and its words."""

    verb: str
    one: Callable[[Client, UUID], TaskSummary]
    matching: Callable[..., BulkResult]
    #: What to say of a task by the status it has after.
    done: dict[str, str]


CANCEL = Change(
    "cancel",
    Client.cancel,
    Client.cancel_matching,
    {"cancelled": "cancelled", "processing": "asked to stop"},
)
RETRY = Change("retry", Client.retry, Client.retry_matching, {"pending": "will run again"})


def cancel(
    task_ids: TaskIds = None,
    status: Statuses = None,
    task_type: TaskTypes = None,
    label: LabelConditions = None,
    dry_run: DryRun = False,
    yes: Yes = False,
    as_json: AsJson = False,
    api: Api = DEFAULT_URL,
) -> None:
    """Cancel tasks by id, or all that match a filter.

    A task that waits never runs; one that runs is asked to stop. The exit code is 3 when one had already ended.
    """
    conditions = _conditions(status, task_type, label)
    with connected(api) as client:
        _change(client, CANCEL, task_ids or [], conditions, dry_run=dry_run, yes=yes, as_json=as_json)


def retry(
    task_ids: TaskIds = None,
    status: Statuses = None,
    task_type: TaskTypes = None,
    label: LabelConditions = None,
    dry_run: DryRun = False,
    yes: Yes = False,
    as_json: AsJson = False,
    api: Api = DEFAULT_URL,
) -> None:
    """Run failed and cancelled tasks again, by id or all that match a filter.

    Each gets all its attempts. The exit code is 3 when one was neither failed nor cancelled.
    """
    conditions = _conditions(status, task_type, label)
    with connected(api) as client:
        _change(client, RETRY, task_ids or [], conditions, dry_run=dry_run, yes=yes, as_json=as_json)


def _conditions(status: list[Status] | None, task_type: list[str] | None, label: list[str] | None) -> Filter:
    conditions = {"status": status, "task_type": task_type, "labels": parse_labels(label or [])}
    return cast(Filter, {name: value for name, value in conditions.items() if value})


def _change(
    client: Client,
    change: Change,
    task_ids: list[UUID],
    conditions: Filter,
    *,
    dry_run: bool,
    yes: bool,
    as_json: bool,
) -> None:
    if bool(task_ids) == bool(conditions):
        raise typer.BadParameter("give ids or filters (--status, --type, --label), one of the two")
    if task_ids and not dry_run:
        _change_each(client, change, task_ids, as_json=as_json)
        return
    if task_ids:
        conditions = {"task_ids": [str(task_id) for task_id in task_ids]}
    if dry_run or not yes:
        found = change.matching(client, conditions, dry_run=True)
    if not dry_run and (yes or (found["matched"] and _confirmed(change, found))):
        found = change.matching(client, conditions)
    _report(change, found, dry_run=dry_run, as_json=as_json)


def _change_each(client: Client, change: Change, task_ids: list[UUID], *, as_json: bool) -> None:
    changed: list[TaskSummary] = []
    refused: list[dict[str, Any]] = []
    for task_id in task_ids:
        try:
            changed.append(change.one(client, task_id))
        except ProblemError as error:
            output.show_problem(error)
            refused.append({"task_id": str(task_id), "problem": error.problem})
            continue
        if not as_json:
            status = changed[-1]["status"]
            output.console().print(f"{task_id} {change.done.get(status, status)}")
    if as_json:
        output.print_json({"tasks": changed, "refused": refused})
    if refused:
        raise typer.Exit(ExitCode.REFUSED)


def _confirmed(change: Change, found: BulkResult) -> bool:
    """Whether the user agrees; raises typer.Exit when not, or when nobody is there to answer."""
    question = f"{change.verb.capitalize()} {_count(found)}?"
    try:
        if Confirm.ask(question, console=output.diagnostics(), default=False):
            return True
        output.advise("Nothing was changed.")
    except EOFError:
        output.complain("nobody answered, so nothing was changed; give --yes to go on without the question")
    raise typer.Exit(ExitCode.NO)


def _report(change: Change, found: BulkResult, *, dry_run: bool, as_json: bool) -> None:
    if as_json:
        output.print_json({**found, "dry_run": dry_run})
    elif dry_run:
        output.console().print(f"would {change.verb} {_count(found)}")
    elif not found["matched"]:
        output.console().print(f"no task to {change.verb} matches")
    else:
        output.console().print(f"{change.verb}: {found['changed']:,} of {_count(found)} changed")
    if found["more"] and not dry_run:
        output.advise("One call changes 10,000 tasks at most: run it again for the others.")


def _count(found: BulkResult) -> str:
    matched = f"{found['matched']:,} {'task' if found['matched'] == 1 else 'tasks'}"
    return f"{matched} (the oldest of more)" if found["more"] else matched
