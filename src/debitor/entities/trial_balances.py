"""trialBalances: debits, credits and balances of every account, computed. Source: BCApps APIV2TrialBalance.Page.al.

`$filter=dateFilter ge 2025-01-01 and dateFilter le 2025-03-31` says for which period; without, it is today alone.
Amounts are texts, as in Business Central: `1234.50`, without a sign; headings show none.
"""

from debitor.ledger.records import Account, GeneralLedgerEntry, GLAccountType
from debitor.operations.reports import trial_balance
from debitor.schema import DATE, GUID, EntitySet, Follow, Navigation, Property, code, enum, text

TRIAL_BALANCES = EntitySet(
    name="trialBalances",
    entity="trialBalance",
    key=("accountId",),
    order=("number",),
    rows=trial_balance,
    properties=(
        Property("number", code(20), editable=False),
        Property("accountId", GUID, editable=False, nullable=False),
        Property("accountType", enum(GLAccountType), editable=False),
        Property("display", text(100), editable=False),
        Property("totalDebit", text(30), editable=False),
        Property("totalCredit", text(30), editable=False),
        Property("balanceAtDateDebit", text(30), editable=False),
        Property("balanceAtDateCredit", text(30), editable=False),
        Property("dateFilter", DATE, editable=False, input="range"),
    ),
    navigations=(Navigation("account", "accounts", many=False, on=(("accountId", "id"),), partner="trialBalance"),),
    # A change of one account changes its totals too, so that only the set as a whole can be followed.
    follows=(Follow(GeneralLedgerEntry, "account_id", "accountId"), Follow(Account, "number", "number")),
)
