"""Submit tasks, look at them, cancel and retry them."""

from collections.abc import Callable, Mapping, Sequence
from http import HTTPStatus
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Body, Depends, Header, HTTPException, Query, Request, Response
from pydantic import BaseModel, Field
from sqlalchemy.orm import Session

from atropos_api.batch import batch_drafts, batch_model
from atropos_api.bulk import BulkRequest, BulkResult
from atropos_api.deps import ListingDep, SessionDep, SettingsDep, SubmitterDep, TaskTypesDep, mark_changed
from atropos_api.schemas import (
    FileView,
    Moment,
    Name,
    NeededTask,
    TaskBatch,
    TaskDetail,
    TaskPage,
    TaskResult,
    TaskStatusView,
    TaskSummary,
    summaries,
)
from atropos_api.submission import Idempotency, Submission, submission_model, summary_of_new
from atropos_core import files, limits, queries, task_graph, task_lists, tasks
from atropos_core.catalog import TaskType
from atropos_core.drafts import Submitted
from atropos_core.errors import TaskNotCancellable, TaskNotFinished, TaskNotRetryable
from atropos_core.lifecycle import ENDED, TaskStatus
from atropos_core.models import Task
from atropos_core.task_lists import TaskFilter

#: Changed by one bulk call at most, so that a call stays short.
MAXIMUM_BULK = 10_000
#: Says that the tasks were made by the same request before.
REPLAYED = {"Idempotent-Replayed": "true"}
ACTIVE = (TaskStatus.PENDING, TaskStatus.PROCESSING)
UNSUCCESSFUL = (TaskStatus.FAILED, TaskStatus.CANCELLED)

IdempotencyKey = Annotated[
    str | None,
    Header(
        pattern=r"^[\x20-\x7e]{1,255}$",
        description="Any text, made once for each request: sent again with the same body it finds the same task.",
    ),
]
LabelCondition = Annotated[str, Field(pattern=r"^[A-Za-z0-9_.\-/]{1,63}=[^\x00-\x1f]{0,255}$")]


def task_filter(
    task_id: Annotated[list[UUID], Query(max_length=1000, description="One of these tasks.")] = [],  # noqa: B006 - copied
    status: Annotated[list[TaskStatus], Query(description="In one of these states.")] = [],  # noqa: B006
    task_type: Annotated[list[Name], Query(description="Of one of these types.")] = [],  # noqa: B006
    label: Annotated[list[LabelCondition], Query(description="With each of these labels: `key=value`.")] = [],  # noqa: B006
    created_from: Annotated[Moment | None, Query(description="Created then or later.")] = None,
    created_before: Annotated[Moment | None, Query(description="Created earlier.")] = None,
) -> TaskFilter:
    """The filter in the query string."""
    labels = dict(condition.split("=", 1) for condition in label)
    return TaskFilter(
        task_ids=task_id,
        statuses=status,
        task_types=task_type,
        labels=labels,
        created_from=created_from,
        created_before=created_before,
    )


def _examples(task_types: dict[str, TaskType]) -> dict[str, Any]:
    return {
        task_type.name: {
            "summary": task_type.description,
            "value": {"task_type": task_type.name, "parameters": task_type.example or {}},
        }
        for task_type in task_types.values()
    }


def submission_router(task_types: dict[str, TaskType]) -> APIRouter:
    """The routes whose bodies depend on the installed task types."""
    router = APIRouter(prefix="/tasks", tags=["tasks"])
    submission: Any = submission_model(task_types)
    batch: Any = batch_model(submission)
    examples = _examples(task_types)

    @router.post("", status_code=202, response_model=TaskSummary)
    async def submit_task(
        body: Annotated[submission, Body(openapi_examples=examples)],
        request: Request,
        submitter: SubmitterDep,
        settings: SettingsDep,
        types: TaskTypesDep,
        idempotency_key: IdempotencyKey = None,
    ) -> Response:
        """Accept a task. It is safe in the database before this answers."""
        submitted: Submission = body
        idempotency = Idempotency(idempotency_key, submitted.fingerprint()) if idempotency_key else None
        draft = submitted.draft(types[submitted.task_type], settings, idempotency=idempotency)
        stored = await submitter.submit(draft)
        headers = {"Location": f"{request.scope.get('root_path', '')}/tasks/{stored.id}"}
        if isinstance(stored, Task):
            return _accepted(TaskSummary.model_validate(stored), {**headers, **REPLAYED})
        return _accepted(summary_of_new(stored), headers)

    @router.post("/batch", status_code=202, response_model=TaskBatch)
    def submit_tasks(
        body: Annotated[batch, Body(openapi_examples={"two": {"value": {"tasks": _two(examples)}}})],
        session: SessionDep,
        settings: SettingsDep,
        types: TaskTypesDep,
        idempotency_key: IdempotencyKey = None,
    ) -> Response:
        """Accept up to 10,000 tasks, all or none."""
        drafts = batch_drafts(body.tasks, types, settings, idempotency_key=idempotency_key)
        stored = tasks.submit_once(session, drafts) if idempotency_key else tasks.submit(session, drafts)
        new = [submitted for submitted in stored if isinstance(submitted, Submitted)]
        mark_changed(session, new)
        if not new:
            found = [TaskSummary.model_validate(task) for task in stored]
            return _accepted(TaskBatch.model_construct(tasks=found), REPLAYED)
        return _accepted(TaskBatch.model_construct(tasks=[summary_of_new(submitted) for submitted in new]))

    return router


def _accepted(answer: BaseModel, headers: Mapping[str, str] | None = None) -> Response:
    """The answer, written by pydantic at once: FastAPI would validate it again first."""
    content = answer.model_dump_json()
    return Response(content, HTTPStatus.ACCEPTED, headers, media_type="application/json")


def _two(examples: dict[str, Any]) -> list[Any]:
    return [example["value"] for example in list(examples.values())[:2]]


router = APIRouter(prefix="/tasks", tags=["tasks"])


@router.get("")
def list_tasks(
    session: ListingDep,
    chosen: Annotated[TaskFilter, Depends(task_filter)],
    cursor: Annotated[UUID | None, Query(description="`next_cursor` of the page before.")] = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 50,
) -> TaskPage:
    """Tasks, newest first, a page at a time."""
    found = task_lists.list_tasks(session, chosen, limit=limit + 1, before=cursor)
    page = found[:limit]
    return TaskPage(tasks=summaries(page), next_cursor=page[-1].id if len(found) > limit else None)


@router.get("/batch", include_in_schema=False)
@router.get("/cancel", include_in_schema=False)
@router.get("/retry", include_in_schema=False)
def refuse_to_read() -> None:
    """These are there to be posted to; without this route GET would take their names for ids of tasks."""
    raise HTTPException(HTTPStatus.METHOD_NOT_ALLOWED)


@router.get("/{task_id}")
def get_task(task_id: UUID, session: SessionDep) -> TaskDetail:
    """A task, whole."""
    task = queries.get_task(session, task_id)
    chained = {"depends_on": task_graph.depends_on(session, task), "dependents": task_graph.dependents(session, task)}
    return TaskDetail.model_validate(task).model_copy(update={**_artifacts(session, task), **chained})


@router.get("/{task_id}/status")
def get_status(task_id: UUID, session: SessionDep) -> TaskStatusView:
    """Where a task stands."""
    task = queries.get_task(session, task_id)
    view = TaskStatusView.model_validate(task)
    found = {
        "queue_position": queries.queue_position(session, task),
        "waiting_for_limit": limits.waiting_for(task),
        "waiting_for": [NeededTask.model_validate(each) for each in task_graph.waiting_for(session, task)],
    }
    return view.model_copy(update=found)


@router.get("/{task_id}/result")
def get_result(task_id: UUID, session: SessionDep) -> TaskResult:
    """What came of a task that has ended."""
    task = queries.get_task(session, task_id)
    if task.status not in ENDED:
        raise TaskNotFinished(f"Task {task_id} is {task.status}.", task_status=task.status)
    return TaskResult.model_validate(task).model_copy(update=_artifacts(session, task))


def _artifacts(session: Session, task: Task) -> dict[str, list[FileView]]:
    """What a completed task made; of others nothing is looked for, as nothing can be seen."""
    made = files.artifacts(session, task.id) if task.status is TaskStatus.COMPLETED else []
    return {"artifacts": [FileView.model_validate(file) for file in made]}


@router.post("/{task_id}/cancel", response_model=TaskSummary)
def cancel_task(task_id: UUID, session: SessionDep) -> Task:
    """Cancel a task. One that waits never runs; one that runs is asked to stop, and `cancelled` once it did."""
    changed = tasks.cancel(session, [task_id])
    mark_changed(session, changed)
    task = changed[0] if changed else queries.get_task(session, task_id)
    if not changed and task.status in ENDED:
        raise TaskNotCancellable(f"Task {task_id} is {task.status}.", task_status=task.status)
    return task


@router.post("/{task_id}/retry", response_model=TaskSummary)
def retry_task(task_id: UUID, session: SessionDep) -> Task:
    """Run a failed or cancelled task again, with all its attempts."""
    changed = tasks.retry(session, [task_id])
    mark_changed(session, changed)
    if not changed:
        task = queries.get_task(session, task_id)
        raise TaskNotRetryable(f"Task {task_id} is {task.status}.", task_status=task.status)
    return changed[0]


@router.post("/cancel")
def cancel_tasks(body: BulkRequest, session: SessionDep) -> BulkResult:
    """Cancel all tasks that match and have not ended."""
    return _bulk(session, body, ACTIVE, tasks.cancel)


@router.post("/retry")
def retry_tasks(body: BulkRequest, session: SessionDep) -> BulkResult:
    """Run all failed and cancelled tasks that match again."""
    return _bulk(session, body, UNSUCCESSFUL, tasks.retry)


def _bulk(
    session: Session,
    body: BulkRequest,
    among: Sequence[TaskStatus],
    change: Callable[[Session, Sequence[UUID]], Sequence[Task]],
) -> BulkResult:
    ids = task_lists.matching_ids(session, body.filter.to_filter(), among, limit=MAXIMUM_BULK + 1)
    chosen = ids[:MAXIMUM_BULK]
    changed = [] if body.dry_run else change(session, chosen)
    mark_changed(session, changed)
    return BulkResult(matched=len(chosen), changed=len(changed), more=len(ids) > MAXIMUM_BULK)
