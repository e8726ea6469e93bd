"""What controls posting beside the set-up: who may post when, reason codes, and which dimensions go together."""

from __future__ import annotations

from debitor.ledger.records.enums import CombinationRestriction
from debitor.schema import BLANK_DATE, Code10, Code20, Code50, Day, Int, Row, Text30, Text100, record


@record("user_setup", unique=(("user_id",),), kept=True)
class UserSetup(Row, frozen=True):
    """When a user or a client (by the name that its entries carry, in capitals) may post.

    With any of both dates they replace those of the company's set-up; a blank one has no limit then.
    """

    user_id: Code50
    allow_posting_from: Day = BLANK_DATE
    allow_posting_to: Day = BLANK_DATE


@record("reason_code", unique=(("code",),), kept=True)
class ReasonCode(Row, frozen=True):
    """Why something was posted."""

    code: Code10
    description: Text100 = ""


@record("dimension_combination", unique=(("dimension_1_code", "dimension_2_code"),), kept=True)
class DimensionCombination(Row, frozen=True):
    """Two dimensions that do not go together: never (Blocked), or not with some of their values (Limited)."""

    dimension_1_code: Code20
    dimension_2_code: Code20
    restriction: CombinationRestriction = CombinationRestriction.BLOCKED


@record(
    "dimension_value_combination",
    unique=(("dimension_1_code", "dimension_1_value_code", "dimension_2_code", "dimension_2_value_code"),),
    kept=True,
)
class DimensionValueCombination(Row, frozen=True):
    """Two values that do not go together, of dimensions whose combination is Limited."""

    dimension_1_code: Code20
    dimension_1_value_code: Code20
    dimension_2_code: Code20
    dimension_2_value_code: Code20


@record("default_dimension_priority", unique=(("source_code", "parent_type"),), kept=True)
class DefaultDimensionPriority(Row, frozen=True):
    """Whose default dimensions win in journals and documents of a source code: the smaller number does.

    `parent_type` is a table, as in `DefaultDimension`. Tables without a number come last.
    """

    source_code: Code10
    parent_type: Text30
    priority: Int = 0
