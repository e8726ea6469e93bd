"""Imports into books that a server is using: nobody waits, nobody sees half a company, nothing is left."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from secrets import token_hex
from typing import Any

import apsw
import pytest

from debitor import arriving
from debitor.ledger.records import Company, Customer
from debitor.operations.companies import create_company
from debitor.operations.incoming import IncomingCompany
from debitor.schema import RECORDS, record_of
from debitor.store import StoreError
from debitor.store.discard import discard
from debitor.store.opening import open_store
from meanwhile import more, repeatedly, wait_for
from postgresql import empty_books
from postgresql import run as run_sql
from test_moving import good, lines, packed, run, sealed
from wire.conftest import Server, books_of, clean_environment

TODAY = date(2026, 1, 31)
ROWS = 20_000


@pytest.fixture(scope="module")
def big(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An export of a company with so many customers."""
    folder = tmp_path_factory.mktemp("big")
    url = f"sqlite://{folder / 'books.db'}"
    store = open_store(url)
    with store.transaction() as root:
        key = create_company(root, name="Big", today=TODAY).key
        # Names that cannot be compressed: half of the export is to be more than what is read at a time.
        root.at(key).insert_many(Customer(number=f"C{n}", display_name=token_hex(40)) for n in range(ROWS))
    store.close()
    # By a process of its own: other tests declare records in this one, which debitor does not know.
    command = [sys.executable, "-m", "debitor.cli", "export", "--database-url", url, "--company", "Big"]
    subprocess.run([*command, str(folder / "big.debitor")], env=clean_environment(), check=True, capture_output=True)
    return folder / "big.debitor"


class Import:
    """`debitor import -` in a process of its own, that gets the export bit by bit."""

    def __init__(self, path: Path, file: Path, url: str = "") -> None:
        self.path, self.bytes = path, file.read_bytes()
        self.process = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "debitor.cli",
                "import",
                "--json",
                "--database-url",
                url or f"sqlite://{path}",
                "-",
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=clean_environment(),
        )

    def begin(self, written: Callable[[], bool] | None = None) -> Import:
        """Give half of it, and return when some of that is written."""
        assert self.process.stdin
        self.process.stdin.write(self.bytes[: len(self.bytes) // 2])
        self.process.stdin.flush()
        wait_for(written or (lambda: left(self.path) > ROWS // 4))
        return self

    def end(self) -> tuple[int, str]:
        """Give the rest. Returns the exit code and what was printed."""
        out, err = self.process.communicate(self.bytes[len(self.bytes) // 2 :], timeout=60)
        return self.process.returncode, (out + err).decode()

    def kill(self) -> None:
        """End it as a crash would."""
        self.process.kill()
        self.process.communicate()


def asked(path: Path, sql: str) -> list[Any]:
    if not path.exists():
        return []
    connection = apsw.Connection(str(path))
    connection.set_busy_timeout(10_000)
    try:
        return connection.execute(sql).fetchall()
    finally:
        connection.close()


def left(path: Path) -> int:
    """How many customers there are of companies that are not there."""
    if not asked(path, "SELECT 1 FROM sqlite_schema WHERE name = 'customer'"):
        return 0
    ((number,),) = asked(path, 'SELECT count(*) FROM customer WHERE company NOT IN (SELECT "key" FROM company)')
    return int(number)


def nothing_is_left(path: Path) -> bool:
    """Of no record there is a row of a company that is not there."""
    tables = asked(
        path,
        "SELECT t.name FROM sqlite_schema AS t, pragma_table_xinfo(t.name) AS c "
        "WHERE t.type = 'table' AND c.name = 'company' AND t.name NOT LIKE 'debitor%'",
    )
    assert len(tables) > 50
    parts = [f'SELECT 1 FROM "{name}" WHERE company NOT IN (SELECT "key" FROM company)' for (name,) in tables]
    return asked(path, " UNION ALL ".join([*parts, "SELECT 1 FROM incoming_company"]) + " LIMIT 1") == []


@contextmanager
def payments(server: Server) -> Iterator[list[float]]:
    """A client creates payments meanwhile. Gives how many seconds each took."""
    books = books_of(server)
    journal = books.new_journal(balanced=True)

    def pay(_at: int) -> None:
        answer = books.post(
            f"customerPaymentJournals({journal})/customerPayments", {"customerNumber": "10400", "amount": -1}
        )
        assert answer.status_code == 201, answer.text

    try:
        with repeatedly(pay) as took:
            yield took
    finally:
        books.session.close()


def names(*books: str) -> list[str]:
    return sorted(row["name"] for row in good("company", "list", *books))


# --------------------------------------------------------------------------- beside a server


def test_a_server_goes_on_and_a_killed_import_is_taken_in_by_the_next(big: Path, tmp_path: Path) -> None:
    """Every write answers soon, however long the import takes; nobody sees it before it is whole."""
    server = Server(tmp_path / "books", "--demo", store="sqlite")
    path = tmp_path / "books" / "debitor.db"
    with payments(server) as took:
        first = Import(path, big).begin()
        more(took)
        assert names(*server.books) == ["Fernweh Outdoor Trading"]
        assert good("check", *server.books)["ok"] is True
        first.kill()
        more(took)
        assert left(path) > 0
        assert good("import", *server.books, str(big)) == {"companies": ["Big"]}
        more(took)
    books = books_of(server)
    seen = {company["name"] for company in books.session.get(f"{books.root}/companies", timeout=30).json()["value"]}
    books.session.close()
    assert server.stop() == 0

    assert max(took) < 5
    assert seen == {"Big", "Fernweh Outdoor Trading"}
    assert nothing_is_left(path)
    assert asked(path, "SELECT count(*) FROM customer AS c JOIN company AS o ON o.\"key\" = c.company "
                 "WHERE o.name = 'Big'") == [(ROWS,)]  # fmt: skip
    assert good("check", *server.books)["ok"] is True


def test_a_start_removes_what_a_killed_import_left_and_nothing_of_a_living_one(big: Path, tmp_path: Path) -> None:
    folder, path = tmp_path / "books", tmp_path / "books" / "debitor.db"
    Import(path, big).begin().kill()
    assert left(path) > 0
    assert Server(folder, "--demo", store="sqlite").stop() == 0
    assert nothing_is_left(path)

    living = Import(path, big).begin()
    server = Server(folder, store="sqlite")
    code, told = living.end()
    assert server.stop() == 0
    assert (code, json.loads(told)) == (0, {"companies": ["Big"]})
    assert names("--data", str(folder)) == ["Big", "Fernweh Outdoor Trading"]
    assert nothing_is_left(path)


# --------------------------------------------------------------------------- beside other commands


def test_a_company_that_is_made_meanwhile_gets_another_key(big: Path, tmp_path: Path) -> None:
    path = tmp_path / "books.db"
    books = ("--database-url", f"sqlite://{path}")
    importing = Import(path, big).begin()
    good("company", "create", "Other", *books)
    again = run("import", *books, str(big))
    assert (again.exit_code, "under way" in again.output) == (1, True)
    assert importing.end()[0] == 0

    assert names(*books) == ["Big", "Other"]
    assert asked(path, "SELECT count(*) FROM customer") == [(ROWS,)]
    assert good("check", *books)["ok"] is True


def test_a_name_that_is_taken_meanwhile_undoes_it(big: Path, tmp_path: Path) -> None:
    path = tmp_path / "books.db"
    importing = Import(path, big).begin()
    good("company", "create", "big", "--database-url", f"sqlite://{path}")
    code, told = importing.end()

    assert (code, "There is a company Big already" in told) == (1, True), told
    assert nothing_is_left(path)
    assert names("--database-url", f"sqlite://{path}") == ["big"]


def test_an_export_that_turns_out_damaged_at_its_end_leaves_nothing(big: Path, tmp_path: Path) -> None:
    """Though by then nearly all of it was written."""
    path = tmp_path / "books.db"
    told = lines(big)
    at = next(n for n, line in enumerate(told) if '"end":"customer"' in line)
    bad = packed(
        tmp_path / "bad", sealed([*told[:at], told[at].replace('"sha256":"', '"sha256":"0'), *told[at + 1 :]])
    )
    result = run("import", "--database-url", f"sqlite://{path}", str(bad))

    assert (result.exit_code, "their checksum is another one" in result.output) == (1, True), result.output
    assert nothing_is_left(path)
    assert names("--database-url", f"sqlite://{path}") == []


def test_only_what_never_came_to_be_is_discarded(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A company that is there keeps its rows, also when a reservation of its key was left by mistake."""
    path = tmp_path / "books.db"
    store = open_store(f"sqlite://{path}")
    with store.transaction() as root:
        key = create_company(root, name="Demo", today=TODAY, demo=True).key
        root.insert(IncomingCompany(key=key, name="Demo"))
    before = asked(path, "SELECT count(*) FROM customer_ledger_entry")
    unless = (record_of(Company), "key")
    with pytest.raises(StoreError, match="is there"):
        arriving.remove_left(store, path)
    arriving.tidy(store, path)
    assert "could not be removed" in caplog.text
    with store.transaction() as root:
        root.delete_where(Company, key=key)
    removed = discard(path, key, tuple(RECORDS.values()), unless=unless, rest=lambda: None)
    store.close()

    assert before[0][0] > 50
    assert removed > before[0][0]
    assert asked(path, "SELECT count(*) FROM customer_ledger_entry") == [(0,)]


# --------------------------------------------------------------------------- on PostgreSQL


@pytest.mark.parametrize("name", ["Other", "big"])
def test_an_import_into_postgresql_holds_up_nobody_either(big: Path, tmp_path: Path, name: str) -> None:
    """While it goes on, somebody makes a company: with another key, or with the same name, and then it is undone."""
    url = empty_books()
    books = ("--database-url", url)
    good("migrate", *books)
    long = "SELECT 1 FROM pg_stat_activity WHERE state = 'idle in transaction' AND query LIKE '%\"customer\"%'"
    importing = Import(tmp_path, big, url).begin(lambda: bool(run_sql(url, long)))
    started = time.monotonic()
    good("company", "create", name, *books)
    assert time.monotonic() - started < 10
    assert names(*books) == [name]
    code, told = importing.end()

    assert (code, "There is a company Big already" in told) == ((1, True) if name == "big" else (0, False)), told
    assert names(*books) == (["big"] if name == "big" else ["Big", "Other"])
    assert run_sql(url, "SELECT 1 FROM incoming_company") == []
    ((number,),) = run_sql(url, "SELECT CAST(count(*) AS bigint) FROM customer")
    assert number == (0 if name == "big" else ROWS)
    assert good("check", *books)["ok"] is True
