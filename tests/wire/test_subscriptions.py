"""Subscriptions over sockets: the handshake, what arrives at the receiver, restarts, rights."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import requests

from wire.conftest import Books, Server, books_of, clean_environment
from wire.receiver import PATIENCE, Receiver


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    yield made
    made.close()


OPEN = {"webhook_delay": "20", "webhook_http": "true"}


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory, backend: str) -> Iterator[Books]:
    """A server that may call receivers on this machine."""
    server = Server(tmp_path_factory.mktemp("hooks") / "books", "--demo", store=backend, **OPEN)
    made = books_of(server)
    yield made
    made.session.close()
    assert server.stop() == 0


def subscribe(books: Books, url: str, entity_set: str = "paymentTerms", **more: Any) -> requests.Response:
    body = {"notificationUrl": url, "resource": f"/api/v2.0/companies({books.company_id})/{entity_set}", **more}
    return books.post(f"{books.root}/subscriptions", body)


def address(books: Books, made: requests.Response) -> str:
    return f"{books.root}/subscriptions('{made.json()['subscriptionId']}')"


def test_a_subscription_is_registered_after_the_handshake(own: Books, receiver: Receiver) -> None:
    made = subscribe(own, f"{receiver.url}?k=1", clientState="secret")

    assert made.status_code == 201, made.text
    entity = made.json()
    assert entity["@odata.context"] == f"{own.root}/$metadata#subscriptions/$entity"
    assert list(entity)[2:] == [
        "subscriptionId", "notificationUrl", "resource", "timestamp", "userId", "lastModifiedDateTime",
        "clientState", "expirationDateTime", "systemCreatedAt", "systemCreatedBy", "systemModifiedAt",
        "systemModifiedBy",
    ]  # fmt: skip
    assert entity["resource"] == f"api/v2.0/companies({own.company_id})/paymentTerms"
    assert entity["clientState"] == "secret"
    assert len(receiver.calls) == 1
    assert receiver.calls[0].startswith("/hook?k=1&validationToken=")
    assert own.get(address(own, made)).json()["subscriptionId"] == entity["subscriptionId"]
    assert own.get(f"{own.root}/subscriptions({entity['subscriptionId']})").status_code == 200
    listed = own.get(f"{own.root}/subscriptions").json()["value"]
    assert entity["subscriptionId"] in [e["subscriptionId"] for e in listed]
    assert own.delete(address(own, made), "*").status_code == 204
    assert own.get(address(own, made)).status_code == 404


@pytest.mark.parametrize(
    "echo",
    [lambda token: (200, b"other"), lambda token: (204, b""), lambda token: (500, token.encode())],
    ids=["another text", "no text", "an error"],
)
def test_without_the_handshake_nothing_is_registered(own: Books, receiver: Receiver, echo: Any) -> None:
    before = own.get(f"{own.root}/subscriptions").json()["value"]
    receiver.echo = echo

    made = subscribe(own, receiver.url)

    assert made.status_code == 400
    assert "handshake" in made.json()["error"]["message"]
    assert own.get(f"{own.root}/subscriptions").json()["value"] == before


def test_created_updated_and_deleted_arrive_once_each(own: Books, receiver: Receiver) -> None:
    old = own.get("paymentTerms?$top=1").json()["value"][0]
    made = subscribe(own, receiver.url, clientState="s1")
    new = own.post("paymentTerms", {"code": "HOOK", "displayName": "x"}).json()
    receiver.wait(1)
    assert own.patch(f"paymentTerms({old['id']})", {"displayName": "hooked"}).status_code == 200
    receiver.wait(2)
    assert own.delete(f"paymentTerms({new['id']})").status_code == 204
    receiver.wait(3)
    time.sleep(0.2)

    at = f"api/v2.0/companies({own.company_id})/paymentTerms"
    assert [(t["changeType"], t["resource"]) for t in receiver.told] == [
        ("created", f"{at}({new['id']})"),
        ("updated", f"{at}({old['id']})"),
        ("deleted", f"{at}({new['id']})"),
    ]
    for told in receiver.told:
        assert told["subscriptionId"] == made.json()["subscriptionId"]
        assert told["clientState"] == "s1"
        assert told["expirationDateTime"] == made.json()["expirationDateTime"]
        changed, made_at = (datetime.fromisoformat(e["lastModifiedDateTime"]) for e in (told, new))
        assert changed >= made_at
    assert receiver.told[0]["lastModifiedDateTime"] == new["lastModifiedDateTime"]
    assert own.delete(address(own, made)).status_code == 204


def test_a_document_is_told_of_its_lines(own: Books, receiver: Receiver) -> None:
    invoice = own.post("salesInvoices", {"customerNumber": "10400"}).json()
    made = subscribe(own, receiver.url, "salesInvoices")
    line = own.post(f"salesInvoices({invoice['id']})/salesInvoiceLines", {"lineType": "Comment", "description": "x"})
    assert line.status_code == 201, line.text
    receiver.wait(1)

    assert {t["changeType"] for t in receiver.told} == {"updated"}
    assert receiver.told[0]["resource"].endswith(f"/salesInvoices({invoice['id']})")
    assert own.delete(address(own, made)).status_code == 204


def test_one_entity_can_be_subscribed_to(own: Books, receiver: Receiver) -> None:
    one, other = own.get("shipmentMethods?$top=2").json()["value"]
    made = subscribe(own, receiver.url, f"shipmentMethods({one['id']})")
    assert made.status_code == 201, made.text
    assert own.patch(f"shipmentMethods({other['id']})", {"displayName": "a"}).status_code == 200
    assert own.patch(f"shipmentMethods({one['id']})", {"displayName": "b"}).status_code == 200
    receiver.wait(1)

    assert [t["resource"].rpartition("/")[2] for t in receiver.told] == [f"shipmentMethods({one['id']})"]
    assert own.delete(address(own, made)).status_code == 204


def test_a_slow_or_failing_receiver_holds_up_no_other(own: Books, receiver: Receiver) -> None:
    slow = Receiver()
    stuck = threading.Event()
    first, second = subscribe(own, slow.url, "itemCategories"), subscribe(own, receiver.url, "itemCategories")
    slow.echo = lambda token: (200, token.encode())

    class Stuck(list[int]):
        def __bool__(self) -> bool:
            stuck.wait(PATIENCE)
            return False

    slow.statuses = Stuck()
    assert own.post("itemCategories", {"code": "SLOW"}).status_code == 201

    assert receiver.wait(1)[0]["changeType"] == "created"
    assert slow.told == []
    stuck.set()
    slow.wait(1)
    slow.close()
    for made in (first, second):
        assert own.delete(address(own, made)).status_code == 204


def test_an_answer_that_is_final_ends_the_subscription(own: Books, receiver: Receiver) -> None:
    receiver.statuses = [410]
    made = subscribe(own, receiver.url, "countriesRegions")
    assert own.post("countriesRegions", {"code": "ZZ"}).status_code == 201
    end = time.monotonic() + PATIENCE
    while own.get(address(own, made)).status_code == 200 and time.monotonic() < end:
        time.sleep(0.05)

    assert own.get(address(own, made)).status_code == 404


def test_a_subscription_is_renewed_by_another_handshake(own: Books, receiver: Receiver) -> None:
    made = subscribe(own, receiver.url)
    time.sleep(1.1)

    renewed = own.patch(address(own, made), {"clientState": "n"}, made.headers["ETag"])

    assert renewed.status_code == 200, renewed.text
    assert renewed.json()["expirationDateTime"] > made.json()["expirationDateTime"]
    assert renewed.json()["clientState"] == "n"
    assert len(receiver.calls) == 2
    receiver.echo = lambda token: (200, b"no")
    assert own.patch(address(own, made), {}).status_code == 400
    assert own.patch(address(own, made), {}, etag=None).json()["error"]["code"] == "BadRequest_InvalidToken"
    assert own.delete(address(own, made), made.headers["ETag"]).status_code == 409
    assert own.delete(address(own, made)).status_code == 204


def test_it_works_inside_a_batch(own: Books, receiver: Receiver) -> None:
    body = {"notificationUrl": receiver.url, "resource": f"companies({own.company_id})/items"}
    answer = own.post(
        f"{own.root}/$batch",
        {"requests": [{"method": "POST", "id": "1", "url": "subscriptions", "body": body, "headers": {}}]},
    )

    [part] = answer.json()["responses"]
    assert part["status"] == 201, part
    assert own.delete(f"{own.root}/subscriptions('{part['body']['subscriptionId']}')").status_code == 204


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"resource": "/api/v2.0/companies({c})/wizards"}, "cannot be subscribed"),
        ({"resource": "/api/v2.0/companies({c})"}, "cannot be subscribed"),
        ({"resource": "/api/v2.0/subscriptions"}, "cannot be subscribed"),
        ({"resource": "/api/v2.0/companies({c})/dimensionSetLines"}, "cannot be subscribed"),
        ({"resource": "/api/v2.0/companies({c})/pdfDocument"}, "cannot be subscribed"),
        ({"resource": "/api/v2.0/companies(11111111-1111-1111-1111-111111111111)/items"}, "does not exist"),
        ({"resource": "/api/v2.0/companies({c})/items({c})"}, "does not exist"),
        ({"resource": ""}, "resource"),
        ({"notificationUrl": ""}, "notificationUrl"),
        ({"notificationUrl": "ftp://example.com/x"}, "https"),
        ({"notificationUrl": "https://user:pw@example.com/x"}, "password"),
        ({"notificationUrl": "http://169.254.169.254/latest"}, "http"),
        ({"notificationUrl": "https://169.254.169.254/latest"}, "private"),
        ({"notificationUrl": "https://10.0.0.1/x"}, "private"),
        ({"notificationUrl": "https://[::ffff:10.0.0.1]/x"}, "private"),
        ({"notificationUrl": "https://0.0.0.0/x"}, "private"),
        ({"notificationUrl": "https://no-such-host.invalid/x"}, "not known"),
        ({"clientState": "x" * 2049}, "2048"),
        ({"expirationDateTime": "2030-01-01T00:00:00Z"}, "expirationDateTime"),
    ],
)
def test_what_cannot_be_subscribed_is_refused(own: Books, change: dict[str, str], said: str) -> None:
    body = {"notificationUrl": "https://127.0.0.1:1/", "resource": f"companies({own.company_id})/items"}
    body |= {name: value.replace("{c}", own.company_id) for name, value in change.items()}

    answer = own.post(f"{own.root}/subscriptions", body)

    assert answer.status_code == 400, answer.text
    assert said in answer.json()["error"]["message"]


def test_by_default_this_machine_is_not_called(books: Books, receiver: Receiver) -> None:
    for url in (receiver.url, receiver.url.replace("http", "https")):
        answer = subscribe(books, url)
        assert answer.status_code == 400
        assert "allow" in answer.json()["error"]["message"]
    assert receiver.calls == []


def test_strict_mode_knows_the_sets_that_business_central_notifies(strict_books: Books) -> None:
    answer = subscribe(strict_books, "https://127.0.0.1:1/", "taxGroups")

    assert "cannot be subscribed" in answer.json()["error"]["message"]
    assert "handshake" in subscribe(strict_books, "https://127.0.0.1:1/", "customers").json()["error"]["message"]


def test_retry_restart_and_rights(tmp_path: Path, receiver: Receiver, backend: str) -> None:
    """A failed delivery comes after a restart; others neither see nor change a client's subscriptions."""
    folder = tmp_path / "restart"
    server = Server(folder, "--demo", store=backend, **OPEN)
    books = books_of(server)
    made = subscribe(books, receiver.url, "unitsOfMeasure", clientState="mine")
    assert made.status_code == 201, made.text
    receiver.statuses = [500]
    assert books.post("unitsOfMeasure", {"code": "HOOK1"}).status_code == 201
    end = time.monotonic() + PATIENCE
    while receiver.statuses and time.monotonic() < end:
        time.sleep(0.02)
    assert receiver.told == []
    books.session.close()
    assert server.stop() == 0

    clients = {}
    for rights in ("full", "read"):
        command = [sys.executable, "-m", "debitor.cli", "client", "create", "--name", rights, "--rights", rights]
        said = subprocess.run(
            [*command, "--json", *server.books],
            env=clean_environment(),
            capture_output=True,
            text=True,
            check=True,
        )
        clients[rights] = json.loads(said.stdout)
    again = Server(folder, store=backend, **OPEN)
    books = books_of(again)
    assert books.post("unitsOfMeasure", {"code": "HOOK2"}).status_code == 201
    told = receiver.wait(2)
    assert [t["changeType"] for t in told] == ["created", "created"]
    assert books.get(address(books, made)).json()["clientState"] == "mine"

    for rights, client in clients.items():
        other = Books(again, books.company)
        other.session.headers["Authorization"] = f"Bearer {again.token(client['client_id'], client['client_secret'])}"
        assert other.get(f"{books.root}/subscriptions").json()["value"] == []
        assert other.get(address(books, made)).status_code == 404
        assert other.delete(address(books, made)).status_code == (404 if rights == "full" else 403)
        assert subscribe(other, receiver.url).status_code == (201 if rights == "full" else 403)
        other.session.close()
    books.session.close()
    assert again.stop() == 0
