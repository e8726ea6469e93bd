"""Content codings: what comes back, what is chosen, what is refused."""

from __future__ import annotations

import gzip
import itertools
import zlib
from collections.abc import Callable, Generator

import brotli
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from debitor.front.codings import CODINGS, SMALLEST, chosen, codable, decoded, encoded, pieces
from debitor.odata.messages import Response
from debitor.schema import Refused

BOMB = bytes(10**8)


def too_large(limit: int) -> Refused:
    return Refused("BadRequest", f"more than {limit}", 413)


def outcome(run: Callable[[], bool]) -> bool | int:
    """What a call says, or the status of its refusal."""
    try:
        return run()
    except Refused as no:
        return no.status or 400


@pytest.mark.parametrize("coding", CODINGS)
@given(data=st.binary(max_size=3000), cuts=st.lists(st.integers(0, 3000), max_size=4))
def test_what_is_coded_comes_back(coding: str, data: bytes, cuts: list[int]) -> None:
    at = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    parts = [data[a:b] for a, b in itertools.pairwise(at)]

    assert decoded(encoded(data, coding), coding, len(data), too_large) == data
    assert decoded(b"".join(pieces(iter(parts), coding)), coding, len(data), too_large) == data


@given(data=st.binary(max_size=300), codings=st.lists(st.sampled_from((*CODINGS, "identity", "x-gzip")), max_size=4))
def test_several_codings_are_undone_from_the_last(data: bytes, codings: list[str]) -> None:
    body = data
    for coding in codings:
        body = body if coding == "identity" else encoded(body, coding.removeprefix("x-"))

    assert decoded(body, ", ".join(codings), 10_000, too_large) == data


@pytest.mark.parametrize("coding", CODINGS)
@given(data=st.binary(min_size=1, max_size=200))
def test_garbage_is_refused_or_bounded(coding: str, data: bytes) -> None:
    assert outcome(lambda: len(decoded(data, coding, 1000, too_large)) <= 1000) in (True, 400, 413)


@pytest.mark.parametrize(
    ("coding", "data", "status"),
    [
        ("compress", b"x", 415),
        ("gzip, " * 9 + "gzip", b"x", 415),
        ("gzip", b"not gzip", 400),
        ("gzip", gzip.compress(b"x" * 1000)[:-10], 400),
        ("gzip", gzip.compress(b"x" * 1001), 413),
        ("gzip", gzip.compress(b"x" * 600) * 2, 413),
        ("deflate", zlib.compress(BOMB), 413),
        ("br", brotli.compress(BOMB), 413),
        ("br", brotli.compress(b"x" * 900)[:-1], 400),
        ("zstd", zstandard.ZstdCompressor().compress(BOMB), 413),
        ("zstd", zstandard.ZstdCompressor().compress(b"x" * 900)[:-1], 400),
        ("zstd", zstandard.ZstdCompressor().compress(b"x" * 600) * 2, 413),
        ("br, gzip", gzip.compress(brotli.compress(BOMB)), 413),
    ],
)
def test_bodies_that_are_refused(coding: str, data: bytes, status: int) -> None:
    """The limit counts what comes out; a bomb is stopped while it unfolds."""
    with pytest.raises(Refused) as raised:
        decoded(data, coding, 1000, too_large)

    assert (raised.value.status or 400) == status


@pytest.mark.parametrize(
    ("accept", "coding"),
    [
        ("gzip, deflate", "gzip"),
        ("gzip, deflate, br", "br"),
        ("gzip, deflate, br, zstd", "zstd"),
        ("GZIP", "gzip"),
        ("x-gzip", "gzip"),
        ("br;q=0.5, gzip;q=0.8", "gzip"),
        ("zstd;q=0, *", "br"),
        ("*;q=0.1", "zstd"),
        ("*", "zstd"),
        ("identity", ""),
        ("", ""),
        ("compress", ""),
        ("gzip;q=0", ""),
        ("gzip;q=0.5, identity", ""),
        ("gzip;q=0.5, identity;q=0.1", "gzip"),
        ("gzip;q=nonsense", ""),
        ("deflate, identity;q=0", "deflate"),
        ("identity;q=0", ""),
        ("*;q=0", ""),
        ("compress, *;q=0", ""),
    ],
)
def test_what_is_chosen(accept: str, coding: str) -> None:
    assert chosen(accept) == coding


@given(st.text(alphabet="gzipbrstd*;q=0.1,- \x00", max_size=60))
def test_no_header_breaks_it(accept: str) -> None:
    assert chosen(accept) in ("", *CODINGS)


@pytest.mark.parametrize(
    ("response", "wanted"),
    [
        (Response(200, [("content-type", "application/json")], b"x" * SMALLEST), True),
        (Response(200, [("content-type", "application/json")], b"x" * (SMALLEST - 1)), False),
        (Response(200, [("content-type", "image/png")], b"x" * SMALLEST), False),
        (Response(200, [("content-type", "application/pdf")], chunks=iter([b"x"])), False),
        (Response(200, [("content-type", "text/plain")], chunks=iter([b"x"])), True),
        (Response(200, [("content-encoding", "gzip")], b"x" * SMALLEST), False),
        (Response(304, []), False),
    ],
)
def test_what_is_worth_coding(response: Response, wanted: bool) -> None:
    assert codable(response) == wanted


def test_the_pieces_of_an_answer_that_is_cut_are_closed() -> None:
    closed = []

    def chunks() -> Generator[bytes, None, None]:
        try:
            yield b"1"
            yield b"2"
        finally:
            closed.append(True)

    made = pieces(chunks(), "gzip")
    next(made)
    made.close()  # type: ignore[attr-defined]

    assert closed == [True]
