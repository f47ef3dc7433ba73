"""Logs of every process: structured, readable on a terminal, JSON in a container."""

import logging
import sys

import structlog
from opentelemetry import trace

from atropos_core import tracing
from atropos_core.settings import Settings


def _add_trace_id(_: object, __: str, line: structlog.typing.EventDict) -> structlog.typing.EventDict:
    if (trace_id := tracing.trace_id_of(trace.get_current_span())) is not None:
        line.setdefault("trace_id", trace_id)
    return line


def configure_logging(settings: Settings, *, process: str) -> None:
    """One line per event on standard error, from structlog and from the standard library's loggers alike."""
    level = logging.DEBUG if settings.debug else logging.getLevelNamesMapping()[settings.log_level.upper()]
    console = settings.log_format == "console" or (settings.log_format == "auto" and sys.stderr.isatty())
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        _add_trace_id,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="%H:%M:%S.%f" if console else "iso", utc=not console),
    ]
    # Local variables hold what people sent, and passwords; and they take a second of a processor to write.
    frames = structlog.tracebacks.ExceptionDictTransformer(show_locals=False)
    renderers: list[structlog.typing.Processor] = (
        [structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback)]
        if console
        else [structlog.processors.ExceptionRenderer(frames), structlog.processors.JSONRenderer()]
    )
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.make_filtering_bound_logger(level),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler()
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *renderers],
        )
    )
    logging.basicConfig(handlers=[handler], level=level, force=True)
    # A line that cannot be written, to a full disk or a stream that a handler closed, is no reason to stop.
    logging.raiseExceptions = False
    structlog.contextvars.bind_contextvars(process=process)
    for noisy in ("alembic", "kombu", "httpx", "celery.worker.strategy", "celery.app.trace"):
        logging.getLogger(noisy).setLevel(max(level, logging.WARNING))
