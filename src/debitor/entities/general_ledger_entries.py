"""generalLedgerEntries: debits and credits of accounts, read only. Source: BCApps APIV2GLEntries.Page.al."""

from debitor.ledger.records import DocumentType, GeneralLedgerEntry
from debitor.schema import DATE, DATETIME, DECIMAL, GUID, INT32, EntitySet, Navigation, Property, code, enum, text

GENERAL_LEDGER_ENTRIES = EntitySet(
    name="generalLedgerEntries",
    entity="generalLedgerEntry",
    record=GeneralLedgerEntry,
    order=("entryNumber",),
    properties=(
        Property("id", GUID, "id", editable=False, nullable=False),
        Property("entryNumber", INT32, "entry_number", editable=False),
        Property("postingDate", DATE, "posting_date", editable=False),
        Property("documentNumber", code(20), "document_number", editable=False),
        Property("documentType", enum(DocumentType), "document_type", editable=False),
        Property("accountId", GUID, "account_id", editable=False),
        Property("accountNumber", code(20), "account_number", editable=False),
        Property("description", text(100), "description", editable=False),
        Property("debitAmount", DECIMAL, "debit_amount", editable=False),
        Property("creditAmount", DECIMAL, "credit_amount", editable=False),
        Property("additionalCurrencyDebitAmount", DECIMAL, "additional_currency_debit_amount", editable=False),
        Property("additionalCurrencyCreditAmount", DECIMAL, "additional_currency_credit_amount", editable=False),
        Property("lastModifiedDateTime", DATETIME, "modified_at", editable=False),
    ),
    navigations=(
        Navigation("account", "accounts", many=False, on=(("accountId", "id"),)),
        Navigation(
            "attachments",
            "attachments",
            many=True,
            on=(("id", "parentId"),),
            kind="part",
            partner="generalLedgerEntry",
            constant={"parentType": "Journal"},
        ),
        Navigation(
            "dimensionSetLines",
            "dimensionSetLines",
            many=True,
            on=(("id", "parentId"),),
            kind="part",
            partner="generalLedgerEntry",
            constant={"parentType": "General_x0020_Ledger_x0020_Entry"},
        ),
    ),
)
