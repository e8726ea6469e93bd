"""Removes from a SQLite store the rows of a company that never came to be, in portions, while others write.

Ledgers refuse to be deleted from, by triggers. So this uses a connection of its own that runs none, and looks in
every transaction that there is still no such company.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path

import apsw

from debitor.schema import Record
from debitor.store import StoreError
from debitor.store.ddl import names
from debitor.store.sqlite_session import translated

AT_ONCE = 500
"""Rows that one statement removes."""
SECONDS = 0.05
"""How long one transaction keeps others from writing."""
WAIT = 30.0
"""Seconds to wait for another one that writes."""


def discard(
    path: Path, company: int, records: Sequence[Record], *, unless: tuple[Record, str], rest: Callable[[], None]
) -> int:
    """Remove all rows of a company. Returns how many there were.

    Args:
        path: the file.
        company: its number.
        records: what may have rows of it.
        unless: a record and its column: nothing is removed while one of its rows has the number there.
        rest: is called between two transactions, so that others get their turn.
    Raises:
        StoreError: the company is there, or the file cannot be written to. What was removed before stays so.
    """
    there = f'SELECT 1 FROM "{unless[0].name}" WHERE "{unless[1]}" = ?'  # noqa: S608 - declared names
    left = [record for record in records if record.by_company]
    removed = 0
    try:
        connection = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READWRITE)
        try:
            connection.set_busy_timeout(int(WAIT * 1000))
            connection.config(apsw.SQLITE_DBCONFIG_ENABLE_TRIGGER, 0)
            while left:
                until = time.monotonic() + SECONDS
                connection.execute("BEGIN IMMEDIATE")
                if connection.execute(there, (company,)).fetchall():
                    raise StoreError(f"The company {company} is there; its rows are not removed.")
                while left and time.monotonic() < until:
                    number = _some(connection, left[-1], company)
                    removed += number
                    if not number:
                        left.pop()
                connection.execute("COMMIT")
                rest()
        finally:
            connection.close()
    except apsw.Error as error:
        raise translated(error) from error
    return removed


def _some(connection: apsw.Connection, record: Record, company: int) -> int:
    """Remove some rows of a record. Returns how many."""
    key = names(record.key)
    connection.execute(
        f'DELETE FROM "{record.name}" WHERE "company" = ?1 AND ({key}) IN '  # noqa: S608 - declared names
        f'(SELECT {key} FROM "{record.name}" WHERE "company" = ?1 LIMIT {AT_ONCE})',
        (company,),
    )
    return connection.changes()
