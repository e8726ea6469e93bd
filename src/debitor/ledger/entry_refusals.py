"""Every reason to say no to an act on posted entries; within a section in order of precedence."""

from __future__ import annotations

from debitor.ledger.refusals import DIALOG, FIELD, Refusal

# --------------------------------------------------------------------------- applying posted entries

CUSTOMER_ENTRY_UNKNOWN = Refusal("Internal_RecordNotFound", "Customer ledger entry {entry} does not exist.")
ENTRY_CLOSED = Refusal(
    DIALOG, "Customer ledger entry {entry} is closed, so nothing can be applied to it. Unapply it first."
)
NOTHING_CHOSEN = Refusal(DIALOG, "Name at least one entry to apply customer ledger entry {entry} to.")
ENTRY_TWICE = Refusal(DIALOG, "Customer ledger entry {entry} is named twice. Name each entry once.")
CUSTOMERS_DIFFER = Refusal(
    DIALOG,
    "Customer ledger entry {entry} belongs to customer {number}, entry {other} to customer {other_number}. Only "
    "entries of one customer can be applied to each other.",
)
AMOUNT_TO_APPLY_WRONG = Refusal(
    FIELD,
    "amountToApply {amount} of customer ledger entry {entry} must lie between 0 and its remaining amount "
    "{remaining}, and not be 0. Leave it out to apply all of it.",
)
ENTRIES_ONE_SIDED = Refusal(
    DIALOG,
    "None of the entries named has the opposite sign of customer ledger entry {entry}. Name an entry of the other "
    "side.",
)
ENTRY_CURRENCY_GONE = Refusal(
    "Internal_RecordNotFound", "Currency {currency} of customer ledger entry {entry} does not exist any more."
)
ENTRY_CURRENCIES_DIFFER = Refusal(
    DIALOG,
    "Customer ledger entry {entry} is in {currency}, entry {other} in {other_currency}; the set-up does not allow "
    "entries in different currencies to be applied to each other.",
)
RECEIVABLES_DIFFER = Refusal(
    DIALOG,
    "Customer ledger entry {entry} is kept on receivables account {account}, entry {other} on {other_account}. Only "
    "entries of one receivables account can be applied to each other.",
)
APPLICATION_TOO_EARLY = Refusal(
    DIALOG, "postingDate {date} is earlier than {first}, the latest posting date of the entries. Choose a later date."
)
ENTRIES_OF_CUSTOMER_BLOCKED = Refusal(
    DIALOG, "Customer {number} is blocked with type {blocked}. Change 'blocked' on the customer first."
)
ENTRIES_OF_CUSTOMER_PRIVATE = Refusal(DIALOG, "Customer {number} is blocked for privacy. Unblock the customer first.")

# --------------------------------------------------------------------------- taking applications back

APPLICATION_REVERSED = Refusal(
    DIALOG, "Customer ledger entry {entry} is reversed; its application cannot be taken back."
)
NOT_APPLIED = Refusal(DIALOG, "Customer ledger entry {entry} has no application that could be taken back.")
APPLIED_AGAIN = Refusal(
    DIALOG, "Customer ledger entry {entry} was applied again after that. Unapply its latest application first."
)
DOCUMENT_CANCELED = Refusal(
    DIALOG,
    "{document} has status {status}; its application is the cancelling. Cancel the credit memo that cancelled it "
    "instead.",
)
UNAPPLIED_TOO_EARLY = Refusal(
    DIALOG, "postingDate {date} is earlier than {first}, the date of the application. Choose a later date."
)

# --------------------------------------------------------------------------- reversing posted transactions

TRANSACTION_UNKNOWN = Refusal("Internal_RecordNotFound", "There is no transaction {transaction}.")
NOT_FROM_JOURNAL = Refusal(
    DIALOG,
    "General ledger entry {entry} was not posted from a journal, so its transaction cannot be reversed. Cancel or "
    "credit a sales document; unapply an application.",
)
REVERSED_ALREADY = Refusal(DIALOG, "Transaction {transaction} is reversed already, by general ledger entry {entry}.")
STILL_APPLIED = Refusal(
    DIALOG,
    "Customer ledger entry {entry} is applied or was adjusted, by detailed entry {detail} of type {entry_type}. "
    "Unapply it first.",
)
BANK_ENTRY_CLOSED = Refusal(DIALOG, "Bank account ledger entry {entry} is closed, so it cannot be reversed.")
REVERSED_BANK_BLOCKED = Refusal(FIELD, "Bank account {number} is blocked. Set its blocked to false.")

# --------------------------------------------------------------------------- refunds, chargebacks, write-offs

NO_CREDIT = Refusal(
    DIALOG, "Customer ledger entry {entry} is no open credit of its customer: {remaining} of it remains to be paid."
)
REFUND_TOO_LARGE = Refusal(
    FIELD,
    "amount {amount} must be more than 0 and not more than {credit}, the credit of customer ledger entry {entry}.",
)
PAID_BACK_ALREADY = Refusal(
    DIALOG, "Customer ledger entry {entry} was paid back already, by {refund}, so it cannot be charged back."
)
NO_RECEIPT = Refusal(
    DIALOG, "Customer ledger entry {entry} is no payment received from a customer, so it cannot be charged back."
)
FEE_NEGATIVE = Refusal(FIELD, "fee {fee} must not be negative.")
BANK_MISSING = Refusal(
    FIELD, "bankAccountNumber must have a value: customer ledger entry {entry} has no bank account on its other side."
)
JOURNAL_MISSING = Refusal(
    DIALOG, "There is no payment journal to post in. Create one, or name the default payment journal in the set-up."
)
BANK_NUMBER_UNKNOWN = Refusal("Internal_RecordNotFound", "Bank account {number} does not exist. Choose another one.")
REASON_MISSING = Refusal(FIELD, "reasonCode must have a value when a rest is written off.")
WRITE_OFF_TOO_LARGE = Refusal(
    DIALOG,
    "{amount} in local currency remains of customer ledger entry {entry}, more than the limit of {limit} up to which "
    "the receivables set-up allows rests to be written off.",
)

ALL: dict[str, Refusal] = {name: value for name, value in list(globals().items()) if isinstance(value, Refusal)}
"""Name -> refusal, in order of precedence."""
