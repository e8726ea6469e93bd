"""Credit memos, cancelling and correcting on a real store: statuses, ledgers, refusals; the books stay right."""

from collections.abc import Callable, Iterator
from datetime import date, timedelta
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from debitor.ledger.records import (
    Account,
    AccountType,
    ApplicationMethod,
    BankAccount,
    Currency,
    Customer,
    CustomerBlocked,
    CustomerLedgerEntry,
    DefaultDimension,
    DetailedEntry,
    DetailedEntryType,
    DocumentType,
    ExchangeRate,
    GeneralLedgerEntry,
    GeneralLedgerRegister,
    InvoiceStatus,
    Item,
    JournalBatch,
    JournalLine,
    NumberSeriesLine,
    PaymentMethod,
    PaymentTerm,
    PostingValidation,
    ReceivablesSetup,
    SalesCreditMemo,
    SalesDocument,
    SalesInvoice,
)
from debitor.ledger.sales_documents import CREDIT_MEMO, INVOICE, Kind
from debitor.operations.checks import check_books
from debitor.operations.companies import create_company
from debitor.operations.corrections import cancel_document, make_corrective_credit_memo
from debitor.operations.demo import DemoAct
from debitor.operations.posting import post_journal
from debitor.operations.sales_documents import change_document, create_document
from debitor.operations.sales_lines import create_line
from debitor.operations.sales_posting import post_document
from debitor.schema import Draft, Refused
from debitor.store import FrozenRow
from debitor.store.opening import open_store
from operations.test_posting import spoil

D = Decimal
TODAY = date(2026, 3, 10)
DIALOG = "Application_DialogException"


class Books:
    """One company's books, and the short words for what clients do."""

    def __init__(self, root: Any) -> None:
        self.root = root
        self.tx = root.at(create_company(root, name="Test", today=TODAY).key)
        self.today = TODAY
        setup = self.tx.all(ReceivablesSetup)[0]
        assert setup.local_currency_code == "EUR"
        self.tx.insert(
            Item(number="1", display_name="Tent", unit_price=D(100), general_product_posting_group="GOODS")
        )
        self.tx.insert(Currency(code="USD", realized_gains_account="6310", realized_losses_account="6320"))
        for start, rate in ((date(2026, 1, 1), "0.90"), (date(2026, 3, 1), "0.95")):
            self.tx.insert(
                ExchangeRate(currency_code="USD", starting_date=start, relational_exchange_rate_amount=D(rate))
            )
        self.customer("C1")

    @property
    def act(self) -> DemoAct:
        return DemoAct(self.tx, self.today)

    def customer(self, number: str, **more: Any) -> Customer:
        given: dict[str, Any] = {"customer_posting_group": "DOMESTIC", "display_name": number, **more}
        found: Customer = self.tx.insert(Customer(number=number, **given))
        return found

    def draft(self, kind: Kind, *prices: str, customer: str = "C1", **more: Any) -> str:
        id = create_document(kind, self.act, {"customerNumber": customer, **more})
        for price in prices:
            line: Draft = {
                "documentId": id,
                "lineType": "Item",
                "lineObjectNumber": "1",
                "quantity": D(1),
                "unitPrice": D(price),
            }
            create_line(kind, self.act, line)
        return id

    def posted(self, kind: Kind, *prices: str, **more: Any) -> SalesDocument:
        return post_document(kind, self.tx, self.draft(kind, *prices, **more), user="U")

    def again(self, document: SalesDocument) -> Any:
        return self.tx.get(type(document), document.id)

    def entry(self, document: SalesDocument) -> CustomerLedgerEntry:
        (found,) = self.tx.all(CustomerLedgerEntry, entry_number=self.again(document).ledger_entry_number)
        assert isinstance(found, CustomerLedgerEntry)
        return found

    def cancel(self, kind: Kind, document: SalesDocument) -> SalesDocument:
        return cancel_document(kind, self.act, document.id)

    def owed(self) -> Decimal:
        total: Decimal = self.tx.total(CustomerLedgerEntry, "remaining_amount_lcy")
        return total

    def refused(self, run: Callable[[], Any]) -> tuple[str, str]:
        """Refused, and nothing was written."""
        counted = (CustomerLedgerEntry, DetailedEntry, GeneralLedgerEntry, SalesInvoice, SalesCreditMemo)
        before = [self.tx.count(record) for record in counted]
        with pytest.raises(Refused) as no, self.root.savepoint():
            run()
        assert [self.tx.count(record) for record in counted] == before
        return no.value.code, no.value.message


@pytest.fixture
def books(store_url: str) -> Iterator[Books]:
    store = open_store(store_url)
    try:
        with store.transaction() as root:
            made = Books(root)
            yield made
            assert check_books(root) == []
    finally:
        store.close()


# --------------------------------------------------------------------------- posting


def test_numbers_come_from_the_series_of_credit_memos(books: Books) -> None:
    id = books.draft(CREDIT_MEMO, "10")
    draft = books.tx.get(SalesCreditMemo, id)
    posted = post_document(CREDIT_MEMO, books.tx, id, user="U")

    lines = {line.series_code: line for line in books.tx.all(NumberSeriesLine)}
    assert (draft.number, posted.number) == (lines["S-CR"].last_number_used, lines["S-CR+"].last_number_used)
    assert (posted.id, posted.draft_number) == (id, draft.number)


def test_a_posted_credit_memo_is_frozen_by_the_store(books: Books) -> None:
    posted = books.posted(CREDIT_MEMO, "10")

    for change in ({"total_including_tax": D(1)}, {"posting_date": TODAY - timedelta(1)}, {"number": "X"}):
        with pytest.raises(FrozenRow), books.root.savepoint():
            books.tx.update(posted, **change)
    with pytest.raises(FrozenRow), books.root.savepoint():
        books.tx.delete(posted)


def test_the_oldest_invoices_are_credited_first(books: Books) -> None:
    """300 over invoices of 200 and 200 of a customer with Apply to Oldest: one is paid, one is half open."""
    books.customer("OLD", application_method=ApplicationMethod.APPLY_TO_OLDEST)
    later = books.posted(INVOICE, "200", customer="OLD", dueDate=date(2026, 5, 1))
    first = books.posted(INVOICE, "200", customer="OLD", dueDate=date(2026, 4, 1))
    given = books.posted(CREDIT_MEMO, "300", customer="OLD")

    rate = first.total_including_tax / 200
    assert [books.again(d).status for d in (first, later, given)] == ["Paid", "Open", "Paid"]
    assert books.entry(later).remaining_amount == 100 * rate
    assert books.entry(given).closed_by_entry_number == later.ledger_entry_number


def test_a_new_invoice_takes_up_open_credit_memos(books: Books) -> None:
    books.customer("OLD", application_method=ApplicationMethod.APPLY_TO_OLDEST)
    given = books.posted(CREDIT_MEMO, "100", customer="OLD")
    sold = books.posted(INVOICE, "150", customer="OLD")

    assert books.again(given).status == InvoiceStatus.PAID
    assert books.entry(sold).remaining_amount == sold.total_including_tax - given.total_including_tax


def test_a_refund_is_posted_with_the_credit_memo(books: Books) -> None:
    """The payment method names the cash account, and the terms treat credit memos as invoices."""
    method = books.tx.insert(
        PaymentMethod(
            code="TILL",
            balancing_account_type=AccountType.GL_ACCOUNT,
            balancing_account_number=books.tx.all(Account, direct_posting=True, category="Assets")[0].number,
        )
    )
    term = books.tx.insert(
        PaymentTerm(code="ALIKE", due_date_calculation="1M", calculate_discount_on_credit_memos=True)
    )
    books.customer("CASH", payment_method_id=method.id, payment_terms_id=term.id)
    given = books.posted(CREDIT_MEMO, "100", customer="CASH")

    assert given.status == InvoiceStatus.PAID
    refund = books.tx.all(CustomerLedgerEntry, document_type="Refund")
    assert [(e.original_amount, e.remaining_amount, e.document_number) for e in refund] == [
        (given.total_including_tax, 0, given.number)
    ]
    assert books.tx.count(GeneralLedgerRegister) == 1


@pytest.mark.parametrize(("paid", "status"), [("100", "Paid"), ("40", "Open")])
def test_a_refund_by_journal_is_applied_to_the_credit_memo(books: Books, paid: str, status: str) -> None:
    """The status follows the entry, and the tag changes, whatever is posted."""
    books.tx.update(books.tx.find(Item, number="1"), tax_group_code="EXEMPT")
    given = books.posted(CREDIT_MEMO, "100")
    customer = books.tx.find(Customer, number="C1")
    bank = books.tx.find(BankAccount, number="BANK")
    batch = books.tx.find(JournalBatch, template_name=books.tx.all(ReceivablesSetup)[0].general_template)
    books.tx.insert(
        JournalLine(
            journal_id=batch.id,
            line_number=10000,
            account_type=AccountType.CUSTOMER,
            account_id=customer.id,
            account_number="C1",
            posting_date=TODAY,
            document_type=DocumentType.REFUND,
            document_number="R1",
            amount=D(paid),
            amount_lcy=D(paid),
            balancing_account_type=AccountType.BANK_ACCOUNT,
            balancing_account_id=bank.id,
            balancing_account_number="BANK",
            applies_to_document_type=DocumentType.CREDIT_MEMO,
            applies_to_document_number=given.number,
        )
    )
    post_journal(books.tx, batch.id, today=TODAY, user="U", strict=True)

    after = books.again(given)
    assert (after.status, after.version > given.version) == (status, True)
    assert books.entry(given).remaining_amount == D(paid) - given.total_including_tax


def test_what_it_corrects_can_be_changed_until_it_is_posted(books: Books) -> None:
    one, other = books.posted(INVOICE, "100"), books.posted(INVOICE, "100")
    id = books.draft(CREDIT_MEMO, "60", invoiceId=one.id)
    change_document(CREDIT_MEMO, books.act, id, {"invoiceId": other.id})
    post_document(CREDIT_MEMO, books.tx, id, user="U")

    assert books.entry(one).remaining_amount == one.total_including_tax
    assert books.entry(other).remaining_amount < other.total_including_tax


# --------------------------------------------------------------------------- cancel


def test_a_cancelled_foreign_invoice_loses_nothing(books: Books) -> None:
    """Sold in February at 0.90, cancelled in March, when the dollar is at 0.95."""
    books.customer("US", currency_code="USD")
    books.today = date(2026, 2, 10)
    sold = books.posted(INVOICE, "333.33", "66.67", customer="US", discountAmount=D("12.34"))
    books.today = TODAY
    made = books.cancel(INVOICE, sold)

    assert (made.currency_factor, made.posting_date, made.document_date) == (sold.currency_factor, TODAY, TODAY)
    assert (made.due_date, made.number != made.draft_number) == (TODAY, True)
    assert [books.again(d).status for d in (sold, made)] == [InvoiceStatus.CANCELED, InvoiceStatus.CORRECTIVE]
    assert (books.entry(sold).open, books.entry(made).open, books.owed()) == (False, False, 0)
    kinds = {d.entry_type for d in books.tx.all(DetailedEntry)}
    assert kinds == {DetailedEntryType.INITIAL_ENTRY, DetailedEntryType.APPLICATION}
    by_account: dict[str, Decimal] = {}
    for entry in books.tx.all(GeneralLedgerEntry):
        by_account[entry.account_number] = by_account.get(entry.account_number, D(0)) + entry.amount
    assert by_account == {"4110": by_account["4110"], "4180": -by_account["4110"], "2310": 0, "1310": 0}


def test_there_and_back_again(books: Books) -> None:
    """Cancel, cancel the credit memo, cancel again: what is owed follows, and what is possible is possible again."""
    term = books.tx.insert(
        PaymentTerm(code="2%", due_date_calculation="30D", discount_date_calculation="8D", discount_percent=D(2))
    )
    books.customer("T", payment_terms_id=term.id)
    sold = books.posted(INVOICE, "100", customer="T")
    before = books.entry(sold)
    assert before.remaining_payment_discount_possible > 0
    for _ in range(2):
        made = books.cancel(INVOICE, books.again(sold))
        assert (books.again(sold).status, books.owed()) == (InvoiceStatus.CANCELED, 0)
        corrective = books.cancel(CREDIT_MEMO, books.again(made))
        assert isinstance(corrective, SalesInvoice)
        assert [books.again(d).status for d in (sold, made, corrective)] == ["Open", "Canceled", "Corrective"]
        assert books.owed() == sold.total_including_tax
        after = books.entry(sold)
        columns = ("remaining_amount", "remaining_amount_lcy", "open", "remaining_payment_discount_possible",
                   "maximum_payment_tolerance", "closed_by_entry_number", "closed_at_date")  # fmt: skip
        assert [getattr(after, c) for c in columns] == [getattr(before, c) for c in columns]
        assert not books.entry(corrective).open
        assert not books.entry(made).open
        without = books.tx.all(DetailedEntry, transaction_number=0)
        back = [d for d in without if d.application_number == max(d.application_number for d in without)]
        assert sorted(d.amount for d in back) == [-sold.total_including_tax, sold.total_including_tax]


def test_an_invoice_over_nothing_is_cancelled_too(books: Books) -> None:
    sold = books.posted(INVOICE, "0")
    made = books.cancel(INVOICE, sold)

    assert [books.again(d).status for d in (sold, made)] == [InvoiceStatus.CANCELED, InvoiceStatus.CORRECTIVE]
    books.cancel(CREDIT_MEMO, made)
    assert [books.again(d).status for d in (sold, made)] == [InvoiceStatus.PAID, InvoiceStatus.CANCELED]


def test_reasons_in_order_of_precedence(books: Books) -> None:
    """Each reason is added before the one that hides it is taken away."""
    sold = books.posted(INVOICE, "100")
    setup = books.tx.all(ReceivablesSetup)[0]
    customer = books.tx.find(Customer, number="C1")
    part = books.posted(CREDIT_MEMO, "10", invoiceId=sold.id)
    customer = books.tx.update(customer, blocked=CustomerBlocked.INVOICE)
    item = books.tx.update(books.tx.find(Item, number="1"), blocked=True)
    setup = books.tx.update(setup, allow_posting_from=TODAY + timedelta(1), credit_memo_numbers="")

    def no(document: SalesDocument = sold) -> str:
        code, message = books.refused(lambda: books.cancel(INVOICE, document))
        assert code == DIALOG
        return message

    assert "outside the allowed posting dates" in no()
    setup = books.tx.update(setup, allow_posting_from=date(2026, 1, 1))
    assert "paid or credited" in no()
    item = books.tx.update(item, blocked=False)
    customer = books.tx.update(customer, blocked=CustomerBlocked.BLANK)
    other = books.posted(INVOICE, "100")
    customer = books.tx.update(customer, blocked=CustomerBlocked.INVOICE)
    item = books.tx.update(item, blocked=True)
    assert "blocked with type Invoice" in no(other)
    books.tx.update(customer, blocked=CustomerBlocked.BLANK)
    assert "names no number series" in no(other)
    books.tx.update(setup, credit_memo_numbers="S-CR")
    assert "Item 1 on line 10000 is blocked" in no(other)
    books.tx.update(item, blocked=False)
    books.cancel(INVOICE, other)
    assert "cancelled already" in no(other)
    assert books.refused(lambda: books.cancel(CREDIT_MEMO, part))[1].endswith("to be paid after all.")


def test_a_rule_on_dimensions_stops_cancelling(books: Books) -> None:
    sold = books.posted(INVOICE, "100")
    customer = books.tx.find(Customer, number="C1")
    books.tx.insert(
        DefaultDimension(
            parent_type="Customer",
            parent_id=customer.id,
            dimension_code="DEPARTMENT",
            posting_validation=PostingValidation.CODE_MANDATORY,
        )
    )

    code, message = books.refused(lambda: books.cancel(INVOICE, sold))
    assert (code, "DEPARTMENT" in message) == (DIALOG, True)


def test_drafts_are_not_cancelled(books: Books) -> None:
    for kind in (INVOICE, CREDIT_MEMO):
        id = books.draft(kind, "10")
        code, message = books.refused(partial(cancel_document, kind, books.act, id))
        assert (code, "is a draft" in message) == (DIALOG, True)


def test_a_corrective_credit_memo_keeps_what_the_invoice_had(books: Books) -> None:
    sold = books.posted(INVOICE, "100", "50", discountAmount=D(15), externalDocumentNumber="PO")
    made = make_corrective_credit_memo(books.act, sold.id, {})
    draft = books.tx.get(SalesCreditMemo, made.id)

    assert (made.entity_set, draft.posted, draft.ledger_entry_number) == ("salesCreditMemos", False, 0)
    same = ("total_including_tax", "total_tax", "discount_amount", "customer_id", "external_document_number")
    assert [getattr(draft, c) for c in same] == [getattr(sold, c) for c in same]
    posted = post_document(CREDIT_MEMO, books.tx, made.id, user="U")
    assert [books.again(d).status for d in (sold, posted)] == [InvoiceStatus.PAID, InvoiceStatus.PAID]
    assert books.refused(lambda: make_corrective_credit_memo(books.act, sold.id, {}))[1].startswith(
        f"Invoice {sold.number} is closed"
    )
    assert books.refused(lambda: books.cancel(CREDIT_MEMO, posted))[0] == DIALOG


# --------------------------------------------------------------------------- the check sees what is wrong


@pytest.mark.parametrize(
    ("wrong", "text"),
    [
        ("status = 'Paid'", "has status Paid, but its customer ledger entry"),
        ("status = 'Corrective'", "is open"),
        ("posted = 0", "is a draft, but has a customer ledger entry"),
        ("bill_to_customer_id = ''", "belongs to another document"),
        ("total_including_tax = 100000", "is over 1, its customer ledger entry"),
        ("ledger_entry_number = 3", "belongs to another document"),
    ],
)
def test_the_check_finds_credit_memos_that_are_wrong(tmp_path: Path, wrong: str, text: str) -> None:
    path = tmp_path / "books.db"
    store = open_store(f"sqlite://{path}")
    with store.transaction() as root:
        books = Books(root)
        books.posted(INVOICE, "100", customer=books.customer("C0").number)
        books.posted(CREDIT_MEMO, "100")
    store.close()

    found = spoil(path, f"UPDATE sales_credit_memo SET {wrong}")
    assert any(text in each for each in found), found
