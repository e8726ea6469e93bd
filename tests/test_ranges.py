"""Ranges: which codes a filter names."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from debitor.ranges import Range, code_ranges, lies_in


@pytest.mark.parametrize(
    ("text", "inside", "outside"),
    [
        ("1000..1099", ["1000", "1050", "1099"], ["0999", "1100", "10991"]),
        ("1000..1099|1200", ["1000", "1200"], ["1199", "1201"]),
        ("..1099", ["0", "1099"], ["1100"]),
        ("1100..", ["1100", "9"], ["1099"]),
        ("30*", ["30", "3099"], ["29", "31"]),
        ("1000..1099 | 1050..1200", ["1000", "1150"], ["1201"]),
        ("a..b", ["A", "B"], ["C"]),
        ("2000..1000", [], ["1000", "1500", "2000"]),
        ("", [], ["", "1000"]),
    ],
)
def test_a_filter_names_codes(text: str, inside: list[str], outside: list[str]) -> None:
    ranges = code_ranges(text)

    assert [c for c in inside if not lies_in(c, ranges)] == []
    assert [c for c in outside if lies_in(c, ranges)] == []


@given(st.lists(st.tuples(st.text("0123", max_size=3), st.text("0123", min_size=1, max_size=3)), max_size=6))
def test_no_code_lies_in_two_ranges(pairs: list[tuple[str, str]]) -> None:
    """Or its entries would be added twice."""
    ranges = code_ranges("|".join(f"{low}..{high}" for low, high in pairs))

    assert all(low <= high for low, high in ranges)
    assert all(one[1] < other[0] for one, other in pairwise(ranges))
    for code in ("", "0", "01", "12", "123", "3", "33"):
        assert lies_in(code, ranges) == any(low <= code <= high for low, high in pairs)


@pytest.mark.parametrize(
    ("range", "inside"),
    [(Range(), True), (Range(2, None), True), (Range(None, 1), False), (Range(2, 2), True), (Range(3, 1), False)],
)
def test_a_range_may_be_open_on_either_side(range: Range, inside: bool) -> None:
    assert (2 in range) == inside
