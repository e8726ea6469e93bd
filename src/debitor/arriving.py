"""Imports into a SQLite store that a server is using: in portions, one at a time, and nothing is left of broken ones.

While one process writes in a SQLite file, no other can. So an import writes a portion, lets go, and gives whoever
waits a moment. A process that is killed leaves the portions it has written, which nobody sees (see
debitor.operations.incoming); the next import, or start of a server, removes them.
"""

from __future__ import annotations

import fcntl
import logging
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from debitor.ledger.records import Company
from debitor.operations.incoming import IncomingCompany
from debitor.schema import RECORDS, record_of
from debitor.store import Root, Store, StoreError
from debitor.store.discard import discard

log = logging.getLogger("debitor")

TURN = 0.02
"""Seconds between two portions; others that wait look for their turn every 0.01 seconds."""


@contextmanager
def only_import(path: Path) -> Iterator[bool]:
    """Hold the lock of whoever imports into a store, which ends with the process. Gives whether it was free."""
    file = os.open(path.with_name(path.name + ".import"), os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True
    finally:
        os.close(file)


@contextmanager
def portion(store: Store) -> Iterator[Root]:
    """A transaction of many that follow each other, with a moment for others behind it."""
    with store.transaction() as root:
        yield root
    rest()


def rest() -> None:
    """Let others write."""
    time.sleep(TURN)


def remove_left(store: Store, path: Path) -> int:
    """Remove what broken imports left in a store. Returns how many rows. The caller holds the lock of imports.

    Raises:
        StoreError: others write for too long, or the disk refuses. What is left stays invisible.
    """
    with store.snapshot() as root:
        left = root.all(IncomingCompany)
    removed = 0
    for each in left:
        records, company = tuple(RECORDS.values()), record_of(Company)
        removed += discard(path, each.key, records, unless=(company, "key"), rest=rest)
        with store.transaction() as root:
            root.delete_where(IncomingCompany, key=each.key)
        log.info("removed what was left of an import of %s that broke off", each.name)
    return removed


def tidy(store: Store, path: Path) -> None:
    """Remove what broken imports left, unless one is under way; a server starts also when that fails."""
    with only_import(path) as free:
        if free:
            try:
                remove_left(store, path)
            except StoreError as error:
                log.warning("what a broken import left could not be removed: %s", error)
