"""What a job sees of PostgreSQL: a company's lock comes with its first look at it, versions are counted inside it.

A job reads, decides and writes. So that nobody else writes in between, its transaction takes the lock of a company
(the company's row in debitor_clock) before it reads anything there. The first lock is waited for. A further one is
taken only when it is free: otherwise `Busy` ends the job, which begins again with all of its locks taken in order. So
no two jobs ever wait for each other.

Few records belong to the whole store. A change of their rows holds only if nobody changed the row since it was read
(`Again`), and unique keys watch over what is added. Those that are tracked take the lock 0 when they are written.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import lru_cache
from typing import Any, NoReturn, TypeVar

from msgspec.structs import replace

from debitor.query import Query
from debitor.schema import BLANK_GUID, Record, Row, record_of
from debitor.store import DuplicateKey, FrozenRow, StoreError, feed
from debitor.store.dialect import POSTGRESQL
from debitor.store.identity import Identity
from debitor.store.postgresql import citus
from debitor.store.postgresql.answers import Added, answerer_of
from debitor.store.postgresql.link import Broken, Failed, Link, as_tuples
from debitor.store.postgresql.outcome import Commit
from debitor.store.postgresql.schema import unique_columns
from debitor.store.postgresql.seen import UNKNOWN, Asked, Seen
from debitor.store.rows import FORMS, Codec, codec_of, update_of
from debitor.store.session import (
    DERIVED,
    MOST_KEPT,
    AgainCarefully,
    RootSession,
    Session,
    Writing,
    columns_text,
    shape,
)
from debitor.store.sql import compile_query

R = TypeVar("R", bound=Row)

ROWS_AT_ONCE = 2000
"""Rows that one INSERT brings."""
MOST_COMPANIES = 50
"""Companies of which rows are remembered."""
FEW_ROWS = 10
"""Rows that are not worth a statement with arrays."""

_LOCK = "SELECT version, kept_version, stamp, CAST(pg_current_xact_id() AS text) FROM debitor_clock WHERE company = ?"
_WAIT, _IF_FREE = f"{_LOCK} FOR UPDATE", f"{_LOCK} FOR UPDATE SKIP LOCKED"
_TRANSACTION = "SELECT CAST(pg_current_xact_id() AS text)"
_NEW_CLOCK = "INSERT INTO debitor_clock (company) VALUES (?) ON CONFLICT DO NOTHING"
_KEPT = "SELECT kept_version FROM debitor_clock WHERE company = ?"
_ADVANCE = "UPDATE debitor_clock SET version = ?, kept_version = ?, stamp = ?, writer = ? WHERE company = ?"

_FROZEN = "DB001"
_RETRIED = frozenset({"40001", "40P01"})
_MEANINGS = {
    "53100": "The disk of the database is full, so nothing was written. Free some space and try again.",
    "25006": "The database cannot be written to: it is a replica, or read-only.",
    "55P03": "The books of the company are in use by a long piece of work. Try again when that has finished.",
    "57014": "The database took too long. Try again, or ask for less.",
    "25P02": "The transaction was rolled back after an earlier error.",
}


class Unreachable(StoreError):
    """There is no connection to the database, or none any more. Nothing of the transaction was kept."""


class Again(StoreError):
    """Somebody else was faster; the same job may succeed now."""


class Busy(BaseException):
    """A lock that a job wants besides those it holds is taken: the job must begin anew. Not for jobs to catch.

    Attributes:
        companies: the locks it holds, and the one it wants.
    """

    def __init__(self, companies: frozenset[int]) -> None:
        self.companies = companies


def translated(error: Exception, codec: Codec | None = None) -> StoreError:
    """Return the store's error for one of the connection."""
    if isinstance(error, Broken):
        return Unreachable(f"The database cannot be reached: {error}")
    assert isinstance(error, Failed)
    if error.state == _FROZEN:
        return FrozenRow(str(error))
    if error.state == "23505" and codec is not None:
        # Citus passes on the message only.
        index = error.constraint or citus.constraint_in(str(error))
        columns = unique_columns(codec.record, index)
        if columns or error.table == codec.record.name:
            return DuplicateKey(codec.record.name, columns)
    if error.state in _RETRIED:
        return Again(f"Others wrote at the same time: {error}")
    return StoreError(_MEANINGS.get(error.state) or f"The store could not do this: {error} ({error.state})")


class Clock:
    """What a transaction knows of a company whose lock it holds."""

    __slots__ = ("kept_version", "stamp", "transaction", "version")

    def __init__(self, version: int, kept_version: int, stamp: str, transaction: str) -> None:
        self.version, self.kept_version, self.stamp, self.transaction = version, kept_version, stamp, transaction


class PostgresqlWriting(Writing):
    """The transaction of a connection.

    A savepoint costs the server something, and an answer that is waited for even more; and hardly any row is refused.
    So the first run of a group has no savepoints, and rows are added without an answer, with the next question or
    with COMMIT. When the server refuses a statement then, or something has to be undone after all, the transaction is
    rolled back as a whole and runs again, carefully.

    Attributes:
        careful: savepoints are real, and the answer to each row that may be refused is waited for.
        steps: grows with each version that is given and each statement that writes.
        added: the row that was added last, if it was not changed since.
        clocks: company -> its clock, for the locks that are held, in the order in which they were taken.
        waits: the first lock is waited for.
        awaited: locks that others of this process wait for, whom one that does not wait must not overtake.
        apart: "", or what each transaction begins with because companies may lie on several machines, all of which
            have to hear it. Then a job does not write in a transaction in which others have written in other
            companies: a commit on several machines costs two phases.
        asked: the companies whose locks the job has asked for.
        patient: every lock is waited for; for transactions that cannot begin anew.
        retry: a statement failed because of others; the job is to run again.
        written: companies in which versions were given; touched: those of which kept records were written.
        cursors: how many were opened.
        history: of the server, see debitor.store.postgresql.outcome.
        committing: how to find out whether the transaction was kept, from the moment when it is about to be.
    """

    dialect = POSTGRESQL
    errors = (Failed, Broken)

    def __init__(
        self, link: Link, identity: Identity, *, waits: bool = True, awaited: Container[int] = frozenset()
    ) -> None:
        super().__init__(identity)
        self.waits, self.awaited = waits, awaited
        self.history = ""
        self.apart = ""
        self.asked: set[int] = set()
        self.committing: Commit | None = None
        self.connection: Link = link
        self.cursor: Link = link
        self.clocks: dict[int, Clock] = {}
        self.patient = self.retry = False
        self.careful = True
        self.steps = 0
        self.added: Added | None = None
        self._seen: dict[int, Seen] = {}
        self.written: set[int] = set()
        self._kept: dict[int, dict[type[Row], dict[tuple[Any, ...], Any]]] = {}
        self._kept_at: dict[int, int] = {}
        self.touched: set[int] = set()
        self._parts: list[tuple[int, ...]] = []
        self.cursors = 0

    # ----------------------------------------------------------------- the transaction

    def begin(self) -> None:
        """Begin a transaction; nothing is sent yet."""
        self.connection.defer("BEGIN")
        if self.apart:
            self.connection.defer(self.apart)
        self.clocks.clear()
        self.asked.clear()
        self.written.clear()
        self.touched.clear()
        self._parts.clear()
        self.active, self.open, self.dirty, self.retry = True, False, False, False
        self.committing = self.added = None

    def begin_write(self) -> None:
        """Note that something is written; the job can be undone from its beginning."""
        assert self.active, "a session writes after its transaction has ended, or is a reader"
        self.open = self.dirty = True

    def commit(self) -> None:
        """Make the transaction durable, in one round trip. Raises Failed and Broken."""
        if self.clocks:
            transaction = next(iter(self.clocks.values())).transaction
        else:
            ((transaction,),) = self.connection.execute(_TRANSACTION).fetchall()
        mark = self.identity.mark()
        company = next(iter(self.written), -1)
        version = self.clocks[company].version if company >= 0 else 0
        self.committing = Commit(mark, company, version, transaction, self.history)
        for company in self.written:
            clock = self.clocks[company]
            kept = clock.version if company in self.touched else clock.kept_version
            self.connection.defer(_ADVANCE, (clock.version, kept, self.now, mark, company))
        self.connection.execute("COMMIT")
        if self.connection.tag != "COMMIT":
            raise Failed("25P02", "the transaction had failed before")
        for company in self.touched:
            self._kept_at[company] = self.clocks[company].version
        for company in self.written:
            if company in self._seen:
                self._seen[company].version = self.clocks[company].version
        self.active = self.open = False

    def rollback(self) -> None:
        """Undo the transaction, if it is still there."""
        self.active = self.open = False
        if self.dirty:
            self._forget_undone()
        if not self.connection.drop("BEGIN") and not self.connection.broken:
            with suppress(Failed, Broken):
                self.connection.execute("ROLLBACK")

    def savepoint(self, name: str) -> None:
        """Begin a part that can be undone alone."""
        self._parts.append((self.steps, *[clock.version for clock in self.clocks.values()]))
        if not self.careful:
            return
        self.connection.defer(f"SAVEPOINT {name}")

    def release(self, name: str) -> None:
        """End a part."""
        self._parts.pop()
        if self.careful and not self.connection.withdraw(f"SAVEPOINT {name}"):
            self.connection.defer(f"RELEASE {name}")

    def undo(self, name: str) -> None:
        """Undo a part: its locks and versions are given back, what it may have left in memory is forgotten.

        Raises:
            AgainCarefully: it has written something, and there is no savepoint.
        """
        steps, *versions = self._parts.pop()
        if not self.careful:
            if steps != self.steps:
                raise AgainCarefully
            return
        self._forget_undone()
        for clock, version in zip(self.clocks.values(), versions, strict=False):
            clock.version = version
        for company in list(self.clocks)[len(versions) :]:
            del self.clocks[company]
            self.written.discard(company)
            self.touched.discard(company)
        if not self.connection.broken and not self.connection.withdraw(f"SAVEPOINT {name}"):
            self.connection.defer(f"ROLLBACK TO {name}")
            self.connection.defer(f"RELEASE {name}")

    def fail(self, error: Exception, codec: Codec | None = None) -> NoReturn:
        """Raise what an error of the connection means. Raises AgainCarefully where nobody knows whose error it is."""
        if isinstance(error, Failed) and not self.careful and not self.patient:
            raise AgainCarefully from error
        told = translated(error, codec)
        if isinstance(told, Again):
            self.retry = True
        raise told from error

    # ----------------------------------------------------------------- locks and versions

    def hold(self, company: int) -> Clock:
        """Hold the lock of a company. Raises Busy, StoreError."""
        self.asked.add(company)
        found = self.clocks.get(company)
        if found is not None:
            return found
        if self.apart and not self.patient and not self.clocks.keys() <= self.asked:
            raise Busy(frozenset(self.asked))
        wait = self.patient or (self.waits and not self.clocks)
        link = self.connection
        if not wait and company in self.awaited:
            raise Busy(frozenset({*self.clocks, company}))
        try:
            rows = link.execute(_WAIT if wait else _IF_FREE, (company,)).fetchall()
            if not rows:
                if not wait:
                    # It is locked, or there is none yet, or none that others see; another lane can wait for it.
                    raise Busy(frozenset({*self.clocks, company}))
                link.execute(_NEW_CLOCK, (company,))
                rows = link.execute(_WAIT, (company,)).fetchall()
        except self.errors as error:
            self.fail(error)
        clock = self.clocks[company] = Clock(*rows[0])
        if self._kept_at.get(company) != clock.kept_version:
            self._kept.pop(company, None)
            self._kept_at[company] = clock.kept_version
        seen = self._seen.get(company)
        if seen is None or seen.version != clock.version:
            if seen is None and len(self._seen) >= MOST_COMPANIES:
                self._seen.clear()
            self._seen[company] = Seen(clock.version)
        if self.now <= clock.stamp:
            self.identity.later(clock.stamp)
            self.now = self.identity.now()
        return clock

    def count(self, company: int, record: Record, number: int) -> int:
        """Return the version before those of so many rows."""
        assert self.active, "a session writes after its transaction has ended, or is a reader"
        at = company if record.by_company else 0
        clock = self.hold(at)
        self.written.add(at)
        self.steps += number
        clock.version += number
        return clock.version - number

    def next_version(self, company: int, record: Record) -> int:
        """Return a number that no row of the record in this company had."""
        if record.by_company or record.tracked:
            return self.count(company, record, 1) + 1
        return self.identity.mark()

    def next_versions(self, number: int, company: int, record: Record) -> Sequence[int]:
        """Return so many numbers that no row of the record in this company had."""
        if record.by_company or record.tracked:
            before = self.count(company, record, number)
            return range(before + 1, before + number + 1)
        return [self.identity.mark() for _ in range(number)]

    # ----------------------------------------------------------------- memory

    def seen(self, company: int) -> Seen | None:
        """Return what is remembered of the rows of a company; None where its lock is not held."""
        return self._seen.get(company) if company in self.clocks and self.active else None

    def writes(self, record: type[Row], company: int, row: tuple[Any, ...] | None = None) -> None:
        """Take note of a statement that writes rows of a record: this one is added, or others are changed."""
        self.steps += 1
        if not self.open:
            self.begin_write()
        seen = self._seen.get(company)
        if seen is not None:
            if row is not None:
                seen.added(record, row)
            else:
                seen.changed(record)
        if row is None and self.added is not None and self.added.cls is record:
            self.added = None

    def _forget_undone(self) -> None:
        """Forget what may rest on writes that are being undone."""
        self.added = None
        for company in self.touched:
            self._kept.pop(company, None)
        for company in self.clocks:
            self._seen.pop(company, None)

    def remember(self, record: type[Row], company: int) -> dict[tuple[Any, ...], Any]:
        """Return what is remembered of a kept record."""
        memory = self._kept.setdefault(company, {})
        found = memory.get(record)
        if found is None or len(found) >= MOST_KEPT:
            found = memory[record] = {}
        return found

    def touch(self, record: type[Row], company: int) -> None:
        """Forget a kept record that is being written."""
        self.touched.add(company)
        if company in self._kept:
            self._kept[company].pop(record, None)
            self._kept[company].pop(DERIVED, None)

    def forget(self, records: Iterable[type[Row]] | None = None) -> None:
        """Forget what is remembered."""
        self._kept.clear()


class ReaderWriting(PostgresqlWriting):
    """A connection that only reads. What it remembers of a company is compared with the database now and then.

    Args:
        fresh: seconds for which it is not compared.
        clock: seconds that only grow.
    """

    def __init__(self, link: Link, identity: Identity, fresh: float, clock: Callable[[], float]) -> None:
        super().__init__(link, identity)
        self._fresh, self._clock = fresh, clock
        self._next: dict[int, float] = {}

    def remember(self, record: type[Row], company: int) -> dict[tuple[Any, ...], Any]:
        """Return what is remembered of a kept record."""
        now = self._clock()
        if now >= self._next.get(company, 0.0):
            try:
                rows = self.connection.execute(_KEPT, (company,)).fetchall()
            except self.errors as error:
                self.fail(error)
            self._next[company] = now + self._fresh
            kept = rows[0][0] if rows else 0
            if self._kept_at.get(company) != kept:
                self._kept.pop(company, None)
                self._kept_at[company] = kept
        return super().remember(record, company)

    def look_again(self, companies: Iterable[int]) -> None:
        """Compare what is remembered of these companies when it is used next: this process has changed it."""
        for company in companies:
            self._next.pop(company, None)


# --------------------------------------------------------------------------- statements of PostgreSQL's own


@lru_cache(None)
def _insert(cls: type[Row]) -> str:
    return codec_of(cls).insert + " ON CONFLICT DO NOTHING"


@lru_cache(None)
def _insert_many(cls: type[Row]) -> str:
    """Return the statement that adds many rows, whose values come as one array for each column. All must be new."""
    codec = codec_of(cls)
    record = codec.record
    lead = ["bigint"] if record.by_company else []
    kinds = ["text" if FORMS[c.type.kind] in ("text", "factor") else "bigint" for c in record.columns]
    extra = ["bigint"] if record.tracked else []
    arrays = ", ".join(f"CAST(? AS {kind}[])" for kind in lead + kinds + extra)
    return f"{codec.insert.partition(' VALUES ')[0]} SELECT * FROM unnest({arrays})"  # noqa: S608


@lru_cache(None)
def _update_where(cls: type[Row]) -> str:
    """Return the pattern of a statement that changes many rows, each under a version of its own."""
    record = codec_of(cls).record
    lead = ("company",) if record.by_company else ()
    same = " AND ".join(f't."{c}" = w."{c}"' for c in lead + record.key)
    key = columns_text(lead + record.key)
    return (
        f'UPDATE "{record.name}" AS t SET {{0}}"version" = ? + w.n, "modified_at" = ? '  # noqa: S608 - declared names
        f"FROM (SELECT {key}, row_number() OVER () AS n FROM {{table}} WHERE {{where}}) AS w WHERE {same}"
    )


@lru_cache(None)
def _may_fail(sql: str, cls: type[Row]) -> bool:
    """Whether a changing statement may be refused in the course of business: by a unique key or a frozen row."""
    record = codec_of(cls).record
    if sql.startswith("DELETE"):
        return not record.deletable or bool(record.frozen_when) or record.frozen == ("*",)
    if not sql.startswith("UPDATE"):
        return False
    if record.frozen == ("*",):
        return True
    watched = {*record.frozen, *record.key, *[c for group in record.unique for c in group]}
    changed = sql.partition(" SET ")[2].partition(" WHERE ")[0]
    return any(f'"{column}" = ' in changed for column in watched)


@lru_cache(None)
def _has_bytes(cls: type[Row]) -> bool:
    """Whether rows of a record hold bytes, which do not travel in arrays."""
    return any(column.type.kind == "bytes" for column in codec_of(cls).record.columns)


@lru_cache(None)
def _is_remembered(cls: type[Row], columns: tuple[str, ...], last_by: str) -> bool:
    """Whether an answer to `values` is remembered: each change of the row takes a version of its company."""
    record = codec_of(cls).record
    return record.tracked and record.by_company and len(columns) > 1 and (not last_by or last_by in columns)


@lru_cache(None)
def _cannot_fail(cls: type[Row]) -> bool:
    """Whether a row with a fresh id can always be added."""
    record = codec_of(cls).record
    return record.key == ("id",) and not record.unique


class PostgresqlSession(Session):
    """Implements `Transaction` inside one company."""

    _writing: PostgresqlWriting

    def newest(self) -> int:
        """A version that no row this session sees has surpassed."""
        clock = self._writing.clocks.get(self.company) if self._writing.active else None
        return self.latest() if clock is None else clock.version

    def portions(
        self, query: Query, params: Sequence[Any], context: Mapping[str, Any], size: int
    ) -> Iterator[list[tuple[Any, ...]]]:
        """The rows of `run`, so many at a time, from a cursor of their own."""
        made = compile_query(query, POSTGRESQL)
        link = self._writing.connection
        self._writing.cursors += 1
        name = f"portion{self._writing.cursors}"
        try:
            link.execute(
                f"DECLARE {name} NO SCROLL CURSOR FOR {made.sql}",
                made.bind(self.company, params, context, self.now),
            )
            while rows := link.execute(f"FETCH {size} FROM {name}").fetchall():
                yield rows if made.convert is None else made.convert(rows)
        except self._writing.errors as error:
            self._writing.fail(error)

    def run(self, query: Query, params: Sequence[Any], context: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        """Rows of an entity set; the one that was just added is known."""
        added = self._writing.added
        if added is not None and added.cls is query.of.record and added.company == self.company:
            answerer = answerer_of(query)
            rows = None if answerer is None else answerer.rows(self, added, params, context)
            if rows is not None:
                made = compile_query(query, POSTGRESQL)
                return rows if made.convert is None else made.convert(rows)
        return super().run(query, params, context)

    def _first(
        self, record: type[Row], columns: tuple[str, ...], last_by: str, equal: Mapping[str, Any]
    ) -> tuple[Any, ...] | None:
        """Columns of a row, remembered where nobody else has written since."""
        seen = self._writing.seen(self.company)
        if seen is None or not _is_remembered(record, columns, last_by):
            return super()._first(record, columns, last_by, equal)
        made = shape(POSTGRESQL, "{where}", record, equal)
        if made.lists:
            return super()._first(record, columns, last_by, equal)
        asked = Asked(columns, last_by, tuple(equal), tuple(made.encoded(equal)))
        found = seen.recall(record, asked)
        if found is UNKNOWN:
            found = super()._first(record, columns, last_by, equal)
            seen.keep(record, asked, found)
        return found

    # ----------------------------------------------------------------- writing

    def _do(self, sql: str, values: Any, codec: Codec) -> int:
        self._writing.writes(codec.record.row, self.company)
        if not _may_fail(sql, codec.record.row):
            return super()._do(sql, values, codec)
        return self._guarded(lambda: super(PostgresqlSession, self)._do(sql, values, codec))

    def _do_many(self, sql: str, values: Sequence[Any], codec: Codec) -> int:
        self._writing.writes(codec.record.row, self.company)
        if not _may_fail(sql, codec.record.row):
            return super()._do_many(sql, values, codec)
        return self._guarded(lambda: super(PostgresqlSession, self)._do_many(sql, values, codec))

    def _guarded(self, work: Callable[[], int]) -> int:
        """Run a statement that may be refused, so that the transaction can go on after that."""
        writing = self._writing
        writing.savepoint("statement")
        try:
            number = work()
        except BaseException:
            writing.undo("statement")
            raise
        writing.release("statement")
        return number

    def _add(self, row: Row) -> tuple[str, int]:
        codec = self._codec(type(row))
        writing = self._writing
        id = row.id if row.id != BLANK_GUID else self._identity.new_id()
        version = writing.next_version(self.company, codec.record)
        values = codec.encode(self.company, row, id, version, writing.now)
        sure = id != row.id and _cannot_fail(type(row))
        if sure or (codec.record.by_company and not writing.careful):
            self._later(values, codec)
        elif not self._do(_insert(type(row)), values, codec):
            raise self._duplicate(codec, replace(row, id=id))
        writing.added = Added(self.company, type(row), id, values)
        return id, version

    def insert_many(self, rows: Iterable[Row]) -> None:
        """Add many rows of one record; blank ids are filled."""
        rows = list(rows)
        if not rows:
            return
        cls = type(rows[0])
        codec = self._codec(cls)
        assert all(type(r) is cls for r in rows), "insert_many takes rows of one record"
        writing, number = self._writing, len(rows)
        ids = self._identity.new_ids(number)
        versions = writing.next_versions(number, self.company, codec.record)
        values = codec.encode_all(self.company, rows, ids, versions, writing.now)
        if number <= FEW_ROWS and _cannot_fail(cls) and all(row.id == BLANK_GUID for row in rows):
            for each in values:
                self._later(each, codec)
            return
        if number == 1 or _has_bytes(cls):
            written = self._do_many(_insert(cls), values, codec)
        elif writing.connection.spread:
            written = sum(self._do(sql, given, codec) for sql, given in as_tuples(_insert(cls), values))
        else:
            written = 0
            for at in range(0, number, ROWS_AT_ONCE):
                arrays = [list(column) for column in zip(*values[at : at + ROWS_AT_ONCE], strict=True)]
                written += self._do(f"{_insert_many(cls)} ON CONFLICT DO NOTHING", arrays, codec)
        if written != number:
            raise next(
                (found for row in rows if (found := self._duplicate(codec, row)).columns),
                DuplicateKey(codec.record.name, ()),
            )

    def _later(self, values: tuple[Any, ...], codec: Codec) -> None:
        """Add a row together with the next statement, or with COMMIT, whose round trip serves for both."""
        writing, cls = self._writing, codec.record.row
        writing.writes(cls, self.company, values)
        if codec.record.kept:
            writing.touch(cls, self.company)
        if writing.careful or _has_bytes(cls):
            writing.connection.defer(codec.insert, values)
        else:
            writing.connection.add(codec.insert, _insert_many(cls), values)

    def _duplicate(self, codec: Codec, row: Row) -> DuplicateKey:
        """Return what is in the way of a row that was not added."""
        record = codec.record
        for group in (("id",), *[g for g in (record.key, *record.unique) if g != ("id",)]):
            if group == ("id",) and row.id == BLANK_GUID:
                continue
            values = {c: getattr(row, c) for c in group}
            made = shape(POSTGRESQL, 'SELECT "id" FROM {table} WHERE {where}', record.row, values)
            found = self._rows(made, values)
            if found and (group == ("id",) or found[0][0] != row.id):
                return DuplicateKey(record.name, group)
        return DuplicateKey(record.name, ())

    def update(self, row: R, **changes: Any) -> R:
        """Change columns of a row and renew its version."""
        codec = self._codec(type(row))
        if codec.record.by_company:
            return super().update(row, **changes)
        # Nobody holds a lock since the row was read, so it must still be the same.
        writing = self._writing
        changes = {c: v for c, v in changes.items() if getattr(row, c) != v}
        version = writing.next_version(self.company, codec.record)
        new = replace(row, **changes, version=version, modified_at=writing.now)
        made = update_of(type(row), tuple(changes))
        (values,) = made.encode(self.company, ((row, new),), (new.version,), new.modified_at)
        self._unchanged(self._do(f'{made.sql} AND "version" = ?', (*values, row.version), codec), row)
        return new

    def delete(self, row: Row) -> None:
        """Remove a row."""
        codec = self._codec(type(row))
        if codec.record.by_company:
            super().delete(row)
            return
        key = codec.key(self.company, row)
        if codec.record.tracked:
            self._remember(codec, codec.by_key, key)
        sql = f'DELETE FROM "{codec.record.name}" WHERE {codec.by_key} AND "version" = ?'  # noqa: S608 - declared names
        self._unchanged(self._do(sql, (*key, row.version), codec), row)

    def _unchanged(self, written: int, row: Row) -> None:
        """Raise Again unless a row was written that must be the one that was read: nobody holds a lock."""
        if not written:
            self._writing.retry = True
            raise Again(f"{record_of(type(row)).name} {row.id} was changed meanwhile.")

    def _update_where(self, codec: Codec, pieces: str, values: list[Any], equal: Mapping[str, Any]) -> int:
        writing, record = self._writing, codec.record
        made = shape(POSTGRESQL, _update_where(record.row), record.row, equal, pieces)
        counted = record.by_company or record.tracked
        before = writing.count(self.company, record, 0) if counted else writing.identity.mark()
        number = self._do(made.sql, [*values, before, writing.now, *self._conditions(made, equal)], codec)
        if counted:
            writing.count(self.company, record, number)
        return number

    def _remember(self, codec: Codec, where: str, values: Sequence[Any]) -> None:
        writing, record = self._writing, codec.record
        before = writing.count(self.company, record, 0)
        sql = feed.remember(record.row, where, feed.NUMBERED)
        number = self._do(sql, (before, writing.now, *values), codec)
        writing.count(self.company, record, number)

    def _remember_many(self, codec: Codec, ids: list[str]) -> None:
        writing, record = self._writing, codec.record
        lead = [self.company] if record.by_company else []
        told = [writing.count(self.company, record, 0), writing.now, *lead, ids]
        number = self._do(feed.remember_many(POSTGRESQL, record.row), told, codec)
        writing.count(self.company, record, number)


class PostgresqlRootSession(PostgresqlSession, RootSession):
    """Implements `Root`: the whole store over one connection."""

    def rows(self, sql: str, values: Sequence[Any]) -> list[tuple[Any, ...]]:
        """Return the rows of a statement of any kind."""
        self._writing.steps += 1
        return self._run(sql, tuple(values))

    def forget_deletions(self, before: str, most: int) -> int:
        """Forget deletions older than a moment, `most` at once."""
        self._writing.steps += 1
        return super().forget_deletions(before, most)

    def at(self, company: int) -> Session:
        """The same transaction, inside one company, whose lock it holds from here on."""
        found = super().at(company)
        if self._writing.active:
            self._writing.hold(company)
        return found

    def _inside(self, company: int) -> Session:
        return PostgresqlSession(self._writing, company)
