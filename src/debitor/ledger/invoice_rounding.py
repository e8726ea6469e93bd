"""Rounding the total of a document to what can be paid: CHF 12.34 becomes CHF 12.35.

The difference is a line of its own, without tax, on the invoice rounding account of the customer's posting group. It
is added when the document is posted, so a draft shows its exact total. No discount is spread over it.

    total 12.34, precision 0.05    nearest +0.01    up +0.01    down -0.04

Source: BCApps SalesPost.Codeunit.al (InvoiceRounding), retold.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import ROUND_DOWN, ROUND_HALF_UP, ROUND_UP, Decimal
from typing import TypeVar

from msgspec.structs import replace

from debitor.ledger.amounts import ZERO
from debitor.ledger.records import (
    Account,
    Currency,
    LineType,
    ReceivablesSetup,
    RoundingDirection,
    SalesDocument,
    SalesDocumentLine,
)
from debitor.ledger.sales_documents import next_sequence

D = TypeVar("D", bound=SalesDocument)
L = TypeVar("L", bound=SalesDocumentLine)

_MODES: dict[str, str] = {
    RoundingDirection.NEAREST: ROUND_HALF_UP,
    RoundingDirection.UP: ROUND_UP,
    RoundingDirection.DOWN: ROUND_DOWN,
}


def rounding_amount(total: Decimal, currency: Currency | None, setup: ReceivablesSetup) -> Decimal:
    """Return what is added to a document's total; zero when the set-up does not round, or nothing is to be rounded.

    Args:
        total: including tax, in the document's currency. currency: None for local currency.
    """
    if not setup.invoice_rounding:
        return ZERO
    of = currency or setup
    precision = of.invoice_rounding_precision
    if not precision:
        return ZERO
    return (total / precision).quantize(Decimal(1), _MODES[of.invoice_rounding_type]) * precision - total


def with_rounding_line(header: D, lines: Sequence[L], line: L, account: Account, amount: Decimal) -> tuple[D, L]:
    """Return the header with its total rounded, and the line that does it.

    Args:
        lines: of the document; line: a blank line of the same kind, with the document's id.
        amount: what `rounding_amount` gives, not zero.
    """
    rounding = replace(
        line,
        sequence=next_sequence(lines),
        line_type=LineType.ACCOUNT,
        account_id=account.id,
        line_object_number=account.number,
        description="Invoice rounding",
        quantity=Decimal(1),
        unit_price=amount,
        amount_excluding_tax=amount,
        amount_including_tax=amount,
        net_amount=amount,
        net_amount_including_tax=amount,
        dimension_set_number=header.dimension_set_number,
    )
    total = header.total_including_tax + amount
    rounded = replace(
        header,
        total_excluding_tax=header.total_excluding_tax + amount,
        total_including_tax=total,
        unposted_amount=total,
    )
    return rounded, rounding
