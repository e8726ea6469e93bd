"""Limits, proxies, cross-origin requests and what the headers of every answer say, over a socket."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from wire.conftest import CLIENT_ID, Books, Server, books_of

APP = "https://app.example.com"
PROXY = {"X-Forwarded-For": "203.0.113.9", "X-Forwarded-Proto": "https", "X-Forwarded-Host": "books.example"}


@pytest.fixture(scope="module")
def behind(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Books]:
    """A server that believes proxies on this machine and lets one browser application in."""
    settings = {"trusted_proxies": "127.0.0.0/8, ::1", "cors_origins": APP}
    own = Server(tmp_path_factory.mktemp("front") / "behind", "--demo", **settings)
    made = books_of(own)
    yield made
    made.session.close()
    assert own.stop() == 0


# ---- proxies


def test_every_address_in_an_answer_is_on_the_callers_origin(behind: Books) -> None:
    headers = {**PROXY, "X-Forwarded-Prefix": "/debitor", "Prefer": "odata.maxpagesize=1"}
    page = behind.get("customers", headers).json()
    body = {"code": uuid.uuid4().hex[:10].upper(), "displayName": "x"}
    made = behind.post("paymentTerms", body, headers)
    root = "https://books.example/debitor/api/v2.0"

    assert page["@odata.context"].startswith(f"{root}/$metadata#")
    assert page["@odata.nextLink"].startswith(f"{root}/companies({behind.company_id})/customers?")
    assert made.headers["Location"].startswith(f"{root}/companies(")
    assert behind.request("GET", behind.root, headers=headers).json()["@odata.context"] == f"{root}/$metadata"


def test_the_standard_header_does_as_well(behind: Books) -> None:
    context = behind.get("customers", {"Forwarded": 'for=203.0.113.9;proto=https;host="books.example:8443"'}).json()

    assert context["@odata.context"].startswith("https://books.example:8443/api/v2.0/")


def test_a_batch_behind_a_proxy(behind: Books) -> None:
    """Addresses of parts may be as the caller sees them, prefix and all."""
    root = "/debitor/api/v2.0"
    urls = [f"{root}/companies", f"https://books.example{root}/companies", "companies", "/companies"]
    parts = [{"id": str(n), "method": "GET", "url": url} for n, url in enumerate(urls)]
    headers = {**PROXY, "X-Forwarded-Prefix": "/debitor"}
    answer = behind.request("POST", f"{behind.root}/$batch", json={"requests": parts}, headers=headers)

    assert [part["status"] for part in answer.json()["responses"]] == [200] * 4


@pytest.mark.parametrize("path", ["/api/v2.0/companies", "/", "/t/v2.0/.well-known/openid-configuration"])
def test_hostile_values_of_a_proxy_are_refused(behind: Books, path: str) -> None:
    answer = behind.request("GET", behind.server.origin + path, headers={"X-Forwarded-Host": "evil/<script>"})

    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "BadRequest")
    assert "X-Forwarded-Host" in answer.json()["error"]["message"]


def test_without_trusted_proxies_the_headers_mean_nothing(books: Books) -> None:
    context = books.get("customers?$top=1", {**PROXY, "Forwarded": "host=evil"}).json()["@odata.context"]

    assert context.startswith(books.root)


def test_wrong_secrets_are_counted_by_client_not_by_proxy(behind: Books) -> None:
    """One guesser behind the proxy must not lock out its neighbours."""

    def guess(client: str) -> int:
        headers = {"X-Forwarded-For": f"6.6.6.6, {client}"}
        wrong = (CLIENT_ID, "wrong" + uuid.uuid4().hex)
        return requests.get(f"{behind.root}/companies", auth=wrong, headers=headers, timeout=30).status_code

    statuses = [guess("198.51.100.1") for _ in range(8)]

    assert 429 in statuses
    assert guess("198.51.100.2") == 401


def test_a_token_is_asked_for_behind_a_proxy(behind: Books) -> None:
    found = requests.get(
        f"{behind.server.origin}/t/v2.0/.well-known/openid-configuration", headers=PROXY, timeout=30
    ).json()

    assert found["token_endpoint"] == "https://books.example/t/oauth2/v2.0/token"


# ---- pages of other origins


def test_a_browser_application_may_ask(behind: Books) -> None:
    preflight = requests.options(
        f"{behind.url}/customers",
        headers={
            "Origin": APP,
            "Access-Control-Request-Method": "PATCH",
            "Access-Control-Request-Headers": "authorization,content-type,if-match",
        },
        timeout=30,
    )
    answer = behind.get("customers?$top=1", {"Origin": APP})

    assert preflight.status_code == 204
    assert preflight.headers["Access-Control-Allow-Headers"] == "authorization,content-type,if-match"
    assert "PATCH" in preflight.headers["Access-Control-Allow-Methods"]
    assert answer.headers["Access-Control-Allow-Origin"] == APP
    assert "request-id" in answer.headers["Access-Control-Expose-Headers"]


def test_its_refusals_can_be_read_too(behind: Books) -> None:
    answer = requests.get(f"{behind.root}/companies", headers={"Origin": APP}, timeout=30)

    assert (answer.status_code, answer.headers["Access-Control-Allow-Origin"]) == (401, APP)


@pytest.mark.parametrize("fixture", ["books", "behind"])
def test_other_origins_are_told_nothing(fixture: str, request: pytest.FixtureRequest) -> None:
    books: Books = request.getfixturevalue(fixture)
    headers = {"Origin": "https://evil.example", "Access-Control-Request-Method": "GET"}
    preflight = requests.options(f"{books.url}/customers", headers=headers, timeout=30)
    answer = books.get("customers?$top=1", headers)

    assert preflight.status_code == 401
    for each in (preflight, answer):
        assert not [name for name in each.headers if name.lower().startswith("access-control-")]


# ---- methods and headers


def test_head_and_options(books: Books) -> None:
    got, head = books.get("customers?$top=1"), books.request("HEAD", "customers?$top=1")
    options = books.request("OPTIONS", "customers")

    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["Content-Type"] == got.headers["Content-Type"]
    assert (options.status_code, options.headers["Allow"]) == (204, "GET, HEAD, OPTIONS, POST")


@pytest.mark.parametrize("intent", ["ReadOnly", "ReadWrite"])
def test_a_data_access_intent_is_taken(books: Books, intent: str) -> None:
    """It chooses a replica at Business Central; here every read sees the last committed state."""
    code = uuid.uuid4().hex[:10].upper()
    books.post("paymentTerms", {"code": code, "displayName": "x"})
    found = books.get(f"paymentTerms?$filter=code eq '{code}'", {"Data-Access-Intent": intent})

    assert (found.status_code, len(found.json()["value"])) == (200, 1)


def test_the_request_id_is_the_servers_own(books: Books) -> None:
    """As at Business Central: what the client sends under such names is neither taken over nor sent back."""
    sent = {name: str(uuid.uuid4()) for name in ("request-id", "client-request-id", "x-correlation-id")}
    answer = books.get("customers(None)", sent)

    assert re.fullmatch(r"[0-9a-f-]{36}", answer.headers["request-id"])
    assert answer.headers["request-id"] in answer.json()["error"]["message"]
    assert answer.headers["request-id"] not in sent.values()
    assert {"client-request-id", "x-correlation-id"}.isdisjoint(name.lower() for name in answer.headers)


def test_every_answer_forbids_guessing_its_type(books: Books) -> None:
    for answer in (
        books.get("customers?$top=1"),
        books.get("nothing"),
        requests.get(books.server.origin, timeout=30),
    ):
        assert answer.headers["X-Content-Type-Options"] == "nosniff"


# ---- limits


def test_requests_above_the_limit_are_refused(tmp_path: Path) -> None:
    """Two applications: one uses up its window, the other does not notice."""
    own = Server(tmp_path / "limited", "--demo", "--limits", "online", limit_requests="5", limit_window="3600")
    try:
        books = books_of(own)
        answers = [books.get("customers?$top=1") for _ in range(6)]
        last: Any = answers[-1]

        assert [a.status_code for a in answers] == [200, 200, 200, 200, 429, 429]
        assert last.json()["error"]["code"] == "Application_TooManyRequests"
        assert 3500 < int(last.headers["Retry-After"]) <= 3600
        assert requests.get(f"{own.origin}/healthz", timeout=30).status_code == 200
        assert requests.get(f"{own.root}/companies", timeout=30).status_code == 401
    finally:
        own.stop()
