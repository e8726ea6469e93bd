"""Number series: which number comes next, and when there is none."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from debitor.ledger.numbering import fits, increment, peek, take
from debitor.ledger.records import NumberSeries, NumberSeriesLine
from debitor.schema import Refused

DAY = date(2025, 1, 10)
SERIES = NumberSeries(code="INV")


def line(start: str = "INV001", used: str = "", **more: object) -> NumberSeriesLine:
    return NumberSeriesLine(series_code="INV", starting_number=start, last_number_used=used, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("number", "by", "result"),
    [
        ("GR099", 1, "GR100"),
        ("GR99", 1, "GR100"),
        ("99", 1, "100"),
        ("INV-009/A", 1, "INV-010/A"),
        ("A1B2", 10, "A1B12"),
        ("000", 1, "001"),
        ("ABC", 1, ""),
        ("", 1, ""),
    ],
)
def test_the_last_digits_are_increased(number: str, by: int, result: str) -> None:
    assert increment(number, by) == result


@given(st.from_regex(r"[A-Z-]{0,5}[0-9]{1,10}[A-Z]{0,3}", fullmatch=True), st.integers(1, 99), st.integers(1, 99))
def test_two_steps_are_one_larger_step(number: str, a: int, b: int) -> None:
    assert increment(increment(number, a), b) == increment(number, a + b)


def test_taking_numbers_one_after_the_other() -> None:
    first, (old, new) = take(SERIES, [line()], DAY)
    second, _ = take(SERIES, [new], DAY)

    assert (first, second) == ("INV001", "INV002")
    assert old.last_number_used == ""
    assert (new.last_number_used, new.last_date_used) == ("INV001", DAY)


def test_looking_takes_nothing() -> None:
    lines = [line(used="INV007")]

    assert peek(SERIES, lines, DAY) == peek(SERIES, lines, DAY) == "INV008"


def test_the_latest_line_that_has_started_counts_in_any_order() -> None:
    lines = [
        line("B1", starting_date=date(2025, 1, 1)),
        line("C1", starting_date=date(2025, 2, 1)),
        line("A1", starting_date=date(2024, 1, 1)),
        line("D1", starting_date=date(2025, 1, 5), open=False),
    ]

    assert peek(SERIES, lines, DAY) == "B1"
    assert peek(SERIES, lines, date(2025, 2, 1)) == "C1"
    assert peek(SERIES, lines, date(2024, 12, 31)) == "A1"


@pytest.mark.parametrize(
    ("lines", "what"),
    [
        ([], "no open line"),
        ([line(starting_date=date(2025, 2, 1))], "no open line"),
        ([line(open=False)], "no open line"),
        ([line("INV1", used="INV9", ending_number="INV9")], "ends at INV9"),
        ([line("A", used="A")], "cannot be continued"),
        ([line("9" * 20, used="9" * 20)], "cannot be continued"),
    ],
)
def test_no_number_is_left(lines: list[NumberSeriesLine], what: str) -> None:
    with pytest.raises(Refused, match=what) as no:
        take(SERIES, lines, DAY)

    assert no.value.code == "Application_DialogException"


def test_the_ending_number_itself_can_be_used() -> None:
    assert peek(SERIES, [line("INV1", used="INV8", ending_number="INV9")], DAY) == "INV9"


def test_date_order() -> None:
    ordered = NumberSeries(code="INV", date_order=True)
    used = line(used="INV001", last_date_used=DAY)

    assert peek(ordered, [used], DAY) == "INV002"
    with pytest.raises(Refused, match="order of date"):
        peek(ordered, [used], date(2025, 1, 9))
    assert peek(SERIES, [used], date(2025, 1, 9)) == "INV002"


@pytest.mark.parametrize(
    ("number", "fitting"),
    [("INV001", True), ("INV500", True), ("INV999", True), ("INV1000", False), ("INV000", False), ("PAY001", False),
     ("INV01", False), ("INV001A", False), ("", False), ("INV", False)],
)  # fmt: skip
def test_whether_a_number_is_of_the_series(number: str, fitting: bool) -> None:
    assert fits(number, line(ending_number="INV999")) is fitting
