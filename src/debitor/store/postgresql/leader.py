"""Which of the servers that share a database does what only one of them must do: the one that has a certain lock."""

from __future__ import annotations

from threading import Event, Thread

from debitor.store.postgresql.link import Broken, Failed, Link

EVERY = 1.0
"""Seconds between two attempts, and between two looks whether the lock is still there."""
_LOCK = "SELECT CAST(pg_try_advisory_lock(1684365938, CAST(to_regclass('debitor_store') AS oid)::integer) AS integer)"


class Leader:
    """Holds, or tries to get, the lock; from the first question on, in a thread of its own.

    The lock belongs to a connection: when the server that has it ends, or loses the database, another gets it.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._leads = False
        self._thread: Thread | None = None
        self._stop, self._known = Event(), Event()

    def leads(self) -> bool:
        """Whether this process has the lock."""
        if self._thread is None:
            self._thread = Thread(target=self._run, name="debitor-leader", daemon=True)
            self._thread.start()
            self._known.wait(EVERY)
        return self._leads

    def _run(self) -> None:
        link: Link | None = None
        while not self._stop.is_set():
            try:
                if link is None or link.broken:
                    link = Link(self._url, patience=5)
                    self._leads = False
                if self._leads:
                    link.execute("SELECT 1")
                else:
                    self._leads = link.execute(_LOCK).fetchall() == [(1,)]
            except (Broken, Failed):
                self._leads = False
            self._known.set()
            self._stop.wait(EVERY)
        self._leads = False
        if link is not None and not link.broken:
            link.close()

    def close(self) -> None:
        """Give the lock back."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()
