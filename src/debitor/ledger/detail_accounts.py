"""Which G/L account a detailed entry goes to: a discount, a tolerance, a gain or loss, a rounding.

Source: BCApps CustomerPostingGroup.Table.al, Currency.Table.al, GenJnlPostLine.Codeunit.al, retold.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from debitor.ledger.apply import Detail
from debitor.ledger.records import (
    Currency,
    CustomerPostingGroup,
    DetailedEntryType,
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


class DetailAccount(NamedTuple):
    """The account's number (blank: not set up), the column it stands in, and of what."""

    number: str
    column: str
    where: str


def detail_account(
    detail: Detail, group: CustomerPostingGroup, currencies: Mapping[str, Currency], setup: ReceivablesSetup
) -> DetailAccount:
    """Return the G/L account of a detailed entry that is neither Initial Entry nor Application.

    Gains and losses go to accounts of the entry's currency, all else to those of the customer posting group: to the
    debit account when the entry's amount in local currency is not positive. The set-up may send tolerances to the
    discount accounts.
    """
    kind = detail.entry_type
    if kind in CURRENCY_ACCOUNTS:
        code, column = detail.entry.currency_code, CURRENCY_ACCOUNTS[kind]
        return DetailAccount(str(getattr(currencies[code], column)), column, f"currency {code}")
    wanted: dict[str, str] = {
        DetailedEntryType.PAYMENT_TOLERANCE: setup.payment_tolerance_posting,
        DetailedEntryType.PAYMENT_DISCOUNT_TOLERANCE: setup.payment_discount_tolerance_posting,
    }
    account = GROUP_ACCOUNTS[kind]
    if wanted.get(kind) == TolerancePosting.PAYMENT_DISCOUNT_ACCOUNTS:
        account = GROUP_ACCOUNTS[DetailedEntryType.PAYMENT_DISCOUNT]
    column = account.format("debit" if detail.amount_lcy <= 0 else "credit")
    return DetailAccount(str(getattr(group, column)), column, f"customer posting group {group.code}")
