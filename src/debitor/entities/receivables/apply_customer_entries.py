"""applyCustomerEntries: the open entries of a payment's customer, to say which of them it pays, and how much of each.

Shaped as Business Central's applyVendorEntries. PATCH `applied` or `amountToApply`; without an amount all that
remains is applied, less the discount that the payment is granted. While the payment's amount is 0, or the sum of
what was marked, it follows the marks. Marking clears the payment's appliesToInvoiceNumber. An entry can be marked for
one payment only.
"""

from debitor.ledger.records import DocumentType
from debitor.operations import marks
from debitor.schema import (
    BOOL,
    DATE,
    DATETIME,
    DECIMAL,
    GUID,
    INT32,
    EntitySet,
    Navigation,
    Property,
    code,
    enum,
    shown,
    text,
)

APPLY_CUSTOMER_ENTRIES = EntitySet(
    name="applyCustomerEntries",
    entity="applyCustomerEntry",
    rows=marks.rows,
    guard=("paymentId",),
    guard_message=marks.NO_PAYMENT,
    properties=(
        Property("id", GUID, editable=False, nullable=False),
        shown("paymentId", GUID),
        shown("entryNumber", INT32),
        Property("applied", BOOL),
        shown("appliesToId", code(50)),
        Property("amountToApply", DECIMAL),
        shown("remainingAmount", DECIMAL),
        shown("remainingPaymentDiscountPossible", DECIMAL),
        shown("discountGranted", DECIMAL),
        shown("currencyCode", code(10)),
        shown("postingDate", DATE),
        shown("dueDate", DATE),
        shown("documentType", enum(DocumentType)),
        shown("documentNumber", code(20)),
        shown("externalDocumentNumber", code(35)),
        shown("customerNumber", code(20)),
        shown("customerName", text(100)),
        shown("description", text(100)),
        shown("lastModifiedDateTime", DATETIME),
    ),
    navigations=(
        Navigation(
            "customerPayment",
            "customerPayments",
            many=False,
            on=(("paymentId", "id"),),
            kind="partner",
            partner="applyCustomerEntries",
        ),
    ),
    change=marks.change,
)
