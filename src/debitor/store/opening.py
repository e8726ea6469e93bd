"""From a URL to a store."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Iterable

from debitor.schema import RECORDS, Record
from debitor.store import Store, StoreError
from debitor.store.sqlite import SqliteStore
from debitor.store.sqlite import outdated as sqlite_outdated


def is_there(url: str) -> bool:
    """Whether a PostgreSQL database has a store; opening it would make one. Raises StoreError."""
    from debitor.store.postgresql.store import connected

    with connected(url) as link:
        return link.execute("SELECT 1 WHERE to_regclass('debitor_store') IS NOT NULL").fetchall() == [(1,)]


def outdated(url: str, *, records: Iterable[Record] | None = None) -> bool:
    """Whether opening a store that is there would change its tables. Changes nothing.

    Raises:
        StoreError: as `open_store`.
    """
    kept = tuple(RECORDS.values() if records is None else records)
    scheme, _, path = url.partition("://")
    if scheme in ("postgresql", "postgres"):
        from debitor.store.postgresql import schema
        from debitor.store.postgresql.store import connected

        with connected(url) as link:
            return schema.outdated(link, kept)
    return sqlite_outdated(path, kept)


def distribute(url: str, *, shards: int, records: Iterable[Record] | None = None) -> list[str]:
    """Spread the tables of a store over the machines of a Citus cluster. Returns which were not spread before.

    Args:
        url: see `open_store`.
        shards: how many parts.
        records: what is kept; by default every record declared so far.
    Raises:
        StoreError: the store is not on PostgreSQL, or its database has no Citus.
    """
    if url.partition("://")[0] not in ("postgresql", "postgres"):
        raise StoreError("Only a store on PostgreSQL, with Citus, can be spread over several machines.")
    from debitor.store.postgresql import citus
    from debitor.store.postgresql.store import connected

    with connected(url) as link:
        return citus.distribute(link, tuple(RECORDS.values() if records is None else records), shards)


def open_store(
    url: str,
    *,
    records: Iterable[Record] | None = None,
    clock: Callable[[], int] = time.time_ns,
    entropy: Callable[[int], bytes] = os.urandom,
    replica_url: str = "",
) -> Store:
    """Open a store, and make or complete its tables.

    Args:
        url: `sqlite://` and a path: `sqlite:///var/lib/debitor/debitor.db` is absolute, `sqlite://books.db` is not;
            or `postgresql://` and what libpq takes.
        records: what is kept; by default every record declared so far.
        clock: nanoseconds since 1970.
        entropy: n -> n random bytes.
        replica_url: PostgreSQL only: a replica, for reads that may be a little older.
    Raises:
        StoreError: no such kind of store; it cannot be opened, is something else, or is of a newer version.
    """
    scheme, _, path = url.partition("://")
    kept = tuple(RECORDS.values() if records is None else records)
    if scheme in ("postgresql", "postgres"):
        try:
            from debitor.store.postgresql.store import PostgresqlStore
        except ImportError as error:
            raise StoreError(f"PostgreSQL needs its driver: pip install 'debitor[postgresql]' ({error})") from error

        return PostgresqlStore(url, records=kept, clock=clock, entropy=entropy, replica_url=replica_url)
    if scheme != "sqlite" or not path:
        raise StoreError(
            f"{url} names no store that debitor knows; write sqlite:///path/to/debitor.db "
            "or postgresql://user@host/database"
        )
    if re.match(r"/[A-Za-z]:[/\\]", path):
        path = path[1:]  # sqlite:///C:/books.db
    return SqliteStore(path, records=kept, clock=clock, entropy=entropy)
