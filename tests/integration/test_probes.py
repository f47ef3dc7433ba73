"""What a kubelet is told of real workers and dispatchers while services go away, and when they break themselves."""

import os
import signal
import time
from collections.abc import Callable

import httpx
import pytest

from atropos_cli.embedded.ports import free_port
from tests.stack import MODULES, Stack, wait_until

OK = (200, "ok")
#: For longer than the worker of these tests needs to find itself dead.
LONG_SECONDS = 12.0


class Probes:
    """Asks a process of the stack, which it starts, as a kubelet does."""

    def __init__(self, stack: Stack, name: str, **settings: str) -> None:
        self.http = stack.http
        self.port = free_port()
        self.process = stack.start(name, probe_port=str(self.port), **settings)
        self.log = lambda: stack.log(name)[-1500:]

    def get(self, path: str) -> tuple[int, str] | None:
        """The status and the reason; none without an answer in time."""
        try:
            answer = self.http.get(f"http://127.0.0.1:{self.port}{path}", timeout=5)
        except httpx.TransportError:
            return None
        return answer.status_code, answer.json()["status"]

    def live(self) -> tuple[int, str] | None:
        return self.get("/livez")

    def ready(self) -> tuple[int, str] | None:
        return self.get("/readyz")

    def wait_until_ready(self) -> "Probes":
        """Until it is at work. Raises AssertionError with its log if it ended."""
        wait_until(lambda: self.ready() == OK or self.process.poll() is not None, seconds=60)
        assert self.ready() == OK, self.log()
        return self

    def wait_until_dead(self, reason: str) -> None:
        """Until it says that it is dead, for this reason."""
        wait_until(lambda: self.live() == (503, reason), seconds=60, what=f"death, as {reason}: {self.log()}")

    def answers_until(self, condition: Callable[[], object], *, seconds: float = 60.0) -> set[tuple[int, str] | None]:
        """All that `/livez` said until then."""
        answers = set()

        def look() -> object:
            answers.add(self.live())
            return condition()

        wait_until(look, seconds=seconds, what=f"the condition, while it is alive: {self.log()}")
        return answers


@pytest.fixture
def frail_stack(own_stack: Stack, monkeypatch: pytest.MonkeyPatch) -> Stack:
    """Its workers find within ten seconds that they are dead, and break when told to."""
    monkeypatch.setitem(MODULES, "worker", "atropos_test_worker")
    return own_stack


def start_with_worker(stack: Stack) -> Probes:
    """All at work; the probes are the worker's."""
    stack.start("api")
    stack.start("dispatcher")
    worker = Probes(stack, "worker")
    stack.wait_for_api()
    return worker.wait_until_ready()


def submit_many(stack: Stack, count: int, **parameters: float) -> None:
    """Tasks with these parameters."""
    tasks = [{"task_type": "default", "parameters": parameters}] * count
    assert stack.http.post("/tasks/batch", json={"tasks": tasks}).status_code == 202


def completed(stack: Stack) -> int:
    """How many tasks are."""
    count: int = stack.sql("SELECT count(*) FROM tasks WHERE status = 'completed'")[0][0]
    return count


@pytest.mark.parametrize("role", ["worker", "dispatcher"])
def test_a_process_at_work_is_alive_and_ready(role: str, own_stack: Stack) -> None:
    """Soon after its start."""
    assert Probes(own_stack, role).wait_until_ready().live() == OK


def test_a_worker_that_starts_without_redis_waits_for_it(own_stack: Stack) -> None:
    """Alive and not ready; ready once Redis is there, without a new start."""
    own_stack.redis_server.kill()
    worker = Probes(own_stack, "worker")
    wait_until(lambda: worker.live() == OK, what=f"life: {worker.log()}")
    assert worker.ready() == (503, "not connected to Redis yet")
    own_stack.redis_server.start()
    worker.wait_until_ready()
    assert worker.process.poll() is None


def test_a_worker_lives_through_restarts_of_redis(frail_stack: Stack) -> None:
    """Under load: it never says that it is dead, and all tasks complete, those of afterwards too."""
    worker = start_with_worker(frail_stack)
    submit_many(frail_stack, 100, processing_time=0.05)
    for restarts in (1, 2):
        goal = restarts * 20
        assert worker.answers_until(lambda goal=goal: completed(frail_stack) >= goal) == {OK}
        frail_stack.redis_server.kill()
        frail_stack.redis_server.start()
    assert worker.answers_until(lambda: completed(frail_stack) == 100) == {OK}
    late = frail_stack.submit()
    assert worker.answers_until(lambda: frail_stack.task(late)["status"] == "completed") == {OK}


def test_a_frozen_redis_does_not_make_a_worker_dead(frail_stack: Stack) -> None:
    """However long nothing answers; then it takes tasks again."""
    worker = start_with_worker(frail_stack)
    os.kill(frail_stack.redis_server.pid, signal.SIGSTOP)
    try:
        frozen_until = time.monotonic() + LONG_SECONDS
        assert worker.answers_until(lambda: time.monotonic() > frozen_until) == {OK}
    finally:
        os.kill(frail_stack.redis_server.pid, signal.SIGCONT)
    frail_stack.wait_for(frail_stack.submit(), "completed", seconds=60)
    worker.wait_until_ready()


def test_a_deaf_worker_says_that_it_is_dead(frail_stack: Stack) -> None:
    """Its loop turns and Redis answers, but it takes nothing: only a new start helps."""
    worker = start_with_worker(frail_stack)
    worker.process.send_signal(signal.SIGUSR2)
    submit_many(frail_stack, 50, processing_time=0.5)
    worker.wait_until_dead("tasks wait and slots are free, but none is taken")
    assert frail_stack.redis.llen("default") > 0
    assert worker.ready() == worker.live()


def test_a_worker_whose_loop_stands_still_says_that_it_is_dead(frail_stack: Stack) -> None:
    """Though nothing waits."""
    worker = start_with_worker(frail_stack)
    worker.process.send_signal(signal.SIGUSR1)
    worker.wait_until_dead("the consumer's loop stands still, though Redis answers")
    assert worker.ready() == worker.live()


def test_a_worker_with_a_long_task_is_alive(frail_stack: Stack) -> None:
    """No slot is free, so that tasks wait is right."""
    worker = start_with_worker(frail_stack)
    submit_many(frail_stack, 2, processing_time=LONG_SECONDS)
    assert worker.answers_until(lambda: completed(frail_stack) == 1) == {OK}


def test_a_draining_worker_is_alive_and_not_ready(frail_stack: Stack) -> None:
    """Until its task ends: nobody may kill it for that."""
    frail_stack.overrides["drain_seconds"] = "60"
    worker = start_with_worker(frail_stack)
    task_id = frail_stack.submit(parameters={"processing_time": LONG_SECONDS})
    frail_stack.wait_for(task_id, "processing")
    worker.process.send_signal(signal.SIGTERM)
    wait_until(lambda: worker.ready() == (503, "draining"), what=f"a drain: {worker.log()}")
    assert worker.live() == OK
    answers = worker.answers_until(lambda: worker.process.poll() is not None)
    assert answers <= {OK, None}  # nobody answers once it is gone
    assert frail_stack.task(task_id)["status"] == "completed"


def test_a_dispatcher_without_postgres_is_alive_and_not_ready(own_stack: Stack) -> None:
    """It says so, and is ready again when PostgreSQL is."""
    dispatcher = Probes(own_stack, "dispatcher").wait_until_ready()
    own_stack.postgres.kill()
    assert dispatcher.answers_until(lambda: dispatcher.ready() != OK) == {OK}
    status, reason = dispatcher.ready() or (0, "")
    assert (status, reason[:23]) == (503, "no round succeeded for ")
    own_stack.postgres.start()
    assert dispatcher.answers_until(lambda: dispatcher.ready() == OK) == {OK}
