"""Sessions remember rows of records declared `kept`; nobody may ever see one that is no longer true."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest

from debitor.store import Store
from debitor.store.sqlite import OTHERS_SECONDS
from store.shelves import Country


class Stop(Exception):
    """Raised by jobs."""


def name_of(reader: Any, code: str = "A") -> str | None:
    found = reader.at(1).find(Country, code=code)
    return found.name if found else None


def names(reader: Any) -> list[str]:
    return [c.name for c in reader.at(1).all(Country, order=("code",))]


@pytest.fixture
def country(store: Store) -> Store:
    with store.transaction() as tx:
        tx.at(1).insert(Country(code="A", name="old"))
    assert name_of(store.reader()) == "old"
    assert names(store.reader()) == ["old"]
    return store


def rename(tx: Any, name: str) -> None:
    tx.at(1).update(tx.at(1).find(Country, code="A"), name=name)


def test_a_change_is_seen_by_its_own_transaction_and_then_by_readers(country: Store) -> None:
    """Inside at once, outside after the commit."""
    with country.transaction() as tx:
        assert name_of(tx) == "old"
        rename(tx, "new")
        assert name_of(tx) == "new"
        assert names(tx) == ["new"]
        assert name_of(country.reader()) == "old"

    assert name_of(country.reader()) == "new"
    assert names(country.reader()) == ["new"]


def test_a_transaction_that_fails_leaves_nothing_remembered(country: Store) -> None:
    """What was read after the undone write is forgotten with it."""
    with suppress(Stop), country.transaction() as tx:
        rename(tx, "wrong")
        assert name_of(tx) == "wrong"
        raise Stop

    assert name_of(country.reader()) == "old"
    with country.transaction() as tx:
        assert name_of(tx) == "old"


def test_a_job_that_fails_leaves_nothing_to_its_neighbours(country: Store) -> None:
    """The next job of the same group sees the row as it was."""

    def wrong(tx: Any) -> None:
        rename(tx, "wrong")
        assert name_of(tx) == "wrong"
        raise Stop

    async def main() -> list[Any]:
        jobs = (country.write(wrong), country.write(name_of), country.write(lambda tx: rename(tx, "new")))
        return [*await asyncio.gather(*jobs, return_exceptions=True)]

    results = asyncio.run(main())

    assert isinstance(results[0], Stop)
    assert results[1] == "old"
    assert name_of(country.reader()) == "new"


def test_a_part_that_is_undone_leaves_nothing_to_the_rest(country: Store) -> None:
    """As in a batch, whose parts fail one by one."""
    with country.transaction() as tx:
        with suppress(Stop), tx.savepoint():
            rename(tx, "wrong")
            assert name_of(tx) == "wrong"
            raise Stop

        assert name_of(tx) == "old"


def test_what_was_not_there_is_found_once_it_is(country: Store) -> None:
    """Not finding something is remembered too, and forgotten as well."""
    assert name_of(country.reader(), "B") is None
    with country.transaction() as tx:
        assert name_of(tx, "B") is None
        tx.at(1).insert(Country(code="B", name="second"))

    assert name_of(country.reader(), "B") == "second"


def test_deleted_rows_are_gone(country: Store) -> None:
    """By row and by condition."""
    with country.transaction() as tx:
        tx.at(1).delete_where(Country, code="A")
        assert name_of(tx) is None

    assert name_of(country.reader()) is None


def test_a_snapshot_does_not_remember_the_one_before(country: Store) -> None:
    """Its connection is used again, its memory is not."""
    with country.snapshot() as before:
        assert name_of(before) == "old"
    with country.transaction() as tx:
        rename(tx, "new")
    with country.snapshot() as after:
        assert name_of(after) == "new"


def test_what_another_process_writes_is_seen(country: Store, opened: Callable[..., Store]) -> None:
    """At once by a transaction, after a moment by readers."""
    other = opened()
    with other.transaction() as tx:
        rename(tx, "theirs")
    with country.transaction() as tx:
        assert name_of(tx) == "theirs"
    with other.transaction() as tx:
        rename(tx, "theirs again")
    time.sleep(OTHERS_SECONDS * 1.5)

    assert name_of(country.reader()) == "theirs again"


def test_companies_are_kept_apart(country: Store) -> None:
    """What is remembered of one company says nothing about another."""
    assert country.reader().at(2).find(Country, code="A") is None
    assert country.reader().at(2).all(Country, order=("code",)) == []
