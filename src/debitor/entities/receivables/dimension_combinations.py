"""dimensionCombinations: two dimensions that do not go together.

Never (Blocked), or not with the values that dimensionValueCombinations names (Limited).
"""

from typing import Any

from debitor.entities.master import editable, refuse
from debitor.ledger.records import CombinationRestriction, Dimension, DimensionCombination
from debitor.schema import DATETIME, GUID, Act, EntitySet, Lookup, Property, code, enum, shown


def _check(act: Act, row: DimensionCombination | None, columns: dict[str, Any]) -> None:
    one, two = (
        columns.get(name, getattr(row, name) if row is not None else "")
        for name in ("dimension_1_code", "dimension_2_code")
    )
    if one == two:
        raise refuse(f"dimension1Code and dimension2Code are both {one}; name two dimensions.")
    other = act.tx.find(DimensionCombination, dimension_1_code=two, dimension_2_code=one)
    if other is not None:
        raise refuse(f"The combination of {one} and {two} is there already, the other way round.")


DIMENSION_COMBINATIONS = editable(
    EntitySet(
        name="dimensionCombinations",
        entity="dimensionCombination",
        record=DimensionCombination,
        order=("dimension1Code", "dimension2Code"),
        lookups={
            "one": Lookup(Dimension, via="dimension_1_code", by="code"),
            "two": Lookup(Dimension, via="dimension_2_code", by="code"),
        },
        properties=(
            Property("id", GUID, "id", editable=False, nullable=False),
            Property("dimension1Code", code(20), "dimension_1_code", nullable=False),
            Property("dimension2Code", code(20), "dimension_2_code", nullable=False),
            Property("restriction", enum(CombinationRestriction), "restriction"),
            shown("lastModifiedDateTime", DATETIME, "modified_at"),
        ),
    ),
    required=("dimension1Code", "dimension2Code"),
    prepare=_check,
)
