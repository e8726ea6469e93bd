"""Every reason of posting to say no, in order of precedence: the first that holds is the answer.

A refusal is called with the facts that its text names and gives the exception:

    raise AMOUNT_MISSING(line=10000)
"""

from __future__ import annotations

from dataclasses import dataclass

from debitor.schema import Refused

DIALOG = "Application_DialogException"
FIELD = "Application_FieldValidationException"


@dataclass(frozen=True, slots=True)
class Refusal:
    """A named "no".

    Attributes:
        code: Business Central's error code.
        text: the message; facts stand in braces.
    """

    code: str
    text: str

    def __call__(self, **facts: object) -> Refused:
        """Return the exception, its text filled with the facts."""
        return Refused(self.code, self.text.format(**facts))


# --------------------------------------------------------------------------- the journal

NOTHING_TO_POST = Refusal(DIALOG, "Journal {journal} has no lines, so there is nothing to post.")

# --------------------------------------------------------------------------- each line, in line order

POSTING_DATE_MISSING = Refusal(FIELD, "postingDate must have a value on journal line {line}.")
POSTING_DATE_NOT_ALLOWED = Refusal(
    FIELD,
    "postingDate {date} of journal line {line} is outside the allowed posting dates ({first}..{last}). Change the "
    "date, or the set-up.",
)
SALESPERSON_PRIVACY_BLOCKED = Refusal(
    DIALOG,
    "Salesperson {code} on journal line {line} is blocked for privacy. Choose another salesperson for the customer.",
)
DOCUMENT_NUMBER_MISSING = Refusal(
    FIELD, "documentNumber must have a value on journal line {line}. Enter one, or give the journal a number series."
)
TWO_PARTNERS = Refusal(
    DIALOG,
    "Journal line {line} has a {account_type} on both sides. Make the account or the balancing account a G/L account "
    "or a bank account.",
)
ACCOUNT_MISSING = Refusal(FIELD, "The account number must have a value on journal line {line}.")
AMOUNT_MISSING = Refusal(FIELD, "amount must not be 0 on journal line {line}.")
AMOUNT_SIGN_DIFFERS = Refusal(
    FIELD,
    "amount {amount} and its value in local currency {amount_lcy} must have the same sign on journal line {line}.",
)
NOTHING_TO_APPLY = Refusal(
    DIALOG,
    "Journal line {line} is applied to {document}, but none of its accounts is a customer. Clear the application, or "
    "choose a customer.",
)
ACCOUNT_TYPE_UNKNOWN = Refusal(
    DIALOG,
    "Journal line {line} names a {account_type}; only G/L accounts, customers and bank accounts can be posted to.",
)
CUSTOMER_UNKNOWN = Refusal(
    "Internal_RecordNotFound", "Customer {number} on journal line {line} does not exist any more. Choose another one."
)
CUSTOMER_PRIVACY_BLOCKED = Refusal(
    DIALOG, "Customer {number} on journal line {line} is blocked for privacy. Unblock the customer first."
)
CUSTOMER_BLOCKED = Refusal(
    DIALOG,
    "Customer {number} on journal line {line} is blocked with type {blocked}. Change 'blocked' on the customer, or "
    "choose another one.",
)
AMOUNT_NOT_NEGATIVE = Refusal(
    FIELD, "amount must be negative on journal line {line}, a {document_type} of a customer; it is {amount}."
)
AMOUNT_NOT_POSITIVE = Refusal(
    FIELD, "amount must be positive on journal line {line}, a {document_type} of a customer; it is {amount}."
)
APPLIED_TWICE = Refusal(
    DIALOG,
    "Journal line {line} is applied to document {document} and to the entries marked {mark}. Keep one of the two.",
)

WRITE_OFF_NEGATIVE = Refusal(FIELD, "writeOffAmount must not be negative on journal line {line}; it is {amount}.")
WRITE_OFF_WITHOUT_DOCUMENT = Refusal(
    FIELD,
    "Journal line {line} has the writeOffAmount {amount}, but names no document of which that could be written off. "
    "Apply the line to one, or set writeOffAmount to 0.",
)
WRITE_OFF_WITHOUT_REASON = Refusal(
    FIELD, "writeOffReasonCode must have a value on journal line {line}, because it has a writeOffAmount."
)

# --------------------------------------------------------------------------- each document, in the order of posting

SERIES_UNKNOWN = Refusal(
    "Internal_RecordNotFound",
    "Number series {series} of journal {journal} does not exist. Correct the journal's set-up.",
)
NUMBER_NOT_NEXT = Refusal(
    DIALOG,
    "documentNumber {number} is not the next number of series {series}, which is {next}, and the series takes no "
    "other numbers. Post the documents before it first, or change the number.",
)
DOCUMENT_UNBALANCED = Refusal(
    DIALOG,
    "Document {document} of {date} is out of balance by {difference}. Check the amounts, posting dates, document "
    "types and document numbers of its lines, or give them a balancing account.",
)
DATE_UNBALANCED = Refusal(
    DIALOG,
    "The lines of {date} are out of balance by {difference}. Check their posting dates and amounts, or give them a "
    "balancing account.",
)

# --------------------------------------------------------------------------- each side of a line, as it is posted

ACCOUNT_UNKNOWN = Refusal(
    "Internal_RecordNotFound", "G/L account {number}, needed by {where}, does not exist. Choose another one."
)
ACCOUNT_NOT_POSTING = Refusal(
    FIELD, "G/L account {number}, needed by {where}, must have accountType Posting, but has {account_type}."
)
ACCOUNT_BLOCKED = Refusal(FIELD, "G/L account {number}, needed by {where}, is blocked. Set its blocked to false.")
ACCOUNT_NOT_DIRECT = Refusal(FIELD, "G/L account {number}, needed by {where}, must have directPosting set to true.")
BANK_UNKNOWN = Refusal(
    "Internal_RecordNotFound", "Bank account {number} on journal line {line} does not exist any more."
)
BANK_BLOCKED = Refusal(FIELD, "Bank account {number} on journal line {line} is blocked. Set its blocked to false.")
BANK_CURRENCY_DIFFERS = Refusal(
    FIELD,
    "Bank account {number} is kept in {bank_currency}; journal line {line} is in {currency}. Use a line in the bank "
    "account's currency, or a bank account in local currency.",
)
BANK_WITHOUT_ACCOUNT = Refusal(
    FIELD, "Bank account {number} on journal line {line} has no G/L account. Enter one in the set-up."
)
POSTING_GROUP_MISSING = Refusal(
    FIELD, "customerPostingGroup must have a value for customer {number} on journal line {line}."
)
GROUP_ACCOUNT_MISSING = Refusal(FIELD, "Customer posting group {group} has no {account}. Enter one in the set-up.")
CURRENCY_ACCOUNT_MISSING = Refusal(FIELD, "Currency {currency} has no {account}. Enter one in the set-up.")
CURRENCY_UNKNOWN = Refusal(
    "Internal_RecordNotFound", "Currency {currency} on journal line {line} does not exist any more."
)
ENTRY_NOT_FOUND = Refusal(
    "Internal_DataNotFoundFilter",
    "Journal line {line} is applied to {document_type} {document}, but customer {number} has no open entry of that "
    "type and number.",
)
ENTRY_SIGN_SAME = Refusal(
    FIELD,
    "Journal line {line} is applied to {document_type} {document}, whose remaining amount {remaining} has the "
    "same sign as the line's amount. Apply it to an entry of the opposite sign.",
)
ENTRY_CURRENCY_UNKNOWN = Refusal(
    "Internal_RecordNotFound",
    "Journal line {line} is applied to {document_type} {document} in currency {currency}, which does not exist any "
    "more.",
)
CURRENCIES_NOT_APPLIED = Refusal(
    DIALOG,
    "Journal line {line} is in {currency}, {document_type} {document} in {entry_currency}; the set-up does not allow "
    "entries in different currencies to be applied to each other.",
)

# --------------------------------------------------------------------------- rests, after all lines are posted

WRITE_OFF_EXCEEDS_REST = Refusal(
    FIELD,
    "writeOffAmount {amount} of journal line {line} is more than {remaining}, which remains of {document_type} "
    "{document} after the payment. Write off that much at most.",
)
WRITE_OFF_CURRENCY_DIFFERS = Refusal(
    DIALOG,
    "Journal line {line} is in {currency}, {document_type} {document} in {entry_currency}; a rest can be written off "
    "in the currency of its document only.",
)
WRITE_OFF_OVER_LIMIT = Refusal(
    DIALOG,
    "writeOffAmount {amount} (in local currency) of journal line {line} is more than {limit}, the limit up to which "
    "the receivables set-up allows rests to be written off.",
)

ALL: dict[str, Refusal] = {name: value for name, value in list(globals().items()) if isinstance(value, Refusal)}
"""Name -> refusal, in order of precedence."""
