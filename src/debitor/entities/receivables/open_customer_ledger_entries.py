"""openCustomerLedgerEntries: what was open at the end of any day, computed from the detailed entries up to it.

`$filter=asOfDate eq 2025-12-31 and customerNumber eq '10400'` says as of when; today unless given. An application
counts from its posting date on. The sum of `remainingAmountLocalCurrency` is the balance of the receivables accounts
on that day.
"""

from debitor.ledger.records import DocumentType
from debitor.operations import open_entries
from debitor.schema import DATE, DECIMAL, GUID, INT32, EntitySet, Navigation, Property, code, enum, text

OPEN_CUSTOMER_LEDGER_ENTRIES = EntitySet(
    name="openCustomerLedgerEntries",
    entity="openCustomerLedgerEntry",
    key=("entryNumber",),
    rows=open_entries.rows,
    etag=False,
    order=("entryNumber",),
    properties=(
        Property("entryNumber", INT32, editable=False, nullable=False),
        Property("id", GUID, editable=False),
        Property("asOfDate", DATE, editable=False, input="value"),
        Property("customerId", GUID, editable=False),
        Property("customerNumber", code(20), editable=False),
        Property("customerName", text(100), editable=False),
        Property("postingDate", DATE, editable=False),
        Property("dueDate", DATE, editable=False),
        Property("documentType", enum(DocumentType), editable=False),
        Property("documentNumber", code(20), editable=False),
        Property("externalDocumentNumber", code(35), editable=False),
        Property("currencyCode", code(10), editable=False),
        Property("originalAmount", DECIMAL, editable=False),
        Property("remainingAmount", DECIMAL, editable=False),
        Property("remainingAmountLocalCurrency", DECIMAL, editable=False),
    ),
    navigations=(Navigation("customerLedgerEntry", "customerLedgerEntries", many=False, on=(("id", "id"),)),),
)
