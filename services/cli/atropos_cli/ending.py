"""Waits until a task has ended, and reports how it ended. Called by submit, watch and result."""

from uuid import UUID

import typer

from atropos_cli import output
from atropos_cli.exit_codes import ExitCode
from atropos_cli.output import Document
from atropos_cli.progress import TaskProgress
from atropos_client import Client, WaitTimeout

#: Seconds for which an API that does not answer is asked again while a task is followed.
PATIENCE_SECONDS = 30.0


def wait_and_report(client: Client, task_id: UUID | str, *, seconds: float | None, as_json: bool) -> None:
    """Follow the task, then print its result; raises typer.Exit unless it completed in time."""
    patient = client.with_options(patience=PATIENCE_SECONDS)
    try:
        with TaskProgress(output.diagnostics()) as display:
            task = patient.wait(task_id, timeout=seconds, check=False, observer=display)
    except WaitTimeout as timeout:
        output.complain(f"the task had not ended after {seconds:g} s. {_goes_on(task_id)}")
        if as_json:
            output.print_json(client.get_task(task_id))
        raise typer.Exit(ExitCode.TIMED_OUT) from timeout
    except KeyboardInterrupt as interrupt:
        output.advise(_goes_on(task_id))
        raise typer.Exit(ExitCode.INTERRUPTED) from interrupt
    report(task, as_json=as_json)


def _goes_on(task_id: UUID | str) -> str:
    return f"Task {task_id} goes on. Look again: atropos watch {task_id}"


def report(task: Document, *, as_json: bool) -> None:
    """Print what came of a task that has ended; raises typer.Exit unless it completed."""
    if as_json:
        output.print_json(task)
    elif task["status"] == "completed":
        output.show_json(task["result"])
    if task["status"] == "completed":
        return
    if task["error"]:
        output.show_error(task["error"])
    if task["status"] == "cancelled":
        output.complain("the task was cancelled")
    raise typer.Exit(ExitCode.NO)
