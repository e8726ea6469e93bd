"""customerLedgerEntries: posted invoices, payments, credit memos and refunds of customers, and what is open of them.

Amounts are positive for what the customer owes. `apply`, `unapply` and `reverse` change posted entries as Business
Central's pages of that name do; each answers with the entries that it wrote.
"""

from debitor.entities.detailed_sums import of_details
from debitor.entities.receivables import entry_actions
from debitor.ledger.records import AccountType, Customer, CustomerLedgerEntry, DocumentType
from debitor.schema import (
    BOOL,
    DATE,
    DATETIME,
    DECIMAL,
    GUID,
    INT32,
    EntitySet,
    Lookup,
    Navigation,
    Property,
    Sum,
    Type,
    code,
    enum,
    text,
)


def _read(name: str, type: Type, source: str | Sum) -> Property:
    return Property(name, type, source, editable=False)


CUSTOMER_LEDGER_ENTRIES = EntitySet(
    name="customerLedgerEntries",
    entity="customerLedgerEntry",
    record=CustomerLedgerEntry,
    order=("entryNumber",),
    lookups={"customer": Lookup(Customer, via="customer_id")},
    properties=(
        Property("id", GUID, "id", editable=False, nullable=False),
        _read("entryNumber", INT32, "entry_number"),
        _read("customerId", GUID, "customer_id"),
        _read("customerNumber", code(20), "customer_number"),
        _read("customerName", text(100), "customer.display_name"),
        _read("postingDate", DATE, "posting_date"),
        _read("documentDate", DATE, "document_date"),
        _read("dueDate", DATE, "due_date"),
        _read("documentType", enum(DocumentType), "document_type"),
        _read("documentNumber", code(20), "document_number"),
        _read("externalDocumentNumber", code(35), "external_document_number"),
        _read("description", text(100), "description"),
        _read("currencyCode", code(10), "currency_code"),
        _read("originalAmount", DECIMAL, "original_amount"),
        _read("amount", DECIMAL, "amount"),
        _read("remainingAmount", DECIMAL, "remaining_amount"),
        _read("originalAmountLocalCurrency", DECIMAL, "original_amount_lcy"),
        _read("amountLocalCurrency", DECIMAL, "amount_lcy"),
        _read("remainingAmountLocalCurrency", DECIMAL, "remaining_amount_lcy"),
        _read("debitAmount", DECIMAL, of_details("debit_amount")),
        _read("creditAmount", DECIMAL, of_details("credit_amount")),
        _read("debitAmountLocalCurrency", DECIMAL, of_details("debit_amount_lcy")),
        _read("creditAmountLocalCurrency", DECIMAL, of_details("credit_amount_lcy")),
        _read("paymentDiscountDate", DATE, "payment_discount_date"),
        _read("originalPaymentDiscountPossible", DECIMAL, "original_payment_discount_possible"),
        _read("remainingPaymentDiscountPossible", DECIMAL, "remaining_payment_discount_possible"),
        _read("paymentDiscountGivenLocalCurrency", DECIMAL, "payment_discount_given_lcy"),
        _read("paymentDiscountToleranceDate", DATE, "payment_discount_tolerance_date"),
        _read("maximumPaymentTolerance", DECIMAL, "maximum_payment_tolerance"),
        _read("acceptedPaymentTolerance", DECIMAL, "accepted_payment_tolerance"),
        _read("acceptedPaymentDiscountTolerance", BOOL, "accepted_payment_discount_tolerance"),
        _read("appliesToId", code(50), "applies_to_id"),
        _read("amountToApply", DECIMAL, "amount_to_apply"),
        _read("open", BOOL, "open"),
        _read("closedAtDate", DATE, "closed_at_date"),
        _read("closedByEntryNumber", INT32, "closed_by_entry_number"),
        _read("closedByAmount", DECIMAL, "closed_by_amount"),
        _read("closedByAmountLocalCurrency", DECIMAL, "closed_by_amount_lcy"),
        _read("closedByCurrencyCode", code(10), "closed_by_currency_code"),
        _read("closedByCurrencyAmount", DECIMAL, "closed_by_currency_amount"),
        _read("reversed", BOOL, "reversed"),
        _read("reversedByEntryNumber", INT32, "reversed_by_entry_number"),
        _read("reversedEntryNumber", INT32, "reversed_entry_number"),
        _read("transactionNumber", INT32, "transaction_number"),
        _read("journalBatchName", code(10), "journal_batch_name"),
        _read("balancingAccountType", enum(AccountType), "balancing_account_type"),
        _read("balancingAccountNumber", code(20), "balancing_account_number"),
        _read("dimensionSetId", INT32, "dimension_set_number"),
        _read("sourceCode", code(10), "source_code"),
        _read("reasonCode", code(10), "reason_code"),
        _read("userId", code(50), "user_id"),
        _read("lastModifiedDateTime", DATETIME, "modified_at"),
    ),
    navigations=(
        Navigation("customer", "customers", many=False, on=(("customerId", "id"),)),
        Navigation(
            "detailedCustomerLedgerEntries",
            "detailedCustomerLedgerEntries",
            many=True,
            on=(("entryNumber", "customerLedgerEntryNumber"),),
            kind="part",
            partner="customerLedgerEntry",
        ),
        Navigation(
            "appliedEntries",
            "appliedEntries",
            many=True,
            on=(("entryNumber", "customerLedgerEntryNumber"),),
            kind="part",
            partner="customerLedgerEntry",
        ),
        Navigation(
            "generalLedgerEntries",
            "generalLedgerEntries",
            many=True,
            on=(("transactionNumber", "transactionNumber"),),
        ),
        Navigation(
            "dimensionSetLines",
            "dimensionSetLines",
            many=True,
            on=(("id", "parentId"),),
            kind="part",
            constant={"parentType": "Customer_x0020_Ledger_x0020_Entry"},
        ),
    ),
    actions=(
        entry_actions.APPLY,
        entry_actions.UNAPPLY,
        entry_actions.REVERSE,
        entry_actions.REFUND,
        entry_actions.CHARGEBACK,
        entry_actions.WRITE_OFF,
    ),
)
