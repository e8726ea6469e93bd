"""The few words of ASGI that this server uses."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]


def headers_of(pairs: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    """The headers by lower-case name; a name sent twice has its values joined, as RFC 9110 allows."""
    found: dict[str, str] = {}
    for raw_name, raw_value in pairs:
        name, value = raw_name.decode("latin-1"), raw_value.decode("latin-1")
        found[name] = f"{found[name]}, {value}" if name in found else value
    return found


def peer_of(scope: Scope) -> str:
    """The address of the other side of the connection, or nothing."""
    client = scope.get("client")
    return str(client[0]) if client else ""


def request_ids() -> Callable[[], str]:
    """A function that gives a fresh guid (version 4) per call. Not for secrets: it is a fast generator."""
    bits = random.Random(random.SystemRandom().getrandbits(256)).getrandbits  # noqa: S311 - ids, not secrets

    def fresh() -> str:
        h = f"{bits(128):032x}"
        return f"{h[:8]}-{h[8:12]}-4{h[13:16]}-a{h[17:20]}-{h[20:]}"

    return fresh
