"""One connection to PostgreSQL: statements are prepared once, and several of them share one round trip.

    link.defer("BEGIN"); link.defer("SAVEPOINT job")        nothing is sent
    link.execute('INSERT INTO "customer" ...', values)      all three are sent, and one answer is waited for

The driver's own cursors wait for every statement, and a round trip costs more than most statements; so this speaks
to libpq itself, in its pipeline mode. A link has the face of the cursors and connections of the other database, as
far as sessions look at it. It belongs to one thread at a time; while it waits, the interpreter's lock is free.
"""

from __future__ import annotations

import re
import select
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from psycopg import OperationalError
from psycopg.adapt import Transformer
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.pq import ConnStatus, DiagnosticField, ExecStatus, PGconn, TransactionStatus
from psycopg.pq.abc import PGresult

_DEFAULTS = {
    "connect_timeout": "5",
    "application_name": "debitor",
    "client_encoding": "UTF8",
    "keepalives_idle": "5",
    "keepalives_interval": "2",
    "keepalives_count": "3",
    "tcp_user_timeout": "10000",
}
"""Unless the address says otherwise: a server that is gone is noticed after about ten seconds."""
_SLOT = re.compile(r"""'(?:[^']|'')*'|"[^"]*"|\?(\d*)""")
PLANNING = {
    "jit": "off",
    # Every statement has an index that begins with the company; the planner would rather read a small table whole.
    "enable_seqscan": "off",
}
"""Settings of all connections for the planner."""
_PLANS = """SELECT set_config('plan_cache_mode',
    CASE WHEN EXISTS (SELECT 1 FROM pg_extension WHERE extname = 'citus') THEN 'auto' ELSE 'force_generic_plan' END,
    false)"""
"""A plan for each run costs more than the run: plans are made anew after PLANNED runs instead.

Citus has to know the values when it plans most statements, and chooses by itself for which it has not to.
"""
_BIGINT, _TEXT, _BYTEA, _UNKNOWN = 20, 25, 17, 0
PLANNED = 200
"""Runs of a statement after which it is planned anew: tables grow, and a plan made for empty ones would stay.

That costs a microsecond for each run. The planner sees the size of a table at once, while statistics come late.
"""
_MOST_PREPARED = 1000
"""Statements that the server keeps for one connection; the one made first goes first."""
_AT_ONCE = 500
"""Rows whose answers are waited for together, so that neither side waits with full buffers."""
_MOST_ROWS = 1000
"""Rows of one statement."""
_MOST_TUPLES = 64
"""Rows in one statement, where they are not in arrays."""
_WORTH_ARRAYS = 4
"""Rows of one table from which on one statement with arrays costs less than a statement for each."""
_ONCE = ("CREATE", "ALTER", "DROP")
"""Statements that are not worth preparing."""
_SEVERED = re.compile(r"57P0[123]|08\w{3}")
"""States in which the server has ended, or will not begin, the connection."""


class _Prepared:
    """A statement that the server has prepared, and how often it may still run."""

    __slots__ = ("left", "name")

    def __init__(self, name: bytes) -> None:
        self.name, self.left = name, PLANNED


class Command(NamedTuple):
    """A statement and its values; `formats` only when one of them is not a text."""

    sql: str
    params: list[bytes]
    types: tuple[int, ...]
    formats: list[int] | None


class Failed(Exception):
    """The server refused a statement.

    Attributes:
        state: its five characters of SQLSTATE.
        constraint, table: what was violated, or "".
    """

    def __init__(self, state: str, message: str, constraint: str = "", table: str = "") -> None:
        super().__init__(message)
        self.state, self.constraint, self.table = state, constraint, table


class Broken(Exception):
    """There is no connection, or none any more."""


class TimedOut(Broken):
    """The server did not answer in time, so the connection was given up."""


_TEXTS: dict[str, bytes] = {}


def numbered(sql: str) -> bytes:
    """Return a statement with PostgreSQL's slots: `?` or `?3` -> `$1`, `$3`."""
    made = _TEXTS.get(sql)
    if made is None:
        count = 0

        def slot(found: re.Match[str]) -> str:
            nonlocal count
            if found[1] is None:
                return found[0]
            count += 1
            return f"${found[1] or count}"

        made = _TEXTS[sql] = _SLOT.sub(slot, sql).encode()
    return made


def _array(values: Sequence[Any]) -> bytes:
    """Return a list of texts or integers as PostgreSQL writes arrays; their type is said in the statement."""
    if not values:
        return b"{}"
    if isinstance(values[0], int):
        return ("{" + ",".join(["%d" % value for value in values]) + "}").encode()  # noqa: UP031 - and bool
    text = '","'.join(values)
    if "\\" in text or text.count('"') != 2 * len(values) - 2:
        text = '","'.join([value.replace("\\", "\\\\").replace('"', '\\"') for value in values])
    return ('{"' + _clean(text) + '"}').encode()


def _clean(text: str) -> str:
    if "\0" in text:
        raise Failed("22021", "a text cannot hold the character U+0000")
    return text


def as_tuples(one: str, rows: Sequence[Sequence[Any]]) -> Iterator[tuple[str, list[Any]]]:
    """Yield statements that add rows, with values: few, and of few kinds, since each kind is prepared.

    Args:
        one: adds one row: `INSERT INTO ... VALUES (...)`, and perhaps more.
        rows: the values of each.
    """
    at, number = 0, _MOST_TUPLES
    while at < len(rows):
        while number > len(rows) - at:
            number //= 2
        yield _of_tuples(one, number), [value for row in rows[at : at + number] for value in row]
        at += number


@lru_cache(1000)
def _of_tuples(one: str, number: int) -> str:
    """Return a statement that adds so many rows."""
    head, _, tail = one.partition(" VALUES (")
    given, _, tail = tail.partition(")")
    return f"{head} VALUES {', '.join([f'({given})'] * number)}{tail}"


class Link:
    """A connection.

    Many rows are added with one array for each column. Of those, Citus does not see that they belong on one machine,
    and takes two phases to commit them.

    Attributes:
        broken: it was lost.
        spread: rows are added as so many tuples, for the server is Citus.
    Args:
        url: `postgresql://...`, as libpq takes it.
        patience: seconds to wait for an answer; None: as long as the connection lives.
        options: settings of this connection: name -> value.
    Raises:
        Broken: the server cannot be reached, or refuses.
    """

    def __init__(self, url: str, *, patience: float | None = None, options: dict[str, str] | None = None) -> None:
        info = {**_DEFAULTS, **{k: str(v) for k, v in conninfo_to_dict(url).items()}}
        self._pg = PGconn.connect(make_conninfo("", **info).encode())
        if self._pg.status != ConnStatus.OK:
            message = self._pg.get_error_message()
            self._pg.finish()
            raise Broken(message.strip())
        self.broken = self.spread = False
        self._patience = None if patience is None else int(patience * 1000)
        self._poll = select.poll()
        self._poll.register(self._pg.socket, select.POLLIN)
        self._loading = Transformer()
        self._names: dict[tuple[str, tuple[int, ...]], _Prepared] = {}
        self._done_with: list[bytes] = []
        self._made = 0
        self._deferred: list[Command] = []
        self._rows: dict[tuple[str, str], list[Sequence[Any]]] = {}
        self._result: PGresult | None = None
        self._changed = self._total = 0
        self._pg.enter_pipeline_mode()
        for name, value in (options or {}).items():
            self.defer("SELECT set_config(?, ?, false)", (name, value))
        if options:
            self.defer(_PLANS)
            try:
                self.execute("SELECT 1")
            except Failed as error:
                raise self._severed(str(error)) from error

    # ----------------------------------------------------------------- statements

    def defer(self, sql: str, values: Sequence[Any] = ()) -> None:
        """Send a statement together with the next one; its rows are not looked at."""
        if self._rows:
            self._take_rows()
        if len(self._deferred) >= _AT_ONCE:
            self.execute("SELECT 1")
        self._deferred.append(_command(sql, values))

    def add(self, one: str, many: str, values: Sequence[Any]) -> None:
        """Add a row together with the next statement; the rows of one table travel in one statement.

        Args:
            one: adds one row.
            many: adds rows, whose values come as one array for each column.
            values: those of the row. Rows of different tables may be added in another order.
        """
        rows = self._rows.setdefault((one, many), [])
        rows.append(values)
        if len(rows) >= _MOST_ROWS:
            self._take_rows()

    def _take_rows(self) -> None:
        """Defer the statements that add the rows given so far."""
        added, self._rows = self._rows, {}
        for (one, many), rows in added.items():
            if self.spread:
                self._deferred += [_command(sql, values) for sql, values in as_tuples(one, rows)]
            elif len(rows) < _WORTH_ARRAYS:
                self._deferred += [_command(one, values) for values in rows]
            else:
                self._deferred.append(_command(many, [list(column) for column in zip(*rows, strict=True)]))

    def drop(self, sql: str) -> bool:
        """Forget everything that was not sent yet. Returns whether this statement was among it."""
        found = any(command.sql == sql for command in self._deferred)
        self._deferred.clear()
        self._rows.clear()
        return found

    def withdraw(self, sql: str) -> bool:
        """Take back the statement that was deferred last, if it is this one and was not sent. Returns whether."""
        if self._deferred and self._deferred[-1][0] == sql:
            self._deferred.pop()
            return True
        return False

    def execute(self, sql: str, values: Sequence[Any] = ()) -> Link:
        """Run what was deferred, and then a statement. Raises Failed and Broken."""
        command = _command(sql, values)
        if self._rows:
            self._take_rows()
        deferred = self._deferred
        if deferred:
            self._deferred = []
            result = self._exchange([*deferred, command])[-1]
        else:
            result = self._exchange([command])[0]
        self._result = result
        self._changed = result.command_tuples or 0
        self._total += self._changed
        return self

    def executemany(self, sql: str, many: Sequence[Sequence[Any]]) -> None:
        """Run a statement once for each of many tuples of values. Raises Failed and Broken."""
        if self._rows:
            self._take_rows()
        for at in range(0, len(many), _AT_ONCE):
            commands = [_command(sql, values) for values in many[at : at + _AT_ONCE]]
            deferred, self._deferred = self._deferred, []
            results = self._exchange([*deferred, *commands])
            self._total += sum(result.command_tuples or 0 for result in results[len(deferred) :])

    def fetchall(self) -> list[tuple[Any, ...]]:
        """Return the rows of the last statement."""
        result = self._result
        assert result is not None, "rows are fetched after a statement"
        if not result.ntuples:
            return []
        self._loading.set_pgresult(result)
        return self._loading.load_rows(0, result.ntuples, tuple)

    @property
    def tag(self) -> str:
        """What the server says it has done: `COMMIT`."""
        assert self._result is not None, "a statement was run before"
        return (self._result.command_status or b"").decode()

    @property
    def aborted(self) -> bool:
        """The transaction has failed: nothing but undoing a part of it, or all, will work."""
        if self.broken or self._pg.transaction_status != TransactionStatus.INERROR:
            return False
        return not any(command.sql.startswith("ROLLBACK") for command in self._deferred)

    def stale(self) -> bool:
        """Whether the server has ended the connection while nothing was asked."""
        if not self.broken and self._poll.poll(0):
            try:
                self._pg.consume_input()
                if self._poll.poll(0) or self._pg.status != ConnStatus.OK:
                    self._severed("the server ended the connection")
            except OperationalError as error:
                self._severed(str(error))
        return self.broken

    def changes(self) -> int:
        """How many rows the last statement wrote."""
        return self._changed

    def total_changes(self) -> int:
        """How many rows were written since the connection began."""
        return self._total

    def adopt(self, other: Link) -> None:
        """Go on with the connection of another link, which is not to be used any more."""
        self._pg, self._poll, self._names, self._done_with = other._pg, other._poll, other._names, other._done_with
        self._made, self._deferred, self.broken = other._made, other._deferred, other.broken

    def close(self) -> None:
        """End the connection."""
        self.broken = True
        self._pg.finish()

    # ----------------------------------------------------------------- the protocol

    def _exchange(self, commands: Sequence[Command]) -> list[PGresult]:
        """Send statements, and return the result of each."""
        if self.broken:
            raise Broken("the connection was lost before")
        prepared: dict[tuple[str, tuple[int, ...]], tuple[int, _Prepared]] = {}
        runs: list[int] = []
        sent = 0
        try:
            for name in self._done_with:
                self._pg.send_close_prepared(name)
                sent += 1
            self._done_with.clear()
            for sql, params, types, formats in commands:
                if not params and sql.startswith(_ONCE):
                    self._pg.send_query_params(sql.encode(), None)
                    runs.append(sent)
                    sent += 1
                    continue
                key = (sql, types)
                known = self._names.get(key)
                if known is None or known.left <= 0:
                    if key not in prepared:
                        self._made += 1
                        fresh = _Prepared(b"s%d" % self._made)
                        self._pg.send_prepare(fresh.name, numbered(sql), types)
                        prepared[key] = sent, fresh
                        sent += 1
                    known = prepared[key][1]
                known.left -= 1
                self._pg.send_query_prepared(known.name, params, formats, 0)
                runs.append(sent)
                sent += 1
            self._pg.pipeline_sync()
            results = self._results()
        except OperationalError as error:
            raise self._severed(str(error)) from error
        first = None
        for result in results:
            if result.status == ExecStatus.FATAL_ERROR:
                first = result
                break
        for key, (at, fresh) in prepared.items():
            if at < len(results) and results[at].status == ExecStatus.COMMAND_OK:
                if key in self._names:
                    self._done_with.append(self._names[key].name)
                self._names[key] = fresh
        while len(self._names) > _MOST_PREPARED:
            self._done_with.append(self._names.pop(next(iter(self._names))).name)
        if first is not None:
            raise self._failure(first)
        assert len(results) == sent, "every statement has one result"
        return [results[at] for at in runs]

    def _results(self) -> list[PGresult]:
        """Wait for the results of what was sent."""
        pg = self._pg
        results: list[PGresult] = []
        while True:
            while pg.is_busy():
                if not self._poll.poll(self._patience):
                    self._severed("")
                    raise TimedOut("the server did not answer in time")
                pg.consume_input()
            result = pg.get_result()
            if result is None:  # between two statements
                if pg.status != ConnStatus.OK:
                    raise self._severed(pg.get_error_message())
            elif result.status == ExecStatus.PIPELINE_SYNC:
                return results
            else:
                results.append(result)

    def _severed(self, message: str) -> Broken:
        self.broken = True
        self._deferred = []
        self._rows.clear()
        self._pg.finish()
        return Broken(message.strip())

    def _failure(self, result: PGresult) -> Exception:
        def field(of: DiagnosticField) -> str:
            return (result.error_field(of) or b"").decode("utf-8", "replace")

        state = field(DiagnosticField.SQLSTATE)
        message = field(DiagnosticField.MESSAGE_PRIMARY)
        if self._pg.status != ConnStatus.OK or not state or _SEVERED.fullmatch(state):
            return self._severed(message or result.get_error_message())
        return Failed(state, message, field(DiagnosticField.CONSTRAINT_NAME), field(DiagnosticField.TABLE_NAME))


def _command(sql: str, values: Sequence[Any]) -> Command:
    """Return a statement with its values as libpq takes them. Raises Failed for a text that cannot be kept."""
    params: list[bytes] = []
    types: list[int] = []
    formats: list[int] | None = None
    for value in values:
        if isinstance(value, str):
            if "\0" in value:
                _clean(value)
            params.append(value.encode())
            types.append(_TEXT)
        elif isinstance(value, int):  # and bool, kept as 0 or 1
            params.append(b"%d" % value)
            types.append(_BIGINT)
        elif isinstance(value, bytes):
            formats = formats or [0] * len(values)
            formats[len(params)] = 1
            params.append(value)
            types.append(_BYTEA)
        else:
            assert isinstance(value, list), f"no type for {value!r}"
            params.append(_array(value))
            types.append(_UNKNOWN)
    return Command(sql, params, tuple(types), formats)
