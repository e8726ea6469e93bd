"""The dimension set of one journal line, document or entry, as rows (Dimension Set Entry Buffer)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from debitor.ledger.records import (
    CustomerLedgerEntry,
    Dimension,
    DimensionSetEntry,
    DimensionValue,
    GeneralLedgerEntry,
    JournalLine,
    SalesCreditMemo,
    SalesCreditMemoLine,
    SalesInvoice,
    SalesInvoiceLine,
)
from debitor.operations.dimensions import pairs_of, set_number
from debitor.schema import BLANK_GUID, Act, Draft, Refused, Row, escape_member
from debitor.store import Reader

PARENTS: dict[str, type[Row]] = {
    escape_member("Journal Line"): JournalLine,
    escape_member("General Ledger Entry"): GeneralLedgerEntry,
    escape_member("Sales Invoice"): SalesInvoice,
    escape_member("Sales Invoice Line"): SalesInvoiceLine,
    escape_member("Sales Credit Memo"): SalesCreditMemo,
    escape_member("Sales Credit Memo Line"): SalesCreditMemoLine,
}
"""parentType on the wire -> the record that has a dimension set."""
PARENTS_AND_ENTRIES: dict[str, type[Row]] = {**PARENTS, escape_member("Customer Ledger Entry"): CustomerLedgerEntry}
"""Those, and what Business Central's API v2.0 does not show."""

NO_PARENT = (
    "You must specify a parent ID: address the dimensions through their owner, such as "
    "customerPayments({id})/dimensionSetLines."
)


def _refuse(message: str) -> Refused:
    return Refused("Application_DialogException", message)


def rows(act: Act, keys: Mapping[str, Any], parents: Mapping[str, type[Row]] = PARENTS) -> list[dict[str, Any]]:
    """The dimension set lines of the parents that `keys` names (`parentId`: one id or several; `parentType`).

    `parents`: parentType -> record, for those that may be asked for. The version of a line is its owner's: changing
    one changes the other's tag.
    """
    if "parentId" not in keys:
        raise _refuse(NO_PARENT)
    given = keys["parentId"]
    ids = [given] if isinstance(given, str) else list(given)
    kinds = [keys["parentType"]] if "parentType" in keys else list(parents)
    found: list[dict[str, Any]] = []
    for kind in kinds:
        record = parents.get(kind)
        if record:
            found += _lines(act.tx, kind, act.tx.all(record, id=ids))
    return [row for row in found if keys.get("id", row["id"]) == row["id"]]


def _lines(tx: Reader, kind: str, parents: list[Any]) -> Iterable[dict[str, Any]]:
    sets = {parent.dimension_set_number for parent in parents if parent.dimension_set_number}
    if not sets:
        return
    entries: dict[int, list[DimensionSetEntry]] = {}
    for entry in tx.all(DimensionSetEntry, set_number=sets):
        entries.setdefault(entry.set_number, []).append(entry)
    codes = {e.dimension_code for group in entries.values() for e in group}
    dimensions = {d.code: d for d in tx.all(Dimension, code=codes)}
    values = {(v.dimension_code, v.code): v for v in tx.all(DimensionValue, dimension_code=codes)}
    for parent in parents:
        for entry in sorted(entries.get(parent.dimension_set_number, ()), key=lambda e: e.dimension_code):
            dimension, value = dimensions[entry.dimension_code], values[entry.dimension_code, entry.value_code]
            yield {
                "version": parent.version,
                "id": dimension.id,
                "code": dimension.code,
                "consolidationCode": dimension.consolidation_code,
                "parentId": parent.id,
                "parentType": kind,
                "displayName": dimension.name,
                "valueId": value.id,
                "valueCode": value.code,
                "valueConsolidationCode": value.consolidation_code,
                "valueDisplayName": value.name,
            }


def _parent(act: Act) -> Any:
    id = act.parent.get("parentId", BLANK_GUID)
    record = PARENTS.get(act.parent.get("parentType", ""))
    if id == BLANK_GUID or record is None:
        raise _refuse(NO_PARENT)
    row = act.tx.get(record, id)
    if row is None:
        raise Refused("BadRequest_ResourceNotFound", f"Resource not found: no parent with the id {id}.")
    if record is GeneralLedgerEntry or getattr(row, "posted", False):
        raise _refuse("The dimensions of a posted entry or document cannot be changed.")
    return row


def _dimension(tx: Reader, draft: Draft) -> Dimension:
    id, code = draft.get("id", BLANK_GUID), draft.get("code", "")
    if id == BLANK_GUID and not code:
        raise _refuse("Send the id or the code of the dimension.")
    found = tx.get(Dimension, id) if id != BLANK_GUID else tx.find(Dimension, code=code)
    if found is None:
        raise _refuse(f"There is no dimension with the {f'id {id}' if id != BLANK_GUID else f'code {code}'}.")
    if code and found.code != code:
        raise _refuse(f"id names dimension {found.code}, code names {code}; they must agree.")
    if found.blocked:
        raise _refuse(f"Dimension {found.code} is blocked.")
    return found


def _value(tx: Reader, dimension_code: str, draft: Draft) -> str:
    id, code = draft.get("valueId", BLANK_GUID), draft.get("valueCode", "")
    if id == BLANK_GUID and not code:
        raise _refuse("Send the valueId or the valueCode of the dimension value.")
    found = (
        tx.get(DimensionValue, id)
        if id != BLANK_GUID
        else tx.find(DimensionValue, dimension_code=dimension_code, code=code)
    )
    if found is None or found.dimension_code != dimension_code:
        raise _refuse(f"Dimension {dimension_code} has no value {id if id != BLANK_GUID else code}.")
    if code and found.code != code:
        raise _refuse(f"valueId names value {found.code}, valueCode names {code}; they must agree.")
    if found.blocked:
        raise _refuse(f"Dimension value {dimension_code} {found.code} is blocked.")
    return found.code


def _store(act: Act, row: Any, pairs: Mapping[str, str]) -> None:
    act.tx.update(row, dimension_set_number=set_number(act.tx, pairs))


def create(act: Act, draft: Draft) -> str:
    """Add a dimension to the parent's set. Returns the dimension's id."""
    row = _parent(act)
    dimension = _dimension(act.tx, draft)
    pairs = dict(pairs_of(act.tx, row.dimension_set_number))
    if dimension.code in pairs:
        raise _refuse(f"Dimension {dimension.code} is in the set already, with the value {pairs[dimension.code]}.")
    pairs[dimension.code] = _value(act.tx, dimension.code, draft)
    _store(act, row, pairs)
    return dimension.id


def _in_set(act: Act, row: Any, id: str) -> tuple[Dimension, dict[str, str]]:
    dimension = act.tx.get(Dimension, id)
    pairs = dict(pairs_of(act.tx, row.dimension_set_number))
    if dimension is None or dimension.code not in pairs:
        raise Refused("BadRequest_ResourceNotFound", "Resource not found for the segment 'dimensionSetLines'.")
    return dimension, pairs


def change(act: Act, id: str, draft: Draft) -> str:
    """Change the value of a dimension in the parent's set. `id` and `code` cannot change."""
    row = _parent(act)
    dimension, pairs = _in_set(act, row, id)
    if draft.get("id", dimension.id) != dimension.id or draft.get("code", dimension.code) != dimension.code:
        raise _refuse("id and code of a dimension set line cannot be changed; delete it and add the other dimension.")
    pairs[dimension.code] = _value(act.tx, dimension.code, draft)
    _store(act, row, pairs)
    return dimension.id


def remove(act: Act, id: str) -> None:
    """Take a dimension out of the parent's set."""
    row = _parent(act)
    dimension, pairs = _in_set(act, row, id)
    del pairs[dimension.code]
    _store(act, row, pairs)
