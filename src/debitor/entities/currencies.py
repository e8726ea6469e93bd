"""currencies: foreign currencies; the local currency has no entry here. Source: BCApps APIV2Currencies.Page.al."""

import re
from decimal import Decimal
from typing import Any

from debitor.entities.master import Use, editable, refuse
from debitor.ledger.minor_units import INVOICE_ROUNDING, decimal_places, minor_unit
from debitor.ledger.records import (
    BankAccount,
    Currency,
    Customer,
    CustomerLedgerEntry,
    ExchangeRate,
    JournalLine,
    SalesCreditMemo,
    SalesInvoice,
)
from debitor.schema import DATETIME, DECIMAL, GUID, SCALE, Act, EntitySet, Property, code, text

_PLACES = re.compile(r"([0-9])(?::([0-9]))?", re.ASCII)


def _check(act: Act, row: Currency | None, columns: dict[str, Any]) -> None:
    if row is None and not act.strict:
        # What ISO 4217 says of the code, where the client says nothing.
        iso = columns["code"]
        columns.setdefault("amount_decimal_places", f"{decimal_places(iso)}:{decimal_places(iso)}")
        columns.setdefault("amount_rounding_precision", minor_unit(iso))
        columns.setdefault("invoice_rounding_precision", INVOICE_ROUNDING.get(iso, Decimal(0)))
        columns.setdefault("emu_currency", iso == "EUR")
    places = columns.get("amount_decimal_places")
    if places is not None:
        match = _PLACES.fullmatch(places)
        if not match or not int(match[1]) <= int(match[2] or match[1]) <= SCALE:
            raise refuse(
                f"amountDecimalPlaces {places} is not possible; write the least and the most decimal places, such as "
                f"2:2, with at most {SCALE}."
            )
    precision = columns.get("amount_rounding_precision")
    if precision is not None and not Decimal(0) < precision:
        raise refuse(f"amountRoundingPrecision must be greater than 0, but is {precision}.")


CURRENCIES = editable(
    EntitySet(
        name="currencies",
        entity="currency",
        record=Currency,
        order=("code",),
        properties=(
            Property("id", GUID, "id", editable=False, nullable=False),
            Property("code", code(10), "code", nullable=False),
            Property("displayName", text(30), "description"),
            Property("symbol", text(10), "symbol"),
            Property("amountDecimalPlaces", text(5), "amount_decimal_places", nullable=False),
            Property("amountRoundingPrecision", DECIMAL, "amount_rounding_precision"),
            Property("lastModifiedDateTime", DATETIME, "modified_at", editable=False),
        ),
    ),
    required=("code",),
    uses=tuple(
        Use(record, "currency_code", what, by="code")
        for record, what in (
            (Customer, "customers"),
            (CustomerLedgerEntry, "ledger entries"),
            (SalesInvoice, "sales invoices"),
            (SalesCreditMemo, "sales credit memos"),
            (JournalLine, "open journal lines"),
            (BankAccount, "bank accounts"),
            (ExchangeRate, "exchange rates"),
        )
    ),
    prepare=_check,
)
