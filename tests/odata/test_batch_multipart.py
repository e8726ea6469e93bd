"""Many requests in one, as MIME parts."""

from __future__ import annotations

import base64
import email
import json
from collections.abc import Iterator
from email.message import Message
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from debitor.odata.batch_multipart import read_multipart
from debitor.schema import Refused
from odata.host import AT, ROOT, Wire, open_wire

MISSING = "00000000-0000-4000-8000-00000000dead"


@pytest.fixture
def wire(tmp_path: Path) -> Iterator[Wire]:
    made = open_wire(tmp_path)
    yield made
    made.store.close()


def http(request: str, body: Any = None, *, id: str = "", **headers: str) -> str:
    """Return a MIME part that holds a request."""
    lines = ["Content-Type: application/http", "Content-Transfer-Encoding: binary"]
    lines += [f"Content-ID: {id}"] if id else []
    lines += ["", request]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    lines += ["", "" if body is None else json.dumps(body)]
    return "\r\n".join(lines)


def author(number: str, *, id: str = "", **headers: str) -> str:
    return http(f"POST {AT}/authors HTTP/1.1", {"number": number, "displayName": number}, id=id, **headers)


def mixed(boundary: str, *parts: str) -> str:
    return "".join(f"--{boundary}\r\n{part}\r\n" for part in parts) + f"--{boundary}--\r\n"


def changeset(*parts: str, boundary: str = "c1") -> str:
    return f"Content-Type: multipart/mixed; boundary={boundary}\r\n\r\n{mixed(boundary, *parts)}"


def send(wire: Wire, *parts: str, **headers: Any) -> Any:
    raw = mixed("b1", *parts).encode()
    return wire.send("POST", "$batch", raw=raw, root=True, content_type='multipart/mixed; boundary="b1"', **headers)


def answers(made: Any) -> list[Any]:
    """The parts of a multipart answer, read by Python's own MIME parser; those of a change set are a list."""
    assert made.status == 200, made.raw
    head = f"Content-Type: {made.headers['content-type']}\r\n\r\n".encode()
    return [_read(part) for part in email.message_from_bytes(head + made.raw).get_payload()]


def _read(part: str | Message) -> Any:
    assert isinstance(part, Message)
    if part.get_content_type() == "multipart/mixed":
        return [_read(inner) for inner in part.get_payload()]
    assert part.get_content_type() == "application/http"
    text = part.get_payload()
    assert isinstance(text, str)
    status, _, rest = text.partition("\n")
    inner = email.message_from_string(rest)
    body = inner.get_payload()
    assert isinstance(body, str)
    is_json = inner.get("content-type", "").startswith("application/json")
    return SimpleNamespace(
        id=part["content-id"],
        status=int(status.split()[1]),
        headers=inner,
        body=json.loads(body) if is_json else body,
    )


def numbers(wire: Wire) -> list[str]:
    return [row["number"] for row in wire.get("authors").json["value"]]


def test_parts_answer_as_single_requests_do(wire: Wire) -> None:
    made = send(wire, author("A", id="1"), http(f"GET {AT}/authors/$count HTTP/1.1"), http("GET $1 HTTP/1.1", id="x"))

    assert made.headers["content-type"].startswith("multipart/mixed; boundary=batchresponse_")
    one, two, three = answers(made)
    assert (one.id, one.status, one.body["number"]) == ("1", 201, "A")
    assert one.headers["location"] == f"{ROOT}/{AT}/authors({one.body['id']})"
    assert one.headers["etag"] == one.body["@odata.etag"]
    assert (two.id, two.status, two.body.strip()) == (None, 200, "1")
    assert (three.id, three.body["number"]) == ("x", "A")


def test_a_change_set_is_all_or_nothing(wire: Wire) -> None:
    made = send(
        wire,
        author("A"),
        changeset(author("B", id="1"), author("b", id="2"), author("C", id="3")),
        author("D"),
        prefer="odata.continue-on-error",
    )

    one, failed, four = answers(made)
    assert [one.status, failed.status, four.status] == [201, 400, 201]
    assert failed.body["error"]["code"] == "Internal_EntityWithSameKeyExists"
    assert numbers(wire) == ["A", "D"]


def test_parts_of_a_change_set_refer_to_one_another(wire: Wire) -> None:
    made = send(
        wire,
        changeset(author("A", id="1"), http("POST $1/books HTTP/1.1", {"title": "x"}, id="2")),
        http(f"GET {AT}/authors?$expand=books HTTP/1.1"),
    )

    [[first, second], listed] = answers(made)
    assert [first.status, second.status, listed.status] == [201, 201, 200]
    assert listed.body["value"][0]["books"][0]["title"] == "x"


def test_the_first_failure_ends_the_batch(wire: Wire) -> None:
    got = answers(send(wire, author("A"), http(f"GET {AT}/authors({MISSING}) HTTP/1.1"), author("B")))

    assert [part.status for part in got] == [201, 404]
    assert numbers(wire) == ["A"]


def test_parts_have_their_own_headers(wire: Wire) -> None:
    [made] = answers(send(wire, author("A", Prefer="return=minimal")))
    at = made.headers["location"]

    got = answers(
        send(
            wire,
            http(f"PATCH {at} HTTP/1.1", {"displayName": "x"}, If_Match='W/"b2xkIG9uZQ=="'),
            http(f"PATCH {at} HTTP/1.1", {"displayName": "y"}, If_Match="*", Content_Type="application/json"),
            http(f"DELETE {at} HTTP/1.1"),
            prefer="odata.continue-on-error",
        )
    )

    assert made.status == 204
    assert [part.status for part in got] == [409, 200, 204]


@pytest.mark.parametrize(
    "line",
    [
        f"GET {AT}/authors HTTP/1.1",
        f"get /{AT}/authors",
        f"GET {ROOT}/{AT}/authors HTTP/1.1",
        f"GET /api/v2.0/{AT}/authors HTTP/1.0",
        f"GET {AT}/authors?$filter=displayName eq 'A' or number eq 'A' HTTP/1.1",
        "GET authors?company=toys HTTP/1.1",
    ],
)
def test_an_address_has_many_forms(wire: Wire, line: str) -> None:
    send(wire, author("A"))

    [got] = answers(send(wire, http(line)))

    assert [row["number"] for row in got.body["value"]] == ["A"]


@pytest.mark.parametrize(
    ("accept", "multipart"),
    [
        ("application/json", False),
        ("application/json;odata.metadata=minimal, */*", False),
        ("multipart/mixed", True),
        ("*/*", True),
        ("", True),
        ("application/json, multipart/mixed", True),
    ],
)
def test_accept_decides_the_form_of_the_answer(wire: Wire, accept: str, multipart: bool) -> None:
    made = send(wire, changeset(author("A", id="1")), http(f"GET {AT}/authors HTTP/1.1"), accept=accept)

    assert made.headers["content-type"].startswith("multipart/mixed") == multipart
    if not multipart:
        one, two = made.json["responses"]
        assert (one["id"], one["atomicityGroup"], one["status"]) == ("1", "changeset-1", 201)
        assert (two["id"], two["status"], "atomicityGroup" in two) == (None, 200, False)


def test_a_json_batch_may_be_answered_in_parts(wire: Wire) -> None:
    body = {"number": "A", "displayName": "A"}
    parts = [{"id": "x\r\nEvil: 1", "method": "POST", "url": f"{AT}/authors", "body": body}]
    made = wire.send("POST", "$batch", {"requests": parts}, root=True, accept="multipart/mixed")

    [got] = answers(made)
    assert (got.id, got.status, got.headers["evil"]) == ("xEvil: 1", 201, None)


def test_lines_may_end_in_lf_and_parts_may_be_base64(wire: Wire) -> None:
    request = base64.b64encode(f"GET {AT}/authors/$count HTTP/1.1\n\n".encode()).decode()
    raw = (
        "preamble\n--b1\ncontent-type: application/http; msgtype=request\n\n"
        f"POST {AT}/authors HTTP/1.1\nContent-Type: application/json\n\n"
        '{"number": "A", "displayName": "A"}\n'
        f"--b1  \nContent-Type: application/http\nContent-Transfer-Encoding: base64\n\n{request}\n--b1--\nepilogue"
    ).encode()
    made = wire.send("POST", "$batch", raw=raw, root=True, content_type="multipart/mixed;boundary=b1")

    one, two = answers(made)
    assert (one.status, two.body.strip()) == (201, "1")


@pytest.mark.parametrize(
    ("kind", "raw", "told"),
    [
        ("multipart/mixed", b"--b1--", "names no boundary"),
        ("multipart/mixed; boundary=b1", b"", "does not hold the boundary"),
        ("multipart/mixed; boundary=b1", b"--b1\r\nContent-Type: application/http\r\n\r\nGET x\r\n", "is missing"),
        ("multipart/mixed; boundary=b1", b"--b1\r\n\r\nGET x\r\n--b1--", "application/http is expected"),
        (
            "multipart/mixed; boundary=b1",
            b"--b1\r\nContent-Type: text/plain\r\n\r\nGET x\r\n--b1--",
            "application/http",
        ),
        ("multipart/mixed; boundary=b1", b"--b1\r\nnonsense\r\n\r\nGET x\r\n--b1--", "no header"),
        (
            "multipart/mixed; boundary=b1",
            b"--b1\r\nContent-Type: application/http\r\n\r\n\r\n--b1--",
            "no request line",
        ),
        (
            "multipart/mixed; boundary=b1",
            b"--b1\r\nContent-Type: application/http\r\nContent-Transfer-Encoding: x\r\n\r\nGET x\r\n--b1--",
            "not known",
        ),
        (
            "multipart/mixed; boundary=b1",
            b"--b1\r\nContent-Type: application/http\r\nContent-Transfer-Encoding: base64\r\n\r\n\xff\r\n--b1--",
            "not valid base64",
        ),
        ("multipart/mixed; boundary=b1", b"--b1\r\n" + b"a: b\r\n" * 101 + b"\r\n--b1--", "more than 100 headers"),
        ("multipart/mixed; boundary=b1", mixed("b1", changeset(http("GET x"))).encode(), "cannot hold a GET"),
        ("multipart/mixed; boundary=b1", mixed("b1", changeset(changeset(http("GET x")))).encode(), "another one"),
        ("multipart/mixed; boundary=b1", mixed("b1", author("A", id="1"), author("B", id="1")).encode(), "twice"),
    ],
)
def test_a_batch_that_is_none_is_refused(wire: Wire, kind: str, raw: bytes, told: str) -> None:
    got = wire.send("POST", "$batch", raw=raw, root=True, content_type=kind)

    assert (got.status, got.code) == (400, "BadRequest")
    assert told in got.json["error"]["message"]
    assert numbers(wire) == []


_PIECES = st.sampled_from(
    [b"--b1", b"--b1--", b"--c1", b"\r\n", b"\n", b"\r", b"Content-Type: application/http", b"GET companies HTTP/1.1",
     b"Content-Type: multipart/mixed; boundary=c1", b"Content-ID: 1", b"POST $1", b"Content-Length: 3", b":", b"{}",
     b"Content-Transfer-Encoding: base64", b"\0", b"\xff", b" "]
)  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(st.lists(_PIECES, max_size=40).map(b"".join))
def test_any_bytes_are_parts_or_a_refusal(raw: bytes) -> None:
    """Hostile input: nothing but Refused comes out, and no part holds a line break where a header goes."""
    try:
        parts = read_multipart("multipart/mixed; boundary=b1", raw, 100)
    except Refused:
        return

    for part in parts:
        assert part.method.isalpha()
        assert "\n" not in part.url + "".join(part.headers.values())


def test_at_most_100_parts(wire: Wire) -> None:
    part = http(f"GET {AT}/authors/$count HTTP/1.1")

    assert len(answers(send(wire, *[part] * 100))) == 100
    assert send(wire, *[part] * 101).status == 400
    assert send(wire, changeset(*[author(str(n)) for n in range(101)])).status == 400
    assert numbers(wire) == []


def test_a_snapshot_is_all_or_nothing(wire: Wire) -> None:
    got = answers(send(wire, author("A"), author("a"), isolation="snapshot"))

    assert [part.status for part in got] == [424, 400]
    assert numbers(wire) == []
