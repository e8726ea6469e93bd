"""generalLedgerSetup: local currency, posting dates and shortcut dimensions, one row, read only.

There is no additional reporting currency, and the first two shortcut dimensions are the global ones. Source: BCApps
APIV2GLSetup.Page.al.
"""

from debitor.ledger.records import ReceivablesSetup
from debitor.schema import BOOL, DATE, DATETIME, GUID, Constant, EntitySet, Property, code, text

GENERAL_LEDGER_SETUP = EntitySet(
    name="generalLedgerSetup",
    entity="generalLedgerSetup",
    record=ReceivablesSetup,
    single=True,
    properties=(
        Property("id", GUID, "id", editable=False, nullable=False),
        Property("allowPostingFrom", DATE, "allow_posting_from", editable=False),
        Property("allowPostingTo", DATE, "allow_posting_to", editable=False),
        Property("additionalReportingCurrency", code(10), Constant(""), editable=False),
        Property("localCurrencyCode", code(10), "local_currency_code", editable=False),
        Property("localCurrencySymbol", text(10), "local_currency_symbol", editable=False),
        Property("lastModifiedDateTime", DATETIME, "modified_at", editable=False),
        Property("allowQueryFromConsolidation", BOOL, Constant(False), editable=False),
        Property("shortcutDimension1Code", code(20), "global_dimension_1", editable=False),
        Property("shortcutDimension2Code", code(20), "global_dimension_2", editable=False),
        *(
            Property(f"shortcutDimension{number}Code", code(20), Constant(""), editable=False)
            for number in range(3, 9)
        ),
    ),
)
