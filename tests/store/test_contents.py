"""Contents: what is kept stays whole, and what nothing names goes."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from debitor.schema import RECORDS
from debitor.store import Store, StoreError
from debitor.store.contents import PART, SWEPT, Content, ContentPart, append, begin, drop, keep, read, sweep
from debitor.store.opening import open_store

HOUR = 3600 * 10**9


class Clock:
    """Nanoseconds since 1970, set by the test."""

    def __init__(self) -> None:
        self.at = 1_800_000_000 * 10**9

    def __call__(self) -> int:
        self.at += 10**6
        return self.at


def opened(folder: Path, clock: Clock) -> Store:
    return open_store(
        f"sqlite://{folder}/contents.db", records=[RECORDS["content"], RECORDS["content_part"]], clock=clock
    )


@settings(max_examples=20)
@given(st.lists(st.integers(0, 3), max_size=4), st.integers(0, PART))
def test_a_content_comes_back_as_it_was(
    tmp_path_factory: pytest.TempPathFactory, parts: list[int], rest: int
) -> None:
    store = opened(tmp_path_factory.mktemp("contents"), Clock())
    pieces = [bytes([n]) * (PART * n) for n in parts] + [b"x" * rest]
    with store.transaction() as root:
        id = begin(root.at(1))
    for piece in pieces:
        with store.transaction() as root:
            append(root.at(1), id, piece)
    with store.transaction() as root:
        assert keep(root.at(1), id) == sum(map(len, pieces))
    assert b"".join(read(store.reader().at(1), id)) == b"".join(pieces)
    store.close()


def test_what_nothing_names_goes_after_an_hour(tmp_path: Path) -> None:
    clock = Clock()
    store = opened(tmp_path, clock)
    with store.transaction() as root:
        tx = root.at(1)
        kept, dropped, begun = begin(tx), begin(tx), begin(tx)
        for id in (kept, dropped, begun):
            append(tx, id, b"x" * (PART * (SWEPT + 2)))
        keep(tx, kept)
        keep(tx, dropped)
    with store.transaction() as root:
        drop(root.at(1), [dropped])
        assert sweep(root.at(1)) == 0, "somebody may still be reading it"
    clock.at += HOUR + 10**9
    with store.transaction() as root:
        while sweep(root.at(1)):
            pass
    left = store.reader().at(1)

    assert [row.id for row in left.all(Content)] == [kept]
    assert left.count(ContentPart) == SWEPT + 2
    with store.transaction() as root, pytest.raises(StoreError, match="took too long"):
        append(root.at(1), begun, b"late")
    store.close()
