"""Answers that are remembered while the books stay as they are: never an old one, whoever wrote."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import requests

from debitor.ledger.records import Company, Customer
from debitor.store.opening import open_store
from wire.conftest import Books

BODY = {"customerNumber": "10100", "amount": -12.5, "documentNumber": "U1"}


def test_the_same_question_has_the_same_answer_until_something_is_written(fresh_books: Books) -> None:
    journal = fresh_books.new_journal()
    payments = f"customerPaymentJournals({journal})/customerPayments"
    one = fresh_books.post(payments, BODY).json()
    path = f"{payments}({one['id']})"
    first, again = fresh_books.get(path), fresh_books.get(path)
    assert again.content == first.content
    assert again.headers["ETag"] == first.headers["ETag"]
    assert again.headers["request-id"] != first.headers["request-id"]
    assert {n.lower() for n in again.headers} == {n.lower() for n in first.headers}
    assert len(fresh_books.get(payments).json()["value"]) == 1

    changed = fresh_books.patch(path, {"comment": "seen"}).json()
    assert fresh_books.get(path).json() == {**changed, "@odata.context": first.json()["@odata.context"]}
    fresh_books.post(payments, {**BODY, "documentNumber": "U2"})
    assert len(fresh_books.get(payments).json()["value"]) == 2
    assert fresh_books.delete(path).status_code == 204
    assert fresh_books.get(path).status_code == 404
    assert len(fresh_books.get(payments).json()["value"]) == 1


def test_forms_of_an_answer_are_kept_apart(fresh_books: Books) -> None:
    for _ in range(2):
        small = fresh_books.get("customers?$top=3", {"Accept": "application/json;odata.metadata=none"})
        full = fresh_books.get("customers?$top=3", {"Accept": "application/json;odata.metadata=full"})
        assert "@odata.context" not in small.json()
        assert "@odata.type" in full.json()["value"][0]
        plain = fresh_books.get("customers", {"Accept-Encoding": "identity"})
        coded = fresh_books.get("customers", {"Accept-Encoding": "gzip"})
        assert "Content-Encoding" not in plain.headers
        assert coded.headers["Content-Encoding"] == "gzip"
        assert coded.json() == plain.json()
        head = fresh_books.request("HEAD", "customers", headers={"Accept-Encoding": "identity"})
        assert head.content == b""
        assert (
            fresh_books.session.get(f"{fresh_books.url}/customers", headers={"Authorization": ""}).status_code == 401
        )


def test_now_goes_on(fresh_books: Books) -> None:
    moment = fresh_books.post("customers", {"displayName": "Now"}).json()["lastModifiedDateTime"]
    assert moment.endswith("Z")
    path = "customers?$filter=displayName eq 'Now' and second(now()) ge 0 and lastModifiedDateTime lt now()"
    end = time.monotonic() + 10
    while not (found := fresh_books.get(path).json()["value"]) and time.monotonic() < end:
        time.sleep(0.01)
    assert len(found) == 1


def test_clients_read_what_they_wrote(fresh_books: Books) -> None:
    """Readers and writers at once: what a client wrote is in its next answer, and nothing older comes after it."""
    journal = fresh_books.new_journal()
    payments = f"customerPaymentJournals({journal})/customerPayments"
    ids = [fresh_books.post(payments, BODY).json()["id"] for _ in range(4)]
    stop = threading.Event()

    def write(id: str) -> None:
        with requests.Session() as session:
            session.headers.update(fresh_books.session.headers)
            own = Books(fresh_books.server, fresh_books.company, session)
            for n in range(40):
                assert own.patch(f"{payments}({id})", {"comment": str(n)}).status_code == 200
                for _ in range(2):
                    assert own.get(f"{payments}({id})").json()["comment"] == str(n)
                listed: list[dict[str, Any]] = own.get(f"{payments}?$select=id,comment").json()["value"]
                assert next(line["comment"] for line in listed if line["id"] == id) == str(n)

    def watch() -> int:
        seen = -1
        with requests.Session() as session:
            session.headers.update(fresh_books.session.headers)
            own = Books(fresh_books.server, fresh_books.company, session)
            while not stop.is_set():
                told = int(own.get(f"{payments}({ids[0]})").json()["comment"] or -1)
                assert told >= seen
                seen = told
        return seen

    with ThreadPoolExecutor(6) as threads:
        watchers = [threads.submit(watch) for _ in range(2)]
        for done in [threads.submit(write, id) for id in ids]:
            done.result(60)
        stop.set()
        assert all(each.result(60) > 0 for each in watchers)


def test_what_another_process_writes_shows(fresh_books: Books) -> None:
    path = "customers?$filter=number eq '10100'"
    before = fresh_books.get(path).json()["value"][0]
    assert fresh_books.get(path).json()["value"][0] == before
    store = open_store(fresh_books.server.url)
    try:
        with store.transaction() as root:
            (company,) = [row for row in root.all(Company) if row.id == fresh_books.company_id]
            tx = root.at(company.key)
            customer = tx.find(Customer, number="10100")
            assert customer is not None
            tx.update(customer, display_name="Told from outside")
    finally:
        store.close()
    end = time.monotonic() + 10
    while fresh_books.get(path).json()["value"][0] == before and time.monotonic() < end:
        time.sleep(0.01)
    assert fresh_books.get(path).json()["value"][0]["displayName"] == "Told from outside"
