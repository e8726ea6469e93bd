"""Rounding and splitting of money, in Decimal only.

Rounding is commercial: to the nearest multiple of the precision, a half away from zero. Splitting carries the
rounding remainder forward, so the parts always sum to the whole:

    split(100.00, weights 1 : 1 : 1, precision 0.01)  ->  33.33, 33.34, 33.33
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import ROUND_HALF_UP, Decimal

ZERO = Decimal(0)
_ONE = Decimal(1)
_POWERS = {Decimal(1).scaleb(-places): Decimal(1).scaleb(-places) for places in range(10)}
"""Precisions that are powers of ten, as the exponent that `quantize` wants."""


def round_to(amount: Decimal, precision: Decimal) -> Decimal:
    """Return the multiple of `precision` nearest to `amount`; a half goes away from zero.

    Args:
        precision: greater than zero, such as 0.01, 1 or 0.05.
    """
    power = _POWERS.get(precision)
    if power is not None:
        return amount.quantize(power, ROUND_HALF_UP)
    assert precision > 0, f"rounding to {precision}"
    return (amount / precision).quantize(_ONE, ROUND_HALF_UP) * precision


def split(amount: Decimal, weights: Sequence[Decimal], precision: Decimal) -> list[Decimal]:
    """Spread `amount` in proportion to `weights`, each part rounded, the remainder carried to the next part.

    Args:
        amount: a multiple of `precision`; other amounts leave their fraction in the last part.
        weights: of one sign, not all zero unless the amount is zero. A weight of zero gets nothing.

    Returns:
        One part per weight, summing to exactly `amount`.
    """
    total = sum(weights, ZERO)
    if not amount or not weights:
        assert not amount, "nothing to spread an amount over"
        return [ZERO] * len(weights)
    assert total, "the weights sum to zero"
    parts: list[Decimal] = []
    reached = given = ZERO
    for weight in weights:
        if not weight:
            parts.append(ZERO)
            continue
        reached += weight
        upto = amount if reached == total else round_to(amount * reached / total, precision)
        parts.append(upto - given)
        given = upto
    return parts


def plain(amount: Decimal) -> str:
    """Return the amount for a message: no exponent, no trailing zeros, no negative zero."""
    if not amount:
        return "0"
    text = format(amount, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text
