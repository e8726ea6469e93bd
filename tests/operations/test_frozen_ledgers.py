"""The ledgers of real books, attacked behind debitor's back: the store's own constraints refuse."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import apsw
import pytest

from debitor.operations.companies import create_company
from debitor.store.opening import open_store

LEDGERS = (
    "general_ledger_entry",
    "customer_ledger_entry",
    "detailed_customer_ledger_entry",
    "tax_entry",
    "general_ledger_register",
)


@pytest.fixture(scope="module")
def connection(tmp_path_factory: pytest.TempPathFactory) -> Iterator[apsw.Connection]:
    """Another program's connection to the demo company's file."""
    path: Path = tmp_path_factory.mktemp("frozen") / "books.db"
    store = open_store(f"sqlite://{path}")
    with store.transaction() as root:
        create_company(root, name="Demo", demo=True, today=date(2026, 11, 23))
    store.close()
    made = apsw.Connection(str(path))
    yield made
    made.close()


@pytest.mark.parametrize("table", LEDGERS)
def test_an_entry_cannot_be_deleted(connection: apsw.Connection, table: str) -> None:
    """Not one, not all."""
    before = connection.execute(f"SELECT count(*) FROM {table}").fetchall()

    assert before > [(0,)]
    with pytest.raises(apsw.ConstraintError):
        connection.execute(f"DELETE FROM {table}")
    assert connection.execute(f"SELECT count(*) FROM {table}").fetchall() == before


CHANGES = [
    ("general_ledger_entry", "amount = amount + 100000"),
    ("general_ledger_entry", "account_number = '9999'"),
    ("general_ledger_entry", "posting_date = '2020-01-01'"),
    ("customer_ledger_entry", "original_amount = 0"),
    ("customer_ledger_entry", "posting_date = '2020-01-01'"),
    ("customer_ledger_entry", "customer_id = id"),
    ("customer_ledger_entry", "document_number = 'X'"),
    ("detailed_customer_ledger_entry", "amount = 0"),
    ("detailed_customer_ledger_entry", "amount_lcy = 0"),
    ("detailed_customer_ledger_entry", "ledger_entry_number = 1"),
    ("tax_entry", "base = 0"),
    ("general_ledger_register", "to_entry_number = 0"),
    ("sales_invoice", "total_including_tax = 0"),
    ("sales_invoice", "number = 'X'"),
    ("sales_invoice", "posted = 0"),
    ("sales_invoice_line", "unit_price = 0"),
]


@pytest.mark.parametrize(("table", "change"), CHANGES, ids=lambda v: v)
def test_what_is_posted_cannot_be_changed(connection: apsw.Connection, table: str, change: str) -> None:
    """Amounts, dates, accounts, customers and numbers stay as they were posted."""
    posted = " WHERE posted = 1" if table.startswith("sales_invoice") else ""

    with pytest.raises(apsw.ConstraintError):
        connection.execute(f"UPDATE {table} SET {change}{posted}")


def test_what_application_changes_can_change(connection: apsw.Connection) -> None:
    """Open and remaining amount are not frozen; they are checked against the detailed entries instead."""
    with connection:
        connection.execute("UPDATE customer_ledger_entry SET remaining_amount = remaining_amount")

    assert connection.changes() > 0
