"""An entity by its id, where the store remembers rows of its record: no query, a look-up in memory."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from debitor.odata.payload import wire_value
from debitor.schema import Context, EntitySet, Row, record_of
from debitor.store import Reader


class KeptRead(NamedTuple):
    """How to fetch an entity by id where the store remembers its rows, so that a parent costs no query.

    Args:
        record: the row class, declared `kept`.
        id: the property that carries the id.
        checks: (column, property that the address fixes); conditions: (column, what the set demands).
        columns: what to return.
    """

    record: type[Row]
    id: str
    checks: tuple[tuple[str, str], ...]
    conditions: tuple[tuple[str, Any], ...]
    columns: tuple[str, ...]

    @staticmethod
    def of(of: EntitySet, fixed: tuple[str, ...], names: tuple[str, ...]) -> KeptRead | None:
        """Return how, or None where a query is needed: other records, no id, columns of other rows."""
        if of.record is None or not record_of(of.record).kept or not of.etag:
            return None
        sources = {name: of.by_name[name].source for name in (*fixed, *names)}
        paths = (*sources.values(), *of.where)
        plain = all(isinstance(path, str) and "." not in path for path in paths)
        id = next((name for name in fixed if sources[name] == "id"), None)
        if not plain or id is None:
            return None
        checks = tuple((str(sources[name]), name) for name in fixed if name != id)
        return KeptRead(of.record, id, checks, tuple(of.where.items()), tuple(str(sources[n]) for n in names))

    @property
    def context(self) -> frozenset[str]:
        """The values of the request that the set's conditions name."""
        return frozenset(demanded.name for _, demanded in self.conditions if isinstance(demanded, Context))

    def read(self, tx: Reader, fixed: Mapping[str, Any], context: Mapping[str, Any]) -> tuple[Any, ...] | None:
        """Return (version, values), or None when there is no such entity in the set."""
        row = tx.get(self.record, fixed[self.id])
        if row is None:
            return None
        for column, name in self.checks:
            if getattr(row, column) != fixed[name]:
                return None
        for column, demanded in self.conditions:
            wanted = context[demanded.name] if isinstance(demanded, Context) else demanded
            value = getattr(row, column)
            if value not in wanted if isinstance(wanted, tuple) else value != wanted:
                return None
        return (row.version, *[wire_value(getattr(row, column)) for column in self.columns])
