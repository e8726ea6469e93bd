"""What a job sees of SQLite: one counter of versions, and what its errors mean."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NoReturn

import apsw

from debitor.schema import Record, Row
from debitor.store import DuplicateKey, FrozenRow, StoreError, feed
from debitor.store.ddl import DUPLICATE, FROZEN
from debitor.store.dialect import SQLITE
from debitor.store.feed import NEXT_VERSION
from debitor.store.identity import Identity
from debitor.store.rows import Codec
from debitor.store.session import DERIVED, MOST_KEPT, AgainCarefully, RootSession, Session, Writing, shape

_DUPLICATE = re.compile(rf"{DUPLICATE}: (\w+)\.\w+")


class SqliteWriting(Writing):
    """The transaction of a connection to SQLite.

    Savepoints cost a copy of every page that is written inside them, and are hardly ever needed: who refuses does so
    before he writes. So the first run of a group has none; when something has to be undone after all, it is rolled
    back as a whole and runs again, carefully.

    Attributes:
        careful: savepoints are real.
        version: the last row version given.
        kept: record -> what was read of it, for records declared `kept`. A write of the record drops it.
        touched: kept records written since BEGIN.
    """

    dialect = SQLITE
    errors = (apsw.Error,)

    def __init__(self, connection: apsw.Connection, identity: Identity) -> None:
        super().__init__(identity)
        self.connection = connection
        self.cursor = connection.cursor()
        self.version = 0
        self.kept: dict[type[Row], dict[tuple[Any, ...], Any]] = {}
        self.touched: set[type[Row]] = set()
        self.careful = True
        self._marks: list[int] = []
        connection.create_scalar_function(NEXT_VERSION, self.next_version, 0)

    def next_version(self, *_: object) -> int:
        """Return a number that no row of the store had."""
        self.version += 1
        return self.version

    def next_versions(self, number: int, company: int, record: Record) -> range:
        """Return so many numbers that no row of the store had."""
        first = self.version + 1
        self.version += number
        return range(first, first + number)

    def begin_write(self) -> None:
        """Make the next write undoable. Raises StoreError when the transaction was lost meanwhile."""
        assert self.active, "a session writes after its transaction has ended, or is a reader"
        if not self.connection.in_transaction:
            raise StoreError("The transaction was rolled back after an earlier error.")
        if self.careful:
            self.cursor.execute("SAVEPOINT job")
        self.open = self.dirty = True

    def remember(self, record: type[Row], company: int) -> dict[tuple[Any, ...], Any]:
        """Return what is remembered of a kept record."""
        found = self.kept.get(record)
        if found is None or len(found) >= MOST_KEPT:
            found = self.kept[record] = {}
        return found

    def touch(self, record: type[Row], company: int) -> None:
        """Forget a kept record that is being written."""
        self.touched.add(record)
        self.kept.pop(record, None)
        self.kept.pop(DERIVED, None)

    def forget(self, records: Iterable[type[Row]] | None = None) -> None:
        """Forget what is remembered of these kept records, or of all."""
        if records is None:
            self.kept.clear()
            return
        for record in records:
            self.kept.pop(record, None)
            self.kept.pop(DERIVED, None)

    def undone(self) -> None:
        """Forget what a write that was undone may have left in memory."""
        if self.touched:
            self.kept.clear()

    def savepoint(self, name: str) -> None:
        """Begin a part that can be undone alone."""
        if self.careful:
            self.cursor.execute(f"SAVEPOINT {name}")
        else:
            self._marks.append(self.connection.total_changes())

    def release(self, name: str) -> None:
        """End a part."""
        if self.careful:
            self.cursor.execute(f"RELEASE {name}")
        else:
            self._marks.pop()

    def undo(self, name: str) -> None:
        """Undo a part, if the transaction is still there. Raises AgainCarefully."""
        if not self.careful:
            self.check_unwritten(self._marks.pop())
        elif self.connection.in_transaction:
            self.cursor.execute(f"ROLLBACK TO {name}")
            self.cursor.execute(f"RELEASE {name}")
        self.undone()

    def check_unwritten(self, mark: int) -> None:
        """Raise AgainCarefully when rows were written since the connection counted so many changes, or the
        transaction is lost.
        """
        if self.connection.total_changes() != mark or not self.connection.in_transaction:
            raise AgainCarefully

    def fail(self, error: Exception, codec: Codec | None = None) -> NoReturn:
        """Raise what an error of the driver means."""
        assert isinstance(error, apsw.Error)
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


class SqliteSession(Session):
    """Implements `Transaction` inside one company."""

    _writing: SqliteWriting

    def newest(self) -> int:
        """A version that no row this session sees has surpassed."""
        return self._writing.version if self._writing.active else self.latest()

    def _update_where(self, codec: Codec, pieces: str, values: list[Any], equal: Mapping[str, Any]) -> int:
        pattern = f'UPDATE {{table}} SET {{0}}"version" = {NEXT_VERSION}(), "modified_at" = ? WHERE {{where}}'  # noqa: S608
        made = shape(SQLITE, pattern, codec.record.row, equal, pieces)
        return self._do(made.sql, [*values, self._writing.now, *self._conditions(made, equal)], codec)

    def _remember(self, codec: Codec, where: str, values: Sequence[Any]) -> None:
        self._do(feed.remember(codec.record.row, where), (self._writing.now, *values), codec)

    def _remember_many(self, codec: Codec, ids: list[str]) -> None:
        writing = self._writing
        lead = [self.company] if codec.record.by_company else []
        told = [writing.version, writing.now, *lead, SQLITE.lister(None)(ids)]
        writing.version += self._do(feed.remember_many(SQLITE, codec.record.row), told, codec)


class SqliteRootSession(SqliteSession, RootSession):
    """Implements `Root`: the whole store over one connection."""

    def _inside(self, company: int) -> Session:
        return SqliteSession(self._writing, company)
