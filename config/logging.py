"""Structured logs, for a console or as one JSON object a line, with every secret taken out."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, MutableMapping
from typing import Any

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from apps.agents.redaction import REDACTED, is_secret_name, know, redact

__all__ = ["REDACTED", "configure", "redact", "redact_event", "shared_processors"]

CONTROL = {code: f"\\x{code:02x}" for code in (*range(32), 127)} | {9: "\t", 10: "\\n", 13: "\\r"}
MAX_NESTING = 6


def redact_event(logger: WrappedLogger, method: str, event: EventDict) -> EventDict:
    """A structlog processor: redacts every value; a line break in a value stays one line."""
    for name, value in event.items():
        if name == "exception":
            event[name] = redact(str(value))
        elif not name.startswith("_"):
            event[name] = _clean(name, value, MAX_NESTING)
    return event


def _clean(name: str, value: Any, nesting: int) -> Any:
    if value and is_secret_name(name):
        return REDACTED
    if value is None or isinstance(value, (bool, int, float)):
        return value
    if nesting and isinstance(value, Mapping):
        return {str(key): _clean(str(key), inner, nesting - 1) for key, inner in value.items()}
    if nesting and isinstance(value, (list, tuple)):
        return [_clean("", inner, nesting - 1) for inner in value]
    if isinstance(value, bytes):
        value = value.decode("utf-8", "replace")
    return redact(str(value)).translate(CONTROL)


def shared_processors() -> list[Processor]:
    """What every line passes, ours and the libraries'."""
    return [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.stdlib.ExtraAdder(allow=["status_code"]),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
        structlog.processors.format_exc_info,
        redact_event,
    ]


def configure(level: str, form: str, secrets: Iterable[str] = ()) -> dict[str, Any]:
    """Set structlog up and return Django's LOGGING dictionary; `form` is "console" or "json".

    `secrets` are values that no line may hold, wherever they come from.
    """
    know(secrets)
    structlog.configure(
        processors=[*shared_processors(), structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    last: Processor = (
        structlog.processors.JSONRenderer()
        if form == "json"
        else structlog.dev.ConsoleRenderer(
            colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback
        )
    )
    formatter = {
        "()": structlog.stdlib.ProcessorFormatter,
        "processors": [structlog.stdlib.ProcessorFormatter.remove_processors_meta, last],
        "foreign_pre_chain": shared_processors(),
    }
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"structured": formatter},
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "structured"}},
        "root": {"handlers": ["stderr"], "level": level},
        "loggers": _loggers(level),
    }


def _loggers(level: str) -> MutableMapping[str, Any]:
    quiet = "WARNING" if level in ("DEBUG", "INFO") else level
    return {
        "django": {"level": level if level != "DEBUG" else "INFO"},
        "django.request": {"level": "ERROR"},
        "django.server": {"handlers": ["stderr"], "level": quiet, "propagate": False},
        "axes": {"level": quiet},
        "asyncio": {"level": quiet},
        "httpx": {"level": quiet},
        "httpx2": {"level": quiet},
        "mcp": {"level": quiet},
        # The start is announced by `serve`; a line for every socket and every Celery task tells nothing.
        "uvicorn": {"level": quiet},
        "celery.app.trace": {"level": quiet},
        "celery.worker": {"level": quiet},
        # Expected with the broker in memory: it has no host name, and no prefetch to be disabled.
        "celery.worker.consumer.tasks": {"level": "ERROR"},
        "kombu.connection": {"level": "ERROR"},
        "uvicorn.access": {"level": quiet},
    }
