"""bankAccountLedgerEntries: money into (positive) and out of bank accounts, in their currency; read only."""

from debitor.ledger.records import AccountType, BankAccountLedgerEntry, DocumentType
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


def _read(name: str, type: Type, source: str) -> Property:
    return Property(name, type, source, editable=False)


BANK_ACCOUNT_LEDGER_ENTRIES = EntitySet(
    name="bankAccountLedgerEntries",
    entity="bankAccountLedgerEntry",
    record=BankAccountLedgerEntry,
    order=("entryNumber",),
    properties=(
        Property("id", GUID, "id", editable=False, nullable=False),
        _read("entryNumber", INT32, "entry_number"),
        _read("bankAccountId", GUID, "bank_account_id"),
        _read("bankAccountNumber", code(20), "bank_account_number"),
        _read("postingDate", DATE, "posting_date"),
        _read("documentDate", DATE, "document_date"),
        _read("documentType", enum(DocumentType), "document_type"),
        _read("documentNumber", code(20), "document_number"),
        _read("externalDocumentNumber", code(35), "external_document_number"),
        _read("description", text(100), "description"),
        _read("currencyCode", code(10), "currency_code"),
        _read("amount", DECIMAL, "amount"),
        _read("amountLocalCurrency", DECIMAL, "amount_lcy"),
        _read("remainingAmount", DECIMAL, "remaining_amount"),
        _read("open", BOOL, "open"),
        _read("balancingAccountType", enum(AccountType), "balancing_account_type"),
        _read("balancingAccountNumber", code(20), "balancing_account_number"),
        _read("transactionNumber", INT32, "transaction_number"),
        _read("reversed", BOOL, "reversed"),
        _read("reversedByEntryNumber", INT32, "reversed_by_entry_number"),
        _read("reversedEntryNumber", INT32, "reversed_entry_number"),
        _read("dimensionSetId", INT32, "dimension_set_number"),
        _read("sourceCode", code(10), "source_code"),
        _read("reasonCode", code(10), "reason_code"),
        _read("journalBatchName", code(10), "journal_batch_name"),
        _read("userId", code(50), "user_id"),
        _read("lastModifiedDateTime", DATETIME, "modified_at"),
    ),
    navigations=(
        Navigation("bankAccount", "bankAccounts", many=False, on=(("bankAccountId", "id"),)),
        Navigation(
            "generalLedgerEntries",
            "generalLedgerEntries",
            many=True,
            on=(("transactionNumber", "transactionNumber"),),
        ),
    ),
)
