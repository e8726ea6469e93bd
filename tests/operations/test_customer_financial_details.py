"""What a customer owes, on the worked example of the declaration."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from debitor.entities import CATALOG
from debitor.ledger.records import Customer, CustomerLedgerEntry
from debitor.query import Compare, Field, Param, Query
from debitor.schema import GUID
from debitor.store import Transaction
from debitor.store.opening import open_store

TODAY = date(2025, 3, 10)
SET = CATALOG["customerFinancialDetails"]
BY_ID = Query(
    of=SET,
    columns=tuple(SET.by_name[n] for n in ("balance", "overdueAmount", "totalSalesExcludingTax")),
    where=Compare("eq", Field("id"), Param(0, GUID)),
    version=False,
)


@pytest.fixture
def tx(store_url: str) -> Iterator[Transaction]:
    store = open_store(store_url)
    with store.transaction() as root:
        yield root.at(1)
    store.close()


class Ledger:
    """A customer, and entries of theirs: amount, what remains of it, dates."""

    def __init__(self, tx: Transaction, number: str) -> None:
        self.tx = tx
        self.customer = tx.insert(Customer(number=number))

    def entry(self, amount: int, remaining: int, posted: date, due: date, *, sales: int = 0, rate: int = 1) -> None:
        self.tx.insert(
            CustomerLedgerEntry(
                entry_number=self.tx.greatest(CustomerLedgerEntry, "entry_number") + 1,
                customer_id=self.customer.id,
                posting_date=posted,
                due_date=due,
                original_amount=Decimal(amount),
                remaining_amount=Decimal(remaining),
                remaining_amount_lcy=Decimal(remaining * rate),
                sales_lcy=Decimal(sales),
                open=remaining != 0,
            )
        )

    def details(self, today: date = TODAY) -> tuple[Any, ...]:
        return self.tx.run(BY_ID, (self.customer.id,), {"today": today})[0]


@pytest.fixture
def ledger(tx: Transaction) -> Ledger:
    """Invoice of 1000, 300 of it paid today; invoice of 500 of today; 50 on account."""
    made = Ledger(tx, "1")
    made.entry(1000, 700, date(2025, 1, 10), date(2025, 2, 10), sales=800)
    made.entry(500, 500, TODAY, date(2025, 4, 10), sales=400)
    made.entry(-300, 0, TODAY, TODAY)
    made.entry(-50, -50, date(2025, 3, 1), date(2025, 3, 1))
    return made


def test_the_worked_example(ledger: Ledger) -> None:
    """Balance, overdue, sales."""
    assert ledger.details() == (1150, 650, 800)


def test_what_falls_due_today_is_overdue_tomorrow(ledger: Ledger) -> None:
    """And today's sales count from tomorrow on."""
    assert ledger.details(date(2025, 4, 10)) == (1150, 650, 1200)
    assert ledger.details(date(2025, 4, 11)) == (1150, 1150, 1200)


def test_amounts_are_in_local_currency_and_of_this_customer_alone(tx: Transaction, ledger: Ledger) -> None:
    """Another customer's dollars do not matter."""
    other = Ledger(tx, "2")
    other.entry(100, 100, date(2025, 1, 1), date(2025, 1, 31), rate=2)

    assert other.details() == (200, 200, 0)
    assert ledger.details() == (1150, 650, 800)


def test_a_customer_without_entries_has_zeros(tx: Transaction) -> None:
    """The row is there all the same."""
    assert Ledger(tx, "3").details() == (0, 0, 0)
