"""Jobs share a transaction, and nobody hears of a result before it is on disk."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import apsw
import pytest

from backends import only_sqlite
from debitor.store import DuplicateKey, Store, StoreError
from debitor.store.sqlite import SqliteStore
from store.shelves import Country, Entry


class Stop(Exception):
    """Raised by jobs."""


def insert(code: str) -> Callable[[Any], Country]:
    return lambda tx: tx.at(1).insert(Country(code=code))


def codes(store: Store) -> list[str]:
    return [c.code for c in store.reader().at(1).all(Country, order=("code",))]


def sqlite(store: Store) -> SqliteStore:
    assert isinstance(store, SqliteStore)
    return store


def test_many_jobs_are_all_kept_and_a_failing_one_is_undone_alone(store: Store) -> None:
    def half(tx: Any) -> None:
        tx.at(1).insert(Country(code="HALF"))
        raise Stop

    def swallowed(tx: Any) -> str:
        with pytest.raises(DuplicateKey):
            tx.at(1).insert(Country(code="C000"))
        return "went on"

    async def main() -> list[Any]:
        jobs = [insert(f"C{i:03}") for i in range(200)]
        return await asyncio.gather(
            *map(store.write, jobs[:100]), store.write(half), store.write(swallowed), store.write(insert("C000")),
            *map(store.write, jobs[100:]), return_exceptions=True,
        )  # fmt: skip

    results = asyncio.run(main())

    assert codes(store) == [f"C{i:03}" for i in range(200)]
    assert isinstance(results[100], Stop)
    assert results[101] == "went on"
    assert isinstance(results[102], DuplicateKey)
    assert [r.code for r in results[:100] + results[103:]] == codes(store)
    assert [r.version for r in results[103:]] == sorted(r.version for r in results[103:])


def test_a_result_arrives_after_its_commit_only(store: Store) -> None:
    """An answer that a crash could take back would let a client pay twice."""

    async def main() -> list[str]:
        seen = []
        for code in "ABC":
            done = store.write(insert(code))
            await done
            seen.append("".join(codes(store)))
        return seen

    assert asyncio.run(main()) == ["A", "AB", "ABC"]


@only_sqlite
def test_a_refusal_is_delivered_after_the_commit_too(store: Store) -> None:
    """It may rest on what a neighbour wrote: "exists already" must not be said of a row that was then lost."""

    async def main() -> tuple[bool, bool]:
        first, second = store.write(insert("A")), store.write(insert("A"))
        sqlite(store)._writer.set_commit_hook(lambda: True)
        outcome = await asyncio.gather(first, second, return_exceptions=True)
        return tuple(type(o) is StoreError for o in outcome)  # type: ignore[return-value]

    assert asyncio.run(main()) == (True, True)


@only_sqlite
def test_a_failed_commit_fails_the_whole_group_and_the_store_goes_on(store: Store) -> None:
    async def main() -> list[Any]:
        writer = sqlite(store)._writer
        before = await store.write(insert("BEFORE"))
        writer.set_commit_hook(lambda: True)  # true: turn the commit into an error
        lost = await asyncio.gather(*(store.write(insert(c)) for c in "ABC"), return_exceptions=True)
        long = await asyncio.gather(store.write(insert("L"), long=True), return_exceptions=True)
        writer.set_commit_hook(None)
        after = await store.write(insert("AFTER"))
        return [before, lost, long, after]

    before, lost, long, after = asyncio.run(main())

    assert [type(e) for e in lost + long] == [StoreError] * 4
    assert codes(store) == ["AFTER", "BEFORE"]
    assert after.version > before.version


@only_sqlite
def test_a_full_disk_loses_the_group_only(store: Store) -> None:
    """SQLite rolls the transaction back by itself then; rows written after that must not slip in alone."""

    def much(tx: Any) -> str:
        with pytest.raises(StoreError, match="full"):
            tx.at(1).insert_many(Country(code=f"{i:010}", name="x" * 250) for i in range(2000))
        with pytest.raises(StoreError):
            tx.at(1).insert(Country(code="ALONE"))
        return "done"

    async def main() -> list[Any]:
        writer = sqlite(store)._writer
        limit = writer.pragma("max_page_count", 150)
        assert limit == 150
        lost = await asyncio.gather(*map(store.write, [insert("A"), much, insert("B")]), return_exceptions=True)
        writer.pragma("max_page_count", 100000)
        await store.write(insert("C"))
        return lost

    lost = asyncio.run(main())

    assert "ALONE" not in codes(store)
    assert "C" in codes(store)
    for code, result in zip("AB", (lost[0], lost[2]), strict=True):
        assert isinstance(result, StoreError) == (code not in codes(store))
    assert lost[1] == "done" or isinstance(lost[1], StoreError)


@only_sqlite
def test_jobs_that_only_read_write_nothing(store: Store) -> None:
    sqlite(store)._writer.set_commit_hook(lambda: pytest.fail("nothing was to be committed"))

    def refuse(tx: Any) -> None:
        raise Stop

    async def main() -> tuple[int, Any]:
        refusing = store.write(refuse)
        return await store.write(lambda tx: tx.at(1).count(Country)), (
            await asyncio.gather(refusing, return_exceptions=True)
        )[0]

    count, refusal = asyncio.run(main())

    assert count == 0
    assert isinstance(refusal, Stop)


def test_a_long_job_runs_beside_the_loop(store: Store) -> None:
    threads = []

    def slow(tx: Any) -> int:
        tx.at(1).insert(Country(code="SLOW"))
        threads.append(threading.get_ident())
        time.sleep(0.2)
        return int(tx.at(1).count(Country))

    def failing(tx: Any) -> None:
        tx.at(1).insert(Country(code="FAILING"))
        raise Stop

    async def main() -> tuple[int, int, list[Any]]:
        long = store.write(slow, long=True)
        while not threads:
            await asyncio.sleep(0.001)
        turns = 0
        neighbours = [store.write(insert("N")), store.write(failing, long=True), store.write(insert("O"))]
        while not long.done():  # type: ignore[attr-defined]
            codes(store)
            turns += 1
            await asyncio.sleep(0.005)
        return turns, await long, await asyncio.gather(*neighbours, return_exceptions=True)

    turns, count, rest = asyncio.run(main())

    assert turns > 5
    assert count == 1
    assert threads != [threading.get_ident()]
    assert isinstance(rest[1], Stop)
    assert codes(store) == ["N", "O", "SLOW"]


@pytest.mark.parametrize("long", [False, True])
def test_whatever_a_job_raises_reaches_its_caller_and_nobody_else(store: Store, long: bool) -> None:
    """A future refuses StopIteration, which a bare next() raises."""

    def raising(tx: Any) -> None:
        tx.at(1).insert(Country(code="LOST"))
        next(iter(()))

    def wrong(tx: Any) -> None:
        tx._cursor.execute("SELECT nothing")

    async def main() -> list[Any]:
        jobs = [store.write(insert("A")), store.write(raising, long=long), store.write(wrong, long=long)]
        return await asyncio.gather(*jobs, store.write(insert("B")), return_exceptions=True)

    results = asyncio.run(main())

    assert codes(store) == ["A", "B"]
    assert [type(r) for r in results] == [Country, RuntimeError, StoreError, Country]


def test_a_cancelled_job_does_not_run_and_hurts_no_neighbour(store: Store) -> None:
    async def main() -> None:
        first, second, third = (asyncio.ensure_future(store.write(insert(c))) for c in "ABC")
        second.cancel()
        await asyncio.gather(first, third)

    asyncio.run(main())

    assert codes(store) == ["A", "C"]


@only_sqlite
def test_the_loop_reads_between_groups(store: Store) -> None:
    """A flood of writes must not keep readers waiting for more than a few milliseconds."""

    def busy(tx: Any) -> None:
        until = time.perf_counter() + 0.001
        while time.perf_counter() < until:
            pass
        tx.at(1).insert(Country(code=tx.new_id()[-10:]))

    async def main() -> int:
        commits = []
        sqlite(store)._writer.set_commit_hook(lambda: bool(commits.append(1)))  # type: ignore[func-returns-value]
        await asyncio.gather(*(store.write(busy) for _ in range(100)))
        return len(commits)

    assert asyncio.run(main()) >= 10  # of 10 ms each


@only_sqlite
def test_another_program_that_writes_is_waited_for_without_blocking_the_loop(store: Store, url: str) -> None:
    other = apsw.Connection(url.removeprefix("sqlite://"))
    other.execute("BEGIN IMMEDIATE")

    async def main() -> int:
        write = asyncio.ensure_future(store.write(insert("A")))
        turns = 0
        while turns < 20:
            await asyncio.sleep(0.005)
            codes(store)
            turns += 1
        assert not write.done()
        other.execute("UPDATE debitor_store SET version = 1000")
        other.execute("COMMIT")
        return (await write).version

    assert asyncio.run(main()) == 1001
    other.close()


@only_sqlite
def test_a_program_that_never_lets_go_is_an_error_after_a_while(
    store: Store, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("debitor.store.sqlite.LOCK_SECONDS", 0.05)
    other = apsw.Connection(url.removeprefix("sqlite://"))
    other.execute("BEGIN IMMEDIATE")

    async def main() -> list[Any]:
        jobs = [store.write(insert("A")), store.write(insert("B")), store.write(insert("C"), long=True)]
        return await asyncio.gather(*jobs, return_exceptions=True)

    refused = asyncio.run(main())
    with pytest.raises(StoreError, match="locked"), store.transaction():
        pass
    other.execute("ROLLBACK")
    other.close()

    assert all(isinstance(r, StoreError) and "locked" in str(r) for r in refused)
    asyncio.run(_written(store, "D"))
    assert codes(store) == ["D"]


async def _written(store: Store, code: str) -> None:
    await store.write(insert(code))


def test_a_transaction_and_jobs_take_turns(store: Store) -> None:
    """The command's transaction runs in another thread while the loop writes."""

    def transact() -> None:
        for i in range(50):
            with store.transaction() as tx:
                tx.at(1).insert(Entry(number=i))

    async def main() -> None:
        thread = asyncio.get_running_loop().run_in_executor(None, transact)
        for i in range(100):
            await store.write(insert(f"{i:03}"))
        await thread

    asyncio.run(main())

    assert len(codes(store)) == 100
    assert store.reader().at(1).count(Entry) == 50


def test_closing_finishes_what_was_accepted(opened: Callable[..., Store], url: str) -> None:
    async def main() -> list[Any]:
        store = opened()
        jobs = [store.write(insert(f"{i:03}"), long=i == 5) for i in range(10)]
        await asyncio.sleep(0)
        store.close()
        with pytest.raises(StoreError):
            store.write(insert("LATE"))
        return await asyncio.gather(*jobs)

    kept = asyncio.run(main())

    assert [c.code for c in kept] == codes(opened()) == [f"{i:03}" for i in range(10)]


@only_sqlite
def test_a_stopped_store_is_one_file(store: Store, url: str) -> None:
    file = Path(url.removeprefix("sqlite://"))
    asyncio.run(_written(store, "A"))
    store.close()

    assert [f.name for f in file.parent.iterdir()] == [file.name]


@only_sqlite
def test_no_state_is_told_while_a_commit_is_under_way(store: Store) -> None:
    """It may show to readers already; what they remember has to belong to the state before, or the one after."""
    seen: list[object] = []
    before = store.state()
    assert before is not None
    assert store.state() is before

    def note() -> bool:
        """Called by SQLite inside COMMIT; True would make it fail."""
        seen.append(store.state())
        return False

    sqlite(store)._writer.set_commit_hook(note)
    try:
        asyncio.run(_written(store, "A"))
    finally:
        sqlite(store)._writer.set_commit_hook(None)

    assert seen == [None]
    after = store.state()
    assert after is not None
    assert after is not before


@only_sqlite
def test_after_a_commit_that_failed_states_are_told_again(store: Store) -> None:
    sqlite(store)._writer.set_commit_hook(lambda: True)
    try:
        with pytest.raises(StoreError):
            asyncio.run(_written(store, "A"))
    finally:
        sqlite(store)._writer.set_commit_hook(None)

    assert codes(store) == []
    assert store.state() is not None
