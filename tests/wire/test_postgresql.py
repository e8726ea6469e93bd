"""A server on PostgreSQL while its database stops and starts, loses connections, has a standby and other servers."""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from pg_server import Database
from postgresql import run
from wire.conftest import CLIENT_ID, CLIENT_SECRET, Books, Server, books_of

PATIENCE = 30.0


@pytest.fixture(scope="module")
def database() -> Iterator[Database]:
    with Database() as made:
        yield made


@pytest.fixture(scope="module")
def books(database: Database, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Books]:
    server = Server(tmp_path_factory.mktemp("pg") / "one", "--demo", database_url=database.url)
    made = books_of(server)
    yield made
    made.session.close()
    assert server.stop() == 0


def payment(number: str) -> dict[str, Any]:
    return {"customerNumber": "10400", "amount": -1, "documentNumber": number}


def fresh() -> str:
    return f"P{uuid.uuid4().hex[:12].upper()}"


def numbers(books: Books, journal: str) -> list[str]:
    lines = books.get(f"customerPaymentJournals({journal})/customerPayments?$select=documentNumber")
    assert lines.status_code == 200, lines.text
    return [line["documentNumber"] for line in lines.json()["value"]]


def until(condition: Any) -> None:
    end = time.monotonic() + PATIENCE
    while not condition() and time.monotonic() < end:
        time.sleep(0.05)
    assert condition()


def test_a_database_that_is_away_is_503_and_then_all_is_well(database: Database, books: Books) -> None:
    journal = books.new_journal()
    database.stop()
    try:
        until(lambda: books.get("customers?$top=1").status_code == 503)
        away = books.get("customers?$top=1")
        ready = requests.get(f"{books.server.origin}/readyz", timeout=60)
        alive = requests.get(f"{books.server.origin}/healthz", timeout=60)
        write = books.post(f"customerPaymentJournals({journal})/customerPayments", payment("AWAY"))
    finally:
        database.start()

    assert (away.status_code, ready.status_code, alive.status_code, write.status_code) == (503, 503, 200, 503)
    assert away.headers["Retry-After"] == write.headers["Retry-After"] == "1"
    assert write.json()["error"]["code"] == "Internal_ServerError"
    until(lambda: books.get("customers?$top=1").status_code == 200)
    made = books.post(f"customerPaymentJournals({journal})/customerPayments", payment("BACK"))
    assert made.status_code == 201, made.text
    until(lambda: requests.get(f"{books.server.origin}/readyz", timeout=60).status_code == 200)
    assert numbers(books, journal) == ["BACK"]


def test_a_restart_under_load_loses_nothing_and_doubles_nothing(database: Database, books: Books) -> None:
    """Writes wait for the database; a client that never repeats still finds each of its payments once."""
    journal = books.new_journal()

    def terminate() -> None:
        for _ in range(5):
            run(
                database.url,
                "SELECT CAST(count(pg_terminate_backend(pid)) AS bigint) FROM pg_stat_activity "
                "WHERE application_name = 'debitor' AND pid <> pg_backend_pid()",
            )
            time.sleep(0.02)

    def restart(mode: str) -> None:
        database.stop(mode)
        database.start()

    kept, others = hammer(books, journal, lambda: restart("immediate"), lambda: restart("fast"), terminate)

    assert set(others.values()) <= {503}
    assert sorted(numbers(books, journal)) == sorted(kept)


def test_a_failover_under_load_loses_nothing_and_doubles_nothing(tmp_path: Path) -> None:
    """The primary is gone for good, its synchronous standby takes over, and the server finds it by itself."""
    with Database() as primary:
        both = f"{primary.folder},{{}}"
        with Database(primary) as standby:
            run(primary.url, "ALTER SYSTEM SET synchronous_standby_names = '*'", "SELECT pg_reload_conf()")
            until(lambda: run(primary.url, "SELECT sync_state FROM pg_stat_replication") == [("sync",)])
            url = (
                f"postgresql://postgres@/postgres?host={both.format(standby.folder)}&target_session_attrs=read-write"
            )
            server = Server(tmp_path / "failover", "--demo", database_url=url)
            books = books_of(server)
            journal = books.new_journal()

            def fail_over() -> None:
                primary.stop()
                standby.promote()

            kept, others = hammer(books, journal, fail_over)

            assert set(others.values()) <= {500, 503}
            found = numbers(books, journal)
            assert len(found) == len(set(found))
            assert set(kept) <= set(found)
            assert set(found) - set(kept) <= {number for number, status in others.items() if status == 500}
            books.session.close()
            assert server.stop() == 0


def hammer(books: Books, journal: str, *blows: Any) -> tuple[list[str], dict[str, int]]:
    """Let clients create payments, which they never repeat, while things happen. Returns what was created, and what
    the others were answered.
    """
    url = f"{books.url}/customerPaymentJournals({journal})/customerPayments"
    stop = threading.Event()
    kept: list[str] = []
    others: dict[str, int] = {}

    def work() -> None:
        with requests.Session() as session:
            session.headers.update(books.session.headers)
            while not stop.is_set():
                number = fresh()
                status = session.post(url, json=payment(number), timeout=60).status_code
                if status == 201:
                    kept.append(number)
                else:
                    others[number] = status

    workers = [threading.Thread(target=work) for _ in range(6)]
    for worker in workers:
        worker.start()
    try:
        for blow in (*blows, lambda: None):
            reached = len(kept) + 30
            until(lambda reached=reached: len(kept) >= reached)
            blow()
    finally:
        stop.set()
        for worker in workers:
            worker.join()
    until(lambda: books.get("customers?$top=1").status_code == 200)
    return kept, others


def test_two_servers_share_one_database(database: Database, books: Books, tmp_path: Path) -> None:
    """What one writes the other reads; the same invoice is paid once, whoever is asked."""
    second = Server(tmp_path / "two", database_url=database.url)
    other = Books(second, books.company)
    other.session.auth = (CLIENT_ID, CLIENT_SECRET)
    try:
        made = other.post("customers", {"displayName": "From the other"})
        assert books.get(f"customers({made.json()['id']})").json()["displayName"] == "From the other"
        renamed = books.patch(f"paymentTerms({terms(books)['id']})", {"displayName": "Renamed"})
        assert renamed.status_code == 200, renamed.text
        until(lambda: terms(other)["displayName"] == "Renamed")

        both, numbers_of = (books, other), []
        journal = books.new_journal()
        path = f"customerPaymentJournals({journal})/customerPayments"
        body = {"customerNumber": "10400", "amount": -1}

        def work(at: int) -> None:
            for _ in range(10):
                answer = both[at % 2].post(path, body)
                assert answer.status_code == 201, answer.text
                numbers_of.append(answer.json()["lineNumber"])

        workers = [threading.Thread(target=work, args=(at,)) for at in range(2)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        assert len(set(numbers_of)) == 20
    finally:
        other.session.close()
        assert second.stop() == 0


def terms(books: Books) -> dict[str, Any]:
    """The first payment terms."""
    first: dict[str, Any] = books.get("paymentTerms?$top=1&$orderby=code").json()["value"][0]
    return first


def test_reads_that_may_be_older_come_from_the_standby(database: Database, books: Books, tmp_path: Path) -> None:
    """Replay is paused, so the standby is behind for sure; without it the database answers."""
    may = {"Data-Access-Intent": "ReadOnly"}
    with Database(database) as standby:
        server = Server(tmp_path / "three", database_url=database.url, replica_url=standby.url)
        own = Books(server, books.company)
        own.session.auth = (CLIENT_ID, CLIENT_SECRET)
        try:
            tracked = own.get("customers?$select=number", {"Prefer": "odata.track-changes"})
            link = tracked.json()["@odata.deltaLink"]
            run(standby.url, "SELECT 1 FROM pg_wal_replay_pause()")
            until(lambda: run(standby.url, "SELECT pg_get_wal_replay_pause_state()") == [("paused",)])
            made = own.post("customers", {"displayName": "Only here so far"}).json()
            where = f"customers({made['id']})"

            assert (
                own.get(where).status_code == own.get(where, {"Data-Access-Intent": "ReadWrite"}).status_code == 200
            )
            assert own.get(where, may).status_code == 404
            listed = own.get(f"customers?$filter=number eq '{made['number']}'", may)
            assert listed.json()["value"] == []
            changed = own.get(link, may).json()["value"]
            assert [c["number"] for c in changed] == [made["number"]]

            run(standby.url, "SELECT 1 FROM pg_wal_replay_resume()")
            until(lambda: own.get(where, may).status_code == 200)
            standby.stop()
            until(lambda: own.get("customers?$top=1", may).status_code == 200)
            assert own.get(where, may).status_code == 200
        finally:
            own.session.close()
            assert server.stop() == 0
