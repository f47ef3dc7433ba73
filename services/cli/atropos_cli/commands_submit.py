"""`submit` and `watch`: start a task, and see it through."""

from typing import Annotated, Any, cast
from uuid import UUID

import typer

from atropos_cli import output
from atropos_cli.commands_files import source_of
from atropos_cli.ending import wait_and_report
from atropos_cli.exit_codes import connected
from atropos_cli.options import (
    Api,
    AsJson,
    DependencyFailure,
    TaskId,
    WaitTimeout,
    parse_labels,
    parse_parameters,
    parse_time,
)
from atropos_client import DEFAULT_URL, SubmitOptions

TaskType = Annotated[str, typer.Argument(metavar="TASK_TYPE", help="`atropos types` lists them.", show_default=False)]
Parameters = Annotated[
    str | None,
    typer.Option("--parameters", metavar="JSON", help="All parameters: a JSON object, @FILE, or - for standard input."),
]
Parameter = Annotated[
    list[str] | None,
    typer.Option("--parameter", "-p", metavar="KEY=VALUE", help="One parameter, as JSON or else text; repeatable."),
]
Source = Annotated[
    str | None,
    typer.Option(
        metavar="FILE|URL|ID",
        help="What to read: a file here, which is uploaded; a URL; the id of a file; or TASK_ID/NAME, an artifact.",
    ),
]
Priority = Annotated[int | None, typer.Option(min=0, max=9, help="Greater runs sooner; the API's default is 5.")]
Delay = Annotated[float | None, typer.Option(min=0, metavar="SECONDS", help="Run it after this long.")]
RunAt = Annotated[
    str | None, typer.Option(metavar="TIME", help="Run it then: ISO 8601, on this machine's clock without an offset.")
]
MaxRetries = Annotated[int | None, typer.Option(min=0, help="Attempts after the first; the API's default is 3.")]
Timeout = Annotated[float | None, typer.Option(metavar="SECONDS", help="Stop an attempt that runs longer.")]
Labels = Annotated[list[str] | None, typer.Option("--label", metavar="KEY=VALUE", help="A label; repeatable.")]
After = Annotated[
    list[UUID] | None,
    typer.Option(metavar="TASK_ID", help="Run it once this task has completed; repeatable."),
]
OnDependencyFailure = Annotated[
    DependencyFailure | None,
    typer.Option(help="What becomes of it when one of these does not complete; the API's default is cancel."),
]
IdempotencyKey = Annotated[
    str | None, typer.Option(metavar="TEXT", help="The same key with the same task finds it instead of a second one.")
]
Wait = Annotated[bool, typer.Option("--wait", help="Wait until it has ended, and print its result.")]


def submit(
    task_type: TaskType,
    parameters: Parameters = None,
    parameter: Parameter = None,
    source: Source = None,
    priority: Priority = None,
    delay: Delay = None,
    run_at: RunAt = None,
    max_retries: MaxRetries = None,
    timeout: Timeout = None,
    label: Labels = None,
    after: After = None,
    on_dependency_failure: OnDependencyFailure = None,
    idempotency_key: IdempotencyKey = None,
    wait: Wait = False,
    wait_timeout: WaitTimeout = None,
    as_json: AsJson = False,
    api: Api = DEFAULT_URL,
) -> None:
    """Submit a task and print its id; with --wait its result.

    With --wait the exit code is 1 when the task ended failed or cancelled.
    """
    _refuse_contradictions(delay, run_at, wait, wait_timeout, after, on_dependency_failure)
    options = _given(
        priority=priority,
        delay_seconds=delay,
        run_at=parse_time(run_at) if run_at else None,
        max_retries=max_retries,
        timeout_seconds=timeout,
        labels=parse_labels(label or []) or None,
        depends_on=after or None,
        on_dependency_failure=on_dependency_failure,
    )
    values = parse_parameters(parameters, parameter or [])
    with connected(api) as client:
        if source is not None:
            values["source"] = source_of(client, source)
        task = client.submit(task_type, values, idempotency_key=idempotency_key, **options)
        if wait:
            output.advise(f"task {task['task_id']}")
            wait_and_report(client, task["task_id"], seconds=wait_timeout, as_json=as_json)
        else:
            output.print_json(task) if as_json else typer.echo(task["task_id"])


def _refuse_contradictions(
    delay: float | None,
    run_at: str | None,
    wait: bool,
    wait_timeout: float | None,
    after: list[UUID] | None,
    on_dependency_failure: DependencyFailure | None,
) -> None:
    if delay is not None and run_at is not None:
        raise typer.BadParameter("give --delay or --run-at, not both")
    if wait_timeout is not None and not wait:
        raise typer.BadParameter("--wait-timeout needs --wait")
    if on_dependency_failure is not None and not after:
        raise typer.BadParameter("--on-dependency-failure needs --after")


def _given(**options: Any) -> SubmitOptions:
    return cast(SubmitOptions, {name: value for name, value in options.items() if value is not None})


def watch(task_id: TaskId, wait_timeout: WaitTimeout = None, as_json: AsJson = False, api: Api = DEFAULT_URL) -> None:
    """Follow a task live until it has ended, then print its result.

    The exit code is 1 when it ended failed or cancelled. Ctrl-C leaves the task running.
    """
    with connected(api) as client:
        # Only an API that was there once is waited for.
        client.get_status(task_id)
        wait_and_report(client, task_id, seconds=wait_timeout, as_json=as_json)
