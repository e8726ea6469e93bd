"""What a customer payment may say of itself besides Business Central's resource: its currency, its balancing account,
its payment method, its reason, and a rest of the invoice that is to be written off with it.
"""

from __future__ import annotations

from typing import Any

import msgspec

from debitor.ledger import journal
from debitor.ledger.amounts import plain, round_to
from debitor.ledger.records import (
    AccountType,
    BankAccount,
    Currency,
    Customer,
    JournalBatch,
    JournalLine,
    PaymentMethod,
)
from debitor.operations.journals import account_columns, balancing_account_type
from debitor.operations.payments import (
    amount_columns,
    checked_reason,
    line_balancing,
    line_customer,
    line_dimensions,
    payment_line,
    refuse,
    relation,
    setup_of,
)
from debitor.schema import BLANK_GUID, Act, Draft, Refused
from debitor.store import Reader, Transaction

BALANCING = frozenset(("balancingAccountType", "balancingAccountNumber"))


def set_terms(act: Act, id: str, draft: Draft) -> str:
    """Take over what a draft says besides the properties that v2.0 has. Returns the payment's id.

    A balancing account in a currency gives the payment that currency, unless the draft names one itself.

    Raises:
        Refused: a code or number that names nothing, a currency that is not the balancing bank account's, a customer
            on both sides, a negative amount to write off.
    """
    tx: Transaction = act.tx
    line = payment_line(tx, id)
    columns: dict[str, Any] = {}
    if draft.keys() & BALANCING:
        columns |= _balancing(tx, line, draft)
    moved = msgspec.structs.replace(line, **columns)
    bank = None
    if moved.balancing_account_type == AccountType.BANK_ACCOUNT:
        bank = tx.get(BankAccount, moved.balancing_account_id)
    currency_code = _currency(tx, line, bank, draft)
    if currency_code != line.currency_code:
        columns |= amount_columns(tx, line.amount, currency_code, line.posting_date, setup_of(tx))
    if "paymentMethodCode" in draft:
        code = draft["paymentMethodCode"]
        method = tx.find(PaymentMethod, code=code) if code else None
        if code and method is None:
            raise relation("paymentMethodCode", code, "Payment Method")
        columns["payment_method_id"] = method.id if method else BLANK_GUID
    if "reasonCode" in draft:
        columns["reason_code"] = checked_reason(tx, draft["reasonCode"])
    if "writeOffReasonCode" in draft:
        columns["write_off_reason_code"] = checked_reason(tx, draft["writeOffReasonCode"])
    if "writeOffAmount" in draft:
        columns["write_off_amount"] = _write_off(tx, draft, currency_code)
    changed = {name: value for name, value in columns.items() if getattr(line, name) != value}
    return tx.update(line, **changed).id if changed else line.id


def _balancing(tx: Transaction, line: JournalLine, draft: Draft) -> dict[str, Any]:
    """The columns of a balancing account, and of the dimensions that it gives the line.

    Another type clears the number.
    """
    kind = balancing_account_type(draft.get("balancingAccountType", line.balancing_account_type))
    if kind == AccountType.CUSTOMER:
        raise refuse(
            "balancingAccountType Customer is not possible for a customerPayment, which has a customer already; name "
            "a G/L account or a bank account."
        )
    kept = line.balancing_account_number if kind == line.balancing_account_type else ""
    columns = account_columns(
        tx,
        kind,
        None,
        draft.get("balancingAccountNumber", kept),
        prefix="balancing_account",
        wire=("balancingAccountId", "balancingAccountNumber"),
    )
    batch, customer = tx.get(JournalBatch, line.journal_id), tx.get(Customer, line.account_id)
    assert batch, "a line without its journal"
    columns["dimension_set_number"] = line_dimensions(tx, batch, line_balancing(columns), line_customer(customer))
    return columns


def _currency(tx: Reader, line: JournalLine, bank: BankAccount | None, draft: Draft) -> str:
    """The currency of a payment after a draft."""
    code: str = draft.get("currencyCode", line.currency_code)
    if "currencyCode" in draft:
        code = "" if code == setup_of(tx).local_currency_code else code
        if code and tx.find(Currency, code=code) is None:
            raise relation("currencyCode", code, "Currency")
    elif draft.keys() & BALANCING:
        code = journal.currency_of(tx.get(Customer, line.account_id), bank)
    if bank and bank.currency_code and bank.currency_code != code:
        raise refuse(
            f"currencyCode {code or 'of the local currency'} is not that of bank account {bank.number}, which is "
            f"kept in {bank.currency_code}; send currencyCode {bank.currency_code}, or another balancing account."
        )
    return code


def _write_off(tx: Reader, draft: Draft, currency_code: str) -> Any:
    """The amount to write off, rounded to the currency of the payment."""
    amount = draft["writeOffAmount"]
    if amount < 0:
        raise Refused(
            "Application_FieldValidationException",
            f"writeOffAmount {plain(amount)} must not be negative; it is what is given up of the invoice.",
        )
    currency = tx.find(Currency, code=currency_code) if currency_code else None
    return round_to(amount, journal.precision_of(currency, setup_of(tx)))
