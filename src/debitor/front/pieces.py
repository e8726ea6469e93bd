"""A body sent piece by piece: other requests get their turn in between, and nobody works for a client that left."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Generator, Iterator

from debitor.front.asgi import Receive, Send
from debitor.front.bodies import Disconnected


class Stopped(Exception):
    """The server stops, and the time of requests in flight is over."""


async def send_pieces(
    send: Send, receive: Receive, chunks: Iterator[bytes], *, seconds: float, stopped: Callable[[], bool]
) -> None:
    """Send all chunks as the body of an answer that has begun, and close them in any case.

    The caller lets what is raised pass: the HTTP server then cuts the connection, so that no client takes what it has
    for the whole answer.

    Args:
        seconds: how long all of it may take.
        stopped: asked before each piece.
    Raises:
        TimeoutError: the client takes too long.
        Disconnected: it went away.
        Stopped: see there.
        Exception: what `chunks` raises.
    """
    gone = asyncio.ensure_future(_disconnect(receive))
    try:
        async with asyncio.timeout(seconds):
            for piece in chunks:
                if stopped():
                    raise Stopped
                if gone.done():
                    raise Disconnected
                await send({"type": "http.response.body", "body": piece, "more_body": True})
                await asyncio.sleep(0)
            await send({"type": "http.response.body", "body": b""})
    finally:
        gone.cancel()
        if isinstance(chunks, Generator):
            chunks.close()


async def _disconnect(receive: Receive) -> None:
    """Wait until the client goes away: the HTTP server takes what is sent after that and says nothing."""
    while (await receive())["type"] != "http.disconnect":
        pass
