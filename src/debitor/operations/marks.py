"""Marking open entries for one payment: which of them it is to pay, and how much of each (applies-to ID).

    payment P-1 over 0, document number P-1      invoice 5 over 1000, discount 20 possible     invoice 6 over 300
    mark 5           invoice 5: ID P-1, amount to apply 980       payment: ID P-1, amount -980
    mark 6 with 100  invoice 6: ID P-1, amount to apply 100       payment: amount -1080
    unmark 5         invoice 5: ID and amount cleared             payment: amount -100

The ID is the payment's document number, or who asks where it has none. Posting applies the payment to all entries
with its ID. Source: BCApps GenJnlApply.Codeunit.al, CustEntrySetApplID.Codeunit.al, retold.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from debitor.ledger.amounts import ZERO, plain
from debitor.ledger.apply import PAYABLE, PAYING, may_apply
from debitor.ledger.currencies import exchange
from debitor.ledger.records import Currency, Customer, CustomerLedgerEntry, DocumentType, ExchangeRate, JournalLine
from debitor.operations.payments import (
    UNMARKED,
    amount_columns,
    marked_entries,
    release_amount_to_apply,
    setup_of,
)
from debitor.schema import BLANK_GUID, Act, Draft, Refused
from debitor.store import Reader, Transaction

NO_PAYMENT = "Name the payment: customerPayments({id})/applyCustomerEntries."
_BY = {"id": "id", "entryNumber": "entry_number", "documentNumber": "document_number"}
"""Properties by which entries are looked for in the store rather than in memory."""


def _refuse(told: str) -> Refused:
    return Refused("Application_DialogException", told)


def _line(tx: Reader, keys: Mapping[str, Any]) -> JournalLine:
    id = keys.get("paymentId")
    if not isinstance(id, str):
        raise _refuse(NO_PAYMENT)
    line = tx.get(JournalLine, id)
    if line is None:
        raise Refused("BadRequest_ResourceNotFound", "Resource not found for the segment 'customerPayments'.")
    return line


def rows(act: Act, keys: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the open entries of the payment's customer, by due date: `paymentId`, and what else narrows them."""
    tx: Reader = act.tx
    line = _line(tx, keys)
    only = {column: keys[name] for name, column in _BY.items() if name in keys}
    entries = tx.all(
        CustomerLedgerEntry, customer_id=line.account_id, open=True, order=("due_date", "entry_number"), **only
    )
    customer = tx.get(Customer, line.account_id)
    return [_row(line, entry, customer) for entry in entries]


def _row(line: JournalLine, entry: CustomerLedgerEntry, customer: Customer | None) -> dict[str, Any]:
    return {
        "version": entry.version,
        "id": entry.id,
        "paymentId": line.id,
        "entryNumber": entry.entry_number,
        "applied": bool(entry.applies_to_id) and entry.applies_to_id == line.applies_to_id,
        "appliesToId": entry.applies_to_id,
        "amountToApply": entry.amount_to_apply,
        "remainingAmount": entry.remaining_amount,
        "remainingPaymentDiscountPossible": entry.remaining_payment_discount_possible,
        "discountGranted": discount_granted(line, entry),
        "currencyCode": entry.currency_code,
        "postingDate": entry.posting_date,
        "dueDate": entry.due_date,
        "documentType": entry.document_type,
        "documentNumber": entry.document_number,
        "externalDocumentNumber": entry.external_document_number,
        "customerNumber": entry.customer_number,
        "customerName": customer.display_name if customer else "",
        "description": entry.description,
        "lastModifiedDateTime": entry.modified_at,
    }


def discount_granted(line: JournalLine, entry: CustomerLedgerEntry) -> Decimal:
    """Return the discount that the payment is granted when it pays all of the entry, by types and dates."""
    granted = (
        line.document_type in PAYING
        and entry.document_type in PAYABLE
        and line.posting_date <= entry.payment_discount_date
    )
    return entry.remaining_payment_discount_possible if granted else ZERO


def change(act: Act, id: str, draft: Draft) -> str:
    """Mark or unmark an entry for a payment, or change the amount to apply of it. Returns the entry's id.

    Raises:
        Refused: the entry is not open, not the customer's, marked for another payment, or in a currency that may not
            be applied; or the amount is not between zero and what remains.
    """
    tx: Transaction = act.tx
    line = _line(tx, act.parent)
    entry = tx.get(CustomerLedgerEntry, id)
    if entry is None or entry.customer_id != line.account_id or not entry.open:
        raise Refused("BadRequest_ResourceNotFound", "Resource not found for the segment 'applyCustomerEntries'.")
    mine = bool(entry.applies_to_id) and entry.applies_to_id == line.applies_to_id
    if entry.applies_to_id and not mine:
        raise _refuse(
            f"Customer ledger entry {entry.entry_number} is marked for {entry.applies_to_id} already; unmark it "
            "there first."
        )
    amount = draft.get("amountToApply")
    wanted = draft.get("applied", bool(amount) if amount is not None else mine)
    before = marked_entries(tx, line)
    was = _sum(act, line, before)
    if wanted:
        line = _mark(act, line, entry, amount)
    elif mine:
        tx.update(entry, **UNMARKED)
    after = marked_entries(tx, line)
    columns: dict[str, Any] = {} if after else {"applies_to_id": ""}
    total = _sum(act, line, after)
    if line.amount in (ZERO, -was):
        columns |= amount_columns(tx, -total, line.currency_code, line.posting_date, setup_of(tx))
    tx.update(line, **columns)
    return id


def _mark(act: Act, line: JournalLine, entry: CustomerLedgerEntry, amount: Decimal | None) -> JournalLine:
    """Put the payment's ID and an amount to apply on an entry. Returns the line with its ID."""
    tx: Transaction = act.tx
    codes = {code for code in (line.currency_code, entry.currency_code) if code}
    currencies = {c.code: c for c in tx.all(Currency, code=sorted(codes))} if codes else {}
    if not may_apply(setup_of(tx), line.currency_code, entry.currency_code, currencies):
        raise _refuse(
            f"Customer ledger entry {entry.entry_number} is in {entry.currency_code or 'local currency'}, the "
            f"payment in {line.currency_code or 'local currency'}; the set-up does not allow them to be applied to "
            "each other."
        )
    remaining = entry.remaining_amount
    if amount and (amount * remaining < 0 or abs(amount) > abs(remaining)):
        raise Refused(
            "Application_FieldValidationException",
            f"amountToApply {plain(amount)} of customer ledger entry {entry.entry_number} must lie between 0 and its "
            f"remaining amount {plain(remaining)}.",
        )
    if not line.applies_to_id:
        release_amount_to_apply(tx, line)
        line = tx.update(
            line,
            applies_to_id=line.document_number or act.user.upper()[:50],
            applies_to_document_type=DocumentType.BLANK,
            applies_to_document_number="",
            applies_to_invoice_id=BLANK_GUID,
        )
        entry = tx.get(CustomerLedgerEntry, entry.id) or entry
    to_apply = amount or entry.amount_to_apply or remaining - discount_granted(line, entry)
    tx.update(entry, applies_to_id=line.applies_to_id, amount_to_apply=to_apply)
    return line


def _sum(act: Act, line: JournalLine, entries: Sequence[CustomerLedgerEntry]) -> Decimal:
    """Return what paying the marked entries takes, in the payment's currency, less the discounts granted."""
    tx: Reader = act.tx
    rates: dict[str, list[ExchangeRate]] = {}
    codes = sorted({e.currency_code for e in entries} | {line.currency_code})
    if len(codes) > 1:
        for rate in tx.all(ExchangeRate, currency_code=codes, order=("starting_date",)):
            rates.setdefault(rate.currency_code, []).append(rate)
    currency = tx.find(Currency, code=line.currency_code) if line.currency_code else None
    precision = currency.amount_rounding_precision if currency else setup_of(tx).amount_rounding_precision
    total = ZERO
    for entry in entries:
        most = entry.remaining_amount - discount_granted(line, entry)
        part = entry.amount_to_apply if abs(entry.amount_to_apply) <= abs(most) else most
        total += exchange(part, entry.currency_code, line.currency_code, rates, line.posting_date, precision)
    return total
