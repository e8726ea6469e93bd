"""What a draft of a sales document names, and what its header takes from it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from debitor.ledger.currencies import factor_at
from debitor.ledger.dimensions import default_set
from debitor.ledger.numbering import take
from debitor.ledger.records import (
    Currency,
    DimensionValue,
    ExchangeRate,
    NumberSeries,
    NumberSeriesLine,
    PaymentTerm,
    ReceivablesSetup,
    SalesDocument,
    SalesDocumentLine,
)
from debitor.ledger.sales_documents import Kind, Precision, kind_of, refuse
from debitor.operations.dimensions import dimension_sources
from debitor.schema import BLANK_DATE, BLANK_GUID, Changes, Draft, Refused, Row
from debitor.store import Reader, Transaction


def not_found(segment: str) -> Refused:
    """The refusal for an id that names nothing."""
    return Refused("BadRequest_ResourceNotFound", f"Resource not found for the segment '{segment}'.")


def document_of(tx: Reader, kind: Kind, id: str) -> SalesDocument:
    """Return a document by its id. Raises Refused when there is none of this kind."""
    found = tx.get(kind.document, id)
    if found is None:
        raise not_found(kind.entity_set)
    return found


def lines_of(tx: Reader, kind: Kind, id: str) -> list[SalesDocumentLine]:
    """Return all lines of a document, by sequence."""
    return list(tx.all(kind.line, document_id=id, order=("sequence",)))


def named(tx: Reader, draft: Draft, record: type[Row], id_name: str, key_name: str, key: str, what: str) -> Any:
    """Return the row that an id and a number or code name, or None when both are blank or missing.

    Args:
        id_name, key_name: the properties; key: the record's column for the second.

    Raises:
        Refused: one of them names nothing, or they name different rows.
    """
    id, value = draft.get(id_name, BLANK_GUID), draft.get(key_name, "")
    by_key = tx.find(record, **{key: value}) if value else None
    if value and by_key is None:
        raise refuse(f"{key_name} {value} names no {what}.")
    if id == BLANK_GUID or (by_key and by_key.id == id):
        return by_key
    by_id = tx.get(record, id)
    if by_id is None:
        raise refuse(f"{id_name} {id} names no {what}.")
    if by_key:
        raise refuse(f"{id_name} names {what} {getattr(by_id, key)}, {key_name} names {value}; they must agree.")
    return by_id


@dataclass(frozen=True, slots=True)
class Money:
    """A document's currency (None for local currency), what it is worth, and how it is rounded."""

    currency: Currency | None
    factor: Decimal
    precision: Precision


def money_of(tx: Reader, code: str, on: date, setup: ReceivablesSetup) -> Money:
    """Return the currency of a document of this date. Raises Refused when it has no exchange rate."""
    if not code:
        return Money(None, Decimal(1), Precision.of(None, setup))
    currency = tx.find(Currency, code=code)
    if currency is None:
        raise refuse(f"The currency {code} does not exist.")
    rates = {code: tx.all(ExchangeRate, currency_code=code, order=("starting_date",))}
    return Money(currency, factor_at(rates, code, on), Precision.of(currency, setup))


def changed_currency(tx: Reader, draft: Draft, setup: ReceivablesSetup) -> str | None:
    """Return the currency code that the draft asks for, blank for local currency; None when it says nothing."""
    if "currencyCode" not in draft and "currencyId" not in draft:
        return None
    code = draft.get("currencyCode", "").strip().upper()
    if code == setup.local_currency_code:
        code = ""
        if "currencyId" not in draft or draft["currencyId"] == BLANK_GUID:
            return ""
        raise refuse("currencyId names a foreign currency, currencyCode the local one; they must agree.")
    given = {"currencyId": draft.get("currencyId", BLANK_GUID), "currencyCode": code}
    found: Currency | None = named(tx, given, Currency, "currencyId", "currencyCode", "code", "currency")
    return found.code if found else ""


def header_pairs(tx: Reader, header: SalesDocument) -> dict[str, str]:
    """Return the dimensions that the header's customer gives it."""
    return default_set(dimension_sources(tx, ("Customer", header.bill_to_customer_id)))


def with_shortcuts(tx: Reader, pairs: dict[str, str], draft: Draft, setup: ReceivablesSetup) -> dict[str, str]:
    """Return the dimensions with the values of the two global dimensions that the draft sends; blank removes."""
    result = dict(pairs)
    for field, dimension in (
        ("shortcutDimension1Code", setup.global_dimension_1),
        ("shortcutDimension2Code", setup.global_dimension_2),
    ):
        if field not in draft:
            continue
        value = draft[field]
        if not value:
            result.pop(dimension, None)
            continue
        found = tx.find(DimensionValue, dimension_code=dimension, code=value) if dimension else None
        if found is None or found.blocked:
            what = f"a value of dimension {dimension}" if dimension else "usable: no such global dimension is set up"
            raise refuse(f"{field} {value} is not {what}{', or it is blocked' if found else ''}.")
        result[dimension] = value
    return result


def draft_number(tx: Transaction, kind: Kind, setup: ReceivablesSetup, on: date) -> str:
    """Take the next number for drafts. Raises Refused when there is no series or no number left."""
    return next_number(tx, getattr(setup, kind.numbers), on, what=f"sales {kind.noun}s ({kind.numbers_name})")


def posted_number(tx: Transaction, header: SalesDocument, setup: ReceivablesSetup) -> str:
    """Take the number of the posted document at its posting date; without a series of its own, the draft's."""
    kind = kind_of(header)
    code = getattr(setup, kind.posted_numbers)
    if not code or code == getattr(setup, kind.numbers) or header.posting_date == BLANK_DATE:
        return header.draft_number
    return next_number(tx, code, header.posting_date, what=f"posted sales {kind.noun}s ({kind.posted_numbers_name})")


def next_number(tx: Transaction, series_code: str, on: date, *, what: str) -> str:
    """Take the next number of a series. Raises Refused when there is no series or no number left."""
    series = tx.find(NumberSeries, code=series_code) if series_code else None
    if series is None:
        raise refuse(f"The receivables set-up names no number series for {what}. Enter one.")
    number, (old, new) = take(series, tx.all(NumberSeriesLine, series_code=series_code), on)
    tx.update(old, last_number_used=new.last_number_used, last_date_used=new.last_date_used)
    return number


def terms_of(tx: Reader, id: str) -> PaymentTerm | None:
    """Return payment terms by id, None for a blank one. Raises Refused when there are none."""
    if id == BLANK_GUID:
        return None
    found = tx.get(PaymentTerm, id)
    if found is None:
        raise refuse(f"paymentTermsId {id} does not name payment terms.")
    return found


def write(
    tx: Transaction,
    old: SalesDocument,
    new: SalesDocument,
    old_lines: Sequence[SalesDocumentLine],
    lines: Sequence[SalesDocumentLine],
) -> None:
    """Write a header and its lines. Lines are paired by position; those that did not change are left alone."""
    changes = Changes(update=[(old, new)])
    changes.update += [(a, b) for a, b in zip(old_lines, lines, strict=True) if a != b]
    tx.write(changes)
