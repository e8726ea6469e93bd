"""Functions and orders to register on a connection of SQLite, whose own know only ASCII and no exact decimals."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import msgspec

from debitor.ranges import code_ranges
from debitor.schema import FACTOR, SCALE
from debitor.store.slots import nearest, within


def _half_up(value: int) -> int:
    size: int = (abs(value) + FACTOR // 2) // FACTOR * FACTOR
    return size if value >= 0 else -size


def _multiply(left: int, right: int) -> int:
    product = abs(left * right)
    size = within((product + FACTOR // 2) // FACTOR)
    return size if (left < 0) == (right < 0) else -size


def _divide(left: int, right: int) -> int | None:
    if not right:
        return None
    size = within((abs(left) * FACTOR * 2 + abs(right)) // (abs(right) * 2))
    return size if (left < 0) == (right < 0) else -size


def _compare_factors(left: str, right: str) -> int:
    a, b = Decimal(left), Decimal(right)
    return (a > b) - (a < b)


def _of_values(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return the function with SQL's manners: a NULL (a division by zero) gives NULL."""
    return lambda *values: None if None in values else function(*values)


_ON_VALUES: dict[str, Callable[..., Any]] = {
    "text_lower": str.lower,
    "text_upper": str.upper,
    "text_trim": str.strip,
    "decimal_round": _half_up,
    "decimal_floor": lambda v: v // FACTOR * FACTOR,
    "decimal_ceiling": lambda v: -(-v // FACTOR) * FACTOR,
    "decimal_multiply": _multiply,
    "decimal_divide": _divide,
    "factor_scaled": lambda v: nearest(v, SCALE),
    "code_ranges": lambda v: msgspec.json.encode(code_ranges(v)).decode(),
}
FUNCTIONS: dict[str, Callable[..., Any]] = {name: _of_values(made) for name, made in _ON_VALUES.items()}
"""Name -> function; PostgreSQL has the same ones from `migrations/postgresql.sql`."""

COLLATIONS: dict[str, Callable[[str, str], int]] = {"factor": _compare_factors}
"""How factors, which are texts, are ordered."""
