"""Content codings over a socket, in both directions."""

from __future__ import annotations

import gzip
import json
import zlib
from typing import Any

import brotli
import pytest
import requests
import zstandard

from wire.conftest import Books

UNDO = {
    "gzip": gzip.decompress,
    "deflate": zlib.decompress,
    "br": brotli.decompress,
    "zstd": lambda data: zstandard.ZstdDecompressor().decompressobj().decompress(data),
}
DO = {
    "gzip": gzip.compress,
    "deflate": zlib.compress,
    "br": brotli.compress,
    "zstd": lambda data: zstandard.ZstdCompressor().compress(data),
}


def raw(books: Books, path: str, accept: str | None, method: str = "GET") -> tuple[requests.Response, bytes]:
    """An answer with its bytes as they came over the wire."""
    answer = requests.Session().request(
        method,
        f"{books.url}/{path}",
        headers={"Authorization": str(books.session.headers["Authorization"]), "Accept-Encoding": accept},
        stream=True,
        timeout=60,
    )
    return answer, answer.raw.read(decode_content=False)


@pytest.mark.parametrize("coding", UNDO)
def test_a_list_comes_in_the_coding_that_the_client_likes(books: Books, coding: str) -> None:
    plain, wanted = raw(books, "accounts", "identity")
    answer, data = raw(books, "accounts", coding)

    assert answer.headers["Content-Encoding"] == coding
    assert answer.headers["Vary"] == "accept-encoding"
    assert int(answer.headers["Content-Length"]) == len(data) < len(wanted) / 2
    assert UNDO[coding](data) == wanted
    assert "Content-Encoding" not in plain.headers


def test_small_answers_and_other_clients_get_them_plain(books: Books) -> None:
    customer = books.get("customers?$top=1").json()["value"][0]
    for path, accept in ((f"customers({customer['id']})", "gzip, br, zstd"), ("accounts", None), ("accounts", "")):
        answer, data = raw(books, path, accept)
        assert "Content-Encoding" not in answer.headers
        json.loads(data)


def test_a_client_that_takes_nothing_gets_it_plain(books: Books) -> None:
    """A 406 would come after a write was done."""
    answer, data = raw(books, "accounts", "*;q=0")

    assert (answer.status_code, answer.headers.get("Content-Encoding")) == (200, None)
    json.loads(data)


def test_an_unknown_coding_is_told_which_are_known(books: Books) -> None:
    headers = {"Content-Encoding": "compress", "Content-Type": "application/json"}
    answer = books.session.post(f"{books.url}/customers", data=b"x", headers=headers, timeout=60)

    assert answer.status_code == 415
    assert answer.headers["Accept-Encoding"] == "zstd, br, gzip, deflate"


@pytest.mark.parametrize("coding", DO)
def test_bodies_come_in_a_coding(books: Books, coding: str) -> None:
    body = json.dumps({"displayName": f"In {coding}", "addressLine1": "x" * 90}).encode()
    headers = {"Content-Encoding": coding, "Content-Type": "application/json"}
    made = books.session.post(f"{books.url}/customers", data=DO[coding](body), headers=headers, timeout=60)
    damaged = books.session.post(f"{books.url}/customers", data=DO[coding](body)[:-3], headers=headers, timeout=60)

    assert (made.status_code, made.json()["displayName"]) == (201, f"In {coding}")
    assert damaged.status_code == 400


def test_a_batch_a_long_list_and_a_file(books: Books) -> None:
    """Streams are coded as streams; what is compressed already is left as it is."""
    part: dict[str, Any] = {"method": "GET", "url": f"companies({books.company_id})/accounts"}
    batch = books.session.post(
        f"{books.root}/$batch",
        json={"requests": [{"id": str(n), **part} for n in range(3)]},
        headers={"Accept-Encoding": "gzip"},
        timeout=60,
    )
    assert batch.headers["Content-Encoding"] == "gzip"
    assert [each["status"] for each in batch.json()["responses"]] == [200] * 3

    invoice = books.get("salesInvoices?$filter=status eq 'Open'&$top=1").json()["value"][0]
    answer, data = raw(books, f"salesInvoices({invoice['id']})/pdfDocument/pdfDocumentContent", "gzip")
    assert "Content-Encoding" not in answer.headers
    assert data.startswith(b"%PDF-")

    file = books.post(f"salesInvoices({invoice['id']})/attachments", {"fileName": "a.txt"}).json()
    text = b"line of text\n" * 100_000
    sent = books.request(
        "PUT",
        f"attachments({file['id']})/attachmentContent",
        data=text,
        headers={"If-Match": "*", "Content-Type": "text/plain"},
    )
    assert sent.status_code == 204
    answer, data = raw(books, f"attachments({file['id']})/attachmentContent", "br")
    assert answer.headers["Content-Encoding"] == "br"
    assert brotli.decompress(data) == text
    assert len(data) < len(text) / 10


def test_a_repeated_write_is_coded_for_whom_it_is_sent_to(books: Books) -> None:
    """Kept answers are kept plain."""
    at, json_type = f"companies({books.company_id})/customers", {"Content-Type": "application/json"}
    create = {"id": "1", "method": "POST", "url": at, "headers": json_type, "body": {"displayName": "y" * 90}}
    body = {"requests": [create, {"id": "2", "method": "GET", "url": f"{at}?$top=5"}]}
    answers = [
        books.session.post(
            f"{books.root}/$batch",
            json=body,
            headers={"Accept-Encoding": coding, "Idempotency-Key": '"codings-1"'},
            timeout=60,
        )
        for coding in ("gzip", "identity", "br")
    ]

    assert [a.headers.get("Content-Encoding") for a in answers] == ["gzip", None, "br"]
    assert answers[0].json() == answers[1].json() == answers[2].json()
    assert answers[1].headers["Idempotency-Replayed"] == "true"
