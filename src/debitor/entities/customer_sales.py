"""customerSales: what was sold to each customer, computed. Source: BCApps APIV2CustomerSales.Query.al.

In Business Central this is a query: its rows are known by all their columns that are no sums, have no tag, cannot be
addressed and cannot be sorted. `$filter=dateFilter_FilterOnly ge 2025-01-01` holds it to posting dates.
"""

from debitor.ledger.records import Customer, CustomerLedgerEntry
from debitor.operations.reports import customer_sales
from debitor.schema import DATE, DECIMAL, GUID, EntitySet, Follow, Property, code, text

CUSTOMER_SALES = EntitySet(
    name="customerSales",
    entity="customerSale",
    key=("customerId", "customerNumber", "name"),
    order=("customerNumber",),
    rows=customer_sales,
    etag=False,
    sortable=False,
    addressable=False,
    properties=(
        Property("customerId", GUID, editable=False, nullable=False),
        Property("customerNumber", code(20), editable=False, nullable=False),
        Property("name", text(100), editable=False, nullable=False),
        Property("totalSalesAmount", DECIMAL, editable=False),
        Property("dateFilter_FilterOnly", DATE, editable=False, filter_only=True, input="range"),
        # The name that the documentation uses.
        Property("dateFilter", DATE, editable=False, filter_only=True, hidden=True, input="range"),
    ),
    follows=(Follow(CustomerLedgerEntry, "customer_id", "customerId"), Follow(Customer, "id", "customerId")),
)
