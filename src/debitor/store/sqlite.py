"""The store on SQLite, with group commit.

Making a row durable costs one flush of the disk, whether a transaction holds one row or a hundred. So while a flush
is under way, jobs queue up, and the next transaction takes them all:

    loop thread    | jobs 1 2 3 |  parses, reads, answers ...  | jobs 4 .. 40 | answers 1 2 3, reads ...
    worker thread               | COMMIT, flush ------------- |              | COMMIT, flush ---------

Jobs run on the event loop's thread, because handing each statement to another thread would cost more than the
statement. Only COMMIT waits for the disk, and it runs in the worker thread, with the interpreter's lock released.
The write connection has one user at a time: whoever holds `_lock`, which passes from the loop to the worker and is
given back after the COMMIT. `transaction()` takes the same lock.

One SQLite library per process: two of them on one file drop each other's locks. So sqlite3 is never imported.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from queue import SimpleQueue
from threading import Event, Lock, Thread, get_ident
from typing import Any, NamedTuple, TypeVar

import apsw

from debitor.schema import Record
from debitor.store import Observer, StoreError, ddl
from debitor.store.functions import COLLATIONS, FUNCTIONS
from debitor.store.identity import Identity
from debitor.store.session import AgainCarefully
from debitor.store.sqlite_session import SqliteRootSession, SqliteWriting, translated

T = TypeVar("T")

GROUP_SECONDS = 0.010
"""How long the jobs of one group may keep the event loop from reading."""
OTHERS_SECONDS = 0.05
"""How old what a reader remembers of set-up may be when another process writes."""
LOCK_SECONDS = 30.0
"""How long to wait for another process that writes."""
_WRITE_CACHE, _READ_CACHE = -24_000, -16_000
"""Page caches in KiB (negative is SQLite's way to say so)."""
_CHECKPOINT_PAGES = 4000
_WAL_BYTES = 64 * 2**20
"""What stays of the write-ahead log after a large transaction."""


class _Job(NamedTuple):
    run: Callable[[Any], Any]
    future: asyncio.Future[Any]
    long: bool


class _Done(NamedTuple):
    """What became of a job: its value, or the exception it raised."""

    future: asyncio.Future[Any]
    value: Any
    error: BaseException | None


class _Outcome(NamedTuple):
    """What the worker reports: the jobs whose transaction ended, and why it failed if it did."""

    group: Sequence[_Done]
    failure: StoreError | None


class SqliteStore:
    """Implements `Store` on one SQLite file (see debitor.store for what the methods promise).

    Args:
        path: the file; made when absent, in a folder that exists.
        records: what is kept.
        clock: nanoseconds since 1970.
        entropy: n -> n random bytes.
        migrations: folder of numbered SQL files, for tests.
    """

    def __init__(
        self,
        path: str,
        *,
        records: Sequence[Record],
        clock: Callable[[], int],
        entropy: Callable[[int], bytes],
        migrations: Path | None = None,
    ) -> None:
        self.url = f"sqlite://{path}"
        self._path = path
        self._identity = Identity(clock, entropy)
        self._lock = Lock()
        self._owner = 0
        self._queue: deque[_Job] = deque()
        self.observer: Observer | None = None
        self._idle = True
        self._closed = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._tasks: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._outcomes: SimpleQueue[_Outcome] = SimpleQueue()
        self._busy = False
        self._thread: Thread | None = None
        self._snapshots: list[tuple[apsw.Connection, SqliteRootSession]] = []
        self._known_version = 0
        self._look_again = 0.0
        self._state = object()
        self._committing = False

        self._writer = self._connect(_WRITE_CACHE)
        try:
            self._writer.set_busy_timeout(int(LOCK_SECONDS * 1000))
            prepare(self._writer, records, migrations)
        except apsw.NotADBError as error:
            self._writer.close()
            raise StoreError(f"{path} is no SQLite file. Name another file, or restore this one.") from error
        except apsw.Error as error:
            self._writer.close()
            raise translated(error) from error
        except BaseException:
            self._writer.close()
            raise
        # From here on waiting is done in the worker thread, never inside a statement of the event loop.
        self._writer.set_busy_timeout(0)
        self._writing = SqliteWriting(self._writer, self._identity)
        self._careful = False
        self._root = SqliteRootSession(self._writing)
        self._reader_connection = self._connect(_READ_CACHE)
        self._reader = SqliteRootSession(SqliteWriting(self._reader_connection, self._identity))

    def _connect(self, cache: int) -> apsw.Connection:
        try:
            connection = apsw.Connection(self._path, statementcachesize=400)
            connection.set_busy_timeout(5000)
            # Plans must not depend on bound values: otherwise SQLite prepares a statement anew whenever such a
            # value changes, which costs four times the statement itself.
            connection.config(apsw.SQLITE_DBCONFIG_ENABLE_QPSG, 1)
            for pragma in (
                "journal_mode = WAL", "synchronous = FULL", "temp_store = MEMORY", "recursive_triggers = ON",
                f"cache_size = {cache}", f"wal_autocheckpoint = {_CHECKPOINT_PAGES}",
                f"journal_size_limit = {_WAL_BYTES}",
            ):  # fmt: skip
                connection.execute(f"PRAGMA {pragma}").fetchall()
        except apsw.NotADBError as error:
            raise StoreError(f"{self._path} is no SQLite file. Name another file, or restore this one.") from error
        except apsw.CantOpenError as error:
            raise StoreError(
                f"{self._path} cannot be opened. Does the folder exist, and may it be written?"
            ) from error
        except apsw.Error as error:
            raise translated(error) from error
        for name, function in FUNCTIONS.items():
            connection.create_scalar_function(name, function, -1, deterministic=True)
        for name, order in COLLATIONS.items():
            connection.create_collation(name, order)
        return connection

    # ----------------------------------------------------------------- reading

    def reader(self, *, replica: bool = False) -> SqliteRootSession:
        """The last committed state; for the event loop's thread."""
        now = time.monotonic()
        if now > self._look_again:
            # What this process writes drops what the reader remembers; another process's writes show here.
            self._look_again = now + OTHERS_SECONDS
            version = self._stored_version(self._reader_connection.cursor())
            if version != self._known_version:
                self._known_version = version
                self._state = object()
                self._reader.forget()
        return self._reader

    def state(self) -> object:
        """Another object after each commit, None during one: it shows before its end is known here. Commits of other
        processes show within OTHERS_SECONDS.
        """
        self.reader()
        return None if self._committing else self._state

    async def read(self, job: Callable[[Any], T], *, replica: bool = False) -> T:
        """Run `job` with a reader."""
        return job(self.reader(replica=replica))

    @contextmanager
    def snapshot(self, *, replica: bool = False) -> Iterator[SqliteRootSession]:
        """A reader whose reads all see one moment: that of the first one."""
        self._check_open()
        try:
            connection, root = self._snapshots.pop()
        except IndexError:
            connection = self._connect(_READ_CACHE)
            root = SqliteRootSession(SqliteWriting(connection, self._identity))
        root.forget()
        connection.execute("BEGIN")
        try:
            yield root
        finally:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            if self._closed:
                connection.close()
            else:
                self._snapshots.append((connection, root))

    def leads(self) -> bool:
        """One process writes the outside world's mails and notifications; one owns the file."""
        return True

    def explain(self, sql: str, values: Sequence[Any]) -> list[str]:
        """Return SQLite's plan of a statement, one line per step."""
        return [row[3] for row in _rows(self._reader_connection.execute(f"EXPLAIN QUERY PLAN {sql}", values))]

    @staticmethod
    def _stored_version(cursor: apsw.Cursor) -> int:
        ((version,),) = _rows(cursor.execute("SELECT version FROM debitor_store"))
        return int(version)

    def _check_open(self) -> None:
        if self._closed:
            raise StoreError("The store is closed.")

    # ----------------------------------------------------------------- transactions

    def _begin(self) -> None:
        """Start a transaction on the write connection; the caller holds the lock. Raises apsw.BusyError."""
        writing = self._writing
        if writing.connection.in_transaction:
            # The ROLLBACK of the last one failed.
            writing.cursor.execute("ROLLBACK")
        writing.cursor.execute("BEGIN IMMEDIATE")
        try:
            # Another process may have written since: its versions count too.
            version = self._stored_version(writing.cursor)
        except apsw.Error:
            self._rollback()
            raise
        if version != writing.version:
            writing.kept.clear()
        writing.version = version
        writing.touched.clear()
        writing.active, writing.open, writing.dirty = True, False, False

    def _begin_patiently(self) -> None:
        """Start a transaction, waiting for other processes. Raises StoreError when they take too long."""
        deadline = time.monotonic() + LOCK_SECONDS
        pause = 0.001
        while True:
            try:
                self._begin()
                return
            except apsw.BusyError as error:
                if time.monotonic() > deadline:
                    raise translated(error) from error
                time.sleep(pause)
                pause = min(pause * 2, 0.01)
            except apsw.Error as error:
                raise translated(error) from error

    def _commit(self, begun: Event | None = None) -> None:
        """Make the transaction durable; set `begun` just before. Raises StoreError; then it was rolled back."""
        writing = self._writing
        writing.active = writing.open = False
        try:
            if not writing.connection.in_transaction:
                raise StoreError("The transaction was rolled back after an earlier error.")
            if writing.dirty:
                writing.cursor.execute("UPDATE debitor_store SET version = ?", (writing.version,))
            self._committing = True
            if begun is not None:
                begun.set()
            writing.cursor.execute("COMMIT")
            self._state = object()
            self._identity.seal()
            self._known_version = writing.version
            self._reader.forget(writing.touched)
        except apsw.Error as error:
            self._rollback()
            raise translated(error) from error
        finally:
            self._committing = False

    def _rollback(self) -> None:
        writing = self._writing
        writing.active = writing.open = False
        writing.undone()
        if writing.connection.in_transaction:
            # After an error of the disk ROLLBACK may report it again, and has rolled back all the same.
            with suppress(apsw.Error):
                writing.cursor.execute("ROLLBACK")

    @contextmanager
    def transaction(self, *, alone: bool = True) -> Iterator[SqliteRootSession]:
        """A transaction that commits when the block ends; always alone in the file."""
        self._check_open()
        assert self._owner != get_ident(), "a transaction inside a transaction of the same thread"
        with self._lock:
            self._owner = get_ident()
            try:
                self._begin_patiently()
                # All of it is undone together, so no savepoint is needed.
                self._writing.open = self._writing.dirty = True
                self._writing.now = self._identity.now()
                try:
                    yield self._root
                except BaseException:
                    self._rollback()
                    raise
                self._commit()
            finally:
                self._owner = 0

    @property
    def waiting(self) -> int:
        """Jobs that wait for a transaction."""
        return len(self._queue)

    # ----------------------------------------------------------------- group commit: on the loop

    def write(self, job: Callable[[Any], T], *, long: bool = False) -> Awaitable[T]:
        """Run `job` in a transaction shared with its neighbours; see `Store.write`."""
        self._check_open()
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()
        self._queue.append(_Job(job, future, long))
        if self._idle:
            self._idle = False
            self._loop = loop
            loop.call_soon(self._next)
        return future

    def _next(self) -> None:
        """Start the next group or long job, if there is one."""
        queue = self._queue
        while queue and queue[0].future.done():
            queue.popleft()
        if not queue:
            self._idle = True
            return
        if queue[0].long:
            job = queue.popleft()
            self._give(lambda: self._run_long(job))
            return
        if not self._lock.acquire(blocking=False):
            self._give(self._wait_for_lock)
            return
        try:
            self._begin()
        except apsw.BusyError:
            self._lock.release()
            self._give(self._wait_for_lock)
            return
        except apsw.Error as error:
            self._lock.release()
            self._refuse_waiting(translated(error))
            return
        try:
            group = self._run_group()
        except AgainCarefully:
            self._careful = True
            self._rollback()
            self._lock.release()
            assert self._loop is not None
            self._loop.call_soon(self._next)
            return
        except BaseException:
            # Not the failure of a job, which is delivered to it: the process is told to stop.
            self._rollback()
            self._lock.release()
            raise
        if self._writing.dirty:
            self._flush(group)
            return
        # Nothing to make durable. Other events get a turn before the next group.
        self._rollback()
        self._lock.release()
        _deliver(group)
        if not self._closed:
            assert self._loop is not None
            self._loop.call_soon(self._next)

    def _run_group(self) -> list[_Done]:
        """Run waiting jobs in the transaction that has begun, for a few milliseconds at most.

        Raises:
            AgainCarefully: they all wait again.
        """
        group: list[_Done] = []
        jobs: list[_Job] = []
        queue = self._queue
        writing = self._writing
        writing.careful, self._careful = self._careful, False
        deadline = time.perf_counter() + GROUP_SECONDS
        try:
            while queue and not queue[0].long:
                job = queue.popleft()
                if job.future.done():  # cancelled while it waited
                    continue
                jobs.append(job)
                group.append(self._attempt(job))
                if time.perf_counter() > deadline or not self._writer.in_transaction:
                    break
        except AgainCarefully:
            queue.extendleft(reversed(jobs))
            raise
        finally:
            writing.careful = True
        return group

    def _attempt(self, job: _Job) -> _Done:
        """Run one job; undo what it wrote when it raises."""
        writing = self._writing
        writing.now = self._identity.now()
        dirty = writing.dirty
        mark = self._writer.total_changes()
        try:
            value = job.run(self._root)
            if writing.open and writing.careful:
                writing.cursor.execute("RELEASE job")
            return _Done(job.future, value, None)
        except Exception as error:
            if not writing.careful:
                writing.check_unwritten(mark)
                writing.dirty = dirty
                writing.undone()
            # When SQLite has rolled back by itself, the commit of the group will say so.
            elif writing.open and self._writer.in_transaction:
                try:
                    writing.cursor.execute("ROLLBACK TO job")
                    writing.cursor.execute("RELEASE job")
                    writing.dirty = dirty
                    writing.undone()
                except apsw.Error:
                    self._rollback()
            return _Done(job.future, None, _as_raised(error))
        finally:
            writing.open = False

    def _give(self, task: Callable[[], None], begun: Event | None = None) -> None:
        """Let the worker thread do a task; its outcome comes back to `_receive`. Waits until it sets `begun`."""
        if self._thread is None:
            self._thread = Thread(target=self._work, name="debitor-store", daemon=True)
            self._thread.start()
        self._busy = True
        self._tasks.put(task)
        if begun is not None:
            begun.wait()

    def _flush(self, group: list[_Done]) -> None:
        """Let the worker make a group durable, and wait until it is about to.

        It takes the interpreter's lock for a moment before the disk works. Were that left to chance, it would wait
        until this thread has nothing to do, and then this thread would wait for the disk.
        """
        begun = Event()
        self._give(lambda: self._finish_group(group, begun), begun)

    def _receive(self) -> None:
        """Take the outcome of the worker, unless close() has taken it."""
        if not self._outcomes.empty():
            self._settle(self._outcomes.get())

    def _settle(self, outcome: _Outcome) -> None:
        """Go on, then answer: so the disk is busy with the next group while the answers go out."""
        self._busy = False
        group, failure = outcome
        if failure is not None and not group:
            self._refuse_waiting(failure)
        else:
            self._next()
        _deliver(group, failure)

    def _refuse_waiting(self, failure: StoreError) -> None:
        """Tell all waiting jobs that no transaction could be started."""
        if self.observer is not None:
            self.observer.failed()
        waiting = [_Done(job.future, None, None) for job in self._queue]
        self._queue.clear()
        self._idle = True
        _deliver(waiting, failure)

    # ----------------------------------------------------------------- group commit: in the worker thread

    def _work(self) -> None:
        while (task := self._tasks.get()) is not None:
            task()

    def _report(self, group: Sequence[_Done], failure: StoreError | None) -> None:
        self._outcomes.put(_Outcome(group, failure))
        loop = self._loop
        assert loop is not None
        try:
            loop.call_soon_threadsafe(self._receive)
        except RuntimeError:
            # The loop was closed meanwhile; close() takes the outcome.
            return

    def _finish_group(self, group: list[_Done], begun: Event) -> None:
        failure = None
        try:
            self._observed_commit(len(group), begun)
        except StoreError as error:
            failure = error
        finally:
            begun.set()
            self._lock.release()
        self._report(group, failure)

    def _observed_commit(self, jobs: int, begun: Event | None = None) -> None:
        """Make a transaction of so many jobs durable, and tell the observer. Raises StoreError."""
        observer = self.observer
        started = time.perf_counter()
        try:
            self._commit(begun)
        except StoreError:
            if observer is not None:
                observer.failed()
            raise
        if observer is not None:
            observer.committed(jobs, time.perf_counter() - started)

    def _run_long(self, job: _Job) -> None:
        failure, done = None, _Done(job.future, None, None)
        with self._lock:
            try:
                self._begin_patiently()
                self._writing.now = self._identity.now()
                self._writing.open = self._writing.dirty = True
                try:
                    done = _Done(job.future, job.run(self._root), None)
                except BaseException as error:
                    # Whatever it is, it must not end the worker.
                    self._rollback()
                    done = _Done(job.future, None, _as_raised(error))
                else:
                    self._observed_commit(1)
            except StoreError as error:
                failure = error
        self._report([done], failure)

    def _wait_for_lock(self) -> None:
        """Wait until a transaction can begin; then the loop tries again."""
        failure = None
        with self._lock:
            try:
                self._begin_patiently()
                self._rollback()
            except StoreError as error:
                failure = error
        self._report([], failure)

    # ----------------------------------------------------------------- the end

    def close(self) -> None:
        """Finish what was accepted, empty the write-ahead log into the file, and close."""
        if self._closed:
            return
        self._closed = True
        while self._busy or self._queue:
            if self._busy:
                self._settle(self._outcomes.get())
            else:
                self._next()
        if self._thread is not None:
            self._tasks.put(None)
            self._thread.join()
        for connection in (self._reader_connection, *(c for c, _ in self._snapshots)):
            connection.close()
        # Another process may be reading or writing: then the log is emptied when that one closes.
        with suppress(apsw.BusyError):
            self._writer.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        self._writer.close()


def _as_raised(error: BaseException) -> BaseException:
    """Return the exception that the caller of `write` gets."""
    if isinstance(error, apsw.Error):
        return translated(error)
    if isinstance(error, StopIteration):
        # A future takes none, because it would end the generator that awaits it.
        made = RuntimeError("a job raised StopIteration")
        made.__cause__ = error
        return made
    return error


def _deliver(group: Sequence[_Done], failure: StoreError | None = None) -> None:
    """Resolve the futures of jobs whose transaction has ended."""
    for future, value, error in group:
        if future.done():
            continue
        if failure is not None:
            future.set_exception(StoreError(str(failure)))
        elif error is not None:
            future.set_exception(error)
        else:
            future.set_result(value)


def prepare(connection: apsw.Connection, records: Sequence[Record], folder: Path | None = None) -> None:
    """Make the tables of a new store, or bring an older one to what is declared; all or nothing.

    Raises:
        StoreError: the file belongs to another program, or a newer debitor.
    """
    tables = [ddl.table(r) for r in records]
    wanted = ddl.fingerprint(tables)
    numbered = ddl.migrations(folder)
    newest = max(numbered)
    state = _state(connection)
    if state is not None:
        check_version(connection, newest)
        if state == (newest, wanted):
            return
    cursor = connection.cursor()
    cursor.execute("BEGIN IMMEDIATE")
    try:
        state = _state(connection)
        cursor.execute(ddl.STATE)
        cursor.execute(ddl.CHANGES)
        if state is not None:
            for number in range(state[0] + 1, newest + 1):
                cursor.execute(numbered[number])
        _complete(cursor, tables)
        cursor.execute(
            "INSERT INTO debitor_store (one, schema_version, fingerprint, version) VALUES (1, ?, ?, 0) "
            "ON CONFLICT (one) DO UPDATE SET schema_version = excluded.schema_version, "
            "fingerprint = excluded.fingerprint",
            (newest, wanted),
        )
        cursor.execute("COMMIT")
    finally:
        if connection.in_transaction:
            cursor.execute("ROLLBACK")


def check_version(connection: apsw.Connection, newest: int = 0) -> None:
    """Refuse the file of a newer debitor: one that knows more than `newest` numbered changes. Raises StoreError."""
    state, newest = _state(connection), newest or max(ddl.migrations())
    if state is not None and state[0] > newest:
        raise StoreError(
            f"This store has version {state[0]} and this debitor knows versions up to {newest}. "
            "Start the newer debitor that wrote it."
        )


def outdated(path: str, records: Sequence[Record]) -> bool:
    """Whether `prepare` would change the tables of a file. Raises StoreError."""
    try:
        connection = apsw.Connection(path, flags=apsw.SQLITE_OPEN_READWRITE)
    except apsw.Error as error:
        raise translated(error) from error
    try:
        check_version(connection)
        state = _state(connection)
    except apsw.Error as error:
        raise translated(error) from error
    finally:
        connection.close()
    return state != (max(ddl.migrations()), ddl.fingerprint([ddl.table(r) for r in records]))


def _complete(cursor: apsw.Cursor, tables: Sequence[ddl.Table]) -> None:
    """Add the tables, columns, indexes and triggers that are declared and not there."""
    objects = _rows(cursor.execute("SELECT type, name, sql FROM sqlite_schema WHERE sql IS NOT NULL"))
    columns = {
        name: frozenset(c for (c,) in _rows(cursor.execute("SELECT name FROM pragma_table_xinfo(?)", (name,))))
        for type, name, _ in objects
        if type == "table"
    }
    there = {name: sql for type, name, sql in objects if type in ("index", "trigger")}
    for statement in ddl.missing(tables, there, columns):
        cursor.execute(statement)
    cursor.execute("ANALYZE sqlite_schema")  # makes the table of statistics
    cursor.execute("DELETE FROM sqlite_stat1")
    cursor.executemany(
        "INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES (?, ?, ?)",
        [(made.name, index, stat) for made in tables for index, stat in made.statistics.items()],
    )
    cursor.execute("ANALYZE sqlite_schema")  # reads it


def _state(connection: apsw.Connection) -> tuple[int, str] | None:
    """Return (schema version, fingerprint), or None for a file without a store."""
    if not connection.table_exists("main", "debitor_store"):
        if connection.execute("SELECT count(*) FROM sqlite_schema").fetchall() != [(0,)]:
            raise StoreError("The file is a database of another program. Name another file.")
        return None
    rows = _rows(connection.execute("SELECT schema_version, fingerprint FROM debitor_store"))
    return (rows[0][0], rows[0][1]) if rows else None


def _rows(cursor: apsw.Cursor) -> list[tuple[Any, ...]]:
    """Return all rows; the driver's own type admits every SQL value in every column."""
    return cursor.fetchall()
