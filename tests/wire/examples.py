"""Records the examples of the reference: good requests and their answers, from a demo company that is new.

    python -m wire.examples              (`make examples`) writes src/debitor/entities/examples.json

Of each entity set: list, count, read, create, change, replace, remove and the actions (example_requests.py); of the
protocol its documents and a batch. Recorded as sent and answered, but for what differs from server to server: ids are
made generic, one for each entity; tags, moments and the server's own address are the same everywhere. Dates stay: the
demo company's are near the day of recording.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
import tempfile
from pathlib import Path
from typing import Any

from debitor.entities import CATALOG
from debitor.entities.texts import ORIGIN
from wire.conftest import Books, Server, books_of
from wire.example_requests import EXAMPLES, Example
from wire.mailbox import Mailbox
from wire.receiver import Receiver

FILE = Path(__file__).parents[2] / "src" / "debitor" / "entities" / "examples.json"
RECEIVER = "https://receiver.example/changes"
TAG = 'W/"JzE5OzEwMDAwMDAwMDAwMDAwMDAwMDAxOzAwOyc="'
MOMENT = "2026-01-31T09:30:00.120Z"
OWN_ID = "0d6a3f0e-5f6c-4a83-8f55-6c1f6b1f0a01"
"""An id that a client chose."""
BLANK = "00000000-0000-0000-0000-000000000000"
WIDEST = 100
"""Characters of a body on one line."""

_GUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|(?<![0-9a-f])[0-9a-f]{32}(?![0-9a-f])")
_TAG = re.compile(r'W/"[A-Za-z0-9+/=]+"')
_MOMENT = re.compile(r"(?!0001)\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z")
_DATE = re.compile(r"(?!0001)\d{4}-\d\d-\d\d")


class Recorder:
    """Sends the requests. `examples` is what the document shows, by operationId.

    Args:
        books: a new demo company of a server that can send mails and notifications.
        receiver: the address of a program that takes notifications.
    """

    def __init__(self, books: Books, receiver: str) -> None:
        self.books, self.receiver = books, receiver
        self.examples: dict[str, dict[str, Any]] = {}
        self.document = books.session.get(f"{books.server.origin}/openapi.json", timeout=60).json()
        self._generic: dict[str, str] = {BLANK: BLANK}
        self._now = ""
        self._unnamed = 0

    def run(self) -> dict[str, dict[str, Any]]:
        """Record all examples."""
        sets = [tag["name"] for tag in self.document["tags"][1:]]
        self._name(self.books.company_id, "company")
        for of in sets:
            self._name_rows(of)
        for of in sets:
            self._reads(of, EXAMPLES.get(of, Example()))
        self._protocol()
        for of in sets:
            self._writes(of, EXAMPLES.get(of, Example()))
        return {
            operation["operationId"]: self.examples[operation["operationId"]]
            for verbs in self.document["paths"].values()
            for operation in verbs.values()
            if operation["operationId"] in self.examples
        }

    # ---- ids

    def _name(self, id: str, name: str) -> None:
        """Give an id its generic form, which only depends on what it is the id of."""
        digits = hashlib.sha256(name.encode()).hexdigest()[:12]
        self._generic.setdefault(id, f"5e7a0000-0000-4000-8000-{digits}")

    def _name_rows(self, of: str) -> None:
        answer = self.books.get(f"{of}?$top=1000")
        if answer.status_code == 200:
            for at, row in enumerate(answer.json()["value"]):
                known = [str(row[name]) for name in ("number", "code", "entryNumber") if row.get(name)]
                self._name(str(row.get("id", "")), f"{of} {known[0] if known else at}")

    def _guid(self, found: re.Match[str]) -> str:
        if found[0] not in self._generic:
            self._unnamed += 1
            self._name(found[0], f"{self._now} {self._unnamed}")
        return self._generic[found[0]]

    def generic(self, value: Any, name: str = "") -> Any:
        """Return a value without what differs from server to server."""
        if isinstance(value, dict):
            return {name: self.generic(member, name) for name, member in value.items()}
        if isinstance(value, list):
            return [self.generic(item, name) for item in value]
        if isinstance(value, str):
            value = value.replace(self.books.server.origin, ORIGIN).replace(self.receiver, RECEIVER)
            return _MOMENT.sub(MOMENT, _TAG.sub(TAG.replace("\\", ""), _GUID.sub(self._guid, value)))
        return 1 if name == "timestamp" else value

    # ---- one request

    def send(
        self,
        verb: str,
        path: str,
        ids: dict[str, str] | None = None,
        query: str = "",
        body: Any = None,
        content: str = "",
        **headers: str,
    ) -> Any:
        """Send a request and keep it as the example of its operation, unless this has one.

        Args:
            verb: in lower case.
            path: as in the document.
            ids: parameter of the path -> its value; the company is known.
            query: of the address.
            body: JSON.
            content: what is sent instead.
            headers: with _ for -.
        """
        operation = self.document["paths"][path][verb]["operationId"]
        self._now, self._unnamed = operation, 0
        address = path.format_map({"company_id": self.books.company_id, **(ids or {})})
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        full = f"{self.books.root}{address}{'?' + query if query else ''}"
        answer = self.books.session.request(verb, full, json=body, data=content or None, headers=named, timeout=60)
        assert answer.status_code < 300, f"{verb} {full} {body}: {answer.status_code} {answer.text}"
        kind = answer.headers.get("Content-Type", "")
        told: Any = None
        if kind.startswith("application/json"):
            told = self.generic(answer.json())
        elif kind.startswith("text/plain"):
            told = answer.text
        lines = [f"{verb.upper()} /api/v2.0{path}{'?' + self.generic(query) if query else ''}"]
        lines += [f"{name}: {self.generic(value)}" for name, value in named.items()]
        if content:
            lines += ["", content]
        shown = self.generic(body)
        if body is not None:
            text = json.dumps(shown, ensure_ascii=False)
            if len(text) > WIDEST:
                text = json.dumps(shown, ensure_ascii=False, indent=2)
            lines += ["Content-Type: application/json", "", text]
        self.examples.setdefault(
            operation,
            {
                "source": "\n".join(lines),
                "status": answer.status_code,
                # A body with ids of this server is shown, but is no example that another server takes.
                "body": shown if shown == body else None,
                "answer": told,
            },
        )
        return answer

    def _has(self, verb: str, path: str) -> bool:
        return verb in self.document["paths"].get(path, ())

    # ---- what is asked

    def _protocol(self) -> None:
        self.send("get", "/$metadata", query="$schemaversion=2.0")
        self.send("get", "/entityDefinitions", query="$filter=entityName eq 'paymentMethod'")
        self.send("get", "/entityDefinitions('{entity_name}')", {"entity_name": "customerBlocked"})
        body = {
            "requests": [
                {"id": "1", "method": "POST", "url": "shipmentMethods", "body": {"code": "AIR"}},
                {"id": "2", "method": "GET", "url": "shipmentMethods?$filter=code eq 'AIR'&$select=code"},
            ]
        }
        self.send("post", "/$batch", body=body, Company=self.books.company["name"], Isolation="snapshot")

    def _home(self, of: str) -> tuple[str, str, str]:
        """(path of the set, path of one entity, parameter of its key)"""
        if of == "companies":
            return "/companies", "/companies({company_id})", "company_id"
        base = f"/companies({{company_id}})/{of}" if CATALOG[of].company else f"/{of}"
        by_text = f"{base}('{{key}}')"
        return (base, by_text, "key") if by_text in self.document["paths"] else (base, f"{base}({{id}})", "id")

    def _reads(self, of: str, shown: Example) -> None:
        home, single, key = self._home(of)
        own = CATALOG[of].key[0]
        query = shown.list
        if shown.before:
            shown.before(self.books)
        parent = shown.parent(self.books) if shown.parent else ""
        if parent:
            fixed = f"$filter={shown.fixes} eq {parent}"
            if of == "pdfDocument":
                fixed += " and parentType eq 'Sales Invoice'"
            query = f"{fixed}&{query}" if query else fixed
        found = self.send("get", home, query=query).json()["value"]
        self.send("get", f"{home}/$count", query=fixed if parent else shown.count)
        if parent and shown.below:
            self._below(of, shown.below, parent, shown.list)
        if shown.where:
            found = self.books.get(f"{of}?$filter={shown.where}").json()["value"]
        elif parent and shown.below:
            found = self.books.get(f"{shown.below[0]}({parent})/{shown.below[1]}").json().get("value", ())
        elif "$select" in shown.list:
            found = self.books.get(f"{of}?$top=1").json()["value"]
        if found and own in found[0] and self._has("get", single):
            ids = {key: str(found[0][own])}
            self.send("get", single, ids)
            self._content(single, ids)

    def _below(self, of: str, below: tuple[str, str], parent: str, query: str) -> None:
        """Read a collection, or one entity, through what it belongs to."""
        path = f"/companies({{company_id}})/{below[0]}({{id}})/{below[1]}"
        answer = self.send("get", path, {"id": parent}, query=query).json()
        if "value" not in answer:
            self._content(path, {"id": parent})
            return
        self.send("get", f"{path}/$count", {"id": parent})
        one = f"{path}({{line_id}})"
        if self._has("get", one):
            row = self.books.get(f"{below[0]}({parent})/{below[1]}").json()["value"][0]
            self.send("get", one, {"id": parent, "line_id": row[CATALOG[of].key[0]]})

    def _content(self, at: str, ids: dict[str, str]) -> None:
        """Read the bytes of stream properties."""
        for path in self.document["paths"]:
            if path.rpartition("/")[0] == at and self._has("get", path):
                media = self.document["paths"][path]["get"]["responses"]["200"].get("content", {})
                if "application/octet-stream" in media:
                    self.send("get", path, ids)

    def _writes(self, of: str, shown: Example) -> None:
        home, single, key = self._home(of)
        ids: dict[str, str] = {}
        if shown.below and (shown.draft or shown.parent):
            holder = shown.draft or shown.parent
            assert holder is not None
            ids = {"id": holder(self.books)}
            below = f"/companies({{company_id}})/{shown.below[0]}({{id}})/{shown.below[1]}"
            if self._has("get", f"{below}({{line_id}})"):
                home, single, key = below, f"{below}({{line_id}})", "line_id"
        body = shown.create(self.books) if callable(shown.create) else shown.create
        if body is not None and self._has("post", home):
            if key == "id" and shown.below:
                # Once through the parent, which stays, once with the parent in the body.
                self.send("post", below, ids, body=body)
                body = {**shown.kind, shown.fixes: ids["id"], **body}
                ids = {}
            made = self.send("post", home, ids, body=body)
            ids = {**ids, key: str(made.json()["id"])}
            tag = made.headers["ETag"]
            if shown.content:
                tag = self._fill(single, ids, shown.content, tag)
            if self.document["paths"][single]["get"]["operationId"] not in self.examples:
                self.send("get", single, ids)
        elif shown.change is not None:
            where = f"?$filter={shown.where}" if shown.where else "?$top=1"
            row = self.books.get(f"{of}{where}").json()["value"][0]
            ids, tag = {"id": row["id"]}, row["@odata.etag"]
        if shown.change is not None:
            if self._has("post", single) and body is not None:
                self.send("post", single, {"id": OWN_ID}, body=body)
                self.books.delete(f"{of}({OWN_ID})")
            tag = self.send("patch", single, ids, body=shown.change, If_Match=tag).headers["ETag"]
            if self._has("put", single):
                given = {n: v for n, v in (body or {}).items() if not isinstance(v, list) and n != shown.fixes}
                whole = shown.replace(self.books) if shown.replace else {**given, **shown.change}
                self.send("put", single, ids, body=whole, If_Match=tag)
            if self._has("delete", single) and (body is not None or of == "customerContacts"):
                self.send("delete", single, ids, If_Match="*")
        if of == "subscriptions":
            self._subscription(single)
        for action, before in shown.actions.items():
            path = f"{self._home(of)[1]}/Microsoft.NAV.{action}"
            self.send("post", path, {"id": before(self.books)})

    def _fill(self, single: str, ids: dict[str, str], content: str, tag: str) -> str:
        """Write a stream property, by PATCH and by PUT. Returns the new tag."""
        (path,) = (
            path for path in self.document["paths"] if path.startswith(f"{single}/") and path.endswith("Content")
        )
        for verb in ("patch", "put"):
            headers = {"Content-Type": "text/plain", "If-Match": tag}
            tag = self.send(verb, path, ids, content=content, **headers).headers["ETag"]
        return tag

    def _subscription(self, single: str) -> None:
        body = {
            "notificationUrl": self.receiver,
            "resource": f"/api/v2.0/companies({self.books.company_id})/customerPaymentJournals",
            "clientState": "a secret of the receiver",
        }
        made = self.send("post", "/subscriptions", body=body)
        ids = {"key": made.json()["subscriptionId"]}
        self.send("get", single, ids)
        body["clientState"] = "another secret"
        self.send("patch", single, ids, body=body, If_Match="*")
        self.send("delete", single, ids, If_Match="*")


def record(folder: Path) -> dict[str, dict[str, Any]]:
    """Start a server with a demo company, record, stop it.

    Args:
        folder: an empty folder for the books.
    """
    receiver = Receiver()
    with Mailbox() as mailbox:
        server = Server(
            folder / "books",
            "--demo",
            smtp_url=mailbox.url,
            mail_from="office@fernweh.example",
            webhook_http="true",
        )
        books = books_of(server)
        try:
            return Recorder(books, receiver.url).run()
        finally:
            books.session.close()
            server.stop()
            receiver.close()


def loosened(value: Any) -> Any:
    """Return a value with all dates alike: they move with the day on which a demo company is made."""
    if isinstance(value, dict):
        return {name: loosened(member) for name, member in value.items()}
    if isinstance(value, list):
        return [loosened(item) for item in value]
    return _DATE.sub("DATE", value) if isinstance(value, str) else value


def main() -> None:
    """Write the file of examples."""
    argparse.ArgumentParser(description=__doc__.partition("\n")[0]).parse_args()
    with tempfile.TemporaryDirectory() as folder:
        found = record(Path(folder))
    text = ",\n".join(f"{json.dumps(name)}: {json.dumps(told, ensure_ascii=False)}" for name, told in found.items())
    FILE.write_text(f"{{\n{text}\n}}\n")
    print(f"{len(found)} examples, {FILE.stat().st_size // 1024} KB")


if __name__ == "__main__":
    main()
