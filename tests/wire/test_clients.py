"""What client libraries of several languages really send to Business Central; each must work here."""

from __future__ import annotations

import json
import uuid
from typing import Any

import pytest
import requests

from wire.conftest import Books

BLANK = "00000000-0000-0000-0000-000000000000"


@pytest.fixture(params=["documented", "strict"])
def client(request: pytest.FixtureRequest) -> Books:
    """The demo company, in both modes: clients do not know which they talk to."""
    made: Books = request.getfixturevalue("books" if request.param == "documented" else "strict_books")
    return made


def one(books: Books, number: str = "10400") -> dict[str, Any]:
    return dict(books.get(f"customers?$filter=number eq '{number}'").json()["value"][0])


def send(books: Books, method: str, url: str, **more: Any) -> requests.Response:
    """Send an address exactly as written: requests would encode blanks and quotes."""
    prepared = requests.Request(method, books.root, headers=books.session.headers, **more).prepare()
    prepared.url = url
    return books.session.send(prepared, timeout=60)


# --------------------------------------------------------------------------- addresses


def test_keys_come_in_three_forms(client: Books) -> None:
    id = one(client)["id"]

    for key in (id, f"id={id}", f"'{id}'", id.upper()):
        assert client.get(f"customers({key})").json()["number"] == "10400", key


def test_a_trailing_slash_and_a_bare_question_mark(client: Books) -> None:
    id = one(client)["id"]

    for url in (f"{client.url}/customers/", f"{client.url}/customers?", f"{client.url}/customers({id})/?"):
        assert send(client, "GET", url).status_code == 200, url
    made = send(client, "POST", f"{client.url}/customers/", json={"displayName": "Slash"})
    assert made.status_code == 201
    for url in (f"{client.root}", f"{client.root}/", f"{client.root}?"):
        assert send(client, "GET", url).status_code == 200, url


@pytest.mark.parametrize(
    "query",
    [
        "$filter=number eq '10400'&$select=number",
        "%24filter=number%20eq%20'10400'&%24select=number",
        "$filter=number+eq+'10400'&$select=number",
        "$filter=number%20eq%20%2710400%27&$select=number",
        "%24filter=number+eq+%2710400%27&%24select=number&",
        "$filter=(number eq '10400')&$select=number,",
        "$filter=number%20eq%20'10400'&$select=number&tenant=default",
        "$select=number&$filter=number in ('10400')&$schemaversion=2.1",
    ],
)
def test_options_are_encoded_in_many_ways(client: Books, query: str) -> None:
    url = f"{client.url}/customers?{query}".replace(" ", "%20")

    answer = send(client, "GET", url)

    assert answer.status_code == 200, answer.text
    assert [list(row) for row in answer.json()["value"]] == [["@odata.etag", "number"]]


def test_the_service_document_names_entity_sets(client: Books) -> None:
    document = client.request("GET", client.root).json()

    assert document["@odata.context"] == f"{client.root}/$metadata"
    assert {entry["kind"] for entry in document["value"]} == {"EntitySet"}
    assert {"companies", "customers", "customerPayments"} <= {entry["name"] for entry in document["value"]}


def test_metadata_below_a_company(client: Books) -> None:
    whole = client.request("GET", f"{client.root}/$metadata")
    below = client.get("$metadata")

    assert whole.headers["Content-Type"] == "application/xml"
    assert (below.status_code, below.content) == (200, whole.content)


# --------------------------------------------------------------------------- writing


def test_payments_and_lines_at_the_company_with_the_journal_in_the_body(client: Books) -> None:
    journal = client.new_journal()
    payment = {"journalId": journal, "customerNumber": "10400", "amount": -3, "documentNumber": "CL1"}
    general = client.post("journals", {"code": "L" + uuid.uuid4().hex[:9].upper(), "displayName": "lines"}).json()
    account = client.get("accounts?$filter=directPosting eq true and accountType eq 'Posting'&$top=1").json()["value"]
    line = {"journalId": general["id"], "accountNumber": account[0]["number"], "amount": 3, "documentNumber": "CL2"}

    for path, body in (("customerPayments", payment), ("journalLines", line)):
        made = client.post(path, body)

        assert (made.status_code, made.json().get("journalId")) == (201, body["journalId"]), made.text


def test_a_tag_is_in_the_body_and_in_the_header(client: Books) -> None:
    made = client.post("customers", {"displayName": "Tags"})
    read = client.get(f"customers({made.json()['id']})")

    assert made.headers["ETag"] == made.json()["@odata.etag"] == read.headers["ETag"] == read.json()["@odata.etag"]
    exact = client.patch(f"customers({made.json()['id']})", {"displayName": "x"}, made.headers["ETag"])
    assert exact.status_code == 200
    assert client.patch(f"customers({made.json()['id']})", {"displayName": "y"}, "*").status_code == 200
    assert client.delete(f"customers({made.json()['id']})").status_code == 204


def test_null_for_a_text_and_the_own_id_in_a_patch(client: Books) -> None:
    made = client.post("customers", {"displayName": "Nulls", "city": "Kiel", "phoneNumber": None}).json()

    changed = client.patch(f"customers({made['id']})", {"id": made["id"], "city": None, "currencyId": None})

    assert changed.status_code == 200, changed.text
    assert (made["phoneNumber"], changed.json()["city"], changed.json()["currencyId"]) == ("", "", BLANK)


@pytest.mark.parametrize("blocked", [" ", "", "_x0020_", "All"])
def test_enums_come_escaped_and_decoded(client: Books, blocked: str) -> None:
    made = client.post("customers", {"displayName": "Enums", "blocked": blocked})

    assert made.status_code == 201, made.text
    assert made.json()["blocked"] == ("All" if blocked == "All" else "_x0020_")


@pytest.mark.parametrize("name", ["Microsoft.NAV.post", "microsoft.nav.POST", "Microsoft.NAV.Post"])
@pytest.mark.parametrize("body", [None, b"", b"{}"])
def test_bound_actions_in_any_letter_case_without_a_body(client: Books, name: str, body: bytes | None) -> None:
    journal = client.new_journal(balanced=True)
    path = f"customerPaymentJournals({journal})/customerPayments"
    line = {"customerNumber": "10400", "amount": -1, "documentNumber": "A" + uuid.uuid4().hex[:8].upper()}
    assert client.post(path, line).status_code == 201

    headers = {} if body is None else {"Content-Type": "application/json"}
    answer = client.request("POST", f"journals({journal})/{name}", data=body, headers=headers)

    assert (answer.status_code, answer.content) == (204, b"")
    assert client.get(path).json()["value"] == []


# --------------------------------------------------------------------------- lists


def test_literals_bare_and_quoted(client: Books) -> None:
    id = one(client)["id"]

    for literal in (id, f"'{id}'", id.upper()):
        assert len(client.get(f"customers?$filter=id eq {literal}").json()["value"]) == 1, literal
    for literal in ("2000-01-01", "'2000-01-01'"):
        assert client.get(f"generalLedgerEntries?$filter=postingDate gt {literal}&$top=1").status_code == 200, literal


def test_an_or_list_of_hundreds_of_terms(client: Books) -> None:
    terms = " or ".join(f"number eq '{n}'" for n in range(10_000, 10_500))

    answer = client.get(f"customers?$select=number&$filter={terms}")

    assert answer.status_code == 200, answer.text
    assert "10400" in {row["number"] for row in answer.json()["value"]}


def test_counts(client: Books) -> None:
    listed = client.get("customers?$count=true&$top=1").json()
    counted = client.get("customers/$count")

    assert counted.headers["Content-Type"].startswith("text/plain")
    assert counted.content[:3] != b"\xef\xbb\xbf"
    assert int(counted.content) == listed["@odata.count"] > 1
    assert client.get("customers/$count?$filter=number eq '10400'").text == "1"


def test_select_keeps_the_tag(client: Books) -> None:
    [row] = client.get("customers?$select=number&$filter=number eq '10400'").json()["value"]

    assert list(row) == ["@odata.etag", "number"]


def test_pages_of_a_list_that_top_ends(client: Books) -> None:
    """$top is what the client wants in all; odata.maxpagesize is what it takes at once."""
    wanted = [row["number"] for row in client.get("customers?$select=number&$top=5").json()["value"]]
    got, url, pages = [], f"{client.url}/customers?$select=number&$top=5", 0
    while url:
        assert url.startswith(client.root + "/")
        page = client.get(url, {"Prefer": "odata.maxpagesize=2, respond-async"})
        assert page.headers["Preference-Applied"] == "odata.maxpagesize=2"
        got += [row["number"] for row in page.json()["value"]]
        url, pages = page.json().get("@odata.nextLink", ""), pages + 1

    assert (got, pages) == (wanted, 3)


def test_a_reader_asks_only_for_what_is_new(client: Books) -> None:
    made = one(client)

    same = client.get(f"customers({made['id']})", {"If-None-Match": made["@odata.etag"]})
    other = client.get(f"customers({made['id']})", {"If-None-Match": 'W/"b2xkIG9uZQ=="'})

    assert (same.status_code, same.content, same.headers["ETag"]) == (304, b"", made["@odata.etag"])
    assert other.status_code == 200


# --------------------------------------------------------------------------- deep inserts


def first(books: Books, path: str) -> dict[str, Any]:
    return dict(books.get(path).json()["value"][0])


def test_deep_inserts_at_every_level(client: Books) -> None:
    dimension = first(client, "dimensions?$filter=code eq 'DEPARTMENT'")
    value = first(client, f"dimensions({dimension['id']})/dimensionValues")
    line_dimension = {"code": "DEPARTMENT", "valueCode": value["code"]}
    default = {"dimensionId": dimension["id"], "dimensionValueId": value["id"]}
    # A customer without default dimensions, which would be in the sets already.
    buyer, item = client.post("customers", {"displayName": "Deep"}).json(), first(client, "items?$top=1")
    account = first(client, "accounts?$filter=directPosting eq true and accountType eq 'Posting'&$top=1")

    def code() -> str:
        return "D" + uuid.uuid4().hex[:9].upper()

    payment = {
        "customerNumber": buyer["number"], "amount": -2, "documentNumber": "D1",
        "dimensionSetLines": [line_dimension],
    }  # fmt: skip
    line = {
        "accountNumber": account["number"], "amount": 2, "documentNumber": "D2",
        "dimensionSetLines": [line_dimension],
    }  # fmt: skip
    sold = {"itemId": item["id"], "quantity": 1, "dimensionSetLines": [line_dimension]}
    for path, body, way in (
        ("customers", {"displayName": "Deep", "defaultDimensions": [default]}, "defaultDimensions"),
        ("items", {"displayName": "Deep", "defaultDimensions": [default]}, "defaultDimensions"),
        (
            "customerPaymentJournals",
            {"code": code(), "displayName": "Deep", "customerPayments": [payment]},
            "customerPayments($expand=dimensionSetLines)",
        ),
        (
            "journals",
            {"code": code(), "displayName": "Deep", "journalLines": [line]},
            "journalLines($expand=dimensionSetLines)",
        ),
        (
            "salesInvoices",
            {"customerId": buyer["id"], "salesInvoiceLines": [sold], "dimensionSetLines": [line_dimension]},
            "dimensionSetLines,salesInvoiceLines($expand=dimensionSetLines)",
        ),
    ):
        made = client.post(path, body)
        assert made.status_code == 201, (path, made.text)
        assert way.partition("(")[0] not in made.json(), "Business Central does not send the parts back"

        found = client.get(f"{path}({made.json()['id']})?$expand={way}").json()
        parts = found[way.rpartition(",")[2].partition("(")[0]]
        assert len(parts) == 1, (path, found)
        dimensions = parts if way == "defaultDimensions" else parts[0]["dimensionSetLines"]
        name = "dimensionCode" if way == "defaultDimensions" else "code"
        assert "DEPARTMENT" in {row[name] for row in dimensions}, (path, dimensions)


def test_a_deep_insert_that_fails_leaves_nothing(client: Books) -> None:
    code = "F" + uuid.uuid4().hex[:9].upper()
    lines = [{"customerNumber": "10400", "amount": -2, "documentNumber": "D1"}, {"customerNumber": "NOBODY"}]

    answer = client.post("customerPaymentJournals", {"code": code, "displayName": "x", "customerPayments": lines})

    assert answer.status_code == 400, answer.text
    assert client.get(f"customerPaymentJournals/$count?$filter=code eq '{code}'").text == "0"


# --------------------------------------------------------------------------- $batch


def batch(books: Books, parts: list[dict[str, Any]], query: str = "", **headers: str) -> list[dict[str, Any]]:
    answer = books.request("POST", f"{books.root}/$batch{query}", json={"requests": parts}, headers=headers)
    assert answer.status_code == 200, answer.text
    return list(answer.json()["responses"])


def test_batch_parts_without_ids_and_with_unescaped_addresses(client: Books) -> None:
    got = batch(
        client,
        [
            {
                "method": "GET",
                "url": f"companies({client.company_id})/customers?$filter=number eq '10400'",
                "body": {},
            },
            {"method": "GET", "url": f"/companies({client.company_id})/customers/$count", "headers": {}, "body": {}},
            {"method": "get", "url": f"{client.url}/customers?$top=1"},
        ],
    )

    assert [(part["id"], part["status"]) for part in got] == [(None, 200)] * 3
    assert got[0]["body"]["value"][0]["number"] == "10400"


def test_the_company_of_a_batch_part(client: Books) -> None:
    name = client.company["name"]
    part = {"id": "1", "method": "GET", "url": "customers?$top=1&$select=number"}

    for parts, query, headers in (
        ([{**part, "headers": {"Company": name}}], "", {}),
        ([{**part, "headers": {"CompanyId": client.company_id}}], "", {}),
        ([{**part, "url": f"customers?company={name}&$top=1"}], "", {}),
        ([{**part, "url": f"customers?$top=1&companyId={client.company_id}"}], "", {}),
        ([part], f"?company={name}", {}),
        ([part], f"?company={client.company_id}", {}),
        ([part], "", {"CompanyId": client.company_id}),
        ([part], "", {"Company": name.lower()}),
    ):
        [got] = batch(client, parts, query, **headers)
        assert got["status"] == 200, (parts, query, headers, got)
    below = client.post("$batch", {"requests": [part]}).json()["responses"]
    assert below[0]["status"] == 200


def test_a_transactional_batch(client: Books) -> None:
    """The header of Microsoft's page on transactional batches; nothing of a failed one is kept."""
    name = f"Snapshot {uuid.uuid4().hex[:8]}"
    customer = {"method": "POST", "url": "customers", "headers": {"Company": client.company["name"]}}
    parts = [{**customer, "body": {"displayName": name}}, {**customer, "body": {"type": "Invalid Type"}}]

    got = batch(client, parts, Isolation="snapshot", Accept="application/json")

    assert (got[-1]["id"], got[-1]["status"]) == (None, 400)
    assert client.get(f"customers/$count?$filter=displayName eq '{name}'").text == "0"
    kept = batch(client, parts[:1], Isolation="snapshot")
    assert [part["status"] for part in kept] == [201]
    assert client.get(f"customers/$count?$filter=displayName eq '{name}'").text == "1"


def test_a_multipart_batch_of_a_dotnet_client(client: Books) -> None:
    """As Microsoft.OData.Client sends it: a change set, absolute addresses, Content-ID, CRLF."""
    body = json.dumps({"displayName": "By parts"})
    lines = [
        "--batch_1", "Content-Type: multipart/mixed; boundary=changeset_2", "",
        "--changeset_2", "Content-Type: application/http", "Content-Transfer-Encoding: binary", "Content-ID: 1", "",
        f"POST {client.url}/customers HTTP/1.1", "OData-Version: 4.0", "Content-Type: application/json", "", body,
        "--changeset_2", "Content-Type: application/http", "Content-Transfer-Encoding: binary", "Content-ID: 2", "",
        "PATCH $1 HTTP/1.1", "If-Match: *", "Content-Type: application/json;odata.metadata=minimal", "",
        '{"city":"Kiel"}', "--changeset_2--",
        "--batch_1", "Content-Type: application/http", "Content-Transfer-Encoding: binary", "",
        f"GET {client.url}/customers?$filter=displayName eq 'By parts' and city eq 'Kiel' HTTP/1.1", "", "",
        "--batch_1--", "",
    ]  # fmt: skip
    headers = {"Content-Type": "multipart/mixed; boundary=batch_1", "Accept": "multipart/mixed"}

    answer = client.request("POST", f"{client.root}/$batch", data="\r\n".join(lines).encode(), headers=headers)

    assert answer.status_code == 200
    assert answer.headers["Content-Type"].startswith("multipart/mixed; boundary=batchresponse_")
    statuses = [line.split()[1] for line in answer.text.splitlines() if line.startswith("HTTP/1.1 ")]
    assert statuses == ["201", "200", "200"]
    assert '"city":"Kiel"' in answer.text.rpartition("HTTP/1.1 200 OK")[2]


# --------------------------------------------------------------------------- preferences, methods, versions


def test_return_minimal(client: Books) -> None:
    made = client.post("customers", {"displayName": "Minimal"}, {"Prefer": "return=minimal"})

    assert (made.status_code, made.content, made.headers["Preference-Applied"]) == (204, b"", "return=minimal")
    assert made.headers["OData-EntityId"] == made.headers["Location"]
    assert client.get(made.headers["Location"]).json()["displayName"] == "Minimal"
    whole = client.patch(made.headers["Location"], {"city": "Kiel"}, headers={"Prefer": "return=representation"})
    assert (whole.status_code, whole.headers["Preference-Applied"]) == (200, "return=representation")


def test_head_and_options_everywhere(client: Books) -> None:
    id = one(client)["id"]

    for path, allowed in (
        (f"{client.root}", "GET, HEAD, OPTIONS"),
        (f"{client.root}/$metadata", "GET, HEAD, OPTIONS"),
        (f"{client.root}/companies", "GET, HEAD, OPTIONS"),
        ("customers", "GET, HEAD, OPTIONS, POST"),
        (f"customers({id})", "GET, HEAD, OPTIONS, PATCH, PUT, DELETE"),
        (f"customers({id})/displayName", "GET, HEAD, OPTIONS"),
        ("customers/$count", "GET, HEAD, OPTIONS"),
    ):
        head = client.request("HEAD", path)
        assert (head.status_code, head.content) == (200, b""), path
        assert "request-id" in head.headers
        options = client.request("OPTIONS", path)
        assert (options.status_code, options.headers["Allow"]) == (204, allowed), path
    assert client.request("OPTIONS", f"{client.root}/$batch").headers["Allow"] == "POST, OPTIONS"


@pytest.mark.parametrize("version", ["1.0", "2.0", "2.1"])
def test_schema_versions(client: Books, version: str) -> None:
    assert client.get(f"customers?$top=1&$schemaversion={version}").status_code == 200
    assert client.request("GET", f"{client.root}/$metadata?$schemaversion={version}").status_code == 200
