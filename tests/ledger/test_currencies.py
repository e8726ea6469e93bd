"""Exchange rates: which one applies on a day, and what it makes of an amount."""

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from debitor.ledger.currencies import exchange, factor_at, to_lcy
from debitor.ledger.records import ExchangeRate
from debitor.schema import Refused

D = Decimal
CENT = D("0.01")


def rate(code: str, day: date, lcy: str, amount: str = "1") -> ExchangeRate:
    return ExchangeRate(
        currency_code=code,
        starting_date=day,
        exchange_rate_amount=D(amount),
        relational_exchange_rate_amount=D(lcy),
    )


RATES = {
    "EUR": [rate("EUR", date(2025, 1, 1), "1.20"), rate("EUR", date(2025, 2, 1), "1.25")],
    "JPY": [rate("JPY", date(2025, 1, 1), "0.75", "100")],
    "BAD": [rate("BAD", date(2025, 1, 1), "0")],
}


@pytest.mark.parametrize(
    ("day", "lcy"), [((2025, 1, 1), "1200"), ((2025, 1, 31), "1200"), ((2025, 2, 1), "1250"), ((2030, 1, 1), "1250")]
)
def test_the_latest_rate_that_has_started_applies(day: tuple[int, int, int], lcy: str) -> None:
    assert to_lcy(D(1000), factor_at(RATES, "EUR", date(*day)), CENT) == D(lcy)


def test_a_rate_per_hundred() -> None:
    assert to_lcy(D(10000), factor_at(RATES, "JPY", date(2025, 1, 1)), CENT) == D(75)


def test_local_currency_is_itself() -> None:
    assert factor_at(RATES, "", date(1900, 1, 1)) == 1
    assert to_lcy(D("12.34"), D(1), CENT) == D("12.34")


@pytest.mark.parametrize(("code", "day"), [("EUR", date(2024, 12, 31)), ("USD", date(2025, 1, 1))])
def test_no_rate_is_refused(code: str, day: date) -> None:
    with pytest.raises(Refused, match=code) as no:
        factor_at(RATES, code, day)

    assert no.value.code == "Internal_DataNotFoundFilter"


def test_a_rate_of_zero_is_refused() -> None:
    with pytest.raises(Refused, match="BAD"):
        factor_at(RATES, "BAD", date(2025, 1, 1))


def test_between_two_currencies_over_local_currency() -> None:
    day = date(2025, 1, 1)

    assert exchange(D(100), "EUR", "JPY", RATES, day, D(1)) == D(16000)
    assert exchange(D(120), "", "EUR", RATES, day, CENT) == D(100)
    assert exchange(D(100), "EUR", "", RATES, day, CENT) == D(120)
    assert exchange(D("1.005"), "EUR", "EUR", RATES, day, CENT) == D("1.005")


@given(st.decimals(-(10**9), 10**9, places=2))
def test_there_and_back_differs_by_less_than_a_unit(amount: Decimal) -> None:
    day = date(2025, 1, 1)
    there = exchange(amount, "", "EUR", RATES, day, D("0.0001"))

    assert abs(exchange(there, "EUR", "", RATES, day, CENT) - amount) <= CENT
