"""What became of a transaction whose COMMIT was sent and not answered.

Whoever writes in a company leaves a random mark in its clock. So after the loss, under the company's lock:

    the mark is ours                     the transaction was kept
    the version is older than ours       it was not, and never will be
    others have written since            the clock cannot tell; PostgreSQL's own record of transactions can,

as long as the same history answers: after a failover the number may mean another transaction. What lies on many
machines has no such record. Then the outcome stays unknown.

A company without a clock gets one first: a transaction that may still be adding it is waited for by that.
"""

from __future__ import annotations

import time
from typing import NamedTuple

from debitor.store import UnknownOutcome
from debitor.store.postgresql.link import Broken, Failed, Link

_NEW = "INSERT INTO debitor_clock (company) VALUES (?) ON CONFLICT DO NOTHING"
_CLOCK = "SELECT version, writer FROM debitor_clock WHERE company = ? FOR UPDATE"
_STATUS = "SELECT pg_xact_status(CAST(? AS xid8))"
_HISTORY = "SELECT substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8)"
_SPREAD = "SELECT 1 FROM pg_extension WHERE extname = 'citus'"


class Commit(NamedTuple):
    """A transaction that is about to be committed.

    Args:
        mark: what it leaves in the clocks.
        company, version: one of its companies, and the version there; (-1, 0) when it wrote in none.
        transaction: PostgreSQL's number of it.
        history: what `history_of` gave for its connection.
    """

    mark: int
    company: int
    version: int
    transaction: str
    history: str


def history_of(link: Link) -> str:
    """Return what names the history that a server goes on with, or "" where its record of transactions is not enough.

    Raises:
        Broken: the connection was lost.
    """
    try:
        if link.execute(_SPREAD).fetchall():
            return ""
        return str(link.execute(_HISTORY).fetchall()[0][0])
    except Failed:
        return ""


def was_kept(url: str, commit: Commit, seconds: float) -> bool:
    """Find out whether a transaction was kept.

    Raises:
        UnknownOutcome: nobody can say, or nobody has answered for so many seconds.
    """
    until = time.monotonic() + seconds
    pause = 0.01
    while True:
        try:
            found = _asked(url, commit)
        except Broken:
            found = None
        if found is not None:
            return found
        if time.monotonic() > until:
            raise UnknownOutcome("The database broke off at COMMIT, and perhaps it has kept the data.")
        time.sleep(pause)
        pause = min(pause * 2, 0.5)


def _asked(url: str, commit: Commit) -> bool | None:
    """Return what the database says; None when it cannot say yet. Raises Broken, UnknownOutcome."""
    link = Link(url, patience=5)
    try:
        rows = []
        if commit.company >= 0:
            link.execute(_NEW, (commit.company,))
            rows = link.execute(_CLOCK, (commit.company,)).fetchall()
        if rows:
            ((version, mark),) = rows
            if mark == commit.mark:
                return True
            if version < commit.version:
                return False
        if not commit.history or history_of(link) != commit.history:
            raise UnknownOutcome("The database broke off at COMMIT, and others have written since.")
        ((status,),) = link.execute(_STATUS, (commit.transaction,)).fetchall()
    except Failed:
        return None
    finally:
        if not link.broken:
            link.close()
    return {"committed": True, "aborted": False}.get(status)
