"""dimensionValueCombinations: two values that do not go together, of dimensions whose combination is Limited."""

from typing import Any

from debitor.entities.master import editable, refuse
from debitor.ledger.records import Dimension, DimensionValue, DimensionValueCombination
from debitor.schema import DATETIME, GUID, Act, EntitySet, Lookup, Property, code, shown

_PAIRS = (
    ("dimension1ValueCode", "dimension_1_value_code", "dimension_1_code"),
    ("dimension2ValueCode", "dimension_2_value_code", "dimension_2_code"),
)


def _check(act: Act, row: DimensionValueCombination | None, columns: dict[str, Any]) -> None:
    for name, value_column, dimension_column in _PAIRS:
        value, dimension = (
            columns.get(column, getattr(row, column) if row is not None else "")
            for column in (value_column, dimension_column)
        )
        if act.tx.find(DimensionValue, dimension_code=dimension, code=value) is None:
            raise refuse(f"{name} {value} is no value of dimension {dimension}.")


DIMENSION_VALUE_COMBINATIONS = editable(
    EntitySet(
        name="dimensionValueCombinations",
        entity="dimensionValueCombination",
        record=DimensionValueCombination,
        order=("dimension1Code", "dimension1ValueCode", "dimension2Code", "dimension2ValueCode"),
        lookups={
            "one": Lookup(Dimension, via="dimension_1_code", by="code"),
            "two": Lookup(Dimension, via="dimension_2_code", by="code"),
        },
        properties=(
            Property("id", GUID, "id", editable=False, nullable=False),
            Property("dimension1Code", code(20), "dimension_1_code", nullable=False),
            Property("dimension1ValueCode", code(20), "dimension_1_value_code", nullable=False),
            Property("dimension2Code", code(20), "dimension_2_code", nullable=False),
            Property("dimension2ValueCode", code(20), "dimension_2_value_code", nullable=False),
            shown("lastModifiedDateTime", DATETIME, "modified_at"),
        ),
    ),
    required=("dimension1Code", "dimension1ValueCode", "dimension2Code", "dimension2ValueCode"),
    prepare=_check,
)
