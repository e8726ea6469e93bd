"""customerFinancialDetails: what each customer owes, in local currency.

Source: BCApps APIV2CustFinancialDetails.Page.al.

Worked example, today 10 March: invoice of 1000 (800 without tax) of January, due 10 February, 300 of it paid today;
invoice of 500 (400 without tax) of today, due in April; payment on account of 50 of 1 March.
balance = 700 + 500 - 50 = 1150; overdueAmount = 700 - 50 = 650 (what falls due today is not overdue);
totalSalesExcludingTax = 800 (today's sales are not in it yet).

Sums run over open entries: what is left of one is the sum of its detailed entries, and closed ones add nothing.
"""

from debitor.ledger.records import Customer, CustomerLedgerEntry
from debitor.schema import DATETIME, DECIMAL, GUID, EntitySet, Navigation, Property, Sum, code

_OURS = {"customer_id": "id"}
_OPEN = {"open": True}

CUSTOMER_FINANCIAL_DETAILS = EntitySet(
    name="customerFinancialDetails",
    entity="customerFinancialDetail",
    record=Customer,
    order=("number",),
    properties=(
        Property("id", GUID, "id", editable=False, nullable=False),
        Property("number", code(20), "number", editable=False),
        Property(
            "balance",
            DECIMAL,
            Sum(CustomerLedgerEntry, "remaining_amount_lcy", on=_OURS, where=_OPEN),
            editable=False,
        ),
        Property(
            "totalSalesExcludingTax",
            DECIMAL,
            Sum(CustomerLedgerEntry, "sales_lcy", on=_OURS, before=("posting_date", "today")),
            editable=False,
        ),
        Property(
            "overdueAmount",
            DECIMAL,
            Sum(CustomerLedgerEntry, "remaining_amount_lcy", on=_OURS, where=_OPEN, before=("due_date", "today")),
            editable=False,
        ),
        Property("lastModifiedDateTime", DATETIME, "modified_at", editable=False),
    ),
    navigations=(
        Navigation(
            "customer",
            "customers",
            many=False,
            on=(("id", "id"),),
            kind="partner",
            partner="customerFinancialDetail",
        ),
    ),
)
