"""debitor's own API: everything of v2.0, with debitor's additions; one file per set that is new or has more.

A set that has more is made with `master.extended` from the one of v2.0; a new one is declared as any other.
"""

from collections.abc import Mapping

from debitor.entities import CATALOG
from debitor.entities.receivables.applied_entries import APPLIED_ENTRIES
from debitor.entities.receivables.apply_customer_entries import APPLY_CUSTOMER_ENTRIES
from debitor.entities.receivables.audit_entries import AUDIT_ENTRIES
from debitor.entities.receivables.bank_account_ledger_entries import BANK_ACCOUNT_LEDGER_ENTRIES
from debitor.entities.receivables.companies import COMPANIES
from debitor.entities.receivables.currencies import CURRENCIES
from debitor.entities.receivables.currency_exchange_rates import CURRENCY_EXCHANGE_RATES
from debitor.entities.receivables.customer_ledger_entries import CUSTOMER_LEDGER_ENTRIES
from debitor.entities.receivables.customer_payment_journals import CUSTOMER_PAYMENT_JOURNALS
from debitor.entities.receivables.customer_payments import CUSTOMER_PAYMENTS
from debitor.entities.receivables.customer_posting_groups import CUSTOMER_POSTING_GROUPS
from debitor.entities.receivables.customers import CUSTOMERS
from debitor.entities.receivables.default_dimension_priorities import DEFAULT_DIMENSION_PRIORITIES
from debitor.entities.receivables.detailed_customer_ledger_entries import DETAILED_CUSTOMER_LEDGER_ENTRIES
from debitor.entities.receivables.dimension_combinations import DIMENSION_COMBINATIONS
from debitor.entities.receivables.dimension_set_lines import DIMENSION_SET_LINES
from debitor.entities.receivables.dimension_value_combinations import DIMENSION_VALUE_COMBINATIONS
from debitor.entities.receivables.general_ledger_entries import GENERAL_LEDGER_ENTRIES
from debitor.entities.receivables.general_ledger_registers import GENERAL_LEDGER_REGISTERS
from debitor.entities.receivables.journal_lines import JOURNAL_LINES
from debitor.entities.receivables.journal_templates import JOURNAL_TEMPLATES
from debitor.entities.receivables.journals import JOURNALS
from debitor.entities.receivables.number_series import NUMBER_SERIES
from debitor.entities.receivables.open_customer_ledger_entries import OPEN_CUSTOMER_LEDGER_ENTRIES
from debitor.entities.receivables.reason_codes import REASON_CODES
from debitor.entities.receivables.receivables_setup import RECEIVABLES_SETUP
from debitor.entities.receivables.user_setups import USER_SETUPS
from debitor.schema import EntitySet

RECEIVABLES: Mapping[str, EntitySet] = {
    **CATALOG,
    **{
        of.name: of
        for of in (
            COMPANIES,
            DIMENSION_COMBINATIONS,
            DIMENSION_VALUE_COMBINATIONS,
            DEFAULT_DIMENSION_PRIORITIES,
            APPLY_CUSTOMER_ENTRIES,
            CUSTOMER_PAYMENTS,
            NUMBER_SERIES,
            CUSTOMER_PAYMENT_JOURNALS,
            CUSTOMER_POSTING_GROUPS,
            CUSTOMERS,
            CURRENCIES,
            CURRENCY_EXCHANGE_RATES,
            JOURNAL_TEMPLATES,
            REASON_CODES,
            RECEIVABLES_SETUP,
            USER_SETUPS,
            JOURNALS,
            JOURNAL_LINES,
            GENERAL_LEDGER_ENTRIES,
            CUSTOMER_LEDGER_ENTRIES,
            DETAILED_CUSTOMER_LEDGER_ENTRIES,
            APPLIED_ENTRIES,
            AUDIT_ENTRIES,
            OPEN_CUSTOMER_LEDGER_ENTRIES,
            BANK_ACCOUNT_LEDGER_ENTRIES,
            GENERAL_LEDGER_REGISTERS,
            DIMENSION_SET_LINES,
        )
    },
}
