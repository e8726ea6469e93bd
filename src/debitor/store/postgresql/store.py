"""The store on PostgreSQL, with group commit.

    loop thread   reads, all over one connection and many at once (turns.py); takes jobs, gives answers
    main lane     a thread and a connection: BEGIN, the jobs that wait, COMMIT, answers; the jobs that wait now, ...
    other lanes   the same for long jobs, and for jobs whose company somebody else is writing in

Where the companies may lie on several machines, a group is of one company: the main lane's is that of its first job,
and jobs of others go to other lanes. So no commit needs two phases.

A job runs in a thread, because its statements wait for the network. Jobs that came while one group was being
committed are the next group, so a company takes many writes with one flush of the database's disk. The main lane
never waits for a lock: a job that would is given to another lane, together with those that want the same.

A transaction that is lost before COMMIT was sent runs again, so nobody hears of a restart or a failover that is over
soon enough. When the connection breaks at COMMIT, the database is asked what became of the transaction.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from threading import BoundedSemaphore, Lock, Thread, get_ident
from typing import Any, NamedTuple, TypeVar

from debitor.schema import Record
from debitor.store import Observer, StoreError
from debitor.store.identity import Identity
from debitor.store.postgresql.leader import Leader
from debitor.store.postgresql.link import PLANNING, Broken, Failed, Link
from debitor.store.postgresql.outcome import history_of, was_kept
from debitor.store.postgresql.reading import Source
from debitor.store.postgresql.schema import prepare
from debitor.store.postgresql.session import (
    Again,
    Busy,
    PostgresqlRootSession,
    PostgresqlWriting,
    Unreachable,
    translated,
)
from debitor.store.postgresql.statistics import Statistics
from debitor.store.postgresql.turns import taking_turns
from debitor.store.session import AgainCarefully

T = TypeVar("T")

GROUP_SECONDS = 0.050
"""How long the jobs of one group may take before the first of them is committed."""
MOST_JOBS = 60
"""Jobs of one group: PostgreSQL keeps up to 64 savepoints of a transaction in quick memory."""
LOCK_SECONDS = 30
"""How long to wait for somebody else who writes in the same company."""
LOST_SECONDS = 5.0
"""How long a job waits for a database that cannot be reached."""
ATTEMPTS = 6
"""How often a job runs that others were in the way of."""
MOST_LANES = 8

_WRITING = {
    **PLANNING,
    "lock_timeout": f"{LOCK_SECONDS}s",
    "default_transaction_isolation": "read committed",
    # A process that hangs gives its locks back after some minutes.
    "idle_in_transaction_session_timeout": "300s",
    # So that the locks of a server that is gone are soon free.
    "tcp_keepalives_idle": "5",
    "tcp_keepalives_interval": "2",
    "tcp_keepalives_count": "3",
}


@dataclass(slots=True, eq=False)
class _Job:
    run: Callable[[Any], Any]
    future: asyncio.Future[Any]
    loop: asyncio.AbstractEventLoop
    attempts: int = 0


class _Done(NamedTuple):
    """What became of a job: its value, or the exception it raised."""

    job: _Job
    value: Any
    error: BaseException | None


class _Lane:
    """A connection that writes, used by one thread at a time; it connects when it is needed."""

    def __init__(self, url: str, identity: Identity, **options: Any) -> None:
        self._url, self._identity, self._options = url, identity, options
        self.link: Link | None = None
        self.writing: PostgresqlWriting
        self.root: PostgresqlRootSession

    def connect(self) -> PostgresqlWriting:
        """Return the state of a connection that seems alive. Raises Unreachable."""
        if self.link is None or self.link.stale():
            try:
                self.link = Link(self._url, options=_WRITING)
                history = history_of(self.link)
            except Broken as error:
                raise translated(error) from error
            self.writing = PostgresqlWriting(self.link, self._identity, **self._options)
            self.writing.history = history
            if not history:
                self.link.spread = True
                self.writing.apart = f"SET LOCAL lock_timeout = '{_WRITING['lock_timeout']}'"
                self.link.defer("SELECT set_config('citus.propagate_set_commands', 'local', false)")
            self.root = PostgresqlRootSession(self.writing)
        return self.writing

    def close(self) -> None:
        if self.link is not None and not self.link.broken:
            self.link.close()


@contextmanager
def connected(url: str) -> Iterator[Link]:
    """A connection for a while. Raises StoreError for what the server refuses."""
    try:
        link = Link(url, options=_WRITING)
    except Broken as error:
        raise translated(error) from error
    try:
        yield link
    except (Failed, Broken) as error:
        raise translated(error) from error
    finally:
        if not link.broken:
            link.close()


class PostgresqlStore:
    """Implements `Store` on PostgreSQL (see debitor.store for what the methods promise).

    Args:
        url: `postgresql://user@host/database`, as libpq takes it; `?options=-csearch_path%3Dname` names a schema.
        records: what is kept.
        clock: nanoseconds since 1970.
        entropy: n -> n random bytes.
        replica_url: a replica for reads that may be a little older; "": none.
    """

    def __init__(
        self,
        url: str,
        *,
        records: Sequence[Record],
        clock: Callable[[], int],
        entropy: Callable[[int], bytes],
        replica_url: str = "",
    ) -> None:
        self.url = url
        self._entropy = entropy
        self._identity = Identity(clock, entropy)
        self._owners: set[int] = set()
        self._closed = False
        self._queue: SimpleQueue[_Job | None] = SimpleQueue()
        self.observer: Observer | None = None
        self._thread: Thread | None = None
        self._statistics: Statistics | None = None
        self._mutex = Lock()
        self._parked: dict[frozenset[int], deque[_Job]] = {}
        self._working: set[Thread] = set()
        self._places = BoundedSemaphore(MOST_LANES)
        self._lanes: list[_Lane] = []
        self._snapshots: dict[str, list[tuple[Link, PostgresqlRootSession]]] = {url: [], replica_url: []}
        self._replica_url = replica_url
        self._awaited: dict[int, int] = {}
        self._main = _Lane(url, self._identity, waits=False, awaited=self._awaited)
        with connected(url) as link:
            prepare(link, records)
        self._leader = Leader(url)
        self._source = Source(url, self._identity)
        self._replica = Source(replica_url, self._identity, required=False) if replica_url else self._source

    # ----------------------------------------------------------------- reading

    def state(self) -> object:
        """None: other servers commit, too."""
        return None

    def reader(self, *, replica: bool = False) -> PostgresqlRootSession:
        """The last committed state; for the event loop's thread. Raises StoreError while there is no connection."""
        if replica:
            with suppress(Unreachable):
                return self._replica.root()
        return self._source.root()

    async def read(self, job: Callable[[Any], T], *, replica: bool = False) -> T:
        """Run `job` with a reader; other reads go on while it waits for the database."""
        return await taking_turns(lambda: job(self.reader(replica=replica)))

    @contextmanager
    def snapshot(self, *, replica: bool = False) -> Iterator[PostgresqlRootSession]:
        """A reader whose reads all see one moment: that of the first one."""
        self._check_open()
        url = self.url
        if replica and self._replica_url:
            url = self._replica_url
        try:
            link, root = self._snapshot(url)
        except Unreachable:
            if url == self.url:
                raise
            url = self.url
            link, root = self._snapshot(url)
        link.defer("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
        try:
            yield root
        finally:
            try:
                if not link.broken and not link.withdraw("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"):
                    link.execute("ROLLBACK")
            except (Failed, Broken):
                link.close()
            if self._closed and not link.broken:
                link.close()
            if not link.broken:
                self._snapshots[url].append((link, root))

    def _snapshot(self, url: str) -> tuple[Link, PostgresqlRootSession]:
        free = self._snapshots[url]
        while free:
            link, root = free.pop()
            if not link.stale():
                root.forget()
                return link, root
        try:
            link = Link(url, options=PLANNING)
        except Broken as error:
            raise translated(error) from error
        return link, PostgresqlRootSession(PostgresqlWriting(link, self._identity))

    def leads(self) -> bool:
        """Whether this process holds the lock of the one that delivers and forgets."""
        return self._leader.leads()

    def explain(self, sql: str, values: Sequence[Any]) -> list[str]:
        """Return PostgreSQL's plan of a statement, one line per step."""
        with self.snapshot() as root:
            return [line for (line,) in root.rows(f"EXPLAIN (COSTS OFF) {sql}", values)]

    def _check_open(self) -> None:
        if self._closed:
            raise StoreError("The store is closed.")

    # ----------------------------------------------------------------- one transaction

    @contextmanager
    def transaction(self, *, alone: bool = True) -> Iterator[PostgresqlRootSession]:
        """A transaction that commits when the block ends; `alone`: it holds the lock of the whole store."""
        self._check_open()
        assert get_ident() not in self._owners, "a transaction inside a transaction of the same thread"
        lane = self._lane()
        self._owners.add(get_ident())
        try:
            writing = lane.connect()
            writing.patient = writing.careful = True
            writing.begin()
            writing.now = self._identity.now()
            writing.open = writing.dirty = True
            try:
                if alone:
                    writing.hold(0)
                yield lane.root
                if lane.link is not None and lane.link.aborted:
                    raise StoreError("The transaction was rolled back after an earlier error.")
            except BaseException:
                writing.rollback()
                raise
            self._commit(lane)
        finally:
            self._owners.discard(get_ident())
            if lane.link is not None and not lane.link.broken:
                lane.writing.patient = False
            self._lanes.append(lane)

    def _lane(self) -> _Lane:
        try:
            return self._lanes.pop()
        except IndexError:
            return _Lane(self.url, self._identity)

    def _commit(self, lane: _Lane) -> None:
        """Make a transaction durable.

        Raises:
            StoreError: it was undone. Unreachable, Again: it may run again. UnknownOutcome: it was perhaps kept.
            AgainCarefully: it was undone; what failed will be known when it runs carefully.
        """
        writing = lane.writing
        try:
            writing.commit()
        except Failed as error:
            writing.rollback()
            if not writing.careful:
                raise AgainCarefully from error
            raise translated(error) from error
        except Broken as error:
            writing.active = writing.open = False
            if writing.committing is None or not was_kept(self.url, writing.committing, LOST_SECONDS):
                raise translated(error) from error
        self._identity.seal()
        self._source.look_again(writing.touched)

    # ----------------------------------------------------------------- jobs

    @property
    def waiting(self) -> int:
        """Jobs that wait for a transaction."""
        with self._mutex:
            return self._queue.qsize() + sum(map(len, self._parked.values()))

    def write(self, job: Callable[[Any], T], *, long: bool = False) -> Awaitable[T]:
        """Run `job` in a transaction shared with its neighbours; see `Store.write`."""
        self._check_open()
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()
        made = _Job(job, future, loop)
        if long:
            self._start(lambda: self._serve_elsewhere(frozenset(), [made], _nothing, careful=True))
            return future
        if self._thread is None:
            self._thread = Thread(target=self._work, name="debitor-store", daemon=True)
            self._thread.start()
            self._statistics = Statistics(self.url, self._leader)
        self._queue.put(made)
        return future

    def _work(self) -> None:
        """The main lane."""
        queue = self._queue
        ended = False

        def following() -> _Job | None:
            nonlocal ended
            try:
                job = queue.get_nowait()
            except Empty:
                return None
            ended = job is None
            return job

        while not ended and (job := queue.get()) is not None:
            self._serve(self._main, frozenset(), [job], following)

    def _start(self, work: Callable[[], None]) -> None:
        """Do something in another lane."""

        def run() -> None:
            try:
                with self._places:
                    work()
            finally:
                with self._mutex:
                    self._working.discard(thread)

        thread = Thread(target=run, name="debitor-store-lane", daemon=True)
        with self._mutex:
            self._working.add(thread)
        thread.start()

    def _serve_elsewhere(
        self, locks: frozenset[int], jobs: list[_Job], more: Callable[[], _Job | None], *, careful: bool = False
    ) -> None:
        lane = self._lane()
        try:
            self._serve(lane, locks, jobs, more, careful=careful)
        finally:
            self._lanes.append(lane)

    def _park(self, job: _Job, locks: frozenset[int]) -> None:
        """Let a job wait for its locks in another lane, which takes all that want the same."""
        with self._mutex:
            waiting = self._parked.get(locks)
            if waiting is not None:
                waiting.append(job)
                return
            self._parked[locks] = deque([job])
            for company in locks:
                self._awaited[company] = self._awaited.get(company, 0) + 1
        self._start(lambda: self._serve_parked(locks))

    def _serve_parked(self, locks: frozenset[int]) -> None:
        waiting = self._parked[locks]

        def following() -> _Job | None:
            return waiting.popleft() if waiting else None

        while True:
            with self._mutex:
                if not waiting:
                    del self._parked[locks]
                    for company in locks:
                        self._awaited[company] -= 1
                        if not self._awaited[company]:
                            del self._awaited[company]
                    return
            job = waiting.popleft()
            self._serve_elsewhere(locks, [job], following, careful=job.attempts > 0)

    def _serve(
        self,
        lane: _Lane,
        locks: frozenset[int],
        jobs: list[_Job],
        more: Callable[[], _Job | None],
        *,
        careful: bool = False,
    ) -> None:
        """Run jobs in one transaction, and those that come meanwhile, and answer them; anew while that may help.

        `careful`: with savepoints from the start, for work that costs more to repeat than they do.
        """
        until = time.monotonic() + LOST_SECONDS
        attempts = 0
        while True:
            done: list[_Done] = []
            try:
                self._transact(lane, locks, jobs, more, done, careful=careful)
                break
            except AgainCarefully:
                careful = True
            except (Unreachable, Again) as error:
                attempts += 1
                if self._closed or time.monotonic() > until or (isinstance(error, Again) and attempts >= ATTEMPTS):
                    self._refuse(jobs, error)
                    return
                time.sleep(self._pause(attempts))
                more = _nothing
            except StoreError as error:
                self._refuse(jobs, error)
                return
            except BaseException as error:
                # A bug here; but whoever waits must hear of it, and the lane must go on.
                if lane.link is not None:
                    lane.link.close()
                _deliver([_Done(job, None, error) for job in jobs])
                return
        _deliver(done)

    def _refuse(self, jobs: Sequence[_Job], failure: StoreError) -> None:
        """Tell jobs that their transaction failed."""
        if self.observer is not None:
            self.observer.failed()
        _deliver([_Done(job, None, None) for job in jobs], failure)

    def _pause(self, attempts: int) -> float:
        """Return how long to wait before a job runs again: longer each time, and never as long as another."""
        return float(min(0.005 * 2**attempts, 0.5) * (0.5 + self._entropy(1)[0] / 256))

    def _transact(
        self,
        lane: _Lane,
        locks: frozenset[int],
        jobs: list[_Job],
        more: Callable[[], _Job | None],
        done: list[_Done],
        *,
        careful: bool,
    ) -> None:
        """Run jobs and commit what they wrote.

        Args:
            locks: companies to lock first.
            jobs: what to run; what `more` gives is added.
            done: gets what is to be delivered.
        Raises:
            StoreError: nothing was kept, unless it is UnknownOutcome.
            AgainCarefully: nothing was kept, and a careful run will tell why.
        """
        writing = lane.connect()
        writing.careful = careful
        if jobs[0].attempts:
            time.sleep(self._pause(jobs[0].attempts))
        writing.begin()
        writing.now = self._identity.now()
        try:
            writing.patient = True
            for company in sorted(locks):
                writing.hold(company)
            writing.patient = False
            deadline = time.monotonic() + GROUP_SECONDS
            at = 0
            while True:
                if at == len(jobs):
                    following = more() if at < MOST_JOBS and time.monotonic() < deadline else None
                    if following is None:
                        break
                    jobs.append(following)
                job = jobs[at]
                at += 1
                if job.future.done():  # cancelled while it waited
                    continue
                outcome = self._attempt(lane, job)
                if outcome is None:
                    jobs.remove(job)
                    at -= 1
                else:
                    done.append(outcome)
                if writing.connection.broken:
                    raise Unreachable("The connection to the database was lost.")
        except BaseException:
            writing.patient = False
            writing.rollback()
            raise
        if writing.dirty:
            started = time.monotonic()
            self._commit(lane)
            if self.observer is not None:
                self.observer.committed(len(done), time.monotonic() - started)
        else:
            writing.rollback()

    def _attempt(self, lane: _Lane, job: _Job) -> _Done | None:
        """Run one job; undo what it wrote when it raises. None: it waits in another lane. Raises AgainCarefully."""
        writing = lane.writing
        writing.now = self._identity.now()
        writing.open = writing.retry = False
        writing.asked.clear()
        dirty = writing.dirty
        value, error, elsewhere = None, None, None  # type: Any, BaseException | None, frozenset[int] | None
        writing.savepoint("job")
        try:
            value = job.run(lane.root)
            if writing.connection.aborted:
                error = StoreError("The transaction was rolled back after an earlier error.")
        except Busy as busy:
            elsewhere = busy.companies
        except AgainCarefully:
            raise
        except BaseException as raised:
            error = _as_raised(raised)
        if writing.retry:
            job.attempts += 1
            if job.attempts < ATTEMPTS:
                elsewhere = frozenset(writing.clocks)
        if error is None and elsewhere is None:
            writing.release("job")
            return _Done(job, value, None)
        writing.undo("job")
        writing.dirty = dirty
        if elsewhere is None:
            return _Done(job, None, error)
        self._park(job, elsewhere)
        return None

    # ----------------------------------------------------------------- the end

    def close(self) -> None:
        """Finish what was accepted, and close all connections."""
        if self._closed:
            return
        self._closed = True
        if self._thread is not None:
            self._queue.put(None)
            self._thread.join()
        if self._statistics is not None:
            self._statistics.close()
        while self._working:
            for thread in list(self._working):
                thread.join()
        for lane in (self._main, *self._lanes):
            lane.close()
        for link, _ in [pair for free in self._snapshots.values() for pair in free]:
            link.close()
        self._leader.close()
        self._source.close()
        self._replica.close()


def _nothing() -> None:
    return None


def _as_raised(error: BaseException) -> BaseException:
    """Return the exception that the caller of `write` gets."""
    if isinstance(error, Failed | Broken):
        return translated(error)
    if isinstance(error, StopIteration):
        # A future takes none, because it would end the generator that awaits it.
        made = RuntimeError("a job raised StopIteration")
        made.__cause__ = error
        return made
    return error


def _deliver(done: Sequence[_Done], failure: StoreError | None = None) -> None:
    """Let the loops resolve the futures of jobs whose transaction has ended."""
    loops: dict[asyncio.AbstractEventLoop, list[_Done]] = {}
    for each in done:
        loops.setdefault(each.job.loop, []).append(each)
    for loop, those in loops.items():
        try:
            loop.call_soon_threadsafe(_resolve, those, failure)
        except RuntimeError:
            # The loop was closed meanwhile: nobody waits any more.
            continue


def _resolve(done: Sequence[_Done], failure: StoreError | None) -> None:
    for job, value, error in done:
        future = job.future
        if future.done():
            continue
        if failure is not None:
            future.set_exception(type(failure)(*failure.args))
        elif error is not None:
            future.set_exception(error)
        else:
            future.set_result(value)
