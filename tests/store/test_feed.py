"""What changed since a version, and what was deleted: contents, order, bounds, and that an index finds it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from backends import only_sqlite
from debitor.identity import SigningKey
from debitor.schema import Changes
from debitor.store import Change, Span, Store, feed
from debitor.store.dialect import SQLITE
from debitor.store.sqlite import SqliteStore
from store.shelves import Author, Book, Country, Library, Sale

ALL = Span(0, "", 2**60)


def test_a_row_is_listed_with_its_last_change(store: Store) -> None:
    with store.transaction() as root:
        tx = root.at(1)
        one = tx.insert(Country(code="A"))
        two = tx.insert(Country(code="B"))
    with store.transaction() as root:
        new = root.at(1).update(one, name="x")
    reader = store.reader()

    assert reader.at(1).changed(Country, ALL, 10) == [
        Change(two.version, two.id, two.version, False),
        Change(new.version, one.id, one.version, False),
    ]
    assert reader.at(1).latest() == reader.at(1).newest() == new.version
    assert reader.at(1).changed(Country, Span(two.version + 1, "", 2**60), 10)[0].key == one.id
    assert reader.at(1).changed(Country, Span(two.version, two.id, new.version), 10)[0].key == one.id
    assert reader.at(1).changed(Country, Span(0, "", two.version), 10)[0].key == two.id
    assert reader.at(2).changed(Country, ALL, 10) == []


@pytest.mark.parametrize("way", ["delete", "delete_where", "write"])
def test_every_way_to_delete_is_listed(store: Store, way: str) -> None:
    with store.transaction() as root:
        rows = [root.at(1).insert(Country(code=c)) for c in "ABC"]
    ways: dict[str, Callable[[Any], Any]] = {
        "delete": lambda tx: [tx.delete(row) for row in rows[:2]],
        "delete_where": lambda tx: tx.delete_where(Country, code=["A", "B"]),
        "write": lambda tx: tx.write(Changes(delete=list(rows[:2]))),
    }
    before = store.reader().at(1).latest()
    with store.transaction() as root:
        ways[way](root.at(1))

    found = store.reader().at(1).changed(Country, Span(before + 1, "", 2**60), 10)
    assert [(c.key, c.created, c.gone) for c in found] == [(r.id, r.version, True) for r in rows[:2]]
    assert found[0].version < found[1].version <= store.reader().at(1).latest()


def test_a_deletion_that_is_undone_is_not_listed(store: Store) -> None:
    with store.transaction() as root:
        row = root.at(1).insert(Country(code="A"))

    async def run() -> None:
        def refused(root: Any) -> None:
            root.at(1).delete(row)
            raise ValueError("no")

        with pytest.raises(ValueError, match="no"):
            await store.write(refused)

    asyncio.run(run())
    assert [c.gone for c in store.reader().at(1).changed(Country, ALL, 10)] == [False]


def test_records_of_the_whole_store(store: Store) -> None:
    with store.transaction() as root:
        one = root.insert(Library(name="A"))
        root.delete(root.insert(Library(name="B")))

    assert [(c.key == one.id, c.gone) for c in store.reader().changed(Library, ALL, 9)] == [
        (True, False),
        (False, True),
    ]


def test_what_changes_lead_to(store: Store) -> None:
    with store.transaction() as root:
        tx = root.at(1)
        country = tx.insert(Country(code="A"))
        authors = [tx.insert(Author(number=f"{n}", country_id=country.id)) for n in range(3)]
        tx.insert(Author(number="X"))
        book = tx.insert(Book(isbn="1", author_id=authors[0].id))
        tx.insert(Sale(entry_number=1, book_id=book.id))
    with store.transaction() as root:
        country = root.at(1).update(country, name="x")
    reader = store.reader().at(1)

    found = reader.led_to(Country, "id", Author, "country_id", Span(country.version, "", 2**60), 2)
    assert [(c.version, c.key, c.gone) for c in found] == [
        (country.version, a.id, False) for a in sorted(authors, key=lambda a: a.id)[:2]
    ]
    rest = reader.led_to(Country, "id", Author, "country_id", Span(found[1].version, found[1].key, 2**60), 2)
    assert [c.key for c in rest] == [max(a.id for a in authors)]
    assert [c.key for c in reader.led_to(Sale, "book_id", Book, "id", ALL, 9)] == [book.id]
    assert [c.key for c in reader.led_to(Sale, "book_id", None, "", ALL, 9)] == [book.id]


@only_sqlite
def test_an_index_finds_changes(store: Store) -> None:
    assert isinstance(store, SqliteStore)
    values = (1, 5, 5, "", 9, 10)
    live, gone = feed.changed(Book, False)

    assert "INDEX shelf_book__version (company=? AND version>" in " ".join(store.explain(live, values))
    assert "PRIMARY KEY (company=? AND record=? AND version>" in " ".join(store.explain(gone, ("x", *values)))
    plan = store.explain(feed.led_to(SQLITE, Sale, "book_id", Book, "id")[0], values)
    assert "shelf_sale__version" in plan[0]
    assert "shelf_book" in plan[1] or "SEARCH t" in plan[1]


def test_changes_of_records_that_are_not_tracked_are_not_kept() -> None:
    with pytest.raises(AssertionError, match="not kept"):
        feed.changed(SigningKey, False)


def test_stamps_of_two_transactions_differ(opened: Callable[..., Store]) -> None:
    """So that asking for what is later than the last stamp seen misses nothing, though the clock stands or jumps."""
    clock = [10**18]
    store = opened(clock=lambda: clock[0])
    stamps = []
    for n, step in enumerate((0, 0, -5_000_000_000, 10_000_000, 0)):
        clock[0] += step
        with store.transaction() as root:
            stamps.append(root.at(1).insert(Country(code=str(n))).modified_at)

    assert stamps == sorted(set(stamps))
