"""Hostile and broken input: each a 4xx with a code and a message, never a 500, never a half-written row."""

from __future__ import annotations

import json
import socket
import uuid
from typing import Any

import pytest
import requests

OPEN = b'{"customerNumber":"10400","amount":'


def raw(books: Any, path: str, body: bytes, **headers: str) -> requests.Response:
    sent = {"Content-Type": "application/json", **{k.replace("_", "-"): v for k, v in headers.items()}}
    answer = books.request("POST", path, data=body, headers=sent)
    assert isinstance(answer, requests.Response)
    return answer


BODIES: list[tuple[str, bytes]] = [
    ("empty", b""),
    ("not JSON", b"customerNumber=10400"),
    ("cut off", OPEN),
    ("a list", b"[]"),
    ("a string", b'"x"'),
    ("a number", b"1"),
    ("null", b"null"),
    ("trailing text", b'{"amount":-1} x'),
    ("duplicate keys", b'{"amount":-1,"amount":-2}'),
    ("invalid UTF-8", b'{"description":"\xff\xfe"}'),
    ("a lone surrogate", b'{"description":"\\ud800"}'),
    ("a NUL character", b'{"description":"a\\u0000b"}'),
    ("NaN", OPEN + b"NaN}"),
    ("infinity", OPEN + b"Infinity}"),
    ("a number with 400 digits", OPEN + b"9" * 400 + b"}"),
    ("an exponent bomb", OPEN + b"1e999999999}"),
    ("a tiny exponent", OPEN + b"1e-999999999}"),
    ("too many decimals", OPEN + b"0.000001}"),
    ("an object for a number", OPEN + b"{}}"),
    ("a list for a text", b'{"description":[]}'),
    ("deep nesting", b'{"description":' + b"[" * 100_000 + b"]" * 100_000 + b"}"),
    ("deep objects", b'{"a":' * 50_000 + b"1" + b"}" * 50_000),
    ("a year too far", b'{"postingDate":"10000-01-01"}'),
    ("year zero", b'{"postingDate":"0000-01-01"}'),
    ("a day that is not", b'{"postingDate":"2026-02-29"}'),
    ("a date with time", b'{"postingDate":"2026-02-02T00:00:00Z"}'),
    ("true for a text", b'{"description":true}'),
    ("a guid too short", b'{"customerId":"1234"}'),
    ("a guid as number", b'{"customerId":12}'),
    ("an unknown property", b'{"__proto__":{}}'),
    ("a line number beyond 32 bits", b'{"lineNumber":4294967296}'),
    ("a megabyte of text", b'{"description":"' + b"x" * 1_000_000 + b'"}'),
]


@pytest.mark.parametrize(("what", "body"), BODIES, ids=[b[0] for b in BODIES])
def test_a_broken_body_is_refused_and_leaves_nothing(books: Any, what: str, body: bytes) -> None:
    """The message is for a person: it is not empty, not huge, and carries the correlation id."""
    journal = books.new_journal()
    path = f"customerPaymentJournals({journal})/customerPayments"
    answer = raw(books, path, body)

    assert answer.status_code == 400, answer.text[:300]
    error = answer.json()["error"]
    assert error["code"]
    assert 20 < len(error["message"]) < 1500
    assert error["message"].endswith(f"CorrelationId:  {answer.headers['request-id']}.")
    assert books.get(path).json()["value"] == []


def test_negative_zero_is_zero(books: Any) -> None:
    """-0 is accepted and is 0."""
    path = f"customerPaymentJournals({books.new_journal()})/customerPayments"

    assert raw(books, path, b'{"amount":-0.0}').text.count('"amount":0,') == 1


@pytest.mark.parametrize("kind", ["text/plain", "application/xml", "application/x-www-form-urlencoded", "x"])
def test_another_media_type_is_refused(books: Any, kind: str) -> None:
    """415: say what to send instead."""
    answer = raw(books, "customers", b'{"displayName":"x"}', Content_Type=kind)

    assert answer.status_code == 415
    assert "application/json" in answer.json()["error"]["message"]


def test_a_hundred_megabytes_are_refused_without_being_held(books: Any) -> None:
    """The length is announced, so the body need not even be sent."""
    url = books.url.removeprefix("http://")
    host, _, path = url.partition("/")
    name, _, port = host.partition(":")
    token = books.session.headers["Authorization"]
    with socket.create_connection((name, int(port)), timeout=30) as wire:
        wire.sendall(
            f"POST /{path}/customers HTTP/1.1\r\nHost: {host}\r\nAuthorization: {token}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {100 << 20}\r\n\r\n".encode()
        )
        answer = wire.recv(65536)

    assert b" 413 " in answer.split(b"\r\n")[0]


def test_an_endless_chunked_body_is_cut_off(books: Any) -> None:
    """Nobody announces the length; the limit holds all the same."""

    def chunks() -> Any:
        for _ in range(100):
            yield b"x" * (1 << 20)

    try:
        answer = books.request("POST", "customers", data=chunks(), headers={"Content-Type": "application/json"})
    except requests.ConnectionError:
        pass  # the server hung up while we were still sending
    else:
        assert answer.status_code == 413
    assert books.get("customers?$top=1").status_code == 200


URLS = [
    "customers(" + "x" * 5000 + ")",
    "customers('; drop table customer; --')",
    "customers%00",
    "customers/%ff%fe",
    "customers?$filter=" + "(" * 3000,
    "customers?$filter=displayName eq 'x",
    "customers?$filter=displayName eq",
    "customers?$filter=nothing eq 1",
    "customers?$filter=displayName eq 'a' or " * 50,
    "customers?$top=-1",
    "customers?$top=1e9",
    "customers?$skip=99999999999999999999",
    "customers?$orderby=nothing",
    "customers?$select=nothing",
    "customers?$expand=nothing",
    "customers?$expand=" + "defaultDimensions($expand=customer($expand=" * 8 + "x",
    "customers?$skiptoken=abc",
    "customers?$unknown=1",
    "customers?$top=1&$top=2",
    "customers?$schemaversion=9",
    "nothing",
    "customers(00000000-0000-0000-0000-000000000001)/nothing",
    "customers/Microsoft.NAV.post",
]


@pytest.mark.parametrize("path", URLS, ids=lambda p: p[:40])
def test_a_broken_address_is_refused(books: Any, path: str) -> None:
    """4xx with a code, whatever the address is made of."""
    answer = books.get(path)

    assert 400 <= answer.status_code < 500, answer.text[:300]
    assert answer.json()["error"]["code"]


def test_a_batch_of_rubbish_is_refused(books: Any) -> None:
    """Each form of a batch that is none."""
    rubbish: list[dict[str, Any]] = [
        {},
        {"requests": 1},
        {"requests": [1]},
        {"requests": [{"method": "GET"}]},
        {"requests": [{}] * 101},
    ]
    for body in rubbish:
        answer = books.session.post(
            f"{books.root}/$batch", data=json.dumps(body), headers={"Content-Type": "application/json"}
        )

        assert 400 <= answer.status_code < 500, body
        assert answer.json()["error"]["code"]


def test_a_refused_part_of_a_posting_leaves_no_row(books: Any) -> None:
    """A deep insert whose last part is wrong creates nothing at all."""
    code = "B" + uuid.uuid4().hex[:9].upper()
    parts = [{"customerNumber": "10400", "amount": -1}] * 20 + [{"customerNumber": "10400", "amount": "x"}]
    answer = books.post("customerPaymentJournals", {"code": code, "customerPayments": parts})

    assert answer.status_code == 400
    assert books.get(f"customerPaymentJournals?$filter=code eq '{code}'").json()["value"] == []
