"""Deciding whether a payment that differs a little from its invoice may still close it.

Decided when amount or posting date of a payment is changed, noted on the invoice's entry, executed when it is posted:

    invoice 1000, maximum tolerance 5, payment -997     accepted tolerance  3: posting adds it to the payment
    invoice 1000, maximum tolerance 5, payment -1003    accepted tolerance -3
    discount 20 until January 18, 5 days of grace, payment -980 on January 20: the discount is accepted though late

Source: BCApps PaymentToleranceManagement.Codeunit.al, retold.
"""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import NamedTuple

from debitor.ledger.amounts import plain
from debitor.ledger.records import CustomerLedgerEntry, ReceivablesSetup
from debitor.schema import Refused

NONE = Decimal(0)


class Accepted(NamedTuple):
    """What is noted on the entry: the tolerance (its currency, positive for an underpayment), the late discount."""

    tolerance: Decimal = NONE
    late_discount: bool = False


def decide(entry: CustomerLedgerEntry, *, amount: Decimal, posting_date: date, setup: ReceivablesSetup) -> Accepted:
    """Return what a payment of one invoice is granted.

    Args:
        entry: the open invoice entry, in the payment's currency.
        amount: the payment as it will be posted, negative for a receipt.

    Raises:
        Refused: Application_CallbackNotAllowed, when the set-up wants a person to confirm it.
    """
    remaining, paid = entry.remaining_amount, -amount
    most, discount = entry.maximum_payment_tolerance, entry.remaining_payment_discount_possible
    enough = bool(discount) and paid + most >= remaining - discount
    in_time = enough and posting_date <= entry.payment_discount_date
    late = enough and not in_time and posting_date <= entry.payment_discount_tolerance_date
    if late and setup.payment_discount_tolerance_warning:
        raise _unconfirmed(entry, f"the payment discount of {plain(discount)} after its last day")
    missing = remaining - (discount if in_time or late else NONE) - paid
    tolerance = missing if abs(missing) <= most else NONE
    if tolerance and setup.payment_tolerance_warning:
        raise _unconfirmed(entry, f"a payment tolerance of {plain(tolerance)}")
    return Accepted(tolerance, late)


def _unconfirmed(entry: CustomerLedgerEntry, what: str) -> Refused:
    return Refused(
        "Application_CallbackNotAllowed",
        f"Accepting {what} on invoice {entry.document_number} has to be confirmed by a person, which the API cannot "
        "ask for. Switch the warning off in the receivables set-up, or change the amount.",
    )
