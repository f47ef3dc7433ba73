"""Tables for people: one function for each kind of answer. Called by the commands that look."""

import json
from collections.abc import Sequence
from typing import Any

from rich.console import RenderableType
from rich.filesize import decimal
from rich.table import Table
from rich.text import Text

from atropos_cli.output import Document, age, duration, local_time, plain, status_text

#: From this width on the list of tasks has all its columns.
WIDE = 110


def _table(*headers: str) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for header in headers:
        table.add_column(header, overflow="fold")
    return table


def task_table(tasks: Sequence[Document], *, width: int) -> RenderableType:
    """Tasks, a line each; ids are never cut."""
    if not tasks:
        return Text("no tasks")
    wide = width >= WIDE
    table = _table("TASK", "TYPE", "STATUS", "CREATED", *(("PROGRESS", "ATTEMPT", "LABELS") if wide else ()))
    for column in table.columns:
        column.no_wrap = True
        column.overflow = "ellipsis"
    table.columns[0].min_width = 36
    for task in tasks:
        table.add_row(
            task["task_id"],
            plain(task["task_type"]),
            status_text(task["status"]),
            age(task["created_at"]),
            *(_details(task) if wide else ()),
        )
    return table


def _details(task: Document) -> tuple[RenderableType, ...]:
    labels = " ".join(f"{key}={value}" for key, value in task["labels"].items())
    return f"{task['progress']:.0%}", _attempt(task), plain(labels)


def _attempt(task: Document) -> str:
    return f"{task['attempt']}/{task['max_retries'] + 1}"


def status_table(task: Document) -> RenderableType:
    """One task, a line for each thing that is known."""
    progress = f"{task['progress']:.0%} {task['progress_message'] or ''}".rstrip()
    position = task["queue_position"]
    later = task["status"] == "pending" and age(task["run_at"]).startswith("in ")
    lines: list[tuple[str, RenderableType]] = [
        ("task", task["task_id"]),
        ("type", plain(task["task_type"])),
        ("status", status_text(task["status"])),
        ("progress", plain(progress) if task["attempt"] or task["progress_message"] else ""),
        ("attempt", f"{task['attempt']} of at most {task['max_retries'] + 1}" if task["attempt"] else ""),
        ("before it", str(position) if position is not None else ""),
        ("waits for", _needed(task.get("waiting_for", ()))),
        ("limit", plain(task.get("waiting_for_limit") or "")),
        ("created", local_time(task["created_at"])),
        ("due", local_time(task["run_at"]) if later else ""),
        ("started", local_time(task["started_at"])),
        ("asked to stop", local_time(task["cancel_requested_at"]) if task["status"] == "processing" else ""),
        ("finished", local_time(task["finished_at"])),
    ]
    return _pairs([line for line in lines if line[1]])


def _needed(tasks: Sequence[Document]) -> RenderableType:
    """The tasks that one waits for, a line each."""
    return Text("\n").join(
        Text.assemble(task["task_id"], " ", plain(task["task_type"]), " ", status_text(task["status"]))
        for task in tasks
    )


def _pairs(lines: list[tuple[str, RenderableType]]) -> Table:
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(style="bold")
    grid.add_column(overflow="fold")
    for name, value in lines:
        grid.add_row(name, value)
    return grid


def file_table(files: Sequence[Document]) -> RenderableType:
    """Files, a line each; ids are never cut."""
    if not files:
        return Text("no artifacts")
    table = _table("FILE", "SIZE", "TYPE", "NAME")
    table.columns[0].no_wrap = True
    for file in files:
        size = decimal(file["size_bytes"])
        table.add_row(file["file_id"], size, plain(file["media_type"]), plain(file["name"]))
    return table


def type_table(types: Sequence[Document]) -> RenderableType:
    """Task types, a line each."""
    table = _table("TYPE", "QUEUE", "TIMEOUT", "DESCRIPTION")
    for kind in types:
        limit = kind["timeout_seconds"]
        table.add_row(
            plain(kind["name"]), plain(kind["queue"]), duration(limit) if limit else "", plain(kind["description"])
        )
    return table


def parameter_table(kind: Document) -> RenderableType:
    """The parameters of a task type, a line each."""
    schema = kind["parameters"]
    table = _table("PARAMETER", "TYPE", "DEFAULT", "DESCRIPTION")
    for name, parameter in schema.get("properties", {}).items():
        default = "required" if name in schema.get("required", ()) else json.dumps(parameter.get("default"))
        description = parameter.get("description", "")
        table.add_row(plain(name), plain(_type_name(parameter)), plain(default), plain(description))
    return table


def _type_name(schema: dict[str, Any]) -> str:
    if "anyOf" in schema:
        return " or ".join(_type_name(choice) for choice in schema["anyOf"])
    if "enum" in schema:
        return " | ".join(json.dumps(choice) for choice in schema["enum"])
    return str(schema.get("type") or schema.get("$ref", "any").rpartition("/")[2])


def worker_table(workers: Sequence[Document]) -> RenderableType:
    """Workers, a line each, and below each the tasks it runs."""
    if not workers:
        return Text("no workers")
    table = _table("WORKER", "QUEUES", "BUSY", "STARTED", "SEEN", "")
    for worker in workers:
        table.add_row(
            plain(worker["id"]),
            plain(", ".join(worker["queues"])),
            f"{len(worker['running'])}/{worker['slots']}",
            age(worker["started_at"]),
            age(worker["seen_at"]),
            Text("draining", style="yellow") if worker["draining"] else "",
        )
        for task_id in worker["running"]:
            table.add_row(f"  {task_id}")
    return table
