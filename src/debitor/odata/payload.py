"""JSON <-> typed values.

In: `BodyReader` turns the body of a POST or PATCH into a `Draft`, property by property in the order in which the
client sent them, and refuses what a property cannot hold. Numbers are read as int or Decimal, never as float.

Out: `Renderer` turns a row of the store (already wire-ready) into a msgspec struct whose fields are the entity's
JSON members; one struct class per (entity set, selection, metadata level), made once.

    row (7, "37fe...", "10400", "2026-01-31T09:30:00.120Z")  ->  {"@odata.etag": "W/\\"Jz...\\"", "id": "37fe...",
        "number": "10400", "lastModifiedDateTime": "2026-01-31T09:30:00.12Z"}
"""

from __future__ import annotations

import json
import re
from binascii import b2a_base64
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any, Literal, NamedTuple

import msgspec

from debitor.schema import (
    BLANK_ENUM,
    LARGEST,
    SCALE,
    Draft,
    EntitySet,
    Navigation,
    Property,
    Refused,
    WireEnum,
)
from debitor.store.rows import compiled

Level = Literal["minimal", "full", "none"]
"""How much control information an answer carries: `odata.metadata=...`."""

# --------------------------------------------------------------------------- tags

_ETAG_FORM = re.compile(r'(?:W/)?"[A-Za-z0-9+/]{4,200}={0,2}"').fullmatch
_TAG_BASE = 10**18
_TAG = 'W/"%s"'


def etag_of(version: int) -> str:
    """Return the entity tag of a row's version: opaque to clients, and never the same for two versions."""
    return _TAG % b2a_base64(b"'19;%d1;00;'" % (_TAG_BASE + version), newline=False).decode()


def tags_of(header: str) -> tuple[str, ...] | None:
    """Return the entity tags that an If-Match or If-None-Match header lists; `*` is ("*",).

    Returns None when one of them has not the form of a tag.
    """
    parts = tuple(part.strip() for part in header.split(","))
    if parts == ("*",):
        return parts
    if not all(_ETAG_FORM(part) for part in parts):
        return None
    return tuple(part if part[0] == "W" else "W/" + part for part in parts)


# --------------------------------------------------------------------------- reading bodies

_FINEST = Decimal(1).scaleb(-SCALE)
_ZERO = Decimal(0)
_GUID = re.compile(r"[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}").fullmatch
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}").fullmatch
_DATETIME = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{1,12})?)?(?:[Zz]|[+-][0-9]{2}:[0-9]{2})"
).fullmatch
_SHOWN = 100


def _number(written: str) -> Decimal:
    try:
        return Decimal(written)
    except InvalidOperation:
        # An exponent that no Decimal can hold; every property refuses NaN.
        return Decimal("NaN")


_decode = msgspec.json.Decoder(dict[str, Any], float_hook=_number).decode


def _bad_body(why: str) -> Refused:
    return Refused("BadRequest", f"Invalid request body: {why}")


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        seen: set[str] = set()
        twice = next(name for name, _ in pairs if name in seen or seen.add(name))  # type: ignore[func-returns-value]
        raise _bad_body(f"the property '{twice[:_SHOWN]}' occurs more than once.")
    return made


def _colons(value: Any) -> int:
    """Count the colons that the JSON of a decoded value needs: one per member, and those inside texts."""
    if type(value) is str:
        return value.count(":")
    if type(value) is dict:
        return len(value) + sum(_colons(name) + _colons(item) for name, item in value.items())
    if type(value) is list:
        return sum(map(_colons, value))
    return 0


def decode_object(body: bytes) -> dict[str, Any]:
    """Return the JSON object in a body; numbers are int or Decimal.

    Raises:
        Refused: 400 BadRequest when the body is no JSON object in UTF-8, nests too deeply or names a member twice.
    """
    if body[:3] == b"\xef\xbb\xbf":
        body = body[3:]
    try:
        made: dict[str, Any] = _decode(body)
        # Decoding keeps the last of two members of one name. Every member has a colon outside of texts, so equal
        # counts prove that none was lost; only bodies that differ are parsed again to find out.
        found = body.count(b":")
        if found != len(made) and (b"\\u" in body or found != _colons(made)):
            json.loads(body, object_pairs_hook=_once, parse_int=str, parse_float=str)
    except RecursionError:
        raise _bad_body("it nests too deeply.") from None
    except UnicodeDecodeError:
        raise _bad_body("a text is not valid UTF-8.") from None
    except msgspec.ValidationError as why:
        reason = "a whole number is too long." if "range" in str(why) else "a JSON object is expected."
        raise _bad_body(reason) from None
    except (msgspec.DecodeError, ValueError) as why:
        raise _bad_body(f"it is not valid JSON ({str(why)[:200]}).") from None
    return made


def shown(value: Any) -> str:
    """Return a value as messages print it: short, on one line."""
    text = value if type(value) is str else str(value)
    if value is None or type(value) is bool:
        text = "null" if value is None else text.lower()
    if len(text) > _SHOWN:
        text = text[:_SHOWN] + "..."
    return "".join(c if c.isprintable() else " " for c in text)


def _cannot(name: str, value: Any, edm: str, why: str = "") -> Refused:
    return Refused(
        "BadRequest",
        f"Cannot convert the literal '{shown(value)}' to the expected type '{edm}' of the property '{name}'."
        + (f" {why}" if why else ""),
    )


Convert = Callable[[Any], Any]


def _read_guid(of: Property) -> Convert:
    def read(value: Any) -> Any:
        if type(value) is str and len(value) == 36 and _GUID(value):
            return value.lower()
        raise _cannot(of.name, value, "Edm.Guid", "A GUID has the form 00000000-0000-0000-0000-000000000000.")

    return read


def _read_text(of: Property) -> Convert:
    longest = of.longest
    is_code = of.type.kind == "code"

    def read(value: Any) -> Any:
        if type(value) is not str:
            raise _cannot(of.name, value, of.type.edm, "A text in quotes is expected.")
        if "\0" in value:
            raise _cannot(of.name, value, of.type.edm, "The text contains a NUL character.")
        if is_code:
            value = value.strip().upper()
        if longest is not None and len(value) > longest:
            raise Refused(
                "Application_StringExceededLength",
                f"The length of the string is {len(value)}, but it must be less than or equal to {longest} "
                f"characters. Property: '{of.name}'. Value: {shown(value)}",
            )
        return value

    return read


def _read_decimal(of: Property) -> Convert:
    def read(value: Any) -> Any:
        if type(value) is int:
            value = Decimal(value)
        elif type(value) is not Decimal:
            raise _cannot(of.name, value, "Edm.Decimal", "A number is expected.")
        if not value.is_finite():
            raise _cannot(of.name, value, "Edm.Decimal", "The number is too large.")
        if not value:
            return _ZERO
        if value.adjusted() > 13 or abs(value) >= LARGEST:
            raise _cannot(of.name, value, "Edm.Decimal", f"Numbers must be smaller than {LARGEST:f}.")
        if value.as_tuple().exponent < -SCALE and value != value.quantize(_FINEST):
            raise _cannot(of.name, value, "Edm.Decimal", f"At most {SCALE} decimals can be kept.")
        return value

    return read


def _read_factor(of: Property) -> Convert:
    def read(value: Any) -> Any:
        if type(value) is int:
            value = Decimal(value)
        elif type(value) is not Decimal:
            raise _cannot(of.name, value, "Edm.Decimal", "A number is expected.")
        if not value.is_finite() or value.adjusted() > 13:
            raise _cannot(of.name, value, "Edm.Decimal", "The number is too large.")
        if not value:
            return _ZERO
        if value.adjusted() < -28 or len(value.as_tuple().digits) > 28:
            raise _cannot(of.name, value, "Edm.Decimal", "At most 28 digits can be kept.")
        return value

    return read


def _read_int(of: Property) -> Convert:
    bound = 2**31 if of.type.kind == "int32" else 2**63

    def read(value: Any) -> Any:
        if type(value) is not int or not -bound <= value < bound:
            raise _cannot(of.name, value, of.type.edm, f"A whole number from {-bound} to {bound - 1} is expected.")
        return value

    return read


def _read_date(of: Property) -> Convert:
    def read(value: Any) -> Any:
        if type(value) is str and _DATE(value):
            try:
                return date.fromisoformat(value)
            except ValueError:
                pass
        raise _cannot(of.name, value, "Edm.Date", "A date from 0001-01-01 to 9999-12-31 is expected.")

    return read


def utc_text(value: str) -> str | None:
    """Return a time stamp with offset in its stored form (`2026-01-31T09:30:00.120Z`), or None when it is none."""
    if _DATETIME(value):
        try:
            moment = datetime.fromisoformat(value.upper()).astimezone(UTC)
        except (ValueError, OverflowError):
            return None
        # Years before 1000 come out of isoformat with four digits; strftime would drop the zeros.
        return moment.replace(tzinfo=None).isoformat(timespec="milliseconds") + "Z"
    return None


def _read_datetime(of: Property) -> Convert:
    def read(value: Any) -> Any:
        made = utc_text(value) if type(value) is str else None
        if made is None:
            raise _cannot(
                of.name, value, "Edm.DateTimeOffset", "Date, time and offset are expected: 2026-01-31T09:30:00Z."
            )
        return made

    return read


def _read_bool(of: Property) -> Convert:
    def read(value: Any) -> Any:
        if type(value) is not bool:
            raise _cannot(of.name, value, "Edm.Boolean", "true or false is expected.")
        return value

    return read


def enum_values(members: type[WireEnum]) -> dict[str, str]:
    """Return every accepted way to write a member (wire form, decoded name, "" and " " for blank) -> wire form."""
    made: dict[str, str] = {}
    for member in members:
        made[member.label] = made[member.value] = member.value
    if BLANK_ENUM in made:
        made[""] = made[" "] = BLANK_ENUM
    return made


def _read_enum(of: Property) -> Convert:
    assert of.type.enum is not None, of.name
    exact = enum_values(of.type.enum)
    folded = {written.lower(): wire for written, wire in exact.items()}
    expected = "One of these is expected: " + ", ".join(m.value for m in of.type.enum) + "."

    def read(value: Any) -> Any:
        if type(value) is str:
            wire = exact.get(value) or folded.get(value.lower())
            if wire is not None:
                return wire
        raise _cannot(of.name, value, of.type.edm, expected)

    return read


def _read_stream(of: Property) -> Convert:
    def read(value: Any) -> Any:
        raise _cannot(of.name, value, "Edm.Stream", "Media are written to their own address.")

    return read


_READERS: dict[str, Callable[[Property], Convert]] = {
    "guid": _read_guid,
    "code": _read_text,
    "text": _read_text,
    "formula": _read_text,
    "decimal": _read_decimal,
    "factor": _read_factor,
    "int32": _read_int,
    "int64": _read_int,
    "date": _read_date,
    "datetime": _read_datetime,
    "bool": _read_bool,
    "enum": _read_enum,
    "stream": _read_stream,
}


def reader_of(of: Property) -> Convert:
    """Return what turns a JSON value into the typed value of a property. It raises Refused."""
    return _READERS[of.type.kind](of)


def blank_of(of: Property) -> Any:
    """Return what JSON null means for a property: its type's empty value."""
    if of.type.enum is not None and BLANK_ENUM not in enum_values(of.type.enum):
        return None
    return of.type.blank


@dataclass(slots=True)
class Incoming:
    """What a body holds. `id` is the entity's own id when the body names it; `parts` are nested new entities.

    `binds` maps a property to the navigation and the address that give it its value; until they are resolved
    (binding.py), the draft may hold None in its place.
    """

    draft: Draft
    id: str | None = None
    parts: list[tuple[Navigation, list[Incoming]]] = field(default_factory=list)
    binds: dict[str, tuple[Navigation, Any]] = field(default_factory=dict)


class BodyReader:
    """Reads bodies for one entity set.

    Args:
        of: the entity set.
        catalog: all entity sets, for nested parts.
        strict: True refuses `lastModifiedDateTime`, which documented mode ignores.
    """

    def __init__(self, of: EntitySet, catalog: Mapping[str, EntitySet], *, strict: bool) -> None:
        self.of, self._catalog, self._strict = of, catalog, strict
        self._readers: dict[str, Convert] = {}
        self._blanks: dict[str, Any] = {}
        for known in of.properties:
            if known.editable and not known.filter_only:
                self._readers[known.name] = reader_of(known)
                self._blanks[known.name] = blank_of(known)
        self._bindable = {
            n.name: n
            for n in of.navigations
            if not n.many and len(n.on) == 1 and n.target in catalog and n.on[0][0] in self._readers
        }
        self._parts = {n.name: n for n in of.navigations if n.deep and n.target in catalog}
        self._own = of.by_name[of.key[0]] if len(of.key) == 1 else None
        self._part_readers: dict[str, BodyReader] = {}

    def read(self, body: bytes, *, whole: bool = False) -> Incoming:
        """Return what the body of a request holds.

        Args:
            body: JSON.
            whole: it is a whole entity, as it was read: properties that clients cannot write are ignored.
        Raises:
            Refused: 400 with the property, the value and what is expected.
        """
        if not body:
            raise _bad_body("it is empty; a JSON object is expected.")
        return self.take(decode_object(body), whole=whole)

    def take(self, members: Mapping[str, Any], *, whole: bool = False) -> Incoming:
        """Return what a decoded object holds. Raises Refused as `read` does."""
        draft: Draft = {}
        made = Incoming(draft)
        readers = self._readers
        for name, value in members.items():
            read = readers.get(name)
            if read is None:
                self._other(made, name, value, whole)
            elif value is None:
                blank = self._blanks[name]
                draft[name] = read(None) if blank is None else blank
            else:
                draft[name] = read(value)
        return made

    def _other(self, made: Incoming, name: str, value: Any, whole: bool) -> None:
        """Take a member that is not an editable property: a nested part, the own id, an annotation."""
        if "@" in name:
            if name.endswith("@odata.bind"):
                self._bind(made, name.removesuffix("@odata.bind"), value)
            return
        part = self._parts.get(name)
        if part is not None:
            made.parts.append((part, self._nested(part, value)))
            return
        known = self.of.by_name.get(name)
        if known is None or known.filter_only:
            kind = f"Microsoft.NAV.{self.of.entity}"
            if type(value) in (list, dict):
                raise Refused("BadRequest", f"Could not find a property named '{name[:_SHOWN]}' on type '{kind}'.")
            raise Refused(
                "BadRequest",
                f"The property '{name[:_SHOWN]}' does not exist on type '{kind}'. Make sure to only use property "
                "names that are defined by the type.",
            )
        if known is self._own and value is not None:
            made.id = reader_of(known)(value)
            return
        if whole or (name == "lastModifiedDateTime" and not self._strict):
            return
        raise read_only(name)

    def _bind(self, made: Incoming, name: str, value: Any) -> None:
        way = self._bindable.get(name)
        if way is None or self._strict:
            raise Refused(
                "BadRequest",
                f"'{name[:_SHOWN]}@odata.bind' is not supported for '{self.of.name}'; set the property that holds "
                "the id instead.",
            )
        made.binds[way.on[0][0]] = (way, value)
        made.draft.setdefault(way.on[0][0], None)

    def _nested(self, part: Navigation, value: Any) -> list[Incoming]:
        items = value if part.many else [value]
        if type(items) is not list or not all(type(item) is dict for item in items):
            expected = "a JSON array of objects" if part.many else "a JSON object"
            raise Refused("BadRequest", f"The value of '{part.name}' must be {expected}.")
        reader = self._part_readers.get(part.name)
        if reader is None:
            target = self._catalog[part.target]
            reader = self._part_readers[part.name] = BodyReader(target, self._catalog, strict=self._strict)
        return [reader.take(item) for item in items]


def read_only(name: str) -> Refused:
    """Return the refusal for a property that clients cannot write."""
    return Refused("BadRequest_InvalidOperation", f"Control '{name}' is read-only; leave it out of the request.")


# --------------------------------------------------------------------------- writing answers

UNSET = msgspec.UNSET
encode = msgspec.json.Encoder(decimal_format="number").encode


def wire_datetime(stored: str) -> str:
    """Return a stored time stamp as it is sent: without the trailing zeros of its fraction."""
    if stored[-2] != "0" or "." not in stored:
        return stored
    return stored[:-1].rstrip("0").rstrip(".") + "Z"


def wire_value(value: Any) -> Any:
    """Return a typed value (of a computed row) in the form in which the store returns it."""
    if type(value) is Decimal:
        if value == value.to_integral_value():
            return int(value)
        return value.normalize()
    if isinstance(value, date):
        return value.isoformat()
    return value


def shown_properties(of: EntitySet, select: Sequence[str] | None) -> tuple[Property, ...]:
    """Return the properties of an answer in page order."""
    wanted = None if select is None else set(select)
    return tuple(p for p in of.properties if not p.filter_only and (wanted is None or p.name in wanted))


_BARE_TYPES = frozenset(("text", "code", "formula", "bool", "stream"))
"""Kinds that `odata.metadata=full` does not annotate, because their JSON says it."""


class Renderer(NamedTuple):
    """Turns rows into what `encode` writes as JSON objects.

    Attributes:
        one: (row, address, context, values of the expanded members) -> the entity.
        plain: (rows) -> the entities, without context, addresses and expanded members.
    """

    one: Callable[[Sequence[Any], str, Any, Sequence[Any]], Any]
    plain: Callable[[Sequence[Sequence[Any]]], list[Any]]


def renderer_of(
    of: EntitySet, select: Sequence[str] | None, level: Level, expanded: Sequence[str], *, version: bool
) -> Renderer:
    """Return how rows of an entity set are rendered.

    Args:
        of: the entity set.
        select: names of the properties to show, or None for all.
        level: how much control information to add.
        expanded: the members that follow the properties: navigations, and `<navigation>@odata.count`.
        version: whether rows start with their version.

    A row holds the shown columns (all properties but streams) after the version, and may go on; the address is the
    entity's own, for media links; the context is the text of `@odata.context` or UNSET.
    """
    properties = shown_properties(of, select)
    columns = [p for p in properties if p.type.kind != "stream"]
    known: dict[str, Any] = {"UNSET": UNSET, "etag_of": etag_of, "wire_datetime": wire_datetime}
    values = ["context", "etag_of(row[0])" if version and of.etag and level != "none" else "UNSET"]
    names = ["@odata.context", "@odata.etag"]
    for at, column in enumerate(columns, 1 if version else 0):
        names.append(column.name)
        value = f"row[{at}]"
        if column.type.kind == "datetime":
            value = f"wire_datetime({value})"
        if column.hidden:
            known[f"hidden{at}"] = _unless_blank(column)
            value = f"hidden{at}({value})"
        values.append(value)
    tail: list[Callable[[str], Any]] = []
    for stream in (p for p in properties if p.type.kind == "stream"):
        if level != "none":
            names.append(f"{stream.name}@odata.mediaReadLink")
            tail.append(_below(stream.name))
            if stream.editable:
                names.append(f"{stream.name}@odata.mediaEditLink")
                tail.append(_below(stream.name))
    if level == "full":
        _full(of, columns, names, tail)
    names.extend(expanded)
    struct = msgspec.defstruct(
        of.entity,
        [(f"f{i}", Any) for i in range(len(names))],
        rename={f"f{i}": name for i, name in enumerate(names)},
        gc=bool(expanded),
    )

    for at, make in enumerate(tail):
        known[f"make{at}"] = make
        values.append(f"make{at}(address)")
    known["Entity"] = struct
    made = f"Entity({', '.join(values)}{', *more' if expanded else ''})"
    return Renderer(
        compiled(f"lambda row, address, context, more: {made}", known),
        compiled(f"lambda rows, address='', context=UNSET, more=(): [{made} for row in rows]", known),
    )


def _unless_blank(of: Property) -> Callable[[Any], Any]:
    blank = wire_value(of.type.blank)
    return lambda value: UNSET if value == blank else value


def _always(told: str) -> Callable[[str], Any]:
    return lambda address: told


def _itself(address: str) -> Any:
    return address


def _below(name: str) -> Callable[[str], Any]:
    return lambda address: f"{address}/{name}"


def _full(of: EntitySet, columns: Sequence[Property], names: list[str], tail: list[Callable[[str], Any]]) -> None:
    """Add the members of `odata.metadata=full`: types, links of the entity and of its navigations."""
    kind = f"#Microsoft.NAV.{of.entity}"
    names.extend(("@odata.type", "@odata.id", "@odata.editLink"))
    tail.extend((_always(kind), _itself, _itself))
    for column in columns:
        if column.type.kind not in _BARE_TYPES:
            names.append(f"{column.name}@odata.type")
            told = "#" + column.type.edm.removeprefix("Edm.")
            tail.append(_always(told))
    for navigation in of.navigations:
        names.append(f"{navigation.name}@odata.navigationLink")
        tail.append(_below(navigation.name))
