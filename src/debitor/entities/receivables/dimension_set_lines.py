"""dimensionSetLines: the dimensions of one journal line, document or entry, customer ledger entries included.

`id` is the dimension's id. Dimensions of posted entries are read only.
"""

from dataclasses import replace
from functools import partial

from debitor.entities.dimension_set_lines import DIMENSION_SET_LINES as V2
from debitor.entities.dimension_set_lines import DimensionSetParentType
from debitor.operations import dimension_lines
from debitor.schema import Follow, WireEnum, enum


class EntryDimensionParentType(WireEnum):
    """What a dimension set line belongs to: as in v2.0, and customer ledger entries."""

    __edm__ = "dimensionSetParentType"
    vars().update({member.name: (member.ordinal, member.label) for member in DimensionSetParentType})
    CUSTOMER_LEDGER_ENTRY = (100, "Customer Ledger Entry")


DIMENSION_SET_LINES = replace(
    V2,
    rows=partial(dimension_lines.rows, parents=dimension_lines.PARENTS_AND_ENTRIES),
    properties=tuple(
        replace(p, type=enum(EntryDimensionParentType)) if p.name == "parentType" else p for p in V2.properties
    ),
    follows=tuple(Follow(record, "id", "parentId") for record in dimension_lines.PARENTS_AND_ENTRIES.values()),
    by_name={},
)
