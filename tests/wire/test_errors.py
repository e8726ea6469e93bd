"""Every error of the contract with Business Central: condition, status, code, form; in both modes.

The conditions and codes are those that Business Central's servers were seen to give and that its list of error codes
names; the messages are debitor's own and say what to do.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
import requests

from wire.conftest import Books

MISSING = "00000000-0000-4000-8000-00000000dead"
OLD = 'W/"JzE5OzEwMDAwMDAwMDAwMDAwMDAwMDAxOzAwOyc="'
GUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}").fullmatch


@dataclass(frozen=True)
class Case:
    what: str
    run: Callable[[Books], requests.Response]
    status: int
    code: str
    told: str
    """A piece of the message that says which field or value, or what to do."""


def customer(books: Books, **more: Any) -> dict[str, Any]:
    made = books.post("customers", {"displayName": "Errors", **more})
    assert made.status_code == 201, made.text
    return dict(made.json())


def get(path: str) -> Callable[[Books], requests.Response]:
    return lambda books: books.get(path)


def post(path: str, body: Any) -> Callable[[Books], requests.Response]:
    return lambda books: books.post(path, body)


def patch(body: Any, etag: str | None) -> Callable[[Books], requests.Response]:
    return lambda books: books.patch(f"customers({customer(books)['id']})", body, etag)


def duplicate(books: Books) -> requests.Response:
    number = uuid.uuid4().hex[:12].upper()
    customer(books, number=number)
    return books.post("customers", {"displayName": "again", "number": number})


def stale(method: str, action: str = "") -> Callable[[Books], requests.Response]:
    def run(books: Books) -> requests.Response:
        at = f"customers({customer(books)['id']})" if not action else f"journals({books.new_journal()}){action}"
        body = {"displayName": "x"} if method == "PATCH" else None
        return books.request(method, at, json=body, headers={"If-Match": OLD})

    return run


def posting_without_a_balance(books: Books) -> requests.Response:
    journal = books.new_journal()
    body = {"customerNumber": "10400", "amount": -5, "documentNumber": "E1"}
    assert books.post(f"customerPaymentJournals({journal})/customerPayments", body).status_code == 201
    return books.post(f"journals({journal})/Microsoft.NAV.post")


def payment_without_a_date(books: Books) -> requests.Response:
    body = {"customerNumber": "10400", "amount": -1, "documentNumber": "E2"}
    made = books.post(f"customerPaymentJournals({books.new_journal()})/customerPayments", body).json()
    return books.patch(f"customerPayments({made['id']})", {"postingDate": "0001-01-01"})


def of_company(query: str) -> Callable[[Books], requests.Response]:
    return lambda books: books.get(f"{books.root}/customers{query}")


CASES = [
    Case(
        "an id that does not exist", get(f"customers({MISSING})"), 404, "BadRequest_ResourceNotFound", "'customers'"
    ),
    Case("an unknown set", get("nothing"), 404, "BadRequest_ResourceNotFound", "for the segment 'nothing'."),
    Case("an unknown segment", get(f"customers({MISSING})/x"), 404, "BadRequest_ResourceNotFound", "segment 'x'."),
    Case("a key that is no guid", get("contacts(None)"), 404, "BadRequest_NotFound", "Error in query syntax."),
    Case("an unknown property", post("customers", {"x": 1}), 400, "BadRequest", "The property 'x' does not exist on"),
    Case("its type is named", post("customers", {"x": 1}), 400, "BadRequest", "'Microsoft.NAV.customer'. Make sure"),
    Case(
        "unknown in $select", get("customers?$select=x"), 400, "BadRequest", "Could not find a property named 'x' on"
    ),
    Case("unknown in $filter", get("customers?$filter=x eq 1"), 400, "BadRequest", "named 'x' on type"),
    Case("unknown in $orderby", get("customers?$orderby=x"), 400, "BadRequest", "named 'x' on type"),
    Case("unknown in $expand", get("customers?$expand=x"), 400, "BadRequest", "on type 'Microsoft.NAV.customer'."),
    Case("an unknown part", post("customers", {"x": []}), 400, "BadRequest", "Could not find a property named 'x'"),
    Case("a filter that does not parse", get("customers?$filter=number eq"), 400, "BadRequest", "the filter ends"),
    Case(
        "a filter of another type", get("customers?$filter=number eq 1"), 400, "BadRequest", "Cannot convert the lit"
    ),
    Case("a value of another type", post("customers", {"taxLiable": "x"}), 400, "BadRequest", "type 'Edm.Boolean'"),
    Case(
        "a time stamp without offset",
        get("customers?$filter=lastModifiedDateTime gt 2026-01-01T00:00:00"),
        400,
        "BadRequest",
        "'Edm.DateTimeOffset'",
    ),
    Case("a number for a guid", post("customers", {"paymentTermsId": 5}), 400, "BadRequest", "type 'Edm.Guid'"),
    Case(
        "a text that is too long",
        post("customers", {"displayName": "x" * 101}),
        400,
        "Application_StringExceededLength",
        "The length of the string is 101, but it must be less than or equal to 100 characters.",
    ),
    Case("a key that exists", duplicate, 400, "Internal_EntityWithSameKeyExists", "already exists"),
    Case(
        "a value of no related row",
        post("customers", {"displayName": "x", "salespersonCode": "NOBODY"}),
        400,
        "Internal_InvalidTableRelation",
        "(NOBODY)",
    ),
    Case("a rule of the business", posting_without_a_balance, 400, "Application_DialogException", ""),
    Case("payments read flat", get("customerPayments"), 400, "Application_DialogException", "a parent ID"),
    Case("lines read flat", get("salesInvoiceLines"), 400, "Application_DialogException", "a parent ID"),
    Case("dimensions read flat", get("dimensionSetLines"), 400, "Application_DialogException", "a parent ID"),
    Case(
        "a field that is empty",
        payment_without_a_date,
        400,
        "Application_FieldValidationException",
        "postingDate",
    ),
    Case("no If-Match", patch({"displayName": "x"}, None), 400, "BadRequest_InvalidToken", "token"),
    Case("a malformed If-Match", patch({"displayName": "x"}, "x"), 400, "BadRequest_InvalidToken", "token"),
    Case("the tag in the body", patch({"@odata.etag": OLD}, None), 400, "BadRequest_InvalidToken", "token"),
    Case("PATCH with an old tag", stale("PATCH"), 409, "Request_EntityChanged", "Another user has already changed"),
    Case("DELETE with an old tag", stale("DELETE"), 409, "Request_EntityChanged", "Read it again"),
    Case("an action with an old tag", stale("POST", "/Microsoft.NAV.post"), 409, "Request_EntityChanged", "again"),
    Case(
        "a write that is forbidden",
        lambda books: books.request("POST", f"{books.root}/companies", json={}),
        405,
        "BadRequest_MethodNotAllowed",
        "'POST' requests for 'companies' of EdmType 'Entity' are not allowed",
    ),
    Case("$search", get("customers?$search=x"), 501, "BadRequest_MethodNotImplemented", "'$search'"),
    Case("$apply", get("customers?$apply=x"), 501, "BadRequest_MethodNotImplemented", "'$apply'"),
    Case("$compute", get("customers?$compute=1 as x"), 501, "BadRequest_MethodNotImplemented", "'$compute'"),
    Case("$levels", get("customers?$expand=currency($levels=2)"), 400, "BadRequest", "nest $expand"),
    Case(
        "a filter over a navigation", get("customers?$filter=currency/code eq 'X'"), 400, "BadRequest", "navigation"
    ),
    Case("any", get("customers?$filter=defaultDimensions/any(d:d/id ne null)"), 400, "BadRequest", "navigation"),
    Case(
        "a read-only property",
        post("customers", {"balanceDue": 1}),
        400,
        "BadRequest_InvalidOperation",
        "Control 'balanceDue' is read-only",
    ),
    Case("a property that must be", post("paymentTerms", {}), 400, "BadRequest_RequiredParamNotProvided", "'code'"),
    Case("a company that is none", of_company("?company=none"), 400, "Unknown", "company name is not valid"),
    Case("no company", of_company(""), 404, "Internal_CompanyNotFound", "companies(<id>)/"),
    Case(
        "a strange intent",
        lambda books: books.get("customers", {"Data-Access-Intent": "maybe"}),
        400,
        "BadRequest",
        "ReadOnly or ReadWrite",
    ),
]


@pytest.mark.parametrize("mode", ["documented", "strict"])
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.what)
def test_an_error(case: Case, mode: str, request: pytest.FixtureRequest) -> None:
    books = request.getfixturevalue("books" if mode == "documented" else "strict_books")

    answer = case.run(books)

    error = answer.json()["error"]
    assert (answer.status_code, error["code"]) == (case.status, case.code), answer.text
    assert case.told in error["message"]
    assert_form(answer)


def assert_form(answer: requests.Response) -> None:
    """Two members, two spaces before the correlation id and two before the guid, no OData in the headers."""
    assert list(answer.json()) == ["error"]
    error = answer.json()["error"]
    assert list(error) == ["code", "message"]
    request_id = answer.headers["request-id"]
    assert GUID(request_id)
    told, _, correlation = error["message"].rpartition("  CorrelationId:  ")
    assert (told, correlation) == (told.strip(), f"{request_id}."), error["message"]
    assert told
    assert answer.headers["Content-Type"] == "application/json"
    assert "OData-Version" not in answer.headers


def test_no_token(books: Books) -> None:
    for headers in ({}, {"Authorization": "Bearer nonsense"}):
        answer = requests.get(f"{books.root}/companies", headers=headers, timeout=60)

        assert answer.status_code == 401
        assert answer.json()["error"]["code"] == "Authentication_InvalidCredentials"
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")
        assert_form(answer)


@pytest.mark.parametrize(("mode", "status"), [("documented", 400), ("strict", 500)])
def test_a_batch_of_more_than_100(mode: str, status: int, request: pytest.FixtureRequest) -> None:
    books = request.getfixturevalue("books" if mode == "documented" else "strict_books")
    part = {"method": "GET", "url": "companies"}

    answer = books.request("POST", f"{books.root}/$batch", json={"requests": [part] * 101})

    assert answer.status_code == status
    assert "maximum number of '100' query operations" in answer.json()["error"]["message"]
    assert_form(answer)


@pytest.mark.parametrize("mode", ["documented", "strict"])
def test_a_batch_stays_200_and_its_errors_are_parts(mode: str, request: pytest.FixtureRequest) -> None:
    books = request.getfixturevalue("books" if mode == "documented" else "strict_books")
    parts = [
        {"id": "1", "method": "GET", "url": f"companies({books.company_id})/customers({MISSING})"},
        {"id": "2", "method": "GET", "url": "companies"},
    ]

    answer = books.request("POST", f"{books.root}/$batch", json={"requests": parts})
    going_on = books.request(
        "POST", f"{books.root}/$batch", json={"requests": parts}, headers={"Prefer": "odata.continue-on-error"}
    )

    [failed] = answer.json()["responses"]
    assert answer.status_code == 200
    assert list(failed) == ["id", "status", "headers", "body"]
    assert (failed["status"], failed["headers"]) == (404, {"content-type": "application/json"})
    assert failed["body"]["error"]["code"] == "BadRequest_ResourceNotFound"
    assert failed["body"]["error"]["message"].endswith(f"CorrelationId:  {answer.headers['request-id']}.")
    assert [part["status"] for part in going_on.json()["responses"]] == [404, 200]


@pytest.mark.parametrize("mode", ["documented", "strict"])
def test_what_is_no_error(mode: str, request: pytest.FixtureRequest) -> None:
    """`If-Match: *` is any version; DELETE and actions want no tag."""
    books = request.getfixturevalue("books" if mode == "documented" else "strict_books")
    made = customer(books)
    at = f"customers({made['id']})"

    assert books.patch(at, {"displayName": "x"}, "*").status_code == 200
    assert books.delete(at).status_code == 204
    assert books.post(f"journals({books.new_journal()})/Microsoft.NAV.post").status_code in (204, 400)
