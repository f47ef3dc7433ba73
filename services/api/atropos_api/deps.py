"""What routes depend on. The one transaction of a request begins and ends here."""

from collections.abc import Iterator, Sequence
from typing import Annotated, cast

from fastapi import Depends, Request
from sqlalchemy.orm import Session

from atropos_core.catalog import TaskType
from atropos_core.db import Database
from atropos_core.events import Hints
from atropos_core.models import Task
from atropos_core.settings import Settings


def get_database(request: Request) -> Database:
    """The database of this process."""
    return cast(Database, request.app.state.database)


def get_settings_of_app(request: Request) -> Settings:
    """The settings the app was made with."""
    return cast(Settings, request.app.state.settings)


def get_task_types(request: Request) -> dict[str, TaskType]:
    """The installed task types."""
    return cast(dict[str, TaskType], request.app.state.task_types)


def get_session(request: Request, database: Annotated[Database, Depends(get_database)]) -> Iterator[Session]:
    """A session that is committed before the response leaves; then the hints of what changed are sent."""
    with database.transaction() as session:
        yield session
    changed = session.info.get("changed", ())
    if changed:
        hints = cast(Hints, request.app.state.hints)
        hints.wake()
        hints.changed(task.id for task in changed)


def mark_changed(session: Session, tasks: Sequence[Task]) -> None:
    """Tell others of these tasks once the transaction is committed."""
    session.info.setdefault("changed", []).extend(tasks)


#: `scope="function"` is what makes the commit come before the response: with the default, a client could see
#: its 202 and then lose the task.
SessionDep = Annotated[Session, Depends(get_session, scope="function")]
DatabaseDep = Annotated[Database, Depends(get_database)]
SettingsDep = Annotated[Settings, Depends(get_settings_of_app)]
TaskTypesDep = Annotated[dict[str, TaskType], Depends(get_task_types)]
