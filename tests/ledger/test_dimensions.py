"""Dimension sets: who wins, and what posting demands."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from debitor.ledger.dimensions import check, check_usable, default_set, fingerprint
from debitor.ledger.records import DefaultDimension, Dimension, DimensionValue, PostingValidation
from debitor.schema import Refused

CODES = st.text("AB=|%", min_size=1, max_size=3)
SETS = st.dictionaries(CODES, CODES, max_size=3)


def default(dimension: str, value: str = "", rule: PostingValidation = PostingValidation.BLANK) -> DefaultDimension:
    return DefaultDimension(
        parent_type="Customer", dimension_code=dimension, value_code=value, posting_validation=rule
    )


def test_the_fingerprint_is_ordered() -> None:
    assert fingerprint({"DEPARTMENT": "SALES", "AREA": "NORTH"}) == "AREA=NORTH|DEPARTMENT=SALES"
    assert fingerprint({}) == ""


@given(SETS, SETS)
def test_only_equal_sets_have_equal_fingerprints(a: dict[str, str], b: dict[str, str]) -> None:
    assert (fingerprint(a) == fingerprint(b)) is (a == b)
    assert fingerprint(dict(reversed(a.items()))) == fingerprint(a)


CUSTOMER = [default("AREA", "NORTH"), default("DEPARTMENT", "SALES"), default("PROJECT")]
ACCOUNT = [default("DEPARTMENT", "ADMIN"), default("PROJECT", "P1")]


def test_the_first_source_wins() -> None:
    assert default_set([CUSTOMER, ACCOUNT]) == {"AREA": "NORTH", "DEPARTMENT": "SALES", "PROJECT": "P1"}
    assert default_set([ACCOUNT, CUSTOMER]) == {"AREA": "NORTH", "DEPARTMENT": "ADMIN", "PROJECT": "P1"}
    assert default_set([]) == {}


@pytest.mark.parametrize(
    ("priorities", "department"),
    [
        ([0, 0], "SALES"),
        ([2, 1], "ADMIN"),
        ([1, 2], "SALES"),
        ([1, 1], "SALES"),
        ([0, 5], "ADMIN"),
        ([5, 0], "SALES"),
    ],
)
def test_a_smaller_priority_replaces(priorities: list[int], department: str) -> None:
    assert default_set([CUSTOMER, ACCOUNT], priorities)["DEPARTMENT"] == department


V = PostingValidation


@pytest.mark.parametrize(
    ("rule", "value", "has", "says"),
    [
        (V.BLANK, "SALES", "", None),
        (V.CODE_MANDATORY, "", "ANY", None),
        (V.CODE_MANDATORY, "SALES", "", "needs a value"),
        (V.SAME_CODE, "SALES", "SALES", None),
        (V.SAME_CODE, "SALES", "ADMIN", "the value SALES"),
        (V.SAME_CODE, "SALES", "", "the value SALES"),
        (V.SAME_CODE, "", "", None),
        (V.SAME_CODE, "", "ADMIN", "no value"),
        (V.NO_CODE, "", "", None),
        (V.NO_CODE, "", "ADMIN", "no value"),
    ],
)
def test_rules_of_default_dimensions(rule: V, value: str, has: str, says: str | None) -> None:
    pairs = {"DEPARTMENT": has} if has else {}
    words: dict[str, Any] = {"record": "customer 10400", "where": "line 10000"}
    rules = [default("DEPARTMENT", value, rule)]
    if says is None:
        check(pairs, rules, **words)
        return
    with pytest.raises(Refused, match=says) as no:
        check(pairs, rules, **words)

    assert no.value.code == "Application_DialogException"
    assert all(word in no.value.message for word in ("Line 10000", "DEPARTMENT", "customer 10400"))


def test_blocked_dimensions_and_values_are_refused() -> None:
    dimensions = {"A": Dimension(code="A"), "B": Dimension(code="B", blocked=True)}
    values = {
        ("A", "1"): DimensionValue(dimension_code="A", code="1"),
        ("A", "2"): DimensionValue(dimension_code="A", code="2", blocked=True),
        ("B", "1"): DimensionValue(dimension_code="B", code="1"),
    }

    check_usable({"A": "1"}, dimensions, values, where="line 1")
    for pairs, says in (
        ({"A": "2"}, "value A 2, used on line 1, is blocked"),
        ({"B": "1"}, "Dimension B, used on line 1, is blocked"),
        ({"C": "1"}, "Dimension C, used on line 1, does not exist"),
        ({"A": "3"}, "value A 3, used on line 1, does not exist"),
    ):
        with pytest.raises(Refused, match=says):
            check_usable(pairs, dimensions, values, where="line 1")
