"""Ranges of values: what a filter lets a report see, and which accounts a total adds up.

code_ranges("1000..1099|1200|30*")  ->  (("1000", "1099"), ("1200", "1200"), ("30", "30\\U0010ffff"))
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, NamedTuple

_HIGHEST = "\U0010ffff"


class Range(NamedTuple):
    """The values from `low` to `high`, both included; None where it is open. Empty when `low` is above `high`."""

    low: Any = None
    high: Any = None

    def __contains__(self, value: object) -> bool:
        return (self.low is None or self.low <= value) and (self.high is None or value <= self.high)


@lru_cache(4096)
def code_ranges(text: str) -> tuple[tuple[str, str], ...]:
    """Return the ranges that a filter on codes names, in order and apart, so that no code lies in two.

    `|` parts alternatives; `..` a first and a last code, either of which may be missing; `*` at the end stands for
    any rest. Codes compare as texts. A blank filter names none.
    """
    named: list[tuple[str, str]] = []
    for part in text.upper().split("|"):
        low, dots, high = (piece.strip() for piece in part.partition(".."))
        if dots:
            named.append((low, high or _HIGHEST))
        elif low.endswith("*"):
            named.append((low[:-1], low[:-1] + _HIGHEST))
        elif low:
            named.append((low, low))
    apart: list[tuple[str, str]] = []
    for low, high in sorted(named):
        if apart and low <= apart[-1][1]:
            apart[-1] = (apart[-1][0], max(high, apart[-1][1]))
        elif low <= high:
            apart.append((low, high))
    return tuple(apart)


def lies_in(code: str, ranges: tuple[tuple[str, str], ...]) -> bool:
    """Whether a code lies in one of the ranges."""
    return any(low <= code <= high for low, high in ranges)
