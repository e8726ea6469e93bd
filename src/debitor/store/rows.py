"""Row structs <-> tuples of the store, compiled once per record.

A decimal is kept as an integer scaled by 10**5, so that sums in SQL are exact: 12.5 <-> 1250000. Dates are ISO
texts, so that they sort. Everything else is kept as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import date
from decimal import Decimal
from functools import lru_cache
from typing import Any, Literal, NamedTuple

from debitor.schema import BLANK_GUID, FACTOR, SCALE, Column, Record, Row, record_of

ZERO = Decimal(0)
LIMIT = 2**63 - 1
"""The largest integer of the store."""
CREATED = "created_version"
"""The column of tracked records that keeps the version a row began with; rows in memory do not carry it."""

Form = Literal["text", "decimal", "factor", "int", "bool", "bytes"]
"""How values of a kind lie in the store, and so how they compare."""

FORMS: dict[str, Form] = {
    "guid": "text", "code": "text", "text": "text", "decimal": "decimal", "factor": "factor", "date": "text",
    "datetime": "text", "int32": "int", "int64": "int", "bool": "bool", "enum": "text", "formula": "text",
    "bytes": "bytes",
}  # fmt: skip

# --------------------------------------------------------------------------- one value


@lru_cache(1 << 15)
def scaled(value: Decimal) -> int:
    """Return the scaled integer of a decimal: 12.5 -> 1250000. More than 5 decimals is a bug of the caller."""
    assert value.is_finite(), f"{value} is no number"
    shifted = value * FACTOR
    whole = int(shifted)
    assert whole == shifted, f"{value} has more than {SCALE} decimals"
    assert -LIMIT <= whole <= LIMIT, f"{value} is too large to keep"
    return whole


@lru_cache(1 << 15)
def unscaled(value: int) -> Decimal:
    """Return the decimal of a scaled integer, without trailing zeros: 1250000 -> 12.5."""
    whole, rest = divmod(value, FACTOR)
    return Decimal(value).scaleb(-SCALE).normalize() if rest else Decimal(whole)


@lru_cache(1 << 15)
def wire_decimal(value: int) -> int | Decimal:
    """Return a scaled integer as JSON shows it: 150000000 -> 1500, 1250000 -> Decimal('12.5')."""
    whole, rest = divmod(value, FACTOR)
    return Decimal(value).scaleb(-SCALE).normalize() if rest else whole


def plain(value: Decimal) -> str:
    """Return a factor as text without an exponent."""
    return format(value, "f")


@lru_cache(1024)
def wire_factor(value: str) -> int | Decimal:
    """Return a stored factor as JSON shows it."""
    number = Decimal(value)
    whole = int(number)
    return whole if whole == number else Decimal(format(number, "f").rstrip("0"))


@lru_cache(1 << 15)
def iso(value: date | str) -> str:
    """Return a date as ISO text; a text is one already."""
    return value if isinstance(value, str) else value.isoformat()


day = lru_cache(8192)(date.fromisoformat)
"""The date of an ISO text."""

ENCODERS: dict[str, Callable[[Any], Any]] = {"decimal": scaled, "factor": plain, "date": iso}
"""Kind -> function into the store; other kinds are stored as they are."""

DECODERS: dict[str, Callable[[Any], Any]] = {
    "decimal": unscaled,
    "factor": Decimal,
    "date": day,
    "bool": bool,
}
"""Kind -> function out of the store."""


def encode(column: Column, value: Any) -> Any:
    """Return a value as the column keeps it."""
    encoder = ENCODERS.get(column.type.kind)
    if encoder is not None:
        return encoder(value)
    return int(value) if column.type.kind == "bool" else value


def decode(column: Column, value: Any) -> Any:
    """Return a kept value as Python has it."""
    decoder = DECODERS.get(column.type.kind)
    return value if decoder is None else decoder(value)


def literal(value: Any) -> str:
    """Return an encoded value as an SQL literal."""
    if isinstance(value, str):
        return "'" + value.replace("'", "''") + "'"
    assert isinstance(value, int), f"no literal for {value!r}"
    return str(int(value))


# --------------------------------------------------------------------------- one row

_OUT = {
    "decimal": "(unscaled({0}) if {0} else ZERO)",
    "factor": "Decimal({0})",
    "date": "day({0})",
    "bool": "{0} != 0",
}
_IN = {"decimal": "(scaled({0}) if {0} else 0)", "factor": "plain({0})", "date": "iso({0})"}
_GIVEN = {"id": "id", "version": "version", "modified_at": "now"}
_NAMES = {
    "BLANK_GUID": BLANK_GUID,
    "iso": iso,
    "unscaled": unscaled,
    "scaled": scaled,
    "plain": plain,
    "day": day,
    "Decimal": Decimal,
    "ZERO": ZERO,
}


def _value(column: Column, row: str = "r") -> str:
    """Return the source of what a column keeps of a row."""
    return _IN.get(column.type.kind, "{0}").format(f"{row}.{column.name}")


class Codec:
    """How the rows of one record go into the store and come out.

    Attributes:
        record: the declaration.
        names: the stored columns without the company, quoted, separated by commas, in the order of `decode`.
        insert: the INSERT statement, whose values `encode` gives; insert_or_fail: see Dialect.insert.
        encode: (company, row, id, version, now) -> tuple of values.
        encode_all: (company, rows, fresh ids, versions, now) -> list of such tuples; a row that has an id keeps it.
        decode: list of tuples -> list of rows.
        key: (company, row) -> values of the clustered key.
        by_key: the condition that `key` fills.
    """

    encode: Callable[[int, Row, str, int, str], tuple[Any, ...]]
    encode_all: Callable[[int, Iterable[Row], Iterable[str], Iterable[int], str], list[tuple[Any, ...]]]
    decode: Callable[[Iterable[Sequence[Any]]], list[Any]]
    key: Callable[[int, Row], tuple[Any, ...]]

    def __init__(self, record: Record) -> None:
        self.record = record
        columns = [c.name for c in record.columns]
        extra = [CREATED] if record.tracked else []
        self.names = ", ".join(f'"{c}"' for c in columns)
        lead = ["company"] if record.by_company else []
        stored = ", ".join(f'"{c}"' for c in lead + columns + extra)
        slots = ", ".join("?" * len(lead + columns + extra))
        self.insert = f'INSERT INTO "{record.name}" ({stored}) VALUES ({slots})'  # noqa: S608 - declared names only
        self.insert_or_fail = self.insert.replace("INSERT", "INSERT OR FAIL", 1)
        self.by_key = " AND ".join(f'"{c}" = ?' for c in (*lead, *record.key))

        given = [*lead, *(_GIVEN.get(c.name) or _value(c) for c in record.columns), *("version" for _ in extra)]
        kept = ["(r.id if r.id != BLANK_GUID else id)" if value == "id" else value for value in given]
        key = [*lead, *(_value(record.by_name[c]) for c in record.key)]
        slot = {c.name: f"v{i}" for i, c in enumerate(record.columns)}
        fields = {c.name: _OUT.get(c.type.kind, "{0}").format(slot[c.name]) for c in record.columns}
        # By position where that can be: a call with many keywords costs three times as much.
        placed = record.row.__match_args__
        shown = [value if name in placed else f"{name}={value}" for name, value in fields.items()]
        names = {**_NAMES, "Row": record.row}
        self.encode = compiled(f"lambda company, r, id, version, now: ({', '.join(given)},)", names)
        self.encode_all = compiled(
            f"lambda company, rows, ids, versions, now: [({', '.join(kept)},) "
            "for r, id, version in zip(rows, ids, versions)]",
            names,
        )
        self.key = compiled(f"lambda company, r: ({', '.join(key)},)", names)
        self.decode = compiled(
            f"lambda rows: [Row({', '.join(shown)}) for {', '.join(slot.values())} in rows]", names
        )


def compiled(source: str, names: dict[str, Any]) -> Any:
    """Return the function that generated source describes; a loop over columns per row would cost ten times more."""
    return eval(source, dict(names))  # noqa: S307 - the source is made of declared names only


class Update(NamedTuple):
    """How some columns of rows are changed.

    Attributes:
        sql: the UPDATE statement of one row.
        encode: (company, pairs of old and new row, versions, now) -> list of its values.
    """

    sql: str
    encode: Callable[[int, Iterable[tuple[Row, Row]], Iterable[int], str], list[tuple[Any, ...]]]


@lru_cache(None)
def update_of(cls: type[Row], columns: tuple[str, ...]) -> Update:
    """Return how these columns of a record are changed; version and time stamp are renewed with them."""
    codec = codec_of(cls)
    record = codec.record
    pieces = "".join(f'"{c}" = ?, ' for c in columns)
    values = [_value(record.by_name[c], "new") for c in columns] + ["version", "now"]
    values += [*(["company"] if record.by_company else []), *(_value(record.by_name[c], "old") for c in record.key)]
    return Update(
        f'UPDATE "{record.name}" SET {pieces}"version" = ?, "modified_at" = ? WHERE {codec.by_key}',  # noqa: S608
        compiled(
            f"lambda company, pairs, versions, now: [({', '.join(values)}) "
            "for (old, new), version in zip(pairs, versions)]",
            _NAMES,
        ),
    )


SYSTEM = ("id", "version", "modified_at")
"""The columns that the store itself fills."""


@lru_cache(None)
def _same(cls: type[Row]) -> Callable[[Row, Row], tuple[bool, ...]]:
    """Return what tells of each column of a record whether two rows have the same value."""
    names = [name for name in cls.__struct_fields__ if name not in SYSTEM]
    pairs = ", ".join(f"a.{name} is b.{name} or a.{name} == b.{name}" for name in names)
    same: Callable[[Row, Row], tuple[bool, ...]] = compiled(f"lambda a, b: ({pairs},)", {})
    return same


@lru_cache(1 << 15)
def _different(cls: type[Row], same: tuple[bool, ...]) -> tuple[str, ...]:
    names = [name for name in cls.__struct_fields__ if name not in SYSTEM]
    return tuple(name for name, equal in zip(names, same, strict=True) if not equal)


def difference(old: Row, new: Row) -> tuple[str, ...]:
    """Return the columns in which two forms of one row differ, without those of the store."""
    cls = type(old)
    return _different(cls, _same(cls)(old, new))


@lru_cache(None)
def decoder_of(cls: type[Row], columns: tuple[str, ...]) -> Callable[..., tuple[Any, ...]]:
    """Return what makes kept values of these columns, given one by one, into those that Python has."""
    kinds = record_of(cls).by_name
    slots = [f"v{i}" for i in range(len(columns))]
    values = [_OUT.get(kinds[c].type.kind, "{0}").format(v) for c, v in zip(columns, slots, strict=True)]
    made: Callable[..., tuple[Any, ...]] = compiled(f"lambda {', '.join(slots)}: ({', '.join(values)},)", _NAMES)
    return made


@lru_cache(None)
def codec_of(cls: type[Row]) -> Codec:
    """Return the codec of a Row class."""
    return Codec(record_of(cls))
