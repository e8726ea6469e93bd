"""The ledgers: what posting has written. Rows are added; what may change later is named beside each record."""

from __future__ import annotations

from decimal import Decimal

from debitor.ledger.records.enums import AccountType, DetailedEntryType, DocumentType
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
    Guid,
    Int,
    Rate,
    Row,
    Text100,
    Text250,
    Timestamp,
    record,
)

ZERO = Decimal(0)


_CUSTOMER_ENTRY = (
    "id", "entry_number", "transaction_number", "customer_id", "posting_date", "document_date", "document_type",
    "document_number", "external_document_number", "description", "currency_code", "original_amount",
    "original_amount_lcy", "original_currency_factor", "customer_posting_group", "original_payment_discount_possible",
    "sales_lcy", "balancing_account_type", "balancing_account_number", "dimension_set_number", "source_code",
    "reason_code", "journal_batch_name", "user_id", "source_id", "reversed_entry_number", "created_at",
)  # fmt: skip


@record(
    "customer_ledger_entry",
    key=("entry_number",),
    indexes=(
        ("customer_id", "open", "due_date", "entry_number"),
        # A customer's newest entries without sorting all of them, by either name that clients have for the customer.
        ("customer_id", "entry_number"),
        ("customer_number", "entry_number"),
        # Sales by customer and period, read from the index alone: decisions/0013.
        ("customer_id", "posting_date", "document_type", "sales_lcy"),
        ("document_number", "document_type"),
        ("source_id",),
        ("transaction_number",),
        ("currency_code", "open"),
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
    "source_code", "created_at", "remaining_payment_discount_possible", "maximum_payment_tolerance",
)  # fmt: skip


@record(
    "detailed_customer_ledger_entry",
    key=("entry_number",),
    indexes=(("ledger_entry_number",), ("transaction_number",), ("customer_id", "posting_date")),
    frozen=_DETAILED_ENTRY,
    deletable=False,
    tracked=False,
)
class DetailedEntry(Row, frozen=True):
    """One change of a customer ledger entry's amount. The sum of them is what remains.

    An application keeps what its entry had before it: `remaining_payment_discount_possible` and
    `maximum_payment_tolerance`; unapplying gives them back. `application_number` is that of the first detailed entry
    of a posting that has no transaction, because nothing of it goes to the general ledger.
    """

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
    remaining_payment_discount_possible: Amount = ZERO
    maximum_payment_tolerance: Amount = ZERO
    unapplied: Flag = False
    unapplied_by_entry_number: Int = 0
    source_code: Code10 = ""
    user_id: Code50 = ""
    created_at: Timestamp = "0001-01-01T00:00:00.000Z"


_GENERAL_ENTRY = (
    "id", "entry_number", "transaction_number", "register_number", "account_id", "account_number", "posting_date",
    "document_date", "document_type", "document_number", "external_document_number", "description", "comment",
    "amount", "debit_amount", "credit_amount", "tax_amount", "additional_currency_debit_amount",
    "additional_currency_credit_amount", "balancing_account_type", "balancing_account_number", "source_type",
    "source_number", "dimension_set_number", "source_code", "reason_code", "journal_batch_name",
    "reversed_entry_number", "user_id", "created_at",
)  # fmt: skip


@record(
    "general_ledger_entry",
    key=("entry_number",),
    indexes=(
        # With the amounts, so that sums never read the wide rows: decisions/0013.
        ("account_number", "posting_date", "amount", "debit_amount", "credit_amount"),
        ("document_number", "posting_date"),
        ("transaction_number",),
    ),
    frozen=_GENERAL_ENTRY,
    deletable=False,
)
class GeneralLedgerEntry(Row, frozen=True):
    """A debit or credit of a G/L account, in local currency. Only its columns on being reversed change."""

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
    reversed: Flag = False
    reversed_by_entry_number: Int = 0
    reversed_entry_number: Int = 0
    user_id: Code50 = ""
    created_at: Timestamp = "0001-01-01T00:00:00.000Z"


_BANK_ENTRY = (
    "id", "entry_number", "transaction_number", "bank_account_id", "bank_account_number", "posting_date",
    "document_date", "document_type", "document_number", "external_document_number", "description", "currency_code",
    "amount", "amount_lcy", "positive", "balancing_account_type", "balancing_account_number", "dimension_set_number",
    "source_code", "reason_code", "journal_batch_name", "reversed_entry_number", "user_id", "created_at",
)  # fmt: skip


@record(
    "bank_account_ledger_entry",
    key=("entry_number",),
    indexes=(("bank_account_id", "posting_date"), ("transaction_number",)),
    frozen=_BANK_ENTRY,
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
    reversed_by_entry_number: Int = 0
    reversed_entry_number: Int = 0
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


_REGISTER = (
    "id", "number", "from_entry_number", "to_entry_number", "from_tax_entry_number", "to_tax_entry_number",
    "source_code", "journal_template_name", "journal_batch_name", "posting_date", "user_id", "created_at",
)  # fmt: skip


@record("general_ledger_register", key=("number",), frozen=_REGISTER, deletable=False, tracked=False)
class GeneralLedgerRegister(Row, frozen=True):
    """One act of posting: the range of G/L entries (and tax entries) it wrote.

    `reversed`: all of its G/L entries are reversed.
    """

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
    reversed: Flag = False
    created_at: Timestamp = "0001-01-01T00:00:00.000Z"


@record(
    "ledger_seal",
    key=("number",),
    unique=(("previous_hash",),),
    indexes=(("register_number",),),
    frozen=("*",),
    deletable=False,
    tracked=False,
)
class LedgerSeal(Row, frozen=True):
    """The link of one act on the ledgers in the company's chain: see ledger/chain.py.

    `to_...`: up to which number each ledger reached with this act. `register_number`: 0 for an act that wrote no G/L
    entries. `form`: of the text that was hashed.
    """

    number: BigInt
    form: Int = 1
    register_number: BigInt = 0
    to_entry_number: Int = 0
    to_detailed_entry_number: Int = 0
    to_tax_entry_number: Int = 0
    previous_hash: Text100 = ""
    hash: Text100 = ""
    created_at: Timestamp = "0001-01-01T00:00:00.000Z"
