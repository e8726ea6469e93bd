"""What a posted document grants whoever pays it: a discount for paying early, a tolerance for paying not quite all.

Both are fixed when the document is posted. Amounts are positive here, for invoices and credit memos alike.

Source: BCApps GenJnlPostLine.Codeunit.al, PaymentToleranceManagement.Codeunit.al, retold.
"""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from debitor.ledger.amounts import ZERO, round_to
from debitor.ledger.dates import calculate
from debitor.ledger.records import Currency, Customer, ReceivablesSetup, SalesDocument
from debitor.ledger.sales_documents import HUNDRED, Precision


def possible_discount(header: SalesDocument, setup: ReceivablesSetup, precision: Precision) -> Decimal:
    """Return the discount for paying early, in the document's currency; zero once its last day has passed.

    The last day is the discount date plus the grace period of the set-up.
    """
    if not header.payment_discount_percent or tolerance_date(header.discount_date, setup) < header.posting_date:
        return ZERO
    base = header.total_excluding_tax if setup.payment_discount_excludes_tax else header.total_including_tax
    return round_to(base * header.payment_discount_percent / HUNDRED, precision.amount)


def tolerance_date(discount_date: date, setup: ReceivablesSetup) -> date:
    """The last day on which a late payment may still get the discount."""
    return calculate(setup.payment_discount_grace_period, discount_date)


def maximum_tolerance(
    amount: Decimal, customer: Customer, currency: Currency | None, setup: ReceivablesSetup
) -> Decimal:
    """Return how much a payment may differ from the document and still close it, in the document's currency.

    The smaller of the percent of the amount and the fixed maximum (a percent of zero: the maximum; a maximum of zero:
    the percent), never more than the amount. Percent and maximum are the currency's, or the set-up's for local
    currency.
    """
    if customer.block_payment_tolerance:
        return ZERO
    percent = currency.payment_tolerance_percent if currency else setup.payment_tolerance_percent
    maximum = currency.maximum_payment_tolerance_amount if currency else setup.maximum_payment_tolerance_amount
    precision = currency.amount_rounding_precision if currency else setup.amount_rounding_precision
    by_percent = round_to(amount * percent / HUNDRED, precision)
    if not percent:
        tolerance = maximum
    elif not maximum:
        tolerance = by_percent
    else:
        tolerance = min(by_percent, maximum)
    return min(tolerance, amount)
