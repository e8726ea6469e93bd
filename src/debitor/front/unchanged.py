"""Answers to reads, remembered while the books stay as they are.

Whoever asks again, before anything was committed, gets the same bytes without the protocol and the store being
asked. What an answer depends on is its key: address, query, the few headers that matter, who asks, and the day. A
request with any other header that might matter is never remembered.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from debitor.identity import Caller

MOST_BYTES: Final = 16 << 20
"""Bytes of all remembered answers together, with what was asked."""
OVERHEAD: Final = 2048
"""Bytes that an answer takes besides its body, address and query."""
LARGEST: Final = 64 << 10
"""Bytes of the largest body that is remembered."""

_MATTERING: Final = frozenset({"accept", "accept-encoding"})
"""Headers that are part of the key."""
_HARMLESS: Final = _MATTERING | {
    "authorization", "cache-control", "client-request-id", "connection", "content-length", "content-type", "host",
    "odata-maxversion", "odata-version", "origin", "pragma", "referer", "traceparent", "tracestate", "user-agent",
    "x-ms-client-request-id", "x-request-id",
}  # fmt: skip
"""Headers that say nothing about the answer to a GET; the host and who asks are in the key by other ways."""


class Known(NamedTuple):
    """A remembered answer.

    Attributes:
        status: of HTTP.
        headers: all but those that differ from request to request.
        body: in its content coding.
    """

    status: int
    headers: list[tuple[bytes, bytes]]
    body: bytes


class Unchanged:
    """The remembered answers of one state of the books; forgotten as a whole with the next state.

    Attributes:
        size: bytes of all answers, about.
    """

    def __init__(self) -> None:
        self._answers: dict[tuple[Any, ...], Known] = {}
        self.size = 0
        self._state: object = None

    @staticmethod
    def key(
        root: str, path: str, query: bytes, headers: Mapping[str, str], caller: Caller, day: int
    ) -> tuple[Any, ...] | None:
        """Return what the answer to a GET depends on besides the books; None when a header says something more."""
        if not headers.keys() <= _HARMLESS:
            return None
        return (
            root,
            path,
            query,
            headers.get("accept"),
            headers.get("accept-encoding"),
            caller.client_id,
            caller.rights,
            day,
        )

    def get(self, key: tuple[Any, ...], state: object) -> Known | None:
        """Return the answer that was remembered for this state of the books."""
        return self._answers.get(key) if state is self._state else None

    def put(self, key: tuple[Any, ...], state: object, answer: Known) -> None:
        """Remember an answer that was made from this state of the books, or a later one."""
        if len(answer.body) > LARGEST:
            return
        size = OVERHEAD + len(answer.body) + sum(len(part) for part in key if isinstance(part, str | bytes))
        if state is not self._state or self.size + size > MOST_BYTES:
            self._answers.clear()
            self.size, self._state = 0, state
        self._answers[key] = answer
        self.size += size
