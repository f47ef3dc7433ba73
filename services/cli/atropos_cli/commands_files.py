"""`upload`, `download` and `artifacts`: files on their way in and out; and what `submit --source` means."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated
from uuid import UUID

import typer

from atropos_cli import output, tables
from atropos_cli.exit_codes import ExitCode, connected
from atropos_cli.options import Api, AsJson, TaskId, is_web_address
from atropos_client import DEFAULT_URL, Client

STANDARD_INPUT = Path("-")

Upload = Annotated[Path, typer.Argument(metavar="FILE", help="The file, or - for standard input.", show_default=False)]
Name = Annotated[str | None, typer.Option(metavar="TEXT", help="Another name than the file has here.")]
MediaType = Annotated[str | None, typer.Option(metavar="TYPE", help="Such as text/csv; else what the name tells.")]
FileId = Annotated[UUID, typer.Argument(metavar="FILE_ID", help="Id of the file.", show_default=False)]
Target = Annotated[Path, typer.Argument(metavar="PATH", help="Where to, or the folder to write it into.")]


def upload(
    file: Upload, name: Name = None, media_type: MediaType = None, as_json: AsJson = False, api: Api = DEFAULT_URL
) -> None:
    """Store a file for tasks to read, and print its id."""
    with connected(api) as client:
        if file == STANDARD_INPUT:
            stored = client.upload(sys.stdin.buffer, name=name or "stdin", media_type=media_type)
        else:
            with _readable(file):
                stored = client.upload(file, name=name, media_type=media_type)
    if as_json:
        output.print_json(stored)
    else:
        typer.echo(stored["file_id"])


def download(file_id: FileId, path: Target = Path(), as_json: AsJson = False, api: Api = DEFAULT_URL) -> None:
    """Write a file here, and print where it is.

    It is there once it is whole and its checksum right, over what was there before. The exit code is 1 when it is
    damaged.
    """
    with connected(api) as client:
        try:
            written = client.download(file_id, path)
        except OSError as error:
            output.complain(f"cannot write into {path}: {error.strerror}")
            raise typer.Exit(ExitCode.USAGE) from error
    if as_json:
        output.print_json({"path": str(written)})
    else:
        typer.echo(written)


def artifacts(task_id: TaskId, as_json: AsJson = False, api: Api = DEFAULT_URL) -> None:
    """List the files that a task has made."""
    with connected(api) as client:
        files = client.artifacts(task_id)
    if as_json:
        output.print_json({"artifacts": files})
    else:
        output.console().print(tables.file_table(files))


def source_of(client: Client, text: str) -> dict[str, str]:
    """The source that `--source` names, as tasks take it; a file is uploaded. Raises BadParameter."""
    if is_web_address(text):
        return {"url": text}
    first, slash, name = text.partition("/")
    if _is_id(first) and slash:
        return {"task_id": first, "artifact": name}
    if _is_id(text):
        return {"file_id": text}
    with _readable(text):
        stored = client.upload(Path(text))
    output.advise(f"uploaded {stored['name']} as {stored['file_id']}")
    return {"file_id": stored["file_id"]}


@contextmanager
def _readable(path: Path | str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise typer.BadParameter(f"cannot read {path}: {error.strerror}") from error


def _is_id(text: str) -> bool:
    try:
        return str(UUID(text)) == text.lower()
    except ValueError:
        return False
