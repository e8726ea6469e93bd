"""From a document to everything that belongs to it, both ways: bank, payment, application, invoice, ledgers, request.

trace(tx, "103045")    the entries with this document number, each with its transaction and what it is applied to
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from debitor.ledger.records import (
    BankAccountLedgerEntry,
    CustomerLedgerEntry,
    GeneralLedgerEntry,
    GeneralLedgerRegister,
    LedgerSeal,
    SalesCreditMemo,
    SalesInvoice,
    TaxEntry,
)
from debitor.operations.applied_entries import applied_to
from debitor.operations.audit import entry_of_seal
from debitor.schema import Refused
from debitor.store import Reader

Told = dict[str, Any]
MOST = 100
"""Entries of one kind that are shown of one transaction."""


def trace(tx: Reader, number: str) -> list[Told]:
    """Return what belongs to a document.

    Args:
        number: of a posted document; or of a draft that was posted, an external document number, or, when there is
            none of these, a customer ledger entry.

    Returns:
        For each customer ledger entry found: the entry, its document, its transaction (bank, general ledger and tax
        entries, register, seal, the request that posted it), and the entries it is applied to, with theirs.

    Raises:
        Refused: nothing has this number.
    """
    entries = list(_found(tx, number))
    if not entries:
        raise Refused("Internal_RecordNotFound", f"Nothing that was posted for a customer has the number {number}.")
    return [_entry(tx, entry, deep=True) for entry in entries]


def _found(tx: Reader, number: str) -> Iterator[CustomerLedgerEntry]:
    order = ("entry_number",)
    found = tx.all(CustomerLedgerEntry, document_number=number, order=order)
    if not found:
        drafts = [
            d for kind in (SalesInvoice, SalesCreditMemo) for d in tx.all(kind, draft_number=number, posted=True)
        ]
        numbers = sorted(d.ledger_entry_number for d in drafts)
        found = tx.all(CustomerLedgerEntry, entry_number=numbers, order=order) if numbers else []
    if not found:
        found = tx.all(CustomerLedgerEntry, external_document_number=number, order=order)
    if not found and number.isdecimal() and len(number) < 10:
        found = tx.all(CustomerLedgerEntry, entry_number=int(number))
    yield from found


def _entry(tx: Reader, entry: CustomerLedgerEntry, *, deep: bool) -> Told:
    told: Told = {
        "entryNumber": entry.entry_number,
        "documentType": entry.document_type,
        "documentNumber": entry.document_number,
        "externalDocumentNumber": entry.external_document_number,
        "customerNumber": entry.customer_number,
        "postingDate": entry.posting_date.isoformat(),
        "currencyCode": entry.currency_code,
        "amount": _amount(entry.original_amount),
        "remainingAmount": _amount(entry.remaining_amount),
        "document": _document(tx, entry),
        "transaction": _transaction(tx, entry),
    }
    if deep:
        told["appliedTo"] = list(_applied(tx, entry))
    return told


def _document(tx: Reader, entry: CustomerLedgerEntry) -> Told | None:
    for kind, name in ((SalesInvoice, "salesInvoices"), (SalesCreditMemo, "salesCreditMemos")):
        for row in tx.all(kind, ledger_entry_number=entry.entry_number, posted=True, limit=1):
            return {"entitySet": name, "id": row.id, "status": row.status}
    return None


def _applied(tx: Reader, entry: CustomerLedgerEntry) -> Iterator[Told]:
    rows = applied_to(tx, entry.entry_number)
    numbers = [row["entryNumber"] for row in rows]
    others = {e.entry_number: e for e in tx.all(CustomerLedgerEntry, entry_number=numbers)} if numbers else {}
    for row in rows:
        other = others[row["entryNumber"]]
        yield {
            "appliedAmount": _amount(row["amount"]),
            "appliedCurrencyCode": row["currencyCode"],
            **_entry(tx, other, deep=False),
        }


def _transaction(tx: Reader, entry: CustomerLedgerEntry) -> Told:
    number = entry.transaction_number
    rows: dict[str, list[Any]] = {
        "bankAccountLedgerEntries": tx.all(BankAccountLedgerEntry, transaction_number=number, limit=MOST),
        "generalLedgerEntries": tx.all(
            GeneralLedgerEntry, transaction_number=number, order=("entry_number",), limit=MOST
        ),
        "taxEntries": tx.all(TaxEntry, transaction_number=number, limit=MOST),
    }
    general = rows["generalLedgerEntries"]
    register = tx.find(GeneralLedgerRegister, number=general[0].register_number) if general else None
    seal = tx.find(LedgerSeal, register_number=register.number) if register is not None else None
    return {
        "number": number,
        "bankAccountLedgerEntries": [
            {"entryNumber": r.entry_number, "bankAccountNumber": r.bank_account_number, "amount": _amount(r.amount)}
            for r in rows["bankAccountLedgerEntries"]
        ],
        "generalLedgerEntries": [
            {
                "entryNumber": r.entry_number,
                "accountNumber": r.account_number,
                "debitAmount": _amount(r.debit_amount),
                "creditAmount": _amount(r.credit_amount),
                "reversed": r.reversed,
            }
            for r in general
        ],
        "taxEntries": [
            {"entryNumber": r.entry_number, "base": _amount(r.base), "amount": _amount(r.amount)}
            for r in rows["taxEntries"]
        ],
        "register": register.number if register is not None else 0,
        "seal": {"number": seal.number, "hash": seal.hash} if seal is not None else None,
        "userId": entry.user_id,
        "postedBy": _posted_by(tx, seal),
    }


def _posted_by(tx: Reader, seal: LedgerSeal | None) -> Told | None:
    """The request that posted, or None: the demo data was posted by none."""
    entry = entry_of_seal(tx, seal) if seal is not None else None
    if entry is None:
        return None
    return {
        "at": entry.at,
        "clientId": entry.client_id,
        "userAgent": entry.user_agent,
        "requestId": entry.request_id,
        "request": f"{entry.method} {entry.address}",
    }


def _amount(value: Any) -> str:
    return format(value, "f")


# --------------------------------------------------------------------------- as text


def lines_of(traced: list[Told]) -> Iterator[str]:
    """Yield what `trace` returned as an indented text."""
    for each in traced:
        yield from _lines(each, "")
        for other in each["appliedTo"]:
            amount = f"{other['appliedAmount']} {other['appliedCurrencyCode']}".strip()
            yield f"  applied to, with {amount}"
            yield from _lines(other, "    ")


def _lines(told: Told, lead: str) -> Iterator[str]:
    kind = told["documentType"].replace("_x0020_", " ").strip() or "Entry"
    amount = f"{told['amount']} {told['currencyCode']}".strip()
    more = f" ({told['externalDocumentNumber']})" if told["externalDocumentNumber"] else ""
    yield (
        f"{lead}{kind} {told['documentNumber']}{more} of {told['postingDate']}, customer {told['customerNumber']}: "
        f"{amount}, {told['remainingAmount']} open (customer ledger entry {told['entryNumber']})"
    )
    if told["document"] is not None:
        document = told["document"]
        yield f"{lead}  document {document['entitySet']}({document['id']}), {document['status']}"
    act = told["transaction"]
    for row in act["bankAccountLedgerEntries"]:
        yield f"{lead}  bank {row['bankAccountNumber']}: {row['amount']} (entry {row['entryNumber']})"
    for row in act["generalLedgerEntries"]:
        side = f"debit {row['debitAmount']}" if row["debitAmount"] != "0" else f"credit {row['creditAmount']}"
        back = ", reversed" if row["reversed"] else ""
        yield f"{lead}  account {row['accountNumber']}: {side} (entry {row['entryNumber']}{back})"
    for row in act["taxEntries"]:
        yield f"{lead}  tax: {row['amount']} on {row['base']} (entry {row['entryNumber']})"
    seal = f", seal {act['seal']['number']} {act['seal']['hash'][:12]}..." if act["seal"] else ""
    yield f"{lead}  transaction {act['number']}, register {act['register']}{seal}, user {act['userId']}"
    if act["postedBy"] is not None:
        by = act["postedBy"]
        yield f"{lead}  posted {by['at']} by {by['clientId']}, request {by['requestId']}: {by['request']}"
