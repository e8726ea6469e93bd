"""The log: text for people, or one JSON object a line for programs. Request ids lead from an answer to its line.

    {"time": "2026-01-31T09:30:00.120Z", "level": "info", "message": "request", "request_id": "...", "method": "POST",
     "path": "/api/v2.0/companies(...)/customers", "status": 201, "milliseconds": 3.1, "client": "..."}

Query options, headers and bodies are never logged: filters hold names of customers, headers hold secrets.
"""

from __future__ import annotations

import logging
import sys
from datetime import UTC, datetime
from typing import Any

import msgspec

FORMATS = ("text", "json")
REQUESTS = ("none", "failed", "all")
SLOW = 1.0
"""Seconds from which on a request counts as failed for the log: somebody waited."""
LONGEST = 300
"""Characters of an address that are logged."""

requests = logging.getLogger("debitor.requests")


class JsonFormatter(logging.Formatter):
    """One JSON object a line. What a caller gives as `extra={"facts": {...}}` becomes members."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        made: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")[:23] + "Z",
            "level": record.levelname.lower(),
            "message": record.getMessage(),
            **getattr(record, "facts", {}),
        }
        if record.name != "debitor":
            made["logger"] = record.name
        if record.exc_info:
            made["exception"] = self.formatException(record.exc_info)
        return msgspec.json.encode(made).decode()


class TextFormatter(logging.Formatter):
    """Time, level, message, and what a caller gives as facts."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(message)s")

    def format(self, record: logging.LogRecord) -> str:
        """Return the line, or lines with an exception."""
        told = super().format(record)
        facts = getattr(record, "facts", None)
        if facts:
            first, newline, rest = told.partition("\n")
            told = first + "".join(f" {name}={value}" for name, value in facts.items()) + newline + rest
        return told


def set_up(level: str, form: str) -> None:
    """Log to standard error from now on.

    Args:
        level: debug, info, warning or error.
        form: text or json.
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter() if form == "json" else TextFormatter())
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)


class RequestLog:
    """Logs requests: all, or those that failed or were slow.

    Args:
        which: one of REQUESTS.
    """

    def __init__(self, which: str = "failed") -> None:
        self.all, self.none = which == "all", which == "none"

    def answered(self, request_id: str, method: str, path: str, status: int, seconds: float, client: str) -> None:
        """Log a request that was answered, if it is to be logged."""
        bad = status >= 500 or seconds >= SLOW
        if self.none or not (bad or self.all):
            return
        facts = {
            "request_id": request_id,
            "method": method[:20],
            "path": path[:LONGEST],
            "status": status,
            "milliseconds": round(seconds * 1000, 1),
            "client": client,
        }
        requests.log(logging.WARNING if bad else logging.INFO, "request", extra={"facts": facts})
