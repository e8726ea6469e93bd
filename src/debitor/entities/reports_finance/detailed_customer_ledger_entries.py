"""detailedCustomerLedgerEntries: every change of a customer ledger entry, as a query; read only.

Source: BCApps APIFinDtldCustLedgEntry.Query.al.
"""

from debitor.ledger.records import CustomerLedgerEntry, DetailedEntry, DetailedEntryType, DimensionSet
from debitor.schema import (
    DATE,
    DATETIME,
    DECIMAL,
    INT32,
    EntitySet,
    Lookup,
    Property,
    code,
    enum,
    shown,
)

DETAILED_CUSTOMER_LEDGER_ENTRIES = EntitySet(
    name="detailedCustomerLedgerEntries",
    entity="detailedCustomerLedgerEntry",
    record=DetailedEntry,
    lookups={
        "entry": Lookup(CustomerLedgerEntry, via="ledger_entry_number", by="entry_number"),
        "dimensions": Lookup(DimensionSet, via="entry.dimension_set_number", by="number"),
    },
    key=("entryNumber",),
    order=("entryNumber",),
    etag=False,
    addressable=False,
    sortable=False,
    properties=(
        Property("entryNumber", INT32, "entry_number", editable=False, nullable=False),
        shown("entryType", enum(DetailedEntryType), "entry_type"),
        shown("customerNumber", code(20), "customer_number"),
        shown("amount", DECIMAL, "amount"),
        shown("debitAmount", DECIMAL, "debit_amount"),
        shown("creditAmount", DECIMAL, "credit_amount"),
        shown("amountLocalCurrency", DECIMAL, "amount_lcy"),
        shown("debitAmountLocalCurrency", DECIMAL, "debit_amount_lcy"),
        shown("creditAmountLocalCurrency", DECIMAL, "credit_amount_lcy"),
        shown("initialEntryGLobalDim1", code(20), "dimensions.global_dimension_1_value"),
        shown("initialEntryGLobalDim2", code(20), "dimensions.global_dimension_2_value"),
        shown("postingDate", DATE, "posting_date"),
        shown("currencyCode", code(10), "currency_code"),
        shown("lastModifiedDateTime", DATETIME, "modified_at"),
    ),
)
