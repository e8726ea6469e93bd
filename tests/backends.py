"""The stores that every promise is checked on: SQLite now; a further one adds a line to `BACKENDS`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

BACKENDS: dict[str, Callable[[Path], str]] = {"sqlite": lambda folder: f"sqlite://{folder}/books.db"}
"""Name -> the address of an empty store in (or beside) an empty folder."""
