"""How much one user may ask of the server, as Business Central online limits it; off unless a setting says so.

    6,000 requests in any five minutes      the next is 429 Application_TooManyRequests, Retry-After
    5 requests at once                      the next waits; 95 may wait, one more is 429
    8 minutes of waiting                    503
    8 minutes of work                       408, and nothing is written

A user is an application (client id). Pages of 20,000 rows and 100 requests in a `$batch` hold always, not only here.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from math import ceil

from debitor.schema import Refused


@dataclass(frozen=True, slots=True)
class Limits:
    """The numbers.

    Args:
        requests: in any `window`.
        window: seconds.
        at_once: requests that are answered at the same time.
        queue: requests that may wait for their turn.
        wait: seconds that one waits at most.
        work: seconds that a request may take once it has its turn.
    """

    requests: int = 6000
    window: int = 300
    at_once: int = 5
    queue: int = 95
    wait: int = 480
    work: int = 480


ONLINE = Limits()


@dataclass(slots=True)
class _User:
    """One user's requests: when they came, how many run, who waits."""

    times: deque[float] = field(default_factory=deque)
    running: int = 0
    waiting: deque[asyncio.Future[None]] = field(default_factory=deque)


class Limiter:
    """Counts and queues. For one event loop.

    Args:
        limits: the numbers.
        clock: seconds on a clock that never steps.
    """

    def __init__(self, limits: Limits, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.limits, self._clock = limits, clock
        self._users: dict[str, _User] = {}
        self._swept = clock()

    async def enter(self, user: str) -> Turn:
        """Take a turn, waiting for it if need be.

        Raises:
            Refused: too many requests (429), or waited too long (503); `retry_after` says when to come again.
        """
        now = self._clock()
        self._sweep(now)
        each = self._users.setdefault(user, _User())
        self._count(each, now)
        if each.running >= self.limits.at_once:
            await self._wait(each)
        else:
            each.running += 1
        return Turn(self, each, self._clock() + self.limits.work)

    def _count(self, each: _User, now: float) -> None:
        limits, times = self.limits, each.times
        while times and times[0] <= now - limits.window:
            times.popleft()
        if len(times) >= limits.requests:
            # A refused request is not counted: else a client that asks on would never come in again.
            raise too_many(len(times) + 1, limits.requests, times[0] + limits.window - now)
        if each.running >= limits.at_once and len(each.waiting) >= limits.queue:
            most = limits.at_once + limits.queue
            raise too_many(most + 1, most, 1)
        times.append(now)

    async def _wait(self, each: _User) -> None:
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        each.waiting.append(turn)
        try:
            await asyncio.wait_for(asyncio.shield(turn), self.limits.wait)
        except BaseException as error:
            if turn.done():
                # The turn came together with the end of waiting; it passes to the next.
                self.leave(each)
            else:
                each.waiting.remove(turn)
                turn.cancel()
            if isinstance(error, TimeoutError):
                raise waited(self.limits.wait) from None
            raise

    def leave(self, each: _User) -> None:
        """Give the turn to the next who waits."""
        if each.waiting:
            each.waiting.popleft().set_result(None)
        else:
            each.running -= 1

    def _sweep(self, now: float) -> None:
        """Forget users that have been silent for a window."""
        if now < self._swept + self.limits.window:
            return
        self._swept = now
        silent = now - self.limits.window
        for name, each in list(self._users.items()):
            if not each.running and (not each.times or each.times[-1] <= silent):
                del self._users[name]


class Turn:
    """The right to be answered now; `with` gives it back."""

    def __init__(self, limiter: Limiter, user: _User, end: float) -> None:
        self._limiter, self._user, self._end = limiter, user, end

    def __enter__(self) -> Turn:
        return self

    def __exit__(self, *error: object) -> None:
        self._limiter.leave(self._user)

    def check(self) -> None:
        """Refuse (408) when the request has taken too long; raised inside its transaction, it undoes it."""
        if self._limiter._clock() > self._end:
            raise Refused(
                "Request_Timeout",
                f"The request took more than {self._limiter.limits.work} seconds. Nothing was written; ask for less "
                "at once.",
            )


class LimitReached(Refused):
    """A limit is reached. `retry_after`: seconds."""

    def __init__(self, code: str, message: str, status: int | None, retry_after: int) -> None:
        super().__init__(code, message, status)
        self.retry_after = retry_after


def too_many(actual: int, maximum: int, seconds: float) -> LimitReached:
    """The refusal of a request above a limit."""
    wait = max(1, ceil(seconds))
    told = f"Too many requests: {actual}, and the maximum is {maximum}. Come again in {wait} seconds."
    return LimitReached("Application_TooManyRequests", told, None, wait)


def waited(seconds: int) -> LimitReached:
    """The refusal of a request whose turn did not come."""
    told = f"The request waited {seconds} seconds for its turn; send fewer at once."
    return LimitReached("Request_WaitedTooLong", told, 503, 1)
