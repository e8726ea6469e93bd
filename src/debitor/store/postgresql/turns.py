"""Many reads at once over one connection, by code that knows nothing of it.

    read A: sends its statement ......................... goes on with its rows
    read B:     sends its statement ......................... goes on with its rows
    loop:   A       B       requests, answers     A's rows       B's rows

A read that runs in `taking_turns` is a greenlet: where it would wait for the database, the event loop goes on, and
with it the next read, whose statement is sent behind the first one. Rows come in the order of the statements. A read
outside of it waits as ever, and takes the rows of the others on its way.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextvars import copy_context
from typing import TypeVar

from greenlet import getcurrent, greenlet
from psycopg import OperationalError
from psycopg.pq import ConnStatus, ExecStatus
from psycopg.pq.abc import PGresult

from debitor.store.postgresql.link import Broken, Command, Link, TimedOut

T = TypeVar("T")

MOST_SENT = 32
"""Statements whose rows are waited for at most, so that neither side waits with full buffers."""


class _Read(greenlet):
    """A read that lets others go on while it waits."""


async def taking_turns(read: Callable[[], T]) -> T:
    """Return what a function returns that reads over a `SharedLink`. Others go on while it waits."""
    child = _Read(read)
    child.gr_context = copy_context()
    waits = child.switch()
    while not child.dead:
        try:
            await waits
        except BaseException as error:  # cancelled: what the read has begun ends, too
            waits = child.throw(error)
        else:
            waits = child.switch()
    result: T = waits
    return result


class _Sent:
    """Statements that were sent together, up to a sync, and what has come of them so far."""

    __slots__ = ("done", "error", "results", "since", "woken")

    def __init__(self, woken: asyncio.Future[None] | None) -> None:
        self.woken = woken
        self.results: list[PGresult] = []
        self.error: Exception | None = None
        self.done = False
        self.since = 0.0

    def end(self) -> None:
        """Let whoever waits go on."""
        self.done = True
        if self.woken is not None and not self.woken.done():
            self.woken.set_result(None)


class SharedLink(Link):
    """A connection whose answers several reads may wait for, all on one thread. They only read, and stand alone."""

    def __init__(self, url: str, *, patience: float, options: dict[str, str]) -> None:
        self._sent: deque[_Sent] = deque()
        self._queue: deque[asyncio.Future[None]] = deque()
        self._coming = 0
        self._loop: asyncio.AbstractEventLoop | None = None
        self._watched = -1
        self._timer: asyncio.TimerHandle | None = None
        super().__init__(url, patience=patience, options=options)
        self._seconds = patience

    # ----------------------------------------------------------------- room

    def _exchange(self, commands: Sequence[Command]) -> list[PGresult]:
        """Send statements when there is room for them, and return the result of each."""
        current = getcurrent()
        if isinstance(current, _Read) and (self._queue or not self._has_room()):
            room = asyncio.get_running_loop().create_future()
            self._queue.append(room)
            assert current.parent is not None, "a read was begun by somebody"
            try:
                current.parent.switch(room)
            except BaseException:
                if not room.cancelled():  # the place goes to the next
                    self._coming -= 1
                    self._let_in()
                raise
            self._coming -= 1
        return super()._exchange(commands)

    def _has_room(self) -> bool:
        return len(self._sent) + self._coming < MOST_SENT

    def _let_in(self) -> None:
        """Let those go on who wait for room; all of them when there is no connection, to hear so."""
        while self._queue and (self.broken or self._has_room()):
            room = self._queue.popleft()
            if not room.done():
                self._coming += 1
                room.set_result(None)

    # ----------------------------------------------------------------- what was sent

    def _results(self) -> list[PGresult]:
        """Wait for the results of what was sent."""
        current = getcurrent()
        if not isinstance(current, _Read):
            mine = self._sending(None)
            while not mine.done:
                self._await_some()
        else:
            loop = asyncio.get_running_loop()
            mine = self._sending(loop.create_future())
            self._watch(loop)
            assert current.parent is not None, "a read was begun by somebody"
            current.parent.switch(mine.woken)
            assert mine.done, "nobody but who has the answer goes on with a read"
        if mine.error is not None:
            raise mine.error
        return mine.results

    def _sending(self, woken: asyncio.Future[None] | None) -> _Sent:
        mine = _Sent(woken)
        if not self._sent:
            mine.since = time.monotonic()
        self._sent.append(mine)
        return mine

    def stale(self) -> bool:
        """Whether the server has ended the connection while nothing was asked."""
        return self.broken if self._sent else super().stale()

    def close(self) -> None:
        """End the connection."""
        self._unwatch()
        super().close()

    def adopt(self, other: Link) -> None:
        """Go on with the connection of another link, which is not to be used any more."""
        self._unwatch()
        super().adopt(other)

    # ----------------------------------------------------------------- what arrives

    def _await_some(self) -> None:
        """Wait until something has arrived, and take it."""
        if not self._pg.is_busy():
            self._take()
        elif not self._poll.poll(self._patience):
            self._overdue()
        else:
            self._arrived()

    def _arrived(self) -> None:
        """Take what has arrived."""
        try:
            self._pg.consume_input()
            self._take()
        except OperationalError as error:
            self._severed(str(error))

    def _take(self) -> None:
        """Give the results that are there to those who sent for them."""
        pg, sent = self._pg, self._sent
        while sent and not pg.is_busy():
            result = pg.get_result()
            if result is None:  # between two statements
                if pg.status != ConnStatus.OK:
                    self._severed(pg.get_error_message())
                    return
            elif result.status == ExecStatus.PIPELINE_SYNC:
                sent.popleft().end()
                if sent:
                    sent[0].since = time.monotonic()
                self._let_in()
            else:
                sent[0].results.append(result)

    def _severed(self, message: str) -> Broken:
        self._unwatch()
        error = super()._severed(message)
        sent, self._sent = self._sent, deque()
        for each in sent:
            each.error = each.error or Broken(*error.args)
            each.end()
        self._let_in()
        return error

    def _overdue(self) -> None:
        """Give the connection up: the answer at its head has not come in time."""
        self._sent[0].error = TimedOut("the server did not answer in time")
        self._severed("the server did not answer in time")

    # ----------------------------------------------------------------- the event loop

    def _watch(self, loop: asyncio.AbstractEventLoop) -> None:
        """Let the event loop take what arrives, and look after the first one that waits."""
        if loop is not self._loop:
            self._unwatch()
            self._loop = loop
        if self._watched < 0:
            self._watched = self._pg.socket
            loop.add_reader(self._watched, self._arrived)
        if self._timer is None:
            self._timer = loop.call_later(self._seconds, self._look)

    def _look(self) -> None:
        """Give up when the first one has waited too long."""
        assert self._loop is not None, "it has set the timer"
        self._timer = None
        if self._sent:
            left = self._sent[0].since + self._seconds - time.monotonic()
            if left <= 0:
                self._overdue()
            else:
                self._timer = self._loop.call_later(left, self._look)

    def _unwatch(self) -> None:
        """Leave the event loop alone."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._watched >= 0 and self._loop is not None and not self._loop.is_closed():
            self._loop.remove_reader(self._watched)
        self._watched = -1
