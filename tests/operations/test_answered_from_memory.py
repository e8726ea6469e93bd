"""On PostgreSQL a request that creates something hardly waits for the database, and its answer is the database's."""

from __future__ import annotations

import asyncio
import json
import random
import threading
from collections.abc import Iterator
from contextlib import suppress
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from debitor.apis import APIS
from debitor.host import BooksHost
from debitor.odata.messages import Request
from debitor.odata.service import Service
from debitor.operations.companies import create_company
from debitor.query import Compare, Field, Param, Query
from debitor.schema import BLANK_DATE, BLANK_GUID, GUID, Context, EntitySet, Row, Type, record_of
from debitor.store import Store
from debitor.store.opening import open_store
from debitor.store.postgresql.answers import answerer_of
from debitor.store.postgresql.link import Link
from debitor.store.session import Session
from postgresql import used_books

TODAY = date(2026, 1, 31)
CONTEXT = {
    "local_currency_code": "EUR", "payment_template": "PAYMENT", "general_template": "GENERAL", "today": TODAY,
    "mails": True,
}  # fmt: skip
CREATED = {
    f"{api.root}/{of.name}": of
    for api in APIS
    for of in api.catalog.values()
    if of.create is not None and of.record is not None and of.rows is None
}
ASKED = {
    "items", "documentAttachments", "customers", "salesInvoices", "salesInvoiceLines", "attachments",
    "salesCreditMemos", "salesCreditMemoLines",
}  # fmt: skip
"""Sets whose entities the database is asked for: they show rows that are not remembered."""
TRIES = 12
"""Rows of each set."""


@pytest.fixture(scope="module")
def store() -> Iterator[Store]:
    with used_books() as url:
        made = open_store(url)
        yield made
        made.close()


# --------------------------------------------------------------------------- the same as the database says


def some(type: Type, chance: random.Random) -> Any:
    """A value of a kind, blank now and then."""
    if chance.random() < 0.3:
        return type.blank
    match type.kind:
        case "guid":
            return f"{chance.getrandbits(32):08x}-0000-4000-8000-{chance.getrandbits(48):012x}"
        case "code" | "text" | "formula":
            return "".join(chance.choices("AZÄ9 \"\\'", k=min(type.length or 20, 20))).strip().upper()
        case "decimal":
            return Decimal(chance.randrange(-(10**9), 10**9)).scaleb(-chance.randrange(6))
        case "factor":
            return Decimal(chance.randrange(1, 10**9)).scaleb(-chance.randrange(12))
        case "date":
            return chance.choice([BLANK_DATE, TODAY, date(1999, 12, 31)])
        case "datetime":
            return "2026-01-31T09:30:00.120Z"
        case "int32" | "int64":
            return chance.randrange(-(2**31), 2**31)
        case "bool":
            return chance.random() < 0.5
        case "enum":
            assert type.enum is not None
            member = chance.choice(list(type.enum))
            return chance.choice([member, str(member)])
        case _:
            return b"\0\xff"


def row_of(cls: type[Row], chance: random.Random, **given: Any) -> Any:
    """A row of any values."""
    names = [c for c in record_of(cls).columns if c.name not in ("id", "version", "modified_at")]
    return cls(**{c.name: given[c.name] if c.name in given else some(c.type, chance) for c in names})


def told_by(wanted: Any, chance: random.Random) -> Any:
    """A value that fulfils a declared condition."""
    if isinstance(wanted, Context):
        return CONTEXT[wanted.name]
    return chance.choice(wanted) if isinstance(wanted, tuple) else wanted


def fulfilled(of: EntitySet, chance: random.Random) -> dict[str, Any]:
    """Values of the row's own columns with which the set shows it, mostly."""
    return {
        path: told_by(wanted, chance)
        for path, wanted in of.where.items()
        if "." not in path and chance.random() < 0.9
    }


def led_to(tx: Any, of: EntitySet, chance: random.Random) -> dict[str, Any]:
    """Pointers to new rows, and to none."""
    values: dict[str, Any] = {}
    for alias, lookup in of.lookups.items():
        if "." in lookup.via or lookup.via in values or chance.random() < 0.2:
            continue
        given = {
            path.rpartition(".")[2]: told_by(wanted, chance)
            for path, wanted in of.where.items()
            if path.startswith(f"{alias}.") and chance.random() < 0.9
        }
        kept = record_of(lookup.record).by_name[lookup.by]
        if lookup.by != "id" and tx.find(lookup.record, **{lookup.by: given.get(lookup.by, kept.type.blank)}):
            continue
        values[lookup.via] = getattr(tx.insert(row_of(lookup.record, chance, **given)), lookup.by)
    return values


def read_back(of: EntitySet) -> Query:
    """What a POST reads of the entity that it has added."""
    columns = tuple(p for p in of.properties if isinstance(p.source, str))
    return Query(of, columns, Compare("eq", Field("id"), Param(0, GUID)), version=of.etag)


@pytest.mark.parametrize("name", CREATED)
def test_an_entity_that_was_just_added_is_told_as_the_database_tells_it(store: Store, name: str) -> None:
    of = CREATED[name]
    assert of.record is not None
    query, chance = read_back(of), random.Random(name)
    shown = 0
    for _ in range(TRIES):
        with suppress(InterruptedError), store.transaction(alone=False) as root:
            tx: Any = root.at(1) if of.company else root
            row = row_of(of.record, chance, **{**led_to(tx, of, chance), **fulfilled(of, chance)})
            id = tx.insert(row).id
            told = tx.run(query, (id,), CONTEXT)
            asked = Session.run(tx, query, (id,), CONTEXT)
            assert told == asked
            assert [list(map(type, each)) for each in told] == [list(map(type, each)) for each in asked]
            assert tx.run(query, (BLANK_GUID,), CONTEXT) == []
            shown += len(told)
            raise InterruptedError  # so that codes of other tries are free again
    assert shown
    assert (answerer_of(query) is None) == (of.name in ASKED)


# --------------------------------------------------------------------------- how often it is waited for


def test_a_create_waits_for_the_database_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    """For the lock of the company, and for COMMIT with all that was written; so does a batch of creates."""
    waited: list[str] = []
    exchange = Link._exchange

    def counted(link: Link, commands: Any) -> Any:
        if threading.current_thread().name == "debitor-store":
            waited.append(commands[-1].sql.split(" FROM ")[-1][:60])
        return exchange(link, commands)

    with used_books() as url:
        store = open_store(url)
        with store.transaction() as root:
            company = create_company(root, name="Demo", today=TODAY, demo=True)
        service = Service(BooksHost(today=lambda: TODAY))

        def post(path: str, body: Any) -> Any:
            request = Request(
                method="POST",
                root="http://x/api/v2.0",
                path=path,
                headers={"content-type": "application/json"},
                body=json.dumps(body).encode(),
                request_id=BLANK_GUID,
                user="test",
            )

            async def main() -> Any:
                return await store.write(lambda root: service.execute(request, root))

            waited.clear()
            answer = asyncio.run(main())
            assert answer.status in (200, 201), answer.body
            return json.loads(answer.body)

        books = f"companies({company.id})"
        journal = post(f"{books}/customerPaymentJournals", {"code": "TRIPS", "displayName": "Trips"})["id"]
        payments = f"{books}/customerPaymentJournals({journal})/customerPayments"
        invoice = {"customerNumber": "10400", "appliesToInvoiceNumber": "100000"}
        body = {**invoice, "amount": -1, "documentNumber": "TRIP"}
        part = {"method": "POST", "url": payments, "headers": {"content-type": "application/json"}, "body": body}
        batch = {"requests": [{"id": str(n), **part} for n in range(100)]}
        for _ in range(2):
            post(payments, body)
        monkeypatch.setattr(Link, "_exchange", counted)
        post(payments, body)
        create = list(waited)
        told = post("$batch", batch)
        assert {each["status"] for each in told["responses"]} == {201}
        together = list(waited)
        store.close()

    assert len(create) == 2, create
    assert len(together) == 2, together
