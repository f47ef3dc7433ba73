"""Every setting of every process, read from the environment. `.env.example` lists them all; a test compares."""

from functools import lru_cache
from typing import Annotated, Literal

from pydantic import AliasChoices, Field, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict


class Settings(BaseSettings):
    """Names in the environment are these in capitals after `ATROPOS_`; durations are seconds, sizes bytes."""

    model_config = SettingsConfigDict(env_prefix="ATROPOS_", frozen=True, extra="ignore", populate_by_name=True)

    # Services that Atropos stands on.

    #: PostgreSQL, where tasks live. `postgres://` and `postgresql://` are taken too.
    database_url: str = Field(
        "postgresql+psycopg2://atropos:atropos@localhost:5432/atropos",
        validation_alias=AliasChoices("ATROPOS_DATABASE_URL", "DATABASE_URL"),
    )
    #: Redis or Valkey, which carries hints and the Celery queues.
    redis_url: str = Field(
        "redis://localhost:6379/0",
        validation_alias=AliasChoices("ATROPOS_REDIS_URL", "REDIS_URL", "CELERY_BROKER_URL"),
    )
    #: Connections that one process keeps to PostgreSQL at most (the API uses all of them under load).
    database_pool_size: int = Field(10, ge=1, le=200)
    #: A statement of the API that takes longer is stopped and answered with 503.
    statement_timeout_seconds: float = Field(10.0, gt=0)

    # The API.

    #: The address the API listens on.
    api_host: str = "127.0.0.1"
    #: The port the API listens on.
    api_port: int = Field(8000, ge=0, le=65535)
    #: The largest request body; larger is 413.
    max_body_bytes: int = Field(32 * 1024 * 1024, ge=1024)
    #: The largest `parameters` or `labels` of one task; larger is 422.
    max_parameters_bytes: int = Field(256 * 1024, ge=1024)
    #: The largest result of one task; a larger one fails the task for good.
    max_result_bytes: int = Field(1024 * 1024, ge=1024)
    #: An event stream is closed after this time; the client reconnects with Last-Event-ID and misses nothing.
    stream_seconds: float = Field(900.0, gt=0)

    # Running tasks.

    #: How long a task stays with a worker that gives no sign of life. Then it is rescued.
    lease_seconds: float = Field(30.0, ge=1)
    #: How often a worker renews the lease of a running task, and learns of a cancel.
    heartbeat_seconds: float = Field(5.0, ge=0.1)
    #: At most one progress update of a task is written in this time.
    progress_seconds: float = Field(1.0, ge=0.05)
    #: A handler that was told to stop gets this long before it is interrupted, and again before it is killed.
    stop_grace_seconds: float = Field(5.0, ge=0.1)
    #: The first retry waits at most this long; each further one at most twice as long as the one before.
    retry_base_seconds: float = Field(2.0, ge=0)
    #: No retry waits longer.
    retry_cap_seconds: float = Field(300.0, ge=0)
    #: After SIGTERM a worker lets its tasks run on for this long, then gives them back. Keep it under
    #: terminationGracePeriodSeconds.
    drain_seconds: float = Field(25.0, ge=0)
    #: Handlers are told to stop this long before the drain ends.
    drain_notice_seconds: float = Field(10.0, ge=0)

    # The worker.

    #: The queues a worker takes tasks from, separated by commas.
    worker_queues: Annotated[tuple[str, ...], NoDecode] = ("default",)
    #: The tasks a worker runs at the same time, each in a process of its own.
    worker_concurrency: int = Field(1, ge=1, le=1000)
    #: A child process is replaced after this many tasks.
    worker_max_tasks_per_child: int = Field(1000, ge=1)
    #: How often workers and dispatchers report themselves; missing three reports is counted as gone.
    process_heartbeat_seconds: float = Field(5.0, ge=0.1)

    # The dispatcher.

    #: Ids kept in one queue's Redis list at most; a backlog above it waits in PostgreSQL, in order of priority.
    dispatch_window: int = Field(2000, ge=1)
    #: Ids handed to Redis in one transaction.
    dispatch_batch: int = Field(200, ge=1, le=10_000)
    #: The dispatcher looks at least this often, should a hint be lost.
    dispatch_poll_seconds: float = Field(1.0, gt=0)
    #: How often ids that Redis no longer holds are looked for; two looks in a row must miss one.
    reconcile_seconds: float = Field(1.0, gt=0)
    #: How often lapsed leases are looked for.
    rescue_seconds: float = Field(1.0, gt=0)

    # Logs.

    #: The least severe level that is logged; `DEBUG=true` means `debug`.
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    #: `json` for machines, `console` for people, `auto` for console on a terminal.
    log_format: Literal["json", "console", "auto"] = "auto"
    #: The old switch for `log_level=debug`.
    debug: bool = Field(False, validation_alias=AliasChoices("ATROPOS_DEBUG", "DEBUG"))

    @field_validator("database_url")
    @classmethod
    def _name_the_driver(cls, url: str) -> str:
        scheme, separator, rest = url.partition("://")
        if scheme in {"postgres", "postgresql"}:
            return f"postgresql+psycopg2{separator}{rest}"
        if scheme != "postgresql+psycopg2":
            raise ValueError(f"the database must be PostgreSQL through psycopg2, not {scheme!r}")
        return url

    @field_validator("worker_queues", mode="before")
    @classmethod
    def _split_queues(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        queues = tuple(name.strip() for name in value.split(",") if name.strip())
        if not queues:
            raise ValueError("name at least one queue")
        return queues

    @model_validator(mode="after")
    def _keep_leases_alive(self) -> "Settings":
        if self.heartbeat_seconds * 2 > self.lease_seconds:
            raise ValueError("heartbeat_seconds must be at most half of lease_seconds, so one may be missed")
        return self

    @property
    def process_timeout_seconds(self) -> float:
        """A worker or dispatcher that was silent for this long is counted as gone."""
        return self.process_heartbeat_seconds * 3


@lru_cache
def get_settings() -> Settings:
    """The settings of this process, read once."""
    return Settings()
