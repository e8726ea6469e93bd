"""journalLines: the G/L and bank lines of journals. A positive amount debits the account.

Source: BCApps APIV2JournalLines.Page.al.
"""

from debitor.ledger.records import AccountType, DocumentType, JournalBatch, JournalLine
from debitor.operations import journals
from debitor.operations.payments import NO_JOURNAL
from debitor.schema import (
    DATE,
    DATETIME,
    DECIMAL,
    GUID,
    INT32,
    EntitySet,
    Lookup,
    Navigation,
    Property,
    code,
    enum,
    text,
)

JOURNAL_LINES = EntitySet(
    name="journalLines",
    entity="journalLine",
    record=JournalLine,
    lookups={"journal": Lookup(JournalBatch, via="journal_id")},
    where={"document_type": DocumentType.BLANK, "account_type": journals.LINE_ACCOUNTS},
    order=("journalDisplayName", "lineNumber"),
    guard=("journalId", "id"),
    guard_message=NO_JOURNAL.replace("customerPaymentJournals({id})/customerPayments", "journals({id})/journalLines"),
    properties=(
        Property("id", GUID, "id", editable=False, nullable=False),
        Property("journalId", GUID, "journal_id"),
        Property("journalDisplayName", code(None), "journal.name", limit=10),
        Property("lineNumber", INT32, "line_number"),
        Property("accountType", enum(AccountType), "account_type"),
        Property("accountId", GUID, "account_id"),
        Property("accountNumber", code(20), "account_number"),
        Property("postingDate", DATE, "posting_date"),
        Property("documentNumber", code(20), "document_number"),
        Property("externalDocumentNumber", code(35), "external_document_number"),
        Property("amount", DECIMAL, "amount"),
        Property("description", text(100), "description"),
        Property("comment", text(250), "comment"),
        Property("taxCode", code(None), "tax_code", limit=20),
        Property("balanceAccountType", enum(AccountType), "balancing_account_type"),
        Property("balancingAccountId", GUID, "balancing_account_id"),
        Property("balancingAccountNumber", code(20), "balancing_account_number"),
        Property("lastModifiedDateTime", DATETIME, "modified_at", editable=False),
    ),
    navigations=(
        Navigation(
            "journal", "journals", many=False, on=(("journalId", "id"),), kind="partner", partner="journalLines"
        ),
        Navigation("customerPaymentJournal", "customerPaymentJournals", many=False, on=(("journalId", "id"),)),
        Navigation("account", "accounts", many=False, on=(("accountId", "id"),)),
        Navigation(
            "attachments",
            "attachments",
            many=True,
            on=(("id", "parentId"),),
            kind="part",
            partner="journalLine",
            constant={"parentType": "Journal"},
        ),
        Navigation(
            "dimensionSetLines",
            "dimensionSetLines",
            many=True,
            on=(("id", "parentId"),),
            kind="part",
            partner="journalLine",
            constant={"parentType": "Journal_x0020_Line"},
            deep=True,
        ),
    ),
    create=journals.create_line,
    change=journals.change_line,
    remove=journals.remove_line,
)
