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
from debitor.store.session import Shape

MOST_ROWS = 1000
"""First rows that are remembered of one record; all are forgotten then."""
MOST_LAST = 32
"""Last rows, which are looked through whenever a row is added."""
UNKNOWN: Any = object()


class _Last(NamedTuple):
    """A remembered last row: (position, value) that the rows have, where the order lies, and how to pick columns."""

    conditions: tuple[tuple[int, Any], ...]
    order: int
    taken: int
    pick: Callable[[tuple[Any, ...]], tuple[Any, ...]]


class Seen:
    """What is remembered of one company.

    Attributes:
        version: that of the company up to which it is exact.
    """

    __slots__ = ("_first", "_last", "version")

    def __init__(self, version: int) -> None:
        self.version = version
        self._first: dict[type[Row], dict[Any, tuple[Any, ...] | None]] = {}
        self._last: dict[type[Row], dict[Any, tuple[_Last, tuple[Any, ...] | None]]] = {}

    def recall(self, cls: type[Row], key: Any, *, last: bool) -> tuple[Any, ...] | None:
        """Return the columns of a row, None when there was none; UNKNOWN when it was not read."""
        if last:
            known = self._last.get(cls)
            found = None if known is None else known.get(key)
            return UNKNOWN if found is None else found[1]
        rows = self._first.get(cls)
        return UNKNOWN if rows is None else rows.get(key, UNKNOWN)

    def keep_first(self, cls: type[Row], key: Any, row: tuple[Any, ...] | None) -> None:
        """Remember the columns of a first row."""
        known = self._first.setdefault(cls, {})
        if len(known) >= MOST_ROWS:
            known.clear()
        known[key] = row

    def keep_last(
        self, cls: type[Row], key: Any, columns: tuple[str, ...], by: str, equal: Mapping[str, Any], made: Shape,
        row: tuple[Any, ...] | None,
    ) -> None:  # fmt: skip
        """Remember the columns of a last row; `by` is one of them."""
        known = self._last.setdefault(cls, {})
        if len(known) >= MOST_LAST:
            known.clear()
        at = places(cls)
        conditions = tuple(
            (at[name], value if encoder is None else encoder(value))
            for (name, value), encoder in zip(equal.items(), made.encoders, strict=True)
        )
        pick = itemgetter(*(at[name] for name in columns))
        known[key] = _Last(conditions, at[by], columns.index(by), pick), row

    def added(self, cls: type[Row], values: tuple[Any, ...]) -> None:
        """Take a row into account that this connection adds, given as it is stored."""
        self._first.pop(cls, None)
        for key, (last, row) in list(self._last.get(cls, {}).items()):
            if all(values[at] == value for at, value in last.conditions):
                if row is None or values[last.order] > row[last.taken]:
                    self._last[cls][key] = last, last.pick(values)
                elif values[last.order] == row[last.taken]:
                    del self._last[cls][key]

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
