"""The life of posted entries on a real store: apply, unapply, reverse, refund, chargeback, write-off, preview."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from debitor.ledger import entry_refusals
from debitor.ledger.books import Posting
from debitor.ledger.records import (
    Account,
    AccountType,
    BankAccount,
    BankAccountLedgerEntry,
    Currency,
    CurrencyApplication,
    Customer,
    CustomerBlocked,
    CustomerLedgerEntry,
    CustomerPostingGroup,
    DetailedEntry,
    DocumentType,
    GeneralLedgerEntry,
    GeneralLedgerRegister,
    InvoiceStatus,
    JournalBatch,
    JournalLine,
    PaymentTerm,
    ReceivablesSetup,
    SalesDocument,
)
from debitor.ledger.sales_documents import INVOICE
from debitor.operations import entries, paying_back
from debitor.operations.checks import check_books
from debitor.operations.posting import post_journal
from debitor.schema import Refused, Row
from debitor.store.opening import open_store
from operations.test_corrections import Books as Documents
from operations.test_posting import spoil

D = Decimal
TODAY = date(2026, 3, 10)
EARLIER, LATER = date(2026, 2, 10), date(2026, 4, 1)
AR, BANK = "1310", "1210"


class Books(Documents):
    """Books with a bank account and a journal, and short ways to pay."""

    def __init__(self, root: Any) -> None:
        super().__init__(root)
        self.bank = self.tx.all(BankAccount)[0]
        self.journal = self.tx.insert(JournalBatch(template_name="CASHRECPT", name="TEST"))
        self.documents = 0

    def invoice(self, price: str = "80", **more: Any) -> SalesDocument:
        """A posted invoice; the tax of 25 % comes on top of the price."""
        return self.posted(INVOICE, price, **more)

    def line(self, amount: str, on: date = TODAY, *, names: SalesDocument | None = None, **more: Any) -> JournalLine:
        """A receipt in the journal, against the bank account."""
        customer = self.tx.find(Customer, number=more.pop("customer", "C1"))
        self.documents += 1
        given: dict[str, Any] = {
            "journal_id": self.journal.id,
            "line_number": self.documents * 10000,
            "account_type": AccountType.CUSTOMER,
            "account_id": customer.id,
            "account_number": customer.number,
            "posting_date": on,
            "document_type": DocumentType.PAYMENT,
            "document_number": f"P{self.documents}",
            "amount": -D(amount),
            "amount_lcy": -D(amount),
            "balancing_account_type": AccountType.BANK_ACCOUNT,
            "balancing_account_id": self.bank.id,
            "balancing_account_number": self.bank.number,
        }
        if names:
            given |= {
                "applies_to_document_type": DocumentType.INVOICE,
                "applies_to_document_number": self.again(names).number,
            }
        made: JournalLine = self.tx.insert(JournalLine(**(given | more)))
        return made

    def post(self) -> Posting:
        return post_journal(self.tx, self.journal.id, today=TODAY, user="EVE", strict=False)

    def pay(self, amount: str, on: date = TODAY, **more: Any) -> CustomerLedgerEntry:
        """Post a receipt. Returns its entry."""
        self.line(amount, on, **more)
        return self.post().entries[0]

    def at(self, of: SalesDocument | CustomerLedgerEntry | int) -> CustomerLedgerEntry:
        """An entry as it stands now."""
        if isinstance(of, SalesDocument):
            return self.entry(of)
        number = of if isinstance(of, int) else of.entry_number
        found = self.tx.find(CustomerLedgerEntry, entry_number=number)
        assert isinstance(found, CustomerLedgerEntry)
        return found

    def rest(self, *of: SalesDocument | CustomerLedgerEntry) -> list[Any]:
        return [self.at(each).remaining_amount for each in of]

    def set_up(self, **columns: Any) -> Any:
        return self.tx.update(self.tx.find(ReceivablesSetup), **columns)

    def account(self, number: str) -> Any:
        return self.tx.find(Account, number=number)

    def bank_entry(self) -> Any:
        return self.tx.find(BankAccountLedgerEntry)

    def no_account(self) -> Any:
        """Take the write-off account out of the posting group."""
        return self.tx.update(self.tx.find(CustomerPostingGroup, code="DOMESTIC"), write_off_account="")

    def balance(self, account: str) -> Any:
        return self.tx.total(GeneralLedgerEntry, "amount", account_number=account)

    def apply(self, applying: Any, *others: Any, on: date | None = None) -> Posting:
        """Apply an entry to others: entries, or pairs of an entry and an amount."""
        pairs = [other if isinstance(other, tuple) else (other, None) for other in others]
        wanted = [(self.at(other).entry_number, amount) for other, amount in pairs]
        return entries.apply_entries(
            self.tx, applying=self.at(applying).entry_number, entries=wanted, posting_date=on, user="EVE"
        )

    def unapply(self, of: Any, on: date | None = None) -> Posting:
        return entries.unapply(self.tx, entry_number=self.at(of).entry_number, user="EVE", posting_date=on)

    def reverse(self, of: Any, **more: Any) -> Posting:
        return entries.reverse(self.tx, entry_number=self.at(of).entry_number, user="EVE", **more)

    def refund(self, of: Any, **more: Any) -> Posting:
        return paying_back.refund(self.tx, entry_number=self.at(of).entry_number, today=TODAY, user="EVE", **more)

    def chargeback(self, of: Any, **more: Any) -> Posting:
        return paying_back.chargeback(self.tx, entry_number=self.at(of).entry_number, today=TODAY, user="EVE", **more)

    def write_off(self, of: Any, reason: str = "WRITEOFF", **more: Any) -> Posting:
        return paying_back.write_off(
            self.tx, entry_number=self.at(of).entry_number, reason_code=reason, today=TODAY, user="EVE", **more
        )


@pytest.fixture
def books(store_url: str) -> Iterator[Books]:
    store = open_store(store_url)
    try:
        with store.transaction() as root:
            yield Books(root)
            assert check_books(root) == []
    finally:
        store.close()


def of(posting: Posting, kind: type[Row]) -> list[Any]:
    return [row for row in posting.changes.insert if isinstance(row, kind)]


def ledger(posting: Posting) -> list[tuple[str, Any]]:
    return [(row.account_number, row.amount) for row in of(posting, GeneralLedgerEntry)]


# --------------------------------------------------------------------------- apply


def test_a_posted_payment_is_applied_to_an_invoice(books: Books) -> None:
    invoice, payment = books.invoice(), books.pay("60")
    posting = books.apply(payment, invoice)

    assert books.rest(invoice, payment) == [40, 0]
    assert books.at(payment).closed_by_entry_number == books.at(invoice).entry_number
    assert of(posting, GeneralLedgerRegister) == []
    details = of(posting, DetailedEntry)
    assert [(d.transaction_number, d.application_number) for d in details] == [(0, details[0].entry_number)] * 2
    assert {d.source_code for d in details} == {"SALESAPPL"}


def test_an_invoice_is_applied_to_payments_with_an_amount_each(books: Books) -> None:
    invoice, one, other = books.invoice(), books.pay("60"), books.pay("60")
    books.apply(invoice, (one, D(-30)), other)

    assert books.rest(invoice, one, other) == [10, -30, 0]


def test_payments_are_pooled_for_an_invoice(books: Books) -> None:
    invoice, one, other = books.invoice(), books.pay("30"), books.pay("90")
    books.apply(one, invoice, other)

    assert books.rest(invoice, one, other) == [0, 0, -20]
    assert books.at(invoice).closed_by_entry_number == one.entry_number
    assert books.again(invoice).status == InvoiceStatus.PAID


def test_a_discount_is_granted_for_a_payment_in_time(books: Books) -> None:
    term = books.tx.insert(PaymentTerm(code="2%", discount_date_calculation="8D", discount_percent=D(2)))
    books.customer("C2", payment_terms_id=term.id)
    invoice, payment = books.invoice(customer="C2"), books.pay("98", customer="C2")
    posting = books.apply(payment, invoice)

    assert books.rest(invoice, payment) == [0, 0]
    assert ledger(posting) == [("4210", 2), (AR, -2)]
    assert [r.source_code for r in of(posting, GeneralLedgerRegister)] == ["SALESAPPL"]
    books.unapply(invoice)
    assert books.rest(invoice, payment) == [100, -98]
    assert books.at(invoice).remaining_payment_discount_possible == 2
    assert (books.balance("4210"), books.balance(AR)) == (0, 2)


def test_a_tolerance_is_decided_for_one_invoice(books: Books) -> None:
    books.set_up(maximum_payment_tolerance_amount=D(5))
    invoice, payment = books.invoice(), books.pay("97")
    posting = books.apply(payment, invoice)

    assert (books.rest(invoice, payment), ledger(posting)) == ([0, 0], [("4230", 3), (AR, -3)])
    books.unapply(payment)
    assert books.at(invoice).maximum_payment_tolerance == 5


Cases = list[tuple[str, Callable[[Books], Any]]]
"""Name of a refusal (or of one of ledger/refusals.py, in small letters) and what is refused with it."""


APPLY: Cases = [
    ("CUSTOMER_ENTRY_UNKNOWN", lambda b: entries.apply_entries(b.tx, applying=999, entries=[], user="EVE")),
    ("ENTRY_CLOSED", lambda b: b.apply(b.pay("100", names=b.invoice()))),
    ("NOTHING_CHOSEN", lambda b: b.apply(b.invoice())),
    ("ENTRY_TWICE", lambda b: b.apply(p := b.pay("1"), p)),
    ("ENTRY_TWICE", lambda b: b.apply(b.pay("1"), i := b.invoice(), i)),
    ("CUSTOMERS_DIFFER", lambda b: b.apply(b.pay("1"), b.invoice(customer=b.customer("C2").number))),
    ("ENTRY_CLOSED", lambda b: b.apply(b.pay("1"), b.pay("100", names=b.invoice()))),
    ("AMOUNT_TO_APPLY_WRONG", lambda b: b.apply(b.pay("1"), (b.invoice(), D("100.01")))),
    ("AMOUNT_TO_APPLY_WRONG", lambda b: b.apply(b.pay("1"), (b.invoice(), D(-1)))),
    ("AMOUNT_TO_APPLY_WRONG", lambda b: b.apply(b.pay("1"), (b.invoice(), D(0)))),
    ("ENTRY_CURRENCY_GONE", lambda b: b.apply(b.pay("1"), without_currency(b))),
    ("ENTRY_CURRENCIES_DIFFER", lambda b: b.apply(b.pay("1"), separate(b))),
    ("RECEIVABLES_DIFFER", lambda b: b.apply(b.pay("1", customer_posting_group="FOREIGN"), b.invoice())),
    ("ENTRIES_ONE_SIDED", lambda b: b.apply(b.pay("1"), b.pay("2"))),
    ("APPLICATION_TOO_EARLY", lambda b: b.apply(b.pay("1", EARLIER), b.invoice(), on=EARLIER)),
    ("posting date", lambda b: b.apply(b.pay("1"), b.invoice(), on=closed(b))),
    ("ENTRIES_OF_CUSTOMER_PRIVATE", lambda b: b.apply(b.pay("1"), block(b, b.invoice(), privacy_blocked=True))),
    ("ENTRIES_OF_CUSTOMER_BLOCKED", lambda b: b.apply(b.pay("1"), block(b, b.invoice()))),
]
"""Reasons against applying, in order of precedence."""


def without_currency(books: Books) -> SalesDocument:
    """An invoice in a currency that is gone."""
    invoice = books.invoice(currencyCode="USD")
    books.tx.delete(books.tx.find(Currency, code="USD"))
    return invoice


def separate(books: Books) -> SalesDocument:
    """An invoice in another currency, which the set-up keeps apart."""
    books.set_up(application_between_currencies=CurrencyApplication.NONE)
    return books.invoice(currencyCode="USD")


def closed(books: Books) -> date:
    """A day after the last one on which may be posted."""
    books.set_up(allow_posting_to=TODAY)
    return LATER


def block(books: Books, of: Any, **columns: Any) -> Any:
    """The same, its customer blocked."""
    books.tx.update(books.tx.find(Customer, number="C1"), **(columns or {"blocked": CustomerBlocked.ALL}))
    return of


def refused(books: Books, run: Callable[[Books], Any], name: str) -> None:
    """Refused with the code and the text of a refusal."""
    with pytest.raises(Refused) as no:
        run(books)
    if name in OTHERS:
        expected, text = OTHERS[name]
    else:
        refusal = entry_refusals.ALL[name]
        expected, text = refusal.code, re.sub(r"\\{\w+\\}", ".*", re.escape(refusal.text))
    assert no.value.code == expected, no.value.message
    assert re.search(text, no.value.message), no.value.message


OTHERS = {
    "posting date": ("Application_FieldValidationException", "outside the allowed posting dates"),
    "journal": ("BadRequest_ResourceNotFound", "Journal X"),
    "account blocked": ("Application_FieldValidationException", "G/L account 1310, .* is blocked"),
    "no account": ("Application_FieldValidationException", "has no write off account"),
}
"""Refusals that other acts have too."""


@pytest.mark.parametrize(("name", "run"), APPLY)
def test_what_cannot_be_applied(books: Books, name: str, run: Callable[[Books], Any]) -> None:
    refused(books, run, name)


# --------------------------------------------------------------------------- unapply


def test_an_application_is_taken_back(books: Books) -> None:
    invoice = books.invoice()
    payment = books.pay("100", names=invoice)
    assert books.again(invoice).status == InvoiceStatus.PAID
    posting = books.unapply(payment)

    assert books.rest(invoice, payment) == [100, -100]
    assert (books.again(invoice).status, books.at(invoice).closed_by_entry_number) == (InvoiceStatus.OPEN, 0)
    assert of(posting, GeneralLedgerEntry) == []
    back = of(posting, DetailedEntry)
    assert [(d.transaction_number, d.application_number, d.source_code) for d in back] == [
        (0, back[0].entry_number, "UNAPPSALES")
    ] * 2
    for detail in back:
        taken = books.tx.find(DetailedEntry, entry_number=detail.unapplied_by_entry_number)
        assert (taken.unapplied, taken.unapplied_by_entry_number) == (True, detail.entry_number)
        assert taken.amount == -detail.amount


def test_only_the_latest_application_is_taken_back(books: Books) -> None:
    invoice = books.invoice()
    first = books.pay("40", names=invoice)
    second = books.pay("60", names=invoice)
    refused(books, lambda b: b.unapply(first), "APPLIED_AGAIN")
    books.unapply(second)
    books.unapply(first)

    assert books.rest(invoice, first, second) == [100, -40, -60]


UNAPPLY: Cases = [
    ("CUSTOMER_ENTRY_UNKNOWN", lambda b: entries.unapply(b.tx, entry_number=999, user="EVE")),
    ("APPLICATION_REVERSED", lambda b: (p := b.pay("1"), b.reverse(p), b.unapply(p))),
    ("NOT_APPLIED", lambda b: b.unapply(b.pay("1"))),
    ("APPLIED_AGAIN", lambda b: (p := b.pay("1", names=(i := b.invoice())), b.pay("1", names=i), b.unapply(p))),
    ("DOCUMENT_CANCELED", lambda b: (i := b.invoice(), b.cancel(INVOICE, i), b.unapply(i))),
    ("UNAPPLIED_TOO_EARLY", lambda b: b.unapply(b.pay("1", names=b.invoice()), EARLIER)),
    ("posting date", lambda b: b.unapply(b.pay("1", names=b.invoice()), closed(b))),
    (
        "ENTRIES_OF_CUSTOMER_PRIVATE",
        lambda b: b.unapply(block(b, b.pay("1", names=b.invoice()), privacy_blocked=True)),
    ),
    ("ENTRIES_OF_CUSTOMER_BLOCKED", lambda b: b.unapply(block(b, b.pay("1", names=b.invoice())))),
]
"""Reasons against taking an application back, in order of precedence."""


@pytest.mark.parametrize(("name", "run"), UNAPPLY)
def test_what_cannot_be_unapplied(books: Books, name: str, run: Callable[[Books], Any]) -> None:
    refused(books, run, name)


# --------------------------------------------------------------------------- reverse


def test_a_payment_is_reversed(books: Books) -> None:
    payment = books.pay("60", EARLIER)
    posting = books.reverse(payment, reason_code="MISTAKE")
    (mirror,) = posting.entries

    assert (books.balance(AR), books.balance(BANK)) == (0, 0)
    assert [(g.account_number, g.debit_amount, g.credit_amount) for g in of(posting, GeneralLedgerEntry)] == [
        (AR, 0, -60),
        (BANK, -60, 0),
    ]
    old = books.at(payment)
    assert (old.reversed, old.reversed_by_entry_number, old.open) == (True, mirror.entry_number, False)
    assert (mirror.reversed, mirror.reversed_entry_number, mirror.open) == (True, old.entry_number, False)
    assert (mirror.posting_date, mirror.reason_code, mirror.source_code) == (EARLIER, "MISTAKE", "REVERSAL")
    banks = books.tx.all(BankAccountLedgerEntry, order=("entry_number",))
    assert [(b.amount, b.open, b.remaining_amount, b.reversed) for b in banks] == [
        (60, False, 0, True),
        (-60, False, 0, True),
    ]


def test_what_unapplying_posted_is_reversed_along(books: Books) -> None:
    """The discount that a payment had taken, and gave back when it was unapplied, is gone from all accounts."""
    books.set_up(maximum_payment_tolerance_amount=D(5))
    invoice = books.invoice()
    accepted = {"accepted_payment_tolerance": D(3), "amount_to_apply": D(100)}
    books.tx.update(books.at(invoice), **accepted)
    payment = books.pay("97", names=invoice)
    assert books.balance("4230") == 3
    refused(books, lambda b: b.reverse(payment), "STILL_APPLIED")
    books.unapply(payment)
    posting = books.reverse(payment)

    assert (books.balance("4230"), books.balance(BANK), books.balance(AR)) == (0, 0, 100)
    assert len(of(posting, GeneralLedgerEntry)) == 5
    assert books.rest(invoice, payment) == [100, 0]


REVERSE: Cases = [
    ("CUSTOMER_ENTRY_UNKNOWN", lambda b: entries.reverse(b.tx, entry_number=999, user="EVE")),
    ("TRANSACTION_UNKNOWN", lambda b: entries.reverse(b.tx, transaction=999, user="EVE")),
    ("REVERSED_ALREADY", lambda b: (p := b.pay("1"), b.reverse(p), b.reverse(p))),
    ("REVERSED_ALREADY", lambda b: b.reverse(b.reverse(b.pay("1")).entries[0])),
    ("NOT_FROM_JOURNAL", lambda b: b.reverse(b.invoice())),
    ("posting date", lambda b: (p := b.pay("1"), b.set_up(allow_posting_to=EARLIER), b.reverse(p))),
    ("account blocked", lambda b: (p := b.pay("1"), b.tx.update(b.account(AR), blocked=True), b.reverse(p))),
    ("ENTRIES_OF_CUSTOMER_PRIVATE", lambda b: b.reverse(block(b, b.pay("1"), privacy_blocked=True))),
    ("ENTRIES_OF_CUSTOMER_BLOCKED", lambda b: b.reverse(block(b, b.pay("1")))),
    ("STILL_APPLIED", lambda b: b.reverse(b.pay("1", names=b.invoice()))),
    ("REVERSED_BANK_BLOCKED", lambda b: (p := b.pay("1"), b.tx.update(b.bank, blocked=True), b.reverse(p))),
    ("BANK_ENTRY_CLOSED", lambda b: (p := b.pay("1"), b.tx.update(b.bank_entry(), open=False), b.reverse(p))),
]
"""Reasons against reversing, in order of precedence."""


@pytest.mark.parametrize(("name", "run"), REVERSE)
def test_what_cannot_be_reversed(books: Books, name: str, run: Callable[[Books], Any]) -> None:
    refused(books, run, name)


# --------------------------------------------------------------------------- refunds, chargebacks, write-offs


def test_a_credit_is_refunded(books: Books) -> None:
    payment = books.pay("60")
    posting = books.refund(payment, amount=D(20), reason_code="DISPUTE")
    entry: Any = posting.entries[0]

    assert (books.rest(payment), entry.document_type, entry.amount) == ([-40], DocumentType.REFUND, 20)
    assert ledger(posting) == [(BANK, -20), (AR, 20)]
    assert (entry.reason_code, entry.journal_batch_name) == ("DISPUTE", "GENERAL")
    books.refund(payment)
    assert (books.rest(payment), books.balance(BANK)) == ([0], 0)


def test_a_payment_that_the_bank_takes_back(books: Books) -> None:
    one, other = books.invoice(), books.invoice("40")
    payment = books.pay("120", names=one)
    books.apply(payment, other)
    assert [books.again(i).status for i in (one, other)] == [InvoiceStatus.PAID, InvoiceStatus.OPEN]
    posting = books.chargeback(payment, fee=D(15))

    assert books.rest(one, other, payment) == [100, 50, 0]
    assert [books.again(i).status for i in (one, other)] == [InvoiceStatus.OPEN, InvoiceStatus.OPEN]
    assert (books.balance(BANK), books.balance("4190"), books.balance(AR)) == (0, -15, 165)
    made: list[Any] = [(e.document_type, e.amount, e.open) for e in posting.entries]
    assert made == [
        (DocumentType.REFUND, 120, False),
        (DocumentType.FINANCE_CHARGE_MEMO, 15, True),
    ]
    refused(books, lambda b: b.chargeback(payment), "PAID_BACK_ALREADY")


def test_a_small_rest_is_written_off(books: Books) -> None:
    invoice = books.invoice()
    books.pay("99.60", names=invoice)
    posting = books.write_off(invoice)

    assert books.again(invoice).status == InvoiceStatus.PAID
    assert ledger(posting) == [("6410", D("0.40")), (AR, D("-0.40"))]
    assert posting.entries[0].reason_code == "WRITEOFF"
    books.unapply(invoice)
    books.reverse(posting.entries[0])
    assert (books.rest(invoice), books.balance("6410")) == ([D("0.40")], 0)


PAY_BACK: Cases = [
    ("CUSTOMER_ENTRY_UNKNOWN", lambda b: paying_back.refund(b.tx, entry_number=999, today=TODAY, user="EVE")),
    ("journal", lambda b: b.refund(b.pay("1"), journal_id="X")),
    ("JOURNAL_MISSING", lambda b: (p := b.pay("1"), b.set_up(payment_template="NONE"), b.refund(p))),
    ("BANK_MISSING", lambda b: b.refund(b.invoice())),
    ("BANK_NUMBER_UNKNOWN", lambda b: b.refund(b.pay("1"), bank_account_number="NO")),
    ("NO_CREDIT", lambda b: b.refund(b.invoice(), bank_account_number=b.bank.number)),
    ("REFUND_TOO_LARGE", lambda b: b.refund(b.pay("1"), amount=D("1.01"))),
    ("REFUND_TOO_LARGE", lambda b: b.refund(b.pay("1"), amount=D(0))),
    ("NO_RECEIPT", lambda b: b.chargeback(b.invoice())),
    ("NO_RECEIPT", lambda b: (p := b.pay("1"), b.reverse(p), b.chargeback(p))),
    ("FEE_NEGATIVE", lambda b: b.chargeback(b.pay("1"), fee=D(-1))),
    ("PAID_BACK_ALREADY", lambda b: (p := b.pay("2"), b.refund(p, amount=D(1)), b.chargeback(p))),
    ("UNAPPLIED_TOO_EARLY", lambda b: b.chargeback(b.pay("1", names=b.invoice()), posting_date=EARLIER)),
    ("no account", lambda b: (p := b.pay("1"), b.no_account(), b.write_off(p))),
    ("ENTRY_CLOSED", lambda b: (i := b.invoice(), b.pay("100", names=i), b.write_off(i))),
    ("REASON_MISSING", lambda b: b.write_off(b.pay("1"), "")),
    ("WRITE_OFF_TOO_LARGE", lambda b: b.write_off(b.pay("5.01"))),
]
"""Reasons against refunds, chargebacks and write-offs, each in order of precedence."""


@pytest.mark.parametrize(("name", "run"), PAY_BACK)
def test_what_cannot_be_paid_back(books: Books, name: str, run: Callable[[Books], Any]) -> None:
    refused(books, run, name)


TWO_REASONS: Cases = [
    ("ENTRY_CLOSED", lambda b: b.apply(p := b.pay("100", names=b.invoice()), p)),
    ("NOTHING_CHOSEN", lambda b: b.apply(block(b, b.invoice()))),
    ("CUSTOMERS_DIFFER", lambda b: b.apply(b.pay("1"), (b.invoice(customer=b.customer("C2").number), D(-1)))),
    ("AMOUNT_TO_APPLY_WRONG", lambda b: b.apply(b.pay("1"), (separate(b), D(-1)))),
    ("ENTRIES_ONE_SIDED", lambda b: b.apply(b.pay("1"), b.pay("2"), on=closed(b))),
    ("APPLICATION_TOO_EARLY", lambda b: b.apply(b.pay("1", EARLIER), block(b, b.invoice()), on=EARLIER)),
    ("posting date", lambda b: b.apply(b.pay("1"), block(b, b.invoice()), on=closed(b))),
    ("NOT_APPLIED", lambda b: b.unapply(block(b, b.pay("1")), closed(b))),
    ("UNAPPLIED_TOO_EARLY", lambda b: b.unapply(block(b, b.pay("1", names=b.invoice())), EARLIER)),
    ("posting date", lambda b: b.unapply(block(b, b.pay("1", names=b.invoice())), closed(b))),
    ("REVERSED_ALREADY", lambda b: (p := b.pay("1"), b.reverse(p), b.reverse(block(b, p)))),
    ("NOT_FROM_JOURNAL", lambda b: b.reverse(block(b, b.invoice()))),
    ("ENTRIES_OF_CUSTOMER_BLOCKED", lambda b: b.reverse(block(b, b.pay("1", names=b.invoice())))),
    (
        "STILL_APPLIED",
        lambda b: (p := b.pay("1", names=b.invoice()), b.tx.update(b.bank, blocked=True), b.reverse(p)),
    ),
    ("journal", lambda b: b.refund(b.invoice(), journal_id="X", bank_account_number="NO")),
    ("BANK_NUMBER_UNKNOWN", lambda b: b.refund(b.invoice(), bank_account_number="NO")),
    ("NO_RECEIPT", lambda b: b.chargeback(b.invoice(), fee=D(-1))),
    ("FEE_NEGATIVE", lambda b: (p := b.pay("2"), b.refund(p, amount=D(1)), b.chargeback(p, fee=D(-1)))),
    ("ENTRY_CLOSED", lambda b: (i := b.invoice(), b.pay("100", names=i), b.write_off(i, ""))),
    ("REASON_MISSING", lambda b: b.write_off(b.pay("5.01"), "")),
]
"""Two reasons at once, of which the one named comes first."""


@pytest.mark.parametrize(("name", "run"), TWO_REASONS)
def test_the_first_reason_wins(books: Books, name: str, run: Callable[[Books], Any]) -> None:
    refused(books, run, name)


def test_every_refusal_has_a_row() -> None:
    assert set(entry_refusals.ALL) == {name for name, _ in (*APPLY, *UNAPPLY, *REVERSE, *PAY_BACK)} - set(OTHERS)


# --------------------------------------------------------------------------- preview


def test_a_preview_is_what_posting_writes(books: Books) -> None:
    line = books.line("99", names=books.invoice(), write_off_amount=D(1), write_off_reason_code="WRITEOFF")
    before = [books.tx.count(kind) for kind in (GeneralLedgerEntry, DetailedEntry, JournalLine)]
    shown = entries.preview(books.tx, books.journal.id, today=TODAY, user="EVE")

    assert [books.tx.count(kind) for kind in (GeneralLedgerEntry, DetailedEntry, JournalLine)] == before
    posted = books.post()
    assert shown.changes.insert == posted.changes.insert
    assert shown.changes.delete == [line]
    with pytest.raises(Refused, match="no lines"):
        entries.preview(books.tx, books.journal.id, today=TODAY, user="EVE")


# --------------------------------------------------------------------------- what the check finds

SPOILED = [
    ("UPDATE detailed_customer_ledger_entry SET unapplied = 0 WHERE unapplied_by_entry_number > entry_number",
     "is not unapplied, but names entry"),
    ("UPDATE detailed_customer_ledger_entry SET unapplied_by_entry_number = 999 WHERE unapplied = 1",
     "does not exist"),
    ("UPDATE detailed_customer_ledger_entry SET unapplied_by_entry_number = 1 WHERE unapplied = 1",
     "which is not its opposite"),
    ("UPDATE detailed_customer_ledger_entry SET application_number = 0 WHERE transaction_number = 0",
     "neither a transaction nor an application number"),
    ("UPDATE detailed_customer_ledger_entry SET amount_lcy = amount_lcy + 100 WHERE entry_number = "
     "(SELECT max(entry_number) FROM detailed_customer_ledger_entry WHERE transaction_number = 0)", "not to zero"),
    ("UPDATE general_ledger_entry SET reversed = 0 WHERE reversed_by_entry_number > 0",
     "is not reversed, but names entry"),
    ("UPDATE general_ledger_entry SET reversed_by_entry_number = 999 WHERE reversed_by_entry_number > 0",
     "is reversed, but entry 999 does not exist"),
    ("UPDATE general_ledger_entry SET reversed_entry_number = 1 WHERE reversed_entry_number > 0",
     "which is not its opposite"),
    ("UPDATE customer_ledger_entry SET reversed = 0", "which the entries that it names contradict"),
    ("UPDATE customer_ledger_entry SET open = 1 WHERE reversed = 1", "is reversed, but open"),
]  # fmt: skip


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Books in which a payment was applied, unapplied, and reversed."""
    path = tmp_path_factory.mktemp("lived") / "books.db"
    store = open_store(f"sqlite://{path}")
    with store.transaction() as root:
        books = Books(root)
        payment = books.pay("60")
        books.apply(payment, books.invoice())
        books.unapply(payment)
        books.reverse(payment)
    store.close()
    return path


@pytest.mark.parametrize(("statement", "finding"), SPOILED)
def test_the_check_finds_what_was_changed_behind_its_back(
    lived: Path, tmp_path: Path, statement: str, finding: str
) -> None:
    copied = Path(shutil.copy(lived, tmp_path / "books.db"))

    assert any(finding in text for text in spoil(copied, statement))
