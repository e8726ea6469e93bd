"""The stores that every promise is checked on."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from postgresql import CITUS, empty_books

BACKENDS: dict[str, Callable[[Path], str]] = {
    "sqlite": lambda folder: f"sqlite://{folder}/debitor.db",
    "postgresql": lambda folder: empty_books(),
}
"""Name -> the address of an empty store in (or beside) an empty folder."""

_ADDRESSES: dict[tuple[str, Path], str] = {}
DEFAULT = os.environ.get("DEBITOR_TEST_STORE", "postgresql" if CITUS else "sqlite")
"""The store of tests that do not choose one."""


def store_of(folder: Path, backend: str = "") -> str:
    """The address of the store that belongs to a folder: the same one each time."""
    at = (backend or DEFAULT, folder)
    if at not in _ADDRESSES:
        _ADDRESSES[at] = BACKENDS[at[0]](folder)
    return _ADDRESSES[at]


only_sqlite = pytest.mark.parametrize("url", ["sqlite"], indirect=True)
"""For tests that look into the file, or know how SQLite's store works."""
only_postgresql = pytest.mark.parametrize("url", ["postgresql"], indirect=True)
"""For tests of what only a server can do."""
