"""The parts that answers are made of: header lists by metadata level, the envelope of a collection."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from debitor.odata.payload import UNSET

CACHE: Final = ("cache-control", "no-cache, no-store")
VERSION: Final = ("odata-version", "4.0")
HEADERS: Final[dict[str, list[tuple[str, str]]]] = {
    level: [
        ("content-type", f"application/json; odata.metadata={level}; odata.streaming=true"),
        VERSION,
        CACHE,
    ]
    for level in ("minimal", "full", "none")
}
"""Metadata level -> headers of a JSON answer; copy before adding to them."""
PLAIN: Final[list[tuple[str, str]]] = [("content-type", "text/plain; charset=utf-8"), VERSION, CACHE]
EMPTY: Final[list[tuple[str, str]]] = [VERSION, CACHE]


class Page(msgspec.Struct):
    """The envelope of a collection."""

    context: Any = msgspec.field(name="@odata.context", default=UNSET)
    count: Any = msgspec.field(name="@odata.count", default=UNSET)
    value: list[Any] = msgspec.field(default_factory=list)
    next: Any = msgspec.field(name="@odata.nextLink", default=UNSET)
    delta: Any = msgspec.field(name="@odata.deltaLink", default=UNSET)
