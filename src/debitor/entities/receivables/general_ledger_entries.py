"""generalLedgerEntries: debits and credits of accounts, with what else posting wrote of them."""

from debitor.entities.general_ledger_entries import GENERAL_LEDGER_ENTRIES as V2
from debitor.entities.master import extended
from debitor.ledger.records import AccountType
from debitor.schema import BOOL, DATE, DECIMAL, INT32, INT64, Property, Type, code, enum


def _read(name: str, type: Type, source: str) -> Property:
    return Property(name, type, source, editable=False)


GENERAL_LEDGER_ENTRIES = extended(
    V2,
    properties=(
        _read("amount", DECIMAL, "amount"),
        _read("taxAmount", DECIMAL, "tax_amount"),
        _read("transactionNumber", INT32, "transaction_number"),
        _read("registerNumber", INT64, "register_number"),
        _read("documentDate", DATE, "document_date"),
        _read("externalDocumentNumber", code(35), "external_document_number"),
        _read("balancingAccountType", enum(AccountType), "balancing_account_type"),
        _read("balancingAccountNumber", code(20), "balancing_account_number"),
        _read("sourceType", enum(AccountType), "source_type"),
        _read("sourceNumber", code(20), "source_number"),
        _read("dimensionSetId", INT32, "dimension_set_number"),
        _read("sourceCode", code(10), "source_code"),
        _read("reasonCode", code(10), "reason_code"),
        _read("journalBatchName", code(10), "journal_batch_name"),
        _read("reversed", BOOL, "reversed"),
        _read("reversedByEntryNumber", INT32, "reversed_by_entry_number"),
        _read("reversedEntryNumber", INT32, "reversed_entry_number"),
        _read("userId", code(50), "user_id"),
    ),
)
