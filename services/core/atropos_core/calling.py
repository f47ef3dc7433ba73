"""Calls a handler, a plain or an async function, and makes the latter stop when it is told to.

The worker calls it, and so does `atropos_sdk.testing`, so that a handler behaves alike in both.
"""

import asyncio
import inspect
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, Protocol

from pydantic import BaseModel

from atropos_core.handling import Stopped, TaskContext


class StoppableContext(TaskContext, Protocol):
    """A context that tells when its handler is told to stop."""

    def when_stopped(self, tell: Callable[[], None] | None) -> None:
        """Call `tell` once, from any thread, when the handler is told to stop; at once if it was. None: tell nobody."""


#: What a task type names.
Handler = Callable[[Any, TaskContext], Any]


def call(handler: Handler, parameters: BaseModel, context: StoppableContext) -> object:
    """What the handler returns; that of an async function is awaited in an event loop of its own.

    Raises what the handler raises. An async handler that is cancelled because it was told to stop raises Stopped.
    """
    returned = handler(parameters, context)
    if not inspect.isawaitable(returned):
        return returned
    try:
        with asyncio.Runner() as runner:
            return runner.run(_cancelled_when_stopped(returned, context))
    except asyncio.CancelledError as error:
        if not context.should_stop():
            raise
        raise Stopped("cancelled: told to stop") from error
    finally:
        context.when_stopped(None)


async def _cancelled_when_stopped(returned: Awaitable[Any], context: StoppableContext) -> Any:
    loop, running = asyncio.get_running_loop(), asyncio.current_task()
    assert running is not None  # noqa: S101 - this is a coroutine that a Runner runs

    def cancel() -> None:
        with suppress(RuntimeError):  # The loop was closed meanwhile.
            loop.call_soon_threadsafe(running.cancel)

    context.when_stopped(cancel)
    return await returned
