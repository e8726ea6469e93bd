"""Inputs of computed sets: what a filter tells the report, and what it asks of its rows."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from debitor.odata.inputs import input_values, split_inputs
from debitor.odata.memory import matches
from debitor.odata.options import parse_options
from debitor.ranges import Range
from debitor.schema import DATE, INT32, EntitySet, Property, Refused, text

REPORT = EntitySet(
    name="reports",
    entity="report",
    key=("number",),
    rows=lambda act, keys: [],
    properties=(
        Property("number", INT32, nullable=False),
        Property("period", DATE, input="range"),
        Property("unit", text(10), input="value"),
        Property("style", text(10), input="value"),
    ),
)
CATALOG = {REPORT.name: REPORT}


def split(filter: str) -> tuple[Any, dict[str, Any], list[Any]]:
    parsed = parse_options(REPORT, f"$filter={filter}", CATALOG, strict=False)
    where, bounds = split_inputs(REPORT, parsed.shape.where)
    return where, input_values(bounds, parsed.params), parsed.params


JUNE = (date(2025, 6, 1), date(2025, 6, 30))


@pytest.mark.parametrize(
    ("filter", "told"),
    [
        ("period eq 2025-06-01", {"period": Range(JUNE[0], JUNE[0])}),
        ("period ge 2025-06-01 and period le 2025-06-30", {"period": Range(*JUNE)}),
        ("period gt 2025-05-31 and period lt 2025-07-01", {"period": Range(*JUNE)}),
        ("2025-06-01 le period and (2025-06-30 ge period)", {"period": Range(*JUNE)}),
        ("period le 2025-06-30 and period lt 2025-12-31", {"period": Range(None, JUNE[1])}),
        ("period ge 2025-06-01", {"period": Range(JUNE[0], None)}),
        ("period eq 2025-06-01 and period eq 2025-06-30", {"period": Range(JUNE[1], JUNE[0])}),
        ("period lt 0001-01-01", {"period": Range(date.max, date.min)}),
        ("period gt 9999-12-31", {"period": Range(date.max, date.min)}),
        ("unit eq 'kg' and style eq 'x'", {"unit": "kg", "style": "x"}),
        ("unit eq 'kg' and 'kg' eq unit", {"unit": "kg"}),
    ],
)
def test_a_filter_tells_inputs(filter: str, told: dict[str, Any]) -> None:
    where, found, _ = split(filter)

    assert found == told
    assert where is None


def test_the_rest_is_asked_of_rows() -> None:
    where, told, params = split("number gt 3 and period ge 2025-06-01 and (number lt 9 or number eq 20)")

    assert told == {"period": Range(JUNE[0], None)}
    assert [n for n in (3, 4, 9, 20) if matches(where, {"number": n}, params)] == [4, 20]


@pytest.mark.parametrize(
    "filter",
    [
        "period eq 2025-06-01 or period eq 2025-06-30",
        "number eq 1 or period eq 2025-06-01",
        "not (period eq 2025-06-01)",
        "period ne 2025-06-01",
        "period in (2025-06-01,2025-06-30)",
        "year(period) eq 2025",
        "period eq period",
        "period ne null",
        "unit gt 'a'",
        "contains(unit,'a')",
        "unit eq style",
    ],
)
def test_an_input_stands_in_comparisons_joined_by_and_only(filter: str) -> None:
    with pytest.raises(Refused, match="says what the report is made of") as refused:
        split(filter)

    assert refused.value.code == "BadRequest"


def test_an_input_has_one_value() -> None:
    with pytest.raises(Refused, match="two values"):
        split("unit eq 'kg' and unit eq 't'")
