"""customerPostingGroups: the G/L accounts that the entries of customers go to.

Accounts are numbers of accounts that can be posted to. Entries keep the group they were posted with; a group in use
is not deleted or renamed.
"""

from typing import Any

from debitor.entities.master import Use, editable, refuse
from debitor.entities.receivables.account_columns import account_lookups, check_accounts, code_properties
from debitor.ledger.records import (
    Customer,
    CustomerLedgerEntry,
    CustomerPostingGroup,
    JournalLine,
    ReceivablesSetup,
)
from debitor.schema import DATETIME, GUID, Act, EntitySet, Property, code, text

_ACCOUNTS = {
    "receivablesAccount": "receivables_account",
    "paymentDiscountDebitAccount": "payment_discount_debit_account",
    "paymentDiscountCreditAccount": "payment_discount_credit_account",
    "paymentToleranceDebitAccount": "payment_tolerance_debit_account",
    "paymentToleranceCreditAccount": "payment_tolerance_credit_account",
    "debitRoundingAccount": "debit_rounding_account",
    "creditRoundingAccount": "credit_rounding_account",
    "applicationRoundingDebitAccount": "application_rounding_debit_account",
    "applicationRoundingCreditAccount": "application_rounding_credit_account",
    "invoiceRoundingAccount": "invoice_rounding_account",
    "writeOffAccount": "write_off_account",
    "additionalFeeAccount": "additional_fee_account",
}


def _check(act: Act, row: CustomerPostingGroup | None, columns: dict[str, Any]) -> None:
    check_accounts(act, _ACCOUNTS, columns)
    new = columns.get("receivables_account")
    if row is None or new is None or new == row.receivables_account:
        return
    if act.tx.find(CustomerLedgerEntry, customer_posting_group=row.code, open=True):
        raise refuse(
            f"receivablesAccount {row.receivables_account} cannot change while customer ledger entries of group "
            f"{row.code} are open: what closes them has to go to the account that they are on."
        )


CUSTOMER_POSTING_GROUPS = editable(
    EntitySet(
        name="customerPostingGroups",
        entity="customerPostingGroup",
        record=CustomerPostingGroup,
        order=("code",),
        lookups=account_lookups(_ACCOUNTS.values()),
        properties=(
            Property("id", GUID, "id", editable=False, nullable=False),
            Property("code", code(20), "code", nullable=False),
            Property("displayName", text(100), "description"),
            *code_properties(_ACCOUNTS),
            Property("lastModifiedDateTime", DATETIME, "modified_at", editable=False),
        ),
    ),
    required=("code", "receivablesAccount"),
    uses=(
        Use(Customer, "customer_posting_group", "customers", by="code"),
        Use(ReceivablesSetup, "default_customer_posting_group", "new customers by default", by="code"),
        Use(JournalLine, "customer_posting_group", "open journal lines", by="code"),
        Use(CustomerLedgerEntry, "customer_posting_group", "ledger entries", by="code"),
    ),
    prepare=_check,
)
