"""Reads that share a connection to PostgreSQL: each gets its own rows, whatever becomes of the others."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

import pytest

from backends import only_postgresql
from debitor.store import Store, StoreError
from debitor.store.opening import open_store
from debitor.store.postgresql import reading
from debitor.store.postgresql.store import PostgresqlStore
from debitor.store.postgresql.turns import MOST_SENT
from store.shelves import SHELVES, Country
from store.test_postgresql import named, terminate

OPENED = Callable[..., Store]
Job = Callable[[Any], Any]
pytestmark = only_postgresql


def echo(*values: int, seconds: float = 0) -> Job:
    """Asks for numbers, one after the other, and takes its time in the database."""

    def job(root: Any) -> list[int]:
        found = []
        for value in values:
            if seconds:
                root.rows(f"SELECT 1 FROM pg_sleep({seconds})", ())
            found.append(root.rows("SELECT CAST(? AS bigint)", (value,))[0][0])
        return found

    return job


def ask(store: Store, *jobs: Job) -> list[Any]:
    """The outcome of reads that begin together."""

    async def main() -> list[Any]:
        return await asyncio.gather(*(store.read(job) for job in jobs), return_exceptions=True)

    return asyncio.run(main())


def test_each_read_gets_its_own_rows(store: Store) -> None:
    numbers = [(n, n + 1, n * n) for n in range(3 * MOST_SENT)]

    assert ask(store, *(echo(*each) for each in numbers)) == [list(each) for each in numbers]


def test_the_loop_goes_on_while_reads_wait(store: Store) -> None:
    ticks = 0

    async def tick() -> None:
        nonlocal ticks
        while True:
            ticks += 1
            await asyncio.sleep(0.01)

    async def main() -> list[int]:
        ticking = asyncio.ensure_future(tick())
        found: list[int] = await store.read(echo(7, seconds=0.3))
        ticking.cancel()
        return found

    assert asyncio.run(main()) == [7]
    assert ticks > 5, "the loop stood still"


def test_the_loop_goes_on_while_reads_wait_for_room(store: Store) -> None:
    """There are more of them than may be on their way, and the first is slow; one gives up meanwhile."""
    ticks = 0

    async def tick() -> None:
        nonlocal ticks
        while True:
            ticks += 1
            await asyncio.sleep(0.01)

    async def main() -> list[Any]:
        ticking = asyncio.ensure_future(tick())
        slow = asyncio.ensure_future(store.read(echo(0, seconds=0.5)))
        reads = [slow, *(asyncio.ensure_future(store.read(echo(n))) for n in range(1, 2 * MOST_SENT))]
        await asyncio.sleep(0.02)
        reads[-5].cancel()
        await slow
        ticking.cancel()
        return await asyncio.gather(*reads, return_exceptions=True)

    found = asyncio.run(main())
    assert isinstance(found.pop(-5), asyncio.CancelledError)
    assert found == [[n] for n in range(2 * MOST_SENT) if n != 2 * MOST_SENT - 5]
    assert ticks > 10, "the loop stood still"
    assert ask(store, *(echo(n) for n in range(2 * MOST_SENT))) == [[n] for n in range(2 * MOST_SENT)]


def test_reads_that_wait_for_room_outlive_a_lost_connection(url: str) -> None:
    store = named(url, "room")

    async def main() -> list[Any]:
        reads = [asyncio.ensure_future(store.read(echo(n, seconds=0.02))) for n in range(2 * MOST_SENT)]
        await asyncio.sleep(0.05)
        assert await asyncio.to_thread(terminate, url, "room") >= 1
        return await asyncio.gather(*reads)

    assert asyncio.run(main()) == [[n] for n in range(2 * MOST_SENT)]
    store.close()


def test_an_error_is_told_to_whose_it_is(store: Store) -> None:
    def wrong(root: Any) -> Any:
        return root.rows("SELECT 1 / CAST(? AS bigint)", (0,))

    outcomes = ask(store, echo(1), wrong, echo(2), wrong, echo(3, 4))

    assert [outcomes[at] for at in (0, 2, 4)] == [[1], [2], [3, 4]]
    assert isinstance(outcomes[1], StoreError)
    assert isinstance(outcomes[3], StoreError)


def test_a_job_raises_what_it_raises(store: Store) -> None:
    def lost(root: Any) -> None:
        root.rows("SELECT 1", ())
        raise LookupError("lost")

    first, second = ask(store, lost, echo(5))

    assert isinstance(first, LookupError)
    assert second == [5]


def test_who_does_not_take_turns_waits_and_takes_the_rows_of_the_others(store: Store) -> None:
    async def main() -> tuple[list[int], list[int]]:
        slow = asyncio.ensure_future(store.read(echo(1, 2, seconds=0.1)))
        await asyncio.sleep(0)  # its statement is sent
        return echo(3)(store.reader()), await slow

    assert asyncio.run(main()) == ([3], [1, 2])


def test_a_read_that_is_cancelled_leaves_the_others_their_rows(store: Store) -> None:
    """Its rows arrive all the same, and are nobody else's."""
    ended = []

    def noting(root: Any) -> None:
        try:
            echo(1, seconds=0.2)(root)
        except BaseException as error:
            ended.append(type(error))
            raise

    async def main() -> list[Any]:
        given_up = asyncio.ensure_future(store.read(noting))
        others = [asyncio.ensure_future(store.read(echo(n, n + 1))) for n in range(5)]
        await asyncio.sleep(0.01)
        given_up.cancel()
        return await asyncio.gather(given_up, *others, return_exceptions=True)

    cancelled, *found = asyncio.run(main())

    assert isinstance(cancelled, asyncio.CancelledError)
    assert ended == [asyncio.CancelledError]
    assert found == [[n, n + 1] for n in range(5)]
    assert ask(store, echo(9)) == [[9]]


def test_a_connection_that_is_lost_under_many_reads_is_renewed_once_for_all(url: str) -> None:
    store = named(url, "turns")
    assert isinstance(store, PostgresqlStore)
    connect, opened = store._source._connect, []

    def connecting() -> Any:
        opened.append(1)
        return connect()

    store._source._connect = connecting  # type: ignore[method-assign]

    async def main() -> list[Any]:
        slow = asyncio.ensure_future(store.read(echo(1, seconds=0.4)))
        others = [asyncio.ensure_future(store.read(echo(n, n))) for n in range(10)]
        await asyncio.sleep(0.05)
        assert await asyncio.to_thread(terminate, url, "turns") >= 1
        return await asyncio.gather(slow, *others)

    assert asyncio.run(main()) == [[1], *([n, n] for n in range(10))]
    assert opened == [1]
    store.close()


def test_a_connection_that_is_ended_while_nobody_asks_is_renewed(url: str) -> None:
    store = named(url, "idle")

    async def main() -> list[list[int]]:
        first = await store.read(echo(1))
        await asyncio.to_thread(terminate, url, "idle")
        await asyncio.sleep(0.05)
        return [first, await store.read(echo(2))]

    assert asyncio.run(main()) == [[1], [2]]
    store.close()


def test_a_read_that_gets_no_answer_is_given_up_and_those_behind_it_are_not(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "READ_SECONDS", 1.3)  # the database gives up after 0.3
    monkeypatch.setattr(reading, "_READING", {})  # and here it does not
    store = open_store(url, records=SHELVES)
    begun = time.monotonic()
    hung, *others = ask(store, echo(1, seconds=30), echo(2), echo(3, 4))

    assert isinstance(hung, StoreError)
    assert "in time" in str(hung)
    assert others == [[2], [3, 4]]
    assert 1 < time.monotonic() - begun < 15
    store.close()


def test_reads_go_on_in_another_loop(store: Store) -> None:
    for n in range(3):
        assert ask(store, echo(n), echo(n + 1)) == [[n], [n + 1]]


def test_what_is_derived_while_others_write_is_not_kept(opened: OPENED) -> None:
    """Half of it is older than the other half; what is read next time is all new."""
    store, other = opened(), opened()
    with other.transaction() as tx:
        tx.at(1).insert_many([Country(code="A", name="old"), Country(code="B", name="old")])

    def names(tx: Any) -> tuple[str, ...]:
        found = []
        for code in ("A", "B"):
            found.append(tx.find(Country, code=code).name)
            if code == "A" and found == ["old"]:
                with other.transaction() as root:
                    books = root.at(1)
                    for row in books.all(Country):
                        books.update(row, name="new")
                tx.look_again()
        return tuple(found)

    def derived(root: Any) -> tuple[str, ...]:
        books = root.at(1)
        books.look_again = lambda: root._writing.look_again((1,))
        return books.derived(names)  # type: ignore[no-any-return]

    assert ask(store, derived) == [("old", "new")]
    assert ask(store, derived) == [("new", "new")]
