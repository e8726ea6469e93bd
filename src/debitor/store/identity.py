"""New ids and time stamps, from a clock and a source of randomness that tests can replace."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from threading import Lock

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
_RANDOM_BITS = 74
_RANDOM_BYTES = 10
_END = (1 << 48) - 1
"""The bits behind an id's last hyphen."""


class Identity:
    """Gives ids and time stamps.

    An id has the form of UUID version 7: 48 bits of milliseconds, then random bits. Ids of one process always
    increase: within a millisecond, and when the clock steps back, the last one is counted up.

    Time stamps never step back either, and after `seal` they are later than all before. So two transactions never
    share one, and who asks for what is later than the last stamp he has seen misses nothing.

    Args:
        clock: nanoseconds since 1970.
        entropy: n -> n random bytes.
    """

    def __init__(self, clock: Callable[[], int], entropy: Callable[[int], bytes]) -> None:
        self._clock, self._entropy = clock, entropy
        self._last = 0
        self._high, self._head = -1, ""
        self._stamp = (-1, "")
        self._floor = 0
        self._lock = Lock()

    def now(self) -> str:
        """Return the time as `2026-01-31T09:30:00.120Z`."""
        millisecond = max(self._clock() // 1_000_000, self._floor)
        last, text = self._stamp
        if millisecond <= last and last >= self._floor:
            return text
        seconds, rest = divmod(millisecond, 1000)
        text = f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{rest:03d}Z"
        self._stamp = (millisecond, text)
        return text

    def later(self, stamp: str) -> None:
        """Let what is stamped from now on be later than this stamp, which another server may have given."""
        moment = datetime.fromisoformat(stamp)
        millisecond = (moment - _EPOCH) // _MILLISECOND
        self._floor = max(self._floor, millisecond + 1)

    def mark(self) -> int:
        """Return a random number from 1 to 2**48."""
        return int.from_bytes(self._entropy(6), "big") + 1

    def seal(self) -> None:
        """Let what is stamped from now on be later than what was stamped before."""
        self._floor = self._stamp[0] + 1

    def new_id(self) -> str:
        """Return a fresh guid."""
        with self._lock:
            return self._text(self._reserve(1))

    def new_ids(self, number: int) -> list[str]:
        """Return so many fresh guids, the same as `new_id` would give one by one, in a tenth of the time."""
        with self._lock:
            first = self._reserve(number)
            head, end = self._text(first)[:24], first & _END
            if end + number <= _END:
                return [f"{head}{n:012x}" for n in range(end, end + number)]
            return [self._text(n) for n in range(first, first + number)]

    def _reserve(self, number: int) -> int:
        """Return the first of so many values without a gap: milliseconds and random bits, in one integer."""
        millisecond = self._clock() // 1_000_000
        if millisecond > self._last >> _RANDOM_BITS:
            # The topmost random bit stays 0, so that counting up cannot run into the milliseconds.
            random = int.from_bytes(self._entropy(_RANDOM_BYTES), "big") & ((1 << (_RANDOM_BITS - 1)) - 1)
            first = (millisecond << _RANDOM_BITS) | random
        else:
            first = self._last + 1
        self._last = first + number - 1
        return first

    def _text(self, value: int) -> str:
        high, low = value >> 62, value & ((1 << 62) - 1)
        if high != self._high:
            # Of ids that are made one after the other only the end differs.
            h = f"{((high >> 12) << 16) | (7 << 12) | (high & 0xFFF):016x}"
            self._high, self._head = high, f"{h[:8]}-{h[8:12]}-{h[12:]}-"
        tail = f"{(2 << 62) | low:016x}"
        return f"{self._head}{tail[:4]}-{tail[4:]}"
