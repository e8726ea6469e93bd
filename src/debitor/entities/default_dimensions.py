"""defaultDimensions: what a customer or item gives its documents. Source: BCApps APIV2DefaultDimensions.Page.al.

Defaults of G/L accounts and bank accounts are set-up and not shown. The dimension of a default never changes: delete
it and add the other one.
"""

from typing import Any

from debitor.entities.master import editable, refuse
from debitor.ledger.records import (
    Customer,
    DefaultDimension,
    Dimension,
    DimensionParentType,
    DimensionValue,
    Item,
    PostingValidation,
)
from debitor.schema import BLANK_GUID, DATETIME, GUID, Act, EntitySet, Lookup, Navigation, Property, code, enum

_PARENTS: dict[str, type[Customer] | type[Item]] = {
    str(DimensionParentType.CUSTOMER): Customer,
    str(DimensionParentType.ITEM): Item,
}


def _check(act: Act, row: DefaultDimension | None, columns: dict[str, Any]) -> None:
    """The parent exists, the value belongs to the dimension, and what posting demands fits the value."""
    if row is None:
        _check_parent(act, columns)
    elif any(
        columns.get(c, getattr(row, c)) != getattr(row, c) for c in ("parent_type", "parent_id", "dimension_code")
    ):
        raise refuse(
            "parentType, parentId and dimensionId of a default dimension do not change; delete it and add another."
        )
    columns["dimension_code"] = columns.get("dimension_code", row.dimension_code if row else "")
    value_id = columns.get("value_id", row.value_id if row else BLANK_GUID)
    value = act.tx.get(DimensionValue, value_id) if value_id != BLANK_GUID else None
    if value and not columns["dimension_code"]:
        columns["dimension_code"] = value.dimension_code
    if not columns["dimension_code"]:
        raise refuse("A default dimension needs a dimensionId.")
    if value and value.dimension_code != columns["dimension_code"]:
        raise refuse(
            f"dimensionValueId names {value.code}, a value of dimension {value.dimension_code}, dimensionId names "
            f"{columns['dimension_code']}; they must belong together."
        )
    dimension = act.tx.find(Dimension, code=columns["dimension_code"])
    if dimension.blocked or (value and value.blocked):
        raise refuse(f"Dimension {dimension.code} {value.code if value else ''} is blocked and cannot be a default.")
    columns["value_code"] = value.code if value else ""
    validation = columns.get("posting_validation", row.posting_validation if row else PostingValidation.BLANK)
    if validation == PostingValidation.NO_CODE and value:
        raise refuse("postingValidation No_x0020_Code demands that dimensionValueId is left blank.")


def _check_parent(act: Act, columns: dict[str, Any]) -> None:
    kind, id = columns.get("parent_type", DimensionParentType.BLANK), columns.get("parent_id", BLANK_GUID)
    if kind == DimensionParentType.BLANK or id == BLANK_GUID:
        raise refuse(
            "A default dimension belongs to a customer or an item: address it through "
            "customers({id})/defaultDimensions or items({id})/defaultDimensions, or send parentType and parentId."
        )
    record = _PARENTS.get(kind)
    if record is None or act.tx.get(record, id) is None:
        raise refuse(f"parentId {id} is not the id of a parent of type {kind}; Customer and Item are possible.")


DEFAULT_DIMENSIONS = editable(
    EntitySet(
        name="defaultDimensions",
        entity="defaultDimension",
        record=DefaultDimension,
        where={"parent_type": tuple(_PARENTS)},
        lookups={
            "dimension": Lookup(Dimension, via="dimension_code", by="code"),
            "value": Lookup(DimensionValue, via="value_id"),
        },
        order=("parentType", "parentId", "dimensionCode"),
        properties=(
            Property("id", GUID, "id", editable=False, nullable=False),
            Property("parentType", enum(DimensionParentType), "parent_type"),
            Property("parentId", GUID, "parent_id"),
            Property("dimensionId", GUID, "dimension.id"),
            Property("dimensionCode", code(20), "dimension_code", editable=False, nullable=False),
            Property("dimensionValueId", GUID, "value_id"),
            Property("dimensionValueCode", code(20), "value_code", editable=False),
            Property("postingValidation", enum(PostingValidation), "posting_validation"),
            Property("lastModifiedDateTime", DATETIME, "modified_at", editable=False),
        ),
        navigations=(
            Navigation(
                "item", "items", many=False, on=(("parentId", "id"),), kind="partner", partner="defaultDimensions"
            ),
            Navigation("account", "accounts", many=False, on=(("parentId", "id"),)),
            Navigation("dimension", "dimensions", many=False, on=(("dimensionId", "id"),)),
            Navigation("dimensionValue", "dimensionValues", many=False, on=(("dimensionValueId", "id"),)),
            Navigation(
                "customer",
                "customers",
                many=False,
                on=(("parentId", "id"),),
                kind="partner",
                partner="defaultDimensions",
            ),
            Navigation(
                "vendor", "vendors", many=False, on=(("parentId", "id"),), kind="partner", partner="defaultDimensions"
            ),
            Navigation(
                "employee",
                "employees",
                many=False,
                on=(("parentId", "id"),),
                kind="partner",
                partner="defaultDimensions",
            ),
        ),
    ),
    prepare=_check,
)
