"""Business Central's API microsoft/reportsFinance (beta), for its queries of the customer ledger."""

from collections.abc import Mapping

from debitor.entities.companies import COMPANIES
from debitor.entities.reports_finance.customer_ledger_entries import CUSTOMER_LEDGER_ENTRIES
from debitor.entities.reports_finance.detailed_customer_ledger_entries import DETAILED_CUSTOMER_LEDGER_ENTRIES
from debitor.schema import EntitySet

REPORTS_FINANCE: Mapping[str, EntitySet] = {
    of.name: of for of in (COMPANIES, CUSTOMER_LEDGER_ENTRIES, DETAILED_CUSTOMER_LEDGER_ENTRIES)
}
