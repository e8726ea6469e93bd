"""The OpenAPI document and the reference as served, and a client that a public generator makes of the document."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
import requests

from wire.conftest import CLIENT_ID, CLIENT_SECRET, Server, clean_environment

PAGE = Path(__file__).parents[2] / "docs" / "features" / "openapi.md"
ADDRESS = "http://127.0.0.1:7048"


def get(server: Server, path: str, **headers: str) -> requests.Response:
    return requests.get(f"{server.origin}{path}", headers=headers, timeout=30)


# --------------------------------------------------------------------------- the document


def test_the_document_names_the_server_that_was_asked(server: Server) -> None:
    here = get(server, "/openapi.json").json()
    elsewhere = get(server, "/openapi.json", Host="books.example").json()

    assert here["servers"] == [{"url": server.root}]
    assert elsewhere["servers"] == [{"url": "http://books.example/api/v2.0"}]
    flow = elsewhere["components"]["securitySchemes"]["oauth2"]["flows"]["clientCredentials"]
    assert flow["tokenUrl"] == "http://books.example/default/oauth2/v2.0/token"


def test_the_document_has_a_tag_for_callers_that_ask_again(server: Server) -> None:
    first = get(server, "/openapi.json")
    again = get(server, "/openapi.json", **{"If-None-Match": first.headers["ETag"]})
    other = get(server, "/openapi.json", **{"If-None-Match": '"another"'})

    assert (again.status_code, again.content) == (304, b"")
    assert other.status_code == 200
    assert get(server, "/openapi.json", Host="books.example").headers["ETag"] != first.headers["ETag"]


def test_the_document_of_strict_mode_is_another(strict_server: Server) -> None:
    paths = get(strict_server, "/openapi.json").json()["paths"]

    assert "/companies({company_id})/customerPaymentJournals({id})/Microsoft.NAV.post" not in paths
    assert "/companies({company_id})/journals({id})/Microsoft.NAV.post" in paths


# --------------------------------------------------------------------------- the pages


class Links(HTMLParser):
    """Collects addresses and ids, and what a strict policy would block."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: set[str] = set()
        self.ids: set[str] = set()
        self.foreign: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag in ("script", "link", "img", "iframe") or "style" in given or any(n.startswith("on") for n in given):
            self.foreign.append(tag)
        if given.get("href"):
            self.links.add(str(given["href"]))
        if given.get("id"):
            self.ids.add(str(given["id"]))


def test_every_link_of_the_reference_leads_somewhere(server: Server) -> None:
    """All pages, from the front page on: each answers, is HTML under a policy, and loads nothing."""
    waiting, pages = ["/"], dict[str, Links]()
    while waiting:
        path = waiting.pop()
        answer = get(server, path, Accept="text/html")
        assert answer.status_code == 200, path
        if not answer.headers["Content-Type"].startswith("text/html"):
            pages[path] = Links("")
            continue
        assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
        assert "unsafe-inline" not in answer.headers["Content-Security-Policy"] or path == "/"
        pages[path] = found = Links(answer.text)
        assert not found.foreign, (path, found.foreign)
        near = {link.partition("#")[0] for link in found.links}
        waiting += sorted(near - set(pages) - set(waiting))
    assert "/docs/customerPayments" in pages
    assert "/openapi.json" in pages
    broken = [
        (path, link)
        for path, page in pages.items()
        for link in page.links
        if "#" in link and link.partition("#")[2] not in pages[link.partition("#")[0]].ids
    ]
    assert not broken


def test_a_page_shows_every_operation_of_its_set(server: Server) -> None:
    document = get(server, "/openapi.json").json()
    wanted = {
        operation["operationId"]
        for verbs in document["paths"].values()
        for operation in verbs.values()
        if operation["tags"] == ["salesInvoices"]
    }

    assert wanted <= Links(get(server, "/docs/salesInvoices").text).ids
    assert len(wanted) > 10


def test_search_finds_operations_and_members(server: Server) -> None:
    found = get(server, "/docs?search=promisedPayDate").text
    nothing = get(server, "/docs?search=%3Cscript%3Exyz").text

    assert "/docs/salesInvoices#salesInvoice" in found
    assert "/docs/customerPayments#createCustomerPayment" in get(server, "/docs?search=create+payment").text
    assert "&lt;script&gt;xyz" in nothing
    assert "<script>" not in nothing


@pytest.mark.parametrize("path", ["/docs/nothing", "/docs/customers/more", "/openapi.yaml", "/docs/%00"])
def test_other_addresses_are_not_found(server: Server, path: str) -> None:
    assert get(server, path).status_code == 404


def test_the_reference_is_for_reading(server: Server) -> None:
    assert requests.post(f"{server.origin}/openapi.json", timeout=30).status_code == 404
    head = requests.head(f"{server.origin}/openapi.json", timeout=30)
    assert (head.status_code, head.content) == (200, b"")


# --------------------------------------------------------------------------- a generated client


@pytest.fixture(scope="module")
def client_package(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with the package that the generator makes of the served document."""
    folder = tmp_path_factory.mktemp("client")
    document = folder / "openapi.json"
    document.write_bytes(get(server, "/openapi.json").content)
    beside = Path(sys.executable).parent
    made = subprocess.run(
        [beside / "openapi-python-client", "generate", "--path", document, "--output-path", folder / "out",
         "--fail-on-warning"],
        capture_output=True,
        text=True,
        timeout=300,
        env={**os.environ, "PATH": f"{beside}:{os.environ['PATH']}"},
    )  # fmt: skip
    assert made.returncode == 0, made.stdout + made.stderr
    assert "arning" not in made.stdout, made.stdout
    return folder / "out"


def test_a_generated_client_pays_an_invoice(client_package: Path, fresh_books: Any) -> None:
    """The program of the page: token, customers, journal, payment, application, posting, ledger, a typed refusal."""
    (program,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    program = program.replace(ADDRESS, fresh_books.server.origin)
    before = fresh_books.get("salesInvoices?$filter=number eq '100000'").json()["value"][0]["remainingAmount"]
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", f"ID, SECRET = {CLIENT_ID!r}, {CLIENT_SECRET!r}\n{program}"],
        capture_output=True,
        text=True,
        timeout=120,
        env={**clean_environment(), "PYTHONPATH": str(client_package)},
    )
    assert done.returncode == 0, done.stderr
    *entries, code = done.stdout.splitlines()

    assert [line.split()[2:] for line in entries] == [["150.5", "0"], ["0", "150.5"]]
    assert code == "BadRequest_ResourceNotFound"
    after = fresh_books.get("salesInvoices?$filter=number eq '100000'").json()["value"][0]["remainingAmount"]
    assert before - after == 150.5


def test_the_generated_client_is_typed(client_package: Path) -> None:
    """A program that mistakes an answer is told so before it runs."""
    program = client_package / "wrong.py"
    program.write_text(
        "from uuid import UUID\n"
        "from debitor_client import AuthenticatedClient\n"
        "from debitor_client.api.customers import get_customer\n"
        "from debitor_client.models import Customer\n"
        "def name(api: AuthenticatedClient, company: UUID, id: UUID) -> object:\n"
        "    found = get_customer.sync(company, id, client=api)\n"
        "    assert isinstance(found, Customer)\n"
        "    return found.display_name\n"
        "def wrong(api: AuthenticatedClient, company: UUID, id: UUID) -> object:\n"
        "    return get_customer.sync(company, id, client=api).display_name\n"
    )
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--follow-imports=silent", program],
        capture_output=True,
        text=True,
        timeout=300,
        cwd=client_package,
    )
    wrong = [line for line in done.stdout.splitlines() if "error:" in line]

    assert wrong, done.stdout + done.stderr
    assert all(line.startswith("wrong.py:10:") for line in wrong), done.stdout
