"""defaultDimensionPriorities: whose default dimensions win in journals and documents of a source code.

The smaller number wins; tables without one come last. `parentType` is Customer, Item, G/L Account or Bank Account.
"""

from typing import Any

from debitor.entities.master import editable, refuse
from debitor.ledger.records import DefaultDimensionPriority
from debitor.schema import DATETIME, GUID, INT32, Act, EntitySet, Property, code, shown, text

_TABLES = ("Customer", "Item", "G/L Account", "Bank Account")


def _check(act: Act, row: DefaultDimensionPriority | None, columns: dict[str, Any]) -> None:
    table = columns.get("parent_type", row.parent_type if row is not None else "")
    if table not in _TABLES:
        raise refuse(f"parentType {table} has no default dimensions; choose one of {', '.join(_TABLES)}.")
    if columns.get("priority", 1) < 0:
        raise refuse(f"priority must not be negative, but is {columns['priority']}.")


DEFAULT_DIMENSION_PRIORITIES = editable(
    EntitySet(
        name="defaultDimensionPriorities",
        entity="defaultDimensionPriority",
        record=DefaultDimensionPriority,
        order=("sourceCode", "priority"),
        properties=(
            Property("id", GUID, "id", editable=False, nullable=False),
            Property("sourceCode", code(10), "source_code", nullable=False),
            Property("parentType", text(30), "parent_type", nullable=False),
            Property("priority", INT32, "priority"),
            shown("lastModifiedDateTime", DATETIME, "modified_at"),
        ),
    ),
    required=("sourceCode", "parentType"),
    prepare=_check,
)
