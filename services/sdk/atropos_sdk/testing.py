"""Runs a handler without services, as a worker would: for the tests of packages that bring task types.

ran = testing.run(count_words, {"text": "to be or not to be"})
assert ran.result == {"words": 6}
"""

import json
import tempfile
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

from pydantic import BaseModel

from atropos_core import json_values
from atropos_core.calling import call
from atropos_core.catalog import TASK_TYPE_ATTRIBUTE, TaskType
from atropos_core.handling import Dependency
from atropos_core.settings import Settings
from atropos_sdk.rehearsal import RehearsalContext, Said

__all__ = ["Ran", "Said", "run"]


@dataclass
class Ran:
    """What a handler did, and how it ended."""

    context: RehearsalContext
    #: What it raised; None if it returned.
    error: BaseException | None = None
    _result: Any = field(default=None, repr=False)

    @property
    def result(self) -> Any:
        """What it returned, as the API would show it. Raises what the handler raised."""
        if self.error is not None:
            raise self.error
        return self._result

    @property
    def progress(self) -> list[tuple[float, str | None]]:
        """What it reported, in order."""
        return self.context.reported

    @property
    def logs(self) -> list[Said]:
        """The lines that it logged, in order."""
        return self.context.said

    @property
    def artifacts(self) -> dict[str, Path]:
        """The files that it made, by their names."""
        return {kept.name: kept.path for kept in self.context.kept}

    @property
    def checkpoint(self) -> Any | None:
        """The newest checkpoint, for `run(checkpoint=…)` of the next attempt."""
        return self.context.last_checkpoint


def run(
    handler: Callable[..., Any] | TaskType,
    parameters: BaseModel | Mapping[str, Any] | None = None,
    *,
    attempt: int = 1,
    checkpoint: Any | None = None,
    stop_when: Callable[[RehearsalContext], bool] | None = None,
    stop_after: float | None = None,
    folder: Path | None = None,
    inputs: Mapping[str, Path] | None = None,
    dependencies: Mapping[UUID, Dependency] | None = None,
) -> Ran:
    """Run a decorated function or a task type once.

    The parameters are checked as the API checks them, and the result as the worker checks it. The handler is told to
    stop as soon as `stop_when` is true, which is asked at each call of the context, or after `stop_after` seconds: then
    `context.should_stop()` is true, `progress` and `wait` raise Stopped, and an async handler is cancelled at its
    `await`. `folder` is for the files it makes; by default a new temporary one. `inputs` are the files that
    it reads, by the id, the address or the artifact's name of their source; `dependencies` is what the context has of
    the tasks that it depends on. Raises pydantic's ValidationError for
    parameters that the API would refuse.
    """
    described = handler if isinstance(handler, TaskType) else getattr(handler, TASK_TYPE_ATTRIBUTE, None)
    if not isinstance(described, TaskType):
        raise TypeError(f"{handler!r} is neither a TaskType nor decorated with task_type")
    settings = Settings()
    context = RehearsalContext(
        task_type=described.name,
        attempt=attempt,
        checkpoint=checkpoint,
        stop_when=stop_when,
        inputs=inputs or {},
        dependencies=dependencies or {},
        folder=folder or Path(tempfile.mkdtemp(prefix="atropos-testing-")),
        checkpoint_bytes=settings.max_checkpoint_bytes,
    )
    function = described.load_handler() if isinstance(handler, TaskType) else handler
    checked = described.parameters.model_validate_json(_json(parameters))
    alarm = threading.Timer(stop_after or 0, context.stop)
    if stop_after is not None:
        alarm.start()
    try:
        return _run(function, checked, context, settings)
    finally:
        alarm.cancel()


def _run(function: Callable[..., Any], parameters: BaseModel, context: RehearsalContext, settings: Settings) -> Ran:
    try:
        returned = call(function, parameters, context)
        plain = returned.model_dump(mode="json") if isinstance(returned, BaseModel) else returned
        text = json_values.encode(plain, limit=settings.max_result_bytes, name="The result")
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        return Ran(context, error)
    return Ran(context, None, json.loads(text))


def _json(parameters: BaseModel | Mapping[str, Any] | None) -> str:
    if isinstance(parameters, BaseModel):
        return parameters.model_dump_json(exclude_unset=True)
    return json.dumps(dict(parameters or {}))
