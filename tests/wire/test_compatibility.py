"""docs/compatibility.md, row by row, in both modes."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from wire.compatibility import DOC, ROWS, Row, cell, code_of, page, printed, row
from wire.protocol_rows import HEADERS, READING

PAYMENT = {"customerNumber": "10400", "amount": -10, "documentNumber": "C1", "appliesToInvoiceNumber": "100000"}


def new_journal(books: Any, **extra: Any) -> str:
    code = "T" + uuid.uuid4().hex[:9].upper()
    answer = books.post("customerPaymentJournals", {"code": code, "displayName": "test", **extra})
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


def balancing(books: Any) -> str:
    found = books.get("accounts?$filter=directPosting eq true and category eq 'Assets' and accountType eq 'Posting'")
    return str(found.json()["value"][0]["id"])


def with_id(answer: Any, wanted: str) -> tuple[int, str]:
    if answer.status_code != 201:
        return code_of(answer)
    assert answer.json()["id"] == wanted
    return 201, "the id becomes the payment's"


@row("POST customerPaymentJournals({id})/customerPayment({id})")
def _(books: Any) -> tuple[int, str]:
    id = str(uuid.uuid4())
    return with_id(books.post(f"customerPaymentJournals({new_journal(books)})/customerPayment({id})", PAYMENT), id)


@row("POST customerPayments({id})")
def _(books: Any) -> tuple[int, str]:
    id = str(uuid.uuid4())
    return with_id(books.post(f"customerPayments({id})", {**PAYMENT, "journalId": new_journal(books)}), id)


@row("POST to the singular customerPayment")
def _(books: Any) -> tuple[int, str]:
    return code_of(books.post("customerPayment", {**PAYMENT, "journalId": new_journal(books)}))


@row("`id` in the body of a POST")
def _(books: Any) -> tuple[int, str]:
    id = str(uuid.uuid4())
    return with_id(books.post("customerPayments", {**PAYMENT, "id": id, "journalId": new_journal(books)}), id)


@row("`lastModifiedDateTime` in the body")
def _(books: Any) -> tuple[int, str]:
    body = {**PAYMENT, "journalId": new_journal(books), "lastModifiedDateTime": "2017-03-17T19:02:22.043Z"}
    answer = books.post("customerPayments", body)
    if answer.status_code != 201:
        return code_of(answer)
    assert not answer.json()["lastModifiedDateTime"].startswith("2017")
    return 201, "ignored"


@row("`contactId` in the body")
def _(books: Any) -> tuple[int, str]:
    answer = books.post("customerPayments", {**PAYMENT, "journalId": new_journal(books), "contactId": "CT1"})
    if answer.status_code != 201:
        return code_of(answer)
    again = books.get(f"customerPayments({answer.json()['id']})").json()
    assert again["contactId"] == "CT1"
    return 201, "stored and returned"


@row("POST that names no journal")
def _(books: Any) -> tuple[int, str]:
    answer = books.post("customerPayments", PAYMENT)
    if answer.status_code != 201:
        return code_of(answer)
    payment = answer.json()
    named = books.get(f"customerPaymentJournals({payment['journalId']})")
    assert named.status_code == 200
    books.delete(f"customerPayments({payment['id']})")
    return 201, "in the default payment journal"


@row("a positive amount is posted")
def _(books: Any) -> tuple[int, str]:
    customer = books.post("customers", {"displayName": "Positive"}).json()
    journal = new_journal(books, balancingAccountId=balancing(books))
    body = {
        "customerNumber": customer["number"],
        "amount": 250,
        "documentNumber": "POS1",
        "postingDate": "2026-01-05",
    }
    assert books.post(f"customerPaymentJournals({journal})/customerPayments", body).json()["amount"] == 250
    answer = books.post(f"journals({journal})/Microsoft.NAV.post")
    if answer.status_code != 204:
        return code_of(answer)
    assert books.get(f"customers({customer['id']})").json()["balanceDue"] == -250
    return 204, "a credit of that amount"


@row("a journal created through the API, first payment without documentNumber")
def _(books: Any) -> tuple[int, str]:
    body = {"customerNumber": "10400", "amount": -1}
    answer = books.post(f"customerPaymentJournals({new_journal(books)})/customerPayments", body)
    assert answer.status_code == 201, answer.text
    number = answer.json()["documentNumber"]
    return 201, "documentNumber is the next of the payment series" if number else "documentNumber is blank"


@row("POST customerPaymentJournals({id})/Microsoft.NAV.post")
def _(books: Any) -> tuple[int, str]:
    journal = new_journal(books, balancingAccountId=balancing(books))
    body = {"customerNumber": "10400", "amount": -1, "documentNumber": "OWN1"}
    assert books.post(f"customerPaymentJournals({journal})/customerPayments", body).status_code == 201
    answer = books.post(f"customerPaymentJournals({journal})/Microsoft.NAV.post")
    if answer.status_code != 204:
        return code_of(answer)
    assert books.get(f"customerPaymentJournals({journal})/customerPayments").json()["value"] == []
    return 204, "posted"


@row("a currency created without decimal places: `JPY`")
def _(books: Any) -> tuple[int, str]:
    answer = books.post("currencies", {"code": "JPY"})
    assert answer.status_code == 201, answer.text
    return 201, f"amountRoundingPrecision {answer.json()['amountRoundingPrecision']}"


@row("`$filter` with `or` across different fields", area=READING)
def _(books: Any) -> tuple[int, str]:
    return code_of(books.get("customers?$filter=number eq '10400' or displayName eq 'x'"))


@row("`appliesToInvoiceId` cleared by PATCH")
def _(books: Any) -> tuple[int, str]:
    path = f"customerPaymentJournals({new_journal(books)})/customerPayments"
    payment = books.post(path, PAYMENT).json()
    blank = {"appliesToInvoiceId": "00000000-0000-0000-0000-000000000000"}
    answer = books.patch(f"customerPayments({payment['id']})", blank)
    assert answer.status_code == 200, answer.text
    number = answer.json()["appliesToInvoiceNumber"]
    assert answer.json()["appliesToInvoiceId"] == blank["appliesToInvoiceId"]
    return 200, "the number stays" if number else "the number is cleared too"


@row("the same POST twice with one `Idempotency-Key`", area=HEADERS)
def _(books: Any) -> tuple[int, str]:
    body = {"number": "K" + uuid.uuid4().hex[:9].upper(), "displayName": "Once"}
    first, again = (books.post("customers", body, {"Idempotency-Key": body["number"]}) for _ in range(2))
    assert first.status_code == 201, first.text
    if again.status_code != 201:
        return code_of(again)
    assert again.content == first.content
    return 201, "the first answer again"


@row("`Prefer: odata.track-changes` on a list", area=HEADERS)
def _(books: Any) -> tuple[int, str]:
    answer = books.get("currencies", {"Prefer": "odata.track-changes"})
    linked = "@odata.deltaLink" in answer.json()
    assert linked == ("Preference-Applied" in answer.headers)
    return answer.status_code, "with a delta link" if linked else "ignored"


def test_the_page_is_made_from_the_rows() -> None:
    """Nobody can add a difference without a test, or a test without telling users."""
    assert DOC.read_text() == page(ROWS, printed())


@pytest.mark.parametrize("mode", ["strict", "documented"])
@pytest.mark.parametrize("row", ROWS, ids=lambda r: r.what)
def test_each_row_holds_in_both_modes(row: Row, mode: str, request: pytest.FixtureRequest) -> None:
    """What the table promises is what the server does."""
    books = request.getfixturevalue("books" if mode == "documented" else "strict_books")

    assert cell(row.run(books)) == printed()[row.what, mode]
