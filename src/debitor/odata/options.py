"""The query string -> what is asked for: a shape that can be prepared once, and the values of this request.

    parse_options(authors, "$filter=number eq 'A1'&$expand=books($top=2)&$top=10", catalog, strict=False)
    -> Parsed(shape=Shape(of=authors, where=Compare("eq", Field("number"), Param(0, code(20))),
                          expand=(Expand(books, ..., top=2),)),
              params=["A1"], top=10)

Equal shapes are the identical object, so others keep what they prepare by identity. Three memories see to that, each
bounded and forgotten as a whole: whole query strings, filters by shape (filters.py), and shapes by their parts.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import unquote_plus

import msgspec

from debitor.odata.filters import parse_filter, unknown
from debitor.query import Node, Order
from debitor.schema import EntitySet, Navigation, Refused

__all__ = ["LIST", "ONE", "Expand", "Parsed", "Shape", "parse_options", "version_of"]

LONGEST: Final = 128 * 1024
"""Characters of a query string."""
DEEPEST: Final = 10
"""`$expand` inside `$expand`."""
MOST_EXPANDED: Final = 100
"""Navigations of one request, all levels together."""

LIST: Final = frozenset(
    {
        "$select",
        "$filter",
        "$orderby",
        "$expand",
        "$top",
        "$skip",
        "$count",
        "$skiptoken",
        "$deltatoken",
        "$schemaversion",
        "$format",
    }
)
"""Options of a collection."""
ONE: Final = frozenset({"$select", "$expand", "$schemaversion", "$format"})
"""Options of a single entity, and of the answer to a write."""

_NESTED: Final = LIST - {"$skiptoken", "$deltatoken", "$schemaversion", "$format"}
_DESCRIBING: Final = frozenset({"$schemaversion", "$format"})
_ABSENT: Final = frozenset({"$search", "$apply", "$compute"})
_VERSIONS: Final = frozenset({"1.0", "2.0", "2.1"})
_FORMATS: Final = re.compile(r"(?:application/)?json(?:\s*;.*)?", re.IGNORECASE | re.DOTALL).fullmatch
_count_of = re.compile(r"[0-9]{1,10}").fullmatch
_boundary = re.compile(r"'[^']*+'?|[(),;]").finditer


@dataclass(frozen=True, eq=False)
class Shape:
    """What is asked of an entity set, without values. Compared by identity: equal shapes are one object.

    Args:
        of: the entity set.
        select: names of properties in the order of the page; None for all.
        where: condition; its slots count from the start of the request's params.
        order: as asked, each property once; without the terms that make it total.
        expand: in the order asked.
        count: the number of all rows is wanted.
    """

    of: EntitySet
    select: tuple[str, ...] | None = None
    where: Node | None = None
    order: tuple[Order, ...] = ()
    expand: tuple[Expand, ...] = ()
    count: bool = False


@dataclass(frozen=True)
class Expand:
    """A navigation whose entities are returned inside. `top` and `skip` count per parent."""

    navigation: Navigation
    target: EntitySet
    shape: Shape
    top: int | None = None
    skip: int | None = None


class Parsed(msgspec.Struct, frozen=True):
    """A query string, read.

    Args:
        shape: what is asked for.
        params: values for the slots of all filters, nested ones too; a fresh list, free to extend.
        top, skip: of the outermost collection.
        skiptoken: where a page starts, as the server wrote it.
        deltatoken: since when changes are asked for, as the server wrote it.
        schema_version: `1.0`, `2.0` or `2.1`.
    """

    shape: Shape
    params: list[Any]
    top: int | None = None
    skip: int | None = None
    skiptoken: str | None = None
    schema_version: str = "2.0"
    deltatoken: str | None = None

    def fresh(self) -> Parsed:
        """The same with a list of values of its own."""
        return msgspec.structs.replace(self, params=self.params.copy())


_MOST_KEPT: Final = 4096
_MOST_CHARACTERS: Final = 1 << 20
_read: dict[tuple[str, EntitySet, bool, frozenset[str]], tuple[Parsed, Mapping[str, EntitySet]]] = {}
_characters = 0
_shapes: dict[tuple[Any, ...], Shape] = {}


def parse_options(
    of: EntitySet,
    query: str,
    catalog: Mapping[str, EntitySet],
    *,
    strict: bool,
    allow: frozenset[str] = LIST,
) -> Parsed:
    """Read the query string of a request on an entity set.

    Args:
        of: the entity set that the address leads to.
        query: as it arrived, percent-encoded, without the question mark. Options without a dollar sign
            (`company=...`) are none of ours and ignored.
        catalog: all entity sets by name.
        strict: refuse in filters what Business Central refuses.
        allow: options that fit the address: LIST or ONE.
    Raises:
        Refused: `BadRequest`, or `BadRequest_MethodNotImplemented` for `$search`, `$apply` and `$compute`.
    """
    key = (query, of, strict, allow)
    kept = _read.get(key)
    if kept is not None and kept[1] is catalog:
        return kept[0].fresh()
    made = _parse(of, query, catalog, strict, allow)
    _keep(key, made, catalog)
    return made.fresh()


def _keep(key: tuple[str, EntitySet, bool, frozenset[str]], made: Parsed, catalog: Mapping[str, EntitySet]) -> None:
    global _characters
    if len(_read) >= _MOST_KEPT or _characters >= _MOST_CHARACTERS:
        _read.clear()
        _characters = 0
    _characters += len(key[0])
    _read[key] = (made, catalog)


def _interned(
    of: EntitySet,
    select: tuple[str, ...] | None,
    where: Node | None,
    order: tuple[Order, ...],
    expand: tuple[Expand, ...],
    count: bool,
) -> Shape:
    """Return the one object for this shape.

    The parts stay alive as long as the shape that holds them, so their ids cannot come to mean something else.
    """
    ways = tuple([(id(e.navigation), id(e.target), id(e.shape), e.top, e.skip) for e in expand])
    key = (of, select, id(where), order, ways, count)
    found = _shapes.get(key)
    if found is None:
        if len(_shapes) >= _MOST_KEPT:
            _shapes.clear()
        found = _shapes[key] = Shape(of, select, where, order, expand, count)
    return found


@dataclass(slots=True)
class _Reading:
    """What the parts of one request share."""

    catalog: Mapping[str, EntitySet]
    strict: bool
    version: str = "2.0"
    params: list[Any] = field(default_factory=list)
    expanded: int = 0


def _parse(
    of: EntitySet, query: str, catalog: Mapping[str, EntitySet], strict: bool, allow: frozenset[str]
) -> Parsed:
    if len(query) > LONGEST:
        raise _refusal(f"The query string has {len(query)} characters; at most {LONGEST} are possible.")
    given = _options(query, allow)
    reading = _Reading(catalog, strict)
    version = reading.version = _version(given)
    if "$format" in given and not _FORMATS(given["$format"].strip()):
        raise _refusal(f"The $format '{_short(given['$format'])}' is not possible; answers are JSON.")
    shape = _shape(of, given, reading, 0)
    return Parsed(
        shape=shape,
        params=reading.params,
        top=_number("$top", given),
        skip=_number("$skip", given),
        skiptoken=given.get("$skiptoken"),
        schema_version=version,
        deltatoken=given.get("$deltatoken"),
    )


def version_of(query: str) -> str:
    """Return the `$schemaversion` of a request for `$metadata`: 1.0, 2.0 or 2.1.

    Raises:
        Refused: 400: there is no such version, or an option that no description takes.
    """
    return _version(_options(query, _DESCRIBING))


def _version(given: Mapping[str, str]) -> str:
    version = given.get("$schemaversion", "2.0").strip()
    if version not in _VERSIONS:
        raise _refusal(f"The $schemaversion '{_short(version)}' does not exist; use 1.0, 2.0 or 2.1.")
    return version


def _options(query: str, allow: frozenset[str]) -> dict[str, str]:
    """Return the options with a dollar sign, decoded."""
    given: dict[str, str] = {}
    for part in query.split("&"):
        name, _, value = part.partition("=")
        try:
            if name not in LIST:
                name = unquote_plus(name, errors="strict").strip()
            if name[:1] == "$":
                _add(given, name, unquote_plus(value, errors="strict"), allow)
        except UnicodeDecodeError:
            raise _refusal(f"The option '{_short(part)}' is not UTF-8.") from None
    return given


def _add(given: dict[str, str], name: str, value: str, allow: frozenset[str]) -> None:
    if name in _ABSENT:
        raise Refused("BadRequest_MethodNotImplemented", f"The query option '{name}' is not available.")
    if name not in LIST:
        raise _refusal(f"The query option '{_short(name)}' does not exist.")
    if name not in allow:
        raise _refusal(f"The query option '{name}' cannot be used with this address.")
    if name in given:
        raise _refusal(f"The query option '{name}' is given twice.")
    if "\0" in value:
        raise _refusal(f"The query option '{name}' contains the character NUL, which no value can hold.")
    if not value.isascii() and any("\ud800" <= c <= "\udfff" for c in value):
        raise _refusal(f"The query option '{name}' is not Unicode text.")
    given[name] = value


def _shape(of: EntitySet, given: Mapping[str, str], reading: _Reading, depth: int) -> Shape:
    where: Node | None = None
    filter = given.get("$filter", "")
    if filter and not filter.isspace():
        where = parse_filter(
            of, filter, reading.catalog, strict=reading.strict, params=reading.params, version=reading.version
        )
    return _interned(
        of,
        _select(of, given["$select"]) if "$select" in given else None,
        where,
        _order(of, given["$orderby"]) if "$orderby" in given else (),
        _expand(of, given["$expand"], reading, depth) if "$expand" in given else (),
        _flag("$count", given),
    )


def _select(of: EntitySet, text: str) -> tuple[str, ...] | None:
    named = {name for part in text.split(",") if (name := part.strip())}
    if not named or "*" in named:
        named.discard("*")
        _check_names(of, named)
        return None
    _check_names(of, named)
    return tuple(p.name for p in of.properties if p.name in named)


def _check_names(of: EntitySet, named: set[str]) -> None:
    """Refuse names that are no property; the name of a navigation selects nothing and is no mistake."""
    for name in sorted(named):
        found = of.by_name.get(name)
        if found is None:
            if all(navigation.name != name for navigation in of.navigations):
                raise unknown(of, name)
        elif found.filter_only:
            raise _refusal(f"The property '{name}' of '{of.name}' can only be used in $filter.")


def _order(of: EntitySet, text: str) -> tuple[Order, ...]:
    order: dict[str, Order] = {}
    for part in text.split(","):
        words = part.split()
        if not words:
            continue
        name = words[0]
        found = of.by_name.get(name)
        if found is None:
            raise unknown(of, name)
        if len(words) > 2 or (len(words) == 2 and words[1] not in ("asc", "desc")):
            raise _refusal(
                f"The $orderby term '{_short(part.strip())}' is not possible; write a property, asc or desc."
            )
        if not found.filterable or found.filter_only or found.type.kind == "stream":
            raise _refusal(f"The property '{name}' of '{of.name}' cannot be used in $orderby.")
        # A property that was sorted by already cannot change the order any more.
        order.setdefault(name, Order(name, descending=words[-1] == "desc" and len(words) == 2))
    if order and not of.sortable:
        raise Refused("BadRequest_MethodNotImplemented", f"The rows of '{of.name}' cannot be sorted by $orderby.")
    return tuple(order.values())


def _expand(of: EntitySet, text: str, reading: _Reading, depth: int) -> tuple[Expand, ...]:
    found: dict[str, Expand] = {}
    for item in _cut(text, ","):
        part = item.strip()
        if not part:
            continue
        name, bracket, inner = part.partition("(")
        name = name.rstrip()
        if name == "*":
            if bracket:
                raise _refusal("$expand=* takes no options; name the navigations to give them some.")
            named = [n.name for n in of.navigations if n.target in reading.catalog and n.name not in found]
        else:
            named = [name]
            if name in found:
                raise _refusal(f"The navigation '{_short(name)}' is expanded twice.")
        if bracket and not inner.endswith(")"):
            raise _refusal(f"The $expand of '{_short(name)}' lacks its closing parenthesis.")
        reading.expanded += len(named)
        if depth >= DEEPEST:
            raise _refusal(f"$expand goes more than {DEEPEST} levels deep.")
        if reading.expanded > MOST_EXPANDED:
            raise _refusal(f"$expand names more than {MOST_EXPANDED} navigations.")
        for each in named:
            found[each] = _expanded(of, each, inner[:-1] if bracket else "", reading, depth)
    return tuple(found.values())


def _expanded(of: EntitySet, name: str, inner: str, reading: _Reading, depth: int) -> Expand:
    """One navigation with the options that stood in its parentheses."""
    navigation = next((n for n in of.navigations if n.name == name), None)
    if navigation is None:
        raise unknown(of, name)
    target = reading.catalog.get(navigation.target)
    if target is None:
        raise _refusal(f"The navigation '{name}' of '{of.name}' leads to '{navigation.target}', outside this API.")
    given: dict[str, str] = {}
    for option in _cut(inner, ";"):
        if not option.strip():
            continue
        key, equals, value = option.partition("=")
        key = key.strip()
        if not equals or key[:1] != "$":
            raise _refusal(f"'{_short(option.strip())}' is no option of $expand; write $select=… and the like.")
        if key == "$levels":
            raise _refusal(f"The option '$levels' is not available; nest $expand of '{name}' instead.")
        _add(given, key, value, _NESTED)
        if not navigation.many and key not in ("$select", "$expand"):
            raise _refusal(f"The option '{key}' is for collections, and '{name}' of '{of.name}' is one entity.")
    top, skip = _number("$top", given), _number("$skip", given)
    return Expand(navigation, target, _shape(target, given, reading, depth + 1), top, skip)


def _cut(text: str, separator: str) -> list[str]:
    """Split where the separator stands outside parentheses and quotes."""
    parts: list[str] = []
    start = depth = 0
    for found in _boundary(text):
        sign = found[0]
        if sign == "(":
            depth += 1
        elif sign == ")":
            depth -= 1
            if depth < 0:
                raise _refusal(f"$expand has a closing parenthesis too many at '{_short(text[found.start() :])}'.")
        elif sign == separator and not depth:
            parts.append(text[start : found.start()])
            start = found.end()
    if depth:
        raise _refusal(f"$expand lacks a closing parenthesis: '{_short(text)}'.")
    parts.append(text[start:])
    return parts


def _number(name: str, given: Mapping[str, str]) -> int | None:
    text = given.get(name)
    if text is None:
        return None
    found = _count_of(text.strip())
    if found is None or int(found[0]) > 0x7FFFFFFF:
        raise _refusal(f"The value '{_short(text)}' of {name} is no whole number from 0 to {0x7FFFFFFF}.")
    return int(found[0])


def _flag(name: str, given: Mapping[str, str]) -> bool:
    text = given.get(name)
    if text is None:
        return False
    text = text.strip()
    if text not in ("true", "false"):
        raise _refusal(f"The value '{_short(text)}' of {name} is neither true nor false.")
    return text == "true"


def _refusal(message: str) -> Refused:
    return Refused("BadRequest", message)


def _short(part: str) -> str:
    """What a message quotes of the client's text."""
    return part if len(part) <= 100 else part[:100] + "…"
