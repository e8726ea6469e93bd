"""accounts: the chart of accounts, read only. Source: BCApps APIV2Accounts.Page.al.

`netChange` sums the entries of the account itself, or those of the accounts that it totals; headings show 0.
"""

from debitor.ledger.records import Account, GeneralLedgerEntry, GLAccountCategory, GLAccountType
from debitor.schema import BOOL, DATETIME, DECIMAL, GUID, EntitySet, Navigation, Property, Sum, code, enum, text

ACCOUNTS = EntitySet(
    name="accounts",
    entity="account",
    record=Account,
    order=("number",),
    properties=(
        Property("id", GUID, "id", editable=False, nullable=False),
        Property("number", code(20), "number", editable=False, nullable=False),
        Property("displayName", text(100), "name", editable=False),
        Property("category", enum(GLAccountCategory), "category", editable=False),
        Property("subCategory", text(80), "sub_category", editable=False),
        Property("blocked", BOOL, "blocked", editable=False),
        Property("accountType", enum(GLAccountType), "account_type", editable=False),
        Property("directPosting", BOOL, "direct_posting", editable=False),
        Property(
            "netChange",
            DECIMAL,
            Sum(
                GeneralLedgerEntry,
                "amount",
                on={"account_number": "number"},
                totaling=("account_number", "totaling"),
            ),
            editable=False,
        ),
        Property(
            "consolidationTranslationMethod",
            text(),
            "consolidation_translation_method",
            editable=False,
            language_dependent=True,
        ),
        Property("consolidationDebitAccount", code(20), "consolidation_debit_account", editable=False),
        Property("consolidationCreditAccount", code(20), "consolidation_credit_account", editable=False),
        Property("excludeFromConsolidation", BOOL, "exclude_from_consolidation", editable=False),
        Property("lastModifiedDateTime", DATETIME, "modified_at", editable=False),
    ),
    navigations=(
        Navigation(
            "trialBalance", "trialBalances", many=False, on=(("id", "accountId"),), kind="partner", partner="account"
        ),
    ),
)
