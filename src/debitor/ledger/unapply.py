"""Taking an application back: what two entries had settled is open again.

Payment 11 over -980 closed invoice 5 over 1000, with a discount of 20. Taking it back adds:

    detailed entry  11   Application      -1000   payment 11: -1000 remains ...
    detailed entry   5   Application       1000   invoice 5: 1000 remains, open
    detailed entry  11   Payment Discount    20   payment 11: -980 remains, open
    G/L entry       discount -20, receivables 20  both as a minus on the side of the entries that they take back

Old and new detailed entries name each other. The whole transaction of the application is taken back, for all entries
of its customer. Only the latest application of an entry can be: those before it were made with what it left.

Source: BCApps CustEntryApplyPostedEntries.Codeunit.al, GenJnlPostLine.Codeunit.al, retold.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date

from msgspec.structs import replace

from debitor.ledger import entries, entry_refusals
from debitor.ledger.amounts import ZERO
from debitor.ledger.apply import NOTED, Detail
from debitor.ledger.books import Posting
from debitor.ledger.entry_books import EntryBooks, concerns_ledger, documents_after, general_side, register_rows
from debitor.ledger.invariants import NOT_IN_AMOUNT
from debitor.ledger.records import CustomerLedgerEntry, DetailedEntry, DetailedEntryType, InvoiceStatus
from debitor.ledger.sales_documents import check_in_range, kind_of
from debitor.schema import BLANK_DATE, Changes

Act = tuple[int, int]
"""Transaction number and application number: what the detailed entries of one act have in common."""


def act_of(detail: DetailedEntry) -> Act:
    """The act that wrote a detailed entry."""
    return detail.transaction_number, detail.application_number


def latest_application(details: Iterable[DetailedEntry]) -> Act | None:
    """Return the act that applied an entry last and was not taken back, or None.

    Args:
        details: all detailed entries of one customer ledger entry.
    """
    applied = [d for d in details if d.entry_type == DetailedEntryType.APPLICATION and not d.unapplied]
    return act_of(max(applied, key=lambda d: d.entry_number)) if applied else None


def unapply(
    number: int,
    act: Sequence[DetailedEntry],
    details: Sequence[DetailedEntry],
    on: date,
    books: EntryBooks,
    *,
    canceling: bool = False,
) -> Posting:
    """Return what taking back the latest application of an entry changes.

    Args:
        number: of the customer ledger entry.
        act: all detailed entries of its customer that the latest application's act wrote; empty if there is none.
        details: all detailed entries of all entries that `act` touches.
        on: the posting date; blank for the date of the application.
        canceling: a document is cancelled that had cancelled another one, so their statuses are no reason against it.

    Raises:
        Refused: the first reason of entry_refusals.py that holds, a posting date
            outside the allowed ones, or an account that is missing.
    """
    back = [d for d in act if d.entry_type != DetailedEntryType.INITIAL_ENTRY and not d.unapplied]
    touched = {d.ledger_entry_number: books.entry(d.ledger_entry_number) for d in back} or {
        number: books.entry(number)
    }
    for entry in touched.values():
        if entry.reversed:
            raise entry_refusals.APPLICATION_REVERSED(entry=entry.entry_number)
    if not back:
        raise entry_refusals.NOT_APPLIED(entry=number)
    _check_latest(back, details)
    if not canceling:
        _check_documents(touched, books)
    first = max(d.posting_date for d in back)
    if on == BLANK_DATE:
        on = first
    if on < first:
        raise entry_refusals.UNAPPLIED_TOO_EARLY(date=on, first=first)
    check_in_range(on, books.setup)
    books.check_customer()

    applying = _applying(back, touched, number)
    lines = [Detail(touched[d.ledger_entry_number], d.entry_type, d.amount, d.amount_lcy) for d in back]
    voucher = books.voucher(applying, on, books.setup.unapplication_source_code, ledger=concerns_ledger(lines))
    general = general_side(voucher, lines, applying, books, back=True)
    changes = Changes(insert=register_rows(voucher, general))
    application_number = 0 if general else books.next.detailed
    opened = dict(touched)
    # From the last to the first, so that what the first application had found is what an entry gets back.
    for at, detail in enumerate(sorted(back, key=lambda d: -d.entry_number)):
        mirror = entries.opposite_detailed_entry(voucher, books.next.detailed + at, detail, application_number)
        changes.insert.append(mirror)
        changes.update.append(
            (detail, replace(detail, unapplied=True, unapplied_by_entry_number=mirror.entry_number))
        )
        opened[detail.ledger_entry_number] = _without(opened[detail.ledger_entry_number], detail)
    changes.update += [(touched[n], entry) for n, entry in opened.items()]
    changes.update += documents_after(opened.values(), books)
    return Posting(changes, voucher.register_number)


def _check_latest(back: Sequence[DetailedEntry], details: Sequence[DetailedEntry]) -> None:
    """Refuse when one of the entries was applied again, by another act."""
    of_entry: dict[int, list[DetailedEntry]] = {}
    for detail in details:
        of_entry.setdefault(detail.ledger_entry_number, []).append(detail)
    for number in dict.fromkeys(d.ledger_entry_number for d in back if d.entry_type == DetailedEntryType.APPLICATION):
        if latest_application(of_entry[number]) != act_of(back[0]):
            raise entry_refusals.APPLIED_AGAIN(entry=number)


def _check_documents(touched: dict[int, CustomerLedgerEntry], books: EntryBooks) -> None:
    """Refuse to open a cancelled document again, or the one that cancelled it."""
    for number in touched:
        document = books.documents.get(number)
        if document is not None and document.status in (InvoiceStatus.CANCELED, InvoiceStatus.CORRECTIVE):
            name = f"{kind_of(document).noun.capitalize()} {document.number}"
            raise entry_refusals.DOCUMENT_CANCELED(document=name, status=document.status)


def _applying(
    back: Sequence[DetailedEntry], touched: dict[int, CustomerLedgerEntry], number: int
) -> CustomerLedgerEntry:
    """Return the entry that was applied to the others: its posting group named the accounts."""
    for detail in back:
        if detail.applied_ledger_entry_number in touched:
            return touched[detail.applied_ledger_entry_number]
    return touched[number]


def _without(entry: CustomerLedgerEntry, detail: DetailedEntry) -> CustomerLedgerEntry:
    """Return an entry as it was before a detailed entry, and open."""
    remaining = entry.remaining_amount - detail.amount
    changed = replace(
        entry,
        remaining_amount=remaining,
        remaining_amount_lcy=entry.remaining_amount_lcy - detail.amount_lcy,
        open=bool(remaining),
        payment_discount_given_lcy=ZERO,
        closed_at_date=BLANK_DATE,
        closed_by_entry_number=0,
        closed_by_amount=ZERO,
        closed_by_amount_lcy=ZERO,
        closed_by_currency_code="",
        closed_by_currency_amount=ZERO,
        **NOTED,
    )
    if detail.entry_type == DetailedEntryType.APPLICATION:
        return replace(
            changed,
            remaining_payment_discount_possible=detail.remaining_payment_discount_possible,
            maximum_payment_tolerance=detail.maximum_payment_tolerance,
        )
    if detail.entry_type in NOT_IN_AMOUNT:
        return changed
    return replace(changed, amount=entry.amount - detail.amount, amount_lcy=entry.amount_lcy - detail.amount_lcy)
