"""What a connection remembers of rows that are not set-up, exact as long as nobody else writes in their company.

Each change of a tracked row takes a version of its company, and the company's version is read with its lock. So when
it is the one that this connection left behind, nobody has written since, and what was read then is known without
asking. What the connection itself writes is taken into account.

    last line of journal J -> (10000, ...)      a line of J is added, number 20000      -> (20000, ...)
    invoice 1001 -> (id, ...)                   an invoice is added, changed, deleted   -> all invoices are forgotten
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from operator import itemgetter
from typing import Any, NamedTuple

from debitor.schema import Row, record_of
from debitor.store.rows import codec_of

MOST_ROWS = 1000
"""First rows that are remembered of one record; all are forgotten then."""
MOST_LAST = 32
"""Last rows, which are looked through whenever a row is added."""
UNKNOWN: Any = object()
_NOTHING: Any = {}


class Asked(NamedTuple):
    """A question for some columns of one row.

    Args:
        columns: two or more.
        by: "" for the first row by key, or the column whose greatest value the last row has; it is one of `columns`.
        names, values: the equality conditions, with values as they are stored; none is a list.
    """

    columns: tuple[str, ...]
    by: str
    names: tuple[str, ...]
    values: tuple[Any, ...]


class _Last(NamedTuple):
    """A remembered last row.

    Args:
        conditions: (position, value) that rows have.
        order: the position of the column that orders them; taken: where it lies in what is picked.
        pick: values of a row -> the columns that were asked for.
        row: these columns of the last row, None when there is none.
    """

    conditions: tuple[tuple[int, Any], ...]
    order: int
    taken: int
    pick: Callable[[tuple[Any, ...]], tuple[Any, ...]]
    row: tuple[Any, ...] | None


class Seen:
    """What is remembered of one company.

    Attributes:
        version: that of the company up to which it is exact.
    """

    __slots__ = ("_first", "_last", "version")

    def __init__(self, version: int) -> None:
        self.version = version
        self._first: dict[type[Row], dict[Asked, tuple[Any, ...] | None]] = {}
        self._last: dict[type[Row], dict[Asked, _Last]] = {}

    def recall(self, cls: type[Row], asked: Asked) -> tuple[Any, ...] | None:
        """Return the columns of a row, None when there was none; UNKNOWN when it was not read."""
        if asked.by:
            last: _Last | None = self._last.get(cls, _NOTHING).get(asked)
            return UNKNOWN if last is None else last.row
        first: tuple[Any, ...] | None = self._first.get(cls, _NOTHING).get(asked, UNKNOWN)
        return first

    def keep(self, cls: type[Row], asked: Asked, row: tuple[Any, ...] | None) -> None:
        """Remember the answer to a question."""
        if not asked.by:
            first = self._first.setdefault(cls, {})
            if len(first) >= MOST_ROWS:
                first.clear()
            first[asked] = row
            return
        known = self._last.setdefault(cls, {})
        if len(known) >= MOST_LAST:
            known.clear()
        at = places(cls)
        conditions = tuple((at[name], value) for name, value in zip(asked.names, asked.values, strict=True))
        pick = itemgetter(*(at[name] for name in asked.columns))
        known[asked] = _Last(conditions, at[asked.by], asked.columns.index(asked.by), pick, row)

    def added(self, cls: type[Row], values: tuple[Any, ...]) -> None:
        """Take a row into account that this connection adds, given as it is stored.

        Texts compare here as in the database, whose columns are all COLLATE "C": by code points.
        """
        self._first.pop(cls, None)
        known = self._last.get(cls, _NOTHING)
        for asked, last in list(known.items()):
            if all(values[at] == value for at, value in last.conditions):
                if last.row is None or values[last.order] > last.row[last.taken]:
                    known[asked] = last._replace(row=last.pick(values))
                elif values[last.order] == last.row[last.taken]:
                    del known[asked]  # which of the two comes last, the database decides

    def changed(self, cls: type[Row]) -> None:
        """Forget rows of a record that this connection changes in another way."""
        self._first.pop(cls, None)
        self._last.pop(cls, None)


@lru_cache(None)
def places(cls: type[Row]) -> Mapping[str, int]:
    """Return where each column lies in the values that are stored of a row."""
    record = record_of(cls)
    lead = 1 if record.by_company else 0
    return {column.name: at for at, column in enumerate(codec_of(cls).record.columns, lead)}
