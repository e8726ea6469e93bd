"""The body of a request: read whole, bounded in bytes and in time, its content encoding undone."""

from __future__ import annotations

import asyncio

from debitor.front.asgi import Message, Receive
from debitor.front.codings import decoded
from debitor.schema import Refused

BODY_TIMEOUT = 30.0
"""Seconds that the next part of a body may take."""


class Disconnected(Exception):
    """The client went away before its body was complete."""


async def read_body(receive: Receive, headers: dict[str, str], limit: int) -> bytes:
    """The whole body, decompressed.

    Args:
        limit: bytes of the largest body, before and after decompression.
    Raises:
        Refused: too large (413), too slow (408), or not what its headers say.
        Disconnected: see there.
    """
    declared, length = headers.get("content-length"), -1
    if declared is not None:
        length = int(declared)
        if length > limit:
            raise _too_large(limit)
    elif "transfer-encoding" not in headers:
        return b""
    message = await receive()
    body: bytes = message.get("body", b"")
    # The server may announce more when all has come already; waiting for nothing would cost a timer.
    if len(body) != length and (message.get("more_body") or message["type"] != "http.request"):
        body = await _rest(receive, message, limit)
    encoding = headers.get("content-encoding")
    if encoding is not None and body:
        body = decoded(body, encoding, limit, _too_large)
    return body


def _too_large(limit: int) -> Refused:
    return Refused("BadRequest", f"The request body is larger than {limit} bytes; send it in parts.", 413)


async def _rest(receive: Receive, message: Message, limit: int) -> bytes:
    """The body from its first message on; stops reading as soon as it is larger than `limit`."""
    body = bytearray()
    while True:
        if message["type"] != "http.request":
            raise Disconnected
        body += message.get("body", b"")
        if len(body) > limit:
            raise _too_large(limit)
        if not message.get("more_body"):
            return bytes(body)
        try:
            message = await asyncio.wait_for(receive(), BODY_TIMEOUT)
        except TimeoutError:
            told = f"The request body stopped for {BODY_TIMEOUT:g} seconds."
            raise Refused("BadRequest", told, 408) from None
