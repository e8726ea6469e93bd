"""How long each report takes in process, over a company with a million ledger entries.

    .venv/bin/python -m bench.reports [--entries 1000000] [--customers 10000] [--open 10]

The store is filled with rows, not by posting: half invoices and half payments of as many customers, `--open` percent
of them open, and as many G/L entries over the demo's chart. Each report then runs several times; the median counts.
"""

from __future__ import annotations

import argparse
import random
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from statistics import median
from types import SimpleNamespace
from typing import Any

from debitor.entities import CATALOG
from debitor.ledger.records import Account, Customer, CustomerLedgerEntry, DocumentType, GeneralLedgerEntry
from debitor.ledger.records import GLAccountType as Kind
from debitor.operations.companies import create_company
from debitor.operations.reports import aged_receivables, customer_sales, trial_balance
from debitor.query import Query
from debitor.ranges import Range
from debitor.store import Transaction
from debitor.store.opening import open_store

TODAY = date(2026, 3, 10)
FIRST = date(2024, 1, 1)
ROUNDS = 5
CHUNK = 50_000


def customer_entries(
    ids: list[str], number: int, percent: int, chance: random.Random
) -> Iterator[CustomerLedgerEntry]:
    """Entries of random customers, days and amounts."""
    days = (TODAY - FIRST).days
    for at in range(1, number + 1):
        invoice = at % 2 == 0
        amount = Decimal(chance.randrange(100, 100_000)) / (100 if invoice else -100)
        posted = FIRST + timedelta(days=chance.randrange(days))
        left = chance.randrange(100) < percent
        yield CustomerLedgerEntry(
            entry_number=1_000_000 + at,
            customer_id=chance.choice(ids),
            posting_date=posted,
            due_date=posted + timedelta(days=30 if invoice else 0),
            document_type=DocumentType.INVOICE if invoice else DocumentType.PAYMENT,
            amount_lcy=amount,
            remaining_amount_lcy=amount if left else Decimal(0),
            remaining_amount=amount if left else Decimal(0),
            sales_lcy=amount if invoice else Decimal(0),
            open=left,
        )


def general_entries(accounts: list[Account], number: int, chance: random.Random) -> Iterator[GeneralLedgerEntry]:
    """Debits and credits of random accounts."""
    days = (TODAY - FIRST).days
    for at in range(1, number + 1):
        account = chance.choice(accounts)
        amount = Decimal(chance.randrange(100, 100_000)) / 100
        debit = at % 2 == 0
        yield GeneralLedgerEntry(
            entry_number=1_000_000 + at,
            account_id=account.id,
            account_number=account.number,
            posting_date=FIRST + timedelta(days=chance.randrange(days)),
            amount=amount if debit else -amount,
            debit_amount=amount if debit else Decimal(0),
            credit_amount=Decimal(0) if debit else amount,
        )


def insert(tx: Transaction, rows: Iterator[Any]) -> None:
    """Add rows, some at a time."""
    batch: list[Any] = []
    for row in rows:
        batch.append(row)
        if len(batch) == CHUNK:
            tx.insert_many(batch)
            batch.clear()
    tx.insert_many(batch)


def took(run: Callable[[], Any]) -> float:
    """The median of several runs, in milliseconds."""
    times = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    return median(times) * 1000


def reports(tx: Transaction, customer: str) -> Iterator[tuple[str, Callable[[], Any]]]:
    """Name and call of everything that is measured."""
    act = SimpleNamespace(tx=tx, today=TODAY)
    year = Range(date(2025, 1, 1), date(2025, 12, 31))
    yield "agedAccountsReceivables", lambda: aged_receivables(act, {})
    yield "agedAccountsReceivables of one customer", lambda: aged_receivables(act, {"customerId": customer})
    yield "trialBalances of a year", lambda: trial_balance(act, {"dateFilter": year})
    yield "trialBalances of today", lambda: trial_balance(act, {})
    yield "customerSales", lambda: customer_sales(act, {})
    yield "customerSales of a year", lambda: customer_sales(act, {"dateFilter": year})
    for name in ("customerFinancialDetails", "accounts"):
        of = CATALOG[name]
        query = Query(of=of, columns=of.properties, version=False)
        yield name, lambda query=query: tx.run(query, (), {"today": TODAY})  # type: ignore[misc]


def main() -> None:
    """Fill a store, run every report, print what it took."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--entries", type=int, default=1_000_000)
    parser.add_argument("--customers", type=int, default=10_000)
    parser.add_argument("--open", type=int, default=10, help="percent of the customers' entries that are open")
    given = parser.parse_args()
    chance = random.Random(7)
    with tempfile.TemporaryDirectory() as folder:
        store = open_store(f"sqlite://{Path(folder) / 'books.db'}")
        with store.transaction() as root:
            create_company(root, name="Bench", today=TODAY)
            tx = root.at(1)
            tx.insert_many(Customer(number=f"C{n:06}", display_name=f"Customer {n}") for n in range(given.customers))
            ids = [row.id for row in tx.all(Customer)]
            insert(tx, customer_entries(ids, given.entries, given.open, chance))
            posting = [a for a in tx.all(Account) if a.account_type == Kind.POSTING]
            insert(tx, general_entries(posting, given.entries, chance))
        reader = store.reader().at(1)
        for name, run in reports(reader, ids[0]):
            print(f"{took(run):8.1f} ms  {name}")
        store.close()


if __name__ == "__main__":
    main()
