"""`new-task`: writes a package with a task type, its handler, and a test that passes."""

import keyword
import re
import sys
from importlib.metadata import entry_points
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path
from string import Template
from typing import Annotated

import typer

from atropos_cli import output
from atropos_cli.exit_codes import ExitCode

Name = Annotated[str, typer.Argument(help="Of the task type and its package: small letters, digits and `_`.")]
Directory = Annotated[Path, typer.Option(help="Folder in which the package's own is made.")]

NAME = re.compile(r"[a-z][a-z0-9_]{0,62}")
TEMPLATES = files("atropos_cli") / "task_package"


def new_task(name: Name, directory: Directory = Path(".")) -> None:
    """Write a package with a task type of your own: a model, a function, and a test that passes."""
    folder = directory / name
    if reason := _why_not(name) or _why_not_there(folder):
        output.complain(reason)
        raise typer.Exit(ExitCode.USAGE)
    written = {
        "pyproject.toml": "pyproject.toml",
        "README.md": "README.md",
        "Dockerfile": "Dockerfile",
        f"{name}/task.py": "task.py",
        f"tests/test_{name}.py": "test.py",
    }
    values = {"name": name, "distribution": name.replace("_", "-")}
    for path, template in written.items():
        _write(folder / path, Template((TEMPLATES / f"{template}.template").read_text()).substitute(values))
    _write(folder / name / "__init__.py", f'"""The task type {name}."""\n')
    typer.echo(f"Wrote {folder}. Its task type is in {folder / name / 'task.py'}. Next:\n")
    typer.echo(f"  {sys.executable} -m pip install --no-deps --no-build-isolation --editable {folder}")
    typer.echo(f"  {sys.executable} -m pytest {folder}")
    atropos = Path(sys.executable).with_name("atropos")
    typer.echo(f"  {atropos} dev")
    typer.echo(f"  {atropos} submit {name} -p text=tick --wait     # in another terminal")


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("x", encoding="utf-8") as file:
        file.write(text)


def _why_not(name: str) -> str | None:
    if not NAME.fullmatch(name):
        return f"{name!r} is no name for a package: small letters, digits and `_`, at most 63, a letter first"
    if keyword.iskeyword(name) or name in sys.stdlib_module_names:
        return f"{name!r} is a name of Python's own"
    if name in {found.name for found in entry_points(group="atropos.task_types")}:
        return f"there is a task type {name!r} already"
    if name == "tests" or find_spec(name) is not None:
        return f"{name!r} is the name of a module that is installed here"
    return None


def _why_not_there(folder: Path) -> str | None:
    if folder.exists() or folder.is_symlink():
        return f"{folder} is there already: choose another name, or another --directory"
    if not folder.parent.is_dir():
        return f"there is no folder {folder.parent}"
    return None
