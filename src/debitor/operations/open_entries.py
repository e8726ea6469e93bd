"""Open entries as of a past day: what remained of each customer ledger entry after the detailed entries up to it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any, NamedTuple

from debitor.ledger.records import Customer, CustomerLedgerEntry, DetailedEntry
from debitor.ranges import Range
from debitor.schema import BLANK_DATE, Act
from debitor.store import Reader

PORTION = 500
"""Entries that are read at a time."""


class OpenEntry(NamedTuple):
    """An entry with what remained of it on the day, in its currency and in local currency, signed as the entry."""

    entry: CustomerLedgerEntry
    remaining: Decimal
    remaining_lcy: Decimal


def open_entries(tx: Reader, as_of: date, customer_ids: Sequence[str] = ()) -> list[OpenEntry]:
    """Return the entries that were open at the end of a day, by entry number.

    The store sums the detailed entries that were posted up to the day; an entry is open when something of it, or of
    its value in local currency, is left. Applications count by their posting date, so that one with a date after the
    day has not happened yet, and one that was taken back later still counts.

    Args:
        as_of: the day. customer_ids: only of these customers; all when empty.
    """
    numbers: list[int] | None = None
    if customer_ids:
        entries = tx.sums(CustomerLedgerEntry, (), ("entry_number",), customer_id=list(customer_ids))
        numbers = [int(number) for (number,) in entries]
    left: dict[int, tuple[Decimal, Decimal]] = {}
    for part in _parts(numbers):
        only = {} if part is None else {"ledger_entry_number": part}
        for number, amount, lcy in tx.sums(
            DetailedEntry,
            ("amount", "amount_lcy"),
            ("ledger_entry_number",),
            within={"posting_date": Range(None, as_of)},
            **only,
        ):
            if amount or lcy:
                left[int(number)] = amount, lcy
    found: list[OpenEntry] = []
    for part in _parts(sorted(left)):
        for entry in tx.all(CustomerLedgerEntry, entry_number=part, order=("entry_number",)):
            found.append(OpenEntry(entry, *left[entry.entry_number]))
    return found


def rows(act: Act, keys: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the open entries as rows of the set: `asOfDate` (today unless given), `customerId` one or several."""
    tx: Reader = act.tx
    as_of = keys.get("asOfDate", BLANK_DATE)
    if as_of == BLANK_DATE:
        as_of = act.today
    wanted = keys.get("customerId", ())
    found = open_entries(tx, as_of, [wanted] if isinstance(wanted, str) else list(wanted))
    ids = sorted({each.entry.customer_id for each in found})
    names = {c.id: c.display_name for c in tx.all(Customer, id=ids)} if ids else {}
    return [
        {
            "entryNumber": entry.entry_number,
            "id": entry.id,
            "asOfDate": as_of,
            "customerId": entry.customer_id,
            "customerNumber": entry.customer_number,
            "customerName": names.get(entry.customer_id, ""),
            "postingDate": entry.posting_date,
            "dueDate": entry.due_date,
            "documentType": entry.document_type,
            "documentNumber": entry.document_number,
            "externalDocumentNumber": entry.external_document_number,
            "currencyCode": entry.currency_code,
            "originalAmount": entry.original_amount,
            "remainingAmount": remaining,
            "remainingAmountLocalCurrency": lcy,
        }
        for entry, remaining, lcy in found
    ]


def _parts(numbers: list[int] | None) -> Sequence[list[int] | None]:
    """Return the numbers in portions; None, which stands for all of them, stays one."""
    if numbers is None:
        return [None]
    return [numbers[at : at + PORTION] for at in range(0, len(numbers), PORTION)]
