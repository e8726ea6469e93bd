"""Idempotency-Key over a socket: many at once, a killed server, a batch, an action."""

from __future__ import annotations

import json
import signal
import socket
import threading
import uuid
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests

from debitor.odata.idempotency import KeptAnswer
from debitor.store.opening import open_store
from wire.conftest import CLIENT_ID, CLIENT_SECRET, Books, Server, books_of

AT_ONCE = 32


def payment(number: str) -> dict[str, Any]:
    return {"customerNumber": "10000", "amount": -1, "documentNumber": number}


def fresh() -> str:
    return uuid.uuid4().hex[:18].upper()


def count(books: Books, journal: str) -> int:
    return int(books.get(f"customerPaymentJournals({journal})/customerPayments/$count").text)


def test_the_first_answer_comes_again_byte_for_byte(books: Books) -> None:
    """Only what belongs to the answering itself differs: its date and its request-id."""
    journal, headers = books.new_journal(), {"Idempotency-Key": f'"{uuid.uuid4()}"'}
    path = f"customerPaymentJournals({journal})/customerPayments"
    first = books.post(path, payment("A"), headers)
    again = books.post(path, payment("A"), headers)
    own = {"date", "request-id", "idempotency-replayed"}

    assert (first.status_code, again.status_code) == (201, 201)
    assert again.content == first.content
    assert {n: v for n, v in again.headers.items() if n.lower() not in own} == {
        n: v for n, v in first.headers.items() if n.lower() not in own
    }
    assert again.headers["Idempotency-Replayed"] == "true"
    assert count(books, journal) == 1


def test_a_journal_is_posted_once(books: Books) -> None:
    """Without a key the second attempt would find an empty journal, and tell the client that nothing was posted."""
    journal, headers = books.new_journal(balanced=True), {"Idempotency-Key": fresh()}
    books.post(f"customerPaymentJournals({journal})/customerPayments", payment(fresh()))
    answers = [books.post(f"journals({journal})/Microsoft.NAV.post", headers=headers) for _ in range(2)]

    assert [a.status_code for a in answers] == [204, 204]
    assert [a.headers.get("Idempotency-Replayed") for a in answers] == [None, "true"]


def test_many_at_once_write_once(books: Books) -> None:
    journal, key = books.new_journal(), fresh()
    url = f"{books.url}/customerPaymentJournals({journal})/customerPayments"
    headers = {"Authorization": str(books.session.headers["Authorization"]), "Idempotency-Key": key}
    gate = threading.Barrier(AT_ONCE)

    def send(_: int) -> requests.Response:
        gate.wait()
        return requests.post(url, json=payment("A"), headers=headers, timeout=60)

    with ThreadPoolExecutor(AT_ONCE) as pool:
        answers = list(pool.map(send, range(AT_ONCE)))
    done = [a for a in answers if a.status_code == 201]
    busy = [a for a in answers if a.status_code == 409]

    assert len(done) + len(busy) == AT_ONCE
    assert len([a for a in done if "Idempotency-Replayed" not in a.headers]) == 1
    assert len({a.content for a in done}) == 1
    assert all(a.json()["error"]["code"] == "Request_IdempotencyKeyInUse" for a in busy)
    assert count(books, journal) == 1


def test_a_batch_and_its_parts(books: Books) -> None:
    journal = books.new_journal()
    url = f"companies({books.company_id})/customerPaymentJournals({journal})/customerPayments"
    parts = [
        {"id": n, "method": "POST", "url": url, "body": payment(n), "headers": {"Idempotency-Key": f"{journal}-{n}"}}
        for n in ("1", "2")
    ]
    keyed = {"Idempotency-Key": fresh()}
    first = books.request("POST", f"{books.root}/$batch", json={"requests": parts}, headers=keyed)
    again = books.request("POST", f"{books.root}/$batch", json={"requests": parts}, headers=keyed)
    by_part = books.request("POST", f"{books.root}/$batch", json={"requests": parts}).json()["responses"]

    assert again.content == first.content
    assert again.headers["Idempotency-Replayed"] == "true"
    assert [p["status"] for p in by_part] == [201, 201]
    assert [p["headers"]["idempotency-replayed"] for p in by_part] == ["true", "true"]
    assert count(books, journal) == 2


def test_another_body_is_refused(books: Books) -> None:
    journal, headers = books.new_journal(), {"Idempotency-Key": fresh()}
    path = f"customerPaymentJournals({journal})/customerPayments"
    books.post(path, payment("A"), headers)
    no = books.post(path, payment("B"), headers)

    assert (no.status_code, no.json()["error"]["code"]) == (422, "Request_IdempotencyKeyReused")


def kept_answers(folder: Path) -> int:
    """How many answers the store of a running server keeps, seen from outside."""
    store = open_store(f"sqlite:///{next(folder.glob('*.db'))}")
    try:
        return store.reader().count(KeptAnswer)
    finally:
        store.close()


@pytest.mark.parametrize(
    "path", ["customerPaymentJournals({j})/customerPayments", "journals({j})/Microsoft.NAV.post"]
)
def test_a_server_killed_between_commit_and_answer(tmp_path: Path, path: str) -> None:
    """The client never reads an answer, the server dies without a word; what was committed answers the retry."""
    folder = tmp_path / "books"
    first = Server(folder, "--demo")
    books = books_of(first)
    journal = books.new_journal(balanced=True)
    books.post(f"customerPaymentJournals({journal})/customerPayments", payment("B1"))
    path, body = path.format(j=journal), json.dumps(payment("B2") if path.startswith("c") else {}).encode()
    place = urlsplit(f"{books.url}/{path}")
    head = (
        f"POST {place.path} HTTP/1.1\r\nhost: {place.netloc}\r\ncontent-type: application/json\r\n"
        f"authorization: {books.session.headers['Authorization']!s}\r\n"
        f"idempotency-key: once\r\ncontent-length: {len(body)}\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", place.port or 0)) as connection:
        connection.sendall(head.encode() + body)
        assert any(kept_answers(folder) for _ in range(10_000)), "it was never committed"
        first.stop(signal.SIGKILL)
    second = Server(folder)
    try:
        headers = {"Idempotency-Key": "once", "Content-Type": "application/json"}
        url = f"{second.root}/companies({books.company_id})/{path}"
        auth = (CLIENT_ID, CLIENT_SECRET)
        answer = requests.post(url, data=body, headers=headers, auth=auth, timeout=60)

        assert answer.status_code == (201 if b"B2" in body else 204), answer.text
        assert answer.headers["Idempotency-Replayed"] == "true"
        after = count(books_of(second), journal)
        assert after == (2 if b"B2" in body else 0)
    finally:
        second.stop()
