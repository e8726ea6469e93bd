"""The small tree that `$filter`, `$orderby` and paging become. odata/ makes it, store/ turns it into SQL.

A tree holds no values: literals are `Param`s, numbered slots that a request fills. So one tree, and the
SQL made from it, serves every request of the same shape:

    amount lt -100 and customerNumber eq '10400'
    -> Logic("and", (Compare("lt", Field("amount"), Param(0, DECIMAL)),
                     Compare("eq", Field("customerNumber"), Param(1, code(20)))))
    params = (Decimal(-100), "10400")
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from debitor.schema import EntitySet, Property, Type

Comparison = Literal["eq", "ne", "lt", "le", "gt", "ge"]


@dataclass(frozen=True, slots=True)
class Field:
    """A property of the entity set, by its wire name."""

    name: str


@dataclass(frozen=True, slots=True)
class Param:
    """Slot `index` of the values given at run time. `blank`: the value is the type's empty value."""

    index: int
    type: Type
    blank: bool = False


@dataclass(frozen=True, slots=True)
class Compare:
    """`left op right`."""

    op: Comparison
    left: Node
    right: Node


@dataclass(frozen=True, slots=True)
class Logic:
    """All (`and`) or any (`or`) of the items hold. Flat: hundreds of items are one node."""

    op: Literal["and", "or"]
    items: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Not:
    """The opposite."""

    item: Node


@dataclass(frozen=True, slots=True)
class In:
    """`left` equals one of the items."""

    left: Node
    items: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Among:
    """The field equals one of a list given at run time as one value (a list); for `$expand`."""

    left: Field
    values: Param


@dataclass(frozen=True, slots=True)
class Call:
    """A function: contains, startswith, endswith, tolower, toupper, length, indexof, substring, trim, concat,
    replace, round, floor, ceiling, year, month, day, hour, minute, second, date, time, now, mindatetime, maxdatetime.
    `type` is what it returns.
    """

    name: str
    args: tuple[Node, ...]
    type: Type


@dataclass(frozen=True, slots=True)
class Arithmetic:
    """`left op right` on numbers: add, sub, mul, div, mod."""

    op: Literal["add", "sub", "mul", "div", "mod"]
    left: Node
    right: Node


@dataclass(frozen=True, slots=True)
class Null:
    """The literal null; nothing stored equals it."""


Node = Field | Param | Compare | Logic | Not | In | Among | Call | Arithmetic | Null


def asks_for_now(node: Node | None) -> bool:
    """Whether a condition compares with the moment at which it is asked."""
    if isinstance(node, Call):
        return node.name == "now" or any(asks_for_now(argument) for argument in node.args)
    if isinstance(node, Logic):
        return any(asks_for_now(item) for item in node.items)
    if isinstance(node, Compare | Arithmetic):
        return asks_for_now(node.left) or asks_for_now(node.right)
    if isinstance(node, In):
        return asks_for_now(node.left) or any(asks_for_now(item) for item in node.items)
    return isinstance(node, Not) and asks_for_now(node.item)


@dataclass(frozen=True, slots=True)
class Order:
    """One term of `$orderby`: a property, ascending or descending."""

    name: str
    descending: bool = False


@dataclass(frozen=True, eq=False)
class Query:
    """One shape of reading an entity set; made once, run often with other values.

    `eq=False` on purpose: it is compared and cached by identity, so its maker (odata/) keeps one per shape
    and the store keeps the compiled SQL in `compiled`.

    Args:
        of: the entity set; its record, lookups and fixed conditions give the FROM and WHERE.
        columns: what to return, in this order, one tuple per row. A row's version comes first when
            `version` is true.
        where: condition or None.
        order: complete order, ending in the key so that it is total; () when at most one row can match.
        limit, offset: slots, or None.
        each: limit and offset count anew for every value of this property, which `where` holds to a list.
        count: return the number of rows instead of rows (`run` gives [(n,)]).
    """

    of: EntitySet
    columns: tuple[Property, ...]
    where: Node | None = None
    order: tuple[Order, ...] = ()
    limit: Param | None = None
    offset: Param | None = None
    each: Field | None = None
    count: bool = False
    version: bool = True
    compiled: dict[str, Any] = field(default_factory=dict, repr=False)
