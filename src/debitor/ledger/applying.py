"""Applying posted entries to each other: payment 11 was posted for nothing, now it is to pay invoice 5.

Payment 11 over -400, invoice 5 over 1000, both posted and open:

    detailed entry    5  Application     -400     invoice 5: 600 remains
    detailed entry   11  Application      400     payment 11 is closed by entry 5

Nothing goes to the general ledger, unless a discount, a tolerance, a gain or a loss comes with it. The applying entry
decides: its type and posting date say whether a payment discount is granted, as if it had been applied when it was
posted. Entries of its own sign may be named too: they are pooled with it, see apply.py.

Source: BCApps CustEntryApplyPostedEntries.Codeunit.al, GenJnlPostLine.Codeunit.al, retold.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import Decimal

from msgspec.structs import replace

from debitor.ledger import entries, entry_refusals, tolerance
from debitor.ledger.amounts import ZERO, plain
from debitor.ledger.apply import NOTED, PAYABLE, PAYING, apply_entry, may_apply
from debitor.ledger.books import Posting
from debitor.ledger.entry_books import EntryBooks, concerns_ledger, documents_after, general_side, register_rows
from debitor.ledger.records import CustomerLedgerEntry
from debitor.ledger.sales_documents import check_in_range
from debitor.schema import BLANK_DATE, Changes

Wanted = tuple[int, Decimal | None]
"""A customer ledger entry's number, and how much of it to apply: in its currency, with its sign; None: all of it."""


def apply_posted(applying: int, wanted: Sequence[Wanted], on: date, books: EntryBooks) -> Posting:
    """Return what applying a posted entry to others changes.

    Args:
        applying: number of the applying entry. wanted: the entries, applied in this order.
        on: the date of the application; blank for the earliest that is possible.

    Raises:
        Refused: the first reason of entry_refusals.py that holds, a posting date
            outside the allowed ones, or an account that is missing.
    """
    new = books.entry(applying)
    chosen = _chosen(new, wanted, books)
    first = max(entry.posting_date for entry in (new, *chosen))
    if on == BLANK_DATE:
        on = first
    if on < first:
        raise entry_refusals.APPLICATION_TOO_EARLY(date=on, first=first)
    check_in_range(on, books.setup)
    books.check_customer()
    olds = [entry for entry in chosen if entry.positive != new.positive]
    pooled = [entry for entry in chosen if entry.positive == new.positive]
    block = books.customer is not None and books.customer.block_payment_tolerance
    if len(chosen) == 1 and wanted[0][1] is None and not block:
        olds = [_tolerated(new, olds[0], books)]
    work = apply_entry(new, olds, on=on, terms=books.terms(), block_tolerance=block, pooled=pooled)
    voucher = books.voucher(new, on, books.setup.application_source_code, ledger=concerns_ledger(work.details))
    general = general_side(voucher, work.details, new, books, back=False)
    number = 0 if general else books.next.detailed
    after = work.new if work.new.open else replace(work.new, **NOTED)
    changes = Changes(insert=register_rows(voucher, general))
    changes.insert += [
        entries.detailed_entry(voucher, books.next.detailed + at, detail, on, new.entry_number, number)
        for at, detail in enumerate(work.details)
    ]
    changed = [after, *(entry for _, entry in work.olds)]
    changes.update += [(books.entries[entry.entry_number], entry) for entry in changed]
    changes.update += documents_after(changed, books)
    return Posting(changes, voucher.register_number)


def _chosen(new: CustomerLedgerEntry, wanted: Sequence[Wanted], books: EntryBooks) -> list[CustomerLedgerEntry]:
    """Return the entries to apply to, each limited to what is to be applied of it."""
    if not new.open:
        raise entry_refusals.ENTRY_CLOSED(entry=new.entry_number)
    if not wanted:
        raise entry_refusals.NOTHING_CHOSEN(entry=new.entry_number)
    seen = {new.entry_number}
    chosen = []
    for number, amount in wanted:
        entry = books.entry(number)
        if number in seen:
            raise entry_refusals.ENTRY_TWICE(entry=number)
        seen.add(number)
        chosen.append(_usable(new, entry, amount, books))
    if all(entry.positive == new.positive for entry in chosen):
        raise entry_refusals.ENTRIES_ONE_SIDED(entry=new.entry_number)
    return chosen


def _usable(
    new: CustomerLedgerEntry, entry: CustomerLedgerEntry, amount: Decimal | None, books: EntryBooks
) -> CustomerLedgerEntry:
    """Return an entry with its limit.

    Raises:
        Refused: it cannot be applied to the applying entry.
    """
    one, other = new.entry_number, entry.entry_number
    if entry.customer_id != new.customer_id:
        raise entry_refusals.CUSTOMERS_DIFFER(
            entry=one, number=new.customer_number, other=other, other_number=entry.customer_number
        )
    if not entry.open:
        raise entry_refusals.ENTRY_CLOSED(entry=other)
    remaining = entry.remaining_amount
    if amount is not None and (amount * remaining <= 0 or abs(amount) > abs(remaining)):
        raise entry_refusals.AMOUNT_TO_APPLY_WRONG(amount=plain(amount), entry=other, remaining=plain(remaining))
    for each in (new, entry):
        if each.currency_code and each.currency_code not in books.currencies:
            raise entry_refusals.ENTRY_CURRENCY_GONE(currency=each.currency_code, entry=each.entry_number)
    if not may_apply(books.setup, new.currency_code, entry.currency_code, books.currencies):
        raise entry_refusals.ENTRY_CURRENCIES_DIFFER(
            entry=one,
            currency=new.currency_code or "local currency",
            other=other,
            other_currency=entry.currency_code or "local currency",
        )
    ours, theirs = books.group(new).receivables_account, books.group(entry).receivables_account
    if ours != theirs:
        raise entry_refusals.RECEIVABLES_DIFFER(entry=one, account=ours, other=other, other_account=theirs)
    return replace(
        entry,
        amount_to_apply=amount or ZERO,
        accepted_payment_tolerance=ZERO,
        accepted_payment_discount_tolerance=False,
    )


def _tolerated(new: CustomerLedgerEntry, old: CustomerLedgerEntry, books: EntryBooks) -> CustomerLedgerEntry:
    """Return the one document that a payment is applied to, with the tolerance and late discount it is granted."""
    pays = new.document_type in PAYING and old.document_type in PAYABLE and old.positive
    if not pays or old.currency_code != new.currency_code:
        return old
    accepted = tolerance.decide(old, amount=new.remaining_amount, posting_date=new.posting_date, setup=books.setup)
    if not accepted.tolerance and not accepted.late_discount:
        return old
    return replace(
        old,
        amount_to_apply=old.remaining_amount,
        accepted_payment_tolerance=accepted.tolerance,
        accepted_payment_discount_tolerance=accepted.late_discount,
    )
