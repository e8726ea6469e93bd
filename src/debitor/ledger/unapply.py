"""Taking an application back: what two entries had settled is open again.

Credit memo 11 over -1000 was applied to invoice 5 over 1000; both are closed. Taking it back adds:

    detailed entry 5   Application   1000    invoice 5: 1000 remains, open
    detailed entry 11  Application  -1000    credit memo 11: -1000 remains, open

Old and new detailed entries name each other. Nothing goes to the general ledger: the two sides are equal.

Source: BCApps CustEntryApplyPostedEntries.Codeunit.al, GenJnlPostLine.Codeunit.al, retold.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal

from msgspec.structs import replace

from debitor.ledger.amounts import ZERO
from debitor.ledger.numbering import NextNumbers
from debitor.ledger.records import CustomerLedgerEntry, DetailedEntry, DetailedEntryType
from debitor.schema import BLANK_DATE, BLANK_GUID, Changes


def only_applied(details: Sequence[DetailedEntry], entries: Mapping[int, CustomerLedgerEntry]) -> bool:
    """Whether an application can be taken back: no discount, tolerance, gain or loss came with it.

    Args:
        details: all detailed entries of its transaction. entries: the two that were applied, by number.
    """
    kinds = {detail.entry_type for detail in details}
    applied = [d for d in details if d.entry_type == DetailedEntryType.APPLICATION]
    return (
        kinds <= {DetailedEntryType.INITIAL_ENTRY, DetailedEntryType.APPLICATION}
        and {d.ledger_entry_number for d in applied} == set(entries)
        and not any(d.unapplied for d in applied)
        and not sum((d.amount_lcy for d in applied), ZERO)
    )


def unapply(
    details: Sequence[DetailedEntry],
    entries: Mapping[int, CustomerLedgerEntry],
    tolerances: Mapping[int, Decimal],
    next: NextNumbers,
    *,
    user: str,
    now: str,
) -> Changes:
    """Return what taking back an application changes.

    Args:
        details: the detailed entries of type Application of one transaction.
        entries: the entries that they belong to, by number.
        tolerances: the payment tolerance that each entry may have again, by number.
        next: `detailed` and `transaction` are used.
    """
    changes = Changes()
    opened = dict(entries)
    for at, detail in enumerate(details):
        number = next.detailed + at
        changes.insert.append(
            replace(
                detail,
                id=BLANK_GUID,
                version=0,
                entry_number=number,
                transaction_number=next.transaction,
                amount=-detail.amount,
                amount_lcy=-detail.amount_lcy,
                debit_amount=-detail.debit_amount,
                credit_amount=-detail.credit_amount,
                debit_amount_lcy=-detail.debit_amount_lcy,
                credit_amount_lcy=-detail.credit_amount_lcy,
                unapplied=True,
                unapplied_by_entry_number=detail.entry_number,
                user_id=user,
                created_at=now,
            )
        )
        changes.update.append((detail, replace(detail, unapplied=True, unapplied_by_entry_number=number)))
        entry = opened[detail.ledger_entry_number]
        opened[entry.entry_number] = replace(
            entry,
            remaining_amount=entry.remaining_amount - detail.amount,
            remaining_amount_lcy=entry.remaining_amount_lcy - detail.amount_lcy,
            remaining_payment_discount_possible=entry.original_payment_discount_possible,
            maximum_payment_tolerance=tolerances[entry.entry_number],
            open=True,
            closed_at_date=BLANK_DATE,
            closed_by_entry_number=0,
            closed_by_amount=ZERO,
            closed_by_amount_lcy=ZERO,
            closed_by_currency_code="",
            closed_by_currency_amount=ZERO,
        )
    changes.update += [(entries[number], entry) for number, entry in opened.items()]
    return changes
