"""The words every room shares: value types, records, views, entity sets, changes.

This module imports nothing of debitor. A *record* is what the store keeps (one table); a *view* says
which columns of a record, and of the records it points to, can be read; an *entity set* is what
clients see. One declaration of each drives SQL, JSON, filters and `$metadata`.

Values in memory, in the store, on the wire:

| kind     | Python                              | SQLite column             | JSON                          |
|----------|-------------------------------------|---------------------------|-------------------------------|
| guid     | str, lower case, with hyphens       | TEXT                      | string                        |
| code     | str, trimmed and upper-cased        | TEXT                      | string                        |
| text     | str                                 | TEXT                      | string                        |
| decimal  | Decimal                             | INTEGER, scaled by 10**5  | number                        |
| factor   | Decimal (28 digits)                 | TEXT                      | number                        |
| date     | datetime.date, blank = date.min     | TEXT, ISO                 | string, blank = 0001-01-01    |
| datetime | str `2026-01-31T09:30:00.120Z`      | TEXT, same                | string, trailing zeros cut    |
| int32/64 | int                                 | INTEGER                   | number                        |
| bool     | bool                                | INTEGER 0/1               | true / false                  |
| enum     | str, the wire form (`Credit_x0020_Memo`) | TEXT                 | string                        |
| formula  | str, a date formula (`1M+CM`)       | TEXT                      | string                        |
| bytes    | bytes                               | BLOB                      | never on the wire             |
| stream   | never in memory                     | -                         | media link                    |

Empty values are typed, never null: `BLANK_GUID`, `""`, `0`, `BLANK_DATE`, `_x0020_`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Any, ClassVar, Literal, Protocol, TypeVar, get_args, get_origin, get_type_hints

import msgspec

BLANK_GUID = "00000000-0000-0000-0000-000000000000"
BLANK_DATE = date.min
BLANK_ENUM = "_x0020_"
SCALE = 5
"""Decimal places of a stored decimal: 0.00001 is the finest unit price of Business Central."""
FACTOR = 10**SCALE
LARGEST = Decimal(10) ** 13
"""Amounts of this size or more are refused, so that sums stay inside 64 bits."""

Kind = Literal[
    "guid", "code", "text", "decimal", "factor", "date", "datetime", "int32", "int64", "bool",
    "enum", "formula", "bytes", "stream",
]  # fmt: skip

EDM: dict[str, str] = {
    "guid": "Edm.Guid",
    "code": "Edm.String",
    "text": "Edm.String",
    "decimal": "Edm.Decimal",
    "factor": "Edm.Decimal",
    "date": "Edm.Date",
    "datetime": "Edm.DateTimeOffset",
    "int32": "Edm.Int32",
    "int64": "Edm.Int64",
    "bool": "Edm.Boolean",
    "formula": "Edm.String",
    "bytes": "Edm.Binary",
    "stream": "Edm.Stream",
}

_OUTSIDE = re.compile(r"[^A-Za-z0-9_]")


def escape_member(name: str) -> str:
    """Return an enum member's name as Business Central sends it: `G/L Account` -> `G_x002F_L_x0020_Account`."""
    return _OUTSIDE.sub(lambda m: f"_x{ord(m[0]):04X}_", name)


class WireEnum(StrEnum):
    """An enum whose members are (ordinal, name); the string value is the wire form.

    `__edm__` is the type's name in `$metadata`. Rows carry the plain string; comparing it with a member works.
    """

    ordinal: int
    label: str
    __edm__: ClassVar[str]

    def __new__(cls, ordinal: int, label: str) -> WireEnum:
        """Make the member for an ordinal and its name in Business Central."""
        value = escape_member(label)
        member = str.__new__(cls, value)
        member._value_ = value
        member.ordinal = ordinal
        member.label = label
        return member


@dataclass(frozen=True, slots=True)
class Type:
    """A value type. `length` limits code and text; `enum` is set for kind enum."""

    kind: Kind
    length: int | None = None
    enum: type[WireEnum] | None = None

    @property
    def edm(self) -> str:
        """The EDM name, such as `Edm.Guid` or `Microsoft.NAV.customerBlocked`."""
        return f"Microsoft.NAV.{self.enum.__edm__}" if self.enum else EDM[self.kind]

    @property
    def blank(self) -> Any:
        """The typed empty value."""
        return BLANKS[self.kind]


BLANKS: dict[str, Any] = {
    "guid": BLANK_GUID, "code": "", "text": "", "decimal": Decimal(0), "factor": Decimal(0),
    "date": BLANK_DATE, "datetime": "0001-01-01T00:00:00.000Z", "int32": 0, "int64": 0, "bool": False,
    "enum": BLANK_ENUM, "formula": "", "bytes": b"", "stream": None,
}  # fmt: skip

GUID = Type("guid")
DECIMAL = Type("decimal")
RATE = Type("factor")
DATE = Type("date")
DATETIME = Type("datetime")
INT32 = Type("int32")
INT64 = Type("int64")
BOOL = Type("bool")
FORMULA = Type("formula")
BYTES = Type("bytes")
STREAM = Type("stream")


def code(length: int | None) -> Type:
    """A code: trimmed and upper-cased when stored and when compared; None as for `text`."""
    return Type("code", length)


def text(length: int | None = None) -> Type:
    """A text of at most `length` characters; None where the wire format states no limit."""
    return Type("text", length)


def enum(of: type[WireEnum]) -> Type:
    """An enum on the wire."""
    return Type("enum", None, of)


Guid = Annotated[str, GUID]
Code10 = Annotated[str, code(10)]
Code20 = Annotated[str, code(20)]
Code35 = Annotated[str, code(35)]
Code50 = Annotated[str, code(50)]
Text5 = Annotated[str, text(5)]
Text10 = Annotated[str, text(10)]
Text30 = Annotated[str, text(30)]
Text35 = Annotated[str, text(35)]
Text50 = Annotated[str, text(50)]
Text80 = Annotated[str, text(80)]
Text100 = Annotated[str, text(100)]
Text250 = Annotated[str, text(250)]
Text255 = Annotated[str, text(255)]
LongText = Annotated[str, text()]
Amount = Annotated[Decimal, DECIMAL]
Rate = Annotated[Decimal, RATE]
Day = Annotated[date, DATE]
Timestamp = Annotated[str, DATETIME]
Int = Annotated[int, INT32]
BigInt = Annotated[int, INT64]
Flag = Annotated[bool, BOOL]
Formula = Annotated[str, FORMULA]
Bytes = Annotated[bytes, BYTES]


# --------------------------------------------------------------------------- refusals


class Refused(Exception):
    """An answer, not a bug: the request cannot be done, and nothing was written.

    Attributes:
        code: Business Central's error code, such as `Application_DialogException`.
        message: which field, which value, what to do; without the correlation id.
        status: HTTP status, or None for the one that the code has.
    """

    def __init__(self, code: str, message: str, status: int | None = None) -> None:
        super().__init__(message)
        self.code, self.message, self.status = code, message, status


class HandshakeNeeded(Exception):
    """Something outside of the books comes first: a handshake with the receiver at `address`.

    Whoever runs the request undoes it, shakes hands, and begins again; hooks then see the outcome in `handshakes`.
    """

    def __init__(self, address: str) -> None:
        super().__init__(address)
        self.address = address


# --------------------------------------------------------------------------- records


class Row(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A stored row. `id` is the system id; `version` and `modified_at` are set by the store on every write.

    The company a row belongs to is not a field: a session of the store is bound to one company. Rows hold only plain
    values and so can never be part of a cycle: the garbage collector ignores them.
    """

    id: Guid = BLANK_GUID
    version: BigInt = 0
    modified_at: Timestamp = "0001-01-01T00:00:00.000Z"


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a record."""

    name: str
    type: Type
    default: Any


@dataclass(frozen=True)
class Record:
    """How a Row class is kept.

    Args:
        name: table name.
        row: the class.
        columns: all columns, system columns first.
        key: the clustered key inside a company (`company` leads it in the store).
        unique: column groups unique inside a company.
        indexes: column groups to index inside a company.
        frozen: columns that never change once inserted; `("*",)` = append only, neither changed nor deleted.
            With `frozen_when`, only rows where that flag column is true are frozen.
        deletable: False: rows are never deleted (ledgers).
        by_company: False for the few tables that belong to the whole store.
        kept: few rows that change rarely (set-up, accounts, currencies): sessions of the store remember them.
        tracked: what changed and what was deleted since some moment can be asked for; False where no entity set
            shows the rows.
        owner: the column, never changed, that names what a row belongs to (the journal of a line): what is
            remembered of a deleted row besides its id.
    """

    name: str
    row: type[Row]
    columns: tuple[Column, ...]
    key: tuple[str, ...] = ("id",)
    unique: tuple[tuple[str, ...], ...] = ()
    indexes: tuple[tuple[str, ...], ...] = ()
    frozen: tuple[str, ...] = ()
    frozen_when: str = ""
    deletable: bool = True
    by_company: bool = True
    kept: bool = False
    tracked: bool = True
    owner: str = ""
    by_name: dict[str, Column] = field(default_factory=dict, compare=False)

    def __post_init__(self) -> None:
        self.by_name.update({c.name: c for c in self.columns})


R = TypeVar("R", bound=type)
RECORDS: dict[str, Record] = {}
_OF: dict[type, Record] = {}


def record(name: str, **options: Any) -> Callable[[R], R]:
    """Class decorator: declare a Row class as the record `name` (see `Record` for the options)."""

    def declare(cls: R) -> R:
        hints = get_type_hints(cls, include_extras=True)
        defaults = dict(
            zip(cls.__struct_fields__[::-1], cls.__struct_defaults__[::-1], strict=False)  # type: ignore[attr-defined]
        )
        columns = []
        for column in cls.__struct_fields__:  # type: ignore[attr-defined]
            kind = _type_of(hints[column])
            columns.append(Column(column, kind, defaults.get(column, kind.blank)))
        made = Record(name=name, row=cls, columns=tuple(columns), **options)
        assert name not in RECORDS, f"record {name} is declared twice"
        RECORDS[name] = made
        _OF[cls] = made
        return cls

    return declare


def _type_of(hint: Any) -> Type:
    if get_origin(hint) is Annotated:
        return next(a for a in get_args(hint) if isinstance(a, Type))
    if isinstance(hint, type) and issubclass(hint, WireEnum):
        return enum(hint)
    raise AssertionError(f"no column type in {hint!r}")


def record_of(cls: type) -> Record:
    """Return the record declared for a Row class."""
    return _OF[cls]


# --------------------------------------------------------------------------- views


@dataclass(frozen=True, slots=True)
class Col:
    """A column of the view's record, or `alias.column` of one of its lookups."""

    path: str


@dataclass(frozen=True, slots=True)
class Context:
    """A value that the request carries: `today`, `local_currency_code`, a default journal template ..."""

    name: str


@dataclass(frozen=True, slots=True)
class Constant:
    """Always the same value."""

    value: Any


@dataclass(frozen=True, slots=True)
class FirstOf:
    """The first source that is neither missing nor blank."""

    sources: tuple[Source, ...]


@dataclass(frozen=True, slots=True)
class Sum:
    """The sum of `column` over rows of another record.

    Args:
        record: the Row class summed over.
        column: a decimal column.
        on: their column -> our column (equality).
        where: their column -> value (equality, a constant or a Context).
        before: (their column, Context name): only rows where the column is strictly less.
        totaling: (their column, our column): where ours holds a filter on codes (`1000..1099|1200`), the rows whose
            column it names are summed instead of those of `on`.
    """

    record: type[Row]
    column: str
    on: Mapping[str, str]
    where: Mapping[str, Any] = field(default_factory=dict)
    before: tuple[str, str] | None = None
    totaling: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Told:
    """Worked out anew for the rows of each answer, for all of them at once; no filter or order can name it.

    Args:
        by: `(act, ids) -> value by id`; ids without one have the type's blank.
    """

    by: Callable[[Any, Sequence[str]], Mapping[str, Any]]


Source = Col | Context | Constant | FirstOf | Sum | Told


@dataclass(frozen=True, slots=True)
class Lookup:
    """A row that the view's record points to: `record.by` equals our column `via` (which may be `alias.column`).

    A pointer that leads nowhere gives blank values, never drops the row.
    """

    record: type[Row]
    via: str
    by: str = "id"


@dataclass(frozen=True, slots=True)
class Follow:
    """Rows of another record whose change means a change of entities: a customer's entries change its balance.

    Args:
        record: the other record.
        column: its column that leads to our entities.
        ours: what equals it: a column of our record, or the property of a computed set.
        filtered: `ours` holds a filter on codes (`1000..1099|1200`) instead, which names the other record's column.
    """

    record: type[Row]
    column: str
    ours: str = "id"
    filtered: bool = False


# --------------------------------------------------------------------------- entity sets


@dataclass(frozen=True, slots=True)
class Property:
    """One property of an entity, in the order of its page.

    Args:
        name: the name on the wire.
        type: its value type; `length` is what `$metadata` shows as MaxLength.
        source: a column name (`display_name`, `currency.code`), a Source, or None when an entity set
            computes its rows.
        editable: clients may send it.
        nullable: what `$metadata` says; Business Central is false for keys and mandatory fields only.
        limit: the real length limit where `$metadata` shows none.
        filterable: may stand in `$filter` and `$orderby`.
        hidden: left out of `$metadata` and of answers while it is blank (documented-mode extras).
        filter_only: usable in `$filter`, never returned.
        language_dependent: carries the annotation IsLanguageDependent.
        input: what a computed set is made of rather than what is asked of its rows: conditions of `$filter` on it
            reach `rows` by its name, as the one value that `eq` gives ("value") or as a `ranges.Range` ("range",
            dates only); rows need not fulfil them.
    """

    name: str
    type: Type
    source: str | Source | None = None
    editable: bool = True
    nullable: bool = True
    limit: int | None = None
    filterable: bool = True
    hidden: bool = False
    filter_only: bool = False
    language_dependent: bool = False
    input: Literal["", "value", "range"] = ""

    @property
    def longest(self) -> int | None:
        """The most characters a value may have, or None."""
        return self.type.length if self.limit is None else self.limit


def shown(name: str, type: Type, source: str | Source | None = None) -> Property:
    """Return a property that clients read and never write."""
    return Property(name, type, source, editable=False)


@dataclass(frozen=True, slots=True)
class Navigation:
    """A way from one entity to others.

    Args:
        name: the segment, such as `customerPayments`.
        target: the entity set it leads to (or a type outside the slice, then only `$metadata` shows it).
        many: a collection, or one object.
        on: pairs (our property, their property).
        kind: part (sub page), lookup (by an id), partner (the way back of a part).
        partner: the navigation back, as `$metadata` names it.
        constant: their properties with a fixed value, such as parentType.
        deep: may be nested in a POST of this entity.
    """

    name: str
    target: str
    many: bool
    on: tuple[tuple[str, str], ...]
    kind: Literal["part", "lookup", "partner"] = "lookup"
    partner: str | None = None
    constant: Mapping[str, Any] = field(default_factory=dict)
    deep: bool = False


class Act(Protocol):
    """What a hook of an entity set may see and use while one request runs.

    `tx` is the store's session of the company (a Transaction while writing). `today` is the work date.
    """

    tx: Any
    today: date
    strict: bool
    parent: Mapping[str, Any]
    values: Mapping[str, Any]
    key: str | None
    """The id that the client chose in the address of a POST, or None."""
    if_match: str | None
    user: str
    request_id: str


class NotingAct(Act, Protocol):
    """What the hooks of set-up and master data may do besides."""

    def note(self, of: str, code: str, before: Row | None, after: Row | None) -> None:
        """Note for the audit trail that a row of set-up or master data changed; None: it was added, or removed."""
        ...


Draft = dict[str, Any]
"""Property name -> typed value, in the order in which the client sent them."""


@dataclass(frozen=True, slots=True)
class Structure:
    """Members that belong together without being an entity: what an action takes of each of many, or what it gives.

    Clients know it as a complex type. Its values are a dict of typed values by name.
    """

    name: str
    members: tuple[Property | Items, ...]


@dataclass(frozen=True, slots=True)
class Items:
    """A member with a list of structures. `nullable`: the list may be missing, and is then empty."""

    name: str
    of: Structure
    nullable: bool = True


@dataclass(frozen=True, slots=True)
class Action:
    """A bound action: `run(act, id, body)`.

    Args:
        name: what follows `Microsoft.NAV.` in its address.
        run: returns None (204), a `Located` (204) or, with `gives`, typed values (200). `body` has the parameters
            that were sent, typed; those that are not `nullable` are always there.
        strict: False: absent in strict mode, because Business Central does not have it.
        long: may take long; runs beside the event loop.
        makes: the entity set of what the action makes, when it answers a `Located`.
        takes: the parameters of the body; without any, a body means nothing.
        gives: what the answer holds.
        about: what it does, in a sentence.
    """

    name: str
    run: Callable[[Any, str, Draft], Any]
    strict: bool = True
    long: bool = False
    makes: str = ""
    takes: tuple[Property | Items, ...] = ()
    gives: Structure | None = None
    about: str = ""


@dataclass(frozen=True, slots=True)
class Located:
    """What an action made: an entity of this set and company with this id, named by the header Location."""

    entity_set: str
    id: str


@dataclass(frozen=True, slots=True)
class Media:
    """The bytes behind a stream property, piece by piece: they never lie in memory as a whole.

    Args:
        chunks: the bytes in order; read once.
        size: how many bytes there are, or -1 when that is not known before the end.
        content_type: what they are, such as `application/pdf`.
        file_name: the name to save them under, or "".
        kept: of new content: the id under which the store has it already; `take_media` writes it down.
        made: instead of `chunks`: gives all bytes at once. It takes long and reads no store, so the server calls it
            beside its event loop.
    """

    chunks: Iterable[bytes] = ()
    size: int = -1
    content_type: str = "application/octet-stream"
    file_name: str = ""
    kept: str = ""
    made: Callable[[], bytes] | None = None


@dataclass(frozen=True)
class EntitySet:
    """What clients see under one name.

    Args:
        name: the entity set, `customerPayments`; entity: the singular type, `customerPayment`.
        record: the Row class behind it (None when `rows` computes them).
        properties: in page order = JSON order.
        key: the key property.
        lookups: alias -> Lookup, for sources such as `currency.code`.
        where: fixed conditions: column path -> constant, tuple of constants, or Context.
        list_where: property -> constant or Context: applies to lists only, and not when the filter fixes the
            property itself (journals lists the general template unless another is asked for).
        order: properties that give the default order (the key follows by itself).
        navigations: in the order of `$metadata`.
        create: `(act, draft) -> id` of the new row, or None when POST is not allowed.
        change: `(act, id, draft) -> id`; remove: `(act, id) -> None`.
        actions: bound actions.
        rows: `(act, keys) -> list of dicts` for sets that are computed; `keys` maps property -> value where
            the address (or an `eq` filter) fixes it; in $expand the first property of the navigation has the
            list of all parents' values. Each dict has `version` when the set has tags. Filters run in memory.
        guard: properties one of which must be fixed by address, key or `eq` filter before rows are read.
        guard_message: what to say when none is.
        single: the set has one row (companyInformation), still addressed by its id.
        etag: False for companies and computed sets without one.
        company: False for sets at the root.
        outline: a type that others lead to and of which nothing is kept: it stands in `$metadata`, and nothing is
            ever found there, but there is no set of that name.
        aliases: other names for the set in addresses (documented mode only).
        client_ids: clients may choose the id of a new entity, in the address or the body (documented mode only).
        sortable: shown in `$metadata`.
        addressable: False: its entities cannot be addressed one by one, as those of a query in Business Central.
        follows: what else means a change of our entities, besides their own rows, the rows that `Sum` adds up and
            those whose columns are shown through `lookups`, which count by themselves. A computed set has nothing
            else: without any, its changes cannot be asked for.
        media: stream property -> `(act, id) -> Media`, or None while there is no content (204).
        take_media: stream property -> `(act, id, Media) -> None`: keeps new content (PUT or PATCH of the property).
    """

    name: str
    entity: str
    properties: tuple[Property, ...]
    record: type[Row] | None = None
    key: tuple[str, ...] = ("id",)
    lookups: Mapping[str, Lookup] = field(default_factory=dict)
    where: Mapping[str, Any] = field(default_factory=dict)
    list_where: Mapping[str, Any] = field(default_factory=dict)
    order: tuple[str, ...] = ()
    navigations: tuple[Navigation, ...] = ()
    create: Callable[[Any, Draft], str] | None = None
    change: Callable[[Any, str, Draft], str] | None = None
    remove: Callable[[Any, str], None] | None = None
    actions: tuple[Action, ...] = ()
    rows: Callable[[Any, Mapping[str, Any]], list[dict[str, Any]]] | None = None
    guard: tuple[str, ...] = ()
    guard_message: str = ""
    single: bool = False
    etag: bool = True
    company: bool = True
    outline: bool = False
    aliases: tuple[str, ...] = ()
    client_ids: bool = False
    sortable: bool = True
    addressable: bool = True
    follows: tuple[Follow, ...] = ()
    media: Mapping[str, Callable[[Any, str], Media | None]] = field(default_factory=dict)
    take_media: Mapping[str, Callable[[Any, str, Media], None]] = field(default_factory=dict)
    by_name: dict[str, Property] = field(default_factory=dict, compare=False, repr=False)

    def __post_init__(self) -> None:
        self.by_name.update({p.name: p for p in self.properties})
        told = [p.name for p in self.properties if isinstance(p.source, Told) and (p.filterable or p.editable)]
        assert not told, f"{self.name}: {told} are worked out, so they can be neither filtered nor written"

    def __hash__(self) -> int:
        return id(self)


# --------------------------------------------------------------------------- changes


@dataclass(slots=True)
class Changes:
    """Rows to add, to change and to remove, as plain data; the store writes them in this order.

    `update` holds (old row, new row) pairs: columns that differ are written, `version` is renewed.
    """

    insert: list[Row] = field(default_factory=list)
    update: list[tuple[Row, Row]] = field(default_factory=list)
    delete: list[Row] = field(default_factory=list)

    def extend(self, other: Changes) -> None:
        """Append what `other` holds."""
        self.insert.extend(other.insert)
        self.update.extend(other.update)
        self.delete.extend(other.delete)
