"""A host for the toy entity sets: one company, the SQLite store, and shorthands for requests and answers."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from debitor.odata.idempotency import KeptAnswer
from debitor.odata.messages import CompanyRef, Request, Response
from debitor.odata.service import Service
from debitor.schema import GUID, Action, Draft, EntitySet, Navigation, Property, Refused, record_of, text
from debitor.store import Root, Store, StoreError, Transaction
from debitor.store.opening import open_store
from odata import toys

ROOT = "http://127.0.0.1:7048/api/v2.0"
COMPANY = CompanyRef(1, "0a1b2c3d-0000-4000-8000-000000000001", "TOYS")
OTHER = CompanyRef(2, "0a1b2c3d-0000-4000-8000-000000000002", "Second & Sons")
REQUEST_ID = "11111111-2222-3333-4444-555555555555"
AT = f"companies({COMPANY.id})"

COMPANIES = {
    "companies": EntitySet(
        name="companies",
        entity="company",
        properties=(
            Property("id", GUID, editable=False, nullable=False),
            Property("name", text(30), editable=False),
            Property("businessProfileId", text(250), editable=False),
        ),
        rows=lambda act, keys: [{"id": c.id, "name": c.name, "businessProfileId": ""} for c in (COMPANY, OTHER)],
        etag=False,
        company=False,
    )
}
"""Companies as an entity set at the root."""


def _royalties(act: Any, keys: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The toys' rows, also for a list of authors, as $expand asks."""
    assert toys.ROYALTIES.rows is not None
    wanted = keys.get("authorId")
    if not isinstance(wanted, list):
        return toys.ROYALTIES.rows(act, keys)
    return [row for id in wanted for row in toys.ROYALTIES.rows(act, {**keys, "authorId": id})]


def _audit(act: Any, id: str, body: Draft) -> None:
    """An action that takes long."""


CHOSEN = {
    "authors": replace(
        toys.AUTHORS,
        client_ids=True,
        navigations=(
            *toys.AUTHORS.navigations,
            Navigation("authorRoyalty", "authorRoyalties", many=False, on=(("id", "authorId"),)),
        ),
        actions=(*toys.AUTHORS.actions, Action("audit", _audit, long=True)),
        by_name={},
    ),
    "authorRoyalties": replace(toys.ROYALTIES, rows=_royalties, by_name={}),
}
"""Authors whose id the client may choose, with an action that takes long and a way to computed rows."""

CATALOG: dict[str, EntitySet] = {**COMPANIES, **toys.TOYS, **CHOSEN}


@dataclass
class Act:
    """What the hooks of the toys see."""

    tx: Any
    today: date
    strict: bool
    parent: Mapping[str, Any]
    values: Mapping[str, Any]
    key: str | None
    if_match: str | None
    user: str
    request_id: str


class ToyHost:
    """A Host with two companies."""

    def __init__(self, catalog: Mapping[str, EntitySet], *, strict: bool) -> None:
        self.catalog, self.strict = catalog, strict
        self.kept_values = frozenset[str]()
        self.written: list[tuple[str, str, str, str]] = []

    def company(self, root: Root, name: str) -> CompanyRef | None:
        return next((c for c in (COMPANY, OTHER) if name.lower() in (c.id, c.name.lower())), None)

    def act(
        self,
        request: Request,
        tx: Transaction,
        company: CompanyRef | None,
        *,
        parent: Mapping[str, Any],
        key: str | None = None,
    ) -> Act:
        return Act(
            tx,
            date(2026, 1, 31),
            self.strict,
            parent,
            self.context(tx, company),
            key,
            request.headers.get("if-match"),
            request.user,
            request.request_id,
        )

    def mark(self, root: Root, company: str) -> None:
        return None

    def wrote(self, request: Request, root: Root, company: str, entity_set: str, action: str, mark: Any) -> None:
        self.written.append((request.method, entity_set, request.written, action))

    def context(self, tx: Transaction, company: CompanyRef | None) -> Mapping[str, Any]:
        return {"home_country": "DE", "current_genre": "Fiction", "house": "P1"}


@dataclass
class Wire:
    """Sends requests as app.py would, and decodes the answers."""

    store: Store
    service: Service
    rights: str = "full"
    user: str = "tester"
    last: Response = field(default_factory=lambda: Response(0, []))

    def send(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        raw: bytes | None = None,
        query: str = "",
        root: bool = False,
        **headers: Any,
    ) -> SimpleNamespace:
        """Send one request below the company (`root=True`: below the API root)."""
        payload = raw if raw is not None else b"" if body is None else json.dumps(body).encode()
        request = Request(
            method,
            ROOT,
            path if root else f"{AT}/{path}",
            query,
            {name.replace("_", "-"): value for name, value in headers.items()},
            payload,
            REQUEST_ID,
            self.user,
            self.rights,
        )
        needs = self.service.needs(request)
        if needs == "read":
            made = self.service.handle(request, self.store.reader())
        else:
            try:
                with self.store.transaction() as tx:
                    made = self.service.execute(request, tx)
            except (Refused, StoreError) as no:
                made = self.service.error_response(request, no)
        head = dict(made.headers)
        is_json = head.get("content-type", "").startswith("application/json") and made.body
        return SimpleNamespace(
            status=made.status,
            headers=head,
            raw=made.body,
            json=json.loads(made.body) if is_json else None,
            needs=needs,
            code=json.loads(made.body)["error"]["code"] if is_json and made.status >= 400 else None,
        )

    def get(self, path: str, query: str = "", **headers: Any) -> SimpleNamespace:
        return self.send("GET", path, query=query, **headers)

    def post(self, path: str, body: Any = None, query: str = "", **headers: Any) -> SimpleNamespace:
        return self.send("POST", path, body, query=query, **headers)

    def patch(self, path: str, body: Any, query: str = "", **headers: Any) -> SimpleNamespace:
        return self.send("PATCH", path, body, query=query, **headers)

    def delete(self, path: str, **headers: Any) -> SimpleNamespace:
        return self.send("DELETE", path, **headers)

    def batch(self, *parts: Any, **headers: Any) -> list[Any]:
        """Send a batch below the API root and return its responses."""
        made = self.send("POST", "$batch", {"requests": list(parts)}, root=True, **headers)
        assert made.status == 200, made.raw
        answers: list[Any] = made.json["responses"]
        return answers


def open_wire(
    folder: Path,
    *,
    strict: bool = False,
    catalog: Mapping[str, EntitySet] | None = None,
    clock: Callable[[], int] = time.time_ns,
) -> Wire:
    """Return a wire to a fresh store. `clock`: nanoseconds since 1970."""
    records = [record_of(cls) for cls in (toys.Publisher, toys.Author, toys.Book, KeptAnswer)]
    store = open_store(f"sqlite://{folder}/toys.db", records=records, clock=clock)
    return Wire(store, Service(ToyHost(CATALOG if catalog is None else catalog, strict=strict)))
