"""What the API shows: one declarative file per entity set, all of them in CATALOG.

The order is that of Business Central's own `$metadata`.
"""

from collections.abc import Mapping

from debitor.entities.accounting_periods import ACCOUNTING_PERIODS
from debitor.entities.accounts import ACCOUNTS
from debitor.entities.aged_accounts_receivables import AGED_ACCOUNTS_RECEIVABLES
from debitor.entities.attachments import ATTACHMENTS
from debitor.entities.bank_accounts import BANK_ACCOUNTS
from debitor.entities.companies import COMPANIES
from debitor.entities.company_information import COMPANY_INFORMATION
from debitor.entities.contacts import CONTACTS
from debitor.entities.contacts_information import CONTACTS_INFORMATION
from debitor.entities.countries_regions import COUNTRIES_REGIONS
from debitor.entities.currencies import CURRENCIES
from debitor.entities.currency_exchange_rates import CURRENCY_EXCHANGE_RATES
from debitor.entities.customer_contacts import CUSTOMER_CONTACTS
from debitor.entities.customer_financial_details import CUSTOMER_FINANCIAL_DETAILS
from debitor.entities.customer_payment_journals import CUSTOMER_PAYMENT_JOURNALS
from debitor.entities.customer_payments import CUSTOMER_PAYMENTS
from debitor.entities.customer_sales import CUSTOMER_SALES
from debitor.entities.customers import CUSTOMERS
from debitor.entities.default_dimensions import DEFAULT_DIMENSIONS
from debitor.entities.dimension_set_lines import DIMENSION_SET_LINES
from debitor.entities.dimension_values import DIMENSION_VALUES
from debitor.entities.dimensions import DIMENSIONS
from debitor.entities.dispute_status import DISPUTE_STATUS
from debitor.entities.document_attachments import DOCUMENT_ATTACHMENTS
from debitor.entities.general_ledger_entries import GENERAL_LEDGER_ENTRIES
from debitor.entities.general_ledger_setup import GENERAL_LEDGER_SETUP
from debitor.entities.general_product_posting_groups import GENERAL_PRODUCT_POSTING_GROUPS
from debitor.entities.inventory_posting_groups import INVENTORY_POSTING_GROUPS
from debitor.entities.item_categories import ITEM_CATEGORIES
from debitor.entities.items import ITEMS
from debitor.entities.journal_lines import JOURNAL_LINES
from debitor.entities.journals import JOURNALS
from debitor.entities.payment_methods import PAYMENT_METHODS
from debitor.entities.payment_terms import PAYMENT_TERMS
from debitor.entities.pdf_document import PDF_DOCUMENT
from debitor.entities.sales_credit_memo_lines import SALES_CREDIT_MEMO_LINES
from debitor.entities.sales_credit_memos import SALES_CREDIT_MEMOS
from debitor.entities.sales_invoice_lines import SALES_INVOICE_LINES
from debitor.entities.sales_invoices import SALES_INVOICES
from debitor.entities.salespeople_purchasers import SALESPEOPLE_PURCHASERS
from debitor.entities.shipment_methods import SHIPMENT_METHODS
from debitor.entities.subscriptions import SUBSCRIPTIONS
from debitor.entities.tax_areas import TAX_AREAS
from debitor.entities.tax_groups import TAX_GROUPS
from debitor.entities.trial_balances import TRIAL_BALANCES
from debitor.entities.units_of_measure import UNITS_OF_MEASURE
from debitor.schema import EntitySet

CATALOG: Mapping[str, EntitySet] = {
    entity_set.name: entity_set
    for entity_set in (
        COMPANIES,
        SUBSCRIPTIONS,
        ITEMS,
        INVENTORY_POSTING_GROUPS,
        GENERAL_PRODUCT_POSTING_GROUPS,
        UNITS_OF_MEASURE,
        DEFAULT_DIMENSIONS,
        DOCUMENT_ATTACHMENTS,
        CUSTOMERS,
        CUSTOMER_FINANCIAL_DETAILS,
        AGED_ACCOUNTS_RECEIVABLES,
        CONTACTS_INFORMATION,
        CONTACTS,
        COMPANY_INFORMATION,
        SALES_INVOICES,
        DIMENSION_SET_LINES,
        SALES_INVOICE_LINES,
        PDF_DOCUMENT,
        ATTACHMENTS,
        SALES_CREDIT_MEMOS,
        SALES_CREDIT_MEMO_LINES,
        CUSTOMER_PAYMENT_JOURNALS,
        CUSTOMER_PAYMENTS,
        ACCOUNTS,
        TAX_GROUPS,
        JOURNALS,
        JOURNAL_LINES,
        GENERAL_LEDGER_ENTRIES,
        CURRENCIES,
        PAYMENT_METHODS,
        DIMENSIONS,
        DIMENSION_VALUES,
        PAYMENT_TERMS,
        SHIPMENT_METHODS,
        ITEM_CATEGORIES,
        COUNTRIES_REGIONS,
        TRIAL_BALANCES,
        TAX_AREAS,
        BANK_ACCOUNTS,
        SALESPEOPLE_PURCHASERS,
        CURRENCY_EXCHANGE_RATES,
        ACCOUNTING_PERIODS,
        GENERAL_LEDGER_SETUP,
        DISPUTE_STATUS,
        CUSTOMER_CONTACTS,
        CUSTOMER_SALES,
    )
}
