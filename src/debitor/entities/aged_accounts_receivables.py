"""agedAccountsReceivables: what customers owe by how long it is due, computed. Source: BCApps APIV2AgedAR.Page.al.

`$filter=agedAsOfDate eq 2025-03-10 and periodLengthFilter eq '1M'` says as of when, and how long a period is.
"""

from debitor.ledger.records import Customer, CustomerLedgerEntry
from debitor.operations.reports import aged_receivables
from debitor.schema import DATE, DECIMAL, GUID, EntitySet, Follow, Navigation, Property, code, text

AGED_ACCOUNTS_RECEIVABLES = EntitySet(
    name="agedAccountsReceivables",
    entity="agedAccountsReceivable",
    key=("customerId",),
    rows=aged_receivables,
    properties=(
        Property("customerId", GUID, editable=False, nullable=False),
        Property("customerNumber", code(20), editable=False),
        Property("name", text(100), editable=False),
        Property("currencyCode", code(10), editable=False),
        Property("balanceDue", DECIMAL, editable=False),
        Property("currentAmount", DECIMAL, editable=False),
        Property("period1Label", text(30), editable=False),
        Property("period1Amount", DECIMAL, editable=False),
        Property("period2Label", text(30), editable=False),
        Property("period2Amount", DECIMAL, editable=False),
        Property("period3Label", text(30), editable=False),
        Property("period3Amount", DECIMAL, editable=False),
        Property("agedAsOfDate", DATE, editable=False, input="value"),
        Property("periodLengthFilter", text(10), editable=False, input="value"),
    ),
    navigations=(
        Navigation(
            "customer",
            "customers",
            many=False,
            on=(("customerId", "id"),),
            kind="partner",
            partner="agedAccountsReceivable",
        ),
    ),
    # A change of one row changes the total too, so that only the set as a whole can be followed: two ways lead in.
    follows=(Follow(CustomerLedgerEntry, "customer_id", "customerId"), Follow(Customer, "number", "customerNumber")),
)
