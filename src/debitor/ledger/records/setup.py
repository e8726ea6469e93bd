"""The set-up and the master records: company, accounts, currencies, number series, dimensions, customers, items."""

from __future__ import annotations

from decimal import Decimal

from debitor.ledger.records.enums import (
    AccountType,
    ApplicationMethod,
    ContactType,
    CurrencyApplication,
    CustomerBlocked,
    GLAccountCategory,
    GLAccountType,
    ItemType,
    PostingValidation,
    RoundingDirection,
    TaxType,
    TolerancePosting,
)
from debitor.schema import (
    BLANK_DATE,
    BLANK_GUID,
    Amount,
    Code10,
    Code20,
    Code50,
    Day,
    Flag,
    Formula,
    Guid,
    Int,
    LongText,
    Rate,
    Row,
    Text5,
    Text10,
    Text30,
    Text50,
    Text80,
    Text100,
    Text250,
    Text255,
    Timestamp,
    record,
)

ZERO = Decimal(0)


@record("company", unique=(("key",), ("name",)), by_company=False)
class Company(Row, frozen=True):
    """One set of books. `key` is what all other rows carry."""

    key: Int
    name: Text30
    display_name: Text250 = ""
    business_profile_id: Text250 = ""
    created_at: Timestamp = "0001-01-01T00:00:00.000Z"


@record("receivables_setup", kept=True)
class ReceivablesSetup(Row, frozen=True):
    """General ledger and receivables set-up; one row.

    `invoice_rounding`: totals of documents are rounded to a multiple of `invoice_rounding_precision` (local currency)
    or of the currency's. `emu_currency`: the local currency belongs to the economic and monetary union.
    `write_off_limit`: the largest rest of an entry (in local currency) that may be written off; 0 allows none.
    """

    local_currency_code: Code10 = ""
    local_currency_symbol: Text10 = ""
    amount_rounding_precision: Amount = Decimal("0.01")
    unit_amount_rounding_precision: Amount = Decimal("0.00001")
    application_rounding_precision: Amount = ZERO
    invoice_rounding: Flag = False
    invoice_rounding_precision: Amount = Decimal("0.01")
    invoice_rounding_type: RoundingDirection = RoundingDirection.NEAREST
    emu_currency: Flag = False
    allow_posting_from: Day = BLANK_DATE
    allow_posting_to: Day = BLANK_DATE
    payment_discount_grace_period: Formula = ""
    payment_tolerance_percent: Amount = ZERO
    maximum_payment_tolerance_amount: Amount = ZERO
    payment_tolerance_posting: TolerancePosting = TolerancePosting.PAYMENT_TOLERANCE_ACCOUNTS
    payment_discount_tolerance_posting: TolerancePosting = TolerancePosting.PAYMENT_DISCOUNT_ACCOUNTS
    payment_tolerance_warning: Flag = False
    payment_discount_tolerance_warning: Flag = False
    payment_discount_excludes_tax: Flag = False
    application_between_currencies: CurrencyApplication = CurrencyApplication.ALL
    customer_numbers: Code20 = ""
    item_numbers: Code20 = ""
    contact_numbers: Code20 = ""
    sales_invoice_numbers: Code20 = ""
    posted_sales_invoice_numbers: Code20 = ""
    credit_memo_numbers: Code20 = ""
    posted_credit_memo_numbers: Code20 = ""
    payment_numbers: Code20 = ""
    default_customer_posting_group: Code20 = ""
    default_payment_journal_id: Guid = BLANK_GUID
    payment_template: Code10 = ""
    general_template: Code10 = ""
    sales_source_code: Code10 = "SALES"
    exchange_rate_adjustment_source_code: Code10 = "EXCHRATADJ"
    application_source_code: Code10 = "SALESAPPL"
    unapplication_source_code: Code10 = "UNAPPSALES"
    reversal_source_code: Code10 = "REVERSAL"
    write_off_limit: Amount = ZERO
    global_dimension_1: Code20 = ""
    global_dimension_2: Code20 = ""


@record("account", unique=(("number",),), kept=True)
class Account(Row, frozen=True):
    """A line of the chart of accounts (G/L Account)."""

    number: Code20
    name: Text100 = ""
    category: GLAccountCategory = GLAccountCategory.BLANK
    sub_category: Text80 = ""
    blocked: Flag = False
    account_type: GLAccountType = GLAccountType.POSTING
    direct_posting: Flag = True
    totaling: Text250 = ""
    consolidation_translation_method: Text50 = "Average Rate (Manual)"
    consolidation_debit_account: Code20 = ""
    consolidation_credit_account: Code20 = ""
    exclude_from_consolidation: Flag = False


@record("customer_posting_group", unique=(("code",),), kept=True)
class CustomerPostingGroup(Row, frozen=True):
    """The general ledger accounts (numbers) that a customer's entries go to."""

    code: Code20
    description: Text100 = ""
    receivables_account: Code20 = ""
    payment_discount_debit_account: Code20 = ""
    payment_discount_credit_account: Code20 = ""
    payment_tolerance_debit_account: Code20 = ""
    payment_tolerance_credit_account: Code20 = ""
    debit_rounding_account: Code20 = ""
    credit_rounding_account: Code20 = ""
    application_rounding_debit_account: Code20 = ""
    application_rounding_credit_account: Code20 = ""
    invoice_rounding_account: Code20 = ""
    write_off_account: Code20 = ""
    additional_fee_account: Code20 = ""


@record("general_product_posting_group", unique=(("code",),), kept=True)
class GeneralProductPostingGroup(Row, frozen=True):
    """What is sold, and the account its sales go to."""

    code: Code20
    description: Text100 = ""
    sales_account: Code20 = ""
    sales_credit_memo_account: Code20 = ""
    default_tax_group: Code20 = ""
    auto_insert_default: Flag = True


@record("tax_group", unique=(("code",),), kept=True)
class TaxGroup(Row, frozen=True):
    """A tax rate (percent) and the account the tax is owed on."""

    code: Code20
    description: Text100 = ""
    tax_type: TaxType = TaxType.VAT
    percent: Amount = ZERO
    tax_account: Code20 = ""


@record("bank_account", unique=(("number",),), kept=True)
class BankAccount(Row, frozen=True):
    """A bank account; `ledger_account` is the G/L account of its posting group."""

    number: Code20
    name: Text100 = ""
    currency_code: Code10 = ""
    blocked: Flag = False
    ledger_account: Code20 = ""
    bank_account_number: Text30 = ""
    iban: Code50 = ""
    intercompany_enabled: Flag = False


@record("payment_term", unique=(("code",),), kept=True)
class PaymentTerm(Row, frozen=True):
    """When an invoice falls due, and the discount for paying early (percent)."""

    code: Code10
    description: Text100 = ""
    due_date_calculation: Formula = ""
    discount_date_calculation: Formula = ""
    discount_percent: Amount = ZERO
    calculate_discount_on_credit_memos: Flag = False


@record("payment_method", unique=(("code",),), kept=True)
class PaymentMethod(Row, frozen=True):
    """How a customer pays; with a balancing account an invoice is paid as it is posted."""

    code: Code10
    description: Text100 = ""
    balancing_account_type: AccountType = AccountType.GL_ACCOUNT
    balancing_account_number: Code20 = ""


@record("currency", unique=(("code",),), kept=True)
class Currency(Row, frozen=True):
    """A foreign currency. Accounts are G/L account numbers.

    `invoice_rounding_precision` zero: totals of documents are not rounded further. `last_date_adjusted`: the posting
    date of the last adjustment of exchange rates.
    """

    code: Code10
    description: Text30 = ""
    symbol: Text10 = ""
    amount_decimal_places: Text5 = "2:2"
    amount_rounding_precision: Amount = Decimal("0.01")
    application_rounding_precision: Amount = ZERO
    maximum_payment_tolerance_amount: Amount = ZERO
    payment_tolerance_percent: Amount = ZERO
    realized_gains_account: Code20 = ""
    realized_losses_account: Code20 = ""
    unrealized_gains_account: Code20 = ""
    unrealized_losses_account: Code20 = ""
    invoice_rounding_precision: Amount = ZERO
    invoice_rounding_type: RoundingDirection = RoundingDirection.NEAREST
    emu_currency: Flag = False
    last_date_adjusted: Day = BLANK_DATE


@record("currency_exchange_rate", unique=(("currency_code", "starting_date"),), kept=True)
class ExchangeRate(Row, frozen=True):
    """From `starting_date`: `exchange_rate_amount` of the currency is worth `relational_exchange_rate_amount` LCY.

    The adjustment amounts are the rate at which open entries are adjusted; an amount of zero is that of the rate.
    """

    currency_code: Code10
    starting_date: Day
    exchange_rate_amount: Rate = Decimal(1)
    relational_exchange_rate_amount: Rate = Decimal(1)
    adjustment_exchange_rate_amount: Rate = ZERO
    relational_adjustment_exchange_rate_amount: Rate = ZERO


@record("number_series", unique=(("code",),), kept=True)
class NumberSeries(Row, frozen=True):
    """A source of document numbers. `default_numbers`: given by itself; `manual_numbers`: may be typed."""

    code: Code20
    description: Text100 = ""
    default_numbers: Flag = True
    manual_numbers: Flag = False
    date_order: Flag = False
    allow_gaps: Flag = False


@record("number_series_line", unique=(("series_code", "starting_date", "starting_number"),), tracked=False)
class NumberSeriesLine(Row, frozen=True):
    """The numbers of a series from a date on."""

    series_code: Code20
    starting_date: Day = BLANK_DATE
    starting_number: Code20 = ""
    ending_number: Code20 = ""
    increment_by: Int = 1
    last_number_used: Code20 = ""
    last_date_used: Day = BLANK_DATE
    open: Flag = True


@record("dimension", unique=(("code",),), kept=True)
class Dimension(Row, frozen=True):
    """A way to classify entries, such as DEPARTMENT."""

    code: Code20
    name: Text30 = ""
    consolidation_code: Code20 = ""
    blocked: Flag = False


@record("dimension_value", unique=(("dimension_code", "code"),), kept=True)
class DimensionValue(Row, frozen=True):
    """A value of a dimension, such as SALES."""

    dimension_code: Code20
    code: Code20
    name: Text50 = ""
    consolidation_code: Code20 = ""
    blocked: Flag = False


@record("default_dimension", unique=(("parent_type", "parent_id", "dimension_code"),), kept=True, owner="parent_id")
class DefaultDimension(Row, frozen=True):
    """The dimension value that a master record gives to its documents, and what posting demands.

    `parent_type` is a table: Customer, Item, or `G/L Account` and `Bank Account` (set-up only; the wire shows
    the first two). `parent_id` blank = default for all records of the type. `value_id` is the id of the value that
    `value_code` names.
    """

    parent_type: Text30
    parent_id: Guid = BLANK_GUID
    dimension_code: Code20 = ""
    value_code: Code20 = ""
    value_id: Guid = BLANK_GUID
    posting_validation: PostingValidation = PostingValidation.BLANK


@record("dimension_set", key=("number",), unique=(("fingerprint",),), frozen=("*",), deletable=False, kept=True)
class DimensionSet(Row, frozen=True):
    """An interned set of (dimension, value) pairs; number 0 is the empty set and has no row.

    `fingerprint` is `DIM=VALUE|DIM=VALUE`, ordered by dimension. The values of the company's two global dimensions
    are kept beside it, so that documents can show and filter them.
    """

    number: Int
    fingerprint: LongText
    global_dimension_1_value: Code20 = ""
    global_dimension_2_value: Code20 = ""


@record("dimension_set_entry", key=("set_number", "dimension_code"), frozen=("*",), deletable=False, tracked=False)
class DimensionSetEntry(Row, frozen=True):
    """One pair of a dimension set."""

    set_number: Int
    dimension_code: Code20
    value_code: Code20


@record("customer", unique=(("number",),), indexes=(("display_name",),), kept=True)
class Customer(Row, frozen=True):
    """Who owes. `currency_code` blank = local currency."""

    number: Code20
    display_name: Text100 = ""
    type: ContactType = ContactType.COMPANY
    address_line_1: Text100 = ""
    address_line_2: Text50 = ""
    city: Text30 = ""
    state: Text30 = ""
    country: Code10 = ""
    postal_code: Code20 = ""
    phone_number: Text30 = ""
    email: Text80 = ""
    website: Text255 = ""
    salesperson_code: Code20 = ""
    credit_limit: Amount = ZERO
    tax_liable: Flag = False
    tax_area_id: Guid = BLANK_GUID
    tax_registration_number: Text50 = ""
    currency_code: Code10 = ""
    payment_terms_id: Guid = BLANK_GUID
    shipment_method_id: Guid = BLANK_GUID
    payment_method_id: Guid = BLANK_GUID
    blocked: CustomerBlocked = CustomerBlocked.BLANK
    privacy_blocked: Flag = False
    customer_posting_group: Code20 = ""
    application_method: ApplicationMethod = ApplicationMethod.MANUAL
    block_payment_tolerance: Flag = False
    prices_include_tax: Flag = False


@record("salesperson", unique=(("code",),), kept=True)
class Salesperson(Row, frozen=True):
    """Who sells or buys for the company."""

    code: Code20
    display_name: Text50 = ""
    email: Text80 = ""
    email_2: Text80 = ""
    phone_number: Text30 = ""
    job_title: Text30 = ""
    commission_percent: Amount = ZERO
    privacy_blocked: Flag = False
    blocked: Flag = False


@record("item", unique=(("number",),))
class Item(Row, frozen=True):
    """Something that is sold; prices in local currency per base unit."""

    number: Code20
    display_name: Text100 = ""
    display_name_2: Text50 = ""
    type: ItemType = ItemType.INVENTORY
    item_category_id: Guid = BLANK_GUID
    blocked: Flag = False
    gtin: Code20 = ""
    inventory: Amount = ZERO
    unit_price: Amount = ZERO
    price_includes_tax: Flag = False
    unit_cost: Amount = ZERO
    tax_group_code: Code20 = ""
    base_unit_of_measure_code: Code10 = ""
    general_product_posting_group: Code20 = ""
    inventory_posting_group: Code20 = ""
