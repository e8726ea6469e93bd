"""What a document shows, as plain data. Amounts are Decimal in the document's currency, as the customer reads them:
positive on an invoice and on a credit memo alike.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Literal


@dataclass(frozen=True, slots=True)
class Sender:
    """Who sends the document. `bank` and `iban` tell where to pay, or are blank."""

    name: str
    address: tuple[str, ...] = ()
    phone: str = ""
    email: str = ""
    website: str = ""
    tax_number: str = ""
    bank: str = ""
    iban: str = ""
    account: str = ""


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a sales document; a comment has only a description."""

    number: str
    description: str
    quantity: Decimal = Decimal(0)
    unit: str = ""
    unit_price: Decimal = Decimal(0)
    discount_percent: Decimal = Decimal(0)
    tax_percent: Decimal = Decimal(0)
    amount: Decimal = Decimal(0)
    comment: bool = False


@dataclass(frozen=True, slots=True)
class Tax:
    """Tax of one rate: `amount` on `base`."""

    percent: Decimal
    base: Decimal
    amount: Decimal


@dataclass(frozen=True, slots=True)
class SalesDocument:
    """An invoice or a credit memo.

    Args:
        kind: which of the two.
        language, currency, decimals: how amounts are written; `currency` is an ISO code.
        number: the document's number; draft: whether it is not posted yet (a watermark says so).
        recipient: name and address of the bill-to customer, line by line.
        facts: pairs (name of a text in `words`, value), shown beside the address when the value is not blank.
        ship_to: delivery address where it differs, else ().
        lines: what is charged.
        prices_include_tax: unit prices and line amounts contain tax.
        subtotal: sum of the line amounts as shown; discount: the invoice discount taken from it.
        taxes: by rate; total_without_tax, total: of the document; open: what is still to be paid.
        due: when; discount_until, discount_percent, discount_amount: for paying early, or blank.
    """

    kind: Literal["invoice", "credit_memo"]
    language: str
    currency: str
    decimals: int
    number: str
    draft: bool
    sender: Sender
    recipient: tuple[str, ...]
    facts: tuple[tuple[str, str], ...]
    ship_to: tuple[str, ...]
    lines: tuple[Line, ...]
    prices_include_tax: bool
    subtotal: Decimal
    discount: Decimal
    taxes: tuple[Tax, ...]
    total_without_tax: Decimal
    total: Decimal
    open: Decimal
    due: date
    discount_until: date = date.min
    discount_percent: Decimal = Decimal(0)
    discount_amount: Decimal = Decimal(0)


@dataclass(frozen=True, slots=True)
class StatementEntry:
    """One customer ledger entry on a statement. `amount` and `remaining` are positive where the customer owes."""

    posting_date: date
    due_date: date
    document_type: str
    document_number: str
    description: str
    amount: Decimal
    remaining: Decimal = Decimal(0)


@dataclass(frozen=True, slots=True)
class CurrencySection:
    """What one currency adds to a statement.

    Args:
        brought_forward: the balance before `start` of the statement.
        activity: entries from start to end, in order of posting.
        open: entries with something remaining at the end.
        ageing: (label, amount) of what remains, by days overdue.
        balance: at the end.
    """

    currency: str
    decimals: int
    brought_forward: Decimal
    activity: tuple[StatementEntry, ...]
    open: tuple[StatementEntry, ...]
    ageing: tuple[tuple[str, Decimal], ...]
    balance: Decimal


@dataclass(frozen=True, slots=True)
class Statement:
    """What a customer owes: activity of a period, open entries at its end, by currency."""

    language: str
    sender: Sender
    recipient: tuple[str, ...]
    customer_number: str
    start: date
    end: date
    sections: tuple[CurrencySection, ...]
