"""Inputs of computed entity sets: what `$filter` demands of them is told to the set instead of asked of its rows.

    dateFilter ge 2025-01-01 and dateFilter lt 2025-02-01 and totalDebit ne ''
    -> input dateFilter: Range(2025-01-01, 2025-01-31); asked of the rows: totalDebit ne ''

A report has one period, so an input stands alone or among conditions joined by `and`, compared with a value.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any, NamedTuple, NoReturn

from debitor.query import Among, Arithmetic, Call, Compare, Field, In, Logic, Node, Not, Param
from debitor.ranges import Range
from debitor.schema import EntitySet, Property, Refused

_FLIPPED = {"eq": "eq", "le": "ge", "ge": "le", "lt": "gt", "gt": "lt"}
_DAY = timedelta(days=1)


class Bound(NamedTuple):
    """`property op slot`, demanded of an input."""

    of: Property
    op: str
    slot: Param


def split_inputs(of: EntitySet, where: Node | None) -> tuple[Node | None, tuple[Bound, ...]]:
    """Return what a filter asks of rows, and what it says of inputs.

    Raises:
        Refused: 400 when an input stands under `or`, `not` or a function, or is compared as it cannot be.
    """
    inputs = {p.name: p for p in of.properties if p.input}
    if where is None or not inputs:
        return where, ()
    rest: list[Node] = []
    bounds: list[Bound] = []
    for node in _spine(where):
        bound = _bound(node, inputs)
        if bound is not None:
            bounds.append(bound)
        elif (name := _named(node, inputs)) is not None:
            _refuse(inputs[name])
        else:
            rest.append(node)
    if not rest:
        return None, tuple(bounds)
    return (rest[0] if len(rest) == 1 else Logic("and", tuple(rest))), tuple(bounds)


def input_values(bounds: Sequence[Bound], params: Sequence[Any]) -> dict[str, Any]:
    """Return what the values of a request say of inputs: property -> value, or `Range` for one that takes ranges.

    Raises:
        Refused: 400 when an input that takes one value is given two.
    """
    found: dict[str, Any] = {}
    for known, op, slot in bounds:
        value = params[slot.index]
        if known.input == "range":
            found[known.name] = _narrowed(found.get(known.name, Range()), op, value)
        elif found.setdefault(known.name, value) != value:
            raise Refused("BadRequest", f"'{known.name}' is given two values in $filter. Give it one.")
    return found


def _spine(node: Node) -> list[Node]:
    if isinstance(node, Logic) and node.op == "and":
        return [part for item in node.items for part in _spine(item)]
    return [node]


def _bound(node: Node, inputs: dict[str, Property]) -> Bound | None:
    if not isinstance(node, Compare):
        return None
    op, left, right = str(node.op), node.left, node.right
    if isinstance(left, Param):
        op, left, right = _FLIPPED.get(op, ""), right, left
    if not isinstance(left, Field) or not isinstance(right, Param) or left.name not in inputs:
        return None
    known = inputs[left.name]
    possible = op in _FLIPPED if known.input == "range" else op == "eq"
    return Bound(known, op, right) if possible else None


def _named(node: Node, inputs: dict[str, Property]) -> str | None:
    """Return an input that a condition mentions."""
    match node:
        case Field(name):
            return name if name in inputs else None
        case Compare(_, left, right) | Arithmetic(_, left, right):
            parts: tuple[Node, ...] = (left, right)
        case Logic(_, items):
            parts = items
        case In(left, items):
            parts = (left, *items)
        case Not(item):
            parts = (item,)
        case Among(left, _):
            parts = (left,)
        case Call(_, args):
            parts = args
        case _:
            parts = ()
    return next((found for part in parts if (found := _named(part, inputs)) is not None), None)


def _refuse(known: Property) -> NoReturn:
    how = "eq, ge, gt, le or lt" if known.input == "range" else "eq"
    raise Refused(
        "BadRequest",
        f"'{known.name}' says what the report is made of: compare it with a value by {how}, and join that to other "
        "conditions by and. It cannot stand under or, not, in or a function.",
    )


def _narrowed(known: Range, op: str, value: date) -> Range:
    """Return the part of a range of dates that a comparison leaves."""
    if (op == "gt" and value == date.max) or (op == "lt" and value == date.min):
        return Range(date.max, date.min)
    low, high = known
    if op in ("eq", "ge", "gt"):
        least = value + _DAY if op == "gt" else value
        low = least if low is None else max(low, least)
    if op in ("eq", "le", "lt"):
        most = value - _DAY if op == "lt" else value
        high = most if high is None else min(high, most)
    return Range(low, high)
