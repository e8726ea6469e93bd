"""From a URL to a store."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Iterable

from debitor.schema import RECORDS, Record
from debitor.store import Store, StoreError
from debitor.store.sqlite import SqliteStore


def open_store(
    url: str,
    *,
    records: Iterable[Record] | None = None,
    clock: Callable[[], int] = time.time_ns,
    entropy: Callable[[int], bytes] = os.urandom,
) -> Store:
    """Open a store, and make or complete its tables.

    Args:
        url: `sqlite://` and a path: `sqlite:///var/lib/debitor/debitor.db` is absolute, `sqlite://books.db` is not.
        records: what is kept; by default every record declared so far.
        clock: nanoseconds since 1970.
        entropy: n -> n random bytes.
    Raises:
        StoreError: no such kind of store; the file cannot be opened, is something else, or is of a newer version.
    """
    scheme, _, path = url.partition("://")
    if scheme != "sqlite" or not path:
        raise StoreError(f"{url} names no store that debitor knows; write sqlite:///path/to/debitor.db")
    if re.match(r"/[A-Za-z]:[/\\]", path):
        path = path[1:]  # sqlite:///C:/books.db
    return SqliteStore(
        path, records=tuple(RECORDS.values() if records is None else records), clock=clock, entropy=entropy
    )
