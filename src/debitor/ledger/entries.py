"""The rows that posting adds, each made in one place, whether a journal or a sales document is posted.

All rows of one posted document share what its `Voucher` says; the rest comes with each row.

A row is a blank one with replacements, fourteen at a time: a call with more keywords goes through a dictionary in
Python, and costs five times as much. A posting has seven rows for each line.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Any

import msgspec
from msgspec.structs import replace

from debitor.ledger.amounts import ZERO
from debitor.ledger.apply import Detail
from debitor.ledger.records import (
    Account,
    AccountType,
    BankAccount,
    BankAccountLedgerEntry,
    Customer,
    CustomerLedgerEntry,
    DetailedEntry,
    DetailedEntryType,
    DocumentType,
    GeneralLedgerEntry,
    GeneralLedgerRegister,
    TaxEntry,
)
from debitor.schema import BLANK_GUID

BLANK_TYPE = AccountType.GL_ACCOUNT
"""The account type of an account number that is blank."""


class Voucher(msgspec.Struct, frozen=True, gc=False):
    """What all entries of one posted document have in common.

    Attributes:
        dimension_set_number: of the document; an entry may have its own.
        user: who posts; now: the time stamp of the transaction.
    """

    transaction_number: int
    register_number: int
    posting_date: date
    document_date: date
    document_type: DocumentType
    document_number: str
    external_document_number: str
    description: str
    dimension_set_number: int
    source_code: str
    user: str
    now: str
    comment: str = ""
    reason_code: str = ""
    journal_batch_name: str = ""


class Other(msgspec.Struct, frozen=True, gc=False):
    """The account on the other side of an entry."""

    account_type: AccountType = BLANK_TYPE
    number: str = ""


NO_OTHER = Other()

_GENERAL = GeneralLedgerEntry(entry_number=0)
_BANK = BankAccountLedgerEntry(entry_number=0)
_CUSTOMER = CustomerLedgerEntry(entry_number=0)
_DETAILED = DetailedEntry(entry_number=0, ledger_entry_number=0)
"""Blank rows."""


def general_entry(
    of: Voucher,
    number: int,
    account: Account,
    amount: Decimal,
    *,
    source_type: AccountType = BLANK_TYPE,
    source_number: str = "",
    other: Other = NO_OTHER,
    dimension_set_number: int | None = None,
    tax_amount: Decimal = ZERO,
    correction: bool = False,
) -> GeneralLedgerEntry:
    """Return a general ledger entry.

    Args:
        source_type, source_number: the customer or bank account that the entry is about.
        correction: it takes an earlier entry back, so its amount stands with a minus on the side of that one.
    """
    debit = amount < 0 if correction else amount > 0
    entry = replace(
        _GENERAL,
        transaction_number=of.transaction_number,
        register_number=of.register_number,
        posting_date=of.posting_date,
        document_date=of.document_date,
        document_type=of.document_type,
        document_number=of.document_number,
        external_document_number=of.external_document_number,
        description=of.description,
        comment=of.comment,
        source_code=of.source_code,
        reason_code=of.reason_code,
        journal_batch_name=of.journal_batch_name,
        user_id=of.user,
        created_at=of.now,
    )
    return replace(
        entry,
        entry_number=number,
        account_id=account.id,
        account_number=account.number,
        amount=amount,
        debit_amount=amount if debit else ZERO,
        credit_amount=ZERO if debit else -amount,
        tax_amount=tax_amount,
        balancing_account_type=other.account_type,
        balancing_account_number=other.number,
        source_type=source_type,
        source_number=source_number,
        dimension_set_number=of.dimension_set_number if dimension_set_number is None else dimension_set_number,
    )


def bank_entry(
    of: Voucher, number: int, bank: BankAccount, amount: Decimal, lcy: Decimal, other: Other
) -> BankAccountLedgerEntry:
    """Return a bank account ledger entry; `amount` is in the bank account's currency."""
    entry = replace(
        _BANK,
        transaction_number=of.transaction_number,
        posting_date=of.posting_date,
        document_date=of.document_date,
        document_type=of.document_type,
        document_number=of.document_number,
        external_document_number=of.external_document_number,
        description=of.description,
        dimension_set_number=of.dimension_set_number,
        source_code=of.source_code,
        reason_code=of.reason_code,
        journal_batch_name=of.journal_batch_name,
        user_id=of.user,
        created_at=of.now,
    )
    return replace(
        entry,
        entry_number=number,
        bank_account_id=bank.id,
        bank_account_number=bank.number,
        currency_code=bank.currency_code,
        amount=amount,
        amount_lcy=lcy,
        remaining_amount=amount,
        open=bool(amount),
        positive=amount > 0,
        balancing_account_type=other.account_type,
        balancing_account_number=other.number,
    )


def customer_entry(
    of: Voucher,
    number: int,
    customer: Customer,
    amount: Decimal,
    lcy: Decimal,
    *,
    currency_code: str,
    currency_factor: Decimal,
    due_date: date,
    **more: Any,
) -> CustomerLedgerEntry:
    """Return a customer ledger entry before anything is applied to it: all of it remains.

    Args:
        amount: in the currency; debit positive. lcy: the same in local currency.
        more: further columns, such as the payment discount or what the entry comes from.
    """
    entry = replace(
        _CUSTOMER,
        transaction_number=of.transaction_number,
        posting_date=of.posting_date,
        document_date=of.document_date,
        document_type=of.document_type,
        document_number=of.document_number,
        external_document_number=of.external_document_number,
        description=of.description,
        dimension_set_number=of.dimension_set_number,
        source_code=of.source_code,
        reason_code=of.reason_code,
        journal_batch_name=of.journal_batch_name,
        user_id=of.user,
        created_at=of.now,
    )
    entry = replace(
        entry,
        entry_number=number,
        customer_id=customer.id,
        customer_number=customer.number,
        currency_code=currency_code,
        original_amount=amount,
        original_amount_lcy=lcy,
        amount=amount,
        amount_lcy=lcy,
        remaining_amount=amount,
        remaining_amount_lcy=lcy,
        original_currency_factor=currency_factor,
        adjusted_currency_factor=currency_factor,
        due_date=due_date,
    )
    return replace(entry, open=bool(amount), positive=amount > 0, **more)


def detailed_entry(
    of: Voucher, number: int, detail: Detail, on: date, new_entry_number: int, application_number: int = 0
) -> DetailedEntry:
    """Return the row of a detailed entry; both of its amounts stand on the same side.

    Args:
        on: the date of the application. new_entry_number: the customer ledger entry that was applied.
        application_number: of a posting without transaction.
    """
    entry, kind, amount, lcy = detail.entry, detail.entry_type, detail.amount, detail.amount_lcy
    debit = amount > 0 or lcy > 0
    applied = kind == DetailedEntryType.APPLICATION
    row = replace(
        _DETAILED,
        ledger_entry_number=entry.entry_number,
        posting_date=on,
        document_type=of.document_type,
        document_number=of.document_number,
        customer_id=entry.customer_id,
        customer_number=entry.customer_number,
        currency_code=entry.currency_code,
        transaction_number=of.transaction_number,
        application_number=application_number,
        initial_due_date=entry.due_date,
        initial_document_type=entry.document_type,
        source_code=of.source_code,
        user_id=of.user,
        created_at=of.now,
    )
    return replace(
        row,
        entry_number=number,
        entry_type=kind,
        amount=amount,
        amount_lcy=lcy,
        debit_amount=amount if debit else ZERO,
        credit_amount=ZERO if debit else -amount,
        debit_amount_lcy=lcy if debit else ZERO,
        credit_amount_lcy=ZERO if debit else -lcy,
        applied_ledger_entry_number=new_entry_number if applied else 0,
        remaining_payment_discount_possible=entry.remaining_payment_discount_possible if applied else ZERO,
        maximum_payment_tolerance=entry.maximum_payment_tolerance if applied else ZERO,
    )


def tax_entry(
    of: Voucher,
    number: int,
    general: GeneralLedgerEntry,
    *,
    tax_group_code: str,
    percent: Decimal,
    customer_number: str,
) -> TaxEntry:
    """Return the tax entry of a general ledger entry of sales: base and tax as that entry has them."""
    return TaxEntry(
        entry_number=number,
        transaction_number=of.transaction_number,
        general_ledger_entry_number=general.entry_number,
        posting_date=of.posting_date,
        document_type=of.document_type,
        document_number=of.document_number,
        tax_group_code=tax_group_code,
        percent=percent,
        base=general.amount,
        amount=general.tax_amount,
        bill_to_customer_number=customer_number,
        source_code=of.source_code,
        user_id=of.user,
        created_at=of.now,
    )


def register_of(
    of: Voucher, first: int, last: int, *, taxes: Sequence[TaxEntry] = (), journal_template_name: str = ""
) -> GeneralLedgerRegister:
    """Return the register of one act of posting, from its first to its last general ledger entry."""
    return GeneralLedgerRegister(
        number=of.register_number,
        from_entry_number=first,
        to_entry_number=last,
        from_tax_entry_number=taxes[0].entry_number if taxes else 0,
        to_tax_entry_number=taxes[-1].entry_number if taxes else 0,
        source_code=of.source_code,
        journal_template_name=journal_template_name,
        journal_batch_name=of.journal_batch_name,
        posting_date=of.posting_date,
        user_id=of.user,
        created_at=of.now,
    )


# --------------------------------------------------------------------------- the opposite of posted rows


def opposite_detailed_entry(of: Voucher, number: int, entry: DetailedEntry, application_number: int) -> DetailedEntry:
    """Return the detailed entry that takes another one back; both name each other, amounts stay on their side."""
    return replace(
        entry,
        id=BLANK_GUID,
        version=0,
        entry_number=number,
        posting_date=of.posting_date,
        amount=-entry.amount,
        amount_lcy=-entry.amount_lcy,
        debit_amount=-entry.debit_amount,
        credit_amount=-entry.credit_amount,
        debit_amount_lcy=-entry.debit_amount_lcy,
        credit_amount_lcy=-entry.credit_amount_lcy,
        transaction_number=of.transaction_number,
        application_number=application_number,
        unapplied=True,
        unapplied_by_entry_number=entry.entry_number,
        source_code=of.source_code,
        user_id=of.user,
        created_at=of.now,
    )


def _reversing(of: Voucher, number: int, entry_number: int) -> dict[str, Any]:
    """What all rows of a reversal have instead of what the rows have that they reverse."""
    return {
        "id": BLANK_GUID,
        "version": 0,
        "entry_number": number,
        "transaction_number": of.transaction_number,
        "source_code": of.source_code,
        "reason_code": of.reason_code,
        "journal_batch_name": "",
        "reversed": True,
        "reversed_entry_number": entry_number,
        "user_id": of.user,
        "created_at": of.now,
    }


def reversing_general_entry(of: Voucher, number: int, entry: GeneralLedgerEntry) -> GeneralLedgerEntry:
    """Return the general ledger entry that reverses another one: a debit stays a debit, with a minus."""
    return replace(
        entry,
        register_number=of.register_number,
        amount=-entry.amount,
        debit_amount=-entry.debit_amount,
        credit_amount=-entry.credit_amount,
        tax_amount=-entry.tax_amount,
        **_reversing(of, number, entry.entry_number),
    )


def reversing_bank_entry(of: Voucher, number: int, entry: BankAccountLedgerEntry) -> BankAccountLedgerEntry:
    """Return the bank account ledger entry that reverses another one; nothing of it is left to reconcile."""
    return replace(
        entry,
        amount=-entry.amount,
        amount_lcy=-entry.amount_lcy,
        remaining_amount=ZERO,
        open=False,
        positive=entry.amount < 0,
        **_reversing(of, number, entry.entry_number),
    )


def reversing_customer_entry(of: Voucher, number: int, entry: CustomerLedgerEntry) -> CustomerLedgerEntry:
    """Return the customer ledger entry that reverses another one, before both are applied to each other."""
    return replace(
        entry,
        original_amount=-entry.original_amount,
        original_amount_lcy=-entry.original_amount_lcy,
        amount=-entry.original_amount,
        amount_lcy=-entry.original_amount_lcy,
        remaining_amount=-entry.original_amount,
        remaining_amount_lcy=-entry.original_amount_lcy,
        positive=entry.original_amount < 0,
        original_payment_discount_possible=ZERO,
        remaining_payment_discount_possible=ZERO,
        maximum_payment_tolerance=ZERO,
        applies_to_id="",
        amount_to_apply=ZERO,
        sales_lcy=-entry.sales_lcy,
        **_reversing(of, number, entry.entry_number),
    )
