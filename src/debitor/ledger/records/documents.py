"""Sales invoices and credit memos, drafts and posted ones, with their lines."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from debitor.ledger.records.enums import InvoiceStatus, LineType
from debitor.schema import (
    BLANK_DATE,
    BLANK_GUID,
    Amount,
    Code10,
    Code20,
    Code35,
    Code50,
    Day,
    Flag,
    Guid,
    Int,
    Rate,
    Row,
    Text30,
    Text35,
    Text50,
    Text80,
    Text100,
    record,
)

ZERO = Decimal(0)


_POSTED_DOCUMENT: dict[str, Any] = {
    "unique": (("draft_number",), ("number",)),
    "frozen": (
        "number", "draft_number", "document_date", "posting_date", "customer_id", "customer_number",
        "bill_to_customer_id", "bill_to_customer_number", "currency_code", "currency_factor", "discount_amount",
        "total_excluding_tax", "total_tax", "total_including_tax", "ledger_entry_number", "posted",
        "applies_to_document_id", "applies_to_document_number",
    ),
    "frozen_when": "posted",
}  # fmt: skip
_POSTED_LINE: dict[str, Any] = {
    "unique": (("document_id", "sequence"),),
    "frozen": ("*",),
    "frozen_when": "posted",
    "owner": "document_id",
}


class SalesDocument(Row, frozen=True):
    """What invoices and credit memos have in common: draft or posted, under one id. No record of its own.

    Amounts are in the document's currency and positive, whatever side of the books they go to. `number` is the
    draft number until posting gives the posted one. `ledger_entry_number` is the customer ledger entry of a posted
    document; what remains open is read there. `unposted_amount` is what remains of a draft: its total, and zero from
    posting on. `discount_amount` is what was asked for; lines carry what was allocated. `applies_to_document_id` and
    `_number` name the document that this one corrects: an invoice for a credit memo, a credit memo for an invoice.
    """

    number: Code20
    draft_number: Code20 = ""
    external_document_number: Code35 = ""
    document_date: Day = BLANK_DATE
    posting_date: Day = BLANK_DATE
    due_date: Day = BLANK_DATE
    discount_date: Day = BLANK_DATE
    payment_discount_percent: Amount = ZERO
    customer_purchase_order_reference: Text35 = ""
    customer_id: Guid = BLANK_GUID
    customer_number: Code20 = ""
    customer_name: Text100 = ""
    bill_to_customer_id: Guid = BLANK_GUID
    bill_to_customer_number: Code20 = ""
    bill_to_name: Text100 = ""
    ship_to_name: Text100 = ""
    ship_to_contact: Text100 = ""
    sell_to_address_line_1: Text100 = ""
    sell_to_address_line_2: Text50 = ""
    sell_to_city: Text30 = ""
    sell_to_country: Code10 = ""
    sell_to_state: Text30 = ""
    sell_to_post_code: Code20 = ""
    bill_to_address_line_1: Text100 = ""
    bill_to_address_line_2: Text50 = ""
    bill_to_city: Text30 = ""
    bill_to_country: Code10 = ""
    bill_to_state: Text30 = ""
    bill_to_post_code: Code20 = ""
    ship_to_address_line_1: Text100 = ""
    ship_to_address_line_2: Text50 = ""
    ship_to_city: Text30 = ""
    ship_to_country: Code10 = ""
    ship_to_state: Text30 = ""
    ship_to_post_code: Code20 = ""
    currency_code: Code10 = ""
    currency_factor: Rate = Decimal(1)
    payment_terms_id: Guid = BLANK_GUID
    payment_method_id: Guid = BLANK_GUID
    shipment_method_id: Guid = BLANK_GUID
    salesperson: Code20 = ""
    prices_include_tax: Flag = False
    discount_amount: Amount = ZERO
    discount_applied_before_tax: Flag = True
    unposted_amount: Amount = ZERO
    total_excluding_tax: Amount = ZERO
    total_tax: Amount = ZERO
    total_including_tax: Amount = ZERO
    status: InvoiceStatus = InvoiceStatus.DRAFT
    posted: Flag = False
    ledger_entry_number: Int = 0
    applies_to_document_id: Guid = BLANK_GUID
    applies_to_document_number: Code20 = ""
    phone_number: Text30 = ""
    email: Text80 = ""
    dimension_set_number: Int = 0


@record(
    "sales_invoice",
    indexes=(("bill_to_customer_id", "status"), ("status",), ("ledger_entry_number",)),
    **_POSTED_DOCUMENT,
)
class SalesInvoice(SalesDocument, frozen=True):
    """A sales invoice."""

    promised_pay_date: Day = BLANK_DATE
    order_id: Guid = BLANK_GUID
    order_number: Code20 = ""
    dispute_status_id: Guid = BLANK_GUID
    dispute_status: Code10 = ""


@record(
    "sales_credit_memo",
    indexes=(
        ("bill_to_customer_id", "status"),
        ("status",),
        ("ledger_entry_number",),
        ("applies_to_document_id",),
    ),
    **_POSTED_DOCUMENT,
)
class SalesCreditMemo(SalesDocument, frozen=True):
    """A sales credit memo: gives back what an invoice asked for."""


class SalesDocumentLine(Row, frozen=True):
    """A line of a sales document. `posted` is set, once and for all, with the document. No record of its own."""

    document_id: Guid
    sequence: Int
    line_type: LineType = LineType.COMMENT
    item_id: Guid = BLANK_GUID
    account_id: Guid = BLANK_GUID
    line_object_number: Code20 = ""
    description: Text100 = ""
    description_2: Text50 = ""
    unit_of_measure_code: Code10 = ""
    quantity: Amount = ZERO
    unit_price: Amount = ZERO
    discount_amount: Amount = ZERO
    discount_percent: Amount = ZERO
    amount_excluding_tax: Amount = ZERO
    tax_code: Code50 = ""
    tax_percent: Amount = ZERO
    tax_amount: Amount = ZERO
    amount_including_tax: Amount = ZERO
    invoice_discount_allocation: Amount = ZERO
    net_amount: Amount = ZERO
    net_tax_amount: Amount = ZERO
    net_amount_including_tax: Amount = ZERO
    shipment_date: Day = BLANK_DATE
    item_variant_id: Guid = BLANK_GUID
    location_id: Guid = BLANK_GUID
    sales_account: Code20 = ""
    tax_account: Code20 = ""
    dimension_set_number: Int = 0
    posted: Flag = False


@record("sales_invoice_line", **_POSTED_LINE)
class SalesInvoiceLine(SalesDocumentLine, frozen=True):
    """A line of a sales invoice."""


@record("sales_credit_memo_line", **_POSTED_LINE)
class SalesCreditMemoLine(SalesDocumentLine, frozen=True):
    """A line of a sales credit memo."""
