"""How long posting a journal takes, in process, from few lines to many: the cost of a line should not grow.

    .venv/bin/python -m bench.posting [--lines 10,100,1000,10000,100000] [--rounds 5] [--customers 100]

Every line is a payment that is applied to an open invoice of its own, balanced by a bank account. The invoices are
posted from a journal, too, with a posted document behind each. A round copies the filled store, opens the copy and
posts the journal: one transaction, committed to disk. The median of the rounds counts. In turns with it the floor
(bench/floor.py) posts as many lines; the ratio is floor / debitor, so 1.0 would be as fast as the floor.

With `--out` the points are written as CSV, too.
"""

from __future__ import annotations

import argparse
import csv
import gc
import shutil
import tempfile
import time
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path
from statistics import median
from typing import Any

from bench import floor
from debitor import entities  # noqa: F401 - declares the records that a store has to keep
from debitor.ledger.records import (
    Account,
    AccountType,
    BankAccount,
    Customer,
    CustomerLedgerEntry,
    DocumentType,
    InvoiceStatus,
    JournalBatch,
    JournalLine,
    SalesInvoice,
)
from debitor.operations.companies import create_company
from debitor.operations.posting import post_journal
from debitor.store import Transaction
from debitor.store.opening import open_store

TODAY = date(2026, 1, 31)
LINES = (10, 100, 1_000, 10_000, 100_000)


def batch(tx: Transaction, name: str) -> JournalBatch:
    """A new journal for receipts."""
    return tx.insert(JournalBatch(template_name="CASHRECPT", name=name))


def amount(at: int) -> Decimal:
    """What invoice `at` is over."""
    return Decimal(10_000 + at % 9_000) / 100


def line(of: JournalBatch, at: int, customer: Customer, **columns: Any) -> JournalLine:
    """Line `at` of a journal, about a customer."""
    return JournalLine(
        journal_id=of.id,
        line_number=(at + 1) * 10_000,
        account_type=AccountType.CUSTOMER,
        account_id=customer.id,
        account_number=customer.number,
        **columns,
    )


def invoices(of: JournalBatch, customers: list[Customer], number: int, sales: Account) -> Iterator[JournalLine]:
    """Lines that make the customers owe something."""
    for at in range(number):
        yield line(
            of,
            at,
            customers[at % len(customers)],
            posting_date=date(2026, 1, 1),
            document_type=DocumentType.INVOICE,
            document_number=f"I{at}",
            amount=amount(at),
            amount_lcy=amount(at),
            balancing_account_id=sales.id,
            balancing_account_number=sales.number,
        )


def payments(of: JournalBatch, customers: list[Customer], number: int, bank: BankAccount) -> Iterator[JournalLine]:
    """Lines that pay it, each one invoice."""
    for at in range(number):
        yield line(
            of,
            at,
            customers[at % len(customers)],
            posting_date=date(2026, 1, 20),
            document_type=DocumentType.PAYMENT,
            document_number=f"P{at}",
            amount=-amount(at),
            amount_lcy=-amount(at),
            applies_to_document_type=DocumentType.INVOICE,
            applies_to_document_number=f"I{at}",
            balancing_account_type=AccountType.BANK_ACCOUNT,
            balancing_account_id=bank.id,
            balancing_account_number=bank.number,
        )


def documents(entries: list[CustomerLedgerEntry]) -> Iterator[SalesInvoice]:
    """The posted invoices behind customer ledger entries."""
    for entry in entries:
        yield SalesInvoice(
            number=entry.document_number,
            draft_number=f"D{entry.document_number}",
            customer_id=entry.customer_id,
            customer_number=entry.customer_number,
            bill_to_customer_id=entry.customer_id,
            bill_to_customer_number=entry.customer_number,
            posting_date=entry.posting_date,
            total_excluding_tax=entry.amount,
            total_including_tax=entry.amount,
            status=InvoiceStatus.OPEN,
            posted=True,
            ledger_entry_number=entry.entry_number,
        )


def fill(path: Path, number: int, customers: int) -> str:
    """Make a store with a journal of so many payments to post. Returns the journal's id."""
    store = open_store(f"sqlite://{path}")
    with store.transaction() as root:
        create_company(root, name="Bench", today=TODAY)
        tx = root.at(1)
        sales = next(a for a in tx.all(Account, direct_posting=True) if a.category == "Income")
        cash = next(a for a in tx.all(Account, direct_posting=True) if a.category == "Assets")
        bank = tx.insert(BankAccount(number="B1", name="Bank", ledger_account=cash.number))
        tx.insert_many(
            Customer(number=f"C{n:05}", display_name=f"Customer {n}", customer_posting_group="DOMESTIC")
            for n in range(customers)
        )
        owing = tx.all(Customer)
        opening, receipts = batch(tx, "OPENING"), batch(tx, "RECEIPTS")
        tx.insert_many(invoices(opening, owing, number, sales))
        posting = post_journal(tx, opening.id, today=TODAY, user="bench", strict=False)
        tx.insert_many(documents(list(posting.entries)))
        tx.insert_many(payments(receipts, owing, number, bank))
    store.close()
    return receipts.id


def took(path: Path, journal: str) -> float:
    """Seconds to post a journal in a store, with the commit."""
    store = open_store(f"sqlite://{path}")
    try:
        gc.collect()
        start = time.perf_counter()
        with store.transaction() as root:
            post_journal(root.at(1), journal, today=TODAY, user="bench", strict=False)
        return time.perf_counter() - start
    finally:
        store.close()


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lines", default=",".join(map(str, LINES)), help="numbers of lines, separated by commas")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--customers", type=int, default=100)
    parser.add_argument("--out", type=Path, help="a CSV file for the points")
    given = parser.parse_args()
    points = []
    for number in map(int, given.lines.split(",")):
        with tempfile.TemporaryDirectory(prefix="debitor-bench-") as folder:
            path, least, copy = (Path(folder) / name for name in ("filled.db", "floor.db", "copy.db"))
            customers = min(number, given.customers)
            journal = fill(path, number, customers)
            floor.fill(least, number, customers)
            times, floors = [], []
            for _ in range(given.rounds):
                shutil.copy(path, copy)
                times.append(took(copy, journal))
                copy.unlink()
                shutil.copy(least, copy)
                floors.append(floor.took(copy))
                copy.unlink()
        points.append((number, median(times), median(times) / number, median(floors) / median(times)))
        seconds, each, ratio = points[-1][1:]
        print(
            f"{number:7} lines  {seconds:8.4f} s  {each * 1e6:6.0f} us per line  {ratio:.2f} of the floor", flush=True
        )
    if given.out:
        with given.out.open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(("lines", "seconds", "us_per_line", "of_floor"))
            writer.writerows((n, f"{s:.4f}", f"{each * 1e6:.1f}", f"{ratio:.3f}") for n, s, each, ratio in points)


if __name__ == "__main__":
    main()
