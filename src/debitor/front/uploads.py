"""The content of a stream property goes to the store in portions while it arrives: it never lies in memory whole.

Each portion is a small transaction, so others write in between. A content that is cut off, too large or refused at
the end belongs to nothing and is swept away later (store/contents.py).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from typing import Any

from debitor.front.asgi import Receive
from debitor.front.bodies import BODY_TIMEOUT, Disconnected, drop
from debitor.schema import Refused
from debitor.store import Root, Store, StoreError
from debitor.store.contents import PORTION, sweep

log = logging.getLogger("debitor")

SWEEP_EVERY = 60.0
"""Seconds between looks for contents that nothing names."""


async def portions(receive: Receive, headers: dict[str, str], limit: int) -> AsyncIterator[bytes]:
    """Give the body in portions of PORTION bytes; the last one may be shorter.

    Raises:
        Refused: too large (413), too slow (408), in a content coding (415), or shorter than it says (400).
        Disconnected: the client went away.
    """
    coding = headers.get("content-encoding", "identity").strip().lower()
    if coding != "identity":
        await drop(receive)
        raise Refused("BadRequest", f"A content is sent as it is, without the content coding '{coding[:50]}'.", 415)
    declared = headers.get("content-length")
    if declared is not None and int(declared) > limit:
        await drop(receive)
        raise too_large(limit)
    size, more = 0, declared is not None or "transfer-encoding" in headers
    rest = bytearray()
    while more:
        try:
            message = await asyncio.wait_for(receive(), BODY_TIMEOUT)
        except TimeoutError:
            raise Refused("BadRequest", f"The content stopped for {BODY_TIMEOUT:g} seconds.", 408) from None
        if message["type"] != "http.request":
            raise Disconnected
        piece = message.get("body", b"")
        size += len(piece)
        if size > limit:
            if message.get("more_body"):
                await drop(receive)
            raise too_large(limit)
        rest += piece
        more = message.get("more_body", False)
        while len(rest) >= PORTION:
            yield bytes(rest[:PORTION])
            del rest[:PORTION]
    if declared is not None and size != int(declared):
        raise Refused("BadRequest", f"The content has {size} bytes; its Content-Length says {declared}.")
    if rest:
        yield bytes(rest)


def too_large(limit: int) -> Refused:
    """Return the refusal of a content that is larger than the setting allows."""
    return Refused("BadRequest", f"The content is larger than {limit} bytes, the setting max_media.", 413)


async def sweeping(store: Store, companies: type[Any]) -> None:
    """Remove what nothing names, now and then, until cancelled. `companies`: the record of companies."""
    while True:
        try:
            for company in store.reader().all(companies) if store.leads() else ():
                while await store.write(_sweep_of(company.key)):
                    await asyncio.sleep(0.01)
        except StoreError as error:
            log.warning("contents that nothing names could not be removed: %s", error)
        await asyncio.sleep(SWEEP_EVERY)


def _sweep_of(key: int) -> Callable[[Root], int]:
    return lambda root: sweep(root.at(key))
