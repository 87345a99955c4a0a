"""Structured logs: one line a deed, ids as fields, no full phone number and no secret."""

from __future__ import annotations

import logging
import logging.handlers
import re
import sys
from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Any

from pythonjsonlogger.json import JsonFormatter

from broadcast.domain.hiding import hide

#: What a record has anyway; everything else came as `extra` and is a field.
_STANDARD = frozenset(logging.makeLogRecord({}).__dict__) | {"message", "asctime", "taskName", "data"}

_SECRET = re.compile(r"(?i)\b(bearer\s+|apikey[=:\s'\"]+|token[=:\s'\"]+|password[=:\s'\"]+)([^\s'\",&]+)")
_URL_SECRET = re.compile(r"(\w+://[^\s:/@]*:)[^\s@/]+@")


def configure(level: str, format: str, *, file: str | None = None) -> None:  # noqa: A002 - the setting is called so
    """Log to stderr, or to a file, at this level, as `text` or `json`. Replaces whatever was configured."""
    handler = logging.handlers.WatchedFileHandler(file) if file else logging.StreamHandler(sys.stderr)
    handler.setFormatter(_json() if format == "json" else _Text())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    # One line per task is ours (with ids); Celery's own twin of it, and a line per HTTP connection, say nothing more.
    for chatty in ("celery.app.trace", "celery.worker.strategy", "celery.beat", "urllib3", "kombu"):
        logging.getLogger(chatty).setLevel(max(logging.WARNING, logging.getLevelName(level)))


def masked(text: str) -> str:
    """The text without full phone numbers and without what follows a secret's name."""
    text = _SECRET.sub(r"\1***", _URL_SECRET.sub(r"\1***@", text))
    return hide(text, shown=_masked)


def _masked(digits: str) -> str:
    return f"{digits[:4]}***{digits[-2:]}"


def _fields(record: logging.LogRecord) -> Mapping[str, Any]:
    """The ids that came with the record. An instance, a campaign or a key may be named by a number."""
    fields = {name: value for name, value in record.__dict__.items() if name not in _STANDARD}
    return {name: masked(value) if isinstance(value, str) else value for name, value in fields.items()}


def _time(record: logging.LogRecord) -> str:
    return datetime.fromtimestamp(record.created, timezone.utc).isoformat(timespec="milliseconds")[:-6] + "Z"


class _Text(logging.Formatter):
    """`2026-01-31T12:00:00.000Z INFO broadcast.engine.sending sent campaign=c1 contact=7`."""

    def format(self, record: logging.LogRecord) -> str:
        fields = " ".join(f"{name}={value}" for name, value in _fields(record).items())
        line = f"{_time(record)} {record.levelname} {record.name} {masked(record.getMessage())}"
        trace = f"\n{masked(self.formatException(record.exc_info))}" if record.exc_info else ""
        return " ".join(filter(None, (line, fields))).replace("\n", "\\n") + trace


def _json() -> logging.Formatter:
    class Json(JsonFormatter):
        def add_fields(self, log_data: dict[str, Any], record: logging.LogRecord, _: dict[str, Any]) -> None:
            log_data.update(
                time=_time(record), level=record.levelname, logger=record.name, message=masked(record.getMessage())
            )
            log_data.update(_fields(record))
            if record.exc_info:
                log_data["exception"] = masked(str(self.formatException(record.exc_info)))

    return Json(json_default=str)
