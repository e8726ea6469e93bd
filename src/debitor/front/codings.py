"""Content codings of answers and of request bodies: gzip, deflate, br, zstd.

Accept-Encoding decides which one an answer gets; of those that the client likes equally well the first of CODINGS.
Levels are low: an answer is made for one client, and a few bytes less are not worth milliseconds of the server.
Request bodies are undone piece by piece, so that a small body cannot become a large one in memory.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator
from typing import Any, Protocol

import brotli
import zstandard

from debitor.odata.messages import Response
from debitor.schema import Refused

CODINGS = ("zstd", "br", "gzip", "deflate")
"""Those that we make, the cheapest per saved byte first."""
SMALLEST = 1400
"""Bytes from which an answer is worth coding; a smaller one fits into one packet as it is."""
IN_THREAD = 256 << 10
"""Bytes from which coding a whole body takes so long that it is done beside the event loop."""
ZSTD_LEVEL, BR_QUALITY, GZIP_LEVEL = 3, 3, 2
_WINDOW = 8 << 20
"""The largest window of a zstd frame that we undo, as RFC 8878 advises."""
MOST_CODINGS = 4
"""Codings of one request body."""
_SLICE = 256
_MOST_REMEMBERED = 200
_CODED = frozenset(("application/pdf", "application/zip", "application/gzip", "image/", "video/", "audio/"))
"""Content types whose bytes are compressed already."""


class Coder(Protocol):
    """Makes a coding of pieces."""

    def piece(self, data: bytes) -> bytes:
        """What a piece becomes, flushed so that the other side can read it at once."""
        ...

    def end(self) -> bytes:
        """What follows the last piece."""
        ...


class _Zlib:
    def __init__(self, wbits: int) -> None:
        self._made = zlib.compressobj(GZIP_LEVEL, zlib.DEFLATED, wbits)

    def piece(self, data: bytes) -> bytes:
        return self._made.compress(data) + self._made.flush(zlib.Z_SYNC_FLUSH)

    def end(self) -> bytes:
        return self._made.flush()


class _Brotli:
    def __init__(self) -> None:
        self._made = brotli.Compressor(quality=BR_QUALITY)

    def piece(self, data: bytes) -> bytes:
        made: bytes = self._made.process(data) + self._made.flush()
        return made

    def end(self) -> bytes:
        made: bytes = self._made.finish()
        return made


class _Zstd:
    def __init__(self) -> None:
        self._made = zstandard.ZstdCompressor(level=ZSTD_LEVEL).compressobj()

    def piece(self, data: bytes) -> bytes:
        return self._made.compress(data) + self._made.flush(zstandard.COMPRESSOBJ_FLUSH_BLOCK)

    def end(self) -> bytes:
        return self._made.flush()


_CODERS: dict[str, Callable[[], Coder]] = {
    "zstd": _Zstd,
    "br": _Brotli,
    "gzip": lambda: _Zlib(zlib.MAX_WBITS | 16),
    "deflate": lambda: _Zlib(zlib.MAX_WBITS),
}


def encoded(body: bytes, coding: str) -> bytes:
    """Return a whole body in a coding."""
    if coding == "gzip":
        return zlib.compress(body, GZIP_LEVEL, zlib.MAX_WBITS | 16)
    if coding == "zstd":
        return zstandard.ZstdCompressor(level=ZSTD_LEVEL).compress(body)
    if coding == "br":
        made: bytes = brotli.compress(body, quality=BR_QUALITY)
        return made
    return zlib.compress(body, GZIP_LEVEL)


def pieces(chunks: Iterator[bytes], coding: str) -> Iterator[bytes]:
    """Give pieces in a coding; closes the pieces that it takes."""
    coder = _CODERS[coding]()
    try:
        for chunk in chunks:
            yield coder.piece(chunk)
        yield coder.end()
    finally:
        close: Any = getattr(chunks, "close", None)
        if close is not None:
            close()


# --------------------------------------------------------------------------- choosing


_CHOSEN: dict[str, str] = {}


def chosen(accept: str) -> str:
    """Return the coding that an Accept-Encoding header asks for, or "" for none.

    A client that forbids every coding, and none as well, gets the answer as it is: a 406 would come after the write.
    """
    found = _CHOSEN.get(accept)
    if found is None:
        found = _choose(accept)
        if len(_CHOSEN) >= _MOST_REMEMBERED:
            _CHOSEN.clear()
        _CHOSEN[accept] = found
    return found


def _choose(accept: str) -> str:
    wishes: dict[str, float] = {}
    for item in accept.lower().split(","):
        name, _, parameter = item.strip().partition(";")
        if name.strip():
            wishes[name.strip().removeprefix("x-")] = _quality(parameter)
    rest = wishes.get("*", 0.0)
    best = max(CODINGS, key=lambda name: wishes.get(name, rest))
    liked = wishes.get(best, rest)
    plain = wishes.get("identity", wishes.get("*", 1.0) if "*" in wishes else 1.0)
    if liked > 0 and (liked >= plain or "identity" not in wishes):
        return best
    return ""


def _quality(parameter: str) -> float:
    name, _, value = parameter.strip().partition("=")
    if name.strip() != "q":
        return 1.0
    try:
        return min(max(float(value), 0.0), 1.0)
    except ValueError:
        return 0.0


def codable(response: Response) -> bool:
    """Whether an answer is large enough, and of a type that gets smaller."""
    if response.status in (204, 304) or response.later is not None:
        return False
    if response.chunks is None and len(response.body) < SMALLEST:
        return False
    for name, value in response.headers:
        if name == "content-encoding":
            return False
        if name == "content-type" and (value.partition(";")[0] in _CODED or value.partition("/")[0] + "/" in _CODED):
            return False
    return True


# --------------------------------------------------------------------------- request bodies


def decoded(body: bytes, header: str, limit: int, too_large: Callable[[int], Refused]) -> bytes:
    """Undo the codings of a body, the last one first. Never holds more than `limit` bytes of a result.

    Raises:
        Refused: a coding that is not known (415), broken data (400), or more than `limit` bytes (413).
    """
    names = [part.strip().lower().removeprefix("x-") for part in header.split(",")]
    if len(names) > MOST_CODINGS:
        raise Refused(
            "BadRequest", f"The body has {len(names)} content codings; at most {MOST_CODINGS} are undone.", 415
        )
    for name in reversed(names):
        if name in ("identity", ""):
            continue
        undo = _UNDO.get(name)
        if undo is None:
            raise Refused(
                "BadRequest",
                f"The content coding '{name[:50]}' is not known; send {', '.join(CODINGS)} or none.",
                415,
            )
        try:
            body = undo(body, limit)
        except (zlib.error, brotli.error, zstandard.ZstdError, EOFError):
            raise Refused("BadRequest", f"The {name} data of the body is damaged, or ends too early.") from None
        if len(body) > limit:
            raise too_large(limit)
    return body


def _inflate(wbits: int) -> Callable[[bytes, int], bytes]:
    def undo(body: bytes, limit: int) -> bytes:
        result, rest = bytearray(), body
        while rest:  # gzip may consist of several members, one after the other
            inflate = zlib.decompressobj(wbits)
            result += inflate.decompress(rest, limit + 1 - len(result))
            if len(result) > limit:
                return bytes(result)
            if not inflate.eof:
                raise EOFError
            rest = inflate.unused_data
        return bytes(result)

    return undo


def _unbrotli(body: bytes, limit: int) -> bytes:
    made = brotli.Decompressor()
    result = bytearray(made.process(body, output_buffer_limit=limit + 1))
    while len(result) <= limit and not made.is_finished():
        more = made.process(b"", output_buffer_limit=limit + 1 - len(result))
        if not more:
            raise EOFError
        result += more
    return bytes(result)


def _unzstd(body: bytes, limit: int) -> bytes:
    """Undo zstd in small slices: a slice of _SLICE bytes can become 8 MB at most, as its blocks are 128 KB each."""
    result, rest = bytearray(), body
    while rest:
        frame = zstandard.ZstdDecompressor(max_window_size=_WINDOW).decompressobj()
        at = 0
        while not frame.eof:
            if at >= len(rest):
                raise EOFError
            result += frame.decompress(rest[at : at + _SLICE])
            at += _SLICE
            if len(result) > limit:
                return bytes(result)
        rest = frame.unused_data + rest[at:]
    return bytes(result)


_UNDO: dict[str, Callable[[bytes, int], bytes]] = {
    "gzip": _inflate(zlib.MAX_WBITS | 16),
    "deflate": _inflate(zlib.MAX_WBITS),
    "br": _unbrotli,
    "zstd": _unzstd,
}
