"""Date formulas: the table that payment terms rely on, and what every formula must keep."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from debitor.ledger.dates import calculate, normalise
from debitor.schema import BLANK_DATE, Refused

TABLE = [
    ("2025-01-10", "1M", "2025-02-10"),
    ("2025-01-31", "1M", "2025-02-28"),
    ("2024-01-31", "1M", "2024-02-29"),
    ("2025-01-10", "8D", "2025-01-18"),
    ("2025-01-10", "14D", "2025-01-24"),
    ("2025-01-10", "CM", "2025-01-31"),
    ("2025-01-10", "CM+15D", "2025-02-15"),
    ("2025-01-10", "CM+1M", "2025-02-28"),
    ("2025-01-10", "1M+CM", "2025-02-28"),
    ("2025-01-10", "-CM", "2025-01-01"),
    ("2025-01-10", "CW", "2025-01-12"),
    ("2025-01-10", "-CW", "2025-01-06"),
    ("2025-01-10", "CQ", "2025-03-31"),
    ("2025-05-10", "-CQ", "2025-04-01"),
    ("2025-01-10", "CQ+1M-10D", "2025-04-20"),
    ("2025-01-10", "CY", "2025-12-31"),
    ("2025-05-10", "-CY", "2025-01-01"),
    ("2025-01-10", "CD", "2025-01-10"),
    ("2025-01-10", "2W", "2025-01-24"),
    ("2024-02-29", "1Y", "2025-02-28"),
    ("2025-01-10", "-1M", "2024-12-10"),
    ("2025-01-10", "1Q", "2025-04-10"),
    ("2025-01-10", "0D", "2025-01-10"),
    ("2025-01-10", "", "2025-01-10"),
    ("2025-01-10", "D15", "2025-01-15"),
    ("2025-01-15", "D15", "2025-02-15"),
    ("2025-01-10", "-D15", "2024-12-15"),
    ("2025-02-10", "D31", "2025-03-31"),
    ("2025-01-10", "WD1", "2025-01-13"),
    ("2025-01-10", "WD5", "2025-01-17"),
    ("2025-01-10", "-WD5", "2025-01-03"),
    ("2025-01-10", "M6", "2025-06-01"),
    ("2025-01-10", "-M6", "2024-06-01"),
    ("2025-01-10", "Q1", "2026-01-01"),
    ("2025-01-10", "W2", "2026-01-05"),
    ("2025-01-10", "Y2027", "2027-01-01"),
    ("2025-01-10", "3WD", "2025-01-15"),
    ("2025-01-11", "1WD", "2025-01-13"),
    ("2025-01-11", "-1WD", "2025-01-10"),
    ("2025-01-10", "1m + cm", "2025-02-28"),
    ("2025-01-10", "<1M+CM>", "2025-02-28"),
]


@pytest.mark.parametrize(("base", "formula", "result"), TABLE)
def test_formula(base: str, formula: str, result: str) -> None:
    assert calculate(formula, date.fromisoformat(base)) == date.fromisoformat(result)


@pytest.mark.parametrize(
    "formula",
    ["1", "M", "1X", "1M1D", "1M(8D)", "1M+", "++1M", "C", "CX", "D0", "D32", "WD8", "M13", "Q5", "W54", "1.5M",
     "1D+1D+1D+1D", "123456D", "١D"],
)  # fmt: skip
def test_what_is_no_formula_is_refused(formula: str) -> None:
    with pytest.raises(Refused) as no:
        normalise(formula)

    assert no.value.code == "Application_EvaluateException"
    assert formula in no.value.message


@pytest.mark.parametrize(("base", "formula"), [("9999-12-01", "1M"), ("0001-02-01", "-1Y"), ("2025-01-10", "Y2024")])
def test_a_date_outside_the_calendar_is_refused(base: str, formula: str) -> None:
    with pytest.raises(Refused) as no:
        calculate(formula, date.fromisoformat(base))

    assert no.value.code == "Application_EvaluateException"


def test_a_blank_date_stays_blank() -> None:
    assert calculate("1M", BLANK_DATE) == BLANK_DATE


UNITS = st.sampled_from(["D", "WD", "W", "M", "Q", "Y"])
STEPS = st.one_of(
    st.tuples(st.integers(0, 60), UNITS).map(lambda p: f"{p[0]}{p[1]}"),
    UNITS.map(lambda u: f"C{u}"),
    st.tuples(st.sampled_from(["D", "WD", "M", "Q", "W"]), st.integers(1, 4)).map(lambda p: f"{p[0]}{p[1]}"),
)
FORMULAS = st.lists(st.tuples(st.sampled_from("+-"), STEPS), min_size=1, max_size=3).map(
    lambda steps: "".join(sign + step for sign, step in steps)
)
DAYS = st.dates(date(1900, 1, 1), date(2200, 1, 1))


@given(FORMULAS, DAYS)
def test_the_stored_form_means_the_same_and_is_stable(formula: str, base: date) -> None:
    stored = normalise(formula)

    assert normalise(stored) == stored
    assert calculate(stored, base) == calculate(formula, base)


@given(DAYS, st.integers(-30, 30))
def test_weekdays_are_counted_one_by_one(base: date, count: int) -> None:
    day, left = base, abs(count)
    while left:
        day += timedelta(days=1 if count > 0 else -1)
        left -= day.weekday() < 5

    assert calculate(f"{count}WD", base) == day


@given(DAYS, st.integers(1, 31), st.sampled_from("+-"))
def test_a_numbered_day_is_the_nearest_strictly_beyond(base: date, number: int, sign: str) -> None:
    day = base
    while day == base or day.day != number:
        day += timedelta(days=1 if sign == "+" else -1)

    assert calculate(f"{sign}D{number}", base) == day
