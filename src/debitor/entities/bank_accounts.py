"""bankAccounts: where money arrives. Source: BCApps APIV2BankAccounts.Page.al.

The G/L account of a bank account is set-up and not shown: a new one shares that of the first bank account.
"""

from typing import Any

from debitor.entities.master import Copy, Use, editable, refuse
from debitor.ledger.records import (
    AccountType,
    BankAccount,
    BankAccountLedgerEntry,
    Currency,
    JournalBatch,
    JournalLine,
)
from debitor.schema import (
    BOOL,
    DATETIME,
    GUID,
    Act,
    Col,
    Context,
    EntitySet,
    FirstOf,
    Lookup,
    Property,
    code,
    text,
)

_BANK = {"account_type": AccountType.BANK_ACCOUNT}
_BALANCING = {"balancing_account_type": AccountType.BANK_ACCOUNT}


def _check(act: Act, row: BankAccount | None, columns: dict[str, Any]) -> None:
    """A new one shares the first one's G/L account; the currency stays once there are entries in it."""
    if row is None:
        for first in act.tx.all(BankAccount, order=("number",), limit=1):
            columns["ledger_account"] = first.ledger_account
    elif columns.get("currency_code", row.currency_code) != row.currency_code and act.tx.find(
        BankAccountLedgerEntry, bank_account_id=row.id
    ):
        raise refuse(
            f"The currency of bank account {row.number} cannot change, because there are ledger entries with it."
        )


BANK_ACCOUNTS = editable(
    EntitySet(
        name="bankAccounts",
        entity="bankAccount",
        record=BankAccount,
        order=("number",),
        lookups={"currency": Lookup(Currency, via="currency_code", by="code")},
        properties=(
            Property("id", GUID, "id", editable=False, nullable=False),
            Property("number", code(20), "number"),
            Property("displayName", text(100), "name"),
            Property("lastModifiedDateTime", DATETIME, "modified_at", editable=False),
            Property("bankAccountNumber", text(30), "bank_account_number"),
            Property("blocked", BOOL, "blocked"),
            Property(
                "currencyCode",
                code(None),
                FirstOf((Col("currency_code"), Context("local_currency_code"))),
                limit=10,
            ),
            Property("currencyId", GUID, "currency.id"),
            Property("iban", code(50), "iban"),
            Property("intercompanyEnabled", BOOL, "intercompany_enabled"),
        ),
    ),
    required=("number",),
    uses=(
        Use(BankAccountLedgerEntry, "bank_account_id", "ledger entries"),
        Use(JournalBatch, "balancing_account_id", "journals", where=_BALANCING),
        Use(JournalLine, "account_id", "open journal lines", where=_BANK),
        Use(JournalLine, "balancing_account_id", "open journal lines", where=_BALANCING),
    ),
    copies=(
        Copy(BankAccountLedgerEntry, "bank_account_number", of="bank_account_id"),
        Copy(JournalBatch, "balancing_account_number", of="balancing_account_id", where=_BALANCING),
        Copy(JournalLine, "account_number", of="account_id", where=_BANK),
        Copy(JournalLine, "balancing_account_number", of="balancing_account_id", where=_BALANCING),
    ),
    prepare=_check,
)
