"""No statement on a request's path touches the rows of more than one company: then Citus asks one machine.

An application over PostgreSQL, in process, answers requests of every kind: all sets of all APIs, writes, posting,
acts on entries, reports, change tracking. Every statement that its connections sent is looked at, as text: each table
that belongs to companies is held to one company wherever it is named.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest

from backends import BACKENDS
from debitor import identity
from debitor.apis import APIS
from debitor.app import App
from debitor.host import BooksHost
from debitor.odata.service import Service
from debitor.operations.companies import create_company
from debitor.schema import RECORDS
from debitor.store import StoreError
from debitor.store.opening import distribute, open_store
from debitor.store.postgresql import citus, link
from postgresql import CITUS

TODAY = date(2026, 1, 31)
NAMED = re.compile(r'(FROM|JOIN|UPDATE|INTO)\s+"?(\w+)"?(?:\s+AS\s+"?(\w+)"?)?', re.IGNORECASE)


def spread_tables() -> set[str]:
    """The tables whose rows belong to a company."""
    return {r.name for r in RECORDS.values() if r.by_company} | {citus.FIRST, *citus.BESIDE}


def unheld(sql: str) -> list[str]:
    """The tables in a statement that are not held to one company."""
    found, spread = [], spread_tables()
    for verb, table, alias in NAMED.findall(sql):
        if table not in spread:
            continue
        if verb.upper() == "INTO":
            listed = re.search(rf'INTO\s+"?{table}"?\s*\(([^)]*)\)', sql)
            held = listed is not None and "company" in listed[1].replace('"', "").split(", ")
        else:
            name = rf'{alias}\."?company"?' if alias else r'(?:(?<=[ (])|\b)"?company"?'
            held = re.search(rf"{name} = (?:\?|\$|\w+\.\"?company)", sql) is not None
        if not held:
            found.append(table)
    return found


def test_the_look_finds_what_is_not_held() -> None:
    assert unheld('SELECT t."id" FROM "customer" AS t WHERE t."number" = ?1') == ["customer"]
    assert unheld('SELECT t."id" FROM "customer" AS t WHERE t."company" = ?1 AND t."number" = ?2') == []
    assert unheld('SELECT 1 FROM "journal_line" AS t LEFT JOIN "customer" AS c1 ON c1."id" = t."account_id" '
                  'WHERE t."company" = ?1') == ["customer"]  # fmt: skip
    assert unheld('UPDATE "customer" SET "number" = ? WHERE "id" = ?') == ["customer"]
    assert unheld('DELETE FROM "customer" WHERE "company" = ? AND "id" = ?') == []
    assert unheld('INSERT INTO "customer" ("id") VALUES (?)') == ["customer"]


@pytest.fixture(scope="module")
def sent(tmp_path_factory: pytest.TempPathFactory) -> Iterator[set[str]]:
    """The statements of an application that answered all kinds of requests."""
    url = BACKENDS["postgresql"](tmp_path_factory.mktemp("shards"))
    store = open_store(url)
    with store.transaction() as root:
        identity.ensure_key(root, lifetime=3600)
        identity.register_client(root, name="x", client_id="dev", secret="a secret that is long enough")
        company = create_company(root, name="Demo", today=TODAY, demo=True)
    before = set(link._TEXTS)
    link._TEXTS.clear()
    asker = identity.Authenticator(store, issuer="http://x/v2.0", lifetime=3600)
    services = {api.root: Service(BooksHost(catalog=api.catalog, today=lambda: TODAY)) for api in APIS}
    app = App(services.pop(APIS[0].root), store, asker, origin="http://127.0.0.1", others=services)
    asyncio.run(ask(app, company.id))
    yield set(link._TEXTS)
    link._TEXTS.update({text: link.numbered(text) for text in before})
    asker.close()
    store.close()


async def ask(app: App, company: str) -> None:
    """Requests of every kind."""
    import base64

    basic = b"Basic " + base64.b64encode(b"dev:a secret that is long enough")

    async def call(method: str, path: str, body: Any = None, expect: int = 0, **headers: str) -> Any:
        told: list[Any] = []
        raw = b"" if body is None else json.dumps(body).encode()
        address, _, query = path.partition("?")
        given = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
        head = [(b"host", b"x"), (b"authorization", basic), (b"content-type", b"application/json"),
                (b"content-length", str(len(raw)).encode()), *given]  # fmt: skip

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": raw, "more_body": False}

        async def send(message: Any) -> None:
            told.append(message)

        scope = {"type": "http", "method": method, "path": unquote(address), "raw_path": address.encode(),
                 "query_string": query.replace(" ", "%20").encode(), "headers": head, "scheme": "http",
                 "client": ("127.0.0.1", 1)}  # fmt: skip
        await app(scope, receive, send)
        status = told[0]["status"]
        content = b"".join(part.get("body", b"") for part in told[1:])
        assert status < 500, (method, path, content)
        assert not expect or status == expect, (method, path, status, content)
        return json.loads(content) if content[:1] == b"{" else None

    for api in APIS:
        for name in api.catalog:
            base = f"{api.root}/companies({company})/{name}"
            listed = await call("GET", f"{base}?$top=2&$count=true")
            for row in (listed or {}).get("value", ())[:1]:
                if "id" in row:
                    await call("GET", f"{base}({row['id']})")
            await call("GET", f"{base}?$filter=id ne 11111111-1111-4111-8111-111111111111&$orderby=id desc&$top=3")
            await call("GET", base, prefer="odata.track-changes,odata.maxpagesize=3")
    v2, own = (f"{api.root}/companies({company})" for api in APIS[:2])
    made = await call("POST", f"{v2}/customers", {"displayName": "Shards"}, 201)
    number = made["number"]
    await call("PATCH", f"{v2}/customers({made['id']})", {"city": "Here"}, 200, if_match="*")
    item = (await call("GET", f"{v2}/items?$filter=type ne 'Inventory'&$top=1"))["value"][0]["number"]
    entries = []
    for _ in range(2):
        line = {"lineType": "Item", "lineObjectNumber": item, "quantity": 1, "unitPrice": 100}
        body = {"customerNumber": number, "invoiceDate": "2026-01-10", "salesInvoiceLines": [line]}
        invoice = await call("POST", f"{v2}/salesInvoices", body, 201)
        await call("POST", f"{v2}/salesInvoices({invoice['id']})/Microsoft.NAV.post", None, 204)
        named = (await call("GET", f"{v2}/salesInvoices({invoice['id']})"))["number"]
        found = await call("GET", f"{own}/customerLedgerEntries?$filter=documentNumber eq '{named}'")
        entries.append(found["value"][0])
    await call("POST", f"{v2}/salesInvoices({invoice['id']})/Microsoft.NAV.cancel")
    account = (await call("GET", f"{v2}/accounts?$filter=directPosting eq true&$top=1"))["value"][0]["id"]
    journal = await call("POST", f"{v2}/customerPaymentJournals", {"code": "S", "balancingAccountId": account}, 201)
    at = f"{own}/customerPaymentJournals({journal['id']})"
    body = {"customerNumber": number, "amount": -10, "documentNumber": "S1", "postingDate": "2026-01-20"}
    paid = await call("POST", f"{at}/customerPayments", body, 201)
    await call("GET", f"{own}/customerPayments({paid['id']})/applyCustomerEntries")
    await call("PATCH", f"{own}/customerPayments({paid['id']})", {"amount": -20}, 200, if_match="*")
    await call("POST", f"{at}/Microsoft.NAV.preview", None, 200)
    await call("POST", f"{at}/Microsoft.NAV.post", None, 204)
    payment = (await call("GET", f"{own}/customerLedgerEntries?$filter=documentNumber eq 'S1'"))["value"][0]
    acts = f"{own}/customerLedgerEntries({payment['id']})/Microsoft.NAV."
    await call("POST", f"{acts}apply", {"entries": [{"entryNumber": entries[0]["entryNumber"]}]}, 200)
    await call("POST", f"{acts}unapply", {}, 200)
    await call("POST", f"{acts}reverse", {}, 200)
    await call("GET", f"{own}/customerLedgerEntries({payment['id']})?$expand=detailedCustomerLedgerEntries,customer")
    await call("POST", f"{own}/Microsoft.NAV.adjustExchangeRates", {"endingDate": "2026-01-31"})
    await call("DELETE", f"{v2}/customerPaymentJournals({journal['id']})", None, 204, if_match="*")


def test_every_statement_of_a_request_is_held_to_one_company(sent: set[str]) -> None:
    wrong = {sql: tables for sql in sent if (tables := unheld(sql))}

    assert len(sent) > 300
    assert not wrong, "\n".join(f"{tables}: {sql}" for sql, tables in list(wrong.items())[:5])


def test_all_tables_are_spread_with_the_clock() -> None:
    records = tuple(RECORDS.values())
    made = list(citus.statements(records, frozenset(), 64))
    spread = [values[0] for sql, values in made if "create_distributed_table" in sql]

    assert set(spread) == spread_tables()
    assert spread[0] == citus.FIRST
    assert all(values[1] == citus.FIRST for sql, values in made if "colocate_with" in sql)
    copied = {values[0] for sql, values in made if "create_reference_table" in sql}
    assert copied == {r.name for r in records if not r.by_company}
    there = frozenset(str(name) for name in {*spread, *copied} - {"customer"})
    again = [values for sql, values in citus.statements(records, there, 64) if values]
    assert again == [("customer", citus.FIRST)]


def test_a_key_leads_with_the_company() -> None:
    """What Citus asks of a table that it spreads."""
    from debitor.store.postgresql.schema import table

    for record in RECORDS.values():
        if record.by_company:
            made = table(record)
            assert 'PRIMARY KEY ("company", ' in made.create
            for name, statement in made.indexes.items():
                assert '("company", ' in statement, name


@pytest.mark.skipif(bool(CITUS), reason="this database has Citus")
def test_without_citus_it_is_said(tmp_path: Path) -> None:
    url = BACKENDS["postgresql"](tmp_path)
    open_store(url).close()
    with pytest.raises(StoreError, match="has no Citus"):
        distribute(url, shards=8)
    with pytest.raises(StoreError, match="Only a store on PostgreSQL"):
        distribute(f"sqlite://{tmp_path}/books.db", shards=8)
