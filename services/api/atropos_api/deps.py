"""What routes depend on. The one transaction of a request begins and ends here, but for `Submitter`.

Those that wait for nothing are coroutines: FastAPI calls other functions in a thread, which takes longer than they do.
"""

from collections.abc import Iterator, Sequence
from typing import Annotated, cast

from fastapi import Depends, Request
from sqlalchemy.orm import Session

from atropos_api.cluster import Cluster
from atropos_api.submitter import Submitter
from atropos_api.transfers import Transfers
from atropos_core.catalog import TaskType
from atropos_core.db import Database
from atropos_core.drafts import Submitted
from atropos_core.events import Hints
from atropos_core.models import Task
from atropos_core.settings import Settings, get_settings

#: Requests that hold a connection at once. Another one would wait for its connection in a thread, and when all threads
#: wait so, the requests that have connections find none to finish in. Some are left for who needs no second thread.
SESSIONS = max(1, get_settings().database_pool_size - 4)
#: Long lists cost as much as a hundred other requests, which need not wait until all who want lists have theirs.
LISTINGS = 2


async def get_database(request: Request) -> Database:
    """The database of this process."""
    return cast(Database, request.app.state.database)


async def get_cluster(request: Request) -> Cluster:
    """What looks at Kubernetes."""
    return cast(Cluster, request.app.state.cluster)


async def get_settings_of_app(request: Request) -> Settings:
    """The settings the app was made with."""
    return cast(Settings, request.app.state.settings)


async def get_task_types(request: Request) -> dict[str, TaskType]:
    """The installed task types."""
    return cast(dict[str, TaskType], request.app.state.task_types)


async def get_submitter(request: Request) -> Submitter:
    """What stores single submissions."""
    return cast(Submitter, request.app.state.submitter)


async def get_transfers(request: Request) -> Transfers:
    """What takes and gives files."""
    return cast(Transfers, request.app.state.transfers)


def get_session(request: Request, database: Annotated[Database, Depends(get_database)]) -> Iterator[Session]:
    """A session that is committed before the response leaves; then the hints of what changed are sent."""
    with database.transaction() as session:
        yield session
    changed = session.info.get("changed", ())
    if changed:
        hints = cast(Hints, request.app.state.hints)
        hints.changed((task.id for task in changed), wake=True)


def mark_changed(session: Session, tasks: Sequence[Task | Submitted]) -> None:
    """Tell others of these tasks once the transaction is committed."""
    session.info.setdefault("changed", []).extend(tasks)


#: `scope="function"` is what makes the commit come before the response: with the default, a client could see
#: its 202 and then lose the task.
SessionDep = Annotated[Session, Depends(get_session, scope="function", max_concurrency=SESSIONS)]
ListingDep = Annotated[Session, Depends(get_session, scope="function", max_concurrency=LISTINGS)]
ClusterDep = Annotated[Cluster, Depends(get_cluster)]
DatabaseDep = Annotated[Database, Depends(get_database)]
TransfersDep = Annotated[Transfers, Depends(get_transfers)]
SubmitterDep = Annotated[Submitter, Depends(get_submitter)]
SettingsDep = Annotated[Settings, Depends(get_settings_of_app)]
TaskTypesDep = Annotated[dict[str, TaskType], Depends(get_task_types)]
