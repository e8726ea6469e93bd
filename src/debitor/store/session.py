"""What a job sees of a database: reads and writes inside one company, over one connection.

Statement texts are made once per shape (record, columns) and shared by all connections; a cache of prepared
statements in each connection then saves the parsing too.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import groupby, islice
from typing import Any, ClassVar, NamedTuple, NoReturn, TypeVar

from msgspec.structs import replace

from debitor.query import Query
from debitor.ranges import Range
from debitor.schema import BLANK_GUID, Changes, Record, Row, record_of
from debitor.store import Change, Span, feed
from debitor.store.dialect import Dialect
from debitor.store.identity import Identity
from debitor.store.rows import (
    ENCODERS,
    FORMS,
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
from debitor.store.sql import compile_query

R = TypeVar("R", bound=Row)
T = TypeVar("T")

_MANY = frozenset({tuple, list, set, frozenset})

_UNKNOWN: Any = object()
DERIVED: Any = object()
"""Stands in memory for what was derived from kept records; forgotten when any of them is."""
MOST_KEPT = 5000
"""Reads of one kept record that a session remembers."""


class Shape(NamedTuple):
    """A statement and how the values of its conditions are encoded.

    Args:
        sql: the text.
        encoders: one for each condition; None: the value is taken as it is.
        codec: of the record.
        as_they_are: all of them are.
        lists: a condition takes a list of values.
    """

    sql: str
    encoders: tuple[Callable[[Any], Any] | None, ...]
    codec: Codec
    as_they_are: bool
    lists: bool

    def encoded(self, equal: Mapping[str, Any]) -> list[Any]:
        """Return the values of the conditions as the statement takes them."""
        if self.as_they_are:
            return list(equal.values())
        return [v if e is None else e(v) for e, v in zip(self.encoders, equal.values(), strict=True)]


def shape(dialect: Dialect, pattern: str, cls: type[Row], equal: Mapping[str, Any], *more: str) -> Shape:
    """Return the statement of a pattern for a record and its equality conditions.

    Args:
        dialect: whose SQL it is.
        pattern: SQL with {table}, {names}, {where}, {key} and, for `more`, {0}, {1} ...
        cls: the record.
        equal: column -> value, or a list of values.
        more: pieces of SQL that belong to the shape.
    """
    at = (pattern, cls, more, *equal, *map(type, equal.values()))
    found: Shape | None = dialect.shapes.get(at)
    if found is None:
        lists = tuple(type(v) in _MANY for v in equal.values())
        found = dialect.shapes[at] = _shape(dialect, pattern, codec_of(cls), tuple(equal), lists, more)
    return found


def _shape(
    dialect: Dialect,
    pattern: str,
    codec: Codec,
    names: tuple[str, ...],
    lists: tuple[bool, ...],
    more: tuple[str, ...],
) -> Shape:
    record = codec.record
    conditions = ['"company" = ?'] if record.by_company else []
    encoders: list[Callable[[Any], Any] | None] = []
    for name, several in zip(names, lists, strict=True):
        kind = record.by_name[name].type.kind
        encoder = ENCODERS.get(kind)
        if several:
            conditions.append(dialect.among(f'"{name}"', "?", FORMS[kind]))
            encoders.append(dialect.lister(int if kind == "bool" else encoder))
        else:
            conditions.append(f'"{name}" = ?')
            encoders.append(encoder)
    sql = pattern.format(
        *more,
        table=f'"{record.name}"',
        names=codec.names,
        where=" AND ".join(conditions) or dialect.true,
        key=", ".join(f'"{c}"' for c in record.key),
    )
    return Shape(sql, tuple(encoders), codec, not any(encoders), any(lists))


class AgainCarefully(BaseException):
    """Something that was written has to be undone, and there is no savepoint: the whole group has to run again."""


class Writing(ABC):
    """The state of a connection's transaction, shared by all sessions on it.

    A job's first write opens its savepoint, so that a job that only reads, and often refuses, costs nothing.

    Attributes:
        dialect: what the database's SQL is like.
        errors: what its driver raises.
        connection, cursor: of the driver, or with its face: `execute`, `executemany`, `fetchall`, `changes`.
        now: time stamp of the running job.
        active: a transaction is running, so sessions may write.
        open: what is written now can be undone: the job's savepoint is open, or the transaction is its own.
        dirty: something was written since BEGIN.
    """

    dialect: ClassVar[Dialect]
    errors: ClassVar[tuple[type[Exception], ...]]
    connection: Any
    cursor: Any

    def __init__(self, identity: Identity) -> None:
        self.identity = identity
        self.now = ""
        self.active = self.open = self.dirty = False

    @abstractmethod
    def next_version(self, company: int, record: Record) -> int:
        """Return a number that no row of the record had."""

    @abstractmethod
    def next_versions(self, number: int, company: int, record: Record) -> Sequence[int]:
        """Return so many numbers that no row of the record had."""

    @abstractmethod
    def begin_write(self) -> None:
        """Make the next write undoable. Raises StoreError when the transaction was lost meanwhile."""

    @abstractmethod
    def remember(self, record: type[Row], company: int) -> dict[tuple[Any, ...], Any]:
        """Return what is remembered of a kept record."""

    @abstractmethod
    def touch(self, record: type[Row], company: int) -> None:
        """Forget a kept record that is being written."""

    @abstractmethod
    def forget(self, records: Iterable[type[Row]] | None = None) -> None:
        """Forget what is remembered of these kept records, or of all."""

    @abstractmethod
    def savepoint(self, name: str) -> None:
        """Begin a part that can be undone alone."""

    @abstractmethod
    def release(self, name: str) -> None:
        """End a part."""

    @abstractmethod
    def undo(self, name: str) -> None:
        """Undo a part, if the transaction is still there, and forget what it may have left in memory."""

    @abstractmethod
    def fail(self, error: Exception, codec: Codec | None = None) -> NoReturn:
        """Raise what an error of the driver means."""


class Session(ABC):
    """Most of `Transaction` inside one company (see debitor.store for what the methods promise)."""

    def __init__(self, writing: Writing, company: int) -> None:
        self.company = company
        self._writing = writing
        self._dialect = writing.dialect
        self._cursor = writing.cursor
        self._identity = writing.identity

    # ----------------------------------------------------------------- reading

    def _rows(self, made: Shape, equal: Mapping[str, Any], *more: Any) -> list[tuple[Any, ...]]:
        if made.codec.record.by_company:
            assert self.company, f"{made.codec.record.name} belongs to a company; use at(company)"
            values = [self.company, *made.encoded(equal), *more]
        else:
            values = [*made.encoded(equal), *more]
        try:
            rows: list[tuple[Any, ...]] = self._cursor.execute(made.sql, values).fetchall()
        except self._writing.errors as error:
            self._writing.fail(error, made.codec)
        return rows

    def get(self, record: type[R], id: str) -> R | None:
        """The row with this id."""
        return self.find(record, id=id)

    def find(self, record: type[R], **equal: Any) -> R | None:
        """The first row, by key, with these values."""
        if record_of(record).kept:
            known = self._writing.remember(record, self.company)
            at = (self.company, *equal.items())
            found: R | None = known.get(at, _UNKNOWN)
            if found is _UNKNOWN:
                found = known[at] = self._find(record, equal)
            return found
        return self._find(record, equal)

    def _find(self, record: type[R], equal: Mapping[str, Any]) -> R | None:
        made = shape(self._dialect, "SELECT {names} FROM {table} WHERE {where} ORDER BY {key} LIMIT 1", record, equal)
        rows = self._rows(made, equal)
        return made.codec.decode(rows)[0] if rows else None

    def derived(self, make: Callable[..., T], *args: Hashable) -> T:
        """What `make(self, *args)` gives, remembered."""
        known = self._writing.remember(DERIVED, self.company)
        at = (self.company, make, args)
        found: T = known.get(at, _UNKNOWN)
        if found is _UNKNOWN:
            found = make(self, *args)
            # What was read meanwhile may have replaced the memory; then some of it may be what was there before.
            if self._writing.remember(DERIVED, self.company) is known:
                known[at] = found
        return found

    def all(self, record: type[R], *, order: Sequence[str] = (), limit: int = 0, **equal: Any) -> list[R]:
        """All rows with these values, ordered by columns, then by key."""
        if record_of(record).kept:
            known = self._writing.remember(record, self.company)
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
            self._dialect, "SELECT {names} FROM {table} WHERE {where} ORDER BY {0} LIMIT {1}",
            record, equal, ", ".join(terms), str(limit) if limit else self._dialect.no_limit,
        )  # fmt: skip
        return made.codec.decode(self._rows(made, equal))

    def values(
        self, record: type[Row], columns: tuple[str, ...], *, last_by: str = "", **equal: Any
    ) -> tuple[Any, ...] | None:
        """Some columns of the first row, by key or from the end of `last_by`, with these values."""
        found = self._first(record, columns, last_by, equal)
        return None if found is None else decoder_of(record, columns)(*found)

    def _first(
        self, record: type[Row], columns: tuple[str, ...], last_by: str, equal: Mapping[str, Any]
    ) -> tuple[Any, ...] | None:
        """What `values` returns, as it is stored."""
        if last_by:
            pattern = 'SELECT {0} FROM {table} WHERE {where} ORDER BY "{1}" DESC LIMIT 1'
        else:
            pattern = "SELECT {0} FROM {table} WHERE {where} ORDER BY {key} LIMIT 1"
        made = shape(self._dialect, pattern, record, equal, columns_text(columns), last_by)
        rows = self._rows(made, equal)
        return rows[0] if rows else None

    def greatest(self, record: type[Row], column: str, **equal: Any) -> Any:
        """The greatest value of the column, or its blank."""
        made = shape(self._dialect, 'SELECT max("{0}") FROM {table} WHERE {where}', record, equal, column)
        kept = made.codec.record.by_name[column]
        assert kept.type.kind != "factor", "factors are texts, whose greatest is not the greatest number"
        value = self._rows(made, equal)[0][0]
        return kept.type.blank if value is None else decode(kept, value)

    def total(self, record: type[Row], column: str, **equal: Any) -> Any:
        """The sum of a decimal column."""
        total = self._dialect.sum(f'"{column}"')
        made = shape(self._dialect, "SELECT {0} FROM {table} WHERE {where}", record, equal, total)
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
        sums = [self._dialect.sum(f'"{c}"') for c in columns]
        made = shape(
            self._dialect, "SELECT {0} FROM {table} WHERE {where}{1} GROUP BY {2} ORDER BY {2}", record, equal,
            ", ".join([columns_text(by), *sums]), "".join(bounds), columns_text(by),
        )  # fmt: skip
        groups, at = [kept[c] for c in by], len(by)
        return [
            (*[decode(c, v) for c, v in zip(groups, row[:at], strict=True)], *[unscaled(v) for v in row[at:]])
            for row in self._rows(made, equal, *values)
        ]

    def count(self, record: type[Row], **equal: Any) -> int:
        """How many rows have these values."""
        made = shape(self._dialect, "SELECT count(*) FROM {table} WHERE {where}", record, equal)
        return int(self._rows(made, equal)[0][0])

    def run(self, query: Query, params: Sequence[Any], context: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        """Rows of an entity set as wire-ready tuples."""
        made = compile_query(query, self._dialect)
        try:
            rows = self._cursor.execute(made.sql, made.bind(self.company, params, context, self.now)).fetchall()
        except self._writing.errors as error:
            self._writing.fail(error)
        return rows if made.convert is None else made.convert(rows)

    def portions(
        self, query: Query, params: Sequence[Any], context: Mapping[str, Any], size: int
    ) -> Iterator[list[tuple[Any, ...]]]:
        """The rows of `run`, so many at a time, from a cursor of their own."""
        made = compile_query(query, self._dialect)
        cursor = self._writing.connection.cursor()
        try:
            cursor.execute(made.sql, made.bind(self.company, params, context, self.now))
            while rows := list(islice(cursor, size)):
                yield rows if made.convert is None else made.convert(rows)
        except self._writing.errors as error:
            self._writing.fail(error)
        finally:
            cursor.close()

    # ----------------------------------------------------------------- what changed

    def _run(self, sql: str, values: tuple[Any, ...]) -> list[tuple[Any, ...]]:
        try:
            rows: list[tuple[Any, ...]] = self._cursor.execute(sql, values).fetchall()
        except self._writing.errors as error:
            self._writing.fail(error)
        return rows

    def latest(self) -> int:
        """The version up to which this session is sure to see everything."""
        return int(self._run(self._dialect.latest, self._counted)[0][0])

    @property
    def _counted(self) -> tuple[int, ...]:
        """What says whose versions are asked for."""
        return (self.company,) if self._dialect.by_company else ()

    @abstractmethod
    def newest(self) -> int:
        """A version that no row this session sees has surpassed."""

    def forgotten(self) -> int:
        """The version up to which deletions may have been forgotten."""
        return int(self._run(self._dialect.forgotten, self._counted)[0][0])

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
        live, gone = feed.led_to(self._dialect, record, column, to, ours, filtered)
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
            writing.touch(codec.record.row, self.company)
        try:
            self._cursor.execute(sql, values)
        except self._writing.errors as error:
            writing.fail(error, codec)
        number: int = writing.connection.changes()
        return number

    def _do_many(self, sql: str, values: Sequence[Any], codec: Codec) -> int:
        writing = self._writing
        if not writing.open:
            writing.begin_write()
        if codec.record.kept:
            writing.touch(codec.record.row, self.company)
        before: int = writing.connection.total_changes()
        try:
            self._cursor.executemany(sql, values)
        except self._writing.errors as error:
            writing.fail(error, codec)
        after: int = writing.connection.total_changes()
        return after - before

    def _codec(self, cls: type[Row]) -> Codec:
        codec = codec_of(cls)
        assert self.company or not codec.record.by_company, (
            f"{codec.record.name} belongs to a company; use at(company)"
        )
        return codec

    def insert(self, row: R) -> R:
        """Add a row; a blank id is filled."""
        id, version = self._add(row)
        return replace(row, id=id, version=version, modified_at=self._writing.now)

    def add(self, row: Row) -> str:
        """Add a row; a blank id is filled. Returns its id."""
        return self._add(row)[0]

    def _add(self, row: Row) -> tuple[str, int]:
        """Add a row. Returns its id and version."""
        codec = self._codec(type(row))
        writing = self._writing
        id = row.id if row.id != BLANK_GUID else self._identity.new_id()
        version = writing.next_version(self.company, codec.record)
        self._do(self._dialect.insert(codec), codec.encode(self.company, row, id, version, writing.now), codec)
        return id, version

    def insert_many(self, rows: Iterable[Row]) -> None:
        """Add many rows of one record; blank ids are filled."""
        rows = list(rows)
        if not rows:
            return
        codec = self._codec(type(rows[0]))
        assert all(type(r) is codec.record.row for r in rows), "insert_many takes rows of one record"
        writing, number = self._writing, len(rows)
        ids = self._identity.new_ids(number)
        versions = writing.next_versions(number, self.company, codec.record)
        self._do_many(
            self._dialect.insert(codec), codec.encode_all(self.company, rows, ids, versions, writing.now), codec
        )

    def insert_as_is(self, rows: Sequence[Row]) -> None:
        """Add rows of one record that another store had."""
        if not rows:
            return
        codec = self._codec(type(rows[0]))
        assert all(type(r) is codec.record.row for r in rows), "insert_as_is takes rows of one record"
        versions = self._writing.next_versions(len(rows), self.company, codec.record)
        values = [
            codec.encode(self.company, row, row.id, version, row.modified_at)
            for row, version in zip(rows, versions, strict=True)
        ]
        self._do_many(self._dialect.insert(codec), values, codec)

    def update(self, row: R, **changes: Any) -> R:
        """Change columns of a row and renew its version."""
        codec = self._codec(type(row))
        assert not set(changes) & set(SYSTEM), "the store itself sets id, version and time"
        changes = {c: v for c, v in changes.items() if getattr(row, c) != v}
        assert codec.record.owner not in changes, f"{codec.record.owner} of {codec.record.name} never changes"
        version = self._writing.next_version(self.company, codec.record)
        new = replace(row, **changes, version=version, modified_at=self._writing.now)
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
        values = [encode(codec.record.by_name[c], v) for c, v in changes.items()]
        return self._update_where(codec, pieces, values, equal)

    @abstractmethod
    def _update_where(self, codec: Codec, pieces: str, values: list[Any], equal: Mapping[str, Any]) -> int:
        """Set columns by `pieces` of SQL, and to each row a version of its own. Returns how many rows."""

    def _conditions(self, made: Shape, equal: Mapping[str, Any]) -> list[Any]:
        lead = [self.company] if made.codec.record.by_company else []
        return lead + made.encoded(equal)

    def delete(self, row: Row) -> None:
        """Remove a row."""
        codec = self._codec(type(row))
        key = codec.key(self.company, row)
        if codec.record.tracked:
            self._remember(codec, codec.by_key, key)
        written = self._do(_delete(codec), key, codec)
        assert written == 1, f"{codec.record.name} {row.id} is no longer there"

    def delete_where(self, record: type[Row], **equal: Any) -> int:
        """Remove all rows with these values."""
        codec = self._codec(record)
        made = shape(self._dialect, _DELETE, record, equal)
        values = self._conditions(made, equal)
        if codec.record.tracked:
            where = made.sql.partition(" WHERE ")[2]
            self._remember(codec, where, values)
        return self._do(made.sql, values, codec)

    @abstractmethod
    def _remember(self, codec: Codec, where: str, values: Sequence[Any]) -> None:
        """Remember rows that are about to be deleted, each under a version of its own."""

    @abstractmethod
    def _remember_many(self, codec: Codec, ids: list[str]) -> None:
        """The same for these rows."""

    def write(self, changes: Changes) -> None:
        """Write a set of changes, grouped by record."""
        for rows in _grouped(changes.insert, type).values():
            self.insert_many(rows)

        writing = self._writing
        for (cls, columns), pairs in _grouped(changes.update, _changing).items():
            codec, made = self._codec(cls), update_of(cls, columns)
            owner = codec.record.owner
            assert not owner or owner not in columns, f"{owner} of {codec.record.name} never changes"
            versions = writing.next_versions(len(pairs), self.company, codec.record)
            values = made.encode(self.company, pairs, versions, writing.now)
            written = self._do_many(made.sql, values, codec)
            assert written == len(pairs), f"{codec.record.name}: rows to change are no longer there"

        for cls, gone in _grouped(changes.delete, type).items():
            codec = self._codec(cls)
            ids = [row.id for row in gone]
            if codec.record.tracked:
                self._remember_many(codec, ids)
            gone_by = shape(self._dialect, _DELETE, cls, {"id": ids})
            written = self._do(gone_by.sql, self._conditions(gone_by, {"id": ids}), codec)
            assert written == len(gone), f"{codec.record.name}: rows to remove are no longer there"


class RootSession(Session):
    """Most of `Root`: the whole store over one connection."""

    def __init__(self, writing: Writing) -> None:
        super().__init__(writing, 0)
        self._companies: dict[int, Session] = {}
        self._depth = 0

    def at(self, company: int) -> Session:
        """The same transaction, inside one company."""
        found = self._companies.get(company)
        if found is None:
            assert company > 0, f"{company} is no company's key"
            found = self._companies[company] = self._inside(company)
        return found

    @abstractmethod
    def _inside(self, company: int) -> Session:
        """Return a session of a company, over the same connection."""

    def forget(self, records: Iterable[type[Row]] | None = None) -> None:
        """Forget what is remembered of these kept records, or of all."""
        self._writing.forget(records)

    def forget_deletions(self, before: str, most: int) -> int:
        """Forget deletions older than a moment, `most` at once."""
        writing = self._writing
        if not writing.open:
            writing.begin_write()
        return feed.forget(self._run, self._dialect, before, most)

    @contextmanager
    def savepoint(self) -> Iterator[None]:
        """A part that is undone by itself when it raises, while the transaction goes on."""
        writing = self._writing
        if not writing.open:
            # The job's own savepoint must enclose this one.
            writing.begin_write()
        self._depth += 1
        name = f"part{self._depth}"
        try:
            writing.savepoint(name)
            try:
                yield
            except BaseException:
                writing.undo(name)
                raise
            writing.release(name)
        except self._writing.errors as error:
            writing.fail(error)
        finally:
            self._depth -= 1


_DELETE = "DELETE FROM {table} WHERE {where}"
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
    return cls, difference(old, new)


def _grouped(items: Iterable[Any], by: Callable[[Any], Any]) -> dict[Any, list[Any]]:
    """Return the items by what `by` gives, groups in order of their first item."""
    groups: dict[Any, list[Any]] = {}
    for key, run in groupby(items, by):
        groups.setdefault(key, []).extend(run)
    return groups
