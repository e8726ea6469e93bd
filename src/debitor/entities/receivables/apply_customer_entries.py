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
    Type,
    code,
    enum,
    text,
)


def _read(name: str, type: Type) -> Property:
    return Property(name, type, editable=False)


APPLY_CUSTOMER_ENTRIES = EntitySet(
    name="applyCustomerEntries",
    entity="applyCustomerEntry",
    rows=marks.rows,
    guard=("paymentId",),
    guard_message=marks.NO_PAYMENT,
    properties=(
        Property("id", GUID, editable=False, nullable=False),
        _read("paymentId", GUID),
        _read("entryNumber", INT32),
        Property("applied", BOOL),
        _read("appliesToId", code(50)),
        Property("amountToApply", DECIMAL),
        _read("remainingAmount", DECIMAL),
        _read("remainingPaymentDiscountPossible", DECIMAL),
        _read("discountGranted", DECIMAL),
        _read("currencyCode", code(10)),
        _read("postingDate", DATE),
        _read("dueDate", DATE),
        _read("documentType", enum(DocumentType)),
        _read("documentNumber", code(20)),
        _read("externalDocumentNumber", code(35)),
        _read("customerNumber", code(20)),
        _read("customerName", text(100)),
        _read("description", text(100)),
        _read("lastModifiedDateTime", DATETIME),
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
