"""Rounding and splitting: the parts sum to the whole, to the last unit."""

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from debitor.ledger.amounts import plain, round_to, split

D = Decimal
PRECISIONS = st.sampled_from([D("1"), D("0.01"), D("0.001"), D("0.05"), D("0.00001")])


@pytest.mark.parametrize(
    ("amount", "precision", "rounded"),
    [
        ("0.005", "0.01", "0.01"),
        ("-0.005", "0.01", "-0.01"),
        ("0.00499", "0.01", "0"),
        ("2.5", "1", "3"),
        ("-2.5", "1", "-3"),
        ("1.0005", "0.001", "1.001"),
        ("1.024", "0.05", "1"),
        ("1.025", "0.05", "1.05"),
        ("-1.025", "0.05", "-1.05"),
        ("9999999999999.99", "0.01", "9999999999999.99"),
    ],
)
def test_a_half_goes_away_from_zero(amount: str, precision: str, rounded: str) -> None:
    assert round_to(D(amount), D(precision)) == D(rounded)


@given(st.decimals(-(10**12), 10**12, places=7), PRECISIONS)
def test_rounding_is_the_nearest_multiple(amount: Decimal, precision: Decimal) -> None:
    rounded = round_to(amount, precision)
    away = abs(Fraction(rounded) - Fraction(amount))

    assert Fraction(rounded) % Fraction(precision) == 0
    assert away * 2 <= Fraction(precision)
    if away * 2 == Fraction(precision):
        assert abs(rounded) > abs(amount)


@given(st.integers(-(10**10), 10**10), st.lists(st.integers(0, 10**8), min_size=1, max_size=12), PRECISIONS)
def test_the_parts_sum_to_the_whole_and_stay_near_their_share(
    units: int, weights: list[int], precision: Decimal
) -> None:
    amount = units * precision
    total = sum(weights)
    if not total:
        weights, total = [1] * len(weights), len(weights)

    parts = split(amount, [D(w) for w in weights], precision)

    assert sum(parts) == amount
    for part, weight in zip(parts, weights, strict=True):
        share = Fraction(amount) * weight / total
        assert abs(Fraction(part) - share) <= Fraction(precision)
        assert Fraction(part) % Fraction(precision) == 0
        if not weight:
            assert part == 0


def test_a_third_each_carries_the_rest_forward() -> None:
    assert split(D(100), [D(1)] * 3, D("0.01")) == [D("33.33"), D("33.34"), D("33.33")]


def test_nothing_is_spread_over_nothing() -> None:
    assert split(D(0), [D(0), D(0)], D("0.01")) == [0, 0]
    assert split(D(0), [], D("0.01")) == []
    with pytest.raises(AssertionError):
        split(D(1), [], D("0.01"))


@pytest.mark.parametrize(
    ("amount", "text"),
    [("0", "0"), ("-0.00", "0"), ("1E+3", "1000"), ("10.50", "10.5"), ("100", "100"), ("-0.010", "-0.01")],
)
def test_messages_show_plain_numbers(amount: str, text: str) -> None:
    assert plain(D(amount)) == text
