"""The command `atropos`: puts the commands together."""

from collections.abc import Callable
from importlib.metadata import version
from typing import Annotated

import typer

from atropos_cli import commands_change, commands_files, commands_look, commands_submit, exit_codes
from atropos_cli.commands_doctor import doctor
from atropos_cli.commands_logs import logs
from atropos_cli.commands_up import dev, up
from atropos_cli.new_task import new_task

app = typer.Typer(
    name="atropos",
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog=exit_codes.HELP,
)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"atropos {version('atropos-cli')}")
        raise typer.Exit


@app.callback()
def main(
    _version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Run long tasks: submit them, watch them, and keep the service that runs them well."""


COMMANDS: dict[str, dict[str, Callable[..., None]]] = {
    "Tasks": {
        "submit": commands_submit.submit,
        "watch": commands_submit.watch,
        "status": commands_look.status,
        "result": commands_look.result,
        "logs": logs,
        "list": commands_look.list_tasks,
        "cancel": commands_change.cancel,
        "retry": commands_change.retry,
    },
    "Files": {
        "upload": commands_files.upload,
        "download": commands_files.download,
        "artifacts": commands_files.artifacts,
    },
    "Task types": {"new-task": new_task, "dev": dev},
    "Service": {"up": up, "doctor": doctor, "types": commands_look.types, "workers": commands_look.workers},
}
for panel, commands in COMMANDS.items():
    for name, command in commands.items():
        app.command(name, rich_help_panel=panel)(command)

if __name__ == "__main__":
    app()
