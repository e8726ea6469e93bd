"""generalLedgerEntries: debits and credits of accounts, with what else posting wrote of them."""

from debitor.entities.general_ledger_entries import GENERAL_LEDGER_ENTRIES as V2
from debitor.entities.master import extended
from debitor.ledger.records import AccountType
from debitor.schema import BOOL, DATE, DECIMAL, INT32, INT64, code, enum, shown

GENERAL_LEDGER_ENTRIES = extended(
    V2,
    properties=(
        shown("amount", DECIMAL, "amount"),
        shown("taxAmount", DECIMAL, "tax_amount"),
        shown("transactionNumber", INT32, "transaction_number"),
        shown("registerNumber", INT64, "register_number"),
        shown("documentDate", DATE, "document_date"),
        shown("externalDocumentNumber", code(35), "external_document_number"),
        shown("balancingAccountType", enum(AccountType), "balancing_account_type"),
        shown("balancingAccountNumber", code(20), "balancing_account_number"),
        shown("sourceType", enum(AccountType), "source_type"),
        shown("sourceNumber", code(20), "source_number"),
        shown("dimensionSetId", INT32, "dimension_set_number"),
        shown("sourceCode", code(10), "source_code"),
        shown("reasonCode", code(10), "reason_code"),
        shown("journalBatchName", code(10), "journal_batch_name"),
        shown("reversed", BOOL, "reversed"),
        shown("reversedByEntryNumber", INT32, "reversed_by_entry_number"),
        shown("reversedEntryNumber", INT32, "reversed_entry_number"),
        shown("userId", code(50), "user_id"),
    ),
)
