"""dimensionSetLines: the dimensions of one journal line, document or entry; `id` is the dimension's id.

Rows are computed from the owner's dimension set, so they are addressed through the owner. Source: BCApps
APIV2DimensionSetLines.Page.al.
"""

from debitor.operations import dimension_lines
from debitor.schema import GUID, EntitySet, Follow, Navigation, Property, WireEnum, code, enum, text


class DimensionSetParentType(WireEnum):
    """What a dimension set line belongs to; the numbers are Business Central's."""

    __edm__ = "dimensionSetEntryBufferParentType"
    BLANK = (0, " ")
    JOURNAL_LINE = (1, "Journal Line")
    SALES_ORDER = (2, "Sales Order")
    SALES_ORDER_LINE = (3, "Sales Order Line")
    SALES_QUOTE = (4, "Sales Quote")
    SALES_QUOTE_LINE = (5, "Sales Quote Line")
    SALES_CREDIT_MEMO = (6, "Sales Credit Memo")
    SALES_CREDIT_MEMO_LINE = (7, "Sales Credit Memo Line")
    SALES_INVOICE = (8, "Sales Invoice")
    SALES_INVOICE_LINE = (9, "Sales Invoice Line")
    PURCHASE_INVOICE = (10, "Purchase Invoice")
    PURCHASE_INVOICE_LINE = (11, "Purchase Invoice Line")
    GENERAL_LEDGER_ENTRY = (12, "General Ledger Entry")
    TIME_REGISTRATION_ENTRY = (13, "Time Registration Entry")
    SALES_SHIPMENT = (14, "Sales Shipment")
    SALES_SHIPMENT_LINE = (15, "Sales Shipment Line")
    PURCHASE_RECEIPT = (16, "Purchase Receipt")
    PURCHASE_RECEIPT_LINE = (17, "Purchase Receipt Line")
    PURCHASE_ORDER = (18, "Purchase Order")
    PURCHASE_ORDER_LINE = (19, "Purchase Order Line")
    PURCHASE_CREDIT_MEMO = (20, "Purchase Credit Memo")
    PURCHASE_CREDIT_MEMO_LINE = (21, "Purchase Credit Memo Line")


_PARENTS = (
    ("salesInvoice", "salesInvoices"),
    ("salesInvoiceLine", "salesInvoiceLines"),
    ("customerPayment", "customerPayments"),
    ("journalLine", "journalLines"),
    ("generalLedgerEntry", "generalLedgerEntries"),
    ("salesCreditMemo", "salesCreditMemos"),
    ("salesCreditMemoLine", "salesCreditMemoLines"),
    ("timeRegistrationEntry", "timeRegistrationEntries"),
    ("salesOrder", "salesOrders"),
    ("salesOrderLine", "salesOrderLines"),
    ("salesQuote", "salesQuotes"),
    ("salesQuoteLine", "salesQuoteLines"),
    ("purchaseInvoice", "purchaseInvoices"),
    ("purchaseInvoiceLine", "purchaseInvoiceLines"),
    ("vendorPayment", "vendorPayments"),
    ("salesShipment", "salesShipments"),
    ("salesShipmentLine", "salesShipmentLines"),
    ("purchaseReceipt", "purchaseReceipts"),
    ("purchaseReceiptLine", "purchaseReceiptLines"),
    ("purchaseOrder", "purchaseOrders"),
    ("purchaseOrderLine", "purchaseOrderLines"),
    ("purchaseCreditMemo", "purchaseCreditMemos"),
    ("purchaseCreditMemoLine", "purchaseCreditMemoLines"),
)

DIMENSION_SET_LINES = EntitySet(
    name="dimensionSetLines",
    entity="dimensionSetLine",
    rows=dimension_lines.rows,
    order=("code",),
    guard=("parentId",),
    guard_message=dimension_lines.NO_PARENT,
    properties=(
        Property("id", GUID, nullable=False),
        Property("code", code(20), nullable=False),
        Property("consolidationCode", code(20), editable=False),
        Property("parentId", GUID, editable=False),
        Property("parentType", enum(DimensionSetParentType), editable=False),
        Property("displayName", text(30), editable=False),
        Property("valueId", GUID),
        Property("valueCode", code(None), limit=20),
        Property("valueConsolidationCode", code(20), editable=False),
        Property("valueDisplayName", text(50), editable=False),
    ),
    navigations=tuple(
        Navigation(name, target, many=False, on=(("parentId", "id"),), kind="partner", partner="dimensionSetLines")
        for name, target in _PARENTS
    ),
    create=dimension_lines.create,
    change=dimension_lines.change,
    remove=dimension_lines.remove,
    follows=tuple(Follow(record, "id", "parentId") for record in dimension_lines.PARENTS.values()),
)
