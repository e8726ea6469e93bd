"""Durable rows. The whole interface that the rest of debitor sees; no driver type crosses it.

store = open_store("sqlite:///var/lib/debitor/debitor.db")        # or postgresql://user@host/database
with store.transaction() as tx:                      # tests, the command line: commits at the end
    books = tx.at(company)
    books.insert(Customer(number="10400", ...))
row = await store.write(lambda tx: ...)              # the server: shares one fsync with its neighbours
store.reader().at(company).get(Customer, id)         # the last committed state
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, NamedTuple, Protocol, TypeVar

from debitor.query import Query
from debitor.ranges import Range
from debitor.schema import Changes, Row

R = TypeVar("R", bound=Row)
T = TypeVar("T")


class StoreError(Exception):
    """The store could not do its work (disk full, locked, read-only). Nothing of the transaction was kept."""


class UnknownOutcome(StoreError):
    """The connection broke while a transaction was being committed, and what became of it cannot be found out."""


class DuplicateKey(StoreError):
    """A row with these unique values exists.

    Attributes:
        record: name of the record (table).
        columns: the columns that must be unique together, without the company; () when unknown.
    """

    def __init__(self, record: str, columns: tuple[str, ...]) -> None:
        super().__init__(f"{record}: a row with the same {', '.join(columns)} exists")
        self.record, self.columns = record, columns


class FrozenRow(StoreError):
    """A write touched a row that may never change (a ledger entry, a posted document)."""


class Span(NamedTuple):
    """A part of the store's history: the changes behind (version `after`, `key`), up to version `upto`."""

    after: int
    key: str
    upto: int


class Change(NamedTuple):
    """A row that changed. Of several changes of one row only the last is known.

    Args:
        version: the number of the change; it grows over the company, or over the whole store.
        key: the row's id.
        created: the version that the row began with; 0 when it is not known.
        gone: the row was deleted.
    """

    version: int
    key: str
    created: int
    gone: bool


class Reader(Protocol):
    """Reads inside one company (or, from `Root`, of records that belong to the whole store).

    Equality conditions are given by column name; a tuple, list or set as value means "one of these".
    """

    company: int

    def get(self, record: type[R], id: str) -> R | None:
        """The row with this id."""
        ...

    def find(self, record: type[R], **equal: Any) -> R | None:
        """The only row (or the first by key) with these values."""
        ...

    def derived(self, make: Callable[..., T], *args: Hashable) -> T:
        """What `make(reader, *args)` gives, remembered until rows of kept records may have changed.

        It reads records that are declared `kept` and nothing else, and nobody changes what it gives.
        """
        ...

    def all(self, record: type[R], *, order: Sequence[str] = (), limit: int = 0, **equal: Any) -> list[R]:
        """All rows with these values, ordered by columns (`-name` descends), then by key."""
        ...

    def values(
        self, record: type[Row], columns: tuple[str, ...], *, last_by: str = "", **equal: Any
    ) -> tuple[Any, ...] | None:
        """Some columns of the first row by key with these values, or of the one with the greatest `last_by`."""
        ...

    def greatest(self, record: type[Row], column: str, **equal: Any) -> Any:
        """The greatest value of the column, or its type's blank when there is no row."""
        ...

    def total(self, record: type[Row], column: str, **equal: Any) -> Any:
        """The sum of a decimal column (Decimal, exact)."""
        ...

    def sums(
        self,
        record: type[Row],
        columns: tuple[str, ...],
        by: tuple[str, ...],
        *,
        within: Mapping[str, Range] | None = None,
        **equal: Any,
    ) -> list[tuple[Any, ...]]:
        """For every group of rows with the same values of `by`: these, then the sums of decimal columns, exact.

        The groups are in the order of `by`. `within` holds columns to ranges, of which one side may be open.
        Without columns to sum, the rows are the different values of `by`.
        """
        ...

    def count(self, record: type[Row], **equal: Any) -> int:
        """How many rows have these values."""
        ...

    def run(self, query: Query, params: Sequence[Any], context: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        """Rows of an entity set as wire-ready tuples.

        Texts, guids, enums and dates are str, booleans bool, integers int, decimals int or Decimal without
        trailing zeros, datetimes as stored; a missing value is the type's blank in that form.
        With `query.version` the row's version (int) comes first.
        """
        ...

    def portions(
        self, query: Query, params: Sequence[Any], context: Mapping[str, Any], size: int
    ) -> Iterator[list[tuple[Any, ...]]]:
        """The rows of `run`, so many at a time; read as they are asked for, so for a snapshot only."""
        ...

    def latest(self) -> int:
        """The version up to which this reader is sure to see everything: ask for it first, read afterwards.

        Versions may be counted for each company: compare only what sessions of one company, or of the root, gave.
        """
        ...

    def newest(self) -> int:
        """A version that no row this reader has seen so far surpasses: read first, ask for it afterwards."""
        ...

    def forgotten(self) -> int:
        """The version up to which deletions may have been forgotten: a `Span` that starts before it is not known."""
        ...

    def changed(self, record: type[Row], span: Span, limit: int, *, owner: str | None = None) -> list[Change]:
        """The first rows of a `tracked` record that changed or were deleted within a span, in order of version.

        `owner`: only rows whose `Record.owner` column has this value.
        """
        ...

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
        """What the rows of `record` that changed within a span lead to by `column`: the first rows of `to` whose
        column `ours` equals it
        (`filtered`: holds a filter on codes that names it), or, without `to`, the values
        themselves. Deleted rows lead by id and owner only.
        """
        ...


class Transaction(Reader, Protocol):
    """A Reader that can write. It sees its own writes; everything is durable together or not at all."""

    @property
    def now(self) -> str:
        """The time stamp of this transaction: `2026-01-31T09:30:00.120Z`."""
        ...

    def new_id(self) -> str:
        """A fresh guid, increasing with time so that new rows lie together."""
        ...

    def insert(self, row: R) -> R:
        """Add a row; a blank id is filled. Returns the row as stored. Raises DuplicateKey."""
        ...

    def add(self, row: Row) -> str:
        """Add a row; a blank id is filled. Returns its id: `insert` for who needs no more. Raises DuplicateKey."""
        ...

    def insert_many(self, rows: Iterable[Row]) -> None:
        """Add many rows of one record; blank ids are filled."""
        ...

    def insert_as_is(self, rows: Sequence[Row]) -> None:
        """Add rows of one record that another store had: ids and time stamps stay, versions are new ones."""
        ...

    def update(self, row: R, **changes: Any) -> R:
        """Change columns of a row and renew its version. Returns the new row. Raises DuplicateKey, FrozenRow."""
        ...

    def update_where(self, record: type[Row], changes: Mapping[str, Any], **equal: Any) -> int:
        """Change columns of all rows with these values; renews their versions. Returns how many."""
        ...

    def delete(self, row: Row) -> None:
        """Remove a row. Raises FrozenRow."""
        ...

    def delete_where(self, record: type[Row], **equal: Any) -> int:
        """Remove all rows with these values. Returns how many."""
        ...

    def write(self, changes: Changes) -> None:
        """Write a set of changes, grouped by record; one statement shape per record and kind."""
        ...


class Root(Transaction, Protocol):
    """The whole store, for the few records without a company; `at` gives a company's part of the same transaction."""

    def at(self, company: int) -> Transaction:
        """The same transaction, inside one company."""
        ...

    def forget_deletions(self, before: str, most: int) -> int:
        """Forget deletions older than a moment, `most` of them at once. Returns how many were forgotten."""
        ...

    def savepoint(self) -> AbstractContextManager[None]:
        """A part that is undone by itself when it raises, while the transaction goes on."""
        ...


class Observer(Protocol):
    """Who wants to know how commits go; called from any thread."""

    def committed(self, jobs: int, seconds: float) -> None:
        """A transaction of so many jobs is on disk; the commit took so long."""
        ...

    def failed(self) -> None:
        """A transaction could not begin, or not be committed."""
        ...


class Store(Protocol):
    """One place where rows are kept."""

    url: str
    observer: Observer | None

    @property
    def waiting(self) -> int:
        """Jobs that wait for a transaction."""
        ...

    def reader(self, *, replica: bool = False) -> Root:
        """The last committed state; use it on the event loop's thread only. Its write methods raise.

        `replica`: it may be a little older, when there is a copy for such reads. Raises StoreError while the
        database cannot be reached.
        """
        ...

    async def read(self, job: Callable[[Root], T], *, replica: bool = False) -> T:
        """Run `job` with a reader; other reads may go on while it waits for the database.

        What it reads may be of several moments, and so may what several `job`s share.
        """
        ...

    def state(self) -> object:
        """An object that is another one (by `is`) after each commit, for who remembers what he read; to be asked
        for before reading. None: whether there was a commit is not known, without asking the database or just now.
        """
        ...

    def snapshot(self, *, replica: bool = False) -> AbstractContextManager[Root]:
        """A reader whose reads all see one moment; `replica` as for `reader`."""
        ...

    def transaction(self, *, alone: bool = True) -> AbstractContextManager[Root]:
        """A transaction that commits when the block ends; for the command line and tests.

        `alone`: of such transactions one at a time. Otherwise others may go on meanwhile, where the store can.
        """
        ...

    def write(self, job: Callable[[Root], T], *, long: bool = False) -> Awaitable[T]:
        """Run `job` in a transaction that may hold other jobs too (one fsync for the group).

        A job that raises is undone alone. The result, or its exception, arrives only after the group is on disk.
        `long` jobs run beside the event loop, in a transaction of their own.
        Raises StoreError when the commit fails: then no job of the group was kept. A job may run more than once,
        until it is committed, so it changes nothing but the store.
        """
        ...

    def leads(self) -> bool:
        """Whether this process, of those that share the store, does what one of them must do: deliver, forget."""
        ...

    def close(self) -> None:
        """Finish what was accepted, then close."""
        ...
