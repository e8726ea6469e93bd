"""detailedCustomerLedgerEntries: every change of a customer ledger entry; what remains of it is the sum of them.

The list only grows, in the order of `entryNumber`: ask for those after the last one known to follow it.
"""

from debitor.ledger.records import DetailedEntry, DetailedEntryType, DocumentType
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
)

DETAILED_CUSTOMER_LEDGER_ENTRIES = EntitySet(
    name="detailedCustomerLedgerEntries",
    entity="detailedCustomerLedgerEntry",
    record=DetailedEntry,
    order=("entryNumber",),
    properties=(
        Property("id", GUID, "id", editable=False, nullable=False),
        shown("entryNumber", INT32, "entry_number"),
        shown("customerLedgerEntryNumber", INT32, "ledger_entry_number"),
        shown("entryType", enum(DetailedEntryType), "entry_type"),
        shown("postingDate", DATE, "posting_date"),
        shown("documentType", enum(DocumentType), "document_type"),
        shown("documentNumber", code(20), "document_number"),
        shown("customerNumber", code(20), "customer_number"),
        shown("currencyCode", code(10), "currency_code"),
        shown("amount", DECIMAL, "amount"),
        shown("amountLocalCurrency", DECIMAL, "amount_lcy"),
        shown("debitAmount", DECIMAL, "debit_amount"),
        shown("creditAmount", DECIMAL, "credit_amount"),
        shown("debitAmountLocalCurrency", DECIMAL, "debit_amount_lcy"),
        shown("creditAmountLocalCurrency", DECIMAL, "credit_amount_lcy"),
        shown("appliedCustomerLedgerEntryNumber", INT32, "applied_ledger_entry_number"),
        shown("unapplied", BOOL, "unapplied"),
        shown("unappliedByEntryNumber", INT32, "unapplied_by_entry_number"),
        shown("transactionNumber", INT32, "transaction_number"),
        shown("applicationNumber", INT32, "application_number"),
        shown("initialEntryDueDate", DATE, "initial_due_date"),
        shown("initialDocumentType", enum(DocumentType), "initial_document_type"),
        shown("userId", code(50), "user_id"),
        shown("lastModifiedDateTime", DATETIME, "modified_at"),
    ),
    navigations=(
        Navigation(
            "customerLedgerEntry",
            "customerLedgerEntries",
            many=False,
            on=(("customerLedgerEntryNumber", "entryNumber"),),
            kind="partner",
            partner="detailedCustomerLedgerEntries",
        ),
    ),
)
