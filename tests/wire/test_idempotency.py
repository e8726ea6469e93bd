"""Idempotency-Key over a socket: many at once, a killed server, a batch, an action."""

from __future__ import annotations

import json
import random
import signal
import socket
import threading
import uuid
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

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


def kept_answers(server: Server) -> int:
    """How many answers the store of a running server keeps, seen from outside."""
    store = open_store(server.url)
    try:
        return store.reader().count(KeptAnswer)
    finally:
        store.close()


def test_a_server_killed_between_commit_and_answer(tmp_path: Path, backend: str) -> None:
    """The client never reads an answer, the server dies without a word; what was committed answers the retry."""
    folder = tmp_path / "books"
    first = Server(folder, "--demo", store=backend)
    books = books_of(first)
    journal = books.new_journal()
    path, body = f"customerPaymentJournals({journal})/customerPayments", json.dumps(payment("B")).encode()
    place = urlsplit(f"{books.url}/{path}")
    head = (
        f"POST {place.path} HTTP/1.1\r\nhost: {place.netloc}\r\ncontent-type: application/json\r\n"
        f"authorization: {books.session.headers['Authorization']!s}\r\n"
        f"idempotency-key: once\r\ncontent-length: {len(body)}\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", place.port or 0)) as connection:
        connection.sendall(head.encode() + body)
        assert any(kept_answers(first) for _ in range(10_000)), "it was never committed"
        first.stop(signal.SIGKILL)
    second = Server(folder, store=backend)
    try:
        headers = {"Idempotency-Key": "once", "Content-Type": "application/json"}
        url = f"{second.root}/companies({books.company_id})/{path}"
        answer = requests.post(url, data=body, headers=headers, auth=(CLIENT_ID, CLIENT_SECRET), timeout=60)

        assert answer.status_code == 201, answer.text
        assert answer.headers["Idempotency-Replayed"] == "true"
        assert count(books_of(second), journal) == 1
    finally:
        second.stop()


def test_kills_under_load_and_clients_that_repeat(tmp_path: Path, backend: str) -> None:
    """Clients repeat what was not answered, under the same key, until it is: every payment is there exactly once."""
    folder, asked, lock = tmp_path / "books", [], threading.Lock()
    moment = random.Random(seed := random.randrange(10**6))
    print(f"seed {seed}")
    server = Server(folder, "--demo", store=backend)
    company = books_of(server).company_id
    journal = books_of(server).new_journal()
    pending: list[str | None] = [None] * 8

    def work(at: int, root: str) -> None:
        url = f"{root}/companies({company})/customerPaymentJournals({journal})/customerPayments"
        with requests.Session() as session:
            session.auth = (CLIENT_ID, CLIENT_SECRET)
            try:
                while True:
                    number = pending[at] or fresh()
                    pending[at] = number
                    answer = session.post(url, json=payment(number), headers={"Idempotency-Key": number}, timeout=60)
                    assert answer.status_code == 201, answer.text
                    assert answer.json()["documentNumber"] == number
                    with lock:
                        asked.append(number)
                    pending[at] = None
            except requests.RequestException:
                return

    for _ in range(2):
        workers = [threading.Thread(target=work, args=(at, server.root)) for at in range(len(pending))]
        for worker in workers:
            worker.start()
        reached = len(asked) + moment.randrange(20, 120)
        while len(asked) < reached and any(worker.is_alive() for worker in workers):
            workers[0].join(0.001)
        server.stop(signal.SIGKILL)
        for worker in workers:
            worker.join()
        server = Server(folder, store=backend)
    try:
        unanswered = [number for number in pending if number]
        lines = books_of(server).get(f"customerPaymentJournals({journal})/customerPayments?$select=documentNumber")
        found = [line["documentNumber"] for line in lines.json()["value"]]

        assert len(asked) >= 40
        assert len(found) == len(set(found)), "a payment is there twice"
        assert set(asked) <= set(found), "an answered payment is lost"
        assert set(found) <= {*asked, *unanswered}
    finally:
        server.stop()
