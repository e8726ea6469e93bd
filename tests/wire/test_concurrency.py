"""Clients that act on the same books at the same moment, over sockets: one outcome, nothing lost, nothing twice.

What a race of two acts may end in is in tests/operations/test_concurrency.py; here the whole way is raced, with
connections, threads, answers and keys. Each test ends with `debitor check`.
"""

from __future__ import annotations

import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import requests

from wire.conftest import Books, Server, books_of, clean_environment
from wire.receivables import Ledger
from wire.test_posting import invoice, new_customer, pay

Call = Callable[[Books], requests.Response]
Entry = dict[str, Any]
ROUNDS = 4


@pytest.fixture(scope="module")
def busy_server(tmp_path_factory: pytest.TempPathFactory, backend: str) -> Iterator[Server]:
    made = Server(tmp_path_factory.mktemp("races") / "books", "--demo", store=backend)
    yield made
    assert made.stop() == 0


@pytest.fixture
def races(busy_server: Server) -> Iterator[Books]:
    """Books of which every test leaves sound ones."""
    made = books_of(busy_server)
    yield made
    made.session.close()
    command = [sys.executable, "-m", "debitor.cli", "check", *busy_server.books]
    checked = subprocess.run(command, env=clean_environment(), capture_output=True, text=True)
    assert checked.returncode == 0, checked.stdout


def at_once(books: Books, *calls: Call) -> list[requests.Response]:
    """Each call over a connection of its own, sent when all are connected."""
    ready = threading.Barrier(len(calls))

    def run(call: Call) -> requests.Response:
        with requests.Session() as session:
            session.headers.update(books.session.headers)
            own = Books(books.server, books.company, session)
            own.get("$metadata")
            ready.wait(60)
            return call(own)

    with ThreadPoolExecutor(len(calls)) as threads:
        return list(threads.map(run, calls))


def statuses(answers: list[requests.Response]) -> dict[int, int]:
    return dict(Counter(answer.status_code for answer in answers))


def paid_by(books: Books, customer: dict[str, Any]) -> list[float]:
    """What the payments of a customer have credited to the receivables."""
    where = f"documentType eq 'Payment' and accountNumber eq '1310' and description eq '{customer['displayName']}'"
    found = books.get(f"generalLedgerEntries?$filter={where}&$select=creditAmount").json()["value"]
    return sorted(entry["creditAmount"] for entry in found)


def customer_of(books: Books, name: str) -> dict[str, Any]:
    return new_customer(books, displayName=name)


def posting(journal: str) -> Call:
    def call(books: Books) -> requests.Response:
        return books.post(f"journals({journal})/Microsoft.NAV.post")

    return call


def deleting(path: str) -> Call:
    return lambda books: books.delete(path)


def test_one_journal_posted_by_32_callers(races: Books) -> None:
    customer = customer_of(races, "Posted once")
    sold, journal = invoice(races, customer, 100), races.new_journal(balanced=True)
    pay(races, journal, customerId=customer["id"], amount=-100, appliesToInvoiceId=sold["id"])
    answers = at_once(races, *[posting(journal)] * 32)

    assert statuses(answers) == {204: 1, 400: 31}
    assert paid_by(races, customer) == [100]
    assert races.get(f"salesInvoices({sold['id']})").json()["status"] == "Paid"


def test_two_journals_pay_one_invoice(races: Books) -> None:
    customer = customer_of(races, "Paid once")
    for round in range(1, ROUNDS + 1):
        sold, journals = invoice(races, customer, 100), [races.new_journal(balanced=True) for _ in range(2)]
        for journal in journals:
            pay(races, journal, customerId=customer["id"], amount=-100, appliesToInvoiceId=sold["id"])
        answers = at_once(races, *map(posting, journals))

        assert sorted(statuses(answers).values()) == [1, 1]
        assert paid_by(races, customer) == [100] * round
        waiting = [len(races.get(f"customerPaymentJournals({j})/customerPayments").json()["value"]) for j in journals]
        assert waiting == [0 if answer.status_code == 204 else 1 for answer in answers]


def test_posting_against_changing_and_deleting(races: Books) -> None:
    """A payment is posted as it was, posted as it was changed, or deleted; each answer says which."""
    for round in range(ROUNDS):
        customer, journal = customer_of(races, f"Changed {round}"), races.new_journal(balanced=True)
        line = pay(races, journal, customerId=customer["id"], amount=-100)
        address = f"customerPayments({line['id']})"

        def change(books: Books, address: str = address) -> requests.Response:
            return books.patch(address, {"amount": -70})

        posted, changed, removed = at_once(races, posting(journal), change, deleting(address))

        assert {posted.status_code, removed.status_code} in ({204, 404}, {204, 400}), posted.text
        assert changed.status_code in (200, 404)
        if posted.status_code != 204:
            assert paid_by(races, customer) == []
        else:
            assert paid_by(races, customer) == [70 if changed.status_code == 200 else 100]


def test_posting_against_deleting_the_journal(races: Books) -> None:
    for round in range(ROUNDS):
        customer, journal = customer_of(races, f"Dropped {round}"), races.new_journal(balanced=True)
        pay(races, journal, customerId=customer["id"], amount=-100)
        drop = deleting(f"customerPaymentJournals({journal})")
        posted, dropped = at_once(races, posting(journal), drop)

        assert dropped.status_code == 204
        assert posted.status_code in (204, 404)
        assert paid_by(races, customer) == ([100] if posted.status_code == 204 else [])


def test_creating_while_posting(races: Books) -> None:
    """Every payment that was acknowledged is posted or waits in the journal: none is lost, none counts twice."""
    customer, journal = customer_of(races, "Added"), races.new_journal(balanced=True)
    pay(races, journal, customerId=customer["id"], amount=-1)

    def create(books: Books) -> requests.Response:
        body = {"customerId": customer["id"], "amount": -1, "postingDate": "2026-02-05"}
        return books.post(f"customerPaymentJournals({journal})/customerPayments", body)

    answers = at_once(races, *[create] * 12, *[posting(journal)] * 4)
    made = [answer for answer in answers[:12] if answer.status_code == 201]
    waiting = races.get(f"customerPaymentJournals({journal})/customerPayments").json()["value"]

    assert len(made) == 12
    assert len({answer.json()["id"] for answer in made}) == 12
    assert len(paid_by(races, customer)) + len(waiting) == 13


def test_many_clients_repeat_their_payments_with_keys(races: Books) -> None:
    """Each key makes one payment, however often and by however many connections it is sent at once."""
    customer, journal = customer_of(races, "Keyed"), races.new_journal(balanced=True)
    address = f"customerPaymentJournals({journal})/customerPayments"

    def send(key: int) -> Call:
        body = {"customerId": customer["id"], "amount": -key, "postingDate": "2026-02-05"}

        def call(books: Books) -> requests.Response:
            while True:
                answer = books.post(address, body, headers={"Idempotency-Key": f"race-{journal}-{key}"})
                if answer.status_code != 409:
                    return answer

        return call

    answers = at_once(races, *(send(key) for key in range(1, 9) for _ in range(4)))
    lines = races.get(f"{address}?$select=id,amount").json()["value"]

    assert statuses(answers) == {201: 32}
    assert sorted(line["amount"] for line in lines) == [-key for key in range(8, 0, -1)]
    assert {answer.json()["id"] for answer in answers} == {line["id"] for line in lines}


def test_many_clients_repeat_a_posting_with_a_key(races: Books) -> None:
    """With a key, all 16 hear that it is posted; it is posted once."""
    customer, journal = customer_of(races, "Posted by key"), races.new_journal(balanced=True)
    pay(races, journal, customerId=customer["id"], amount=-100)

    def call(books: Books) -> requests.Response:
        while True:
            key = {"Idempotency-Key": f"post-{journal}"}
            answer = books.post(f"journals({journal})/Microsoft.NAV.post", headers=key)
            if answer.status_code != 409:
                return answer

    answers = at_once(races, *[call] * 16)

    assert statuses(answers) == {204: 16}
    assert sum("Idempotency-Replayed" in answer.headers for answer in answers) == 15
    assert paid_by(races, customer) == [100]


# --------------------------------------------------------------------------- posted entries


def acting(ledger: Ledger, entry: Entry, action: str, body: dict[str, Any] | None = None) -> Call:
    address = f"{ledger.url}/customerLedgerEntries({entry['id']})/Microsoft.NAV.{action}"
    return lambda books: books.post(address, body)


def applying(ledger: Ledger, payment: Entry, invoice: Entry) -> Call:
    return acting(ledger, payment, "apply", {"entries": [{"entryNumber": invoice["entryNumber"]}]})


def rests(ledger: Ledger, *entries: Entry) -> list[float]:
    """What remains of entries now."""
    return [ledger.again(entry)["remainingAmount"] for entry in entries]


def owed_and_paid(ledger: Ledger) -> tuple[float, Entry, list[Entry]]:
    """The amount of an open invoice, its entry, and two payments of that amount."""
    customer = ledger.customer()
    sold = ledger.invoice(customer, 100)
    amount = sold["remainingAmount"]
    return amount, sold, [ledger.payment(customer, -amount) for _ in range(2)]


def test_two_applications_to_one_invoice(races: Books) -> None:
    ledger = Ledger(races)
    for _ in range(ROUNDS):
        amount, sold, payments = owed_and_paid(ledger)
        answers = at_once(races, *(applying(ledger, payment, sold) for payment in payments))

        assert statuses(answers) == {200: 1, 400: 1}
        assert rests(ledger, sold) == [0]
        assert sorted(rests(ledger, *payments)) == [-amount, 0]


def test_unapplying_against_applying(races: Books) -> None:
    """Another payment gets the invoice only when the first has let go of it."""
    ledger = Ledger(races)
    for _ in range(ROUNDS):
        amount, sold, (first, second) = owed_and_paid(ledger)
        assert applying(ledger, first, sold)(races).status_code == 200
        taken_back, applied = at_once(races, acting(ledger, first, "unapply"), applying(ledger, second, sold))

        assert taken_back.status_code == 200
        assert applied.status_code in (200, 400)
        left = [0, -amount, 0] if applied.status_code == 200 else [amount, -amount, -amount]
        assert rests(ledger, sold, first, second) == left
