"""Money that leaves again: refunds, payments that a bank takes back, and small rests that are given up.

Each is a journal line that is posted at once, applied to the entry that it is about:

    refund       Refund   200, bank account on the other side, applied to a credit of -200
    chargeback   Refund  1000, bank account, applied to the payment of -1000 after that was unapplied;
                 with a fee: Finance Charge Memo 15, additional fee account, open for the customer to pay
    write-off    -0.40, write-off account, applied to an invoice of which 0.40 remains
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from debitor.ledger import entry_refusals
from debitor.ledger.amounts import plain
from debitor.ledger.currencies import to_lcy
from debitor.ledger.records import (
    Account,
    AccountType,
    BankAccount,
    CustomerLedgerEntry,
    DocumentType,
    JournalLine,
    ReceivablesSetup,
)
from debitor.schema import BLANK_GUID

LINE_STEP = 10000


@dataclass(frozen=True, slots=True)
class Slip:
    """What the journal lines of one act share.

    Attributes:
        entry: the customer ledger entry that the act is about.
        factor: foreign currency per local currency on the day `on`, 1 for an entry in local currency.
        document_number: of what is posted.
    """

    entry: CustomerLedgerEntry
    on: date
    factor: Decimal
    document_number: str
    setup: ReceivablesSetup
    reason_code: str = ""
    external_document_number: str = ""


def refund_line(slip: Slip, amount: Decimal | None, bank: BankAccount) -> JournalLine:
    """Return the line that pays a customer back what an entry has in credit.

    Args:
        amount: in the entry's currency, positive; None for all of the credit.

    Raises:
        Refused: the entry is no open credit, or the amount is more than that.
    """
    entry = slip.entry
    credit = -entry.remaining_amount
    if credit <= 0:
        raise entry_refusals.NO_CREDIT(entry=entry.entry_number, remaining=plain(entry.remaining_amount))
    if amount is None:
        amount = credit
    if not 0 < amount <= credit:
        raise entry_refusals.REFUND_TOO_LARGE(amount=plain(amount), credit=plain(credit), entry=entry.entry_number)
    return _line(slip, DocumentType.REFUND, amount, bank)


def check_receipt(entry: CustomerLedgerEntry, fee: Decimal) -> None:
    """Refuse to charge back what is no payment of a customer, and a fee below zero."""
    if entry.document_type != DocumentType.PAYMENT or entry.original_amount >= 0 or entry.reversed:
        raise entry_refusals.NO_RECEIPT(entry=entry.entry_number)
    if fee < 0:
        raise entry_refusals.FEE_NEGATIVE(fee=plain(fee))


def fee_line(slip: Slip, fee: Decimal, account: Account) -> JournalLine:
    """Return the line that charges the customer a fee (in the entry's currency), after the chargeback's own line."""
    return _line(slip, DocumentType.FINANCE_CHARGE_MEMO, fee, account, line_number=2 * LINE_STEP, applied=False)


def write_off_line(slip: Slip, account: Account) -> JournalLine:
    """Return the line that gives up what remains of an entry. Without a document type it earns no discount.

    Raises:
        Refused: the entry is closed, the reason is missing, or more remains than the set-up allows.
    """
    entry, limit = slip.entry, slip.setup.write_off_limit
    if not entry.open:
        raise entry_refusals.ENTRY_CLOSED(entry=entry.entry_number)
    if not slip.reason_code:
        raise entry_refusals.REASON_MISSING()
    rest = abs(entry.remaining_amount_lcy)
    if rest > limit:
        raise entry_refusals.WRITE_OFF_TOO_LARGE(amount=plain(rest), entry=entry.entry_number, limit=plain(limit))
    return _line(slip, DocumentType.BLANK, -entry.remaining_amount, account)


def _line(
    slip: Slip,
    kind: DocumentType,
    amount: Decimal,
    other: Account | BankAccount,
    *,
    line_number: int = LINE_STEP,
    applied: bool = True,
) -> JournalLine:
    """Return a line that debits the customer; `applied` to the entry of the slip."""
    entry = slip.entry
    return JournalLine(
        journal_id=BLANK_GUID,
        line_number=line_number,
        account_type=AccountType.CUSTOMER,
        account_id=entry.customer_id,
        account_number=entry.customer_number,
        posting_date=slip.on,
        document_date=slip.on,
        document_type=kind,
        document_number=slip.document_number,
        external_document_number=slip.external_document_number,
        description=entry.description,
        amount=amount,
        amount_lcy=to_lcy(amount, slip.factor, slip.setup.amount_rounding_precision),
        currency_code=entry.currency_code,
        currency_factor=slip.factor,
        balancing_account_type=AccountType.BANK_ACCOUNT if isinstance(other, BankAccount) else AccountType.GL_ACCOUNT,
        balancing_account_id=other.id,
        balancing_account_number=other.number,
        applies_to_document_type=entry.document_type if applied else DocumentType.BLANK,
        applies_to_document_number=entry.document_number if applied else "",
        customer_posting_group=entry.customer_posting_group,
        salesperson_code=entry.salesperson_code,
        dimension_set_number=entry.dimension_set_number,
        reason_code=slip.reason_code,
    )
