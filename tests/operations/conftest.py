"""Empty books of every kind of store, for the tests of business acts."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from backends import BACKENDS
from postgresql import used_books


@pytest.fixture(params=sorted(BACKENDS))
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The address of an empty store, or of one that was emptied: making all tables takes half a second."""
    if request.param == "postgresql":
        with used_books() as url:
            yield url
    else:
        yield BACKENDS[request.param](tmp_path)
