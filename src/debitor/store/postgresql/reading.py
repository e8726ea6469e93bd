"""The connection that the event loop reads from. A lost one is made anew by a thread; the loop hardly waits."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from queue import Empty, SimpleQueue
from threading import Event, Thread
from typing import Any

from debitor.store.identity import Identity
from debitor.store.postgresql.link import PLANNING, Broken, Link, TimedOut
from debitor.store.postgresql.session import PostgresqlRootSession, ReaderWriting, translated
from debitor.store.postgresql.turns import SharedLink

OTHERS_SECONDS = 0.05
"""How old what a reader remembers of set-up may be when another process writes."""
READ_SECONDS = 10
"""How long the event loop waits for the answer to one statement at most."""
_RECONNECT_WAIT = 0.25
"""How long the event loop waits for a new connection, once."""

_READING = {**PLANNING, "statement_timeout": f"{READ_SECONDS - 1}s", "default_transaction_read_only": "on"}


class _ReadingLink(SharedLink):
    """A connection for statements that only read and stand alone: when it breaks, they run again on another."""

    def __init__(self, url: str, renew: Callable[[], None]) -> None:
        super().__init__(url, patience=READ_SECONDS, options=_READING)
        self._renew = renew

    def execute(self, sql: str, values: Sequence[Any] = ()) -> Link:
        """Run a statement. Raises Failed and Broken."""
        try:
            return super().execute(sql, values)
        except TimedOut:
            raise
        except Broken:
            if self.broken:  # nobody else has renewed it meanwhile
                self._renew()
            return super().execute(sql, values)


class Source:
    """A connection to read from, for one thread.

    Args:
        url: the database, or a replica.
        identity: gives time stamps.
        required: a database that cannot be reached now is an error.
    Raises:
        Unreachable: it is one.
    """

    def __init__(self, url: str, identity: Identity, *, required: bool = True) -> None:
        self._url, self._identity = url, identity
        self._link: _ReadingLink | None = None
        self._ready: SimpleQueue[_ReadingLink] = SimpleQueue()
        self._closed = False
        self._connecting: Event | None = None
        self._waited = False
        try:
            self._use(self._connect())
        except Broken as error:
            if required:
                raise translated(error) from error

    def _connect(self) -> _ReadingLink:
        return _ReadingLink(self._url, self._renew)

    def _use(self, link: _ReadingLink) -> None:
        """Read from a new connection, also in sessions that were given out already."""
        if self._link is not None:
            self._link.adopt(link)
            return
        self._link = link
        self._writing = ReaderWriting(link, self._identity, OTHERS_SECONDS, time.monotonic)
        self._root = PostgresqlRootSession(self._writing)

    def root(self) -> PostgresqlRootSession:
        """Return a session. Raises Unreachable."""
        if self._link is None or self._link.stale():
            try:
                self._renew()
            except Broken as error:
                raise translated(error) from error
        return self._root

    def look_again(self, companies: set[int]) -> None:
        """Take it that set-up of these companies has changed."""
        if self._link is not None:
            self._writing.look_again(companies)

    def _renew(self) -> None:
        """Use a new connection. Raises Broken when there is none within a moment."""
        if self._connecting is None:
            self._connecting, self._waited = Event(), False
            Thread(target=self._reconnect, args=(self._connecting,), name="debitor-reader", daemon=True).start()
        if not self._waited:
            self._waited = True
            self._connecting.wait(_RECONNECT_WAIT)
        try:
            link = self._ready.get_nowait()
        except Empty:
            raise Broken("its connection is being renewed") from None
        self._connecting = None
        self._use(link)

    def _reconnect(self, connected: Event) -> None:
        pause = 0.05
        while not self._closed:
            try:
                self._ready.put(self._connect())
            except Broken:
                time.sleep(pause)
                pause = min(pause * 2, 1.0)
                continue
            connected.set()
            return

    def close(self) -> None:
        """End the connection, and attempts to make one."""
        self._closed = True
        if self._link is not None and not self._link.broken:
            self._link.close()
        while not self._ready.empty():
            self._ready.get().close()
