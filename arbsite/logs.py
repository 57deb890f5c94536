"""Structured logs: JSON lines on stderr (plainer on a terminal) with the correlation id, and no secret in them."""

import dataclasses
import logging
import sys
import threading
from collections.abc import Iterator, Mapping, MutableMapping
from decimal import Decimal
from typing import Any

import structlog

from domain.secret import Secret, password_in
from ops import correlation, redaction

# Libraries whose info lines are a line per request or per task.
_CHATTY = (
    "alpaca",
    "asyncio",
    "apprise",
    "ccxt",
    "httpcore",
    "httpx",
    "celery.app.trace",
    "celery.beat",
    "celery.worker.strategy",
    "kombu",
    "markdown_it",
    "urllib3",
    "websocket",
    "websockets",
)

Event = MutableMapping[str, Any]


def logging_config(tree: Any) -> dict[str, Any]:
    """Return the ``LOGGING`` of Django's settings; the secrets of the settings ``tree`` are hidden from now on."""
    redaction.install(secrets_in(tree))
    _configure_structlog()
    _log_what_nobody_caught()
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"line": {"()": line_formatter}},
        "handlers": {
            "stderr": {"class": "logging.StreamHandler", "formatter": "line"},
            "counts": {"()": "ops.log_counting.CountingHandler"},
        },
        "root": {"handlers": ["stderr", "counts"], "level": "INFO"},
        "loggers": {
            **{name: {"level": "WARNING"} for name in _CHATTY},
            # Django's own handlers print beside ours; propagate to the root instead
            "django": {"handlers": [], "level": "INFO", "propagate": True},
            "django.server": {"handlers": [], "level": "WARNING", "propagate": True},
        },
    }


def line_formatter() -> logging.Formatter:
    """Return the formatter through which every line goes, whoever logs it: last of all, secrets are taken out."""
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[*_SHARED, structlog.stdlib.ExtraAdder()],
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.StackInfoRenderer(),
            structlog.processors.format_exc_info,
            _hide_secrets,
            _renderer(),
        ],
    )


def secrets_in(tree: Any) -> Iterator[str]:
    """Yield every secret in a tree of dataclasses, mappings and sequences, and the password of those that are URLs."""
    if isinstance(tree, Secret):
        yield tree.reveal()
        if password := password_in(tree.reveal()):
            yield password
    elif dataclasses.is_dataclass(tree) and not isinstance(tree, type):
        for field in dataclasses.fields(tree):
            yield from secrets_in(getattr(tree, field.name))
    elif isinstance(tree, Mapping):
        for value in tree.values():
            yield from secrets_in(value)
    elif isinstance(tree, list | tuple | set | frozenset):
        for value in tree:
            yield from secrets_in(value)


def _add_correlation(logger: Any, method: str, event: Event) -> Event:
    correlation_id = correlation.current()
    if correlation_id:
        event.setdefault("correlation_id", correlation_id)
    return event


def _hide_secrets(logger: Any, method: str, event: Event) -> Event:
    return {redaction.redact(str(name)): redaction.redact_value(str(name), value) for name, value in event.items()}


def _renderer() -> Any:
    if sys.stderr.isatty():  # a person reads along
        return structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
    return structlog.processors.JSONRenderer(default=_plain)


def _plain(value: Any) -> Any:
    return str(value) if isinstance(value, Decimal) else redaction.redact(repr(value))


_SHARED: list[Any] = [
    structlog.contextvars.merge_contextvars,
    _add_correlation,
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
]


def _configure_structlog() -> None:
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *_SHARED,
            structlog.stdlib.PositionalArgumentsFormatter(),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )


def _log_what_nobody_caught() -> None:
    logging.captureWarnings(True)
    sys.excepthook = _log_uncaught
    threading.excepthook = _log_uncaught_in_thread


def _log_uncaught(kind: type[BaseException], error: BaseException, traceback: Any) -> None:
    if issubclass(kind, KeyboardInterrupt):
        sys.__excepthook__(kind, error, traceback)
        return
    logging.getLogger("arbsite").critical("uncaught", exc_info=(kind, error, traceback))


def _log_uncaught_in_thread(args: threading.ExceptHookArgs) -> None:
    if args.exc_value is not None and not issubclass(args.exc_type, SystemExit):
        _log_uncaught(args.exc_type, args.exc_value, args.exc_traceback)
