"""Invoices and credit memos: create, change and remove drafts.

Everything loads with a session of the store, decides with ledger/sales_documents.py, and writes. Every change of a
line or of what lines depend on calculates the whole document again, so stored totals are never behind the lines.

Choices where Business Central's own order of events would matter:
- values apply in a fixed order, whatever order they were sent in: customer, bill-to customer, currency, terms, dates;
  so a due date that is sent wins over the one that the terms give.
- a new posting date moves the document date along (Business Central's default set-up), unless one is sent too.
- after a change of customer, currency or posting date, lines that had the list price get the new list price; prices
  that somebody entered stay. Tax percents follow the customer.
- blank ids and numbers count as not given, so that what was read can be sent back.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeVar

from msgspec.structs import replace

from debitor.ledger import sales_documents as rules
from debitor.ledger.amounts import round_to
from debitor.ledger.records import (
    Customer,
    CustomerLedgerEntry,
    DetailedEntry,
    ReceivablesSetup,
    SalesDocument,
    SalesDocumentLine,
    SalesInvoice,
)
from debitor.ledger.sales_documents import INVOICE, Kind, kind_of, refuse
from debitor.operations.attachments import remove_of
from debitor.operations.dimensions import pairs_of, set_number
from debitor.operations.master_records import DisputeStatus
from debitor.operations.payments import setup_of
from debitor.operations.sales_products import repriced
from debitor.operations.sales_values import (
    changed_currency,
    document_of,
    draft_number,
    header_pairs,
    lines_of,
    money_of,
    named,
    terms_of,
    with_shortcuts,
    write,
)
from debitor.schema import BLANK_DATE, BLANK_GUID, RECORDS, Act, Draft, Refused
from debitor.store import Reader, Transaction

D = TypeVar("D", bound=SalesDocument)

TEXTS = {
    "externalDocumentNumber": "external_document_number",
    "customerPurchaseOrderReference": "customer_purchase_order_reference",
    "shipToName": "ship_to_name",
    "shipToContact": "ship_to_contact",
    "sellToAddressLine1": "sell_to_address_line_1",
    "sellToAddressLine2": "sell_to_address_line_2",
    "sellToCity": "sell_to_city",
    "sellToCountry": "sell_to_country",
    "sellToState": "sell_to_state",
    "sellToPostCode": "sell_to_post_code",
    "shipToAddressLine1": "ship_to_address_line_1",
    "shipToAddressLine2": "ship_to_address_line_2",
    "shipToCity": "ship_to_city",
    "shipToCountry": "ship_to_country",
    "shipToState": "ship_to_state",
    "shipToPostCode": "ship_to_post_code",
    "billToAddressLine1": "bill_to_address_line_1",
    "billToAddressLine2": "bill_to_address_line_2",
    "billToCity": "bill_to_city",
    "billToCountry": "bill_to_country",
    "billToState": "bill_to_state",
    "billToPostCode": "bill_to_post_code",
    "salesperson": "salesperson",
    "phoneNumber": "phone_number",
    "email": "email",
}
"""Properties of the header that are stored as they are sent."""

WHEN_POSTED = frozenset({"dueDate", "promisedPayDate", "disputeStatusId", "disputeStatus"})
"""All that may be changed on a posted invoice; nothing may on a posted credit memo."""


def blank(field: str, kind: Kind) -> Refused:
    """The refusal of a mandatory value that is blank."""
    return Refused("Application_FieldValidationException", f"{field} must have a value in the sales {kind.noun}.")


def create_document(kind: Kind, act: Act, draft: Draft) -> str:
    """Add a draft. Returns its id. Raises Refused with the codes of the resource."""
    tx: Transaction = act.tx
    setup = setup_of(tx)
    customer = named(tx, draft, Customer, "customerId", "customerNumber", "number", "customer")
    if customer is None:
        raise refuse(f"customerNumber or customerId must be given: the {kind.noun} needs a customer.")
    header = kind.document(number="", document_date=act.today, posting_date=act.today)
    header = changed_header(tx, header, draft, setup, customer)
    rules.check_discount(header, (), money_of(tx, header.currency_code, header.posting_date, setup).precision)
    pairs = with_shortcuts(tx, header_pairs(tx, header), draft, setup)
    number = draft_number(tx, kind, setup, act.today)
    header = replace(header, number=number, draft_number=number, dimension_set_number=set_number(tx, pairs))
    return tx.insert(header).id


def changed_header(tx: Reader, header: D, draft: Draft, setup: ReceivablesSetup, customer: Customer | None) -> D:
    """Return a draft's header with the values sent, in their fixed order; without lines, totals and dimensions.

    Args:
        customer: the new customer, None when the customer stays.
    """
    bill_to: Customer | None = named(
        tx, draft, Customer, "billToCustomerId", "billToCustomerNumber", "number", "customer"
    )
    for one in (customer, bill_to):
        if one is not None:
            rules.check_customer_open(one, kind_of(header))
    if customer is not None:
        header = rules.with_customer(header, customer)
    payer = bill_to or customer
    if payer is not None:
        header = rules.with_bill_to(header, payer)
    currency_code = changed_currency(tx, draft, setup)
    if currency_code is not None:
        header = replace(header, currency_code=currency_code)
    header = replace(header, **plain_columns(tx, draft, header), **corrected_columns(tx, draft))
    header = with_dates(tx, header, draft, terms_changed=payer is not None)
    money = money_of(tx, header.currency_code, header.posting_date, setup)
    discount = round_to(draft.get("discountAmount", header.discount_amount), money.precision.amount)
    return replace(header, currency_factor=money.factor, discount_amount=discount)


def plain_columns(tx: Reader, draft: Draft, header: SalesDocument) -> dict[str, Any]:
    """Return the columns of values that nothing else follows from.

    Raises:
        Refused: a value that only a posted invoice has, an unknown shipment method.
    """
    for field in ("promisedPayDate", "disputeStatusId", "disputeStatus"):
        if draft.get(field, "") not in ("", BLANK_GUID, BLANK_DATE):
            raise Refused(
                "Application_FieldValidationException",
                f"{field} can be set once the invoice is posted; this is a draft.",
            )
    reason = draft.get("customerReturnReasonId", BLANK_GUID)
    if reason != BLANK_GUID:
        raise refuse(f"customerReturnReasonId {reason} does not name a return reason; there are none.")
    columns = {TEXTS[name]: value for name, value in draft.items() if name in TEXTS}
    method = draft.get("shipmentMethodId")
    if method is not None and method != header.shipment_method_id:
        # The record is declared beside its entity set, which operations cannot import.
        methods = RECORDS.get("shipment_method")
        if method != BLANK_GUID and (methods is None or tx.get(methods.row, method) is None):
            raise refuse(f"shipmentMethodId {method} does not name a shipment method.")
        columns["shipment_method_id"] = method
    return columns


def corrected_columns(tx: Reader, draft: Draft) -> dict[str, Any]:
    """Return the columns of the invoice that a credit memo corrects: by id or number, which may name none.

    Raises:
        Refused: the id names no posted invoice, or another one than the number.
    """
    if "invoiceId" not in draft and "invoiceNumber" not in draft:
        return {}
    id, number = draft.get("invoiceId", BLANK_GUID), draft.get("invoiceNumber", "")
    if id == BLANK_GUID:
        invoice = tx.find(SalesInvoice, number=number, posted=True) if number else None
        id = invoice.id if invoice else BLANK_GUID
        return {"applies_to_document_id": id, "applies_to_document_number": number}
    invoice = tx.get(SalesInvoice, id)
    if invoice is None or not invoice.posted:
        raise refuse(f"invoiceId {id} does not name a posted sales invoice.")
    if number and number != invoice.number:
        raise refuse(f"invoiceId names invoice {invoice.number}, invoiceNumber names {number}; they must agree.")
    return {"applies_to_document_id": id, "applies_to_document_number": invoice.number}


def with_dates(tx: Reader, header: D, draft: Draft, *, terms_changed: bool) -> D:
    """Return the header with terms and dates: what is sent, and what follows from it."""
    if "paymentTermsId" in draft:
        header = replace(header, payment_terms_id=draft["paymentTermsId"])
        terms_changed = True
    date_name = kind_of(header).date
    document_date = header.document_date
    if draft.get("postingDate", BLANK_DATE) != BLANK_DATE:
        document_date = draft["postingDate"]
        header = replace(header, posting_date=document_date)
    if draft.get(date_name, BLANK_DATE) != BLANK_DATE:
        document_date = draft[date_name]
    if terms_changed or document_date != header.document_date:
        header = replace(header, document_date=document_date)
        header = rules.with_terms(header, terms_of(tx, header.payment_terms_id))
    if draft.get("dueDate", BLANK_DATE) != BLANK_DATE:
        header = replace(header, due_date=draft["dueDate"])
    return header


def change_document(kind: Kind, act: Act, id: str, draft: Draft) -> str:
    """Change the sent properties of a document. Returns its id.

    On a posted invoice only due date, promised pay date and dispute status can be changed, on a posted credit memo
    nothing.
    """
    tx: Transaction = act.tx
    header = document_of(tx, kind, id)
    if isinstance(header, SalesInvoice) and header.posted:
        return change_posted(tx, header, draft)
    if header.posted:
        raise refuse(f"Credit memo {header.number} is posted and cannot be modified. Cancel it or make an invoice.")
    for field in (kind.date, "postingDate", "dueDate"):
        if draft.get(field, header.posting_date) == BLANK_DATE:
            raise blank(field, kind)
    setup = setup_of(tx)
    customer = named(tx, draft, Customer, "customerId", "customerNumber", "number", "customer")
    if customer is not None and customer.id == header.customer_id:
        customer = None
    if _same_bill_to(header, draft):
        draft = {k: v for k, v in draft.items() if k not in ("billToCustomerId", "billToCustomerNumber")}
    new = changed_header(tx, header, draft, setup, customer)
    old_pairs = pairs_of(tx, header.dimension_set_number)
    pairs = header_pairs(tx, new) if new.bill_to_customer_id != header.bill_to_customer_id else old_pairs
    pairs = with_shortcuts(tx, pairs, draft, setup)
    if pairs != old_pairs:
        new = replace(new, dimension_set_number=set_number(tx, pairs))
    old_lines = lines_of(tx, kind, id)
    lines: Sequence[SalesDocumentLine] = old_lines
    precision = money_of(tx, new.currency_code, new.posting_date, setup).precision
    if old_lines:
        lines = repriced(tx, header, new, old_lines, precision)
        if pairs != old_pairs:
            lines = with_header_dimensions(tx, lines, old_pairs, pairs)
    if "discountAmount" in draft:
        rules.check_discount(new, lines, precision)
    new, lines = rules.calculate_amounts(new, lines, precision)
    write(tx, header, new, old_lines, lines)
    return id


def _same_bill_to(header: SalesDocument, draft: Draft) -> bool:
    """Whether the draft names just the customer who is the bill-to customer already."""
    id, number = draft.get("billToCustomerId", BLANK_GUID), draft.get("billToCustomerNumber", "")
    return id in (BLANK_GUID, header.bill_to_customer_id) and number in ("", header.bill_to_customer_number)


def change_posted(tx: Transaction, header: SalesInvoice, draft: Draft) -> str:
    """Change what may be changed on a posted invoice; its open ledger entry gets the due date too."""
    wrong = next((name for name in draft if name not in WHEN_POSTED), None)
    if wrong:
        raise refuse(
            f"Invoice {header.number} is posted, so {wrong} cannot be modified. Only dueDate, promisedPayDate, "
            "disputeStatus and disputeStatusId can; cancel the invoice or make a credit memo for anything else."
        )
    columns: dict[str, Any] = {}
    if "dueDate" in draft:
        if draft["dueDate"] == BLANK_DATE:
            raise blank("dueDate", INVOICE)
        columns["due_date"] = draft["dueDate"]
        entry = tx.find(CustomerLedgerEntry, entry_number=header.ledger_entry_number)
        if entry and entry.open:
            tx.update(entry, due_date=draft["dueDate"])
            tx.update_where(
                DetailedEntry, {"initial_due_date": draft["dueDate"]}, ledger_entry_number=entry.entry_number
            )
    if "promisedPayDate" in draft:
        columns["promised_pay_date"] = draft["promisedPayDate"]
    return tx.update(header, **columns, **_dispute(tx, draft)).id


def _dispute(tx: Reader, draft: Draft) -> dict[str, Any]:
    """Return the columns of the dispute status that a draft names by id, by code or by both; blank clears it."""
    if "disputeStatusId" not in draft and "disputeStatus" not in draft:
        return {}
    id, code = draft.get("disputeStatusId", BLANK_GUID), draft.get("disputeStatus", "")
    if id == BLANK_GUID and not code:
        return {"dispute_status_id": BLANK_GUID, "dispute_status": ""}
    found = tx.find(DisputeStatus, code=code) if id == BLANK_GUID else tx.get(DisputeStatus, id)
    if found is None:
        named = f"disputeStatus {code}" if id == BLANK_GUID else f"disputeStatusId {id}"
        raise refuse(f"{named} does not name a dispute status; take one from disputeStatus, or add it there.")
    if code not in ("", found.code):
        raise refuse(f"disputeStatusId {id} is {found.code}, disputeStatus says {code}; send one of them.")
    return {"dispute_status_id": found.id, "dispute_status": found.code}


def remove_document(kind: Kind, act: Act, id: str) -> None:
    """Delete a draft and its lines. Its number is not given again."""
    tx: Transaction = act.tx
    header = document_of(tx, kind, id)
    if header.posted:
        other = "a credit memo" if kind is INVOICE else "an invoice"
        noun = kind.noun.capitalize()
        raise refuse(f"{noun} {header.number} is posted and cannot be deleted. Cancel it or make {other}.")
    tx.delete_where(kind.line, document_id=id)
    remove_of(tx, [id])
    tx.delete(header)


def with_header_dimensions(
    tx: Transaction, lines: Iterable[SalesDocumentLine], old: Mapping[str, str], new: Mapping[str, str]
) -> list[SalesDocumentLine]:
    """Return the lines with the header's dimension changes; dimensions that did not change there stay as they are."""
    changed = {d: new.get(d, "") for d in {*old, *new} if old.get(d, "") != new.get(d, "")}
    return [
        replace(line, dimension_set_number=set_number(tx, {**pairs_of(tx, line.dimension_set_number), **changed}))
        for line in lines
    ]
