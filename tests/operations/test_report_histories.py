"""Reports agree with one another and with a plain reading of the ledgers, whatever was posted."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import suppress
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from debitor.entities import CATALOG
from debitor.ledger.records import (
    Account,
    AccountType,
    Customer,
    CustomerLedgerEntry,
    DetailedEntry,
    DocumentType,
    GeneralLedgerEntry,
    GLAccountType,
    JournalBatch,
    JournalLine,
)
from debitor.operations.companies import create_company
from debitor.operations.open_entries import open_entries
from debitor.operations.posting import post_journal
from debitor.operations.reports import Periods, aged_receivables, customer_sales, trial_balance
from debitor.query import Query
from debitor.ranges import Range
from debitor.schema import BLANK_GUID
from debitor.store import Root, Transaction
from debitor.store.opening import open_store

TODAY = date(2026, 3, 10)
ZERO = Decimal(0)


class Act(NamedTuple):
    """One posting: `invoice` puts the amount on the customer; otherwise it is paid, to `applied` or on account."""

    customer: int
    invoice: bool
    cents: int
    days_ago: int
    applied: int | None


ACTS = st.lists(
    st.builds(
        Act,
        customer=st.integers(0, 2),
        invoice=st.booleans(),
        cents=st.integers(1, 50_000),
        days_ago=st.integers(0, 90),
        applied=st.none() | st.integers(0, 5),
    ),
    max_size=8,
)


class Undone(Exception):
    """Ends an example: what it posted is taken back."""


@pytest.fixture(scope="module")
def root() -> Iterator[Root]:
    with tempfile.TemporaryDirectory() as folder:
        store = open_store(f"sqlite://{Path(folder)}/books.db")
        with store.transaction() as opened:
            create_company(opened, name="Demo", today=TODAY, demo=True)
            yield opened
        store.close()


def post(tx: Transaction, acts: list[Act]) -> None:
    """Post each act in a journal line of its own."""
    batch = tx.insert(JournalBatch(template_name="CASHRECPT", name="TEST"))
    customers = tx.all(Customer, order=("number",), currency_code="")[:3]
    bank = tx.find(Account, number="1210")
    assert bank is not None
    for at, act in enumerate(acts, 1):
        customer = customers[act.customer]
        amount = Decimal(act.cents) / 100 * (1 if act.invoice else -1)
        posted = TODAY - timedelta(days=act.days_ago)
        columns: dict[str, Any] = {}
        if not act.invoice and act.applied is not None:
            known = tx.all(
                CustomerLedgerEntry, customer_id=customer.id, open=True, document_type=DocumentType.INVOICE,
                order=("entry_number",),
            )  # fmt: skip
            known = [entry for entry in known if entry.posting_date <= posted and not entry.currency_code]
            if known:
                columns = {
                    "applies_to_document_type": DocumentType.INVOICE,
                    "applies_to_document_number": known[act.applied % len(known)].document_number,
                }
        tx.insert(
            JournalLine(
                journal_id=batch.id,
                line_number=at * 10000,
                account_type=AccountType.CUSTOMER,
                account_id=customer.id,
                account_number=customer.number,
                posting_date=posted,
                document_type=DocumentType.INVOICE if act.invoice else DocumentType.PAYMENT,
                document_number=f"H{at}",
                amount=amount,
                amount_lcy=amount,
                balancing_account_id=bank.id,
                balancing_account_number=bank.number,
                **columns,
            )
        )
        post_journal(tx, batch.id, today=TODAY, user="clerk", strict=False)


@settings(max_examples=15, deadline=None)
@given(ACTS, st.integers(0, 100))
def test_open_entries_as_of_any_day(root: Root, acts: list[Act], days_ago: int) -> None:
    """The same as summing every detailed entry by hand; today it is what the entries say themselves."""
    try:
        with root.savepoint():
            tx = root.at(1)
            post(tx, acts)
            day = TODAY - timedelta(days=days_ago)
            left: dict[int, list[Decimal]] = {}
            for detail in tx.all(DetailedEntry):
                if detail.posting_date <= day:
                    sums = left.setdefault(detail.ledger_entry_number, [ZERO, ZERO])
                    sums[0] += detail.amount
                    sums[1] += detail.amount_lcy
            slow = {number: tuple(sums) for number, sums in left.items() if any(sums)}

            found = open_entries(tx, day)

            assert {e.entry.entry_number: (e.remaining, e.remaining_lcy) for e in found} == slow
            some = found[0].entry.customer_id
            assert open_entries(tx, day, [some]) == [e for e in found if e.entry.customer_id == some]
            now = {e.entry.entry_number: e.remaining for e in open_entries(tx, date.max)}
            assert now == {e.entry_number: e.remaining_amount for e in tx.all(CustomerLedgerEntry, open=True)}
            raise Undone
    except Undone:
        pass


def details(tx: Transaction) -> dict[str, tuple[Decimal, Decimal, Decimal]]:
    """Customer -> balance, overdue amount, sales, as customerFinancialDetails shows them."""
    of = CATALOG["customerFinancialDetails"]
    names = ("id", "balance", "overdueAmount", "totalSalesExcludingTax")
    query = Query(of=of, columns=tuple(of.by_name[n] for n in names), version=False)
    return {id: (Decimal(b), Decimal(o), Decimal(s)) for id, b, o, s in tx.run(query, (), {"today": TODAY})}


def check(tx: Transaction, first: int, length: int) -> None:
    act = SimpleNamespace(tx=tx, today=TODAY)
    entries = {entry.entry_number: entry for entry in tx.all(CustomerLedgerEntry)}
    known = details(tx)

    aged = {row["customerId"]: row for row in aged_receivables(act, {})}
    total = aged.pop(BLANK_GUID)
    assert set(aged) == set(known)
    periods = Periods.of(TODAY, "30D")
    columns = ("currentAmount", "period1Amount", "period2Amount", "period3Amount")
    for id, (balance, overdue, _) in known.items():
        # The model: every detailed entry by the due date of the entry that it belongs to.
        model = [ZERO] * 4
        for detail in tx.all(DetailedEntry, customer_id=id):
            due = entries[detail.ledger_entry_number].due_date
            model[next(at for at, range in enumerate(periods.ranges) if due in range)] += detail.amount_lcy
        assert [aged[id][column] for column in columns] == model
        assert aged[id]["balanceDue"] == balance == sum(model)
        assert overdue == sum(model[1:])
        left = [e.remaining_amount_lcy for e in entries.values() if e.customer_id == id and e.open]
        assert balance == sum(left)
    for column in ("balanceDue", *columns):
        assert total[column] == sum(row[column] for row in aged.values())

    ledger = tx.all(GeneralLedgerEntry)
    receivables = {"1310", "1320"}
    controls = [e.amount for e in ledger if e.account_number in receivables]
    assert total["balanceDue"] == sum(controls)

    period = Range(TODAY - timedelta(days=first), TODAY - timedelta(days=first) + timedelta(days=length))
    rows = trial_balance(act, {"dateFilter": period})
    posting = [row for row in rows if row["accountType"] == GLAccountType.POSTING]
    assert sum(Decimal(row["totalDebit"]) for row in posting) == sum(Decimal(row["totalCredit"]) for row in posting)
    for row in posting:
        mine = [e for e in ledger if e.account_number == row["number"]]
        assert Decimal(row["totalDebit"]) == sum(e.debit_amount for e in mine if e.posting_date in period)
        balance = Decimal(row["balanceAtDateDebit"]) - Decimal(row["balanceAtDateCredit"])
        assert balance == sum(e.amount for e in mine if e.posting_date <= period.high)

    sold = {
        row["customerId"]: row["totalSalesAmount"]
        for row in customer_sales(act, {"dateFilter": Range(None, TODAY - timedelta(days=1))})
    }
    assert {id: sales for id, (_, _, sales) in known.items()} == {id: sold.get(id, ZERO) for id in known}


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(acts=ACTS, first=st.integers(0, 90), length=st.integers(0, 60))
def test_reports_agree_with_one_another_and_with_the_ledgers(
    root: Root, acts: list[Act], first: int, length: int
) -> None:
    with suppress(Undone), root.savepoint():
        tx = root.at(1)
        post(tx, acts)
        check(tx, first, length)
        raise Undone
