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

MAGIC = b"SQLite format 3\0"
"""How the file of a SQLite store begins."""
_BESIDE = ("-wal", "-shm")


def copy(source: Path, target: Path) -> None:
    """Copy a store, as it is at this moment, into a new file that is on disk when this returns.

    Raises:
        StoreError: the file cannot be read, or the copy not be written; then there is none.
    """
    partial = target.with_name(target.name + ".partial")
    partial.unlink(missing_ok=True)
    try:
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
    """Read a whole file and check its pages and indexes. Raises StoreError when it is damaged, or no store."""
    try:
        connection = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)
        try:
            if not connection.table_exists("main", "debitor_store"):
                raise StoreError(f"{path} is no store of debitor.")
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
    partial = path.with_name(path.name + ".partial")
    partial.unlink(missing_ok=True)
    old: Path | None = None
    try:
        with copied.open("rb") as reading, partial.open("wb") as writing:
            while piece := reading.read(1 << 20):
                writing.write(piece)
            writing.flush()
            os.fsync(writing.fileno())
        if path.exists():
            _fold(path)
            old = _free(path)
            os.replace(path, old)
        for suffix in _BESIDE:
            path.with_name(path.name + suffix).unlink(missing_ok=True)
        os.replace(partial, path)
        _keep(path.parent)
    except OSError as error:
        raise StoreError(f"{copied} could not be put at {path}: {error}") from error
    finally:
        partial.unlink(missing_ok=True)
    return old


def _fold(path: Path) -> None:
    """Bring what is in the write-ahead log of a file into it, if that can be; a damaged one is kept as it is."""
    try:
        connection = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READWRITE)
        try:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        finally:
            connection.close()
    except apsw.Error:
        return


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
