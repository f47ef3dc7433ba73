"""Every setting of every process, read from the environment. `.env.example` lists them all; a test compares."""

from functools import lru_cache
from typing import Annotated, Literal
from urllib.parse import quote

from pydantic import AliasChoices, Field, SecretStr, StringConstraints, field_validator, model_validator
from pydantic_settings import NoDecode, SettingsConfigDict
from sqlalchemy import URL, make_url

from atropos_core.data_settings import DataSettings
from atropos_core.fetch_settings import FetchSettings
from atropos_core.file_settings import FileSettings
from atropos_core.report_settings import ReportSettings
from atropos_core.video_settings import VideoSettings

QueueName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$")]


class Settings(DataSettings, FetchSettings, FileSettings, ReportSettings, VideoSettings):
    """Names in the environment are these in capitals after `ATROPOS_`; durations are seconds, sizes bytes.

    A variable set to nothing, as Compose and Helm write an absent value, is as good as unset.
    """

    model_config = SettingsConfigDict(
        env_prefix="ATROPOS_",
        env_ignore_empty=True,
        frozen=True,
        extra="ignore",
        populate_by_name=True,
        hide_input_in_errors=True,  # it may hold a password
    )

    # Services that Atropos stands on.

    #: PostgreSQL, where tasks live. `postgres://` and `postgresql://` are taken too.
    database_url: str = Field(
        "postgresql+psycopg2://atropos:atropos@localhost:5432/atropos",
        repr=False,
        validation_alias=AliasChoices("ATROPOS_DATABASE_URL", "DATABASE_URL"),
    )
    #: Redis or Valkey, which carries hints and the Celery queues.
    redis_url: str = Field(
        "redis://localhost:6379/0",
        repr=False,
        validation_alias=AliasChoices("ATROPOS_REDIS_URL", "REDIS_URL", "CELERY_BROKER_URL"),
    )
    #: The password for `database_url`, when it comes from a secret of its own; it wins over one in the URL.
    database_password: SecretStr | None = None
    #: The password for `redis_url`, likewise.
    redis_password: SecretStr | None = None
    #: Connections that one process keeps to PostgreSQL at most (the API uses all of them under load).
    database_pool_size: int = Field(10, ge=1, le=200)
    #: Whether `database_url` leads to a pooler that changes connections between transactions, as PgBouncer's mode
    #: `transaction` does. Migrations need the database itself.
    database_pooler: bool = False
    #: A statement of the API that takes longer is stopped and answered with 503.
    statement_timeout_seconds: float = Field(10.0, gt=0)

    # The API.

    #: The address the API listens on.
    api_host: str = "127.0.0.1"
    #: The port the API listens on.
    api_port: int = Field(8000, ge=0, le=65535)
    #: After SIGTERM the API serves on for so long, until no proxy sends it requests any more; clients that keep a
    #: connection are told to close it.
    api_drain_seconds: float = Field(0.0, ge=0)
    #: The largest body of a batch; larger is 413. Other bodies may have 512 KiB and four times the next.
    max_body_bytes: int = Field(32 * 1024 * 1024, ge=1024)
    #: The largest `parameters` or `labels` of one task; larger is 422.
    max_parameters_bytes: int = Field(256 * 1024, ge=1024)
    #: The largest result of one task; a larger one fails the task for good.
    max_result_bytes: int = Field(1024 * 1024, ge=1024)
    #: The largest checkpoint of one task; a larger one is refused, and the handler may go on.
    max_checkpoint_bytes: int = Field(256 * 1024, ge=1024)
    #: A client that takes longer to send a request, or takes nothing of its answer for this long, is cut off. An upload
    #: may take longer while at least 10 kB a second arrive, on average over this time.
    client_timeout_seconds: float = Field(60.0, ge=1)
    #: Connections of one API process at most: another takes the place of the one that has waited longest for a request.
    max_connections: int = Field(5000, ge=10)
    #: Event streams of one API process at most; one more is 503.
    max_streams: int = Field(1000, ge=1)
    #: An event stream is closed after this time; the client reconnects with Last-Event-ID and misses nothing.
    stream_seconds: float = Field(900.0, gt=0)
    #: A folder with the built web page (`frontend/out`), which the API then serves at `/`; none serves no page.
    page_directory: str | None = None
    #: Where the page links to the trace of a task, such as `http://localhost:16686/trace/{trace_id}`.
    trace_url: str | None = Field(None, pattern=r"^https?://\S*\{trace_id\}\S*$")

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
    #: Lines that a handler logs are kept with its task: at most so many of a run, 0 keeps none.
    log_lines_per_attempt: int = Field(1000, ge=0, le=100_000)
    #: The largest message with its fields of such a line; what is longer is cut.
    log_line_bytes: int = Field(4096, ge=256, le=1024 * 1024)

    #: The queue of a task type, where it is to be another than the type's own: `{"video_processing": "video"}`. A
    #: worker that lacks what a task needs moves it there.
    task_queues: dict[str, QueueName] = Field(default_factory=dict)

    # The worker.

    #: The queues a worker takes tasks from, separated by commas.
    worker_queues: Annotated[tuple[str, ...], NoDecode] = ("default",)
    #: The tasks a worker runs at the same time, each in a process of its own.
    worker_concurrency: int = Field(1, ge=1, le=1000)
    #: A child process is replaced after this many messages: each is one task, or up to 100 short ones.
    worker_max_tasks_per_child: int = Field(1000, ge=1)
    #: A child with more memory is killed, and its attempt has failed; with half of it, replaced after the task.
    worker_child_memory_bytes: int | None = Field(None, ge=256 * 1024 * 1024)
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

    # Retention.

    #: Days that completed tasks are kept, with their results and idempotency keys; `none` keeps them for ever.
    retention_completed_days: float | None = Field(30.0, gt=0, le=36_500)
    #: Days that failed tasks are kept, and can be retried; `none` keeps them for ever.
    retention_failed_days: float | None = Field(90.0, gt=0, le=36_500)
    #: Days that cancelled tasks are kept, and can be retried; `none` keeps them for ever.
    retention_cancelled_days: float | None = Field(30.0, gt=0, le=36_500)

    # Kubernetes.

    #: Where workers and dispatchers serve `/livez` and `/readyz`, on all addresses; none serves nothing.
    probe_port: int | None = Field(None, ge=1, le=65535)
    #: A worker writes its pod's `controller.kubernetes.io/pod-deletion-cost`, so that a scale-in takes idle pods first.
    pod_deletion_cost: bool = False
    #: Label selector of this release's worker pods, Deployments and ScaledObjects, such as
    #: `app.kubernetes.io/instance=atropos,app.kubernetes.io/component=worker`; none outside Kubernetes.
    kubernetes_selector: str | None = None
    #: The namespace of this release; none is the namespace of the pod.
    kubernetes_namespace: str | None = None

    # Traces.

    #: The OpenTelemetry collector that spans are sent to, such as `http://jaeger:4318`; none sends nothing.
    #: OTLP over HTTP, below `/v1/traces`.
    otlp_endpoint: str | None = Field(
        None, validation_alias=AliasChoices("ATROPOS_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
    )
    #: The share of traces that is recorded, 0 to 1; a request that comes with a `traceparent` has been decided on.
    trace_sample_ratio: float = Field(1.0, ge=0, le=1)

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

    @field_validator(
        "retention_completed_days",
        "retention_failed_days",
        "retention_cancelled_days",
        "retention_uploads_days",
        mode="before",
    )
    @classmethod
    def _keep_for_ever(cls, value: object) -> object:
        return None if value == "none" else value

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
    def database_address(self) -> URL:
        """`database_url` with `database_password`."""
        url = make_url(self.database_url)
        password = self.database_password
        return url if password is None else url.set(password=password.get_secret_value())

    @property
    def redis_address(self) -> str:
        """`redis_url` with `redis_password`."""
        if self.redis_password is None:
            return self.redis_url
        scheme, _, rest = self.redis_url.partition("://")
        user, at, host = rest.rpartition("@")
        user = user.partition(":")[0] if at else ""
        return f"{scheme}://{user}:{quote(self.redis_password.get_secret_value(), safe='')}@{host}"

    @property
    def process_timeout_seconds(self) -> float:
        """A worker or dispatcher that was silent for this long is counted as gone."""
        return self.process_heartbeat_seconds * 3


@lru_cache
def get_settings() -> Settings:
    """The settings of this process, read once."""
    return Settings()
