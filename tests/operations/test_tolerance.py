"""A payment that differs a little from its invoice: decided by PATCH, executed by posting, to the cent."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from debitor.host import BooksAct
from debitor.ledger.records import (
    Account,
    Customer,
    CustomerLedgerEntry,
    DetailedEntry,
    JournalLine,
    PaymentTerm,
    ReceivablesSetup,
    SalesInvoice,
)
from debitor.ledger.sales_documents import INVOICE
from debitor.operations import journals, payments, sales_documents, sales_lines, sales_posting
from debitor.operations.checks import check_books
from debitor.operations.companies import create_company
from debitor.operations.posting import post_journal
from debitor.schema import Refused
from debitor.store import Root
from debitor.store.opening import open_store

TODAY = date(2026, 3, 1)


class World:
    """A tolerance of 5, 5 days of grace, and an invoice of 1000 of January 10 with 2 % until the 18th."""

    def __init__(self, root: Root) -> None:
        self.root = root
        company = create_company(root, name="Tolerance", today=TODAY)
        self.tx: Any = root.at(company.key)
        self.setup(maximum_payment_tolerance_amount=Decimal(5), payment_discount_grace_period="5D")
        terms = self.tx.insert(
            PaymentTerm(
                code="T", due_date_calculation="1M", discount_date_calculation="8D", discount_percent=Decimal(2)
            )
        )
        setup: Any = self.tx.find(ReceivablesSetup)
        group = setup.default_customer_posting_group
        customer = self.tx.insert(Customer(number="C1", customer_posting_group=group, payment_terms_id=terms.id))
        accounts = [a for a in self.tx.all(Account) if a.direct_posting and a.account_type == "Posting"]
        income = next(a for a in accounts if a.category == "Income")
        assets = next(a for a in accounts if a.category == "Assets")
        day = date(2026, 1, 10)
        draft = {"customerId": customer.id, "invoiceDate": day, "postingDate": day}
        self.invoice = sales_documents.create_document(INVOICE, self.act(), draft)
        line = {"lineType": "Account", "accountId": income.id, "quantity": Decimal(1), "unitPrice": Decimal(1000)}
        sales_lines.create_line(INVOICE, self.act(documentId=self.invoice), {**line, "taxCode": ""})
        sales_posting.post_document(INVOICE, self.tx, self.invoice, user="U")
        self.journal = journals.create_payment_journal(self.act(), {"code": "PAY", "balancingAccountId": assets.id})
        self.payment = payments.create_payment(
            self.act(journalId=self.journal), {"appliesToInvoiceId": self.invoice, "postingDate": TODAY}
        )

    def setup(self, **changes: Any) -> None:
        self.tx.update(self.tx.find(ReceivablesSetup), **changes)

    def act(self, **parent: Any) -> BooksAct:
        return BooksAct(self.tx, TODAY, False, parent, {}, None, None, "U", "R")

    def entry(self) -> CustomerLedgerEntry:
        found = self.tx.find(CustomerLedgerEntry, document_type="Invoice")
        assert isinstance(found, CustomerLedgerEntry)
        return found

    def patch(self, **draft: Any) -> None:
        payments.change_payment(self.act(), self.payment, draft)

    def post(self) -> list[tuple[str, Decimal]]:
        """Post; the payment's detailed entries besides initial entry and application."""
        post_journal(self.tx, self.journal, today=TODAY, user="U", strict=False)
        kinds = ("Initial_x0020_Entry", "Application")
        return [(d.entry_type, d.amount) for d in self.tx.all(DetailedEntry) if d.entry_type not in kinds]


@pytest.fixture
def world(store_url: str) -> Iterator[World]:
    store = open_store(store_url)
    with store.transaction() as root:
        yield World(root)
    with store.snapshot() as root:
        assert check_books(root) == []
    store.close()


JANUARY_18, JANUARY_20, FEBRUARY = date(2026, 1, 18), date(2026, 1, 20), date(2026, 2, 5)
TOLERANCE, LATE = "Payment_x0020_Tolerance", "Payment_x0020_Discount_x0020_Tolerance"
DISCOUNT = "Payment_x0020_Discount"

CASES: list[tuple[str, date, str, str, bool, list[tuple[str, Decimal]], str]] = [
    ("a little too little", FEBRUARY, "-997", "3", False, [(TOLERANCE, Decimal(-3))], "0"),
    ("a little too much", FEBRUARY, "-1003", "-3", False, [(TOLERANCE, Decimal(3))], "0"),
    ("a positive receipt", FEBRUARY, "997", "3", False, [(TOLERANCE, Decimal(-3))], "0"),
    ("just the tolerance", FEBRUARY, "-995", "5", False, [(TOLERANCE, Decimal(-5))], "0"),
    ("a cent beyond it", FEBRUARY, "-994.99", "0", False, [], "5.01"),
    ("exact", FEBRUARY, "-1000", "0", False, [], "0"),
    ("discount in time", JANUARY_18, "-980", "0", False, [(DISCOUNT, Decimal(-20))], "0"),
    ("both", JANUARY_18, "-977", "3", False, [(TOLERANCE, Decimal(-3)), (DISCOUNT, Decimal(-20))], "0"),
    ("discount within grace", JANUARY_20, "-980", "0", True, [(LATE, Decimal(-20))], "0"),
    ("too little within grace", JANUARY_20, "-970", "0", False, [], "30"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("what", "on", "amount", "tolerance", "late", "parts", "left"), CASES, ids=[c[0] for c in CASES]
)
def test_decided_by_a_change_and_executed_by_posting(
    world: World, what: str, on: date, amount: str, tolerance: str, late: bool, parts: list[Any], left: str
) -> None:
    """The note on the invoice entry, the detailed entries, and what remains of the invoice."""
    world.patch(postingDate=on, amount=Decimal(amount))
    noted = world.entry()
    assert noted.accepted_payment_tolerance == Decimal(tolerance)
    assert noted.accepted_payment_discount_tolerance is late
    assert noted.amount_to_apply == 1000

    assert world.post() == parts
    after = world.entry()
    assert after.remaining_amount == Decimal(left)
    assert after.open is bool(Decimal(left))
    assert after.accepted_payment_tolerance == 0


def test_a_new_date_or_amount_decides_anew(world: World) -> None:
    """What was granted before is taken back when it no longer holds."""
    world.patch(postingDate=JANUARY_20, amount=Decimal(-980))
    assert world.entry().accepted_payment_discount_tolerance
    world.patch(postingDate=FEBRUARY)
    assert not world.entry().accepted_payment_discount_tolerance
    world.patch(amount=Decimal(-999))
    assert world.entry().accepted_payment_tolerance == 1
    world.patch(amount=Decimal(-500))

    assert world.entry().accepted_payment_tolerance == 0


def test_deleting_the_payment_takes_the_notes_back(world: World) -> None:
    """Nothing of it stays on the invoice."""
    world.patch(postingDate=FEBRUARY, amount=Decimal(-997))
    payments.remove_payment(world.act(), world.payment)

    assert world.entry().accepted_payment_tolerance == 0
    assert world.entry().amount_to_apply == 0


@pytest.mark.parametrize(
    ("warning", "on", "amount"),
    [
        ("payment_tolerance_warning", FEBRUARY, "-997"),
        ("payment_discount_tolerance_warning", JANUARY_20, "-980"),
    ],
)
def test_what_a_person_must_confirm_is_refused(world: World, warning: str, on: date, amount: str) -> None:
    """An API session has nobody to ask."""
    world.setup(**{warning: True})
    with pytest.raises(Refused) as refused:
        world.patch(postingDate=on, amount=Decimal(amount))

    assert refused.value.code == "Application_CallbackNotAllowed"
    assert world.tx.get(JournalLine, world.payment).amount == 0
    assert world.entry().accepted_payment_tolerance == 0


def test_creating_a_payment_decides_nothing(world: World) -> None:
    """As in Business Central, whose create sets the amount before the invoice."""
    payments.create_payment(
        world.act(journalId=world.journal), {"appliesToInvoiceId": world.invoice, "amount": Decimal(-997)}
    )

    assert world.entry().accepted_payment_tolerance == 0
    assert world.tx.get(SalesInvoice, world.invoice).status == "Open"
