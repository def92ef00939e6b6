"""Logging: one tree, text that cannot forge lines or move a terminal's cursor, JSON on request, files that rotate."""

from __future__ import annotations

import json
import logging
import os
import time
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from upbit_ws_qt.text import safe_text

if TYPE_CHECKING:
    from io import TextIOWrapper

__all__ = ["ROOT_LOGGER", "JsonFormatter", "SafeFormatter", "configure_logging", "remove_logging"]

ROOT_LOGGER = "upbit_ws_qt"
MESSAGE_CHARACTERS = 500
TRACEBACK_LINES = 60
FILE_BYTES = 5 * 1024 * 1024
FILES_KEPT = 3
# What every record has; whatever else hangs on it was put there by `extra=`.
_STANDARD = frozenset(logging.makeLogRecord({}).__dict__) | {"message", "asctime", "taskName"}
_THIRD_PARTY = ("websockets", "websockets.client")


def _message(record: logging.LogRecord) -> str:
    return safe_text(record.getMessage(), MESSAGE_CHARACTERS)


def _time(record: logging.LogRecord) -> str:
    moment = time.gmtime(record.created)
    return f"{time.strftime('%Y-%m-%dT%H:%M:%S', moment)}.{int(record.msecs):03d}Z"


def _traceback(formatter: logging.Formatter, record: logging.LogRecord) -> list[str]:
    if not record.exc_info:
        return []
    lines = formatter.formatException(record.exc_info).splitlines()
    if len(lines) > TRACEBACK_LINES:
        half = TRACEBACK_LINES // 2
        lines = [*lines[:half], f"… {len(lines) - 2 * half} lines left out …", *lines[-half:]]
    return [safe_text(line, MESSAGE_CHARACTERS) for line in lines]


class SafeFormatter(logging.Formatter):
    """One line for each record; traceback lines are indented, so that none can pass for a record."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as text, UTC."""
        head = f"{_time(record)} {record.levelname:<8} {record.name}: {_message(record)}"
        return "\n    | ".join([head, *_traceback(self, record)])


class JsonFormatter(logging.Formatter):
    """One JSON object for each record: time, level, logger, message, traceback, and the fields given by `extra=`."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as one line of JSON, UTC."""
        entry: dict[str, Any] = {
            "time": _time(record),
            "level": record.levelname,
            "logger": record.name,
            "message": _message(record),
        }
        for name, value in record.__dict__.items():
            if name not in _STANDARD and name not in entry:
                plain = value is None or isinstance(value, (bool, int, float))
                entry[name] = value if plain else safe_text(str(value), MESSAGE_CHARACTERS)
        lines = _traceback(self, record)
        if lines:
            entry["traceback"] = lines
        return json.dumps(entry, ensure_ascii=False)


class _PrivateFile(RotatingFileHandler):
    """A rotating file that nobody else can read, from its first byte on."""

    def _open(self) -> TextIOWrapper:
        def opener(path: str, flags: int) -> int:
            return os.open(path, flags, 0o600)

        return open(self.baseFilename, "a", encoding="utf-8", errors="backslashreplace", opener=opener)


def configure_logging(
    path: str | os.PathLike[str] | None = None,
    *,
    json_lines: bool = False,
    level: int = logging.INFO,
    max_bytes: int = FILE_BYTES,
    backups: int = FILES_KEPT,
    stream: IO[str] | None = None,
) -> logging.Handler:
    """Send the package's log to a file that rotates, or to `stream` (stderr where neither is given).

    Programs that set up logging themselves need none of this. Returns the handler; give it to `remove_logging` at the
    end. A path that cannot be written raises OSError. The websockets library is kept at INFO and above: at DEBUG it
    prints the Authorization header.
    """
    handler: logging.Handler
    if path is None:
        handler = logging.StreamHandler(stream)
    else:
        target = Path(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        handler = _PrivateFile(target, maxBytes=max_bytes, backupCount=backups, encoding="utf-8")
    handler.setFormatter(JsonFormatter() if json_lines else SafeFormatter())
    logger = logging.getLogger(ROOT_LOGGER)
    logger.addHandler(handler)
    logger.setLevel(level)
    for name in _THIRD_PARTY:
        other = logging.getLogger(name)
        if other.level < logging.INFO:
            other.setLevel(logging.INFO)
    return handler


def remove_logging(handler: logging.Handler) -> None:
    """Take away what `configure_logging` made and close its file."""
    logging.getLogger(ROOT_LOGGER).removeHandler(handler)
    handler.close()
