"""What the coded columns of the books may hold, with the names that they have on the wire."""

from __future__ import annotations

from debitor.schema import WireEnum


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


class CombinationRestriction(WireEnum):
    """How far two dimensions do not go together."""

    __edm__ = "dimensionCombinationRestriction"
    LIMITED = (0, "Limited")
    BLOCKED = (1, "Blocked")


class RoundingDirection(WireEnum):
    """To which multiple of its precision an invoice total is rounded."""

    __edm__ = "invoiceRoundingType"
    NEAREST = (0, "Nearest")
    UP = (1, "Up")
    DOWN = (2, "Down")


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
