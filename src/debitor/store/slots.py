"""What fills the slots of a compiled query: values of a request in the form in which SQL compares them.

A literal finer than a stored decimal is rounded towards the side that keeps the comparison true to its value:
`amount lt 0.000001` asks for scaled amounts < 1, `eq` for something no amount equals.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_UP, Context, Decimal
from typing import Any

import msgspec

from debitor.schema import SCALE
from debitor.store.rows import LIMIT, iso

ABOVE_ALL = b""
"""In SQLite a blob sorts after every text and number, and equals none."""
_EXACT = Context(prec=120)
"""Room for any literal times 10**5; the default 28 digits would round long ones."""
_HIGHEST = 0x10FFFF


def _number(value: Any, scale: int) -> Decimal:
    return (value if isinstance(value, Decimal) else Decimal(value)).scaleb(scale, _EXACT)


def within(value: int) -> int:
    """Return the integer, or the nearest that the store keeps."""
    return max(-LIMIT, min(LIMIT, value))


def exactly(value: Any, scale: int) -> int | bytes:
    """Return the integer that equals value * 10**scale, or something that no integer equals."""
    if type(value) is int and scale == 0 and -LIMIT <= value <= LIMIT:
        return value
    shifted = _number(value, scale)
    whole = int(shifted)
    return whole if whole == shifted and -LIMIT <= whole <= LIMIT else ABOVE_ALL


def below(value: Any, scale: int) -> int:
    """Return the greatest integer that is not above value * 10**scale."""
    return within(int(_number(value, scale).to_integral_value(ROUND_FLOOR, _EXACT)))


def above(value: Any, scale: int) -> int:
    """Return the least integer that is not below value * 10**scale."""
    return within(int(_number(value, scale).to_integral_value(ROUND_CEILING, _EXACT)))


def nearest(value: Any, scale: int) -> int:
    """Return the integer nearest to value * 10**scale, for arithmetic."""
    return within(int(_number(value, scale).to_integral_value(ROUND_HALF_UP, _EXACT)))


def after(prefix: str) -> str | bytes:
    """Return the least value above every text that starts with `prefix` (texts sort by code point)."""
    while prefix:
        code = ord(prefix[-1]) + 1
        if code <= _HIGHEST:
            # Surrogates are no characters and cannot be bound.
            return prefix[:-1] + chr(0xE000 if code == 0xD800 else code)
        prefix = prefix[:-1]
    return ABOVE_ALL


def listed(values: Sequence[Any], encoder: Callable[[Any], Any] | None = None) -> str:
    """Return a list as the JSON text that json_each takes."""
    given = values if encoder is None else [encoder(v) for v in values]
    return msgspec.json.encode(list(given)).decode()


def _scaled(values: Sequence[Any]) -> list[int]:
    return [n for v in values if isinstance(n := exactly(v, SCALE), int)]


_SAME: dict[str, Any] = {
    "below": below, "above": above, "nearest": nearest, "iso": iso, "plain": lambda v: format(Decimal(v), "f"),
}  # fmt: skip

SQLITE: dict[str, Any] = {
    **_SAME, "exactly": exactly, "after": after, "listed": listed, "exact_decimals": lambda v: listed(_scaled(v)),
}  # fmt: skip
"""Names that the source of a slot may use."""


# --------------------------------------------------------------------------- PostgreSQL compares like with like

_NO_INTEGER = -LIMIT - 1
"""The one integer of 64 bits that is never kept."""
_LAST_TEXT = chr(_HIGHEST) * 4000
"""Above every text but those that begin with 4,000 times the last code point."""


def _exactly(value: Any, scale: int) -> int:
    found = exactly(value, scale)
    return found if isinstance(found, int) else _NO_INTEGER


def _after(prefix: str) -> str:
    found = after(prefix)
    return found if isinstance(found, str) else _LAST_TEXT


def listed_array(values: Sequence[Any], encoder: Callable[[Any], Any] | None = None) -> list[Any]:
    """Return a list as the driver makes an array of it."""
    return list(values) if encoder is None else [encoder(v) for v in values]


POSTGRESQL: dict[str, Any] = {
    **_SAME, "exactly": _exactly, "after": _after, "listed": listed_array, "exact_decimals": _scaled,
}  # fmt: skip
"""The same names."""
