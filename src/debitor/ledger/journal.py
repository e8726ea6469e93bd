"""Completing a journal line: what a draft becomes before it is stored.

A customer payment is a line of a cash receipt journal (document type Payment, account type Customer, applies-to
type Invoice). A new line takes its defaults from its neighbour in the journal. Example, a journal with a number
series whose next number is PAY0007 and a balancing account (so that each line balances by itself):

    first line:   line 10000, document PAY0007 (the next number, looked at but not consumed), posting date today
    second line:  line 20000, document PAY0008, posting date of the first line

Without a balancing account the second line shares PAY0007, until the document balances.
Source: BCApps APIV2CustomerPayments.Page.al, GenJournalLine.Table.al (SetUpNewLine),
GraphMgtJournalLines.Codeunit.al.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any, NamedTuple

from debitor.ledger.amounts import round_to
from debitor.ledger.numbering import fits, increment, peek
from debitor.ledger.records import (
    Account,
    AccountType,
    BankAccount,
    Currency,
    Customer,
    CustomerBlocked,
    DocumentType,
    GLAccountType,
    JournalBatch,
    JournalLine,
    NumberSeries,
    NumberSeriesLine,
    ReceivablesSetup,
)
from debitor.schema import BLANK_DATE, Refused

LINE_STEP = 10000


class LineBefore(NamedTuple):
    """The columns of a journal line that decide about the next one."""

    line_number: int
    posting_date: date
    document_number: str
    external_document_number: str
    account_number: str
    balancing_account_number: str
    amount: Decimal

    @staticmethod
    def of(line: JournalLine) -> LineBefore:
        """These columns of a whole line."""
        return LineBefore._make(getattr(line, column) for column in LineBefore._fields)


@dataclass(frozen=True, slots=True)
class Neighbour:
    """The line that a new line takes its defaults from.

    `bottom` is false when the new line goes before it. `empty` is a line without account and amount.
    """

    line_number: int
    posting_date: date
    document_number: str
    external_document_number: str = ""
    empty: bool = False
    bottom: bool = True

    @staticmethod
    def of(line: LineBefore, *, bottom: bool) -> Neighbour:
        """The neighbour that a stored line makes."""
        empty = not line.account_number and not line.balancing_account_number and not line.amount
        return Neighbour(
            line.line_number,
            line.posting_date,
            line.document_number,
            line.external_document_number,
            empty,
            bottom,
        )

    @staticmethod
    def carried(batch: JournalBatch) -> Neighbour | None:
        """The line that posting leaves behind in a journal without number series; see JournalBatch."""
        if not batch.carried_line:
            return None
        return Neighbour(LINE_STEP, batch.carried_posting_date, batch.carried_document_number, empty=True)


@dataclass(frozen=True, slots=True)
class Numbering:
    """A journal's number series, or none."""

    series: NumberSeries | None = None
    lines: Sequence[NumberSeriesLine] = ()

    def first(self, on: date) -> str:
        """The next number of the series, not consumed; blank without a series."""
        return peek(self.series, self.lines, on) if self.series else ""

    def after(self, number: str) -> str:
        """The number that follows: the series' increment where the number fits it, else its digits plus one."""
        for line in self.lines:
            if self.series and fits(number, line):
                return increment(number, line.increment_by)
        return increment(number)


def default_document_number(
    *,
    neighbour: Neighbour | None,
    numbering: Numbering,
    posting_date: date,
    external_document_number: str,
    balanced: bool,
) -> str:
    """Return the document number of a new line that names none.

    Args:
        neighbour: the line before (or, inserting in the middle, after) the new one; None in an empty journal.
        balanced: the journal's lines up to the neighbour sum to zero in local currency.
    """
    if neighbour is None:
        return numbering.first(posting_date)
    number = neighbour.document_number
    if neighbour.bottom and balanced and not neighbour.empty:
        number = numbering.after(number)
    if (
        number == neighbour.document_number
        and not neighbour.empty
        and external_document_number != neighbour.external_document_number
    ):
        number = numbering.after(number)
    return number


def next_line_number(neighbour: Neighbour | None) -> int:
    """Return the line number after the last line."""
    return neighbour.line_number + LINE_STEP if neighbour else LINE_STEP


def check_customer_open(customer: Customer, document_type: str) -> None:
    """Refuse a customer who is blocked for a journal line of this document type.

    Blocked `All` stops everything, `Invoice` stops invoices and lines without a type, so a payment of a customer
    blocked for Invoice or Ship goes through. Source: Customer.Table.al, CheckBlockedCustOnJnls.
    """
    if customer.privacy_blocked:
        raise Refused(
            "Application_DialogException",
            f"Customer {customer.number} is blocked for privacy. Unblock the customer to use it in a journal.",
        )
    stopped = customer.blocked == CustomerBlocked.ALL or (
        customer.blocked == CustomerBlocked.INVOICE and document_type in (DocumentType.INVOICE, DocumentType.BLANK)
    )
    if stopped:
        raise Refused(
            "Application_DialogException",
            f"Customer {customer.number} is blocked with type {customer.blocked} and cannot be used on this journal "
            "line. Change 'blocked' on the customer or choose another customer.",
        )


def check_balancing_account(account: Account) -> None:
    """Refuse a G/L account that a journal may not post to directly."""
    wrong = (
        (
            account.account_type != GLAccountType.POSTING,
            f"accountType must be Posting, but is {account.account_type}",
        ),
        (account.blocked, "blocked must be false"),
        (not account.direct_posting, "directPosting must be true"),
    )
    for bad, what in wrong:
        if bad:
            raise Refused(
                "Application_FieldValidationException",
                f"G/L account {account.number} cannot be the account of a journal line: {what}.",
            )


def check_not_before(posting_date: date, *, number: str, invoiced: date) -> None:
    """Refuse a payment dated before the invoice that it is applied to. Source: GenJournalLine.Table.al."""
    if invoiced > posting_date != BLANK_DATE:
        raise Refused(
            "Application_DialogException",
            f"The payment is dated {posting_date}, before invoice {number} of {invoiced}; an "
            "entry cannot be applied to one that is posted later. Change postingDate, or post the payment without "
            "an invoice and apply it afterwards.",
        )


def currency_of(customer: Customer | None, bank: BankAccount | None) -> str:
    """Return the currency of a payment: the balancing bank account's if it has one, else the customer's."""
    if bank and bank.currency_code:
        return bank.currency_code
    return customer.currency_code if customer else ""


def precision_of(currency: Currency | None, setup: ReceivablesSetup) -> Decimal:
    """Return the smallest amount of the currency (local currency: the set-up's)."""
    return currency.amount_rounding_precision if currency else setup.amount_rounding_precision


def amount_in_lcy(amount: Decimal, factor: Decimal, setup: ReceivablesSetup) -> Decimal:
    """Return an amount in local currency. `factor`: foreign currency per local currency, 1 for local currency."""
    return amount if factor == 1 else round_to(amount / factor, setup.amount_rounding_precision)


def customer_description(old: str, *, was: Customer | None, now: Customer | None) -> str:
    """Return a line's description after its customer changed: a name that was filled in follows the customer."""
    if old and (was is None or old != was.display_name):
        return old
    return now.display_name if now else ""


PAYMENT_FIELDS: dict[str, Any] = {
    "account_type": AccountType.CUSTOMER,
    "document_type": DocumentType.PAYMENT,
    "applies_to_document_type": DocumentType.INVOICE,
}
"""What makes a journal line a customer payment; also the filter of the resource."""
