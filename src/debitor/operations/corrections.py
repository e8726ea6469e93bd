"""Cancelling posted documents, and credit memos that correct an invoice in part.

Cancelling an invoice makes a credit memo with the same lines, posts it on the work date and applies it to the
invoice: both are closed, the invoice is Canceled, the credit memo Corrective. Cancelling that credit memo takes the
application back, and makes an invoice in the same way: the credit memo is Canceled, the new invoice Corrective, and
the first invoice is open again. `make_corrective_credit_memo` stops at the draft.

Amounts, prices and the exchange rate are those of the document that is corrected, so nothing is gained or lost.
Source: BCApps CorrectPostedSalesInvoice.Codeunit.al, CancelPostedSalesCrMemo.Codeunit.al, retold.
"""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from debitor.ledger import sales_documents as rules
from debitor.ledger.records import (
    Customer,
    CustomerLedgerEntry,
    DetailedEntry,
    DetailedEntryType,
    InvoiceStatus,
    ReceivablesSetup,
    SalesDocument,
    SalesDocumentLine,
    SalesInvoice,
)
from debitor.ledger.sales_documents import CREDIT_MEMO, INVOICE, LINE_STEP, Kind, refuse
from debitor.operations.entries import unapply
from debitor.operations.payments import posting_setup, setup_of
from debitor.operations.sales_posting import post_document
from debitor.operations.sales_values import document_of, draft_number, lines_of, terms_of
from debitor.schema import Act, Draft, Located, Refused
from debitor.store import Reader, Transaction

_NOT_COPIED = frozenset({
    "id", "version", "modified_at", "number", "draft_number", "document_date", "posting_date", "status", "posted",
    "ledger_entry_number",
})  # fmt: skip
_NOT_COPIED_OF_LINES = frozenset({
    "id", "version", "modified_at", "document_id", "posted", "sales_account", "tax_account",
})  # fmt: skip


def cancel(kind: Kind, act: Act, id: str, body: Draft) -> None:
    """The action `cancel` of salesInvoices and salesCreditMemos."""
    cancel_document(kind, act, id)


def cancel_document(kind: Kind, act: Act, id: str) -> SalesDocument:
    """Cancel a posted document. Returns the posted document of the other kind that cancels it.

    Raises:
        Refused: the document cannot be cancelled, or the one that cancels it cannot be posted; nothing is written.
    """
    tx: Transaction = act.tx
    document = document_of(tx, kind, id)
    setup = posting_setup(tx, act.user)
    check_cancellable(tx, kind, document, setup)
    invoice: SalesDocument | None = None
    if kind is CREDIT_MEMO:
        invoice = tx.get(SalesInvoice, document.applies_to_document_id)
        assert invoice, "a corrective credit memo without an invoice"
    try:
        if invoice is not None:
            reopen(act, document, invoice)
        corrective = add_copy(act, document, setup)
        posted = post_document(_other(kind), tx, corrective, user=act.user, cancels=True)
    except Refused as no:
        raise refuse(f"{_name(kind, document)} cannot be cancelled: {no.message}") from no
    if invoice is not None:
        # What cancelled it is cancelled; an invoice over nothing has nothing open.
        tx.update(invoice, status=InvoiceStatus.OPEN if entry_of(tx, invoice).open else InvoiceStatus.PAID)
    return posted


def make_corrective_credit_memo(act: Act, id: str, body: Draft) -> Located:
    """The action `makeCorrectiveCreditMemo` of salesInvoices: a draft that will be applied to the invoice.

    Raises:
        Refused: the invoice is a draft, or something was paid or credited already.
    """
    tx: Transaction = act.tx
    invoice = document_of(tx, INVOICE, id)
    check_posted(INVOICE, invoice)
    entry = entry_of(tx, invoice)
    if entry.remaining_amount != invoice.total_including_tax:
        state = "partly paid or credited" if entry.open else "closed"
        raise refuse(
            f"Invoice {invoice.number} is {state}. Make a credit memo of your own for the part to give back."
        )
    return Located("salesCreditMemos", add_copy(act, invoice, setup_of(tx)))


def _other(kind: Kind) -> Kind:
    return CREDIT_MEMO if kind is INVOICE else INVOICE


def _name(kind: Kind, document: SalesDocument) -> str:
    return f"{kind.noun.capitalize()} {document.number}"


def entry_of(tx: Reader, document: SalesDocument) -> CustomerLedgerEntry:
    """Return the customer ledger entry of a posted document."""
    entry = tx.find(CustomerLedgerEntry, entry_number=document.ledger_entry_number)
    assert entry, f"posted document {document.number} without a customer ledger entry"
    return entry


# --------------------------------------------------------------------------- checks


def check_posted(kind: Kind, document: SalesDocument) -> None:
    """Refuse a draft."""
    if not document.posted:
        raise refuse(f"{_name(kind, document)} is a draft; the action is for posted documents. Delete the draft.")


def check_cancellable(tx: Reader, kind: Kind, document: SalesDocument, setup: ReceivablesSetup) -> None:
    """Refuse to cancel a document, in Business Central's order of reasons.

    Raises:
        Refused: a draft, cancelled already, in a closed period, for an invoice: a correction itself, or paid; a
            blocked customer; for a credit memo: one that did not cancel an invoice.
    """
    check_posted(kind, document)
    name = _name(kind, document)
    if document.status == InvoiceStatus.CANCELED:
        raise refuse(f"{name} is cancelled already.")
    try:
        rules.check_in_range(document.posting_date, setup)
    except Refused as no:
        raise refuse(f"{name} cannot be cancelled: {no.message}") from no
    corrective = document.status == InvoiceStatus.CORRECTIVE
    if kind is INVOICE:
        if corrective:
            raise refuse(f"{name} cannot be cancelled, because it cancels a credit memo.")
        if entry_of(tx, document).remaining_amount != document.total_including_tax:
            raise refuse(
                f"{name} cannot be cancelled, because something was paid or credited already. Make a credit memo for "
                "the part to give back."
            )
    for id in (document.customer_id, document.bill_to_customer_id):
        customer = tx.get(Customer, id)
        if customer and customer.blocked in ("All", "Invoice"):
            raise refuse(
                f"{name} cannot be cancelled, because customer {customer.number} is blocked with type "
                f"{customer.blocked}. Change 'blocked' on the customer."
            )
    if kind is CREDIT_MEMO and not corrective:
        raise refuse(
            f"{name} cannot be cancelled, because it did not cancel an invoice. Make an invoice for what is to be "
            "paid after all."
        )


# --------------------------------------------------------------------------- the application taken back


def reopen(act: Act, memo: SalesDocument, invoice: SalesDocument) -> None:
    """Take back the application of a credit memo to the invoice that it cancelled.

    Raises:
        Refused: more than that application changed either entry.
    """
    tx: Transaction = act.tx
    entry = entry_of(tx, memo)
    if not entry.amount:
        return
    details = tx.all(DetailedEntry, transaction_number=entry.transaction_number)
    applied = {d.ledger_entry_number for d in details if d.entry_type == DetailedEntryType.APPLICATION}
    if entry.open or applied != {entry.entry_number, invoice.ledger_entry_number}:
        raise refuse("It is not applied to the invoice alone.")
    unapply(tx, entry_number=entry.entry_number, user=act.user, canceling=True)


# --------------------------------------------------------------------------- the copy


def add_copy(act: Act, document: SalesDocument, setup: ReceivablesSetup) -> str:
    """Add a draft of the other kind that corrects a posted document: same customer, lines and amounts, of today.

    Returns its id.
    """
    tx: Transaction = act.tx
    kind = INVOICE if isinstance(document, SalesInvoice) else CREDIT_MEMO
    other = _other(kind)
    number = draft_number(tx, other, setup, act.today)
    columns: dict[str, Any] = {
        name: getattr(document, name) for name in SalesDocument.__struct_fields__ if name not in _NOT_COPIED
    }
    columns |= {
        "number": number,
        "draft_number": number,
        "document_date": act.today,
        "posting_date": act.today,
        "unposted_amount": document.total_including_tax,
        "applies_to_document_id": document.id,
        "applies_to_document_number": document.number,
    }
    header = rules.with_terms(other.document(**columns), terms_of(tx, document.payment_terms_id))
    id = tx.insert(header).id
    tx.insert_many(_copied_lines(lines_of(tx, kind, document.id), other, id, document))
    return id


def _copied_lines(
    lines: list[SalesDocumentLine], other: Kind, id: str, document: SalesDocument
) -> list[SalesDocumentLine]:
    copies = [
        other.line(
            document_id=id,
            **{n: getattr(line, n) for n in SalesDocumentLine.__struct_fields__ if n not in (*_NOT_COPIED_OF_LINES,)},
        )
        for line in lines
    ]
    if other is CREDIT_MEMO:
        return copies
    first = other.line(document_id=id, sequence=LINE_STEP, description=f"Cancels credit memo {document.number}")
    return [first, *(replace(copy, sequence=copy.sequence + LINE_STEP) for copy in copies)]
