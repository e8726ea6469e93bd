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
    Sum,
    Type,
    code,
    enum,
    text,
)


def _read(name: str, type: Type, source: str | Sum | Constant) -> Property:
    return Property(name, type, source, editable=False)


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
        _read("documentType", enum(DocumentType), "document_type"),
        _read("description", text(100), "description"),
        _read("postingDate", DATE, "posting_date"),
        _read("documentNumber", code(20), "document_number"),
        _read("externalDocumentNumber", code(35), "external_document_number"),
        _read("balancingAccountNumber", code(20), "balancing_account_number"),
        _read("balancingAccountType", enum(AccountType), "balancing_account_type"),
        _read("customerNumber", code(20), "customer_number"),
        _read("open", BOOL, "open"),
        _read("amount", DECIMAL, "amount"),
        _read("debitAmount", DECIMAL, of_details("debit_amount")),
        _read("creditAmount", DECIMAL, of_details("credit_amount")),
        _read("amountLocalCurrency", DECIMAL, "amount_lcy"),
        _read("dimensionSetID", INT32, "dimension_set_number"),
        _read("debitAmountLocalCurrency", DECIMAL, of_details("debit_amount_lcy")),
        _read("creditAmountLocalCurrency", DECIMAL, of_details("credit_amount_lcy")),
        _read("currencyCode", code(10), "currency_code"),
        _read("yourReference", text(35), Constant("")),
        _read("lastModifiedDateTime", DATETIME, "modified_at"),
    ),
)
