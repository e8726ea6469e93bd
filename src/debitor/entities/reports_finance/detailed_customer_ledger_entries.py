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
        _read("entryType", enum(DetailedEntryType), "entry_type"),
        _read("customerNumber", code(20), "customer_number"),
        _read("amount", DECIMAL, "amount"),
        _read("debitAmount", DECIMAL, "debit_amount"),
        _read("creditAmount", DECIMAL, "credit_amount"),
        _read("amountLocalCurrency", DECIMAL, "amount_lcy"),
        _read("debitAmountLocalCurrency", DECIMAL, "debit_amount_lcy"),
        _read("creditAmountLocalCurrency", DECIMAL, "credit_amount_lcy"),
        _read("initialEntryGLobalDim1", code(20), "dimensions.global_dimension_1_value"),
        _read("initialEntryGLobalDim2", code(20), "dimensions.global_dimension_2_value"),
        _read("postingDate", DATE, "posting_date"),
        _read("currencyCode", code(10), "currency_code"),
        _read("lastModifiedDateTime", DATETIME, "modified_at"),
    ),
)
