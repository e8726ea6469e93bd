"""salesCreditMemos: drafts and posted credit memos in one list. Posting keeps the id and changes the number.

`invoiceId` and `invoiceNumber` name the invoice that a credit memo corrects; a number that no posted invoice has is
kept without an id. Source: BCApps APIV2SalesCreditMemos.Page.al.
"""

from functools import partial

from debitor.ledger.records import CreditMemoStatus, Currency, DimensionSet, SalesCreditMemo, SalesCreditMemoLine
from debitor.ledger.sales_documents import CREDIT_MEMO
from debitor.operations import corrections, sales_documents, sales_posting, sending
from debitor.schema import (
    BLANK_GUID,
    BOOL,
    DATE,
    DATETIME,
    DECIMAL,
    GUID,
    Action,
    Col,
    Constant,
    Context,
    EntitySet,
    FirstOf,
    Follow,
    Lookup,
    Navigation,
    Property,
    code,
    enum,
    text,
)

SALES_CREDIT_MEMOS = EntitySet(
    name="salesCreditMemos",
    entity="salesCreditMemo",
    record=SalesCreditMemo,
    lookups={
        "currency": Lookup(Currency, via="currency_code", by="code"),
        "dimensions": Lookup(DimensionSet, via="dimension_set_number", by="number"),
    },
    order=("number",),
    properties=(
        Property("id", GUID, "id", editable=False, nullable=False),
        Property("number", code(20), "number", editable=False),
        Property("externalDocumentNumber", code(35), "external_document_number"),
        Property("creditMemoDate", DATE, "document_date"),
        Property("postingDate", DATE, "posting_date"),
        Property("dueDate", DATE, "due_date"),
        Property("customerId", GUID, "customer_id"),
        Property("customerNumber", code(20), "customer_number", nullable=False),
        Property("customerName", text(100), "customer_name", editable=False),
        Property("billToName", text(100), "bill_to_name", editable=False),
        Property("billToCustomerId", GUID, "bill_to_customer_id"),
        Property("billToCustomerNumber", code(20), "bill_to_customer_number", nullable=False),
        Property("sellToAddressLine1", text(100), "sell_to_address_line_1"),
        Property("sellToAddressLine2", text(50), "sell_to_address_line_2"),
        Property("sellToCity", text(30), "sell_to_city"),
        Property("sellToCountry", code(10), "sell_to_country"),
        Property("sellToState", text(30), "sell_to_state"),
        Property("sellToPostCode", code(20), "sell_to_post_code"),
        Property("billToAddressLine1", text(100), "bill_to_address_line_1"),
        Property("billToAddressLine2", text(50), "bill_to_address_line_2"),
        Property("billToCity", text(30), "bill_to_city"),
        Property("billToCountry", code(10), "bill_to_country"),
        Property("billToState", text(30), "bill_to_state"),
        Property("billToPostCode", code(20), "bill_to_post_code"),
        Property("shortcutDimension1Code", code(20), "dimensions.global_dimension_1_value"),
        Property("shortcutDimension2Code", code(20), "dimensions.global_dimension_2_value"),
        Property("currencyId", GUID, "currency.id"),
        Property(
            "currencyCode", code(None), FirstOf((Col("currency_code"), Context("local_currency_code"))), limit=10
        ),
        Property("paymentTermsId", GUID, "payment_terms_id"),
        Property("shipmentMethodId", GUID, "shipment_method_id"),
        Property("salesperson", code(20), "salesperson"),
        Property("pricesIncludeTax", BOOL, "prices_include_tax", editable=False),
        Property("discountAmount", DECIMAL, "discount_amount"),
        Property("discountAppliedBeforeTax", BOOL, "discount_applied_before_tax", editable=False),
        Property("totalAmountExcludingTax", DECIMAL, "total_excluding_tax", editable=False),
        Property("totalTaxAmount", DECIMAL, "total_tax", editable=False),
        Property("totalAmountIncludingTax", DECIMAL, "total_including_tax", editable=False),
        Property("status", enum(CreditMemoStatus), "status", editable=False),
        Property("lastModifiedDateTime", DATETIME, "modified_at", editable=False),
        Property("invoiceId", GUID, "applies_to_document_id"),
        Property("invoiceNumber", code(20), "applies_to_document_number"),
        Property("phoneNumber", text(30), "phone_number"),
        Property("email", text(80), "email"),
        # There are no return reasons, so none can be named.
        Property("customerReturnReasonId", GUID, Constant(BLANK_GUID)),
    ),
    navigations=(
        Navigation("customer", "customers", many=False, on=(("customerId", "id"),)),
        Navigation("dimensionValue", "dimensionValues", many=False, on=(("shortcutDimension1Code", "code"),)),
        Navigation("currency", "currencies", many=False, on=(("currencyId", "id"),)),
        Navigation("paymentTerm", "paymentTerms", many=False, on=(("paymentTermsId", "id"),)),
        Navigation("shipmentMethod", "shipmentMethods", many=False, on=(("shipmentMethodId", "id"),)),
        Navigation(
            "customerReturnReason", "customerReturnReasons", many=False, on=(("customerReturnReasonId", "id"),)
        ),
        Navigation(
            "dimensionSetLines",
            "dimensionSetLines",
            many=True,
            on=(("id", "parentId"),),
            kind="part",
            partner="salesCreditMemo",
            constant={"parentType": "Sales_x0020_Credit_x0020_Memo"},
            deep=True,
        ),
        Navigation(
            "salesCreditMemoLines",
            "salesCreditMemoLines",
            many=True,
            on=(("id", "documentId"),),
            kind="part",
            partner="salesCreditMemo",
            deep=True,
        ),
        Navigation(
            "pdfDocument",
            "pdfDocument",
            many=False,
            on=(("id", "parentId"),),
            kind="part",
            partner="salesCreditMemo",
            constant={"parentType": "Sales_x0020_Credit_x0020_Memo"},
        ),
        Navigation(
            "attachments", "attachments", many=True, on=(("id", "parentId"),), kind="part", partner="salesCreditMemo"
        ),
        Navigation(
            "documentAttachments",
            "documentAttachments",
            many=True,
            on=(("id", "parentId"),),
            kind="part",
            partner="salesCreditMemo",
        ),
    ),
    create=partial(sales_documents.create_document, CREDIT_MEMO),
    change=partial(sales_documents.change_document, CREDIT_MEMO),
    remove=partial(sales_documents.remove_document, CREDIT_MEMO),
    actions=(
        Action("post", partial(sales_posting.post, CREDIT_MEMO)),
        Action("postAndSend", partial(sending.post_and_send, CREDIT_MEMO)),
        Action("send", partial(sending.send, CREDIT_MEMO)),
        Action("cancel", partial(corrections.cancel, CREDIT_MEMO)),
        Action("cancelAndSend", partial(sending.cancel_and_send, CREDIT_MEMO)),
    ),
    follows=(Follow(SalesCreditMemoLine, "document_id"),),
)
