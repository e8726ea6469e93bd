"""A query tree evaluated on rows in memory: for entity sets that are computed, and as a second model of the SQL.

It follows the arithmetic of the store: decimals have five places and round half away from zero, whole numbers divide
without a rest, and a division by zero has no value. What has no value makes a comparison neither true nor false, so
that neither it nor its opposite matches.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_UP, Context, Decimal
from typing import Any, Final

from debitor.odata.options import Parsed
from debitor.query import Among, Arithmetic, Call, Compare, Field, In, Logic, Node, Not, Null, Order, Param
from debitor.schema import SCALE

__all__ = ["apply", "matches", "sort_rows"]

Row = Mapping[str, Any]

_COMPARE: Final[Mapping[str, Callable[[Any, Any], bool]]] = {
    "eq": operator.eq,
    "ne": operator.ne,
    "lt": operator.lt,
    "le": operator.le,
    "gt": operator.gt,
    "ge": operator.ge,
}
_PLACES: Final = Decimal(1).scaleb(-SCALE)
_WIDE: Final = Context(prec=100, rounding=ROUND_HALF_UP)
"""Wide enough for any product of two literals, so that nothing is rounded twice."""


def apply(parsed: Parsed, rows: Iterable[Mapping[str, Any]]) -> tuple[list[Mapping[str, Any]], int]:
    """Filter, sort and cut rows as a query string asks.

    Returns:
        The rows asked for, and how many matched before `$skip` and `$top`.
    """
    shape = parsed.shape
    where = shape.where
    found = list(rows) if where is None else [row for row in rows if matches(where, row, parsed.params)]
    if shape.order:
        found = sort_rows(found, shape.order)
    first = parsed.skip or 0
    last = None if parsed.top is None else first + parsed.top
    return found[first:last], len(found)


def sort_rows(rows: Iterable[Row], order: Sequence[Order]) -> list[Any]:
    """Return the rows in order; rows that are equal in all terms keep theirs."""
    found = list(rows)
    for term in reversed(order):
        found.sort(key=operator.itemgetter(term.name), reverse=term.descending)
    return found


def matches(node: Node, row: Row, params: Sequence[Any]) -> bool:
    """Whether a row fulfils a condition.

    Args:
        node: the condition.
        row: property -> value, as schema.py keeps values in memory.
        params: values of the slots.
    """
    return _value(node, row, params) is True


def _value(node: Node, row: Row, params: Sequence[Any]) -> Any:
    """The value of any node; None where it has none."""
    match node:
        case Field(name):
            return row[name]
        case Param(index):
            return params[index]
        case Compare(op, left, right):
            return _compare(op, left, right, row, params)
        case Logic(op, items):
            return _logic(op == "or", items, row, params)
        case Not(item):
            held = _value(item, row, params)
            return None if held is None else not held
        case In(left, items):
            value = _value(left, row, params)
            return None if value is None else any(value == _value(item, row, params) for item in items)
        case Among(left, values):
            return row[left.name] in params[values.index]
        case Call():
            return _call(node, row, params)
        case Arithmetic(op, left, right):
            one, other = _value(left, row, params), _value(right, row, params)
            return None if one is None or other is None else _compute(op, one, other)
        case Null():
            return None


def _compare(op: str, left: Node, right: Node, row: Row, params: Sequence[Any]) -> bool | None:
    if isinstance(left, Null) or isinstance(right, Null):
        # No property is ever null.
        return op == "ne"
    one, other = _value(left, row, params), _value(right, row, params)
    return None if one is None or other is None else bool(_COMPARE[op](one, other))


def _logic(decisive: bool, items: Sequence[Node], row: Row, params: Sequence[Any]) -> bool | None:
    """`or` is decided by one true item, `and` by one false."""
    undecided: bool | None = not decisive
    for item in items:
        held = _value(item, row, params)
        if held is decisive:
            return bool(held)
        if held is None:
            undecided = None
    return undecided


def _compute(op: str, one: Any, other: Any) -> Any:
    if isinstance(one, int) and isinstance(other, int):
        if op in ("div", "mod"):
            if not other:
                return None
            # Towards zero, and a rest with the sign of the first: unlike Python's // and %.
            size = abs(one) // abs(other)
            quotient = size if (one < 0) == (other < 0) else -size
            return quotient if op == "div" else one - quotient * other
        return {"add": operator.add, "sub": operator.sub, "mul": operator.mul}[op](one, other)
    a, b = Decimal(one), Decimal(other)
    if op == "add":
        return _WIDE.add(_rounded(a), _rounded(b))
    if op == "sub":
        return _WIDE.subtract(_rounded(a), _rounded(b))
    if op == "mul":
        return _rounded(_WIDE.multiply(_rounded(a), _rounded(b)))
    a, b = _rounded(a), _rounded(b)
    if not b:
        return None
    return _rounded(_WIDE.divide(a, b)) if op == "div" else _WIDE.remainder(a, b)


def _rounded(value: Decimal) -> Decimal:
    return value.quantize(_PLACES, ROUND_HALF_UP, _WIDE)


def _whole(value: Any, rounding: str) -> Any:
    return value if isinstance(value, int) else _rounded(value).to_integral_value(rounding, _WIDE)


def _iso(value: Any) -> str:
    """A date or a datetime as text, year first."""
    return value.isoformat() if isinstance(value, date) else value


def _replace(value: str, old: str, new: str) -> str:
    return value.replace(old, new) if old else value


def _substring(value: str, start: int, size: int | None = None) -> str:
    first = max(start, 0)
    return value[first:] if size is None else value[first : first + max(size, 0)]


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")[:23] + "Z"


_CALLS: Final[Mapping[str, Callable[..., Any]]] = {
    "contains": operator.contains,
    "startswith": str.startswith,
    "endswith": str.endswith,
    "tolower": str.lower,
    "toupper": str.upper,
    "trim": str.strip,
    "concat": operator.add,
    "replace": _replace,
    "substring": _substring,
    "length": len,
    "indexof": str.find,
    "round": lambda v: _whole(v, ROUND_HALF_UP),
    "floor": lambda v: _whole(v, ROUND_FLOOR),
    "ceiling": lambda v: _whole(v, ROUND_CEILING),
    "year": lambda v: int(_iso(v)[:4]),
    "month": lambda v: int(_iso(v)[5:7]),
    "day": lambda v: int(_iso(v)[8:10]),
    "hour": lambda v: int(v[11:13]),
    "minute": lambda v: int(v[14:16]),
    "second": lambda v: int(v[17:19]),
    "date": lambda v: date.fromisoformat(v[:10]),
    "time": lambda v: v[11:23],
    "now": _now,
    "mindatetime": lambda: "0001-01-01T00:00:00.000Z",
    "maxdatetime": lambda: "9999-12-31T23:59:59.999Z",
}


def _call(node: Call, row: Row, params: Sequence[Any]) -> Any:
    values = [_value(argument, row, params) for argument in node.args]
    return None if any(value is None for value in values) else _CALLS[node.name](*values)
