"""Tables, rules and functions in PostgreSQL: made, completed, kept from other programs; and the connection itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from backends import only_postgresql
from debitor.ranges import code_ranges
from debitor.schema import RECORDS, Record, record_of
from debitor.store import FrozenRow, Store, StoreError
from debitor.store.functions import FUNCTIONS
from debitor.store.opening import open_store
from debitor.store.postgresql.link import PLANNED, PLANNING, Broken, Failed, Link, numbered
from debitor.store.postgresql.schema import cut, table, unique_columns
from postgresql import CITUS, empty_schema, run
from store.shelves import SHELVES, Book, Country, Entry, Loan, Sale
from store.test_schema import older

OPENED = Callable[..., Store]


@pytest.fixture(scope="module")
def link() -> Iterator[Link]:
    """A connection to a schema with a store."""
    url = empty_schema()
    open_store(url, records=SHELVES).close()
    made = Link(url)
    yield made
    made.close()


# --------------------------------------------------------------------------- the schema


def test_company_leads_every_key_and_index() -> None:
    """So that the tables can be spread by company."""
    for record in RECORDS.values():
        made = table(record)
        lead = '"company", ' if record.by_company else ""
        assert f"PRIMARY KEY ({lead}" in made.create
        assert all(f" ({lead}" in statement for statement in made.indexes.values()), record.name
        assert "REFERENCES" not in made.create
        assert all(len(name) <= 63 for name in (*made.indexes, *made.triggers))


def test_long_names_are_cut_and_stay_apart() -> None:
    one, two = "x" * 70 + "a", "x" * 70 + "b"

    assert len(cut(one)) == len(cut(two)) == 63
    assert cut(one) != cut(two)
    assert cut("short") == "short"
    assert unique_columns(record_of(Book), "shelf_book__isbn__edition") == ("isbn", "edition")
    assert unique_columns(record_of(Entry), "shelf_entry_pkey") == ("number",)
    assert unique_columns(record_of(Entry), "other") == ()


@only_postgresql
def test_what_was_declared_since_is_added_and_no_row_is_lost(opened: OPENED) -> None:
    before = opened(records=[older(Book, "edition", "title", "in_print", "rate")])
    run(before.url, "INSERT INTO shelf_book (company, id, isbn, price) VALUES (1, 'x', 'A', 250000)")
    run(before.url, "INSERT INTO debitor_clock (company, version) VALUES (1, 7)")
    before.close()
    store = opened()
    row = store.reader().at(1).get(Book, "x")

    assert row == Book(id="x", isbn="A", price=Decimal("2.5"))
    with store.transaction() as tx:
        assert tx.at(1).update(row, title="new").version == 8
        assert tx.at(1).count(Country) == 0


@only_postgresql
def test_a_rule_that_is_no_longer_declared_stops_refusing(opened: OPENED) -> None:
    with opened().transaction() as tx:
        tx.at(1).insert(Sale(entry_number=1))
        with pytest.raises(FrozenRow):
            tx.at(1).delete_where(Sale)
    now = record_of(Sale)
    loose = Record(now.name, now.row, now.columns, key=now.key, indexes=(("kind",), ("book_id", "kind")))
    store = opened(records=[loose])
    with store.transaction() as tx:
        assert tx.at(1).delete_where(Sale) == 1
    names = run(store.url, "SELECT indexname::text FROM pg_indexes WHERE tablename = 'shelf_sale'")
    assert ("shelf_sale__kind",) in names


@only_postgresql
def test_opening_again_changes_nothing(opened: OPENED) -> None:
    store = opened()
    catalog = (
        "SELECT c.relname::text, CAST(c.oid AS bigint), c.xmin::text FROM pg_class AS c "
        "WHERE relnamespace = to_regnamespace(current_schema()) ORDER BY 1"
    )
    before = run(store.url, catalog)
    store.close()
    opened().close()
    store = opened()

    assert len(before) > 20
    assert run(store.url, catalog) == before


@only_postgresql
def test_a_newer_store_and_tables_of_others_are_left_alone(opened: OPENED, url: str) -> None:
    opened().close()
    run(url, "UPDATE debitor_store SET schema_version = 99")
    with pytest.raises(StoreError, match=r"version 99 .* versions up to"):
        opened()
    foreign = empty_schema()
    run(foreign, "CREATE TABLE x (y integer)")
    with pytest.raises(StoreError, match="another program"):
        open_store(foreign, records=SHELVES)
    assert run(foreign, "SELECT CAST(count(*) AS bigint) FROM pg_class WHERE relname = 'x'")[0][0]


@only_postgresql
@pytest.mark.parametrize(
    ("statement", "state"),
    [
        ("UPDATE shelf_sale SET amount = 1", "DB001"),
        ("UPDATE shelf_sale SET version = 99", "DB001"),
        ("DELETE FROM shelf_sale", "DB001"),
        ("TRUNCATE shelf_sale", "DB001"),
        ("INSERT INTO shelf_sale (company, entry_number) VALUES (1, 1)", "23505"),
        (
            "INSERT INTO shelf_sale (company, entry_number) VALUES (1, 1) "
            "ON CONFLICT (company, entry_number) DO UPDATE SET amount = 9",
            "DB001",
        ),
        ("UPDATE shelf_entry SET amount = 1", "DB001"),
        ("UPDATE shelf_entry SET number = 7", "DB001"),
        ("DELETE FROM shelf_entry", "DB001"),
        ("UPDATE shelf_loan SET fee = 1", "DB001"),
        ("DELETE FROM shelf_loan", "DB001"),
        ("UPDATE shelf_loan SET closed = 2", "23514"),
        ("UPDATE shelf_loan SET fee = 'much'", "22P02"),
    ],
)
def test_other_programs_cannot_change_the_books_either(store: Store, url: str, statement: str, state: str) -> None:
    with store.transaction() as tx:
        tx.at(1).insert(Sale(entry_number=1, amount=Decimal(5)))
        tx.at(1).insert(Entry(number=1, amount=Decimal(5)))
        tx.at(1).insert(Loan(fee=Decimal(1), closed=True))
    with pytest.raises(Failed) as refused:
        run(url, statement)

    assert refused.value.state == state
    assert store.reader().at(1).total(Sale, "amount") == 5


# --------------------------------------------------------------------------- functions

SAMPLE = "aÄß ǅ İıſΣς\u2028ﬀ Ωé\U0001f600zZ"
CODES = st.text("AB1.*| ä", max_size=12)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(CODES)
def test_ranges_of_codes_are_those_of_the_program(link: Link, text: str) -> None:
    assert tuple(link.execute("SELECT low, high FROM code_ranges(?)", (text,)).fetchall()) == code_ranges(text)


@pytest.mark.parametrize("name", ["text_lower", "text_upper", "text_trim"])
@pytest.mark.parametrize("text", [SAMPLE, "", " a ", "\t\n\x0b\x0c\r\x1c\x1f \x85\xa0\u1680\u2007\u3000b\u200b"])
def test_functions_of_texts_are_those_of_the_program(link: Link, name: str, text: str) -> None:
    assert link.execute(f"SELECT {name}(?)", (text,)).fetchall() == [(FUNCTIONS[name](text),)]


WIDE = st.integers(-(2**63) + 1, 2**63 - 1) | st.integers(-300_000, 300_000)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(WIDE, WIDE)
def test_functions_of_decimals_are_those_of_the_program(link: Link, a: int, b: int) -> None:
    ones = ("decimal_round", "decimal_floor", "decimal_ceiling")
    twos = ("decimal_multiply", "decimal_divide")
    asked = [f"{f}(CAST($1 AS numeric))" for f in ones] + [
        f"{f}(CAST($1 AS numeric), CAST($2 AS numeric))" for f in twos
    ]
    (row,) = link.execute(f"SELECT {', '.join(asked)}", (a, b)).fetchall()

    assert list(row) == [FUNCTIONS[f](a) for f in ones] + [FUNCTIONS[f](a, b) for f in twos]


# --------------------------------------------------------------------------- the connection


def test_slots_are_numbered_outside_of_quotes() -> None:
    assert numbered("SELECT ?, '?''?', \"?\", ? ") == b"SELECT $1, '?''?', \"?\", $2 "
    assert numbered("SELECT ?2, ?1") == b"SELECT $2, $1"


def test_values_come_back_as_they_went(link: Link) -> None:
    values: list[Any] = ["a'\"\\{}", "ä\u2028\U0001f600", -(2**63) + 1, 2**63 - 1, b"\0\xff'\\", ""]
    (row,) = link.execute("SELECT ?, ?, ?, ?, ?, ?", values).fetchall()
    texts = ["", "a,b", '"', "\\", "{}", "NULL", " ä "]

    assert list(row) == values
    rows = link.execute(
        "SELECT * FROM unnest(CAST(? AS text[]), CAST(? AS bigint[]))", (texts, list(range(7)))
    ).fetchall()
    assert rows == list(zip(texts, range(7), strict=True))
    assert link.execute("SELECT 1 WHERE 'a' = ANY(CAST(? AS text[]))", ([],)).fetchall() == []


def test_what_cannot_be_kept_is_refused_before_anything_is_sent(link: Link) -> None:
    link.defer("SELECT 1")
    for value in ("a\0b", ["a\0b"]):
        with pytest.raises(Failed, match="U\\+0000"):
            link.execute("SELECT ?", (value,))
    assert link.execute("SELECT 2").fetchall() == [(2,)]


def test_a_failed_statement_fails_alone(link: Link) -> None:
    link.defer("BEGIN")
    link.defer("SAVEPOINT a")
    with pytest.raises(Failed, match="nothing"):
        link.execute("SELECT nothing")
    assert link.aborted
    with pytest.raises(Failed):
        link.execute("SELECT 3")
    link.defer("ROLLBACK TO a")
    assert link.execute("SELECT 3").fetchall() == [(3,)]
    assert not link.aborted
    link.execute("ROLLBACK")


def test_deferred_statements_can_be_taken_back_until_they_are_sent(link: Link) -> None:
    link.defer("BEGIN")
    assert not link.withdraw("SAVEPOINT a")
    assert link.withdraw("BEGIN")
    assert not link.withdraw("BEGIN")
    assert link.execute("SELECT 1").fetchall() == [(1,)]


def test_many_different_statements_do_not_fill_the_server(link: Link, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("debitor.store.postgresql.link._MOST_PREPARED", 20)
    for i in range(60):
        assert link.execute(f"SELECT {i}").fetchall() == [(i,)]
    ((kept,),) = link.execute("SELECT CAST(count(*) AS bigint) FROM pg_prepared_statements").fetchall()
    assert kept < 40
    assert link.execute("SELECT 0").fetchall() == [(0,)]


@pytest.mark.skipif(bool(CITUS), reason="Citus chooses by itself how to plan")
def test_plans_follow_tables_that_grow() -> None:
    """A statement that was prepared over an empty table is planned anew, without anybody asking for it."""
    url = empty_schema()
    made = Link(url, options=PLANNING)
    made.execute("CREATE TABLE grown (a bigint, b bigint, c bigint)")
    made.execute("CREATE INDEX ON grown (a)")
    made.execute("CREATE INDEX ON grown (a, b, c)")
    asked = "SELECT count(*) FROM grown WHERE a = ? AND b = ? AND c = ?"
    for _ in range(PLANNED + 1):
        made.execute(asked, (1, 1, 1))
    ((first, second),) = made.execute(
        "SELECT CAST(min(generic_plans) AS bigint), CAST(max(generic_plans) AS bigint) "
        "FROM pg_prepared_statements WHERE statement LIKE '%FROM grown%'"
    ).fetchall()
    made.close()

    assert (first, second) == (1, 1), "the first statement is closed, its successor has run once"


def test_many_rows_are_sent_in_portions(link: Link) -> None:
    link.execute("CREATE TEMP TABLE IF NOT EXISTS many (n bigint)")
    before = link.total_changes()
    link.executemany("INSERT INTO many VALUES (?)", [(n,) for n in range(1201)])

    assert link.total_changes() - before == 1201
    assert link.execute("SELECT CAST(sum(n) AS bigint) FROM many").fetchall() == [(1201 * 600,)]


def test_an_answer_that_does_not_come_breaks_the_connection() -> None:
    made = Link(empty_schema(), patience=0.1)
    with pytest.raises(Broken, match="in time"):
        made.execute("SELECT pg_sleep(30)")
    assert made.broken
    with pytest.raises(Broken):
        made.execute("SELECT 1")
