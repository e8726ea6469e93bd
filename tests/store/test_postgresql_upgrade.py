"""An older schema becomes what is declared while others write in it, and equals a new one afterwards."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import apsw
import pytest
import zstandard

from debitor.ledger.records import Company, GeneralLedgerEntry
from debitor.operations.checks import check_books
from debitor.schema import RECORDS, Record, record_of
from debitor.store import StoreError
from debitor.store.opening import open_store, outdated
from debitor.store.postgresql import upgrade
from debitor.store.postgresql.link import Link
from debitor.store.postgresql.schema import table
from meanwhile import more, repeatedly, wait_for
from postgresql import empty_schema, run
from store.released import KEPT
from store.shelves import SHELVES, Book
from store.test_schema import older

INSERT = "INSERT INTO shelf_book (company, id, isbn, edition) VALUES (1, CAST(gen_random_uuid() AS text), ?, 1)"
BOOKS = table(record_of(Book))


def shelves(*without: str, indexes: bool = True) -> list[Record]:
    """The records as they were before some columns of books, and before an index of theirs."""
    now = older(Book, *without)
    made = Record(now.name, now.row, now.columns, key=now.key, unique=now.unique if indexes else ())
    return [made if each.name == now.name else each for each in SHELVES]


def older_store(*without: str, indexes: bool = True) -> str:
    url = empty_schema()
    open_store(url, records=shelves(*without, indexes=indexes)).close()
    return url


def open_and_close(url: str, records: Any = SHELVES) -> None:
    open_store(url, records=records).close()


class Opening(threading.Thread):
    """Opens a store elsewhere, and closes it. `error`: why it could not."""

    def __init__(self, url: str) -> None:
        super().__init__(daemon=True)
        self.url = url
        self.error: Exception | None = None
        self.start()

    def run(self) -> None:
        try:
            open_and_close(self.url)
        except Exception as error:
            self.error = error

    def result(self) -> None:
        self.join(60)
        assert not self.is_alive()
        if self.error is not None:
            raise self.error


@contextmanager
def writers(url: str) -> Iterator[list[float]]:
    """Somebody adds a book again and again meanwhile. Gives how many seconds each took."""
    link = Link(url)

    def add(at: int) -> None:
        link.execute(INSERT, (f"W{at}",))

    try:
        with repeatedly(add) as took:
            yield took
    finally:
        link.close()


@contextmanager
def long_transaction(url: str) -> Iterator[Link]:
    """Somebody has written a book, and does not commit for the time being."""
    link = Link(url)
    link.execute("BEGIN")
    link.execute(INSERT, ("LONG",))
    try:
        yield link
    finally:
        link.execute("COMMIT")
        link.close()


def waiting(url: str, statement: str) -> Callable[[], list[tuple[object, ...]]]:
    """Ask who waits for a lock with such a statement."""
    asked = (
        "SELECT pid::text FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND pid <> pg_backend_pid() "
        f"AND query LIKE '%{statement}%'"
    )
    return lambda: run(url, asked)


# --------------------------------------------------------------------------- while others write


@pytest.mark.parametrize("index", ["shelf_book__author_id__published", "shelf_book__isbn__edition"])
def test_an_index_is_built_while_others_write(index: str) -> None:
    """A long transaction keeps the index from being finished, and nobody from writing."""
    url = older_store(indexes=False)
    with writers(url) as took, long_transaction(url):
        opening = Opening(url)
        wait_for(waiting(url, "INDEX CONCURRENTLY"))
        more(took)
        assert opening.is_alive()
    opening.result()

    assert (index, 1) in run(url, upgrade._INDEXES)
    assert not outdated(url, records=SHELVES)


def test_columns_are_added_while_others_write(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who wants to change the table does not keep others waiting behind a long transaction."""
    monkeypatch.setattr(upgrade, "LONGEST_WAIT", 0.2)
    url = older_store("in_print", "title", "rate")
    with writers(url) as took, long_transaction(url):
        opening = Opening(url)
        for _ in range(3):
            wait_for(waiting(url, ""))
            more(took)
        assert opening.is_alive()
    opening.result()
    ((flag, number),) = run(url, "SELECT CAST(sum(in_print) AS bigint), CAST(count(*) AS bigint) FROM shelf_book")

    assert (flag, number) == (0, len(took) + 1)
    assert max(took) < 5
    assert catalog(url) == catalog(fresh(SHELVES))


def test_no_row_is_written_anew() -> None:
    """Neither for a column nor for its check: the file of the table stays the same."""
    url = older_store("in_print", "title", "rate", "binding", "published")
    run(url, INSERT.replace("?", "'A'"))
    file = "SELECT pg_relation_filepath('shelf_book')"
    before = run(url, file)
    open_and_close(url)

    assert run(url, file) == before
    assert run(url, "SELECT CAST(in_print AS bigint), title, published FROM shelf_book") == [(0, "", "0001-01-01")]


def test_who_holds_a_table_for_ever_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upgrade, "PATIENCE", 0.0)
    url = older_store("title")
    with long_transaction(url), pytest.raises(StoreError, match="in a long transaction"):
        open_and_close(url)
    open_and_close(url)
    assert not outdated(url, records=SHELVES)


# --------------------------------------------------------------------------- broken off


def test_an_index_that_a_killed_server_left_is_built_again() -> None:
    url = older_store(indexes=False)
    valid = f"{upgrade._INDEXES} AND c.relname = 'shelf_book__isbn__edition'"
    with long_transaction(url):
        opening = Opening(url)
        builders = waiting(url, "INDEX CONCURRENTLY")
        wait_for(lambda: builders() and run(url, valid))
        run(url, f"SELECT pg_terminate_backend({builders()[0][0]})")
        with pytest.raises(StoreError):
            opening.result()
        assert run(url, valid) == [("shelf_book__isbn__edition", 0)], "it is there, and INVALID"
    open_and_close(url)

    assert run(url, valid) == [("shelf_book__isbn__edition", 1)]
    assert catalog(url) == catalog(fresh(SHELVES))


def test_a_unique_index_over_equal_rows_is_refused_and_nothing_is_left_of_it() -> None:
    url = older_store(indexes=False)
    run(url, *[INSERT.replace("?", "'SAME'")] * 2)
    for _ in range(2):
        with pytest.raises(StoreError, match="shelf_book__isbn__edition"):
            open_and_close(url)
    assert not [name for name, _ in run(url, upgrade._INDEXES) if name == "shelf_book__isbn__edition"]
    run(url, INSERT.replace("?", "'SAME'"), "DELETE FROM shelf_book")
    open_and_close(url)

    assert catalog(url) == catalog(fresh(SHELVES))


def test_servers_that_start_at_once_do_not_meet() -> None:
    """On an empty schema, and on an older one: one of them does it, the others wait for it."""
    for url in (empty_schema(), older_store("title", indexes=False)):
        openings = [Opening(url) for _ in range(4)]
        for each in openings:
            each.result()
        assert catalog(url) == catalog(fresh(SHELVES))


def test_another_schema_is_not_waited_for() -> None:
    """Books that share a database are brought to a version by themselves."""
    url = empty_schema()
    link = Link(empty_schema())
    with upgrade.alone(link):
        open_and_close(url)
    link.close()

    assert not outdated(url, records=SHELVES)


# --------------------------------------------------------------------------- fresh equals upgraded


def catalog(url: str) -> dict[str, Any]:
    """All that a schema has: columns, constraints, indexes, triggers, functions; whatever the order they came in."""
    here = "relnamespace = to_regnamespace(current_schema())"
    asked = {
        "columns": "SELECT c.relname::text, a.attname::text, format_type(a.atttypid, a.atttypmod), "
        "a.attnotnull::text, COALESCE(pg_get_expr(d.adbin, d.adrelid), ''), CAST(a.attcollation AS bigint) "
        "FROM pg_attribute AS a JOIN pg_class AS c ON c.oid = a.attrelid "
        "LEFT JOIN pg_attrdef AS d ON (d.adrelid, d.adnum) = (c.oid, a.attnum) "
        f"WHERE c.{here} AND c.relkind = 'r' AND a.attnum > 0 AND NOT a.attisdropped",
        "constraints": "SELECT c.relname::text, k.conname::text, pg_get_constraintdef(k.oid), k.convalidated::text "
        f"FROM pg_constraint AS k JOIN pg_class AS c ON c.oid = k.conrelid WHERE c.{here}",
        "indexes": "SELECT pg_get_indexdef(i.indexrelid), i.indisvalid::text FROM pg_index AS i "
        f"JOIN pg_class AS c ON c.oid = i.indexrelid WHERE c.{here}",
        "triggers": "SELECT pg_get_triggerdef(t.oid), t.tgenabled::text FROM pg_trigger AS t "
        f"JOIN pg_class AS c ON c.oid = t.tgrelid WHERE c.{here} AND NOT t.tgisinternal",
        "functions": f"SELECT pg_get_functiondef(oid) FROM pg_proc WHERE {here.replace('rel', 'pro')}",
        "recorded": "SELECT name, statement FROM debitor_made",
        "state": "SELECT schema_version, fingerprint FROM debitor_store",
    }
    ((schema,),) = run(url, "SELECT current_schema()::text")

    def plain(value: object) -> object:
        return value.replace(f"{schema}.", "") if isinstance(value, str) else value

    return {kind: sorted(tuple(map(plain, row)) for row in run(url, sql)) for kind, sql in asked.items()}


_fresh: dict[int, str] = {}


def fresh(records: Any) -> str:
    """The address of a new store."""
    if len(records) not in _fresh:
        _fresh[len(records)] = empty_schema()
        open_and_close(_fresh[len(records)], records)
    return _fresh[len(records)]


def like(file: apsw.Connection) -> str:
    """The address of a store with the tables of a released SQLite store, their columns, and its rows."""
    asked = "SELECT t.name, c.name FROM sqlite_schema AS t, pragma_table_xinfo(t.name) AS c WHERE t.type = 'table'"
    columns: dict[str, list[str]] = {}
    for name, column in file.execute(asked):
        columns.setdefault(str(name), []).append(str(column))
    url = empty_schema()
    there = [
        older(record.row, *{c.name for c in record.columns} - set(columns[record.name]))
        for record in RECORDS.values()
        if record.name in columns
    ]
    open_and_close(url, there)
    link = Link(url)
    link.execute("BEGIN")
    for record in there:
        names = ", ".join(f'"{name}"' for name in columns[record.name])
        slots = ", ".join("?" for _ in columns[record.name])
        rows: Any = file.execute(f'SELECT {names} FROM "{record.name}"').fetchall()
        link.executemany(f'INSERT INTO "{record.name}" ({names}) VALUES ({slots})', rows)
    link.execute("INSERT INTO debitor_clock (company, version) SELECT key, 1000000 FROM company")
    link.execute("COMMIT")
    link.close()
    return url


@pytest.mark.parametrize("kept", sorted(KEPT.glob("*.db.zst")), ids=lambda path: path.name)
def test_the_shape_of_every_version_before_becomes_that_of_a_new_store(kept: Path, tmp_path: Path) -> None:
    """No row is lost, and the books pass every check."""
    path = tmp_path / "old.db"
    path.write_bytes(zstandard.ZstdDecompressor().decompress(kept.read_bytes()))
    file = apsw.Connection(str(path))
    ((count,),) = file.execute("SELECT count(*) FROM general_ledger_entry").fetchall()
    url = like(file)
    file.close()
    before = catalog(url)
    store = open_store(url)
    with store.snapshot() as root:
        findings = check_books(root)
        (company,) = root.all(Company)
        number = root.at(company.key).count(GeneralLedgerEntry)
    store.close()

    assert before != catalog(fresh(RECORDS.values()))
    assert catalog(url) == catalog(fresh(RECORDS.values()))
    assert findings == []
    assert number == count
    assert number > 100


def test_whatever_is_taken_away_comes_back() -> None:
    """Of every table a column with all that hangs on it, an index, a check and a trigger; some tables, functions."""
    url = empty_schema()
    open_and_close(url, RECORDS.values())
    whole = catalog(url)
    statements = [
        "DROP TABLE debitor_forgotten",
        "ALTER TABLE debitor_clock DROP COLUMN writer",
        "DROP FUNCTION decimal_divide",
        "DROP TABLE customer",
        "DELETE FROM debitor_made WHERE statement LIKE '%\"customer\"%'",
        "UPDATE debitor_store SET fingerprint = 'older'",
    ]
    taken = 0
    for record in RECORDS.values():
        if record.name == "customer":
            continue
        made = table(record)
        own = [c.name for c in record.columns if c.name not in (*record.key, "id", "version")]
        # What a trigger names cannot be dropped alone.
        gone = [name for name in own if not any(f'"{name}"' in s for s in made.triggers.values())][-2:]
        statements += [f'ALTER TABLE "{record.name}" DROP COLUMN "{name}"' for name in gone]
        statements += [f'DROP TRIGGER "{name}" ON "{record.name}"' for name in list(made.triggers)[:1]]
        statements += [f'DROP INDEX IF EXISTS "{name}"' for name in list(made.indexes)[:1]]
        statements += [
            f'ALTER TABLE "{record.name}" DROP CONSTRAINT IF EXISTS "{name}"' for name in list(made.checks)[:1]
        ]
        taken += len(gone)
    run(url, *statements)
    assert run(url, "SELECT 1 WHERE to_regclass('customer') IS NULL") == [(1,)]
    less = catalog(url)
    assert all(len(less[kind]) < len(whole[kind]) for kind in ("columns", "constraints", "indexes", "triggers"))
    open_and_close(url, RECORDS.values())

    assert taken > 100
    assert catalog(url) == whole == catalog(fresh(RECORDS.values()))
