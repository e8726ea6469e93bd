"""customerLedgerEntries: posted invoices, payments, credit memos and refunds of customers, as a query; read only.

Entities of a query have no tag in Business Central and cannot be addressed one by one. `yourReference` is blank: no
document of the API v2.0 carries one. Source: BCApps APIFinCustLedgEntry.Query.al.
"""

from debitor.entities.detailed_sums import of_details
from debitor.ledger.records import AccountType, CustomerLedgerEntry, DocumentType
from debitor.schema import (
    BOOL,
    DATE,
    DATETIME,
    DECIMAL,
    INT32,
    Constant,
    EntitySet,
    Property,
    code,
    enum,
    shown,
    text,
)

CUSTOMER_LEDGER_ENTRIES = EntitySet(
    name="customerLedgerEntries",
    entity="customerLedgerEntry",
    record=CustomerLedgerEntry,
    key=("entryNumber",),
    order=("entryNumber",),
    etag=False,
    addressable=False,
    sortable=False,
    properties=(
        Property("entryNumber", INT32, "entry_number", editable=False, nullable=False),
        shown("documentType", enum(DocumentType), "document_type"),
        shown("description", text(100), "description"),
        shown("postingDate", DATE, "posting_date"),
        shown("documentNumber", code(20), "document_number"),
        shown("externalDocumentNumber", code(35), "external_document_number"),
        shown("balancingAccountNumber", code(20), "balancing_account_number"),
        shown("balancingAccountType", enum(AccountType), "balancing_account_type"),
        shown("customerNumber", code(20), "customer_number"),
        shown("open", BOOL, "open"),
        shown("amount", DECIMAL, "amount"),
        shown("debitAmount", DECIMAL, of_details("debit_amount")),
        shown("creditAmount", DECIMAL, of_details("credit_amount")),
        shown("amountLocalCurrency", DECIMAL, "amount_lcy"),
        shown("dimensionSetID", INT32, "dimension_set_number"),
        shown("debitAmountLocalCurrency", DECIMAL, of_details("debit_amount_lcy")),
        shown("creditAmountLocalCurrency", DECIMAL, of_details("credit_amount_lcy")),
        shown("currencyCode", code(10), "currency_code"),
        shown("yourReference", text(35), Constant("")),
        shown("lastModifiedDateTime", DATETIME, "modified_at"),
    ),
)
