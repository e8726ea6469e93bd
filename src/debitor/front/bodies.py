"""The body of a request: read whole, bounded in bytes and in time, its content encoding undone."""

from __future__ import annotations

import asyncio

from debitor.front.asgi import Message, Receive
from debitor.front.codings import decoded
from debitor.schema import Refused

BODY_TIMEOUT = 30.0
"""Seconds that the next part of a body may take."""


MOST_DROPPED, LONGEST_DROP, QUIET = 8 << 20, 2.0, 0.25
"""Bytes, seconds, and seconds without any, for which a refused body is still read: see `drop`."""


class Disconnected(Exception):
    """The client went away before its body was complete."""


async def read_body(receive: Receive, headers: dict[str, str], limit: int, *, patient: bool = True) -> bytes:
    """The whole body, decompressed.

    Args:
        limit: bytes of the largest body, before and after decompression.
        patient: of a body that is too large, read on for a moment (see `drop`); not for somebody unknown.
    Raises:
        Refused: too large (413), too slow (408), or not what its headers say.
        Disconnected: see there.
    """
    declared, length = headers.get("content-length"), -1
    if declared is not None:
        length = int(declared)
        if length > limit:
            if patient:
                await drop(receive)
            raise _too_large(limit)
    elif "transfer-encoding" not in headers:
        return b""
    message = await receive()
    body: bytes = message.get("body", b"")
    # The server may announce more when all has come already; waiting for nothing would cost a timer.
    if len(body) != length and (message.get("more_body") or message["type"] != "http.request"):
        body = await _rest(receive, message, limit, patient=patient)
    encoding = headers.get("content-encoding")
    if encoding is not None and body:
        body = decoded(body, encoding, limit, _too_large)
    return body


def _too_large(limit: int) -> Refused:
    return Refused("BadRequest", f"The request body is larger than {limit} bytes; send it in parts.", 413)


async def _rest(receive: Receive, message: Message, limit: int, *, patient: bool) -> bytes:
    """The body from its first message on; keeps nothing of what is larger than `limit`."""
    body = bytearray()
    while True:
        if message["type"] != "http.request":
            raise Disconnected
        body += message.get("body", b"")
        if len(body) > limit:
            if patient and message.get("more_body"):
                await drop(receive)
            raise _too_large(limit)
        if not message.get("more_body"):
            return bytes(body)
        try:
            message = await asyncio.wait_for(receive(), BODY_TIMEOUT)
        except TimeoutError:
            told = f"The request body stopped for {BODY_TIMEOUT:g} seconds."
            raise Refused("BadRequest", told, 408) from None


async def drop(receive: Receive) -> None:
    """Read on for a moment what is still coming of a body that is refused.

    A connection that is closed while bytes wait to be read is reset, and the client may never see why it was refused.
    """
    loop = asyncio.get_running_loop()
    end, size = loop.time() + LONGEST_DROP, 0
    while size < MOST_DROPPED and loop.time() < end:
        try:
            message = await asyncio.wait_for(receive(), QUIET)
        except TimeoutError:
            return
        size += len(message.get("body", b""))
        if message["type"] != "http.request" or not message.get("more_body"):
            return
