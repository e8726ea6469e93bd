"""accountingPeriods: the months of the fiscal years, read only. Source: BCApps APIV2AccountingPeriods.Page.al.

`newFiscalYear` marks the first month of a year. A closed period refuses no posting: `generalLedgerSetup` says which
dates may be posted.
"""

from debitor.operations.master_records import AccountingPeriod
from debitor.schema import BOOL, DATE, DATETIME, GUID, EntitySet, Property, text

ACCOUNTING_PERIODS = EntitySet(
    name="accountingPeriods",
    entity="accountingPeriod",
    record=AccountingPeriod,
    order=("startingDate",),
    properties=(
        Property("id", GUID, "id", editable=False, nullable=False),
        Property("startingDate", DATE, "starting_date", editable=False, nullable=False),
        Property("name", text(10), "name", editable=False),
        Property("newFiscalYear", BOOL, "new_fiscal_year", editable=False),
        Property("closed", BOOL, "closed", editable=False),
        Property("dateLocked", BOOL, "date_locked", editable=False),
        Property("lastModifiedDateTime", DATETIME, "modified_at", editable=False),
    ),
)
