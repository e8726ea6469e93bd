"""The page "Create customerPayments", as printed: every request form and its example work in documented mode."""

from __future__ import annotations

import uuid
from typing import Any

EXAMPLE: dict[str, Any] = {
    "id": "17cce948-c6a5-4861-8ff5-30428ed83207",
    "lineNumber": 10000,
    "customerId": "customerId-value",
    "customerNumber": "10400",
    "contactId": "string",
    "postingDate": "2015-12-31",
    "documentNumber": "1234",
    "externalDocumentNumber": "",
    "amount": 1500,
    "appliesToInvoiceId": "appliesToInvoiceId-value",
    "appliesToInvoiceNumber": "100000",
    "description": "",
    "comment": "",
    "lastModifiedDateTime": "2017-03-17T19:02:22.043Z",
}


def example(books: Any, **changes: Any) -> dict[str, Any]:
    """The example with its two placeholders replaced by the demo company's ids."""
    customer = books.get("customers?$filter=number eq '10400'").json()["value"][0]
    invoice = books.get("salesInvoices?$filter=number eq '100000'").json()["value"][0]
    return {**EXAMPLE, "customerId": customer["id"], "appliesToInvoiceId": invoice["id"], **changes}


def test_the_example_runs_as_printed_and_is_posted(fresh_books: Any) -> None:
    """The whole main job: create exactly as the page writes it, post, and see it in the ledgers."""
    books = fresh_books
    body = example(books)
    answer = books.post("customerPayment", body)

    assert answer.status_code == 201, answer.text
    payment = answer.json()
    for name in EXAMPLE:
        if name not in ("lastModifiedDateTime", "description"):
            assert payment[name] == body[name], name
    assert payment["description"] == books.get(f"customers({body['customerId']})").json()["displayName"]

    before = books.get(f"salesInvoices({body['appliesToInvoiceId']})").json()
    posted = books.post(f"journals({payment['journalId']})/Microsoft.NAV.post")
    assert posted.status_code == 204, posted.text
    after = books.get(f"salesInvoices({body['appliesToInvoiceId']})").json()
    assert after["remainingAmount"] == before["remainingAmount"] - 1500
    entries = books.get("generalLedgerEntries?$filter=documentNumber eq '1234'").json()["value"]
    assert sorted(e["debitAmount"] - e["creditAmount"] for e in entries) == [-1500, 1500]


def test_the_example_runs_with_its_placeholders_left_out(fresh_books: Any) -> None:
    """The numbers alone are enough."""
    body = {k: v for k, v in EXAMPLE.items() if k not in ("customerId", "appliesToInvoiceId")}
    answer = fresh_books.post("customerPayment", body)

    assert answer.status_code == 201, answer.text
    assert answer.json()["appliesToInvoiceId"] != "00000000-0000-0000-0000-000000000000"


def test_a_placeholder_itself_is_a_bad_guid(books: Any) -> None:
    """Forgetting to replace one is told clearly."""
    answer = books.post("customerPayment", EXAMPLE)

    assert answer.status_code == 400
    assert "customerId" in answer.json()["error"]["message"]
    assert "customerId-value" in answer.json()["error"]["message"]


def free(body: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """The example under an id and a line of its own."""
    left = {k: v for k, v in body.items() if k not in ("id", "lineNumber")}
    return left | changes


def test_post_below_a_journal_with_the_id_in_the_address(books: Any) -> None:
    """`customerPaymentJournals({id})/customerPayment({id})`."""
    journal = books.new_journal()
    id = str(uuid.uuid4())
    answer = books.post(f"customerPaymentJournals({journal})/customerPayment({id})", free(example(books)))

    assert answer.status_code == 201, answer.text
    assert answer.json()["id"] == id
    assert answer.json()["journalId"] == journal


def test_post_at_the_company_with_the_id_in_the_address(books: Any) -> None:
    """`customerPayments({id})`."""
    id = str(uuid.uuid4())
    answer = books.post(f"customerPayments({id})", free(example(books)))

    assert answer.status_code == 201, answer.text
    assert answer.json()["id"] == id
    assert books.delete(f"customerPayments({id})").status_code == 204


def test_a_retry_of_the_same_id_never_pays_twice(books: Any) -> None:
    """A lost answer is asked for again: the second POST is refused and nothing is added."""
    journal = books.new_journal()
    path = f"customerPaymentJournals({journal})/customerPayments({uuid.uuid4()})"
    first = books.post(path, free(example(books)))
    second = books.post(path, free(example(books)))

    assert first.status_code == 201
    assert (second.status_code, second.json()["error"]["code"]) == (400, "Internal_EntityWithSameKeyExists")
    assert len(books.get(f"customerPaymentJournals({journal})/customerPayments").json()["value"]) == 1


def test_a_retry_after_posting_never_pays_twice(books: Any) -> None:
    """The line is gone from the journal, but its id is remembered by the ledger."""
    journal = books.new_journal(balanced=True)
    path = f"customerPaymentJournals({journal})/customerPayments({uuid.uuid4()})"
    body = {"customerNumber": "10000", "amount": -5, "documentNumber": "RETRY"}
    assert books.post(path, body).status_code == 201
    assert books.post(f"journals({journal})/Microsoft.NAV.post").status_code == 204
    again = books.post(path, body)

    assert (again.status_code, again.json()["error"]["code"]) == (400, "Internal_EntityWithSameKeyExists")


def test_if_match_on_post(books: Any) -> None:
    """`*` or none on a new payment is fine; an existing payment whose tag differs is not touched."""
    journal = books.new_journal()
    path = f"customerPaymentJournals({journal})/customerPayments({uuid.uuid4()})"
    body = free(example(books))
    made = books.post(path, body, headers={"If-Match": "*"})
    assert made.status_code == 201, made.text
    stale = books.post(path, {**body, "amount": 7}, headers={"If-Match": 'W/"JzE5OzEyMzQ7MDA7Jw=="'})
    unchanged = books.get(path).json()
    changed = books.post(path, {**body, "amount": 7}, headers={"If-Match": made.json()["@odata.etag"]})

    assert (stale.status_code, stale.json()["error"]["code"]) == (409, "Request_EntityChanged")
    assert unchanged["amount"] == 1500
    assert unchanged["@odata.etag"] == made.json()["@odata.etag"]
    assert changed.status_code == 200, changed.text
    assert changed.json()["amount"] == 7


def test_an_etag_for_a_payment_that_does_not_exist_is_refused(books: Any) -> None:
    """Whoever sends a tag means a payment that is there."""
    path = f"customerPaymentJournals({books.new_journal()})/customerPayments({uuid.uuid4()})"
    answer = books.post(path, free(example(books)), headers={"If-Match": 'W/"JzE5OzEyMzQ7MDA7Jw=="'})

    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "Request_EntityChanged")
