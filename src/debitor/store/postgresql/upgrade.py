"""Brings a schema to what is declared while servers go on writing in it.

    tables, columns, checks, triggers   one short transaction for each table. It gives up a lock that it does not get
                                        at once and tries again later: whoever waits for a lock lets nobody pass
    indexes                             CREATE INDEX CONCURRENTLY, which waits for others but keeps nobody waiting
    checks of rows that are there       VALIDATE CONSTRAINT, likewise

Each step asks the catalog what is missing. So what was broken off (a server that was killed leaves an index behind
that is INVALID: written to by everybody and used by nobody) is found, and gone on with, by whoever opens next.
"""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from debitor.store import StoreError
from debitor.store.postgresql.link import Failed, Link

if TYPE_CHECKING:
    from debitor.store.postgresql.schema import Table

Statement = tuple[str, tuple[Any, ...]]

log = logging.getLogger("debitor")

FIRST_WAIT, LONGEST_WAIT = 0.1, 1.6
"""Seconds to wait for the locks of a step; each attempt waits twice as long as the one before.

Others wait as long as that behind us, so not longer; and not less, because PostgreSQL ends an autovacuum that is in
the way after a second only.
"""
PATIENCE = 300.0
"""Seconds after which a step that gets no lock is given up."""
LOOK_EVERY = 0.1
"""Seconds between two looks whether another server is done."""
BUILDS = 5
"""How often an index is begun that a deadlock ended."""
_OURS = "1684365939, CAST(CAST(to_regnamespace(current_schema()) AS oid) AS integer)"
"""The advisory lock of whoever makes the tables of a schema."""
_LATER = frozenset({"55P03", "40P01"})
"""States that say that others are in the way."""
_RECORD = (
    "INSERT INTO debitor_made (name, statement) VALUES (?, ?) "
    "ON CONFLICT (name) DO UPDATE SET statement = excluded.statement"
)
_ADDED = re.compile(r"ALTER TABLE (\w+) ADD COLUMN IF NOT EXISTS (\w+)")


@contextmanager
def alone(link: Link) -> Iterator[None]:
    """Keep other servers from changing the tables of the same schema meanwhile.

    Another one is waited for without a statement that waits: it would hold a snapshot, and building an index waits
    for all snapshots.
    """
    # A long piece of work is none that hangs; and its connection ends with it.
    link.execute(
        "SELECT set_config(name, '0', false) FROM pg_settings WHERE name IN "
        "('lock_timeout', 'statement_timeout', 'transaction_timeout', 'idle_in_transaction_session_timeout')"
    )
    # For tables that Citus has spread: our triggers look at nothing but the row, and limits hold on all machines.
    # Without Citus nobody reads this.
    link.execute("SELECT set_config('citus.enable_unsafe_triggers', 'on', false)")
    link.execute("SELECT set_config('citus.propagate_set_commands', 'local', false)")
    told = False
    while link.execute(f"SELECT CAST(pg_try_advisory_lock({_OURS}) AS integer)").fetchall() == [(0,)]:
        if not told:
            log.info("another server brings the books to its version; waiting for it")
            told = True
        time.sleep(LOOK_EVERY)
    try:
        yield
    finally:
        if not link.broken:
            link.execute(f"SELECT pg_advisory_unlock({_OURS})")


def together(link: Link, statements: Sequence[Statement]) -> None:
    """Run statements in a transaction that holds up nobody for long: it gives up a lock that it cannot get.

    Raises:
        StoreError: somebody held what is needed for PATIENCE seconds.
        Failed, Broken: the server says no; then nothing was done.
    """
    if not statements:
        return
    wait, until = FIRST_WAIT, time.monotonic() + PATIENCE
    while True:
        try:
            link.defer("BEGIN")
            link.defer(f"SET LOCAL lock_timeout = '{wait * 1000:.0f}ms'")
            for sql, values in statements:
                link.defer(sql, values)
            link.execute("COMMIT")
            return
        except Failed as error:
            link.execute("ROLLBACK")
            if error.state not in _LATER:
                raise
            if time.monotonic() > until:
                raise StoreError(
                    "The tables cannot be brought to this version: somebody holds one of them in a long transaction. "
                    f"End it (pg_stat_activity shows it), and start again. ({error})"
                ) from error
        time.sleep(wait)
        wait = min(wait * 2, LONGEST_WAIT)


def needed(link: Link, common: Iterable[str]) -> Iterator[str]:
    """Yield statements without those that would add a column that is there: even they would lock its table."""
    there = _columns(link)
    for statement in common:
        added = _ADDED.search(statement)
        if added is None or added[2] not in there.get(added[1], ()):
            yield statement


def creation(made: Table) -> Iterator[Statement]:
    """Yield what makes a table that is not there."""
    yield made.create, ()
    for name, statement in (*made.indexes.items(), *made.triggers.items()):
        yield statement, ()
        yield _RECORD, (name, statement)


def complete(link: Link, tables: Sequence[Table]) -> None:
    """Add the tables, columns, checks, triggers and indexes that are declared and not there.

    Raises:
        StoreError: somebody else holds a table for too long.
        Failed, Broken: the server says no, such as to a unique index over rows that are equal. What was done stays.
    """
    columns = _columns(link)
    recorded = dict(link.execute("SELECT name, statement FROM debitor_made").fetchall())
    triggers, checks = _named(link, _TRIGGERS), _named(link, _CHECKS)
    for made in tables:
        if made.name in columns:
            together(link, [*_added(made, columns[made.name], checks), *_ruled(made, recorded, triggers)])
        else:
            together(link, list(creation(made)))
    older = [made for made in tables if made.name in columns]
    unproven = {name for (name,) in link.execute(_UNPROVEN).fetchall()}
    for made in older:
        for name in made.checks:
            if name in unproven:
                link.execute(f'ALTER TABLE "{made.name}" VALIDATE CONSTRAINT "{name}"')
    valid = dict(link.execute(_INDEXES).fetchall())
    for made in older:
        for name, statement in made.indexes.items():
            if recorded.get(name) == statement and valid.get(name):
                continue
            if name in valid:
                _drop_index(link, name)
            # Written down first: what counts as built is what is recorded and valid.
            link.execute(_RECORD, (name, statement))
            _build(link, name, statement)


def _added(made: Table, there: set[str], checks: set[tuple[str, str]]) -> Iterator[Statement]:
    """Yield what adds columns and checks, none of which reads or writes the rows that are there."""
    for name, definition in made.columns.items():
        if name not in there:
            yield f'ALTER TABLE "{made.name}" ADD COLUMN "{name}" {definition}', ()
    for name, rule in made.checks.items():
        if (made.name, name) not in checks:
            yield f'ALTER TABLE "{made.name}" ADD CONSTRAINT "{name}" CHECK ({rule}) NOT VALID', ()


def _ruled(made: Table, recorded: dict[str, str], triggers: set[tuple[str, str]]) -> Iterator[Statement]:
    """Yield what makes triggers anew, and drops those that are no longer declared: they would go on refusing."""
    for name, statement in made.triggers.items():
        if recorded.get(name) == statement and (made.name, name) in triggers:
            continue
        if (made.name, name) in triggers:
            yield f'DROP TRIGGER "{name}" ON "{made.name}"', ()
        yield statement, ()
        yield _RECORD, (name, statement)
    for name, statement in recorded.items():
        ours = f'CREATE TRIGGER "{name}"' in statement and f' ON "{made.name}" ' in statement
        if ours and name not in made.triggers:
            yield f'DROP TRIGGER IF EXISTS "{name}" ON "{made.name}"', ()
            yield "DELETE FROM debitor_made WHERE name = ?", (name,)


def _build(link: Link, name: str, statement: str) -> None:
    """Build an index while others write. Raises Failed, Broken; a failure leaves none behind."""
    log.info("building the index %s", name)
    left = BUILDS
    while True:
        try:
            link.execute(statement.replace("INDEX ", "INDEX CONCURRENTLY ", 1))
            return
        except Failed as error:
            # It would cost every write its time, and a unique one refuse rows, without ever being read.
            _drop_index(link, name)
            left -= 1
            if error.state not in _LATER or not left:
                raise
        time.sleep(FIRST_WAIT)


def _drop_index(link: Link, name: str) -> None:
    link.execute(f'DROP INDEX CONCURRENTLY IF EXISTS "{name}"')


_HERE = "c.relnamespace = to_regnamespace(current_schema())"
_TRIGGERS = (
    "SELECT c.relname::text, t.tgname::text FROM pg_trigger AS t JOIN pg_class AS c ON c.oid = t.tgrelid "  # noqa: S608
    f"WHERE {_HERE} AND NOT t.tgisinternal"
)
_CHECKS = (
    "SELECT c.relname::text, k.conname::text FROM pg_constraint AS k JOIN pg_class AS c ON c.oid = k.conrelid "  # noqa: S608
    f"WHERE {_HERE} AND k.contype = 'c'"
)
_UNPROVEN = (
    "SELECT k.conname::text FROM pg_constraint AS k JOIN pg_class AS c ON c.oid = k.conrelid "  # noqa: S608
    f"WHERE {_HERE} AND k.contype = 'c' AND NOT k.convalidated"
)
_INDEXES = (
    "SELECT c.relname::text, CAST(i.indisvalid AND i.indisready AS integer) FROM pg_index AS i "  # noqa: S608
    f"JOIN pg_class AS c ON c.oid = i.indexrelid WHERE {_HERE}"
)
_COLUMNS = (
    "SELECT c.relname::text, a.attname::text FROM pg_class AS c JOIN pg_attribute AS a ON a.attrelid = c.oid "  # noqa: S608
    f"WHERE {_HERE} AND c.relkind IN ('r', 'p') AND a.attnum > 0 AND NOT a.attisdropped"
)


def _named(link: Link, asked: str) -> set[tuple[str, str]]:
    """Return (table, name) of what a statement asks for."""
    return {(table, name) for table, name in link.execute(asked).fetchall()}


def _columns(link: Link) -> dict[str, set[str]]:
    """Return name of each table -> its columns."""
    found: dict[str, set[str]] = {}
    for table, name in _named(link, _COLUMNS):
        found.setdefault(table, set()).add(name)
    return found
