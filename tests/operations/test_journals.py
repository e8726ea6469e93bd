"""Journals on a real store: what templates give, customers as balancing accounts, where dimensions come from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from debitor.ledger.records import (
    Account,
    AccountType,
    Customer,
    CustomerBlocked,
    CustomerLedgerEntry,
    DefaultDimension,
    DefaultDimensionPriority,
    DocumentType,
    GeneralLedgerEntry,
    JournalBatch,
    JournalLine,
    JournalTemplate,
    NumberSeries,
    NumberSeriesLine,
    SalesInvoiceLine,
)
from debitor.ledger.sales_documents import INVOICE
from debitor.operations import journals, payments, sales_documents, sales_lines
from debitor.operations.companies import create_company
from debitor.operations.dimensions import pairs_of
from debitor.operations.posting import post_journal
from debitor.schema import BLANK_GUID, Refused
from debitor.store.opening import open_store

D = Decimal
TODAY = date(2026, 1, 31)


@dataclass
class Work:
    """A caller of business acts."""

    tx: Any
    strict: bool = False
    today: date = TODAY
    parent: Mapping[str, Any] = field(default_factory=dict)
    values: Mapping[str, Any] = field(default_factory=dict)
    key: str | None = None
    if_match: str | None = None
    user: str = "clerk"
    request_id: str = "r"

    def only(self, record: type, **equal: Any) -> Any:
        (found,) = self.tx.all(record, **equal)
        return found

    def line(self, journal: str, **draft: Any) -> JournalLine:
        found = self.tx.get(JournalLine, journals.create_line(self, {"journalId": journal, **draft}))
        assert isinstance(found, JournalLine)
        return found


@pytest.fixture
def work(store_url: str) -> Iterator[Work]:
    store = open_store(store_url)
    with store.transaction() as root:
        create_company(root, name="Demo", today=TODAY, demo=True)
        yield Work(root.at(1))
    store.close()


@pytest.mark.parametrize("strict", [False, True])
def test_a_template_gives_its_series_and_reason_to_journals(work: Work, strict: bool) -> None:
    """Business Central initialises journals in its own pages only."""
    template = work.only(JournalTemplate, name="GENERAL")
    work.tx.update(template, number_series="GEN", posting_number_series="GEN+", reason_code="CLOSE")
    work.strict = strict
    batch = work.tx.get(JournalBatch, journals.create_journal(work, {"code": "T"}))

    found = (batch.number_series, batch.posting_number_series, batch.reason_code)
    assert found == (("", "", "") if strict else ("GEN", "GEN+", "CLOSE"))


def test_the_reason_reaches_the_entries_and_the_posting_series_their_numbers(work: Work) -> None:
    work.tx.insert(NumberSeries(code="GEN+"))
    work.tx.insert(NumberSeriesLine(series_code="GEN+", starting_number="G0001"))
    template = work.only(JournalTemplate, name="GENERAL")
    work.tx.update(template, posting_number_series="GEN+", reason_code="CLOSE")
    journal = journals.create_journal(work, {"code": "T"})
    work.line(journal, accountNumber="6410", amount=D(5), balancingAccountNumber="1210", documentNumber="ANY")
    post_journal(work.tx, journal, today=TODAY, user="clerk", strict=False)
    rows = work.tx.all(GeneralLedgerEntry, document_number="G0001")
    assert [row.reason_code for row in rows] == ["CLOSE", "CLOSE"]


def test_a_customer_balances_a_line(work: Work) -> None:
    """A fee of 25 for the customer: expense -25, customer 25; the currency is the customer's."""
    customer = work.only(Customer, number="10400")
    journal = journals.create_journal(work, {"code": "T"})
    line = work.line(
        journal, accountNumber="6410", amount=D(-25), balanceAccountType=AccountType.CUSTOMER,
        balancingAccountNumber="10400", documentNumber="FEE1",
    )  # fmt: skip
    assert (line.balancing_account_id, line.currency_code) == (customer.id, customer.currency_code)
    post_journal(work.tx, journal, today=TODAY, user="clerk", strict=False)

    entry = work.only(CustomerLedgerEntry, document_number="FEE1")
    assert (entry.customer_number, entry.remaining_amount, entry.open) == ("10400", D(25), True)


def test_the_balancing_customer_s_currency_is_the_line_s(work: Work) -> None:
    foreign = next(c for c in work.tx.all(Customer) if c.currency_code)
    journal = journals.create_journal(work, {"code": "T"})
    line = work.line(
        journal, accountNumber="6410", amount=D(-100), balanceAccountType=AccountType.CUSTOMER,
        balancingAccountId=foreign.id,
    )  # fmt: skip

    assert line.currency_code == foreign.currency_code
    assert line.amount_lcy == round(D(-100) / line.currency_factor, 2)


@pytest.mark.parametrize(
    ("draft", "says"),
    [
        ({"balanceAccountType": AccountType.VENDOR, "balancingAccountNumber": "X"}, "Vendor"),
        ({"accountType": AccountType.CUSTOMER, "accountNumber": "10400"}, "customerPayments"),
        ({"balanceAccountType": AccountType.CUSTOMER, "balancingAccountNumber": "10400"}, "blocked with type All"),
    ],
)
def test_accounts_that_are_refused(work: Work, draft: dict[str, Any], says: str) -> None:
    work.tx.update(work.only(Customer, number="10400"), blocked=CustomerBlocked.ALL)
    journal = journals.create_journal(work, {"code": "T"})
    with pytest.raises(Refused, match=says):
        work.line(journal, **draft)


# --------------------------------------------------------------------------- default dimensions


def default(work: Work, table: str, id: str, dimension: str, value: str) -> None:
    work.tx.delete_where(DefaultDimension, parent_id=id, dimension_code=dimension)
    work.tx.insert(DefaultDimension(parent_type=table, parent_id=id, dimension_code=dimension, value_code=value))


@pytest.mark.parametrize(
    ("own", "whole", "priorities", "department"),
    [
        (True, False, {}, "ADM"),
        (False, True, {}, "SERVICE"),
        (True, True, {}, "ADM"),
        (True, True, {"Customer": 1}, "SALES"),
        (True, True, {"Customer": 2, "G/L Account": 1}, "ADM"),
        (True, True, {"Customer": 1, "G/L Account": 1}, "ADM"),
        (False, False, {}, "SALES"),
    ],
)
def test_where_a_payment_s_dimensions_come_from(
    work: Work, own: bool, whole: bool, priorities: dict[str, int], department: str
) -> None:
    """The balancing account's own, then those of its table, then the customer's; unless tables are ranked."""
    account, customer = work.only(Account, number="1210"), work.only(Customer, number="10400")
    default(work, "Customer", customer.id, "DEPARTMENT", "SALES")
    if own:
        default(work, "G/L Account", account.id, "DEPARTMENT", "ADM")
    if whole:
        default(work, "G/L Account", BLANK_GUID, "DEPARTMENT", "SERVICE")
    for table, priority in priorities.items():
        work.tx.insert(DefaultDimensionPriority(source_code="CASHRECJNL", parent_type=table, priority=priority))
    journal = journals.create_payment_journal(work, {"code": "T", "balancingAccountId": account.id})
    id = payments.create_payment(work, {"journalId": journal, "customerNumber": "10400", "amount": D(-1)})
    pairs = pairs_of(work.tx, work.tx.get(JournalLine, id).dimension_set_number)

    assert pairs["DEPARTMENT"] == department


@pytest.mark.parametrize(
    ("priorities", "department"),
    [
        ({}, "ADM"),
        ({"Customer": 1}, "SALES"),
        ({"Customer": 2, "G/L Account": 1}, "ADM"),
        ({"G/L Account": 1}, "ADM"),
    ],
)
def test_where_an_invoice_line_s_dimensions_come_from(
    work: Work, priorities: dict[str, int], department: str
) -> None:
    """What is sold comes before the customer, unless the source code of sales ranks customers first."""
    account, customer = work.only(Account, number="6410"), work.only(Customer, number="10400")
    default(work, "Customer", customer.id, "DEPARTMENT", "SALES")
    default(work, "G/L Account", account.id, "DEPARTMENT", "ADM")
    for table, priority in priorities.items():
        work.tx.insert(DefaultDimensionPriority(source_code="SALES", parent_type=table, priority=priority))
    invoice = sales_documents.create_document(INVOICE, work, {"customerNumber": "10400"})
    draft = {"documentId": invoice, "accountId": account.id, "quantity": D(1), "unitPrice": D(1)}
    line = work.tx.get(SalesInvoiceLine, sales_lines.create_line(INVOICE, work, draft))

    assert pairs_of(work.tx, line.dimension_set_number)["DEPARTMENT"] == department


def test_a_payment_balanced_by_a_customer_is_applied_like_any_other(work: Work) -> None:
    """A receipt on the bank's account, balanced by the customer who paid an invoice."""
    invoice = next(
        e for e in work.tx.all(CustomerLedgerEntry, open=True, document_type=DocumentType.INVOICE)
        if not e.currency_code
    )  # fmt: skip
    account = work.only(Account, number="1210")
    batch = work.tx.insert(JournalBatch(template_name="GENERAL", name="T"))
    work.tx.insert(
        JournalLine(
            journal_id=batch.id, line_number=10000, account_id=account.id, account_number=account.number,
            posting_date=TODAY, document_type=DocumentType.PAYMENT, document_number="P1",
            amount=invoice.remaining_amount, amount_lcy=invoice.remaining_amount,
            balancing_account_type=AccountType.CUSTOMER, balancing_account_id=invoice.customer_id,
            balancing_account_number=invoice.customer_number, applies_to_document_type=DocumentType.INVOICE,
            applies_to_document_number=invoice.document_number,
        )
    )  # fmt: skip
    post_journal(work.tx, batch.id, today=TODAY, user="clerk", strict=False)

    assert not work.only(CustomerLedgerEntry, entry_number=invoice.entry_number).open
