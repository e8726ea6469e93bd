"""Every row that the accounting works with.

Amounts are signed: debit positive, credit negative. `amount` is in the row's currency, `amount_lcy` in the
company's local currency; a blank `currency_code` means local currency. Accounts are named by number: the chart
of accounts is not renamed. Field names follow Business Central's tables (Gen. Journal Line, Cust. Ledger Entry,
Detailed Cust. Ledg. Entry, G/L Entry ...), in Python's spelling.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from debitor.schema import (
    BLANK_DATE,
    BLANK_GUID,
    Amount,
    BigInt,
    Code10,
    Code20,
    Code35,
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
    Text35,
    Text50,
    Text80,
    Text100,
    Text250,
    Text255,
    Timestamp,
    WireEnum,
    record,
)

ZERO = Decimal(0)


# --------------------------------------------------------------------------- enums


class DocumentType(WireEnum):
    """What kind of document a journal line or entry is."""

    __edm__ = "genJournalDocumentType"
    BLANK = (0, " ")
    PAYMENT = (1, "Payment")
    INVOICE = (2, "Invoice")
    CREDIT_MEMO = (3, "Credit Memo")
    FINANCE_CHARGE_MEMO = (4, "Finance Charge Memo")
    REMINDER = (5, "Reminder")
    REFUND = (6, "Refund")


class AccountType(WireEnum):
    """What an account number on a journal line names."""

    __edm__ = "genJournalAccountType"
    GL_ACCOUNT = (0, "G/L Account")
    CUSTOMER = (1, "Customer")
    VENDOR = (2, "Vendor")
    BANK_ACCOUNT = (3, "Bank Account")
    FIXED_ASSET = (4, "Fixed Asset")
    IC_PARTNER = (5, "IC Partner")
    EMPLOYEE = (6, "Employee")
    ALLOCATION_ACCOUNT = (10, "Allocation Account")


class GLAccountType(WireEnum):
    """What a line of the chart of accounts is."""

    __edm__ = "glAccountType"
    POSTING = (0, "Posting")
    HEADING = (1, "Heading")
    TOTAL = (2, "Total")
    BEGIN_TOTAL = (3, "Begin-Total")
    END_TOTAL = (4, "End-Total")


class GLAccountCategory(WireEnum):
    """The part of the balance sheet or income statement."""

    __edm__ = "glAccountCategory"
    BLANK = (0, " ")
    ASSETS = (1, "Assets")
    LIABILITIES = (2, "Liabilities")
    EQUITY = (3, "Equity")
    INCOME = (4, "Income")
    COST_OF_GOODS_SOLD = (5, "Cost of Goods Sold")
    EXPENSE = (6, "Expense")


class CustomerBlocked(WireEnum):
    """Which business with a customer is stopped."""

    __edm__ = "customerBlocked"
    BLANK = (0, " ")
    SHIP = (1, "Ship")
    INVOICE = (2, "Invoice")
    ALL = (3, "All")


class ContactType(WireEnum):
    """A company or a person."""

    __edm__ = "contactType"
    COMPANY = (0, "Company")
    PERSON = (1, "Person")


class InvoiceStatus(WireEnum):
    """Where a sales invoice or credit memo stands in its life."""

    __edm__ = "invoiceEntityAggregateStatus"
    BLANK = (0, " ")
    DRAFT = (1, "Draft")
    IN_REVIEW = (2, "In Review")
    OPEN = (3, "Open")
    PAID = (4, "Paid")
    CANCELED = (5, "Canceled")
    CORRECTIVE = (6, "Corrective")


class CreditMemoStatus(WireEnum):
    """The same for credit memos: the members of `InvoiceStatus`, in another order on the wire."""

    __edm__ = "salesCrMemoEntityBufferStatus"
    DRAFT = (0, "Draft")
    IN_REVIEW = (1, "In Review")
    OPEN = (2, "Open")
    CANCELED = (3, "Canceled")
    CORRECTIVE = (4, "Corrective")
    PAID = (5, "Paid")


class LineType(WireEnum):
    """What a document line sells."""

    __edm__ = "invoiceLineAggLineType"
    COMMENT = (0, "Comment")
    ACCOUNT = (1, "Account")
    ITEM = (2, "Item")
    RESOURCE = (3, "Resource")
    FIXED_ASSET = (4, "Fixed Asset")
    CHARGE = (5, "Charge")
    ALLOCATION_ACCOUNT = (10, "Allocation Account")


class ItemType(WireEnum):
    """Whether an item is kept in stock."""

    __edm__ = "itemType"
    INVENTORY = (0, "Inventory")
    SERVICE = (1, "Service")
    NON_INVENTORY = (2, "Non-Inventory")


class DetailedEntryType(WireEnum):
    """Why a customer ledger entry's amount changed."""

    __edm__ = "detailedCVLedgerEntryType"
    BLANK = (0, " ")
    INITIAL_ENTRY = (1, "Initial Entry")
    APPLICATION = (2, "Application")
    UNREALIZED_LOSS = (3, "Unrealized Loss")
    UNREALIZED_GAIN = (4, "Unrealized Gain")
    REALIZED_LOSS = (5, "Realized Loss")
    REALIZED_GAIN = (6, "Realized Gain")
    PAYMENT_DISCOUNT = (7, "Payment Discount")
    APPLN_ROUNDING = (10, "Appln. Rounding")
    CORRECTION_OF_REMAINING_AMOUNT = (11, "Correction of Remaining Amount")
    PAYMENT_TOLERANCE = (12, "Payment Tolerance")
    PAYMENT_DISCOUNT_TOLERANCE = (13, "Payment Discount Tolerance")


class PostingValidation(WireEnum):
    """What a default dimension demands of what is posted."""

    __edm__ = "defaultDimensionValuePostingType"
    BLANK = (0, " ")
    CODE_MANDATORY = (1, "Code Mandatory")
    SAME_CODE = (2, "Same Code")
    NO_CODE = (3, "No Code")


class DimensionParentType(WireEnum):
    """Whose default dimension it is."""

    __edm__ = "defaultDimensionParentType"
    BLANK = (0, " ")
    CUSTOMER = (1, "Customer")
    ITEM = (2, "Item")
    VENDOR = (3, "Vendor")
    EMPLOYEE = (4, "Employee")


class JournalTemplateType(WireEnum):
    """What a journal template is for."""

    __edm__ = "genJournalTemplateType"
    GENERAL = (0, "General")
    SALES = (1, "Sales")
    PURCHASES = (2, "Purchases")
    CASH_RECEIPTS = (3, "Cash Receipts")
    PAYMENTS = (4, "Payments")


class ApplicationMethod(WireEnum):
    """How a customer's entries are applied when nothing is named."""

    __edm__ = "applicationMethod"
    MANUAL = (0, "Manual")
    APPLY_TO_OLDEST = (1, "Apply to Oldest")


class CurrencyApplication(WireEnum):
    """Whether entries in different currencies may be applied to each other."""

    __edm__ = "applnBetweenCurrencies"
    NONE = (0, "None")
    EMU = (1, "EMU")
    ALL = (2, "All")


class TolerancePosting(WireEnum):
    """Which accounts a tolerance is posted to."""

    __edm__ = "paymentTolerancePosting"
    PAYMENT_TOLERANCE_ACCOUNTS = (0, "Payment Tolerance Accounts")
    PAYMENT_DISCOUNT_ACCOUNTS = (1, "Payment Discount Accounts")


class TaxType(WireEnum):
    """Sales tax or value added tax."""

    __edm__ = "taxBufferType"
    SALES_TAX = (0, "Sales Tax")
    VAT = (1, "VAT")


# --------------------------------------------------------------------------- set-up


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
    """General ledger and receivables set-up; one row."""

    local_currency_code: Code10 = ""
    local_currency_symbol: Text10 = ""
    amount_rounding_precision: Amount = Decimal("0.01")
    unit_amount_rounding_precision: Amount = Decimal("0.00001")
    application_rounding_precision: Amount = ZERO
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
    write_off_account: Code20 = ""


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
    """A foreign currency. Accounts are G/L account numbers."""

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


@record("currency_exchange_rate", unique=(("currency_code", "starting_date"),), kept=True)
class ExchangeRate(Row, frozen=True):
    """From `starting_date`: `exchange_rate_amount` of the currency is worth `relational_exchange_rate_amount` LCY."""

    currency_code: Code10
    starting_date: Day
    exchange_rate_amount: Rate = Decimal(1)
    relational_exchange_rate_amount: Rate = Decimal(1)
    adjustment_exchange_rate_amount: Rate = Decimal(1)
    relational_adjustment_exchange_rate_amount: Rate = Decimal(1)


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


# --------------------------------------------------------------------------- customers and items


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


# --------------------------------------------------------------------------- journals


@record("journal_template", unique=(("name",),), kept=True)
class JournalTemplate(Row, frozen=True):
    """What all journals of a kind have in common."""

    name: Code10
    description: Text80 = ""
    type: JournalTemplateType = JournalTemplateType.GENERAL
    source_code: Code10 = ""
    recurring: Flag = False
    force_document_balance: Flag = True
    number_series: Code20 = ""
    posting_number_series: Code20 = ""
    balancing_account_type: AccountType = AccountType.GL_ACCOUNT
    balancing_account_number: Code20 = ""


@record("journal_batch", unique=(("template_name", "name"),), kept=True, owner="template_name")
class JournalBatch(Row, frozen=True):
    """A journal (Gen. Journal Batch).

    `carried_*` is the empty line that Business Central leaves in a journal without number series after posting:
    it is never shown, but gives the next line its defaults (posting date, document number, line number 20000).
    """

    template_name: Code10
    name: Code10
    description: Text100 = ""
    balancing_account_type: AccountType = AccountType.GL_ACCOUNT
    balancing_account_id: Guid = BLANK_GUID
    balancing_account_number: Code20 = ""
    number_series: Code20 = ""
    posting_number_series: Code20 = ""
    reason_code: Code10 = ""
    carried_line: Flag = False
    carried_posting_date: Day = BLANK_DATE
    carried_document_number: Code20 = ""


@record(
    "journal_line",
    unique=(("journal_id", "line_number"),),
    indexes=(("journal_id", "account_number", "posting_date"), ("journal_id", "balancing_account_number")),
    owner="journal_id",
)
class JournalLine(Row, frozen=True):
    """A line of a journal (Gen. Journal Line): what a customer payment is until it is posted.

    `amount` is kept as the client sent it; see `books.posting_amount` for a positive customer payment.
    `currency_factor` is foreign currency per local currency, 1 for local currency.
    `applies_to_invoice_id` is the API id of the posted invoice, blank when the number names none.
    """

    journal_id: Guid
    line_number: Int
    account_type: AccountType = AccountType.GL_ACCOUNT
    account_id: Guid = BLANK_GUID
    account_number: Code20 = ""
    posting_date: Day = BLANK_DATE
    document_date: Day = BLANK_DATE
    document_type: DocumentType = DocumentType.BLANK
    document_number: Code20 = ""
    external_document_number: Code35 = ""
    description: Text100 = ""
    comment: Text250 = ""
    amount: Amount = ZERO
    amount_lcy: Amount = ZERO
    currency_code: Code10 = ""
    currency_factor: Rate = Decimal(1)
    balancing_account_type: AccountType = AccountType.GL_ACCOUNT
    balancing_account_id: Guid = BLANK_GUID
    balancing_account_number: Code20 = ""
    applies_to_document_type: DocumentType = DocumentType.BLANK
    applies_to_document_number: Code20 = ""
    applies_to_invoice_id: Guid = BLANK_GUID
    applies_to_id: Code50 = ""
    customer_posting_group: Code20 = ""
    payment_terms_id: Guid = BLANK_GUID
    payment_method_id: Guid = BLANK_GUID
    salesperson_code: Code20 = ""
    contact_id: Text100 = ""
    tax_code: Code20 = ""
    reason_code: Code10 = ""
    dimension_set_number: Int = 0


# --------------------------------------------------------------------------- sales documents

_POSTED_DOCUMENT: dict[str, Any] = {
    "unique": (("draft_number",), ("number",)),
    "frozen": (
        "number", "draft_number", "document_date", "posting_date", "customer_id", "customer_number",
        "bill_to_customer_id", "bill_to_customer_number", "currency_code", "currency_factor", "discount_amount",
        "total_excluding_tax", "total_tax", "total_including_tax", "ledger_entry_number", "posted",
        "applies_to_document_id", "applies_to_document_number",
    ),
    "frozen_when": "posted",
}  # fmt: skip
_POSTED_LINE: dict[str, Any] = {
    "unique": (("document_id", "sequence"),),
    "frozen": ("*",),
    "frozen_when": "posted",
    "owner": "document_id",
}


class SalesDocument(Row, frozen=True):
    """What invoices and credit memos have in common: draft or posted, under one id. No record of its own.

    Amounts are in the document's currency and positive, whatever side of the books they go to. `number` is the
    draft number until posting gives the posted one. `ledger_entry_number` is the customer ledger entry of a posted
    document; what remains open is read there. `unposted_amount` is what remains of a draft: its total, and zero from
    posting on. `discount_amount` is what was asked for; lines carry what was allocated. `applies_to_document_id` and
    `_number` name the document that this one corrects: an invoice for a credit memo, a credit memo for an invoice.
    """

    number: Code20
    draft_number: Code20 = ""
    external_document_number: Code35 = ""
    document_date: Day = BLANK_DATE
    posting_date: Day = BLANK_DATE
    due_date: Day = BLANK_DATE
    discount_date: Day = BLANK_DATE
    payment_discount_percent: Amount = ZERO
    customer_purchase_order_reference: Text35 = ""
    customer_id: Guid = BLANK_GUID
    customer_number: Code20 = ""
    customer_name: Text100 = ""
    bill_to_customer_id: Guid = BLANK_GUID
    bill_to_customer_number: Code20 = ""
    bill_to_name: Text100 = ""
    ship_to_name: Text100 = ""
    ship_to_contact: Text100 = ""
    sell_to_address_line_1: Text100 = ""
    sell_to_address_line_2: Text50 = ""
    sell_to_city: Text30 = ""
    sell_to_country: Code10 = ""
    sell_to_state: Text30 = ""
    sell_to_post_code: Code20 = ""
    bill_to_address_line_1: Text100 = ""
    bill_to_address_line_2: Text50 = ""
    bill_to_city: Text30 = ""
    bill_to_country: Code10 = ""
    bill_to_state: Text30 = ""
    bill_to_post_code: Code20 = ""
    ship_to_address_line_1: Text100 = ""
    ship_to_address_line_2: Text50 = ""
    ship_to_city: Text30 = ""
    ship_to_country: Code10 = ""
    ship_to_state: Text30 = ""
    ship_to_post_code: Code20 = ""
    currency_code: Code10 = ""
    currency_factor: Rate = Decimal(1)
    payment_terms_id: Guid = BLANK_GUID
    payment_method_id: Guid = BLANK_GUID
    shipment_method_id: Guid = BLANK_GUID
    salesperson: Code20 = ""
    prices_include_tax: Flag = False
    discount_amount: Amount = ZERO
    discount_applied_before_tax: Flag = True
    unposted_amount: Amount = ZERO
    total_excluding_tax: Amount = ZERO
    total_tax: Amount = ZERO
    total_including_tax: Amount = ZERO
    status: InvoiceStatus = InvoiceStatus.DRAFT
    posted: Flag = False
    ledger_entry_number: Int = 0
    applies_to_document_id: Guid = BLANK_GUID
    applies_to_document_number: Code20 = ""
    phone_number: Text30 = ""
    email: Text80 = ""
    dimension_set_number: Int = 0


@record(
    "sales_invoice",
    indexes=(("bill_to_customer_id", "status"), ("status",), ("ledger_entry_number",)),
    **_POSTED_DOCUMENT,
)
class SalesInvoice(SalesDocument, frozen=True):
    """A sales invoice."""

    promised_pay_date: Day = BLANK_DATE
    order_id: Guid = BLANK_GUID
    order_number: Code20 = ""
    dispute_status_id: Guid = BLANK_GUID
    dispute_status: Code10 = ""


@record(
    "sales_credit_memo",
    indexes=(
        ("bill_to_customer_id", "status"),
        ("status",),
        ("ledger_entry_number",),
        ("applies_to_document_id",),
    ),
    **_POSTED_DOCUMENT,
)
class SalesCreditMemo(SalesDocument, frozen=True):
    """A sales credit memo: gives back what an invoice asked for."""


class SalesDocumentLine(Row, frozen=True):
    """A line of a sales document. `posted` is set, once and for all, with the document. No record of its own."""

    document_id: Guid
    sequence: Int
    line_type: LineType = LineType.COMMENT
    item_id: Guid = BLANK_GUID
    account_id: Guid = BLANK_GUID
    line_object_number: Code20 = ""
    description: Text100 = ""
    description_2: Text50 = ""
    unit_of_measure_code: Code10 = ""
    quantity: Amount = ZERO
    unit_price: Amount = ZERO
    discount_amount: Amount = ZERO
    discount_percent: Amount = ZERO
    amount_excluding_tax: Amount = ZERO
    tax_code: Code50 = ""
    tax_percent: Amount = ZERO
    tax_amount: Amount = ZERO
    amount_including_tax: Amount = ZERO
    invoice_discount_allocation: Amount = ZERO
    net_amount: Amount = ZERO
    net_tax_amount: Amount = ZERO
    net_amount_including_tax: Amount = ZERO
    shipment_date: Day = BLANK_DATE
    item_variant_id: Guid = BLANK_GUID
    location_id: Guid = BLANK_GUID
    sales_account: Code20 = ""
    tax_account: Code20 = ""
    dimension_set_number: Int = 0
    posted: Flag = False


@record("sales_invoice_line", **_POSTED_LINE)
class SalesInvoiceLine(SalesDocumentLine, frozen=True):
    """A line of a sales invoice."""


@record("sales_credit_memo_line", **_POSTED_LINE)
class SalesCreditMemoLine(SalesDocumentLine, frozen=True):
    """A line of a sales credit memo."""


# --------------------------------------------------------------------------- ledgers

_CUSTOMER_ENTRY = (
    "id", "entry_number", "transaction_number", "customer_id", "posting_date", "document_date", "document_type",
    "document_number", "external_document_number", "description", "currency_code", "original_amount",
    "original_amount_lcy", "original_currency_factor", "customer_posting_group", "original_payment_discount_possible",
    "sales_lcy", "balancing_account_type", "balancing_account_number", "dimension_set_number", "source_code",
    "reason_code", "journal_batch_name", "user_id", "source_id", "created_at",
)  # fmt: skip


@record(
    "customer_ledger_entry",
    key=("entry_number",),
    indexes=(
        ("customer_id", "open", "due_date", "entry_number"),
        ("document_number", "document_type"),
        ("source_id",),
        ("transaction_number",),
    ),
    frozen=_CUSTOMER_ENTRY,
    deletable=False,
)
class CustomerLedgerEntry(Row, frozen=True):
    """An invoice, payment, credit memo ... of a customer, with what is still open of it.

    `remaining_amount`(`_lcy`) and `amount`(`_lcy`) are kept beside the detailed entries for speed; the truth is
    the sum of the detailed entries, and `debitor check` recomputes them. Currency factors are foreign currency per
    local currency. `source_id` is the id of the journal line or invoice that was posted.
    """

    entry_number: Int
    transaction_number: Int = 0
    customer_id: Guid = BLANK_GUID
    customer_number: Code20 = ""
    posting_date: Day = BLANK_DATE
    document_date: Day = BLANK_DATE
    document_type: DocumentType = DocumentType.BLANK
    document_number: Code20 = ""
    external_document_number: Code35 = ""
    description: Text100 = ""
    currency_code: Code10 = ""
    original_amount: Amount = ZERO
    original_amount_lcy: Amount = ZERO
    amount: Amount = ZERO
    amount_lcy: Amount = ZERO
    remaining_amount: Amount = ZERO
    remaining_amount_lcy: Amount = ZERO
    original_currency_factor: Rate = Decimal(1)
    adjusted_currency_factor: Rate = Decimal(1)
    customer_posting_group: Code20 = ""
    due_date: Day = BLANK_DATE
    payment_discount_date: Day = BLANK_DATE
    payment_discount_tolerance_date: Day = BLANK_DATE
    original_payment_discount_possible: Amount = ZERO
    remaining_payment_discount_possible: Amount = ZERO
    payment_discount_given_lcy: Amount = ZERO
    maximum_payment_tolerance: Amount = ZERO
    accepted_payment_tolerance: Amount = ZERO
    accepted_payment_discount_tolerance: Flag = False
    applies_to_id: Code50 = ""
    amount_to_apply: Amount = ZERO
    open: Flag = True
    positive: Flag = True
    closed_at_date: Day = BLANK_DATE
    closed_by_entry_number: Int = 0
    closed_by_amount: Amount = ZERO
    closed_by_amount_lcy: Amount = ZERO
    closed_by_currency_code: Code10 = ""
    closed_by_currency_amount: Amount = ZERO
    sales_lcy: Amount = ZERO
    reversed: Flag = False
    reversed_by_entry_number: Int = 0
    reversed_entry_number: Int = 0
    balancing_account_type: AccountType = AccountType.GL_ACCOUNT
    balancing_account_number: Code20 = ""
    salesperson_code: Code20 = ""
    payment_method_id: Guid = BLANK_GUID
    dimension_set_number: Int = 0
    source_code: Code10 = ""
    reason_code: Code10 = ""
    journal_batch_name: Code10 = ""
    user_id: Code50 = ""
    source_id: Guid = BLANK_GUID
    created_at: Timestamp = "0001-01-01T00:00:00.000Z"


_DETAILED_ENTRY = (
    "id", "entry_number", "ledger_entry_number", "entry_type", "posting_date", "document_type", "document_number",
    "customer_id", "currency_code", "amount", "amount_lcy", "debit_amount", "credit_amount", "debit_amount_lcy",
    "credit_amount_lcy", "applied_ledger_entry_number", "transaction_number", "application_number", "user_id",
    "source_code", "created_at",
)  # fmt: skip


@record(
    "detailed_customer_ledger_entry",
    key=("entry_number",),
    indexes=(("ledger_entry_number",), ("transaction_number",)),
    frozen=_DETAILED_ENTRY,
    deletable=False,
    tracked=False,
)
class DetailedEntry(Row, frozen=True):
    """One change of a customer ledger entry's amount. The sum of them is what remains."""

    entry_number: Int
    ledger_entry_number: Int
    entry_type: DetailedEntryType = DetailedEntryType.INITIAL_ENTRY
    posting_date: Day = BLANK_DATE
    document_type: DocumentType = DocumentType.BLANK
    document_number: Code20 = ""
    customer_id: Guid = BLANK_GUID
    customer_number: Code20 = ""
    currency_code: Code10 = ""
    amount: Amount = ZERO
    amount_lcy: Amount = ZERO
    debit_amount: Amount = ZERO
    credit_amount: Amount = ZERO
    debit_amount_lcy: Amount = ZERO
    credit_amount_lcy: Amount = ZERO
    applied_ledger_entry_number: Int = 0
    transaction_number: Int = 0
    application_number: Int = 0
    initial_due_date: Day = BLANK_DATE
    initial_document_type: DocumentType = DocumentType.BLANK
    unapplied: Flag = False
    unapplied_by_entry_number: Int = 0
    source_code: Code10 = ""
    user_id: Code50 = ""
    created_at: Timestamp = "0001-01-01T00:00:00.000Z"


@record(
    "general_ledger_entry",
    key=("entry_number",),
    indexes=(("account_number", "posting_date"), ("document_number", "posting_date"), ("transaction_number",)),
    frozen=("*",),
    deletable=False,
)
class GeneralLedgerEntry(Row, frozen=True):
    """A debit or credit of a G/L account, in local currency."""

    entry_number: Int
    transaction_number: Int = 0
    register_number: Int = 0
    account_id: Guid = BLANK_GUID
    account_number: Code20 = ""
    posting_date: Day = BLANK_DATE
    document_date: Day = BLANK_DATE
    document_type: DocumentType = DocumentType.BLANK
    document_number: Code20 = ""
    external_document_number: Code35 = ""
    description: Text100 = ""
    comment: Text250 = ""
    amount: Amount = ZERO
    debit_amount: Amount = ZERO
    credit_amount: Amount = ZERO
    tax_amount: Amount = ZERO
    additional_currency_debit_amount: Amount = ZERO
    additional_currency_credit_amount: Amount = ZERO
    balancing_account_type: AccountType = AccountType.GL_ACCOUNT
    balancing_account_number: Code20 = ""
    source_type: AccountType = AccountType.GL_ACCOUNT
    source_number: Code20 = ""
    dimension_set_number: Int = 0
    source_code: Code10 = ""
    reason_code: Code10 = ""
    journal_batch_name: Code10 = ""
    user_id: Code50 = ""
    created_at: Timestamp = "0001-01-01T00:00:00.000Z"


@record(
    "bank_account_ledger_entry",
    key=("entry_number",),
    indexes=(("bank_account_id", "posting_date"), ("transaction_number",)),
    frozen=("id", "entry_number", "bank_account_id", "posting_date", "document_number", "amount", "amount_lcy"),
    deletable=False,
    tracked=False,
)
class BankAccountLedgerEntry(Row, frozen=True):
    """Money into (positive) or out of a bank account, in the bank account's currency."""

    entry_number: Int
    transaction_number: Int = 0
    bank_account_id: Guid = BLANK_GUID
    bank_account_number: Code20 = ""
    posting_date: Day = BLANK_DATE
    document_date: Day = BLANK_DATE
    document_type: DocumentType = DocumentType.BLANK
    document_number: Code20 = ""
    external_document_number: Code35 = ""
    description: Text100 = ""
    currency_code: Code10 = ""
    amount: Amount = ZERO
    amount_lcy: Amount = ZERO
    remaining_amount: Amount = ZERO
    open: Flag = True
    positive: Flag = True
    balancing_account_type: AccountType = AccountType.GL_ACCOUNT
    balancing_account_number: Code20 = ""
    dimension_set_number: Int = 0
    source_code: Code10 = ""
    reason_code: Code10 = ""
    journal_batch_name: Code10 = ""
    reversed: Flag = False
    user_id: Code50 = ""
    created_at: Timestamp = "0001-01-01T00:00:00.000Z"


@record(
    "tax_entry",
    key=("entry_number",),
    indexes=(("document_number",), ("transaction_number",)),
    frozen=("*",),
    deletable=False,
    tracked=False,
)
class TaxEntry(Row, frozen=True):
    """The tax of a posted document per tax group (VAT Entry), in local currency; sales have negative amounts."""

    entry_number: Int
    transaction_number: Int = 0
    general_ledger_entry_number: Int = 0
    posting_date: Day = BLANK_DATE
    document_type: DocumentType = DocumentType.BLANK
    document_number: Code20 = ""
    tax_group_code: Code20 = ""
    percent: Amount = ZERO
    base: Amount = ZERO
    amount: Amount = ZERO
    bill_to_customer_number: Code20 = ""
    source_code: Code10 = ""
    user_id: Code50 = ""
    created_at: Timestamp = "0001-01-01T00:00:00.000Z"


@record("general_ledger_register", key=("number",), frozen=("*",), deletable=False, tracked=False)
class GeneralLedgerRegister(Row, frozen=True):
    """One act of posting: the range of G/L entries (and tax entries) it wrote."""

    number: BigInt
    from_entry_number: Int = 0
    to_entry_number: Int = 0
    from_tax_entry_number: Int = 0
    to_tax_entry_number: Int = 0
    source_code: Code10 = ""
    journal_template_name: Code10 = ""
    journal_batch_name: Code10 = ""
    posting_date: Day = BLANK_DATE
    user_id: Code50 = ""
    created_at: Timestamp = "0001-01-01T00:00:00.000Z"
