"""Refunds, chargebacks and write-offs: a line made for this one act, posted at once in a payment journal."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from datetime import date
from decimal import Decimal

from debitor.ledger import entry_refusals, post, refusals
from debitor.ledger.amounts import ZERO
from debitor.ledger.books import Posting
from debitor.ledger.currencies import factor_at
from debitor.ledger.detail_accounts import group_account, posting_account
from debitor.ledger.invariants import posting_findings
from debitor.ledger.numbering import peek
from debitor.ledger.paying_back import Slip, check_receipt, fee_line, refund_line, write_off_line
from debitor.ledger.records import (
    Account,
    AccountType,
    BankAccount,
    CustomerLedgerEntry,
    CustomerPostingGroup,
    DocumentType,
    ExchangeRate,
    JournalBatch,
    JournalLine,
    NumberSeries,
    NumberSeriesLine,
)
from debitor.operations.entries import act_of, unapply
from debitor.operations.payments import checked_reason, setup_of
from debitor.operations.posting import load_books
from debitor.operations.sealing import write_sealed
from debitor.schema import Changes, Refused
from debitor.store import Reader, Transaction


def refund(
    tx: Transaction,
    *,
    entry_number: int,
    today: date,
    user: str,
    amount: Decimal | None = None,
    posting_date: date | None = None,
    bank_account_number: str = "",
    document_number: str = "",
    external_document_number: str = "",
    reason_code: str = "",
    journal_id: str = "",
) -> Posting:
    """Pay a customer back what an open payment or credit memo has in credit: a Refund, applied to it.

    Args:
        amount: in the entry's currency, positive; None for all of the credit.
        posting_date: None for today.
        bank_account_number: that pays; blank for the bank account that the payment had come to.
        document_number: blank for the next one of the journal's number series, or, without one, the entry's.
        journal_id: blank for the default payment journal.

    Raises:
        Refused: see ledger/entry_refusals.py; or posting the line is refused.
    """
    entry = _entry(tx, entry_number)
    batch = _journal(tx, journal_id)
    slip = _slip(tx, entry, batch, posting_date or today, document_number, external_document_number, reason_code)
    line = refund_line(slip, amount, _bank(tx, entry, bank_account_number))
    return _post(tx, batch, [line], entry, today=today, user=user)


def chargeback(
    tx: Transaction,
    *,
    entry_number: int,
    today: date,
    user: str,
    fee: Decimal = ZERO,
    posting_date: date | None = None,
    bank_account_number: str = "",
    document_number: str = "",
    external_document_number: str = "",
    reason_code: str = "",
    journal_id: str = "",
) -> Posting:
    """Take in that a bank took a customer's payment back: its invoices are open again, the bank account is credited.

    Args:
        entry_number: of the payment. All its applications are taken back, the latest first.
        fee: charged to the customer, in the payment's currency; the posting group's additional fee account gets it.
        For the rest see `refund`.

    Raises:
        Refused: see ledger/entry_refusals.py, what `unapply` is refused for, or what
            posting the lines is refused for.
    """
    entry = _entry(tx, entry_number)
    check_receipt(entry, fee)
    on = posting_date or today
    written = Changes()
    while act := act_of(tx, entry_number):
        touched = {d.ledger_entry_number for d in act}
        for other in tx.all(CustomerLedgerEntry, entry_number=sorted(touched), document_type=DocumentType.REFUND):
            raise entry_refusals.PAID_BACK_ALREADY(entry=entry_number, refund=f"refund {other.document_number}")
        written.extend(unapply(tx, entry_number=entry_number, user=user, posting_date=on).changes)
    entry = _entry(tx, entry_number)
    batch = _journal(tx, journal_id)
    slip = _slip(tx, entry, batch, on, document_number, external_document_number, reason_code)
    lines = [refund_line(slip, None, _bank(tx, entry, bank_account_number))]
    if fee:
        lines.append(fee_line(slip, fee, _group_account(tx, entry, "additional_fee_account")))
    posting = _post(tx, batch, lines, entry, today=today, user=user)
    written.extend(posting.changes)
    return dataclasses.replace(posting, changes=written)


def write_off(
    tx: Transaction,
    *,
    entry_number: int,
    reason_code: str,
    today: date,
    user: str,
    posting_date: date | None = None,
    document_number: str = "",
    journal_id: str = "",
) -> Posting:
    """Give up the small rest of an entry: it goes to the posting group's write-off account, the entry is closed.

    Args:
        reason_code: why; must have a value. For the rest see `refund`.

    Raises:
        Refused: see ledger/entry_refusals.py; or posting the line is refused.
    """
    entry = _entry(tx, entry_number)
    batch = _journal(tx, journal_id)
    slip = _slip(tx, entry, batch, posting_date or today, document_number, "", reason_code)
    line = write_off_line(slip, _group_account(tx, entry, "write_off_account"))
    return _post(tx, batch, [line], entry, today=today, user=user)


# --------------------------------------------------------------------------- what the lines are made of


def _entry(tx: Reader, number: int) -> CustomerLedgerEntry:
    entry = tx.find(CustomerLedgerEntry, entry_number=number)
    if entry is None:
        raise entry_refusals.CUSTOMER_ENTRY_UNKNOWN(entry=number)
    return entry


def _journal(tx: Reader, id: str) -> JournalBatch:
    """Return the journal to post in: the one named, the default one, or the first payment journal."""
    setup = setup_of(tx)
    if id:
        named = tx.get(JournalBatch, id)
        if named is None:
            raise Refused("BadRequest_ResourceNotFound", f"Journal {id} does not exist.")
        return named
    found = tx.get(JournalBatch, setup.default_payment_journal_id)
    if found is None or found.template_name != setup.payment_template:
        found = tx.find(JournalBatch, template_name=setup.payment_template)
    if found is None:
        raise entry_refusals.JOURNAL_MISSING()
    return found


def _bank(tx: Reader, entry: CustomerLedgerEntry, number: str) -> BankAccount:
    """Return the bank account with a number, or the one that stands on the entry's other side."""
    if not number and entry.balancing_account_type == AccountType.BANK_ACCOUNT:
        number = entry.balancing_account_number
    if not number:
        raise entry_refusals.BANK_MISSING(entry=entry.entry_number)
    bank = tx.find(BankAccount, number=number)
    if bank is None:
        raise entry_refusals.BANK_NUMBER_UNKNOWN(number=number)
    return bank


def _group_account(tx: Reader, entry: CustomerLedgerEntry, column: str) -> Account:
    """Return an account of the entry's posting group."""
    group = tx.find(CustomerPostingGroup, code=entry.customer_posting_group)
    if group is None:
        raise refusals.GROUP_ACCOUNT_MISSING(group=entry.customer_posting_group, account=column.replace("_", " "))
    number, where = group_account(group, column)
    account = tx.find(Account, number=number)
    return posting_account({number: account} if account else {}, number, where)


def _slip(
    tx: Reader,
    entry: CustomerLedgerEntry,
    batch: JournalBatch,
    on: date,
    document_number: str,
    external_document_number: str,
    reason_code: str,
) -> Slip:
    """Return what the lines share: the rate of the day, and a document number."""
    rates = {}
    if entry.currency_code:
        rates = {
            entry.currency_code: tx.all(ExchangeRate, currency_code=entry.currency_code, order=("starting_date",))
        }
    if not document_number:
        document_number = _next_number(tx, batch, on) or entry.document_number
    return Slip(
        entry=entry,
        on=on,
        factor=factor_at(rates, entry.currency_code, on),
        document_number=document_number,
        setup=setup_of(tx),
        reason_code=checked_reason(tx, reason_code),
        external_document_number=external_document_number,
    )


def _next_number(tx: Reader, batch: JournalBatch, on: date) -> str:
    """Return the next document number of a journal; blank when it has no number series."""
    series = tx.find(NumberSeries, code=batch.number_series) if batch.number_series else None
    if series is None:
        return ""
    return peek(series, tx.all(NumberSeriesLine, series_code=series.code, order=("starting_date",)), on)


def _post(
    tx: Transaction,
    batch: JournalBatch,
    lines: Sequence[JournalLine],
    entry: CustomerLedgerEntry,
    *,
    today: date,
    user: str,
) -> Posting:
    """Post lines that stand in no journal; the only open entry that they can be applied to is `entry`."""
    loaded = load_books(tx, batch, lines, today=today, user=user, strict=False)
    books = dataclasses.replace(loaded, entries=[entry])
    posting = post.post_journal(lines, books)
    wrong = next(posting_findings(posting, books), None)
    assert wrong is None, wrong
    # The lines were never in the journal, so neither do they leave it nor do they count for its next line.
    changes = Changes(
        insert=posting.changes.insert,
        update=[(old, new) for old, new in posting.changes.update if not isinstance(old, JournalBatch)],
    )
    write_sealed(tx, changes)
    return dataclasses.replace(posting, changes=changes)
