"""Posting, applying and unapplying find what they need by an index, however large the ledgers are."""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from debitor.entities.receivables.customer_ledger_entries import CUSTOMER_LEDGER_ENTRIES
from debitor.ledger.records import (
    AccountType,
    ApplicationMethod,
    Customer,
    CustomerLedgerEntry,
    DocumentType,
    JournalLine,
)
from debitor.operations.documents import statement
from debitor.query import Compare, Field, Order, Param, Query
from debitor.schema import BLANK_GUID, INT32
from debitor.store.dialect import SQLITE
from debitor.store.opening import open_store
from debitor.store.sql import compile_query
from debitor.store.sqlite import SqliteStore
from operations.test_concurrency import TODAY, Books, Job, apply, post, reverse, unapply

GROWING = (
    "customer_ledger_entry", "detailed_customer_ledger_entry", "general_ledger_entry", "general_ledger_register",
    "bank_account_ledger_entry", "tax_entry", "sales_invoice", "sales_credit_memo", "journal_line", "customer",
)  # fmt: skip
"""Tables that grow with the business. What is kept of set-up may be read as a whole."""
TEN = Decimal(10)
_READ = re.compile(r'(SCAN|SEARCH) "?(\w+)"?(?: AS \w+)?(?: USING [\w ]+ \((.*)\))?')


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteStore]:
    made = open_store(f"sqlite://{tmp_path}/books.db")
    assert isinstance(made, SqliteStore)
    yield made
    made.close()


@pytest.fixture
def books(store: SqliteStore) -> Books:
    return Books(store, "Plans")


def reads(store: SqliteStore, run: Any) -> list[tuple[str, str, str]]:
    """The reads of growing tables by the statements of an act: (statement, table, what narrows the read)."""
    statements: dict[str, Any] = {}

    def note(_cursor: Any, sql: str, values: Any) -> bool:
        statements[sql] = values
        return True

    store._writer.set_exec_trace(note)
    try:
        run()
    finally:
        store._writer.set_exec_trace(None)
    found = []
    for sql, values in statements.items():
        if sql.startswith(("SELECT", "UPDATE", "DELETE")):
            for line in store.explain(sql, values):
                read = _READ.match(line)
                if read and read[2] in GROWING:
                    found.append((sql, read[2], read[3] or ""))
    return found


def unbounded(found: list[tuple[str, str, str]]) -> list[tuple[str, str, str]]:
    """The reads that the company alone narrows; the end of an index is found at once all the same."""
    return [
        (sql, table, by)
        for sql, table, by in found
        if by in ("", "company=?") and not sql.startswith("SELECT max(") and "LIMIT 1" not in sql
    ]


def test_what_a_line_names_is_found_by_its_number(store: SqliteStore, books: Books) -> None:
    journal = books.journal()
    books.payment(journal, "-100", books.invoice())
    found = reads(store, lambda: books.do(post(journal)))

    assert unbounded(found) == []
    assert {by for _, table, by in found if table == "customer_ledger_entry"} >= {"company=? AND document_number=?"}
    assert {table for _, table, _ in found} >= {"customer_ledger_entry", "sales_invoice", "journal_line", "customer"}


def test_the_open_entries_of_a_customer_are_found_without_its_closed_ones(store: SqliteStore, books: Books) -> None:
    """A customer who pays the oldest invoices first may have a hundred thousand entries; few of them are open."""

    def oldest(tx: Any) -> None:
        tx.update(tx.find(Customer, number="C1"), application_method=ApplicationMethod.APPLY_TO_OLDEST)

    books.do(oldest)
    invoice, journal = books.invoice(), books.journal()
    books.payment(journal, "-100")
    found = reads(store, lambda: books.do(post(journal)))

    assert unbounded(found) == []
    assert "company=? AND customer_id=? AND open=?" in {by for _, t, by in found if t == "customer_ledger_entry"}
    assert books.rest(invoice) == [0]


def test_marked_entries_are_found_among_the_open_ones(store: SqliteStore, books: Books) -> None:
    invoice, journal = books.invoice(), books.journal()
    line = books.payment(journal, "-100")

    def mark(tx: Any) -> None:
        tx.update(tx.get(JournalLine, line), applies_to_id="MARK")
        entry = tx.find(CustomerLedgerEntry, entry_number=invoice.ledger_entry_number)
        tx.update(entry, applies_to_id="MARK", amount_to_apply=entry.remaining_amount)

    books.do(mark)
    found = reads(store, lambda: books.do(post(journal)))

    assert unbounded(found) == []
    assert "company=? AND customer_id=? AND open=?" in {by for _, t, by in found if t == "customer_ledger_entry"}
    assert books.rest(invoice) == [0]


def test_acts_on_posted_entries_read_no_ledger_as_a_whole(store: SqliteStore, books: Books) -> None:
    invoice, payment = books.invoice(), books.paid("-100")
    for act in (apply(payment, invoice.ledger_entry_number), unapply(payment), reverse(payment)):
        found = reads(store, lambda act=act: books.do(act))

        assert found
        assert unbounded(found) == []


def test_a_statement_of_account_reads_its_customer_only(store: SqliteStore, books: Books) -> None:
    books.invoice()
    books.paid("-100")

    def told(tx: Any) -> None:
        statement(tx, tx.find(Customer, number="C1"), TODAY)

    found = reads(store, lambda: books.do(told))

    # What has no index of its own is small: where the customer lives, how its currency is rounded.
    assert [(table, by) for _, table, by in unbounded(found)] == []
    assert {by for _, table, by in found if table == "detailed_customer_ledger_entry"} >= {
        "company=? AND customer_id=? AND posting_date>? AND posting_date<?"
    }


@pytest.mark.parametrize("customer", ["customerId", "customerNumber"])
@pytest.mark.parametrize("descending", [True, False])
def test_the_newest_entries_of_a_customer_are_found_without_sorting_all_of_them(
    store: SqliteStore, books: Books, customer: str, descending: bool
) -> None:
    of = CUSTOMER_LEDGER_ENTRIES
    asked = of.by_name[customer]
    made = compile_query(
        Query(
            of,
            (of.by_name["id"], of.by_name["amount"]),
            Compare("eq", Field(customer), Param(0, asked.type)),
            order=(Order("entryNumber", descending=descending),),
            limit=Param(1, INT32),
        ),
        SQLITE,
    )
    value = "C1" if asked.type.kind == "code" else BLANK_GUID
    plan = store.explain(made.sql, made.bind(1, (value, 20), {"today": TODAY}, ""))

    assert f"__{asked.source}__entry_number (company=? AND {asked.source}=?)" in plan[0]
    assert not [line for line in plan if "TEMP B-TREE" in line]


def test_a_read_of_a_whole_ledger_would_be_noticed(store: SqliteStore, books: Books) -> None:
    found = reads(store, lambda: books.do(lambda tx: tx.all(CustomerLedgerEntry, description="x")))

    assert [(table, by) for _, table, by in unbounded(found)] == [("customer_ledger_entry", "company=?")]


def test_the_number_of_statements_does_not_grow_with_the_lines(store: SqliteStore, books: Books) -> None:
    """Posting is set-based: the database is asked the same questions for three lines as for three hundred."""
    questions = []
    for number in (2, 3, 300):  # the first one reads what is kept of the set-up
        journal, asked = books.journal(), list[str]()
        books.do(adding(journal, number))

        def note(_cursor: Any, sql: str, _values: Any, asked: list[str] = asked) -> bool:
            asked.append(sql)
            return True

        store._writer.set_exec_trace(note)
        try:
            posting = books.do(post(journal))
        finally:
            store._writer.set_exec_trace(None)
        assert len(posting.entries) == number
        questions.append([sql for sql in asked if sql.startswith("SELECT")])

    assert questions[1] == questions[2]


def adding(journal: str, number: int) -> Job:
    return lambda tx: tx.insert_many(lines(tx, journal, number))


def lines(tx: Any, journal: str, number: int) -> Iterator[JournalLine]:
    """Payments on account, against the general ledger."""
    customer, account = tx.find(Customer, number="C1"), "1210"
    for at in range(number):
        yield JournalLine(
            journal_id=journal,
            line_number=(at + 1) * 10_000,
            account_type=AccountType.CUSTOMER,
            account_id=customer.id,
            account_number=customer.number,
            posting_date=TODAY,
            document_type=DocumentType.PAYMENT,
            document_number=f"P{at}",
            amount=-TEN,
            amount_lcy=-TEN,
            balancing_account_number=account,
        )
