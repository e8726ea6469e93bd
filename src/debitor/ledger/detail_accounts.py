"""Which G/L account a detailed entry goes to: a discount, a tolerance, a gain or loss, a rounding.

Source: BCApps CustomerPostingGroup.Table.al, Currency.Table.al, GenJnlPostLine.Codeunit.al, retold.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from debitor.ledger import refusals
from debitor.ledger.apply import Detail
from debitor.ledger.records import (
    Account,
    Currency,
    CustomerPostingGroup,
    DetailedEntryType,
    GLAccountType,
    ReceivablesSetup,
    TolerancePosting,
)

CURRENCY_ACCOUNTS: dict[str, str] = {
    DetailedEntryType.REALIZED_GAIN: "realized_gains_account",
    DetailedEntryType.REALIZED_LOSS: "realized_losses_account",
    DetailedEntryType.UNREALIZED_GAIN: "unrealized_gains_account",
    DetailedEntryType.UNREALIZED_LOSS: "unrealized_losses_account",
}
"""Detailed entry type -> column of the currency."""

GROUP_ACCOUNTS: dict[str, str] = {
    DetailedEntryType.PAYMENT_DISCOUNT: "payment_discount_{}_account",
    DetailedEntryType.PAYMENT_TOLERANCE: "payment_tolerance_{}_account",
    DetailedEntryType.PAYMENT_DISCOUNT_TOLERANCE: "payment_tolerance_{}_account",
    DetailedEntryType.APPLN_ROUNDING: "application_rounding_{}_account",
    DetailedEntryType.CORRECTION_OF_REMAINING_AMOUNT: "{}_rounding_account",
}
"""Detailed entry type -> column of the customer posting group; debit when the detailed amount is not positive."""


class AccountOf(NamedTuple):
    """The account's number, and what names it, for messages."""

    number: str
    where: str


def detail_account(
    detail: Detail, group: CustomerPostingGroup, currencies: Mapping[str, Currency], setup: ReceivablesSetup
) -> AccountOf:
    """Return the G/L account of a detailed entry that is neither Initial Entry nor Application.

    Gains and losses go to accounts of the entry's currency, all else to those of the customer posting group: to the
    debit account when the entry's amount in local currency is not positive. The set-up may send tolerances to the
    discount accounts.

    Raises:
        Refused: the posting group or the currency has no such account.
    """
    kind = detail.entry_type
    if kind in CURRENCY_ACCOUNTS:
        code, column = detail.entry.currency_code, CURRENCY_ACCOUNTS[kind]
        number = str(getattr(currencies[code], column))
        if not number:
            raise refusals.CURRENCY_ACCOUNT_MISSING(currency=code, account=column.replace("_", " "))
        return AccountOf(number, f"currency {code}")
    wanted: dict[str, str] = {
        DetailedEntryType.PAYMENT_TOLERANCE: setup.payment_tolerance_posting,
        DetailedEntryType.PAYMENT_DISCOUNT_TOLERANCE: setup.payment_discount_tolerance_posting,
    }
    account = GROUP_ACCOUNTS[kind]
    if wanted.get(kind) == TolerancePosting.PAYMENT_DISCOUNT_ACCOUNTS:
        account = GROUP_ACCOUNTS[DetailedEntryType.PAYMENT_DISCOUNT]
    column = account.format("debit" if detail.amount_lcy <= 0 else "credit")
    return group_account(group, column)


def group_account(group: CustomerPostingGroup, column: str) -> AccountOf:
    """Return an account of a customer posting group.

    Raises:
        Refused: it is blank.
    """
    number = str(getattr(group, column))
    if not number:
        raise refusals.GROUP_ACCOUNT_MISSING(group=group.code, account=column.replace("_", " "))
    return AccountOf(number, f"customer posting group {group.code}")


def posting_account(accounts: Mapping[str, Account], number: str, where: str) -> Account:
    """Return the G/L account with a number.

    Raises:
        Refused: it is missing, blocked, or a heading or total.
    """
    account = accounts.get(number)
    if account is None:
        raise refusals.ACCOUNT_UNKNOWN(number=number, where=where)
    if account.account_type != GLAccountType.POSTING:
        raise refusals.ACCOUNT_NOT_POSTING(number=number, where=where, account_type=account.account_type)
    if account.blocked:
        raise refusals.ACCOUNT_BLOCKED(number=number, where=where)
    return account
