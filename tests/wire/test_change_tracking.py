"""Delta links on the sets of the books: whoever follows them has what a fresh reading shows, whatever was done."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import requests

from debitor.entities import CATALOG
from debitor.odata.delta import feeds_of
from wire.conftest import Books

NO_FEEDS = {"subscriptions"}
"""Shown to their own client only; nothing else may tell of them."""


class Reader:
    """Follows one set, and keeps what it was told: address of the entity -> entity."""

    def __init__(self, books: Books, path: str) -> None:
        self.books, self.path = books, path
        self.key = CATALOG[path.partition("?")[0].rpartition("/")[2]].key[0]
        self.known: dict[str, Any] = {}
        self.link = path

    def catch_up(self, page: int = 5) -> list[Any]:
        """Follow links up to the next delta link; returns what was reported."""
        told: list[Any] = []
        while True:
            wish = f"odata.track-changes, odata.maxpagesize={page}"
            answer = self.books.get(self.link, {"Prefer": wish})
            assert answer.status_code == 200, answer.text
            made = answer.json()
            for entity in made["value"]:
                if "reason" in entity:
                    self.known.pop(entity["id"].rpartition("(")[2][:-1], None)
                else:
                    self.known[entity[self.key]] = entity
            told += made["value"]
            self.link = made.get("@odata.nextLink") or made["@odata.deltaLink"]
            if "@odata.deltaLink" in made:
                return told

    def fresh(self) -> dict[str, Any]:
        return {e[self.key]: e for e in self.books.get(self.path).json()["value"]}


def test_every_set_has_feeds() -> None:
    lacking = {of.name for of in CATALOG.values() if feeds_of(of) is None}

    assert lacking <= NO_FEEDS, "a computed set says in `follows` which rows its entities are made of"


def flat() -> list[str]:
    return [
        of.name for of in CATALOG.values() if not of.guard and feeds_of(of) is not None and of.name != "companies"
    ]


@pytest.mark.parametrize("name", flat())
def test_every_set_gives_a_delta_link(books: Books, name: str) -> None:
    answer = books.get(name, {"Prefer": "odata.track-changes"})
    if answer.status_code == 400:
        # It is read below a parent only.
        assert "parent" in answer.json()["error"]["message"]
        return

    assert answer.headers["Preference-Applied"] == "odata.track-changes"
    link = answer.json()["@odata.deltaLink"]
    changes = books.get(link)
    assert changes.status_code in (200, 410), changes.text
    if changes.status_code == 200:
        assert changes.json()["@odata.context"].endswith(f"/{name}/$delta")


def test_companies_are_tracked_at_the_root(books: Books) -> None:
    answer = books.get(f"{books.root}/companies", {"Prefer": "odata.track-changes"})

    assert books.get(answer.json()["@odata.deltaLink"]).json()["value"] == []


def test_readers_follow_payments_from_draft_to_posting(books: Books) -> None:
    journal = books.new_journal(balanced=True)
    payments = f"customerPaymentJournals({journal})/customerPayments"
    paths = (
        payments,
        "customers",
        "customers?$filter=balanceDue gt 0",
        "customerFinancialDetails",
        "salesInvoices",
        "salesInvoices?$filter=remainingAmount gt 0&$orderby=dueDate",
        "generalLedgerEntries",
        "accounts",
        "customerPaymentJournals",
        "journals",
    )
    readers = {path: Reader(books, path) for path in paths}
    for reader in readers.values():
        reader.catch_up()
    body = {"customerNumber": "10400", "appliesToInvoiceNumber": "100000", "documentNumber": "T1"}
    kept = books.post(payments, {**body, "amount": -7})
    gone = books.post(payments, {**body, "amount": -8})
    assert (kept.status_code, gone.status_code) == (201, 201), kept.text + gone.text
    told = readers[payments].catch_up()
    assert [e["amount"] for e in told] == [-7, -8]
    assert books.delete(f"customerPayments({gone.json()['id']})").status_code == 204
    told = readers[payments].catch_up()
    assert [(e["id"], e["reason"]) for e in told] == [(f"{books.url}/{payments}({gone.json()['id']})", "deleted")]
    assert books.patch(f"customerPayments({kept.json()['id']})", {"description": "x"}).status_code == 200
    posted = books.post(f"customerPaymentJournals({journal})/Microsoft.NAV.post")
    assert posted.status_code == 204, posted.text

    for path, reader in readers.items():
        told = reader.catch_up(3)
        assert told or path in ("customerPaymentJournals", "journals"), path
        assert reader.known == reader.fresh(), path
    assert readers[payments].known == {}


def test_a_draft_keeps_its_id_when_it_is_posted(books: Books) -> None:
    item = books.get("items?$top=1").json()["value"][0]
    reader = Reader(books, "salesInvoices?$expand=salesInvoiceLines")
    reader.catch_up()
    made = books.post("salesInvoices", {"customerNumber": "10400"}).json()
    line = books.post(
        f"salesInvoices({made['id']})/salesInvoiceLines",
        {"lineType": "Item", "itemId": item["id"], "quantity": 1, "unitPrice": 10},
    )
    assert line.status_code == 201, line.text
    assert [e["id"] for e in reader.catch_up()] == [made["id"]]
    assert books.patch(f"salesInvoiceLines({line.json()['id']})", {"description": "other"}).status_code == 200
    assert [e["salesInvoiceLines"][0]["description"] for e in reader.catch_up()] == ["other"]
    assert books.post(f"salesInvoices({made['id']})/Microsoft.NAV.post").status_code == 204

    told = reader.catch_up()

    assert [(e["id"], e["status"]) for e in told] == [(made["id"], "Open")]
    assert reader.known == reader.fresh()


def test_dimensions_of_a_line_are_read_again_as_a_whole(books: Books) -> None:
    journal = books.new_journal()
    line = books.post(
        f"customerPaymentJournals({journal})/customerPayments", {"customerNumber": "10400", "amount": -1}
    )
    path = f"customerPayments({line.json()['id']})/dimensionSetLines"
    link = books.get(path, {"Prefer": "odata.track-changes"}).json()["@odata.deltaLink"]
    assert books.get(link).json()["value"] == []
    value = books.get("dimensionValues?$top=1").json()["value"][0]
    dimension = books.get(f"dimensions({value['dimensionId']})").json()
    added = books.post(path, {"code": dimension["code"], "valueCode": value["code"]})
    assert added.status_code in (201, 400), added.text

    assert books.get(link).status_code == (410 if added.status_code == 201 else 200)


def test_polling_by_time_sees_what_was_done_since(books: Books) -> None:
    """`lastModifiedDateTime gt` the greatest one seen: no later change has the same time."""
    journal = books.new_journal()
    payments = f"customerPaymentJournals({journal})/customerPayments"
    seen: list[str] = []
    last = "2000-01-01T00:00:00Z"
    for number in range(30):
        made = books.post(payments, {"customerNumber": "10400", "amount": -1, "documentNumber": f"P{number}"})
        assert made.status_code == 201, made.text
        found = books.get(f"{payments}?$filter=lastModifiedDateTime gt {last}").json()["value"]
        seen += [e["documentNumber"] for e in found]
        last = max(e["lastModifiedDateTime"] for e in found)

    assert seen == [f"P{number}" for number in range(30)]


def test_nothing_is_missed_while_others_write(books: Books) -> None:
    """Many clients write in shared commits, while one follows links as fast as it can."""
    journal = books.new_journal()
    payments = f"customerPaymentJournals({journal})/customerPayments"
    token = books.session.headers["Authorization"]

    def write(writer: int) -> None:
        with requests.Session() as session:
            session.headers["Authorization"] = token
            own = Books(books.server, books.company, session)
            for number in range(25):
                body = {"customerNumber": "10400", "amount": -1, "documentNumber": f"{writer}-{number}"}
                made = own.post(payments, body)
                assert made.status_code == 201, made.text
                if number % 3 == 0:
                    assert own.patch(f"customerPayments({made.json()['id']})", {"description": "x"}).ok
                if number % 4 == 0:
                    assert own.delete(f"customerPayments({made.json()['id']})").status_code == 204

    reader = Reader(books, payments)
    with ThreadPoolExecutor(4) as pool:
        writers = [pool.submit(write, n) for n in range(4)]
        while not all(w.done() for w in writers):
            reader.catch_up(7)
        for w in writers:
            w.result()
    reader.catch_up()

    assert len(reader.known) == 4 * 18
    assert reader.known == reader.fresh()
