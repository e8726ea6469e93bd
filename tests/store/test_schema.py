"""Opening: a new file, an older one, a newer one, something else; and rules that hold for other programs too."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from pathlib import Path

import apsw
import pytest

from backends import only_sqlite
from debitor.ledger.records import SalesInvoice
from debitor.schema import Column, Record, record_of, text
from debitor.store import DuplicateKey, FrozenRow, Store, StoreError
from debitor.store.ddl import migrations, table
from debitor.store.opening import open_store
from debitor.store.sqlite import SqliteStore
from store.shelves import SHELVES, Book, Country, Entry, Loan, Sale

OPENED = Callable[..., Store]


def path_of(url: str) -> str:
    return url.removeprefix("sqlite://")


def older(record: type, *without: str) -> Record:
    """The record as it was before some columns, and their indexes, came."""
    now = record_of(record)
    return Record(
        now.name, now.row, tuple(c for c in now.columns if c.name not in without), key=now.key,
        unique=tuple(u for u in now.unique if not set(u) & set(without)),
        indexes=tuple(i for i in now.indexes if not set(i) & set(without)),
        frozen=now.frozen, frozen_when=now.frozen_when, deletable=now.deletable, by_company=now.by_company,
        kept=now.kept, tracked=now.tracked, owner=now.owner,
    )  # fmt: skip


def test_a_table_is_clustered_by_company_and_key() -> None:
    made = table(record_of(Entry))

    assert made.create == (
        'CREATE TABLE "shelf_entry" (\n'
        '  "company" INTEGER NOT NULL,\n'
        '  "number" INTEGER NOT NULL DEFAULT 0,\n'
        '  "amount" INTEGER NOT NULL DEFAULT 0,\n'
        '  "open" INTEGER NOT NULL DEFAULT 1 CHECK ("open" IN (0, 1)),\n'
        "  \"id\" TEXT NOT NULL DEFAULT '00000000-0000-0000-0000-000000000000',\n"
        '  "version" INTEGER NOT NULL DEFAULT 0,\n'
        "  \"modified_at\" TEXT NOT NULL DEFAULT '0001-01-01T00:00:00.000Z',\n"
        '  "created_version" INTEGER NOT NULL DEFAULT 0,\n'
        '  PRIMARY KEY ("company", "number")\n'
        ") STRICT, WITHOUT ROWID"
    )
    assert list(made.others) == [
        "shelf_entry__id",
        "shelf_entry__version",
        "shelf_entry__frozen",
        "shelf_entry__kept",
        "shelf_entry__replaced__number",
        "shelf_entry__replaced__id",
    ]


@only_sqlite
def test_what_was_declared_since_is_added_and_no_row_is_lost(opened: OPENED) -> None:
    before = opened(records=[older(Book, "edition", "title", "in_print", "rate")])
    with before.transaction() as tx:
        tx._cursor.execute("INSERT INTO shelf_book (company, id, isbn, price) VALUES (1, 'x', 'A', 250000)")  # type: ignore[attr-defined]
        tx._writing.version = 7  # type: ignore[attr-defined]
    before.close()
    store = opened()
    row = store.reader().at(1).get(Book, "x")

    assert row == Book(id="x", isbn="A", price=Decimal("2.5"))
    with store.transaction() as tx:
        assert tx.at(1).update(row, title="new").version == 8
        assert tx.at(1).count(Country) == 0


@only_sqlite
def test_a_rule_that_is_no_longer_declared_stops_refusing(opened: OPENED) -> None:
    with opened().transaction() as tx:
        tx.at(1).insert(Sale(entry_number=1))
    now = record_of(Sale)
    loose = Record(now.name, now.row, now.columns, key=now.key, indexes=(("kind",), ("book_id", "kind")))
    store = opened(records=[loose])
    with store.transaction() as tx:
        assert tx.at(1).delete_where(Sale) == 1
    assert isinstance(store, SqliteStore)
    assert (
        "COVERING INDEX shelf_sale__kind"
        in store.explain("SELECT entry_number FROM shelf_sale WHERE company = ? AND kind = ?", (1, ""))[0]
    )


@only_sqlite
def test_opening_again_changes_nothing_and_is_quick(opened: OPENED, url: str) -> None:
    with opened().transaction() as tx:
        tx.at(1).insert_many(Country(code=f"{i}", name="x" * 200) for i in range(20000))
    connection = apsw.Connection(path_of(url))
    before = connection.pragma("schema_version")
    start = time.process_time()
    store = opened()

    assert store.reader().at(1).find(Country, code="7") is not None
    assert time.process_time() - start < 2  # of the processor, whatever else it does
    assert connection.pragma("schema_version") == before
    connection.close()


@only_sqlite
def test_numbered_migrations_run_once_and_in_order(url: str, tmp_path: Path) -> None:
    folder = tmp_path / "migrations"
    folder.mkdir()

    def opening() -> SqliteStore:
        return SqliteStore(
            path_of(url), records=SHELVES, clock=time.time_ns, entropy=lambda n: b"\1" * n, migrations=folder
        )

    (folder / "0001-initial.sql").write_text("-- generated")
    store = opening()
    with store.transaction() as tx:
        tx.at(1).insert(Country(code="A", name="a"))
    store.close()
    (folder / "0002-shout.sql").write_text("UPDATE shelf_country SET name = name || '!'; -- once")
    (folder / "0003-ask.sql").write_text("UPDATE shelf_country SET name = name || '?'")
    for _ in range(2):
        opening().close()
    store = opening()

    assert [c.name for c in store.reader().at(1).all(Country)] == ["a!?"]
    store.close()
    with pytest.raises(StoreError, match=r"version 3 .* up to 2"):
        open_store(url, records=SHELVES)


@only_sqlite
def test_a_migration_that_fails_leaves_the_store_as_it_was(url: str, tmp_path: Path) -> None:
    folder = tmp_path / "migrations"
    folder.mkdir()
    (folder / "0001-initial.sql").write_text("-- generated")

    def opening() -> SqliteStore:
        return SqliteStore(path_of(url), records=SHELVES, clock=time.time_ns, entropy=bytes, migrations=folder)

    opening().close()
    (folder / "0002-wrong.sql").write_text("DROP TABLE shelf_country; UPDATE nothing SET x = 1")
    with pytest.raises(StoreError, match="nothing"):
        opening()
    (folder / "0002-wrong.sql").unlink()
    store = opening()

    assert store.reader().at(1).count(Country) == 0
    store.close()


@only_sqlite
def test_the_invoice_date_of_an_older_store_is_kept(url: str) -> None:
    with open_store(url).transaction() as tx:
        tx.at(1).insert(SalesInvoice(number="1", document_date=date(2025, 1, 10), posted=True))
    connection = apsw.Connection(path_of(url))
    connection.execute("ALTER TABLE sales_invoice RENAME COLUMN document_date TO invoice_date")
    connection.execute("UPDATE debitor_store SET schema_version = 1")
    connection.close()
    store = open_store(url)

    (invoice,) = store.reader().at(1).all(SalesInvoice)
    assert invoice.document_date == date(2025, 1, 10)
    with pytest.raises(FrozenRow), store.transaction() as tx:
        tx.at(1).update(invoice, document_date=date(2025, 1, 11))
    store.close()


def test_migrations_are_numbered_without_gaps(tmp_path: Path) -> None:
    (tmp_path / "0001-a.sql").write_text("")
    (tmp_path / "0003-c.sql").write_text("")

    with pytest.raises(StoreError, match="without gaps"):
        migrations(tmp_path)
    assert list(migrations()) == [1, 2]


def test_a_file_of_something_else_is_left_alone(tmp_path: Path) -> None:
    noise = tmp_path / "noise.db"
    noise.write_bytes(b"not a database at all" * 300)
    foreign = tmp_path / "foreign.db"
    connection = apsw.Connection(str(foreign))
    connection.execute("CREATE TABLE x (y)")
    connection.close()

    with pytest.raises(StoreError, match="no SQLite file"):
        open_store(f"sqlite://{noise}", records=SHELVES)
    with pytest.raises(StoreError, match="another program"):
        open_store(f"sqlite://{foreign}", records=SHELVES)
    with pytest.raises(StoreError, match="cannot be opened"):
        open_store(f"sqlite://{tmp_path}/absent/x.db", records=SHELVES)
    assert noise.read_bytes() == b"not a database at all" * 300


@only_sqlite
@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE shelf_sale SET amount = 1",
        "UPDATE shelf_sale SET version = 99",
        "DELETE FROM shelf_sale",
        "INSERT OR REPLACE INTO shelf_sale (company, entry_number, id) VALUES (1, 1, 'new')",
        "REPLACE INTO shelf_sale (company, entry_number, id) SELECT 1, 99, id FROM shelf_sale",
        "INSERT INTO shelf_sale (company, entry_number) VALUES (1, 1) ON CONFLICT DO UPDATE SET amount = 9",
        "UPDATE shelf_entry SET amount = 1",
        "UPDATE shelf_entry SET number = 7",
        "DELETE FROM shelf_entry",
        "UPDATE shelf_loan SET fee = 1",
        "DELETE FROM shelf_loan",
        "UPDATE shelf_loan SET closed = 2",
        "UPDATE shelf_loan SET fee = 'much'",
    ],
)
def test_other_programs_cannot_change_the_books_either(store: Store, url: str, statement: str) -> None:
    with store.transaction() as tx:
        tx.at(1).insert(Sale(entry_number=1, amount=Decimal(5)))
        tx.at(1).insert(Entry(number=1, amount=Decimal(5)))
        tx.at(1).insert(Loan(fee=Decimal(1), closed=True))
    other = apsw.Connection(path_of(url))
    other.pragma("recursive_triggers", False)  # as other programs have it
    with pytest.raises(apsw.ConstraintError):
        other.execute(statement)
    other.close()

    assert store.reader().at(1).total(Sale, "amount") == 5


@only_sqlite
def test_a_text_column_takes_any_text(store: Store) -> None:
    assert Column("x", text(), "it's").default == "it's"
    assert "'it''s'" in table(Record("t", Country, (*record_of(Country).columns, Column("x", text(), "it's")))).create


@only_sqlite
def test_a_row_that_is_refused_leaves_nothing(store: Store, url: str) -> None:
    """Rows are added with OR FAIL, which undoes nothing: so every check has to come before the first write."""
    with store.transaction() as tx:
        first = tx.at(1).insert(Sale(entry_number=1, amount=Decimal(5)))
        for again in (Sale(entry_number=1), Sale(entry_number=2, id=first.id)):
            with pytest.raises(DuplicateKey):
                tx.at(1).insert(again)
            with pytest.raises(DuplicateKey):
                tx.at(1).insert_many([again])
        tx.at(1).insert(Book(id="x", isbn="A"))
        with pytest.raises(DuplicateKey):
            tx.at(1).insert(Book(isbn="A"))
    other = apsw.Connection(path_of(url))

    for name in ("shelf_sale", "shelf_book"):
        assert other.execute(f"SELECT count(*) FROM {name}").fetchall() == [(1,)]
    assert other.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    other.close()
