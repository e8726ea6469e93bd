"""Reversing a posted journal transaction: every entry of it is posted again with a minus, under new numbers.

Transaction 7: payment 11 over -400, applied to nothing; bank entry 10:

    bank entry 13   -400, closed              reverses bank entry 10, which is closed too
    G/L entry 12    receivables 400           reverses 11: credit -400, so turnover is as if it had never been
    G/L entry 13    bank -400                 reverses 10: debit -400
    customer entry 12   400                   reverses 11; both are applied to each other and closed

Entries are gone through from the highest number down, at their own posting date. What the transaction had applied
must have been unapplied before; the general ledger entries of that unapplying are reversed along, because the
discount or gain that it took back is among the entries of the transaction.

Source: BCApps ReversalEntry.Table.al, GenJnlPostReverse.Codeunit.al, retold.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from msgspec.structs import replace

from debitor.ledger import entries, entry_refusals
from debitor.ledger.amounts import ZERO
from debitor.ledger.apply import NOTED, Detail
from debitor.ledger.books import Posting
from debitor.ledger.detail_accounts import posting_account
from debitor.ledger.entries import Voucher
from debitor.ledger.numbering import NextNumbers
from debitor.ledger.records import (
    Account,
    BankAccount,
    BankAccountLedgerEntry,
    Customer,
    CustomerBlocked,
    CustomerLedgerEntry,
    DetailedEntry,
    DetailedEntryType,
    GeneralLedgerEntry,
    ReceivablesSetup,
)
from debitor.ledger.sales_documents import check_in_range
from debitor.schema import Changes


@dataclass(frozen=True, slots=True)
class ReversalBooks:
    """All that reversing one transaction may see.

    Attributes:
        general: the G/L entries of the transaction; unapplying: those of the transactions that took back what it had
            applied.
        banks, entries: its bank account and customer ledger entries.
        details: all detailed entries of `entries`.
        accounts: by number; bank_accounts, customers: by id.
        reason_code: why; kept on the new entries.
    """

    setup: ReceivablesSetup
    user: str
    now: str
    next: NextNumbers
    transaction: int
    general: Sequence[GeneralLedgerEntry]
    unapplying: Sequence[GeneralLedgerEntry] = ()
    banks: Sequence[BankAccountLedgerEntry] = ()
    entries: Sequence[CustomerLedgerEntry] = ()
    details: Sequence[DetailedEntry] = ()
    accounts: Mapping[str, Account] = field(default_factory=dict)
    bank_accounts: Mapping[str, BankAccount] = field(default_factory=dict)
    customers: Mapping[str, Customer] = field(default_factory=dict)
    reason_code: str = ""


def unapplying_transactions(transaction: int, details: Sequence[DetailedEntry]) -> set[int]:
    """Return the transactions that took back what a transaction had applied.

    Args:
        details: all detailed entries of the transaction's customer ledger entries.
    """
    takers = {d.unapplied_by_entry_number for d in details if d.unapplied and d.transaction_number == transaction}
    found = {d.transaction_number for d in details if d.entry_number in takers}
    return found - {0, transaction}


def check_reversible(books: ReversalBooks) -> None:
    """Refuse a transaction that cannot be reversed.

    Raises:
        Refused: the first reason of entry_refusals.py that holds, a posting
            date outside the allowed ones, or an account that is blocked.
    """
    if not books.general:
        raise entry_refusals.TRANSACTION_UNKNOWN(transaction=books.transaction)
    for row in books.general:
        if row.reversed:
            by = row.reversed_by_entry_number or row.reversed_entry_number
            raise entry_refusals.REVERSED_ALREADY(transaction=books.transaction, entry=by)
    for row in books.general:
        if not row.journal_batch_name:
            raise entry_refusals.NOT_FROM_JOURNAL(entry=row.entry_number)
    for row in books.general:
        check_in_range(row.posting_date, books.setup)
        posting_account(books.accounts, row.account_number, f"general ledger entry {row.entry_number}")
    for entry in books.entries:
        _check_customer(books.customers.get(entry.customer_id))
    for detail in books.details:
        if detail.entry_type != DetailedEntryType.INITIAL_ENTRY and not detail.unapplied:
            raise entry_refusals.STILL_APPLIED(
                entry=detail.ledger_entry_number, detail=detail.entry_number, entry_type=detail.entry_type
            )
    for bank in books.banks:
        account = books.bank_accounts.get(bank.bank_account_id)
        if account is None or account.blocked:
            raise entry_refusals.REVERSED_BANK_BLOCKED(number=bank.bank_account_number)
        if not bank.open or bank.remaining_amount != bank.amount:
            raise entry_refusals.BANK_ENTRY_CLOSED(entry=bank.entry_number)


def _check_customer(customer: Customer | None) -> None:
    if customer is None:
        return
    if customer.privacy_blocked:
        raise entry_refusals.ENTRIES_OF_CUSTOMER_PRIVATE(number=customer.number)
    if customer.blocked == CustomerBlocked.ALL:
        raise entry_refusals.ENTRIES_OF_CUSTOMER_BLOCKED(number=customer.number, blocked=customer.blocked)


def reverse(books: ReversalBooks) -> Posting:
    """Return what reversing the transaction changes.

    Raises:
        Refused: as `check_reversible` does.
    """
    check_reversible(books)
    changes = Changes()
    voucher = _voucher(books)
    banks = {row.entry_number: row for row in books.banks}
    customers = {row.entry_number: row for row in books.entries}
    number = books.next.entry
    added: list[CustomerLedgerEntry] = []
    general: list[GeneralLedgerEntry] = []
    details: list[DetailedEntry] = []
    for row in sorted((*books.general, *books.unapplying), key=lambda r: -r.entry_number):
        general.append(entries.reversing_general_entry(voucher, number, row))
        changes.update.append((row, replace(row, reversed=True, reversed_by_entry_number=number)))
        bank, entry = banks.get(row.entry_number), customers.get(row.entry_number)
        if bank is not None:
            changes.insert.append(entries.reversing_bank_entry(voucher, number, bank))
            closed = replace(bank, reversed=True, reversed_by_entry_number=number, open=False, remaining_amount=ZERO)
            changes.update.append((bank, closed))
        if entry is not None:
            mirror = entries.reversing_customer_entry(voucher, number, entry)
            old, new, lines = _settle(entry, mirror)
            changes.update.append((entry, old))
            added.append(new)
            of = replace(
                voucher,
                posting_date=entry.posting_date,
                document_type=entry.document_type,
                document_number=entry.document_number,
            )
            first = books.next.detailed + len(details)
            details += [
                entries.detailed_entry(of, first + at, line, entry.posting_date, number)
                for at, line in enumerate(lines)
            ]
        number += 1
    register = entries.register_of(voucher, books.next.entry, number - 1)
    changes.insert = [register, *general, *added, *details, *changes.insert]
    return Posting(changes, register.number, added)


def _voucher(books: ReversalBooks) -> Voucher:
    """What the rows of the reversal have in common; the rest they take from what they reverse."""
    first = books.general[0]
    return Voucher(
        transaction_number=books.next.transaction,
        register_number=books.next.register,
        posting_date=first.posting_date,
        document_date=first.document_date,
        document_type=first.document_type,
        document_number=first.document_number,
        external_document_number=first.external_document_number,
        description=first.description,
        dimension_set_number=first.dimension_set_number,
        source_code=books.setup.reversal_source_code,
        user=books.user,
        now=books.now,
        reason_code=books.reason_code,
    )


def _settle(
    entry: CustomerLedgerEntry, mirror: CustomerLedgerEntry
) -> tuple[CustomerLedgerEntry, CustomerLedgerEntry, list[Detail]]:
    """Apply an entry and the one that reverses it to each other: both closed, and the detailed entries of it."""
    amount, lcy, on = entry.remaining_amount, entry.remaining_amount_lcy, entry.posting_date
    assert (amount, lcy) == (-mirror.amount, -mirror.amount_lcy), f"entry {entry.entry_number} is applied"
    applied = DetailedEntryType.APPLICATION
    lines = [
        Detail(mirror, DetailedEntryType.INITIAL_ENTRY, mirror.amount, mirror.amount_lcy),
        Detail(entry, applied, -amount, -lcy),
        Detail(mirror, applied, amount, lcy),
    ]
    closed = {"remaining_amount": ZERO, "remaining_amount_lcy": ZERO, "open": False, "closed_at_date": on}
    old = replace(
        entry,
        reversed=True,
        reversed_by_entry_number=mirror.entry_number,
        remaining_payment_discount_possible=ZERO,
        maximum_payment_tolerance=ZERO,
        closed_by_entry_number=mirror.entry_number,
        closed_by_amount=amount,
        closed_by_amount_lcy=lcy,
        closed_by_currency_code=entry.currency_code,
        closed_by_currency_amount=amount,
        **closed,
        **NOTED,
    )
    return old, replace(mirror, **closed), lines
