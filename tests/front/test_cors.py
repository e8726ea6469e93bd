"""What pages of other origins are told."""

from __future__ import annotations

from debitor.front.cors import Cors, Header

APP = b"https://app.example.com"


def said(cors: Cors, method: str = "GET", **headers: str) -> tuple[dict[bytes, bytes], bool]:
    pairs: list[Header] = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    found, preflight = cors.headers({"method": method, "headers": pairs})
    return dict(found), preflight


def test_a_page_that_may_ask() -> None:
    found, preflight = said(Cors([APP.decode()]), origin=APP.decode())

    assert not preflight
    assert found[b"access-control-allow-origin"] == APP
    assert found[b"vary"] == b"origin"
    assert b"ETag" in found[b"access-control-expose-headers"]
    assert b"access-control-allow-credentials" not in found


def test_a_preflight_names_what_may_be_sent() -> None:
    found, preflight = said(
        Cors([APP.decode()]),
        "OPTIONS",
        origin=APP.decode(),
        access_control_request_method="PATCH",
        access_control_request_headers="authorization,if-match",
    )

    assert preflight
    assert b"PATCH" in found[b"access-control-allow-methods"]
    assert found[b"access-control-allow-headers"] == b"authorization,if-match"
    assert b"access-control-max-age" in found


def test_other_pages_are_told_nothing() -> None:
    """Not even in a preflight; caches learn that the answer depends on who asks."""
    cors = Cors([APP.decode()])
    for origin in (
        "https://evil.example",
        "https://app.example.com.evil.example",
        "http://app.example.com",
        "null",
        "",
    ):
        found = said(cors, "OPTIONS", origin=origin, access_control_request_method="GET")
        assert found == ({b"vary": b"origin"}, False)
    assert said(cors) == ({b"vary": b"origin"}, False)


def test_an_options_that_is_no_preflight_is_answered_by_the_api() -> None:
    assert said(Cors([APP.decode()]), "OPTIONS", origin=APP.decode())[1] is False


def test_names_of_headers_are_not_repeated_blindly() -> None:
    found, preflight = said(
        Cors(["*"]),
        "OPTIONS",
        origin="https://any.example",
        access_control_request_method="GET",
        access_control_request_headers="a\r\nb: c",
    )

    assert preflight
    assert b"access-control-allow-headers" not in found
    assert found[b"access-control-allow-origin"] == b"*"
    assert b"vary" not in found
