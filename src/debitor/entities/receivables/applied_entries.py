"""appliedEntries: the entries that one customer ledger entry is applied to, each with the amount; computed.

`amount` is in `currencyCode` and has the sign of the entry it stands for: an invoice of 500 that a payment of 300 was
applied to shows that payment with -300, and the payment shows the invoice with 300. Applications that were taken back
are left out.
"""

from debitor.ledger.records import DocumentType
from debitor.operations import applied_entries
from debitor.schema import BOOL, DATE, DECIMAL, GUID, INT32, EntitySet, Navigation, Property, code, enum

APPLIED_ENTRIES = EntitySet(
    name="appliedEntries",
    entity="appliedEntry",
    key=("customerLedgerEntryNumber", "entryNumber"),
    rows=applied_entries.rows,
    guard=("customerLedgerEntryNumber",),
    guard_message=applied_entries.NO_ENTRY,
    etag=False,
    addressable=False,
    order=("entryNumber",),
    properties=(
        Property("customerLedgerEntryNumber", INT32, editable=False, nullable=False),
        Property("entryNumber", INT32, editable=False, nullable=False),
        Property("id", GUID, editable=False),
        Property("documentType", enum(DocumentType), editable=False),
        Property("documentNumber", code(20), editable=False),
        Property("externalDocumentNumber", code(35), editable=False),
        Property("postingDate", DATE, editable=False),
        Property("dueDate", DATE, editable=False),
        Property("currencyCode", code(10), editable=False),
        Property("amount", DECIMAL, editable=False),
        Property("amountLocalCurrency", DECIMAL, editable=False),
        Property("remainingAmount", DECIMAL, editable=False),
        Property("open", BOOL, editable=False),
    ),
    navigations=(
        Navigation(
            "customerLedgerEntry",
            "customerLedgerEntries",
            many=False,
            on=(("id", "id"),),
        ),
    ),
)
