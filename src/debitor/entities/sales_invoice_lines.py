"""salesInvoiceLines: what an invoice sells. Read through the invoice, by documentId, or one line by its id.

`discountAppliedBeforeTax` is always false on lines, as in recorded answers of Business Central; the header says it.
Source: BCApps APIV2SalesInvoiceLines.Page.al.
"""

from functools import partial

from debitor.ledger.records import LineType, SalesInvoiceLine
from debitor.ledger.sales_documents import INVOICE
from debitor.operations import sales_lines
from debitor.operations.master_records import UnitOfMeasure
from debitor.schema import (
    BOOL,
    DATE,
    DECIMAL,
    GUID,
    INT32,
    Constant,
    EntitySet,
    Lookup,
    Navigation,
    Property,
    code,
    enum,
    text,
)

SALES_INVOICE_LINES = EntitySet(
    name="salesInvoiceLines",
    entity="salesInvoiceLine",
    record=SalesInvoiceLine,
    lookups={"unit": Lookup(UnitOfMeasure, via="unit_of_measure_code", by="code")},
    order=("documentId", "sequence"),
    guard=("documentId", "id"),
    guard_message=sales_lines.no_document(INVOICE),
    properties=(
        Property("id", GUID, "id", editable=False, nullable=False),
        Property("documentId", GUID, "document_id"),
        Property("sequence", INT32, "sequence"),
        Property("itemId", GUID, "item_id"),
        Property("accountId", GUID, "account_id"),
        Property("lineType", enum(LineType), "line_type"),
        Property("lineObjectNumber", code(20), "line_object_number"),
        Property("description", text(100), "description"),
        Property("description2", text(50), "description_2"),
        Property("unitOfMeasureId", GUID, "unit.id"),
        Property("unitOfMeasureCode", code(10), "unit_of_measure_code"),
        Property("quantity", DECIMAL, "quantity"),
        Property("unitPrice", DECIMAL, "unit_price"),
        Property("discountAmount", DECIMAL, "discount_amount"),
        Property("discountPercent", DECIMAL, "discount_percent"),
        Property("discountAppliedBeforeTax", BOOL, Constant(False), editable=False),
        Property("amountExcludingTax", DECIMAL, "amount_excluding_tax", editable=False),
        Property("taxCode", code(50), "tax_code"),
        Property("taxPercent", DECIMAL, "tax_percent", editable=False),
        Property("totalTaxAmount", DECIMAL, "tax_amount", editable=False),
        Property("amountIncludingTax", DECIMAL, "amount_including_tax", editable=False),
        Property("invoiceDiscountAllocation", DECIMAL, "invoice_discount_allocation", editable=False),
        Property("netAmount", DECIMAL, "net_amount", editable=False),
        Property("netTaxAmount", DECIMAL, "net_tax_amount", editable=False),
        Property("netAmountIncludingTax", DECIMAL, "net_amount_including_tax", editable=False),
        Property("shipmentDate", DATE, "shipment_date"),
        Property("itemVariantId", GUID, "item_variant_id"),
        Property("locationId", GUID, "location_id"),
    ),
    navigations=(
        Navigation(
            "salesInvoice",
            "salesInvoices",
            many=False,
            on=(("documentId", "id"),),
            kind="partner",
            partner="salesInvoiceLines",
        ),
        Navigation("item", "items", many=False, on=(("itemId", "id"),)),
        Navigation("account", "accounts", many=False, on=(("accountId", "id"),)),
        Navigation("unitOfMeasure", "unitsOfMeasure", many=False, on=(("unitOfMeasureId", "id"),)),
        Navigation(
            "itemVariant",
            "itemVariants",
            many=False,
            on=(("itemVariantId", "id"), ("lineObjectNumber", "itemNumber")),
        ),
        Navigation(
            "dimensionSetLines",
            "dimensionSetLines",
            many=True,
            on=(("id", "parentId"),),
            kind="part",
            partner="salesInvoiceLine",
            constant={"parentType": "Sales_x0020_Invoice_x0020_Line"},
            deep=True,
        ),
        Navigation("location", "locations", many=False, on=(("locationId", "id"),)),
    ),
    create=partial(sales_lines.create_line, INVOICE),
    change=partial(sales_lines.change_line, INVOICE),
    remove=partial(sales_lines.remove_line, INVOICE),
)
