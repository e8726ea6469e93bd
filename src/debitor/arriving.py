"""Imports into a store that servers are using.

PostgreSQL   one transaction, which holds the lock of the company on its way and no other; a short one before it
             reserves the company's key
SQLite       while one process writes in a file, no other can. So an import writes a portion, lets go, and gives
             whoever waits a moment. A process that is killed leaves the portions it has written, which nobody sees
             (see debitor.operations.incoming); the next import, or start of a server, removes them
"""

from __future__ import annotations

import fcntl
import logging
import os
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext, suppress
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
def beside(store: Store) -> Iterator[Callable[[], AbstractContextManager[Root]]]:
    """The transactions of an import into PostgreSQL, for `take_in`; the long one commits when the block ends."""
    reserved: list[int] = []
    long: list[Root] = []
    begun = False

    @contextmanager
    def first() -> Iterator[Root]:
        with store.transaction() as root:
            before = {each.key for each in root.all(IncomingCompany)}
            yield root
            reserved.extend(each.key for each in root.all(IncomingCompany) if each.key not in before)

    try:
        with ExitStack() as stack:

            def begin() -> AbstractContextManager[Root]:
                nonlocal begun
                if not begun:
                    begun = True
                    return first()
                if not long:
                    long.append(stack.enter_context(store.transaction(alone=False)))
                return nullcontext(long[0])

            yield begin
    except BaseException:
        # If that fails, too, what remains is a number that no company gets.
        with suppress(StoreError), store.transaction() as root:
            root.delete_where(IncomingCompany, key=reserved)
        raise


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
