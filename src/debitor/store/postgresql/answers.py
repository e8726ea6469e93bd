"""A query for the entity that was just added is answered from its row, without a round trip.

That is the answer to every POST. Where a query asks for more than the row and set-up that is remembered can tell, the
database is asked.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from debitor.query import Compare, Field, Param, Query
from debitor.schema import Column, Context, EntitySet, Row, Type, record_of
from debitor.store import Reader
from debitor.store.postgresql.seen import places
from debitor.store.rows import FORMS, compiled, encode

_CACHED = "added"
"""Under which a query keeps its answerer, beside its statements."""
_PLAIN = frozenset({"guid", "code", "text", "enum"})
"""Kinds whose values are compared with those of a request as they are."""


class Added(NamedTuple):
    """A row that was just added: its company, and its values as they are stored."""

    company: int
    cls: type[Row]
    id: str
    values: tuple[Any, ...]


class Answerer(NamedTuple):
    """How a query by id is answered from a row.

    Attributes:
        slot: which parameter is the id.
        lookups: the rows it leads to: record, its column, and where the value of that lies.
        fulfils: (values, rows it leads to, context) -> whether the set shows the row.
        take: (values, rows it leads to) -> the row as SQL would return it.
    """

    slot: int
    lookups: tuple[tuple[type[Row], str, int], ...]
    fulfils: Callable[[tuple[Any, ...], Sequence[Row | None], Mapping[str, Any]], bool]
    take: Callable[[tuple[Any, ...], Sequence[Row | None]], tuple[Any, ...]]

    def rows(
        self, reader: Reader, added: Added, params: Sequence[Any], context: Mapping[str, Any]
    ) -> list[tuple[Any, ...]] | None:
        """Return the rows of the query, None when it asks for another one."""
        if params[self.slot] != added.id:
            return None
        values = added.values
        led = [reader.find(record, **{by: values[at]}) for record, by, at in self.lookups]
        return [self.take(values, led)] if self.fulfils(values, led, context) else []


def answerer_of(query: Query) -> Answerer | None:
    """Return how a query is answered from the row that was just added; None: it has to be asked."""
    found: Answerer | bool | None = query.compiled.get(_CACHED, False)
    if not isinstance(found, bool):
        return found
    made: Answerer | None = None
    slot = _by_id(query)
    if slot is not None:
        made = _Maker(query.of).made(query, slot)
    query.compiled[_CACHED] = made
    return made


def _by_id(query: Query) -> int | None:
    """Return the parameter that a query for one row by its id takes."""
    where = query.where
    plain = query.limit is None and query.offset is None and query.each is None and not query.count
    if not plain or not isinstance(where, Compare) or where.op != "eq" or query.of.record is None:
        return None
    if not isinstance(where.left, Field) or not isinstance(where.right, Param):
        return None
    return where.right.index if query.of.by_name[where.left.name].source == "id" else None


class _Maker:
    """Writes the source of an answerer; values are `v`, the rows it leads to `j`."""

    def __init__(self, of: EntitySet) -> None:
        assert of.record is not None, "checked"
        self.of, self.record, self.places = of, record_of(of.record), places(of.record)
        self.lookups: dict[str, tuple[type[Row], str, int]] = {}
        self.names: dict[str, Any] = {"encode": encode}

    def made(self, query: Query, slot: int) -> Answerer | None:
        """Return the answerer, or None where it would take more than the row and set-up."""
        taken = [f"v[{self.places['version']}]"] if query.version else []
        for column in query.columns:
            if not isinstance(column.source, str) or (value := self.value(column.source, column.type)) is None:
                return None
            taken.append(value)
        conditions = []
        for path, wanted in self.of.where.items():
            kind = self.column(path).type
            value = self.value(path, kind)
            if value is None or kind.kind not in _PLAIN:
                return None
            if isinstance(wanted, Context):
                conditions.append(f"{value} == c[{wanted.name!r}]")
            else:
                conditions.append(f"{value} in {self.named(wanted if isinstance(wanted, tuple) else (wanted,))}")
        return Answerer(
            slot,
            tuple(self.lookups.values()),
            compiled(f"lambda v, j, c: {' and '.join(conditions) or 'True'}", self.names),
            compiled(f"lambda v, j: ({', '.join(taken)},)", self.names),
        )

    def named(self, value: Any) -> str:
        """Return the name under which the source has a value."""
        name = f"n{len(self.names)}"
        self.names[name] = value
        return name

    def column(self, path: str) -> Column:
        alias, _, name = path.rpartition(".")
        return (record_of(self.of.lookups[alias].record) if alias else self.record).by_name[name]

    def value(self, path: str, shown: Type) -> str | None:
        """Return the source of a column's value as it is stored; None for rows that are not remembered."""
        alias, _, name = path.rpartition(".")
        if not alias:
            value = f"v[{self.places[name]}]"
            # A member of an enum becomes the text that is read back.
            return f"str({value})" if self.column(path).type.kind in ("enum", "code") else value
        lookup = self.of.lookups[alias]
        record = record_of(lookup.record)
        if "." in lookup.via or not record.kept or (lookup.by,) not in (("id",), *record.unique):
            return None
        if alias not in self.lookups:
            self.lookups[alias] = lookup.record, lookup.by, self.places[lookup.via]
        row = f"j[{list(self.lookups).index(alias)}]"
        column = self.column(path)
        # As in SQL, the property's own blank counts where both are of one form.
        type = shown if FORMS[shown.kind] == FORMS[column.type.kind] else column.type
        blank = self.named(encode(Column("", type, type.blank), type.blank))
        return f"({blank} if {row} is None else encode({self.named(column)}, {row}.{name}))"
