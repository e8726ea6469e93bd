"""Plans over tables that were empty a moment ago: they use the primary key as soon as somebody has looked."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from backends import only_postgresql
from debitor.store import Store
from debitor.store.postgresql import statistics
from debitor.store.postgresql.link import Link
from postgresql import CITUS
from store.shelves import Author


@only_postgresql
@pytest.mark.skipif(bool(CITUS), reason="the machines on which the rows lie count them, and analyze by themselves")
def test_a_table_that_grew_is_analyzed(opened: Callable[..., Store], url: str) -> None:
    store = opened()
    with store.transaction() as root:
        root.at(1).insert_many([Author(number=f"A{n}", name="same") for n in range(3000)])
    store.close()
    link = Link(url)
    seen: list[str] = []
    end = time.monotonic() + 20
    while "shelf_author" not in seen and time.monotonic() < end:
        seen = statistics.refresh(link)
        time.sleep(0.2)
    known = link.execute("SELECT CAST(reltuples AS bigint) FROM pg_class WHERE relname = 'shelf_author'").fetchall()
    again = statistics.refresh(link)
    link.close()

    assert "shelf_author" in seen
    assert (3000,) in known
    assert "shelf_author" not in again
