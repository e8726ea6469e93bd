"""Stores of shelves, of every kind, for the tests of the contract."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from backends import BACKENDS
from debitor.store import Store
from debitor.store.opening import open_store
from store.shelves import SHELVES


@pytest.fixture(params=sorted(BACKENDS))
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return BACKENDS[request.param](tmp_path)


@pytest.fixture
def opened(url: str) -> Iterator[Callable[..., Store]]:
    """Opens the test's store again; whatever is still open at the end is closed."""
    with ExitStack() as stack:

        def again(**options: Any) -> Store:
            store = open_store(url, **{"records": SHELVES, **options})
            stack.callback(store.close)
            return store

        yield again


@pytest.fixture
def store(opened: Callable[..., Store]) -> Store:
    return opened()
