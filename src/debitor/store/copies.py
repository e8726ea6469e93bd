"""Copies of a SQLite store: made while others write, checked, and put into the place of one that is lost.

A copy is made with VACUUM INTO: it reads one moment of the file, as any reader does, so writers go on, and gives a
file without gaps. SQLite's backup API would begin anew whenever another process writes, and never end on a busy
server.
"""

from __future__ import annotations

import os
from pathlib import Path

import apsw

from debitor.store import StoreError
from debitor.store.sqlite import check_version

MAGIC = b"SQLite format 3\0"
"""How the file of a SQLite store begins."""


def copy(source: Path, target: Path) -> None:
    """Copy a store, as it is at this moment, into a new file that is on disk when this returns.

    Raises:
        StoreError: the file cannot be read, or the copy not be written; then there is none.
    """
    partial = beside(target)
    try:
        # SQLite takes an empty file, too: so nobody else can read it at any time.
        _own(partial)
        connection = apsw.Connection(str(source), flags=apsw.SQLITE_OPEN_READWRITE)
        try:
            connection.set_busy_timeout(30_000)
            connection.execute("VACUUM INTO ?", (str(partial),))
        finally:
            connection.close()
        verify(partial)
        _keep(partial)
        os.replace(partial, target)
        _keep(target.parent)
    except (apsw.Error, OSError) as error:
        raise StoreError(f"The copy {target} could not be made: {error}") from error
    finally:
        partial.unlink(missing_ok=True)


def verify(path: Path) -> None:
    """Read a whole file and check its pages and indexes.

    Raises:
        StoreError: it is damaged, no store, or one of a newer debitor.
    """
    try:
        connection = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)
        try:
            if not connection.table_exists("main", "debitor_store"):
                raise StoreError(f"{path} is no store of debitor.")
            check_version(connection)
            found = connection.execute("PRAGMA integrity_check(1)").fetchall()
        finally:
            connection.close()
    except apsw.Error as error:
        raise StoreError(f"{path} is damaged: {error}") from error
    if found != [("ok",)]:
        raise StoreError(f"{path} is damaged: {found[0][0]}")


def put_back(copied: Path, path: Path) -> Path | None:
    """Put a copy into the place of a store that no server has open. Returns where the old file is kept, if any.

    Raises:
        StoreError: the copy is damaged, or the disk refuses; then the store is as it was.
    """
    verify(copied)
    partial = beside(path)
    try:
        _own(partial)
        with copied.open("rb") as reading, partial.open("wb") as writing:
            while piece := reading.read(1 << 20):
                writing.write(piece)
        return put(partial, path)
    except OSError as error:
        raise StoreError(f"{copied} could not be put at {path}: {error}") from error
    finally:
        partial.unlink(missing_ok=True)


def beside(path: Path) -> Path:
    """Return the name under which what is to become a store is made."""
    return path.with_name(path.name + ".partial")


def put(made: Path, path: Path) -> Path | None:
    """Let a whole file that nobody has open be the store. Returns where the old one is kept, if any. Raises OSError.

    The old file keeps its write-ahead log: it may hold what was committed last.
    """
    _keep(made)
    old: Path | None = None
    log = path.with_name(path.name + "-wal")
    if path.exists():
        old = _free(path)
        if log.exists():
            os.replace(log, old.with_name(old.name + "-wal"))
        os.replace(path, old)
    for suffix in ("-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)
    os.replace(made, path)
    _keep(path.parent)
    return old


def _own(path: Path) -> None:
    """Make an empty file that only its owner may read."""
    path.unlink(missing_ok=True)
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))


def _free(path: Path) -> Path:
    """Return a name beside a file that is not taken."""
    number = 1
    while (found := path.with_name(f"{path.name}.replaced-{number}")).exists():
        number += 1
    return found


def _keep(path: Path) -> None:
    """Flush a file, or a folder, to disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
