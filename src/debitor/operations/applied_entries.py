"""Which entries settled an entry: the other sides of its applications, with the amounts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

from debitor.ledger.records import CustomerLedgerEntry, DetailedEntry, DetailedEntryType
from debitor.operations.entries import PORTION
from debitor.schema import Act, Refused
from debitor.store import Reader

NO_ENTRY = "Name the entry: customerLedgerEntries({id})/appliedEntries, or filter by customerLedgerEntryNumber."


def rows(act: Act, keys: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the applied entries of the entries that `keys` names by `customerLedgerEntryNumber` (one or several).

    Raises:
        Refused: it names none.
    """
    if "customerLedgerEntryNumber" not in keys:
        raise Refused("Application_DialogException", NO_ENTRY)
    given = keys["customerLedgerEntryNumber"]
    numbers = [given] if isinstance(given, int) else list(given)
    found = [row for number in numbers for row in applied_to(act.tx, number)]
    others = {row["entryNumber"] for row in found}
    entries: dict[int, CustomerLedgerEntry] = {
        e.entry_number: e for e in act.tx.all(CustomerLedgerEntry, entry_number=sorted(others))
    }
    return [_told(row, entries[row["entryNumber"]]) for row in found]


def applied_to(tx: Reader, number: int) -> list[dict[str, Any]]:
    """Return the other sides of an entry's applications that still hold, by entry number.

    `amount` is what the later entry of the two (in time of application: the one applied) settled of the other, in
    that other's currency and with the sign of the entry on the other side; so is `amountLocalCurrency`.
    """
    totals: dict[tuple[int, str], list[Decimal]] = {}
    own = tx.all(DetailedEntry, ledger_entry_number=number, entry_type=DetailedEntryType.APPLICATION, unapplied=False)
    for detail in own:
        if detail.applied_ledger_entry_number != number:
            parts: Iterable[tuple[int, DetailedEntry, int]] = [(detail.applied_ledger_entry_number, detail, 1)]
        else:
            parts = ((other.ledger_entry_number, other, -1) for other in _settled_by(tx, detail))
        for other, part, sign in parts:
            sums = totals.setdefault((other, part.currency_code), [Decimal(0), Decimal(0)])
            sums[0] += sign * part.amount
            sums[1] += sign * part.amount_lcy
    return [
        {
            "customerLedgerEntryNumber": number,
            "entryNumber": other,
            "currencyCode": currency,
            "amount": amount,
            "amountLocalCurrency": lcy,
        }
        for (other, currency), (amount, lcy) in sorted(totals.items())
    ]


def _settled_by(tx: Reader, applying: DetailedEntry) -> Iterator[DetailedEntry]:
    """Yield the details by which one application of an entry settled the others."""
    of = applying.applied_ledger_entry_number
    kind = DetailedEntryType.APPLICATION
    if applying.transaction_number:
        found = tx.all(
            DetailedEntry, transaction_number=applying.transaction_number, entry_type=kind, unapplied=False
        )
        yield from (d for d in found if d.applied_ledger_entry_number == of and d.ledger_entry_number != of)
        return
    # An application without transaction wrote its detailed entries in one go, so they have numbers without a gap.
    first = applying.application_number
    while True:
        portion: Sequence[DetailedEntry] = tx.all(DetailedEntry, entry_number=list(range(first, first + PORTION)))
        part = [d for d in portion if d.application_number == applying.application_number]
        yield from (d for d in part if d.entry_type == kind and d.ledger_entry_number != of and not d.unapplied)
        if len(part) < PORTION:
            return
        first += PORTION


def _told(row: dict[str, Any], entry: CustomerLedgerEntry) -> dict[str, Any]:
    return {
        **row,
        "id": entry.id,
        "documentType": entry.document_type,
        "documentNumber": entry.document_number,
        "externalDocumentNumber": entry.external_document_number,
        "postingDate": entry.posting_date,
        "dueDate": entry.due_date,
        "remainingAmount": entry.remaining_amount,
        "open": entry.open,
    }
