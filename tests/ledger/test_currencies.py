"""Exchange rates: which one applies on a day, and what it makes of an amount."""

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from debitor.ledger.amounts import round_to, split
from debitor.ledger.apply import may_apply
from debitor.ledger.currencies import adjustment_factor_at, exchange, factor_at, to_lcy
from debitor.ledger.records import Currency, CurrencyApplication, ExchangeRate, ReceivablesSetup
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


@pytest.mark.parametrize(
    ("allowed", "one", "other", "may"),
    [
        ("All", "", "USD", True), ("All", "DEM", "USD", True),
        ("None", "", "EUR", False), ("None", "DEM", "FRF", False), ("None", "USD", "USD", True),
        ("None", "", "", True),
        ("EMU", "DEM", "FRF", True), ("EMU", "DEM", "", True), ("EMU", "", "FRF", True), ("EMU", "USD", "USD", True),
        ("EMU", "DEM", "USD", False), ("EMU", "USD", "", False), ("EMU", "GBP", "USD", False),
        ("EMU", "DEM", "GONE", False),
    ],
)  # fmt: skip
def test_between_which_currencies_entries_are_applied(allowed: str, one: str, other: str, may: bool) -> None:
    """EMU: both belong to the union; the local currency does here."""
    setup = ReceivablesSetup(application_between_currencies=CurrencyApplication[allowed.upper()], emu_currency=True)
    currencies = {
        code: Currency(code=code, emu_currency=code in ("DEM", "FRF")) for code in ("DEM", "FRF", "USD", "GBP")
    }

    assert may_apply(setup, one, other, currencies) is may


def test_a_local_currency_outside_the_union_takes_no_part_in_it() -> None:
    setup = ReceivablesSetup(application_between_currencies=CurrencyApplication.EMU)

    assert not may_apply(setup, "", "DEM", {"DEM": Currency(code="DEM", emu_currency=True)})


def test_the_adjustment_amounts_apply_where_they_are_given() -> None:
    own = replace(RATES["EUR"][0], relational_adjustment_exchange_rate_amount=D("1.5"))

    assert to_lcy(D(100), adjustment_factor_at(RATES, "EUR", date(2025, 1, 31)), CENT) == 120
    assert to_lcy(D(100), adjustment_factor_at({"EUR": [own]}, "EUR", date(2025, 1, 31)), CENT) == 150
    with pytest.raises(Refused, match="BAD"):
        adjustment_factor_at(RATES, "BAD", date(2025, 1, 1))
    with pytest.raises(Refused, match="USD"):
        adjustment_factor_at(RATES, "USD", date(2025, 1, 1))


PRECISIONS = st.sampled_from([D(1), D("0.01"), D("0.001"), D("0.05")])


@given(st.decimals(-(10**9), 10**9, places=5), PRECISIONS)
def test_rounding_reaches_the_nearest_multiple(amount: Decimal, precision: Decimal) -> None:
    """With 0, 2 and 3 decimals, and with coins of 0.05; what is rounded stays."""
    rounded = round_to(amount, precision)

    assert rounded % precision == 0
    assert abs(rounded - amount) <= precision / 2
    assert round_to(rounded, precision) == rounded


@given(st.integers(-(10**9), 10**9), st.lists(st.integers(1, 1000), min_size=1, max_size=8), PRECISIONS)
def test_a_split_sums_back_in_every_currency(units: int, weights: list[int], precision: Decimal) -> None:
    whole = units * precision
    parts = split(whole, [D(weight) for weight in weights], precision)

    assert sum(parts) == whole
    assert all(part % precision == 0 for part in parts)
