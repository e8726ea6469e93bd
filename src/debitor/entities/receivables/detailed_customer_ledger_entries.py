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
    Type,
    code,
    enum,
)


def _read(name: str, type: Type, source: str) -> Property:
    return Property(name, type, source, editable=False)


DETAILED_CUSTOMER_LEDGER_ENTRIES = EntitySet(
    name="detailedCustomerLedgerEntries",
    entity="detailedCustomerLedgerEntry",
    record=DetailedEntry,
    order=("entryNumber",),
    properties=(
        Property("id", GUID, "id", editable=False, nullable=False),
        _read("entryNumber", INT32, "entry_number"),
        _read("customerLedgerEntryNumber", INT32, "ledger_entry_number"),
        _read("entryType", enum(DetailedEntryType), "entry_type"),
        _read("postingDate", DATE, "posting_date"),
        _read("documentType", enum(DocumentType), "document_type"),
        _read("documentNumber", code(20), "document_number"),
        _read("customerNumber", code(20), "customer_number"),
        _read("currencyCode", code(10), "currency_code"),
        _read("amount", DECIMAL, "amount"),
        _read("amountLocalCurrency", DECIMAL, "amount_lcy"),
        _read("debitAmount", DECIMAL, "debit_amount"),
        _read("creditAmount", DECIMAL, "credit_amount"),
        _read("debitAmountLocalCurrency", DECIMAL, "debit_amount_lcy"),
        _read("creditAmountLocalCurrency", DECIMAL, "credit_amount_lcy"),
        _read("appliedCustomerLedgerEntryNumber", INT32, "applied_ledger_entry_number"),
        _read("unapplied", BOOL, "unapplied"),
        _read("unappliedByEntryNumber", INT32, "unapplied_by_entry_number"),
        _read("transactionNumber", INT32, "transaction_number"),
        _read("applicationNumber", INT32, "application_number"),
        _read("initialEntryDueDate", DATE, "initial_due_date"),
        _read("initialDocumentType", enum(DocumentType), "initial_document_type"),
        _read("userId", code(50), "user_id"),
        _read("lastModifiedDateTime", DATETIME, "modified_at"),
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
