"""What a job sees of SQLite: reads and writes inside one company, over one connection.

Statement texts are made once per shape (record, columns) and shared by all connections; SQLite's own statement
cache then saves the parsing too.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import islice
from typing import Any, NamedTuple, NoReturn, TypeVar

import apsw
from msgspec.structs import replace

from debitor.query import Query
from debitor.ranges import Range
from debitor.schema import BLANK_GUID, Changes, Row, record_of
from debitor.store import Change, DuplicateKey, FrozenRow, Span, StoreError, feed
from debitor.store.ddl import DUPLICATE, FROZEN
from debitor.store.feed import NEXT_VERSION
from debitor.store.identity import Identity
from debitor.store.rows import (
    ENCODERS,
    SYSTEM,
    ZERO,
    Codec,
    codec_of,
    decode,
    decoder_of,
    difference,
    encode,
    unscaled,
    update_of,
)
from debitor.store.sql import compile_query, listed

R = TypeVar("R", bound=Row)

_MANY = frozenset({tuple, list, set, frozenset})
_DUPLICATE = re.compile(rf"{DUPLICATE}: (\w+)\.\w+")

_UNKNOWN: Any = object()
MOST_KEPT = 5000
"""Reads of one kept record that a session remembers."""


class Shape(NamedTuple):
    """A statement and how the values of its conditions are encoded."""

    sql: str
    encoders: tuple[Callable[[Any], Any] | None, ...]
    codec: Codec


_SHAPES: dict[tuple[Any, ...], Shape] = {}


def shape(pattern: str, cls: type[Row], equal: Mapping[str, Any], *more: str) -> Shape:
    """Return the statement of a pattern for a record and its equality conditions.

    Args:
        pattern: SQL with {table}, {names}, {where}, {key} and, for `more`, {0}, {1} ...
        cls: the record.
        equal: column -> value, or a list of values.
        more: pieces of SQL that belong to the shape.
    """
    at = (pattern, cls, more, *[(c, type(v) in _MANY) for c, v in equal.items()])
    found = _SHAPES.get(at)
    if found is None:
        lists = tuple(type(v) in _MANY for v in equal.values())
        found = _SHAPES[at] = _shape(pattern, codec_of(cls), tuple(equal), lists, more)
    return found


def _shape(
    pattern: str, codec: Codec, names: tuple[str, ...], lists: tuple[bool, ...], more: tuple[str, ...]
) -> Shape:
    record = codec.record
    conditions = ['"company" = ?'] if record.by_company else []
    encoders: list[Callable[[Any], Any] | None] = []
    for name, several in zip(names, lists, strict=True):
        kind = record.by_name[name].type.kind
        encoder = ENCODERS.get(kind)
        if several:
            conditions.append(f'"{name}" IN (SELECT value FROM json_each(?))')  # noqa: S608 - declared names only
            encoders.append(_lister(int if kind == "bool" else encoder))
        else:
            conditions.append(f'"{name}" = ?')
            encoders.append(encoder)
    sql = pattern.format(
        *more,
        table=f'"{record.name}"',
        names=codec.names,
        where=" AND ".join(conditions) or "1",
        key=", ".join(f'"{c}"' for c in record.key),
    )
    return Shape(sql, tuple(encoders), codec)


def _lister(encoder: Callable[[Any], Any] | None) -> Callable[[Any], str]:
    return lambda values: listed(values, encoder)


class Writing:
    """The state of a connection's transaction, shared by all sessions on it.

    A job's first write opens its savepoint, so that a job that only reads, and often refuses, costs nothing.

    Attributes:
        version: the last row version given.
        now: time stamp of the running job.
        active: a transaction is running, so sessions may write.
        open: what is written now can be undone: the job's savepoint is open, or the transaction is its own.
        dirty: something was written since BEGIN.
        kept: record -> what was read of it, for records declared `kept`. A write of the record drops it.
        touched: kept records written since BEGIN.
    """

    def __init__(self, connection: apsw.Connection, identity: Identity) -> None:
        self.connection = connection
        self.cursor = connection.cursor()
        self.identity = identity
        self.version = 0
        self.now = ""
        self.active = self.open = self.dirty = False
        self.kept: dict[type[Row], dict[tuple[Any, ...], Any]] = {}
        self.touched: set[type[Row]] = set()
        connection.create_scalar_function(NEXT_VERSION, self.next_version, 0)

    def next_version(self, *_: object) -> int:
        """Return a number that no row of the store had."""
        self.version += 1
        return self.version

    def next_versions(self, number: int) -> range:
        """Return so many numbers that no row of the store had."""
        first = self.version + 1
        self.version += number
        return range(first, first + number)

    def begin_write(self) -> None:
        """Make the next write undoable. Raises StoreError when the transaction was lost meanwhile."""
        assert self.active, "a session writes after its transaction has ended, or is a reader"
        if not self.connection.in_transaction:
            raise StoreError("The transaction was rolled back after an earlier error.")
        self.cursor.execute("SAVEPOINT job")
        self.open = self.dirty = True

    def remember(self, record: type[Row]) -> dict[tuple[Any, ...], Any]:
        """Return what is remembered of a kept record."""
        found = self.kept.get(record)
        if found is None or len(found) >= MOST_KEPT:
            found = self.kept[record] = {}
        return found

    def touch(self, record: type[Row]) -> None:
        """Forget a kept record that is being written."""
        self.touched.add(record)
        self.kept.pop(record, None)

    def undone(self) -> None:
        """Forget what a write that was undone may have left in memory."""
        if self.touched:
            self.kept.clear()

    def fail(self, error: apsw.Error, codec: Codec | None = None) -> NoReturn:
        """Raise what an error of the driver means."""
        if not self.connection.in_transaction:
            # SQLite rolls back by itself when, say, the disk is full; nothing may be written outside.
            self.open = False
        raise translated(error, codec) from error


def translated(error: apsw.Error, codec: Codec | None = None) -> StoreError:
    """Return the store's error for one of the driver."""
    message = str(error)
    if isinstance(error, apsw.ConstraintError):
        if FROZEN in message:
            return FrozenRow(message)
        if codec is not None and (found := _DUPLICATE.search(message)):
            record = codec.record
            columns = tuple(c for c in re.findall(r"\.(\w+)", message) if c != "company")
            return DuplicateKey(found[1], columns if found[1] == record.name else ())
    if isinstance(error, apsw.FullError):
        return StoreError("The disk is full, so nothing was written. Free some space and try again.")
    if isinstance(error, apsw.ReadOnlyError):
        return StoreError("The store cannot be written to: the file or its folder is read-only.")
    if isinstance(error, apsw.BusyError | apsw.LockedError):
        return StoreError("The store is locked by another program. Try again when that has finished.")
    return StoreError(f"The store could not do this: {message}")


class Session:
    """Implements `Transaction` inside one company (see debitor.store for what the methods promise)."""

    def __init__(self, writing: Writing, company: int) -> None:
        self.company = company
        self._writing = writing
        self._cursor = writing.cursor
        self._identity = writing.identity

    # ----------------------------------------------------------------- reading

    def _rows(self, made: Shape, equal: Mapping[str, Any], *more: Any) -> list[tuple[Any, ...]]:
        if made.codec.record.by_company:
            assert self.company, f"{made.codec.record.name} belongs to a company; use at(company)"
            values = [self.company]
        else:
            values = []
        values += [v if e is None else e(v) for e, v in zip(made.encoders, equal.values(), strict=True)]
        values += more
        try:
            return self._cursor.execute(made.sql, values).fetchall()
        except apsw.Error as error:
            self._writing.fail(error, made.codec)

    def get(self, record: type[R], id: str) -> R | None:
        """The row with this id."""
        return self.find(record, id=id)

    def find(self, record: type[R], **equal: Any) -> R | None:
        """The first row, by key, with these values."""
        if record_of(record).kept:
            known = self._writing.remember(record)
            at = (self.company, *equal.items())
            found: R | None = known.get(at, _UNKNOWN)
            if found is _UNKNOWN:
                found = known[at] = self._find(record, equal)
            return found
        return self._find(record, equal)

    def _find(self, record: type[R], equal: Mapping[str, Any]) -> R | None:
        made = shape("SELECT {names} FROM {table} WHERE {where} ORDER BY {key} LIMIT 1", record, equal)
        rows = self._rows(made, equal)
        return made.codec.decode(rows)[0] if rows else None

    def all(self, record: type[R], *, order: Sequence[str] = (), limit: int = 0, **equal: Any) -> list[R]:
        """All rows with these values, ordered by columns, then by key."""
        if record_of(record).kept:
            known = self._writing.remember(record)
            same = [(c, tuple(v) if type(v) in _MANY else v) for c, v in equal.items()]
            at = (self.company, "all", *order, limit, *same)
            if at not in known:
                known[at] = self._all(record, order, limit, equal)
            return list(known[at])
        return self._all(record, order, limit, equal)

    def _all(self, record: type[R], order: Sequence[str], limit: int, equal: Mapping[str, Any]) -> list[R]:
        terms = [f'"{c.removeprefix("-")}"{" DESC" if c.startswith("-") else ""}' for c in order]
        terms += [f'"{c}"' for c in codec_of(record).record.key]
        made = shape(
            "SELECT {names} FROM {table} WHERE {where} ORDER BY {0} LIMIT {1}",
            record, equal, ", ".join(terms), str(limit or -1),
        )  # fmt: skip
        return made.codec.decode(self._rows(made, equal))

    def values(
        self, record: type[Row], columns: tuple[str, ...], *, last_by: str = "", **equal: Any
    ) -> tuple[Any, ...] | None:
        """Some columns of the first row, by key or from the end of `last_by`, with these values."""
        if last_by:
            pattern = 'SELECT {0} FROM {table} WHERE {where} ORDER BY "{1}" DESC LIMIT 1'
        else:
            pattern = "SELECT {0} FROM {table} WHERE {where} ORDER BY {key} LIMIT 1"
        made = shape(pattern, record, equal, columns_text(columns), last_by)
        rows = self._rows(made, equal)
        return decoder_of(record, columns)(*rows[0]) if rows else None

    def greatest(self, record: type[Row], column: str, **equal: Any) -> Any:
        """The greatest value of the column, or its blank."""
        made = shape('SELECT max("{0}") FROM {table} WHERE {where}', record, equal, column)
        kept = made.codec.record.by_name[column]
        assert kept.type.kind != "factor", "factors are texts, whose greatest is not the greatest number"
        value = self._rows(made, equal)[0][0]
        return kept.type.blank if value is None else decode(kept, value)

    def total(self, record: type[Row], column: str, **equal: Any) -> Any:
        """The sum of a decimal column."""
        made = shape('SELECT sum("{0}") FROM {table} WHERE {where}', record, equal, column)
        assert made.codec.record.by_name[column].type.kind == "decimal", f"{column} is not a decimal column"
        value = self._rows(made, equal)[0][0]
        return unscaled(value) if value else ZERO

    def sums(
        self,
        record: type[Row],
        columns: tuple[str, ...],
        by: tuple[str, ...],
        *,
        within: Mapping[str, Range] | None = None,
        **equal: Any,
    ) -> list[tuple[Any, ...]]:
        """The groups of rows with the same values of `by`, with sums of decimal columns."""
        kept = record_of(record).by_name
        assert all(kept[c].type.kind == "decimal" for c in columns), f"{columns} are not all decimal columns"
        bounds: list[str] = []
        values: list[Any] = []
        for name, (low, high) in (within or {}).items():
            encoder = ENCODERS.get(kept[name].type.kind)
            for operator, bound in ((">=", low), ("<=", high)):
                if bound is not None:
                    bounds.append(f' AND "{name}" {operator} ?')
                    values.append(bound if encoder is None else encoder(bound))
        made = shape(
            "SELECT {0} FROM {table} WHERE {where}{1} GROUP BY {2} ORDER BY {2}", record, equal,
            ", ".join([columns_text(by), *(f'sum("{c}")' for c in columns)]), "".join(bounds), columns_text(by),
        )  # fmt: skip
        groups, at = [kept[c] for c in by], len(by)
        return [
            (*[decode(c, v) for c, v in zip(groups, row[:at], strict=True)], *[unscaled(v) for v in row[at:]])
            for row in self._rows(made, equal, *values)
        ]

    def count(self, record: type[Row], **equal: Any) -> int:
        """How many rows have these values."""
        made = shape("SELECT count(*) FROM {table} WHERE {where}", record, equal)
        return int(self._rows(made, equal)[0][0])

    def run(self, query: Query, params: Sequence[Any], context: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        """Rows of an entity set as wire-ready tuples."""
        made = compile_query(query)
        try:
            rows = self._cursor.execute(made.sql, made.bind(self.company, params, context, self.now)).fetchall()
        except apsw.Error as error:
            self._writing.fail(error)
        return rows if made.convert is None else made.convert(rows)

    def portions(
        self, query: Query, params: Sequence[Any], context: Mapping[str, Any], size: int
    ) -> Iterator[list[tuple[Any, ...]]]:
        """The rows of `run`, so many at a time, from a cursor of their own."""
        made = compile_query(query)
        cursor = self._writing.connection.cursor()
        try:
            cursor.execute(made.sql, made.bind(self.company, params, context, self.now))
            while rows := list(islice(cursor, size)):
                yield rows if made.convert is None else made.convert(rows)
        except apsw.Error as error:
            self._writing.fail(error)
        finally:
            cursor.close()

    # ----------------------------------------------------------------- what changed

    def _run(self, sql: str, values: tuple[Any, ...]) -> list[tuple[Any, ...]]:
        try:
            return self._cursor.execute(sql, values).fetchall()
        except apsw.Error as error:
            self._writing.fail(error)

    def latest(self) -> int:
        """The version up to which this session is sure to see everything."""
        return int(self._run(feed.LATEST, ())[0][0])

    def newest(self) -> int:
        """A version that no row this session sees has surpassed."""
        return self._writing.version if self._writing.active else self.latest()

    def forgotten(self) -> int:
        """The version up to which deletions may have been forgotten."""
        return int(self._run(feed.FORGOTTEN, ())[0][0])

    def changed(self, record: type[Row], span: Span, limit: int, *, owner: str | None = None) -> list[Change]:
        """Rows that changed and rows that were deleted within a span, in order of version."""
        live, gone = feed.changed(record, owner is not None)
        more = () if owner is None else (owner,)
        return self._merged(record_of(record).name, live, gone, span, more, limit)

    def led_to(
        self,
        record: type[Row],
        column: str,
        to: type[Row] | None,
        ours: str,
        span: Span,
        limit: int,
        *,
        filtered: bool = False,
    ) -> list[Change]:
        """What the changed and deleted rows of a record lead to, in order of version."""
        live, gone = feed.led_to(record, column, to, ours, filtered)
        found = self._merged(record_of(record).name, live, gone, span, (), limit)
        return [change._replace(gone=False) for change in found]

    def _merged(self, name: str, live: str, gone: str, span: Span, more: tuple[Any, ...], limit: int) -> list[Change]:
        values = (self.company, span.after, span.after, span.key, span.upto, *more, limit)
        found = [Change(version, key, made, False) for version, key, made in self._run(live, values)]
        if gone:
            found += [Change(version, key, made, True) for version, key, made in self._run(gone, (name, *values))]
            found.sort(key=lambda change: (change.version, change.key))
        return found[:limit]

    # ----------------------------------------------------------------- writing

    @property
    def now(self) -> str:
        """The time stamp of this transaction; for a reader, of this moment."""
        return self._writing.now if self._writing.active else self._identity.now()

    def new_id(self) -> str:
        """A fresh guid, increasing with time."""
        return self._identity.new_id()

    def _do(self, sql: str, values: Any, codec: Codec) -> int:
        """Run a writing statement; return how many rows it wrote."""
        writing = self._writing
        if not writing.open:
            writing.begin_write()
        if codec.record.kept:
            writing.touch(codec.record.row)
        try:
            self._cursor.execute(sql, values)
        except apsw.Error as error:
            writing.fail(error, codec)
        return writing.connection.changes()

    def _do_many(self, sql: str, values: Sequence[Any], codec: Codec) -> int:
        writing = self._writing
        if not writing.open:
            writing.begin_write()
        if codec.record.kept:
            writing.touch(codec.record.row)
        before = writing.connection.total_changes()
        try:
            self._cursor.executemany(sql, values)
        except apsw.Error as error:
            writing.fail(error, codec)
        return writing.connection.total_changes() - before

    def _codec(self, cls: type[Row]) -> Codec:
        codec = codec_of(cls)
        assert self.company or not codec.record.by_company, (
            f"{codec.record.name} belongs to a company; use at(company)"
        )
        return codec

    def insert(self, row: R) -> R:
        """Add a row; a blank id is filled."""
        codec = self._codec(type(row))
        writing = self._writing
        id = row.id if row.id != BLANK_GUID else self._identity.new_id()
        version, now = writing.next_version(), writing.now
        self._do(codec.insert, codec.encode(self.company, row, id, version, now), codec)
        return replace(row, id=id, version=version, modified_at=now)

    def insert_many(self, rows: Iterable[Row]) -> None:
        """Add many rows of one record; blank ids are filled."""
        rows = list(rows)
        if not rows:
            return
        codec = self._codec(type(rows[0]))
        assert all(type(r) is codec.record.row for r in rows), "insert_many takes rows of one record"
        writing, number = self._writing, len(rows)
        ids, versions = self._identity.new_ids(number), writing.next_versions(number)
        self._do_many(codec.insert, codec.encode_all(self.company, rows, ids, versions, writing.now), codec)

    def update(self, row: R, **changes: Any) -> R:
        """Change columns of a row and renew its version."""
        codec = self._codec(type(row))
        assert not set(changes) & set(SYSTEM), "the store itself sets id, version and time"
        changes = {c: v for c, v in changes.items() if getattr(row, c) != v}
        assert codec.record.owner not in changes, f"{codec.record.owner} of {codec.record.name} never changes"
        new = replace(row, **changes, version=self._writing.next_version(), modified_at=self._writing.now)
        made = update_of(type(row), tuple(changes))
        (values,) = made.encode(self.company, ((row, new),), (new.version,), new.modified_at)
        written = self._do(made.sql, values, codec)
        assert written == 1, f"{codec.record.name} {row.id} is no longer there"
        return new

    def update_where(self, record: type[Row], changes: Mapping[str, Any], **equal: Any) -> int:
        """Change columns of all rows with these values."""
        codec = self._codec(record)
        assert not set(changes) & set(SYSTEM), "the store itself sets id, version and time"
        pieces = "".join(f'"{c}" = ?, ' for c in changes)
        made = shape(
            f'UPDATE {{table}} SET {{0}}"version" = {NEXT_VERSION}(), "modified_at" = ? WHERE {{where}}',  # noqa: S608
            record, equal, pieces,
        )  # fmt: skip
        values = [encode(codec.record.by_name[c], v) for c, v in changes.items()]
        return self._do(made.sql, [*values, self._writing.now, *self._conditions(made, equal)], codec)

    def _conditions(self, made: Shape, equal: Mapping[str, Any]) -> list[Any]:
        lead = [self.company] if made.codec.record.by_company else []
        return lead + [v if e is None else e(v) for e, v in zip(made.encoders, equal.values(), strict=True)]

    def delete(self, row: Row) -> None:
        """Remove a row."""
        codec = self._codec(type(row))
        key = codec.key(self.company, row)
        if codec.record.tracked:
            self._do(feed.remember(type(row), codec.by_key), (self._writing.now, *key), codec)
        written = self._do(_delete(codec), key, codec)
        assert written == 1, f"{codec.record.name} {row.id} is no longer there"

    def delete_where(self, record: type[Row], **equal: Any) -> int:
        """Remove all rows with these values."""
        codec = self._codec(record)
        made = shape("DELETE FROM {table} WHERE {where}", record, equal)
        values = self._conditions(made, equal)
        if codec.record.tracked:
            where = made.sql.partition(" WHERE ")[2]
            self._do(feed.remember(record, where), (self._writing.now, *values), codec)
        return self._do(made.sql, values, codec)

    def write(self, changes: Changes) -> None:
        """Write a set of changes, grouped by record."""
        for rows in _grouped(changes.insert, type).values():
            self.insert_many(rows)

        writing = self._writing
        for (cls, columns), pairs in _grouped(changes.update, _changing).items():
            codec, made = self._codec(cls), update_of(cls, columns)
            values = made.encode(self.company, pairs, writing.next_versions(len(pairs)), writing.now)
            written = self._do_many(made.sql, values, codec)
            assert written == len(pairs), f"{codec.record.name}: rows to change are no longer there"

        for cls, gone in _grouped(changes.delete, type).items():
            codec = self._codec(cls)
            keys = [codec.key(self.company, r) for r in gone]
            if codec.record.tracked:
                lead = [self.company] if codec.record.by_company else []
                told = [writing.version, writing.now, *lead, listed([row.id for row in gone])]
                writing.version += self._do(feed.remember_many(cls), told, codec)
            written = self._do_many(_delete(codec), keys, codec)
            assert written == len(gone), f"{codec.record.name}: rows to remove are no longer there"


class RootSession(Session):
    """Implements `Root`: the whole store over one connection."""

    def __init__(self, writing: Writing) -> None:
        super().__init__(writing, 0)
        self._companies: dict[int, Session] = {}
        self._depth = 0

    def at(self, company: int) -> Session:
        """The same transaction, inside one company."""
        found = self._companies.get(company)
        if found is None:
            assert company > 0, f"{company} is no company's key"
            found = self._companies[company] = Session(self._writing, company)
        return found

    def forget(self, records: Iterable[type[Row]] | None = None) -> None:
        """Forget what is remembered of these kept records, or of all."""
        if records is None:
            self._writing.kept.clear()
        else:
            for record in records:
                self._writing.kept.pop(record, None)

    def forget_deletions(self, before: str, most: int) -> int:
        """Forget deletions older than a moment, `most` at once."""
        writing = self._writing
        if not writing.open:
            writing.begin_write()
        return feed.forget(self._run, before, most)

    @contextmanager
    def savepoint(self) -> Iterator[None]:
        """A part that is undone by itself when it raises, while the transaction goes on."""
        writing, cursor = self._writing, self._cursor
        if not writing.open:
            # The job's own savepoint must enclose this one.
            writing.begin_write()
        self._depth += 1
        name = f"part{self._depth}"
        try:
            cursor.execute(f"SAVEPOINT {name}")
            try:
                yield
            except BaseException:
                if writing.connection.in_transaction:
                    cursor.execute(f"ROLLBACK TO {name}")
                    cursor.execute(f"RELEASE {name}")
                writing.undone()
                raise
            cursor.execute(f"RELEASE {name}")
        except apsw.Error as error:
            writing.fail(error)
        finally:
            self._depth -= 1


_TEXTS: dict[tuple[str, ...], str] = {}


def columns_text(columns: tuple[str, ...]) -> str:
    """The columns as SQL names them."""
    found = _TEXTS.get(columns)
    if found is None:
        found = _TEXTS[columns] = ", ".join(f'"{c}"' for c in columns)
    return found


def _delete(codec: Codec) -> str:
    return f'DELETE FROM "{codec.record.name}" WHERE {codec.by_key}'  # noqa: S608 - declared names only


def _changing(pair: tuple[Row, Row]) -> tuple[type[Row], tuple[str, ...]]:
    """Return the record and the columns in which the rows differ."""
    old, new = pair
    cls = type(old)
    assert type(new) is cls, "an update pairs two forms of one row"
    assert new.id == old.id, "an update pairs two forms of one row"
    columns = difference(old, new)
    assert not columns or record_of(cls).owner not in columns, (
        f"{record_of(cls).owner} of {record_of(cls).name} never changes"
    )
    return cls, columns


def _grouped(items: Iterable[Any], by: Callable[[Any], Any]) -> dict[Any, list[Any]]:
    """Return the items by what `by` gives, groups in order of their first item."""
    groups: dict[Any, list[Any]] = {}
    for item in items:
        groups.setdefault(by(item), []).append(item)
    return groups
