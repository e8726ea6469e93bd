"""A slow, obvious evaluation of a condition on one row, to compare the store's SQL with.

Rows are dicts by property name with Decimal, int, bool and text values; dates are ISO texts. None is the value of a
division by zero: no comparison with it holds.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_UP, Decimal
from typing import Any

from debitor.query import Among, Arithmetic, Call, Compare, Field, In, Logic, Node, Not, Null, Param

OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    "eq": operator.eq, "ne": operator.ne, "lt": operator.lt, "le": operator.le, "gt": operator.gt, "ge": operator.ge,
}  # fmt: skip
FINEST = Decimal("0.00001")


def holds(node: Node, row: Mapping[str, Any], params: Sequence[Any]) -> bool:
    return evaluate(node, row, params) is True


def evaluate(node: Node, row: Mapping[str, Any], params: Sequence[Any]) -> Any:
    def value(n: Node) -> Any:
        return evaluate(n, row, params)

    match node:
        case Field(name):
            return row[name]
        case Param(index):
            given = params[index]
            return given.isoformat() if isinstance(given, date) else given
        case Null():
            return None
        case Compare(op, left, right):
            if isinstance(left, Null) or isinstance(right, Null):
                return op == "ne"
            return OPERATORS[op](value(left), value(right))
        case Logic(op, items):
            return (all if op == "and" else any)([value(i) for i in items])
        case Not(item):
            return not value(item)
        case In(left, items):
            return value(left) in [value(i) for i in items]
        case Among(left, values):
            return value(left) in [v.isoformat() if isinstance(v, date) else v for v in params[values.index]]
        case Arithmetic(op, left, right):
            return arithmetic(op, value(left), value(right))
        case Call(name, args):
            return call(name, *map(value, args))


def arithmetic(op: str, a: Any, b: Any) -> Any:
    whole = isinstance(a, int) and isinstance(b, int)
    if op == "add":
        return a + b
    if op == "sub":
        return a - b
    if op == "mul":
        return a * b if whole else (a * b).quantize(FINEST, ROUND_HALF_UP)
    if op == "div":
        return int(Decimal(a) / b) if whole else (Decimal(a) / b).quantize(FINEST, ROUND_HALF_UP)
    rest = Decimal(a) % Decimal(b)
    return int(rest) if whole else rest


def call(name: str, *args: Any) -> Any:
    x = args[0]
    match name:
        case "contains":
            return args[1] in x
        case "startswith":
            return x.startswith(args[1])
        case "endswith":
            return x.endswith(args[1])
        case "tolower":
            return x.lower()
        case "toupper":
            return x.upper()
        case "trim":
            return x.strip()
        case "length":
            return len(x)
        case "indexof":
            return x.find(args[1])
        case "substring":
            return x[args[1] :][: args[2]] if len(args) > 2 else x[args[1] :]
        case "concat":
            return x + args[1]
        case "replace":
            return x.replace(args[1], args[2]) if args[1] else x
        case "year":
            return int(x[:4])
        case "month":
            return int(x[5:7])
        case "day":
            return int(x[8:10])
        case "hour":
            return int(x[11:13])
        case "date":
            return x[:10]
        case "round" | "floor" | "ceiling":
            mode = {"round": ROUND_HALF_UP, "floor": ROUND_FLOOR, "ceiling": ROUND_CEILING}[name]
            return x if isinstance(x, int) else x.to_integral_value(mode)
    raise AssertionError(name)
