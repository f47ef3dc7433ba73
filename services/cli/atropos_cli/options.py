"""Options and arguments that commands share, and what becomes of their values."""

import json
import sys
from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, NoReturn
from urllib.parse import urlsplit
from uuid import UUID

import typer


class Status(StrEnum):
    """The five states of a task."""

    PENDING = "pending"
    PROCESSING = "processing"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"


class DependencyFailure(StrEnum):
    """What becomes of a task when one that it depends on ends failed or cancelled."""

    FAIL = "fail"
    CANCEL = "cancel"
    RUN = "run"


def _check_url(url: str) -> str:
    try:
        parsed = urlsplit(url)
        _ = parsed.port
    except ValueError as error:
        raise typer.BadParameter(f"{url!r}: {error}") from error
    if not is_web_address(url):
        raise typer.BadParameter(f"{url!r} is no address such as http://127.0.0.1:8000")
    return url


def is_web_address(text: str) -> bool:
    """Whether it is an http or https URL."""
    parsed = urlsplit(text)
    return parsed.scheme in {"http", "https"} and bool(parsed.hostname)


Api = Annotated[
    str,
    typer.Option("--api", envvar="ATROPOS_API_URL", metavar="URL", help="Address of the API.", callback=_check_url),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document on standard output.")]
TaskId = Annotated[UUID, typer.Argument(metavar="TASK_ID", help="Id of the task.", show_default=False)]
TaskIds = Annotated[list[UUID] | None, typer.Argument(metavar="TASK_ID", help="Ids of the tasks.", show_default=False)]
Statuses = Annotated[list[Status] | None, typer.Option("--status", help="Tasks in this state; repeatable.")]
TaskTypes = Annotated[
    list[str] | None, typer.Option("--type", metavar="TASK_TYPE", help="Tasks of this type; repeatable.")
]
LabelConditions = Annotated[
    list[str] | None, typer.Option("--label", metavar="KEY=VALUE", help="Tasks with this label; repeatable.")
]
WaitTimeout = Annotated[
    float | None,
    typer.Option("--wait-timeout", metavar="SECONDS", min=0.001, help="Wait no longer; then exit with 5."),
]


def parse_parameters(source: str | None, pairs: Sequence[str]) -> dict[str, Any]:
    """The parameters from `--parameters`, with those of `--parameter` over them. Raises BadParameter."""
    parameters = _parse_object(_read(source)) if source is not None else {}
    for name, text in _split(pairs, "--parameter"):
        try:
            parameters[name] = json.loads(text, parse_constant=_refuse_constant)
        except ValueError:
            parameters[name] = text
    return parameters


def parse_labels(pairs: Sequence[str]) -> dict[str, str]:
    """Labels from `KEY=VALUE`. Raises BadParameter."""
    return dict(_split(pairs, "--label"))


def parse_time(text: str) -> str:
    """An ISO 8601 time with an offset; one without means this machine's clock. Raises BadParameter."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError as error:
        raise typer.BadParameter(
            f"{text!r} is no time such as 2026-12-24T18:00 or 2026-12-24T18:00:00+01:00", param_hint="--run-at"
        ) from error
    return (at if at.tzinfo else at.astimezone()).isoformat()


def _split(pairs: Sequence[str], option: str) -> list[tuple[str, str]]:
    found = []
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not name or not equals:
            raise typer.BadParameter(f"{pair!r} is not of the form key=value", param_hint=option)
        found.append((name, value))
    return found


def _read(source: str) -> str:
    try:
        if source == "-":
            return sys.stdin.read()
        if source.startswith("@"):
            return Path(source[1:]).read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise typer.BadParameter(f"cannot read {source}: {error}", param_hint="--parameters") from error
    return source


def _parse_object(text: str) -> dict[str, Any]:
    try:
        value = json.loads(text, parse_constant=_refuse_constant)
    except ValueError as error:
        raise typer.BadParameter(f"not JSON: {error}", param_hint="--parameters") from error
    if not isinstance(value, dict):
        raise typer.BadParameter('not a JSON object such as {"rows": 5}', param_hint="--parameters")
    return value


def _refuse_constant(name: str) -> NoReturn:
    """Python reads NaN and Infinity, which are no JSON."""
    raise ValueError(f"{name} is no JSON")
