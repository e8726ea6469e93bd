"""`$filter` text -> a tree of debitor.query, typed by the properties of the entity set.

    parse_filter(books, "price lt -1.5 and startswith(isbn,'x')", catalog, strict=False, params=params)
    -> Logic("and", (Compare("lt", Field("price"), Param(0, DECIMAL)),
                     Call("startswith", (Field("isbn"), Param(1, code(20))), BOOL)))
       params == [Decimal("-1.5"), "X"]

A literal has no type of its own: it takes that of what it stands beside (`isbn` is a code, so 'x' becomes 'X'),
and it is kept out of the tree. The text between the literals is therefore the *shape* of a filter. Shapes are
remembered: a filter of a known shape costs one regular expression to cut the literals out and one conversion
for each. Conversions are strict about the form they take, so a literal of another form (1.5 where 2 was) falls
back to the parser, which makes another variant of the shape or refuses. Whether a value is blank belongs to the
shape too, because `Param.blank` tells.

The parser is a Pratt parser: `_Parser.expression(power)` reads operators that bind tighter than `power`. Chains of
`and` and `or` are read in a loop, so that they may be long; parentheses and functions nest, so they are bounded.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, Final, Literal, NoReturn, cast

from debitor.query import Arithmetic, Call, Compare, Comparison, Field, In, Logic, Node, Not, Null, Param
from debitor.schema import (
    BOOL,
    DATE,
    DATETIME,
    DECIMAL,
    GUID,
    INT32,
    INT64,
    EntitySet,
    Refused,
    Type,
    text,
)

__all__ = ["parse_filter"]

LONGEST: Final = 64 * 1024
"""Characters of a filter."""
DEEPEST: Final = 100
"""Parentheses, functions and `not` inside one another; also the arithmetic operators of one filter."""
MOST_LITERALS: Final = 5000
"""Literals of one filter; every one is a bound variable of the SQL statement."""

TEXT: Final = text()
TIME: Final = text(12)
"""What `time()` returns: `09:30:00.120`. There is no such property, so it is a text that sorts as a time does."""

LITERAL: Final = (
    r"'[^']*+(?:''[^']*+)*+'"
    r"|(?<![\w.])(?:-?[0-9][A-Za-z0-9.:+\-]*+"
    r"|[a-fA-F][0-9a-fA-F]{7}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}"
    r"|true|false)(?!\w)"
)
"""Numbers, dates, times and guids begin with a digit and are told apart by the conversions."""

_split = re.compile(f"({LITERAL})").split
_next_token = re.compile(
    rf"\s*+(?:(?P<literal>{LITERAL})|(?P<word>[^\W\d]\w*+(?:[./][^\W\d]\w*+)*+)|(?P<sign>[(),:/\-])|(?P<end>\Z)|(?P<bad>.))",
    re.DOTALL,
).match

_POWER: Final[Mapping[str, int]] = {
    "or": 1, "and": 2, "eq": 3, "ne": 3, "lt": 3, "le": 3, "gt": 3, "ge": 3,
    "add": 4, "sub": 4, "mul": 5, "div": 5, "mod": 5, "in": 7,
}  # fmt: skip
_UNARY: Final = 6
_FLIPPED: Final[Mapping[str, Comparison]] = {"eq": "eq", "ne": "ne", "lt": "gt", "le": "ge", "gt": "lt", "ge": "le"}

_TEXTS: Final = frozenset({"text", "code", "formula"})
_NUMBERS: Final = ("int32", "int64", "decimal", "factor")
"""From the narrowest to the widest: of two numbers, the result has the later kind."""
_UNORDERED: Final = frozenset({"bool", "enum"})

# A function's arguments: s text, n number, w whole number that is not negative, d date or datetime, t datetime.
_FUNCTIONS: Final[Mapping[str, tuple[str, int, Type | None]]] = {
    "contains": ("ss", 2, BOOL),
    "startswith": ("ss", 2, BOOL),
    "endswith": ("ss", 2, BOOL),
    "tolower": ("s", 1, TEXT),
    "toupper": ("s", 1, TEXT),
    "trim": ("s", 1, TEXT),
    "concat": ("ss", 2, TEXT),
    "replace": ("sss", 3, TEXT),
    "substring": ("sww", 2, TEXT),
    "length": ("s", 1, INT32),
    "indexof": ("ss", 2, INT32),
    "round": ("n", 1, None),
    "floor": ("n", 1, None),
    "ceiling": ("n", 1, None),
    "year": ("d", 1, INT32),
    "month": ("d", 1, INT32),
    "day": ("d", 1, INT32),
    "hour": ("t", 1, INT32),
    "minute": ("t", 1, INT32),
    "second": ("t", 1, INT32),
    "date": ("t", 1, DATE),
    "time": ("t", 1, TIME),
    "now": ("", 0, DATETIME),
    "mindatetime": ("", 0, DATETIME),
    "maxdatetime": ("", 0, DATETIME),
}
"""name -> arguments, how many at least, what it returns (None: the type of its argument)."""
_SEARCHES: Final = frozenset({"contains", "startswith", "endswith", "indexof"})


# --------------------------------------------------------------------------- literals

Convert = Callable[[str], Any]
"""Literal as written -> value. Raises ValueError, LookupError or ArithmeticError when it has another form."""
_NOT_THIS: Final = (ValueError, LookupError, ArithmeticError)


def _unquoted(raw: str) -> str:
    if raw[0] != "'":
        raise ValueError(raw)
    return raw[1:-1].replace("''", "'")


def _code(raw: str) -> str:
    return _unquoted(raw).strip().upper()


def _part_of_code(raw: str) -> str:
    """A text looked for inside a code: blanks at its ends count."""
    return _unquoted(raw).upper()


def _bool(raw: str) -> bool:
    return {"true": True, "false": False}[raw]


def _integer(raw: str) -> int:
    if len(raw) > 20:
        raise ValueError(raw)
    return int(raw)


def _int32(raw: str) -> int:
    value = _integer(raw)
    if not -0x80000000 <= value <= 0x7FFFFFFF:
        raise ValueError(raw)
    return value


def _int64(raw: str) -> int:
    value = _integer(raw)
    if not -0x8000000000000000 <= value <= 0x7FFFFFFFFFFFFFFF:
        raise ValueError(raw)
    return value


def _beyond_int32(raw: str) -> int:
    """Conversions that are tried one after the other take different forms, so that none steals from another."""
    value = _int64(raw)
    if -0x80000000 <= value <= 0x7FFFFFFF:
        raise ValueError(raw)
    return value


def _whole(raw: str) -> int:
    """A position in a text."""
    value = _int32(raw)
    if value < 0:
        raise ValueError(raw)
    return value


def _decimal(raw: str) -> Decimal:
    # Decimal takes "Infinity" too, but a literal begins with a digit. 1e999999999 would cost gigabytes later.
    if len(raw) > 64 or raw[-1] == ".":
        raise ValueError(raw)
    value = Decimal(raw)
    if not -40 < value.adjusted() < 40:
        if value:
            raise ValueError(raw)
        return Decimal(0)
    return value


def _broken_decimal(raw: str) -> Decimal:
    """A number with a point or an exponent."""
    if raw.removeprefix("-").isdigit():
        raise ValueError(raw)
    return _decimal(raw)


def _date(raw: str) -> date:
    if raw[0] == "'":
        raw = raw[1:-1]
    # fromisoformat would take 20250131 and 2025-W05-5 as well.
    if len(raw) != 10 or raw[4] != "-" or raw[7] != "-":
        raise ValueError(raw)
    return date.fromisoformat(raw)


_instant = re.compile(
    r"'?([0-9]{4}-[0-9]{2}-[0-9]{2})[Tt]((?:[01][0-9]|2[0-3]):[0-5][0-9])"
    r"(?:(:[0-5][0-9])(?:\.([0-9]{1,12}))?)?(?:[Zz]|([+-])([01][0-9]):([0-5][0-9]))'?"
).fullmatch


def _datetime(raw: str) -> str:
    """A point in time as the store keeps it: UTC, three decimals (finer digits are cut)."""
    found = _instant(raw)
    if found is None:
        raise ValueError(raw)
    day, time, seconds, fraction, sign, hours, minutes = found.groups()
    moment = datetime.fromisoformat(f"{day}T{time}{seconds or ':00'}.{((fraction or '') + '000')[:3]}+00:00")
    if sign:
        ahead = datetime.resolution * 60_000_000 * (int(hours) * 60 + int(minutes))
        moment = moment - ahead if sign == "+" else moment + ahead
    return moment.astimezone(UTC).isoformat(timespec="milliseconds")[:23] + "Z"


_time_of_day = re.compile(r"'?((?:[01][0-9]|2[0-3]):[0-5][0-9])(?:(:[0-5][0-9])(?:\.([0-9]{1,12}))?)?'?").fullmatch


def _time(raw: str) -> str:
    found = _time_of_day(raw)
    if found is None:
        raise ValueError(raw)
    minutes, seconds, fraction = found.groups()
    return f"{minutes}{seconds or ':00'}.{((fraction or '') + '000')[:3]}"


_guid_form = re.compile(r"'?([0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12})'?").fullmatch


def _guid(raw: str) -> str:
    found = _guid_form(raw)
    if found is None:
        raise ValueError(raw)
    return found[1].lower()


_members: dict[Type, dict[str, str]] = {}


def _member_of(type: Type) -> Convert:
    """Members of an enum by their literal: as sent (`'Credit_x0020_Memo'`), as named (`'Credit Memo'`), or `''`."""
    found = _members.get(type)
    if found is None:
        assert type.enum is not None
        found = {}
        for member in type.enum:
            found["'" + member.label.replace("'", "''") + "'"] = member.value
            found[f"'{member.value}'"] = member.value
        if type.blank in found.values():
            found["''"] = type.blank
        _members[type] = found
    return found.__getitem__


def _conversions(type: Type) -> tuple[tuple[Type, Convert], ...]:
    """Return how a literal may become a value beside something of `type`; the first that fits is taken."""
    kind = type.kind
    if type is TIME:
        return ((TIME, _time),)
    if kind == "enum":
        return ((type, _member_of(type)),)
    if kind == "int32":
        return _NUMERIC
    if kind == "int64":
        return ((INT64, _int64), (DECIMAL, _broken_decimal))
    if kind in ("decimal", "factor"):
        return ((type, _decimal),)
    return ((type, _SIMPLE[kind]),)


_SIMPLE: Final[Mapping[str, Convert]] = {
    "text": _unquoted,
    "formula": _unquoted,
    "code": _code,
    "bool": _bool,
    "date": _date,
    "datetime": _datetime,
    "guid": _guid,
}

_NUMERIC: Final[tuple[tuple[Type, Convert], ...]] = (
    (INT32, _int32),
    (INT64, _beyond_int32),
    (DECIMAL, _broken_decimal),
)

_UNBOUND: Final[tuple[tuple[Type, Convert], ...]] = (
    (BOOL, _bool),
    (TEXT, _unquoted),
    *_NUMERIC,
    (GUID, _guid),
    (DATE, _date),
    (DATETIME, _datetime),
    (TIME, _time),
)
"""For a literal that stands beside literals only: what it looks like."""


# --------------------------------------------------------------------------- shapes


@dataclass(frozen=True, slots=True)
class _Variant:
    """A parsed filter without its values.

    Args:
        node: the tree; Param indices are those of the request's whole list.
        slots: for each literal in the order of the text: conversion, blank value, whether it was blank.
        constants: values that no literal gives, behind those of the literals.
    """

    node: Node
    slots: tuple[tuple[Convert, Any, bool], ...]
    constants: tuple[Any, ...]


_MOST_SHAPES: Final = 4096
_MOST_CHARACTERS: Final = 1 << 20
_MOST_VARIANTS: Final = 8
_shapes: dict[tuple[EntitySet, int, int, str], list[_Variant]] = {}
_characters = 0


def _remember(key: tuple[EntitySet, int, int, str], variant: _Variant) -> None:
    """Keep a variant. Past the bounds everything is forgotten: cheaper than an order of use on every hit."""
    global _characters
    variants = _shapes.get(key)
    if variants is None:
        if len(_shapes) >= _MOST_SHAPES or _characters >= _MOST_CHARACTERS:
            _shapes.clear()
            _characters = 0
        variants = _shapes[key] = []
    elif len(variants) >= _MOST_VARIANTS:
        variants.pop()
    _characters += len(key[3])
    variants.insert(0, variant)


def parse_filter(
    of: EntitySet,
    text: str,
    catalog: Mapping[str, EntitySet],
    *,
    strict: bool,
    params: list[Any],
    version: str = "2.0",
) -> Node:
    """Return the tree of a filter and append its values to `params`.

    Args:
        of: the entity set whose properties the filter names.
        text: the filter, percent-decoded.
        catalog: all entity sets by name, to say what is wrong with a path.
        strict: refuse what Business Central refuses: `or` across properties, and below schema version 2.1 also
            `in` and functions inside functions.
        params: values of this request so far; those of the filter are appended, and the tree counts from there.
        version: the request's `$schemaversion`.
    Returns:
        The identical tree for filters that differ in values only (as long as the bounded memory holds it).
    Raises:
        Refused: `BadRequest`; nothing was appended.
    """
    if len(text) > LONGEST:
        raise _refusal(f"The filter has {len(text)} characters; at most {LONGEST} are possible.")
    if "\0" in text:
        raise _refusal("The filter contains the character NUL, which no value can hold.")
    base = len(params)
    parts = _split(text)
    mode = 0 if not strict else 2 if version == "2.1" else 1
    key = (of, mode, base, "\0".join(parts[::2]))
    literals = parts[1::2]
    for variant in _shapes.get(key, ()):
        values: list[Any] = []
        try:
            for (convert, blank, was_blank), raw in zip(variant.slots, literals, strict=True):
                value = convert(raw)
                if (value == blank) is not was_blank:
                    break
                values.append(value)
            else:
                params += values
                params += variant.constants
                return variant.node
        except _NOT_THIS:
            continue
    made, values = _Parser(of, text, catalog, mode, base).parse()
    _remember(key, made)
    params += values
    params += made.constants
    return made.node


# --------------------------------------------------------------------------- parser


@dataclass(frozen=True, slots=True)
class _Raw:
    """A literal that has not found its type yet: its place among the literals, its text, where it stands."""

    ordinal: int
    raw: str
    at: int


Operand = tuple[Node | _Raw, Type | None]
"""A part of the filter and its type; None for `_Raw` and `Null`."""


class _Parser:
    """Reads one filter."""

    def __init__(self, of: EntitySet, text: str, catalog: Mapping[str, EntitySet], mode: int, base: int) -> None:
        self.of, self.text, self.catalog, self.mode, self.base = of, text, catalog, mode, base
        self.depth = 0
        self.computations = 0
        self.position = 0
        self.slots: list[tuple[Convert, Any, bool] | None] = []
        self.values: list[Any] = []
        self.constants: list[tuple[Param, Any]] = []

    def parse(self) -> tuple[_Variant, list[Any]]:
        text = self.text
        self.kind = self.lexeme = ""
        self.at = 0
        # Constants are numbered behind the literals, so their number must be known before the first is made.
        self.literals = len(_split(text)) // 2
        if self.literals > MOST_LITERALS:
            raise _refusal(f"The filter has {self.literals} values; at most {MOST_LITERALS} are possible.")
        self.advance()
        operand = self.expression(0)
        if self.kind != "end":
            raise self.unexpected("an operator such as 'and', or the end,")
        node = self.condition(operand)
        assert len(self.slots) == self.literals, "parser and shape cut out the same literals"
        assert None not in self.slots, "every literal has a type"
        slots = cast("list[tuple[Convert, Any, bool]]", self.slots)
        return _Variant(node, tuple(slots), tuple(value for _, value in self.constants)), self.values

    # ---- tokens

    def advance(self) -> None:
        """Read the next token into `kind` (literal, word, sign, end), `lexeme` and `at`."""
        found = _next_token(self.text, self.position)
        assert found is not None, "the last alternative takes any character"
        assert found.lastgroup is not None, "every alternative has a name"
        self.kind = found.lastgroup
        self.lexeme = found[self.kind]
        self.at = found.start(self.kind)
        self.position = found.end()
        if self.kind == "bad":
            what = "a text without its closing quote" if self.lexeme == "'" else f"the character {self.lexeme!r}"
            raise _refusal(f"The filter cannot be read at position {self.at + 1}: {what}.")

    def unexpected(self, expected: str) -> Refused:
        found = "the filter ends" if self.kind == "end" else f"there is '{_short(self.lexeme)}'"
        return _refusal(f"The filter cannot be read at position {self.at + 1}: {expected} is expected, but {found}.")

    def take(self, sign: str) -> None:
        if self.kind != "sign" or self.lexeme != sign:
            raise self.unexpected(f"'{sign}'")
        self.advance()

    def at_sign(self, sign: str) -> bool:
        return self.kind == "sign" and self.lexeme == sign

    def deeper(self) -> None:
        self.depth += 1
        if self.depth > DEEPEST:
            raise _refusal(f"The filter nests more than {DEEPEST} parentheses and functions.")

    # ---- grammar

    def expression(self, power: int) -> Operand:
        """Read operators that bind tighter than `power`, and their operands."""
        left = self.prefix()
        while self.kind == "word":
            operator = self.lexeme
            binding = _POWER.get(operator, 0)
            if binding <= power:
                break
            at = self.at
            self.advance()
            if binding <= 2:
                left = self.chain(left, operator, binding)
            elif binding == 3:
                left = self.comparison(left, cast(Comparison, operator), self.expression(binding), at)
            elif operator == "in":
                left = self.among(left, at)
            else:
                left = self.arithmetic(left, operator, self.expression(binding), at)
        return left

    def prefix(self) -> Operand:
        """Read one operand."""
        kind, lexeme, at = self.kind, self.lexeme, self.at
        if kind == "literal":
            self.advance()
            return self.literal(lexeme, at), None
        if kind == "word":
            self.advance()
            if lexeme == "not":
                self.deeper()
                operand = self.expression(_UNARY)
                self.depth -= 1
                return Not(self.condition(operand, "Put what follows 'not' in parentheses.")), BOOL
            if self.at_sign("("):
                return self.call(lexeme, at)
            if lexeme == "null":
                return Null(), None
            if (
                self.kind == "literal"
                and self.lexeme[0] == "'"
                and self.position - len(self.lexeme) == at + len(lexeme)
            ):
                return self.qualified(lexeme, at)
            return self.property(lexeme, at)
        if lexeme == "(":
            self.advance()
            self.deeper()
            operand = self.expression(0)
            self.depth -= 1
            self.take(")")
            return operand
        if lexeme == "-":
            self.advance()
            self.deeper()
            operand = self.expression(_UNARY)
            self.depth -= 1
            return self.arithmetic(self.constant(INT32, 0), "sub", operand, at)
        raise self.unexpected("a property, a function or a value")

    def literal(self, raw: str, at: int) -> _Raw:
        self.slots.append(None)
        self.values.append(None)
        return _Raw(len(self.slots) - 1, raw, at)

    def property(self, name: str, at: int) -> Operand:
        if "/" in name:
            self.refuse_path(name)
        found = self.of.by_name.get(name)
        if found is None:
            if name in _POWER:
                raise _refusal(
                    f"The filter cannot be read at position {at + 1}: a property, a function or a value is expected,"
                    f" but there is '{name}'."
                )
            if name in ("INF", "NaN"):
                raise _cannot(name, DECIMAL)
            self.refuse_path(name)
        if not found.filterable or found.type.kind == "stream":
            raise _refusal(f"The property '{name}' of '{self.of.name}' cannot be used in $filter.")
        return Field(name), found.type

    def refuse_path(self, path: str) -> NoReturn:
        """A path leads over a navigation; say which part is wrong, or that such filters are not possible."""
        first, _, rest = path.partition("/")
        for navigation in self.of.navigations:
            if navigation.name == first:
                target = self.catalog.get(navigation.target)
                if target is not None and rest.isidentifier() and rest not in {"any", "all", *target.by_name}:
                    raise unknown(target, rest)
                raise _refusal(
                    f"The filter on '{_short(path)}' leads over the navigation '{first}'. Filter on the properties of"
                    f" '{self.of.name}', or filter inside $expand."
                )
        raise unknown(self.of, first)

    def qualified(self, name: str, at: int) -> Operand:
        """A member with the name of its enum: `Microsoft.NAV.genre'Fiction'`."""
        for found in self.of.properties:
            if found.type.kind == "enum" and found.type.edm == name:
                literal = self.literal(self.lexeme, self.at)
                self.advance()
                return self.bind(literal, ((found.type, _member_of(found.type)),), found.type), found.type
        where = f"position {at + 1}"
        raise _refusal(f"'{_short(name)}' at {where} is no enumeration of 'Microsoft.NAV.{self.of.entity}'.")

    def call(self, name: str, at: int) -> Operand:
        """A function; the token is its opening parenthesis."""
        if "/" in name:
            self.refuse_path(name)
        known = _FUNCTIONS.get(name)
        if known is None:
            if name in _POWER:
                raise _refusal(f"The filter cannot be read at position {at + 1}: '{name}' needs a value on its left.")
            raise _refusal(f"There is no function '{_short(name)}' (position {at + 1}) that a filter can use.")
        wanted, least, result = known
        self.advance()
        self.deeper()
        operands: list[Operand] = []
        if not self.at_sign(")"):
            operands.append(self.expression(0))
            while self.at_sign(","):
                self.advance()
                operands.append(self.expression(0))
        self.take(")")
        self.depth -= 1
        if not least <= len(operands) <= len(wanted):
            count = str(least) if least == len(wanted) else f"{least} to {len(wanted)}"
            raise _refusal(f"The function '{name}' at position {at + 1} takes {count} values, not {len(operands)}.")
        codes = next((type for _, type in operands if type is not None and type.kind == "code"), None)
        beside = codes if name in _SEARCHES else None
        arguments = tuple(
            self.argument(name, at, want, operand, beside) for want, operand in zip(wanted, operands, strict=False)
        )
        if self.mode == 1 and any(isinstance(node, Call) for node, _ in arguments):
            raise _refusal(f"The function '{name}' around another function needs $schemaversion=2.1.")
        if result is None:
            result = arguments[0][1]
        return Call(name, tuple(node for node, _ in arguments), result), result

    def argument(self, name: str, at: int, want: str, operand: Operand, beside: Type | None) -> tuple[Node, Type]:
        """Give an argument the type that the function wants (`want` as in `_FUNCTIONS`)."""
        node, type = operand
        conversions: tuple[tuple[Type, Convert], ...]
        if want == "s":
            conversions = ((beside, _part_of_code),) if beside else ((TEXT, _unquoted),)
            kinds, wanted = _TEXTS, TEXT
        elif want == "n":
            conversions = _NUMERIC
            kinds, wanted = frozenset(_NUMBERS), DECIMAL
        elif want == "w":
            conversions, kinds, wanted = ((INT32, _whole),), frozenset({"int32", "int64"}), INT32
        elif want == "d":
            conversions, kinds, wanted = ((DATE, _date), (DATETIME, _datetime)), frozenset({"date", "datetime"}), DATE
        else:
            conversions, kinds, wanted = ((DATETIME, _datetime),), frozenset({"datetime"}), DATETIME
        if isinstance(node, _Raw):
            bound = self.bind(node, conversions, wanted)
            return bound, bound.type
        if type is None or type.kind not in kinds:
            given = "null" if type is None else type.edm
            raise _refusal(f"The function '{name}' at position {at + 1} takes {wanted.edm} here, not {given}.")
        return node, type

    def chain(self, left: Operand, operator: str, binding: int) -> Operand:
        """`left and ... and ...`: one flat node."""
        items: list[Node] = []
        self.collect(items, operator, left)
        while True:
            self.collect(items, operator, self.expression(binding))
            if self.kind != "word" or self.lexeme != operator:
                break
            self.advance()
        if operator == "or" and self.mode:
            names: set[str] = set()
            for item in items:
                names |= _names(item)
            if len(names) > 1:
                raise _refusal(
                    f"The operator 'or' joins different properties ({', '.join(sorted(names)[:5])}); it can only join"
                    " conditions on one property."
                )
        return Logic(cast(Literal["and", "or"], operator), tuple(items)), BOOL

    def collect(self, items: list[Node], operator: str, operand: Operand) -> None:
        node = self.condition(operand)
        if isinstance(node, Logic) and node.op == operator:
            items.extend(node.items)
        else:
            items.append(node)

    def comparison(self, left: Operand, operator: Comparison, right: Operand, at: int) -> Operand:
        for node, _ in (left, right):
            if isinstance(node, Compare | Logic | Not | In):
                raise _refusal(
                    f"The operator '{operator}' at position {at + 1} compares a condition; put parentheses so that it"
                    " compares values."
                )
        if isinstance(left[0], Null) and isinstance(right[0], Null):
            raise _refusal(f"The operator '{operator}' at position {at + 1} compares null with null.")
        if isinstance(left[0], _Raw | Null | Param) and not isinstance(right[0], _Raw | Null | Param):
            # 5 lt pages is pages gt 5: the store need not look for values on the left.
            left, operator, right = right, _FLIPPED[operator], left
        (one, one_type), (other, other_type) = self.agree(left, right, operator, at)
        type = one_type or other_type
        assert type is not None
        if operator not in ("eq", "ne"):
            if type.kind in _UNORDERED:
                raise _refusal(f"The operator '{operator}' at position {at + 1} does not apply to {type.edm}.")
            if isinstance(one, Null) or isinstance(other, Null):
                raise _refusal(f"The operator '{operator}' at position {at + 1} does not apply to null.")
        return Compare(operator, one, other), BOOL

    def agree(
        self, left: Operand, right: Operand, operator: str, at: int
    ) -> tuple[tuple[Node, Type | None], tuple[Node, Type | None]]:
        """Give literals the type of the other side, and check that both sides go together."""
        one, one_type = left
        other, other_type = right
        if isinstance(one, _Raw):
            one = self.bind_beside(one, other_type)
            one_type = one.type
        if isinstance(other, _Raw):
            other = self.bind_beside(other, one_type)
            other_type = other.type
        if one_type is not None and other_type is not None and not _together(one_type, other_type):
            raise _refusal(
                f"The operator '{operator}' at position {at + 1} stands between {one_type.edm} and {other_type.edm},"
                " which do not go together."
            )
        return (one, one_type), (other, other_type)

    def among(self, left: Operand, at: int) -> Operand:
        """`left in (1,2,3)`; the token is the opening parenthesis."""
        if self.mode == 1:
            raise _refusal("The operator 'in' needs $schemaversion=2.1.")
        node, type = left
        if type is None or isinstance(node, Compare | Logic | Not | In):
            raise _refusal(f"The operator 'in' at position {at + 1} needs a property or a function on its left.")
        assert not isinstance(node, _Raw)
        self.take("(")
        items: list[Node] = []
        while True:
            kind, lexeme, where = self.kind, self.lexeme, self.at
            if kind == "word" and "." in lexeme:
                self.advance()
                if self.kind != "literal":
                    raise self.unexpected("a value")
                member, member_type = self.qualified(lexeme, where)
                if member_type != type:
                    raise _cannot(lexeme, type)
                assert isinstance(member, Param)
                items.append(member)
            elif kind == "literal":
                self.advance()
                items.append(self.bind_beside(self.literal(lexeme, where), type))
            else:
                raise self.unexpected("a value")
            if not self.at_sign(","):
                break
            self.advance()
        self.take(")")
        return In(node, tuple(items)), BOOL

    def arithmetic(self, left: Operand, operator: str, right: Operand, at: int) -> Operand:
        self.computations += 1
        if self.computations > DEEPEST:
            raise _refusal(f"The filter has more than {DEEPEST} arithmetic operators.")
        if isinstance(left[0], Param) and left[0].index >= self.base + self.literals and right[1] is not None:
            left = self.retyped(left[0], right[1])
        (one, one_type), (other, other_type) = self.agree(left, right, operator, at)
        for type in (one_type, other_type):
            if type is None or type.kind not in _NUMBERS:
                given = "null" if type is None else type.edm
                raise _refusal(f"The operator '{operator}' at position {at + 1} needs numbers, not {given}.")
        assert one_type is not None
        assert other_type is not None
        if operator in ("div", "mod") and isinstance(other, Param) and other.blank:
            raise _refusal(f"The operator '{operator}' at position {at + 1} divides by zero.")
        wider = max(one_type, other_type, key=lambda type: _NUMBERS.index(type.kind))
        return Arithmetic(cast(Literal["add", "sub", "mul", "div", "mod"], operator), one, other), wider

    def condition(self, operand: Operand, hint: str = "") -> Node:
        """The operand as a condition: a boolean property or value alone is compared with true."""
        node, type = operand
        if isinstance(node, _Raw):
            node = self.bind(node, ((BOOL, _bool),), BOOL)
            type = BOOL
        if type is None or type.kind != "bool":
            given = "null" if type is None else type.edm
            message = f"A condition is expected in the filter, but there is a value of type {given}. {hint}"
            raise _refusal(message.rstrip())
        if isinstance(node, Field | Param):
            true, _ = self.constant(BOOL, True)
            assert isinstance(true, Param)
            return Compare("eq", node, true)
        return node

    # ---- values

    def constant(self, type: Type, value: Any) -> Operand:
        """A value that stands in no literal."""
        made = Param(self.base + self.literals + len(self.constants), type, bool(value == type.blank))
        self.constants.append((made, value))
        return made, type

    def retyped(self, param: Param, beside: Type) -> Operand:
        """The zero of a unary minus, in the type of what it is subtracted from."""
        if beside.kind not in ("decimal", "factor"):
            return param, param.type
        made = Param(param.index, beside, param.blank)
        place = param.index - self.base - self.literals
        self.constants[place] = (made, Decimal(self.constants[place][1]))
        return made, beside

    def bind_beside(self, literal: _Raw, beside: Type | None) -> Param:
        if beside is None:
            return self.bind(literal, _UNBOUND, None)
        return self.bind(literal, _conversions(beside), beside)

    def bind(self, literal: _Raw, conversions: tuple[tuple[Type, Convert], ...], wanted: Type | None) -> Param:
        """Give a literal the first type whose conversion takes it; `wanted` is what a refusal names."""
        for type, convert in conversions:
            try:
                value = convert(literal.raw)
            except _NOT_THIS:
                continue
            blank = bool(value == type.blank)
            self.slots[literal.ordinal] = (convert, type.blank, blank)
            self.values[literal.ordinal] = value
            return Param(self.base + literal.ordinal, type, blank)
        if wanted is None:
            raise _refusal(f"The value '{_short(literal.raw)}' at position {literal.at + 1} cannot be read.")
        raise _cannot(literal.raw, wanted)


def _together(one: Type, other: Type) -> bool:
    """Whether values of the two types can be compared."""
    if one.kind == "enum" or other.kind == "enum":
        return one.enum is other.enum
    return (
        one.kind == other.kind
        or (one.kind in _TEXTS and other.kind in _TEXTS)
        or (one.kind in _NUMBERS and other.kind in _NUMBERS)
    )


def _names(node: Node) -> set[str]:
    """The properties that a condition reads."""
    match node:
        case Field(name):
            return {name}
        case Compare(_, left, right) | Arithmetic(_, left, right):
            return _names(left) | _names(right)
        case Not(item):
            return _names(item)
        case In(left, _):
            return _names(left)
        case Logic(_, items) | Call(_, items, _):
            found: set[str] = set()
            for item in items:
                found |= _names(item)
            return found
        case _:
            return set()


def unknown(of: EntitySet, name: str) -> Refused:
    """The refusal of a name that is no property of the set."""
    return _refusal(f"Could not find a property named '{_short(name)}' on type 'Microsoft.NAV.{of.entity}'.")


def _cannot(raw: str, type: Type) -> Refused:
    literal = raw[1:-1] if raw[0] == "'" else raw
    hint = " Write it with Z or an offset; in an address, + is %2B." if type.kind == "datetime" else ""
    return _refusal(f"Cannot convert the literal '{_short(literal)}' to the expected type '{type.edm}'.{hint}")


def _refusal(message: str) -> Refused:
    return Refused("BadRequest", message)


def _short(part: str) -> str:
    """What a message quotes of the client's text."""
    return part if len(part) <= 100 else part[:100] + "…"
