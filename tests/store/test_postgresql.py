"""What only the store on PostgreSQL must do: locks by company, lost connections, retries, and one that leads."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from backends import only_postgresql
from debitor.store import DuplicateKey, Store, StoreError, UnknownOutcome
from debitor.store.opening import open_store
from debitor.store.postgresql import reading
from debitor.store.postgresql import store as module
from debitor.store.postgresql.link import Broken, Link
from debitor.store.postgresql.store import PostgresqlStore
from postgresql import CITUS, run
from store.shelves import SHELVES, Country, Library

OPENED = Callable[..., Store]
pytestmark = only_postgresql
IN_ONE_PLACE = pytest.mark.skipif(bool(CITUS), reason="a cluster has no record of its transactions")


def insert(code: str, *companies: int) -> Callable[[Any], Any]:
    def job(tx: Any) -> Any:
        return [tx.at(company).insert(Country(code=code)) for company in companies or (1,)]

    return job


def codes(store: Store, company: int = 1) -> list[str]:
    return [c.code for c in store.reader().at(company).all(Country, order=("code",))]


def named(url: str, name: str) -> Store:
    """A store whose connections can be told from those of others."""
    return open_store(f"{url}&application_name={name}", records=SHELVES)


def terminate(url: str, name: str) -> int:
    """End all connections of a store. Returns how many there were."""
    rows = run(
        url,
        "SELECT CAST(count(pg_terminate_backend(pid)) AS bigint) FROM pg_stat_activity "
        f"WHERE application_name = '{name}'",
    )
    number = rows[0][0]
    assert isinstance(number, int)
    return number


def gone(url: str, name: str) -> bool:
    """Whether the connections of a store have ended, which takes a moment."""
    counted = f"SELECT CAST(count(*) AS bigint) FROM pg_stat_activity WHERE application_name = '{name}'"
    return run(url, counted) == [(0,)]


# --------------------------------------------------------------------------- locks


def test_a_busy_company_holds_up_nobody_else(store: Store) -> None:
    """A long transaction in one company: jobs there wait, jobs elsewhere do not, and none is lost."""
    begun, go_on = threading.Event(), threading.Event()

    def slow(tx: Any) -> None:
        tx.at(1).insert(Country(code="SLOW"))
        begun.set()
        assert go_on.wait(30)

    async def main() -> tuple[list[bool], list[str]]:
        long = store.write(slow, long=True)
        await asyncio.to_thread(begun.wait, 30)
        waiting = [asyncio.ensure_future(store.write(insert(f"W{i}", 1))) for i in range(5)]
        await asyncio.gather(*(store.write(insert(f"E{i}", 2)) for i in range(5)))
        states = [job.done() for job in waiting]
        seen = codes(store, 2)
        go_on.set()
        await asyncio.gather(long, *waiting)
        return states, seen

    states, seen = asyncio.run(main())

    assert states == [False] * 5
    assert seen == [f"E{i}" for i in range(5)]
    assert codes(store) == ["SLOW", *(f"W{i}" for i in range(5))]


def test_companies_in_any_order_never_wait_for_each_other(opened: OPENED) -> None:
    """Two servers whose jobs take the same locks in opposite orders: a deadlock for who takes them as they come."""
    one, two = opened(), opened()

    async def main() -> None:
        jobs = [store.write(insert(f"{n}{i:02}", *order), long=i % 5 == 0)
                for i in range(40) for n, store, order in (("A", one, (1, 2, 3)), ("B", two, (3, 2, 1)))]  # fmt: skip
        await asyncio.gather(*jobs)

    asyncio.run(main())
    wanted = sorted(f"{n}{i:02}" for n in "AB" for i in range(40))

    assert [codes(one, company) for company in (1, 2, 3)] == [wanted] * 3
    rows = one.reader().at(2).all(Country, order=("version",))
    assert [r.version for r in rows] == list(range(1, 81))


def test_nothing_is_written_between_what_a_job_reads_and_what_it_writes(opened: OPENED) -> None:
    """Counting up by reading first: on the usual isolation level without locks, counts would be lost."""
    stores = [opened(), opened()]
    with stores[0].transaction() as tx:
        tx.at(1).insert(Country(code="N", name="0"))

    def count(tx: Any) -> None:
        books = tx.at(1)
        row = books.find(Country, code="N")
        books.update(row, name=str(int(row.name) + 1))

    async def main() -> None:
        await asyncio.gather(*(stores[i % 2].write(count, long=i % 7 == 0) for i in range(100)))

    asyncio.run(main())
    with stores[0].transaction() as tx:
        row = tx.at(1).find(Country, code="N")
    assert row is not None
    assert row.name == "100"


def test_records_of_the_whole_store_are_changed_as_they_were_read(opened: OPENED) -> None:
    stores = [opened(), opened()]
    with stores[0].transaction() as tx:
        tx.insert(Library(name="0"))

    def count(tx: Any) -> None:
        (row,) = tx.all(Library)
        tx.update(row, name=str(int(row.name) + 1))

    async def main() -> list[Any]:
        return await asyncio.gather(*(stores[i % 2].write(count) for i in range(20)), return_exceptions=True)

    outcomes = asyncio.run(main())
    (row,) = stores[1].reader().all(Library)
    assert int(row.name) == outcomes.count(None) > 0


def test_a_lock_that_is_never_given_back_is_an_error_after_a_while(
    opened: OPENED, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(module._WRITING, "lock_timeout", "100ms")
    store, other = opened(), opened()
    with other.transaction() as tx:
        tx.at(1).insert(Country(code="A"))

        async def main() -> list[Any]:
            jobs = [store.write(insert("B")), store.write(insert("C"), long=True)]
            return await asyncio.gather(*jobs, return_exceptions=True)

        refused = asyncio.run(main())

    assert all(isinstance(r, StoreError) and "in use" in str(r) for r in refused)
    assert codes(store) == ["A"]


# --------------------------------------------------------------------------- failures


def test_lost_connections_lose_no_acknowledged_row_and_double_none(url: str) -> None:
    store = named(url, "lost-connections")
    stop = threading.Event()
    killed = []

    def kill() -> None:
        while not stop.is_set():
            killed.append(terminate(url, "lost-connections"))
            time.sleep(0.03)

    async def main() -> list[str]:
        killer = asyncio.get_running_loop().run_in_executor(None, kill)
        kept = []
        for round in range(30):
            names = [f"{round:02}{i:02}" for i in range(20)]
            jobs = [store.write(insert(name, 1 + i % 2), long=i == 7) for i, name in enumerate(names)]
            outcomes = await asyncio.gather(*jobs, return_exceptions=True)
            kept += [name for name, o in zip(names, outcomes, strict=True) if not isinstance(o, Exception)]
        stop.set()
        await killer
        return kept

    kept = asyncio.run(main())
    store.close()
    store = open_store(url, records=SHELVES)

    assert sum(killed) > 5
    assert sorted(kept) == sorted(codes(store, 1) + codes(store, 2))
    assert len(kept) == 600
    store.close()


@pytest.mark.parametrize("sent", [True, False])
def test_a_commit_without_an_answer_is_looked_up(store: Store, monkeypatch: pytest.MonkeyPatch, sent: bool) -> None:
    """Whether the database kept it or not, the job is done exactly once."""
    execute = Link.execute
    lost: list[Link] = []

    def unlucky(link: Link, sql: str, values: Any = ()) -> Link:
        if sql == "COMMIT" and not lost:
            lost.append(link)
            if sent:
                execute(link, sql, values)
            link.close()
            raise Broken("the cable was pulled")
        return execute(link, sql, values)

    monkeypatch.setattr(Link, "execute", unlucky)

    async def main() -> None:
        await asyncio.gather(*(store.write(insert(c)) for c in "ABC"))

    asyncio.run(main())

    assert len(lost) == 1
    assert codes(store) == ["A", "B", "C"]


@pytest.mark.parametrize("sent", [True, False])
@pytest.mark.parametrize("same_history", [pytest.param(True, marks=IN_ONE_PLACE), False])
def test_a_commit_that_others_have_written_over(
    opened: OPENED, monkeypatch: pytest.MonkeyPatch, sent: bool, same_history: bool
) -> None:
    """The company's clock cannot tell any more; the record of transactions can, unless the history is another."""
    store, other = opened(), opened()
    execute = Link.execute
    lost: list[Link] = []

    def unlucky(link: Link, sql: str, values: Any = ()) -> Link:
        if sql == "COMMIT" and not lost:
            lost.append(link)
            if sent:
                execute(link, sql, values)
            link.close()
            for code in "XYZ":
                with other.transaction() as tx:
                    tx.at(1).insert(Country(code=code))
            raise Broken("the cable was pulled")
        return execute(link, sql, values)

    if not same_history:
        monkeypatch.setattr(module, "history_of", lambda link: "another")
    with other.transaction() as tx:
        tx.at(1).insert(Country(code="FIRST"))
    monkeypatch.setattr(Link, "execute", unlucky)

    async def main() -> list[Any]:
        return [*await asyncio.gather(store.write(insert("A")), return_exceptions=True)]

    (outcome,) = asyncio.run(main())

    assert isinstance(outcome, UnknownOutcome) == (not same_history)
    assert codes(other) == [*("A" if sent or same_history else ""), "FIRST", "X", "Y", "Z"]


def test_an_unknown_outcome_is_told_as_such(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LOST_SECONDS", 0.2)
    execute = Link.execute
    broken = []

    def unlucky(link: Link, sql: str, values: Any = ()) -> Link:
        if sql == "COMMIT":
            broken.append(sql)
        if broken:
            link.close()
            raise Broken("the database is gone")
        return execute(link, sql, values)

    monkeypatch.setattr(Link, "execute", unlucky)

    async def main() -> list[Any]:
        return [*await asyncio.gather(store.write(insert("A")), return_exceptions=True)]

    (outcome,) = asyncio.run(main())
    assert isinstance(outcome, UnknownOutcome)


@pytest.mark.skipif(bool(CITUS), reason="Citus takes no deferred triggers on tables that are spread")
def test_a_commit_that_fails_loses_the_group_only(store: Store) -> None:
    """A constraint that is checked at the end fails what was acknowledged by no one."""
    run(
        store.url,
        "CREATE FUNCTION no() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'no room'; END $$",
        "CREATE CONSTRAINT TRIGGER late AFTER INSERT ON shelf_country DEFERRABLE INITIALLY DEFERRED "
        "FOR EACH ROW WHEN (NEW.code = 'BAD') EXECUTE FUNCTION no()",
    )

    async def main() -> list[Any]:
        lost = await asyncio.gather(*(store.write(insert(c)) for c in ("A", "BAD", "B")), return_exceptions=True)
        return [*lost, await store.write(insert("AFTER"))]

    outcomes = asyncio.run(main())

    assert isinstance(outcomes[1], StoreError)
    for code, outcome in zip("AB", (outcomes[0], outcomes[2]), strict=True):
        assert isinstance(outcome, StoreError) == (code not in codes(store))
    assert "AFTER" in codes(store)


@pytest.mark.parametrize("state", ["40001", "40P01"])
def test_a_job_runs_again_when_others_were_in_its_way(store: Store, state: str) -> None:
    """Also when it swallows the error, as parts of a batch do."""
    run(
        store.url,
        f"CREATE FUNCTION clash() RETURNS integer LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'clash' "
        f"USING ERRCODE = '{state}'; END $$",
    )
    attempts: list[str] = []

    def job(tx: Any, fails: int) -> str:
        attempts.append(tx.at(1).insert(Country(code=f"C{fails}")).id)
        if attempts.__len__() <= fails:
            try:
                tx.rows("SELECT clash()", ())
            except StoreError:
                if fails < 3:
                    raise
        return "done"

    async def main(fails: int) -> Any:
        attempts.clear()
        (outcome,) = await asyncio.gather(store.write(lambda tx: job(tx, fails)), return_exceptions=True)
        return outcome, len(attempts)

    assert asyncio.run(main(2)) == ("done", 3)
    assert asyncio.run(main(3)) == ("done", 4)
    outcome, number = asyncio.run(main(99))
    assert isinstance(outcome, StoreError)
    assert number == module.ATTEMPTS + 1, "once without savepoints, then as often as others may be in the way"
    assert codes(store) == ["C2", "C3"]


def test_a_lock_that_was_given_back_with_a_part_is_taken_again(store: Store) -> None:
    """As in a batch whose first part fails, and whose second does not."""

    def job(tx: Any) -> None:
        with pytest.raises(DuplicateKey), tx.savepoint():
            tx.at(1).insert_many([Country(code="A"), Country(code="A")])
        assert tx.at(2).count(Country) == 0
        with tx.savepoint():
            tx.at(1).insert(Country(code="B"))
        with pytest.raises(DuplicateKey), tx.savepoint():
            tx.at(3).insert_many([Country(code="C"), Country(code="C")])

    async def main() -> None:
        await asyncio.gather(store.write(job), store.write(insert("D")))

    asyncio.run(main())
    assert codes(store) == ["B", "D"]


def test_a_job_that_is_undone_leaves_no_gap_in_the_versions(store: Store) -> None:
    """Its company was locked by another job of the group, so the lock, and what is counted there, outlives it."""
    begun, go_on = threading.Event(), threading.Event()

    def first(tx: Any) -> None:
        tx.at(1).insert(Country(code="A"))
        begun.set()
        assert go_on.wait(30)

    def refused(tx: Any) -> None:
        tx.at(1).insert(Country(code="B"))
        raise LookupError

    async def main() -> list[Any]:
        jobs = [store.write(first)]
        await asyncio.to_thread(begun.wait, 30)
        jobs += [store.write(refused), store.write(insert("C"))]
        go_on.set()
        return await asyncio.gather(*jobs, return_exceptions=True)

    _, error, _ = asyncio.run(main())

    assert isinstance(error, LookupError)
    rows = store.reader().at(1).all(Country, order=("version",))
    assert [(row.code, row.version) for row in rows] == [("A", 1), ("C", 2)]


def test_an_error_that_a_job_swallows_is_not_committed_around(store: Store) -> None:
    """PostgreSQL undoes nothing by itself then, but takes no further statement: the job must not seem to be done."""

    def careless(tx: Any) -> str:
        tx.at(1).insert(Country(code="LOST"))
        with pytest.raises(StoreError):
            tx.rows("SELECT nothing", ())
        return "done"

    async def main() -> list[Any]:
        jobs = [store.write(job) for job in (insert("A"), careless, insert("B"))]
        return await asyncio.gather(*jobs, return_exceptions=True)

    outcomes = asyncio.run(main())

    assert isinstance(outcomes[1], StoreError)
    assert codes(store) == ["A", "B"]


def test_readers_and_snapshots_get_new_connections(url: str) -> None:
    store = named(url, "readers")
    with store.transaction() as tx:
        tx.at(1).insert(Country(code="A"))
    with store.snapshot() as root:
        assert root.at(1).count(Country) == 1
    reader = store.reader().at(1)
    assert terminate(url, "readers") >= 2

    assert reader.count(Country) == 1
    assert codes(store) == ["A"]
    terminate(url, "readers")
    until = time.monotonic() + 20
    while not gone(url, "readers") and time.monotonic() < until:
        time.sleep(0.01)
    with store.snapshot() as root:
        assert root.at(1).count(Country) == 1
    with store.transaction() as tx:
        tx.at(1).insert(Country(code="B"))
    assert codes(store) == ["A", "B"]
    store.close()


def test_a_read_that_gets_no_answer_is_given_up(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """So that the event loop does not wait for a database that hangs; a lock on the table stands for that."""
    monkeypatch.setattr(reading, "READ_SECONDS", 0.3)
    store = open_store(url, records=SHELVES)
    blocking = Link(url)
    blocking.defer("BEGIN")
    blocking.execute("LOCK TABLE shelf_country")
    with pytest.raises(StoreError, match="in time"):
        codes(store)
    blocking.execute("ROLLBACK")
    blocking.close()

    assert codes(store) == []
    store.close()


def test_a_server_that_is_not_there_is_an_error(url: str, tmp_path: Any) -> None:
    assert url.startswith("postgresql://")
    with pytest.raises(StoreError, match="cannot be reached"):
        open_store(f"postgresql://nobody@/nothing?host={tmp_path}", records=SHELVES)


# --------------------------------------------------------------------------- one that leads


def test_one_of_several_leads_until_it_ends(opened: OPENED) -> None:
    stores = [opened(), opened()]
    first = [store.leads() for store in stores]
    assert sorted(first) == [False, True]
    leader, other = stores if first[0] else stores[::-1]
    assert (leader.leads(), other.leads()) == (True, False)
    leader.close()
    until = time.monotonic() + 20
    while not other.leads() and time.monotonic() < until:
        time.sleep(0.05)
    assert other.leads()


def test_stamps_rise_over_servers_whose_clocks_differ(opened: OPENED) -> None:
    early, late = opened(clock=lambda: 10**18), opened(clock=lambda: 2 * 10**18)
    stamps = []
    for n, store in enumerate((late, early, late, early)):
        with store.transaction() as tx:
            stamps.append(tx.at(1).insert(Country(code=str(n))).modified_at)

    assert stamps == sorted(set(stamps))


def test_closing_finishes_what_waits_for_a_lock(opened: OPENED) -> None:
    """Also jobs that were given to another lane."""
    other = opened()

    async def main() -> list[Any]:
        store = opened()
        assert isinstance(store, PostgresqlStore)
        with other.transaction() as tx:
            tx.at(1).insert(Country(code="FIRST"))
            jobs = [store.write(insert(c)) for c in "AB"]
            until = time.monotonic() + 20
            while not store._parked and time.monotonic() < until:
                await asyncio.sleep(0.005)
        store.close()
        return await asyncio.gather(*jobs)

    asyncio.run(main())
    assert codes(other) == ["A", "B", "FIRST"]
