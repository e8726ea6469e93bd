"""The resource customerPayments over a socket: defaults, consistency, refusals, change, removal, listing."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

BLANK = "00000000-0000-0000-0000-000000000000"


def payments(journal: str) -> str:
    return f"customerPaymentJournals({journal})/customerPayments"


def customer(books: Any, number: str = "10400") -> dict[str, Any]:
    return dict(books.get(f"customers?$filter=number eq '{number}'").json()["value"][0])


def refusal(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["code"]


def test_an_empty_body_makes_a_line_with_defaults(books: Any) -> None:
    """Line 10000, the next number of the series, today, blanks typed and never null."""
    journal = books.new_journal()
    made = books.post(payments(journal), {}).json()

    assert made["lineNumber"] == 10000
    assert made["documentNumber"] != ""
    assert made["customerId"] == BLANK
    assert made["customerNumber"] == ""
    assert made["amount"] == 0
    assert made["description"] == ""
    assert None not in made.values()


def test_the_properties_and_their_order(books: Any) -> None:
    """As Business Central sends them, the tag first."""
    made = books.post(payments(books.new_journal()), {"customerNumber": "10400"}).json()

    assert list(made) == [
        "@odata.context", "@odata.etag", "id", "journalId", "journalDisplayName", "lineNumber", "customerId",
        "customerNumber", "postingDate", "documentNumber", "externalDocumentNumber", "amount", "appliesToInvoiceId",
        "appliesToInvoiceNumber", "description", "comment", "lastModifiedDateTime",
    ]  # fmt: skip


def test_the_next_line_takes_its_defaults_from_the_last(books: Any) -> None:
    """With a balancing account every line balances, so each gets a number of its own; the date is copied."""
    path = payments(books.new_journal(balanced=True))
    first = books.post(path, {"customerNumber": "10000", "amount": -1, "postingDate": "2026-02-03"}).json()
    second = books.post(path, {"customerNumber": "10000", "amount": -2}).json()

    assert second["lineNumber"] == first["lineNumber"] + 10000
    assert second["postingDate"] == "2026-02-03"
    assert second["documentNumber"] > first["documentNumber"]


def test_lines_share_a_number_until_the_document_balances(books: Any) -> None:
    """Without a balancing account the first line leaves the document open."""
    path = payments(books.new_journal())
    first = books.post(path, {"customerNumber": "10000", "amount": -1}).json()
    second = books.post(path, {"customerNumber": "10000", "amount": 1}).json()
    third = books.post(path, {"customerNumber": "10000", "amount": -3}).json()

    assert second["documentNumber"] == first["documentNumber"]
    assert third["documentNumber"] > first["documentNumber"]


def test_customer_by_id_number_or_both(books: Any) -> None:
    """Either names the customer; a disagreement is refused."""
    path, one, other = payments(books.new_journal()), customer(books), customer(books, "10000")
    by_id = books.post(path, {"customerId": one["id"]}).json()
    both = books.post(path, {"customerNumber": "10400", "customerId": one["id"]}).json()
    wrong = books.post(path, {"customerNumber": "10400", "customerId": other["id"]})

    assert by_id["customerNumber"] == both["customerNumber"] == "10400"
    assert by_id["description"] == one["displayName"]
    assert refusal(wrong) == (400, "Application_DialogException")


def test_the_invoice_brings_its_customer(books: Any) -> None:
    """A payment that names only the invoice belongs to the invoice's customer."""
    made = books.post(payments(books.new_journal()), {"appliesToInvoiceNumber": "100000", "amount": -1}).json()

    assert made["customerNumber"] == "10400"
    assert made["appliesToInvoiceId"] != BLANK


def test_an_unknown_invoice_number_is_kept_as_text(books: Any) -> None:
    """As Business Central does; the id stays empty."""
    made = books.post(
        payments(books.new_journal()), {"appliesToInvoiceNumber": "nope", "customerNumber": "10400"}
    ).json()

    assert (made["appliesToInvoiceNumber"], made["appliesToInvoiceId"]) == ("NOPE", BLANK)


def test_codes_are_trimmed_and_upper_cased(books: Any) -> None:
    """A code is a code, however it is typed."""
    made = books.post(
        payments(books.new_journal()), {"documentNumber": "  ab-1 ", "customerNumber": " 10400 "}
    ).json()

    assert (made["documentNumber"], made["customerNumber"]) == ("AB-1", "10400")


REFUSED: list[tuple[str, dict[str, Any], str]] = [
    ("unknown customer number", {"customerNumber": "99999"}, "Internal_InvalidTableRelation"),
    ("unknown customer id", {"customerId": str(uuid.UUID(int=7))}, "Internal_InvalidTableRelation"),
    ("unknown invoice id", {"appliesToInvoiceId": str(uuid.UUID(int=7))}, "Application_DialogException"),
    ("unknown journal name", {"journalDisplayName": "NOWHERE"}, "Internal_InvalidTableRelation"),
    ("another journal than the address", {"journalId": str(uuid.UUID(int=7))}, "Application_DialogException"),
    ("text too long", {"description": "x" * 101}, "Application_StringExceededLength"),
    ("code too long", {"documentNumber": "x" * 21}, "Application_StringExceededLength"),
    ("bad guid", {"customerId": "not-a-guid"}, "BadRequest"),
    ("amount as text", {"amount": "12"}, "BadRequest"),
    ("bad date", {"postingDate": "2026-02-30"}, "BadRequest"),
    ("date as number", {"postingDate": 20260230}, "BadRequest"),
    ("line number too big", {"lineNumber": 2**31}, "BadRequest"),
    ("line number with decimals", {"lineNumber": 1.5}, "BadRequest"),
    ("unknown property", {"payer": "me"}, "BadRequest"),
    ("amount beyond all reason", {"amount": 1e30}, "BadRequest"),
    ("NUL in a text", {"description": "a\u0000b"}, "BadRequest"),
]


@pytest.mark.parametrize(("what", "body", "code"), REFUSED, ids=[r[0] for r in REFUSED])
def test_refusals(books: Any, what: str, body: dict[str, Any], code: str) -> None:
    """Each says what is wrong, with Business Central's code, and leaves no line."""
    journal = books.new_journal()
    answer = books.post(payments(journal), body)

    assert refusal(answer) == (400, code)
    assert answer.json()["error"]["message"].endswith(f"  CorrelationId:  {answer.headers['request-id']}.")
    assert books.get(payments(journal)).json()["value"] == []


def test_a_taken_line_number_is_refused(books: Any) -> None:
    """Two lines never share a number."""
    path = payments(books.new_journal())
    assert books.post(path, {"lineNumber": 10000}).status_code == 201

    assert refusal(books.post(path, {"lineNumber": 10000})) == (400, "Internal_EntityWithSameKeyExists")


def test_a_blocked_customer_is_refused(books: Any) -> None:
    """Blocked All stops payments, blocked Invoice does not."""
    path = payments(books.new_journal())
    for blocked, status in (("All", 400), ("Invoice", 201), ("Ship", 201)):
        made = books.post("customers", {"displayName": f"Blocked {blocked}", "blocked": blocked}).json()

        assert books.post(path, {"customerNumber": made["number"]}).status_code == status


def test_a_payment_before_its_invoice_is_refused_with_a_balancing_account(books: Any) -> None:
    """The rule is checked when the balancing account is taken over, so only then."""
    body = {"appliesToInvoiceNumber": "100000", "amount": -1, "postingDate": "2000-01-01"}

    assert refusal(books.post(payments(books.new_journal(balanced=True)), body)) == (
        400,
        "Application_DialogException",
    )
    assert books.post(payments(books.new_journal()), body).status_code == 201


def test_change(books: Any) -> None:
    """PATCH answers with the whole entity and a new tag."""
    made = books.post(payments(books.new_journal()), {"customerNumber": "10400", "amount": -1}).json()
    answer = books.patch(
        f"customerPayments({made['id']})", {"amount": -2.5, "comment": "Grüße"}, etag=made["@odata.etag"]
    )

    assert answer.status_code == 200
    assert (answer.json()["amount"], answer.json()["comment"]) == (-2.5, "Grüße")
    assert answer.json()["@odata.etag"] != made["@odata.etag"]


def test_changing_the_customer_changes_the_description(books: Any) -> None:
    """The filled-in name follows; one that was typed stays."""
    path = payments(books.new_journal())
    filled = books.post(path, {"customerNumber": "10400"}).json()
    typed = books.post(path, {"customerNumber": "10400", "description": "typed"}).json()
    now = customer(books, "10000")

    assert (
        books.patch(f"customerPayments({filled['id']})", {"customerNumber": "10000"}).json()["description"]
        == now["displayName"]
    )
    assert books.patch(f"customerPayments({typed['id']})", {"customerId": now["id"]}).json()["description"] == "typed"


def test_renumbering_keeps_the_id(books: Any) -> None:
    """`lineNumber` may change; a taken one is refused."""
    path = payments(books.new_journal())
    first, second = (books.post(path, {}).json() for _ in range(2))
    moved = books.patch(f"customerPayments({first['id']})", {"lineNumber": 15000})

    assert (moved.status_code, moved.json()["id"], moved.json()["lineNumber"]) == (200, first["id"], 15000)
    taken = books.patch(f"customerPayments({second['id']})", {"lineNumber": 15000})
    assert refusal(taken) == (400, "Internal_EntityWithSameKeyExists")


def test_the_journal_of_a_payment_cannot_change(books: Any) -> None:
    """The same value is accepted, another is not."""
    journal = books.new_journal()
    made = books.post(payments(journal), {}).json()
    path = f"customerPayments({made['id']})"

    assert (
        books.patch(path, {"journalId": journal, "journalDisplayName": made["journalDisplayName"]}).status_code == 200
    )
    assert refusal(books.patch(path, {"journalId": books.new_journal()})) == (400, "Application_DialogException")


def test_etags(books: Any) -> None:
    """PATCH needs one; a stale one is 409; DELETE checks it only when it is sent."""
    made = books.post(payments(books.new_journal()), {}).json()
    path = f"customerPayments({made['id']})"
    assert books.patch(path, {"amount": -1}, etag=made["@odata.etag"]).status_code == 200

    assert refusal(books.patch(path, {"amount": -2}, etag=None)) == (400, "BadRequest_InvalidToken")
    assert refusal(books.patch(path, {"amount": -2}, etag="nonsense")) == (400, "BadRequest_InvalidToken")
    assert refusal(books.patch(path, {"amount": -2}, etag=made["@odata.etag"])) == (409, "Request_EntityChanged")
    assert refusal(books.delete(path, etag=made["@odata.etag"])) == (409, "Request_EntityChanged")
    assert books.delete(path).status_code == 204
    assert refusal(books.get(path)) == (404, "BadRequest_ResourceNotFound")


def test_a_flat_list_must_name_a_journal(books: Any) -> None:
    """The guard of the resource: by filter on journalId, by address, or by id."""
    journal = books.new_journal()
    made = books.post(payments(journal), {"customerNumber": "10400"}).json()

    assert refusal(books.get("customerPayments")) == (400, "Application_DialogException")
    assert refusal(books.get("customerPayments?$filter=customerNumber eq '10400'")) == (
        400,
        "Application_DialogException",
    )
    assert len(books.get(f"customerPayments?$filter=journalId eq {journal}").json()["value"]) == 1
    assert books.get(f"customerPayments({made['id']})").status_code == 200
    assert books.get("customerPayments?$filter=customerNumber eq 'NOBODY'").json()["value"] == []


def test_deep_insert_creates_the_journal_and_its_payments(books: Any) -> None:
    """One request, all or nothing."""
    code = "D" + uuid.uuid4().hex[:9].upper()
    lines = [{"customerNumber": "10400", "amount": -1}, {"customerNumber": "10000", "amount": -2}]
    answer = books.post("customerPaymentJournals", {"code": code, "displayName": "deep", "customerPayments": lines})
    assert answer.status_code == 201, answer.text
    inside = books.get(payments(answer.json()["id"])).json()["value"]

    assert [p["amount"] for p in inside] == [-1, -2]
    bad = [{"customerNumber": "10400"}, {"customerNumber": "99999"}]
    other = "D" + uuid.uuid4().hex[:9].upper()
    refused = books.post("customerPaymentJournals", {"code": other, "displayName": "deep", "customerPayments": bad})
    assert refusal(refused) == (400, "Internal_InvalidTableRelation")
    assert books.get(f"customerPaymentJournals?$filter=code eq '{other}'").json()["value"] == []


def test_dimensions_of_a_payment(books: Any) -> None:
    """Read, add, change, remove through the payment; equal sets are shared inside."""
    made = books.post(payments(books.new_journal()), {}).json()
    lines = f"customerPayments({made['id']})/dimensionSetLines"
    dimension = books.get("dimensions?$expand=dimensionValues").json()["value"][0]
    one, two = dimension["dimensionValues"][:2]
    assert books.get(lines).json()["value"] == []
    added = books.post(lines, {"code": dimension["code"], "valueCode": one["code"]})
    changed = books.patch(f"{lines}({dimension['id']})", {"valueId": two["id"]})

    assert (added.status_code, added.json()["valueId"]) == (201, one["id"])
    assert (changed.status_code, changed.json()["valueCode"]) == (200, two["code"])
    again = books.post(lines, {"code": dimension["code"], "valueCode": one["code"]})
    assert refusal(again) == (400, "Application_DialogException")
    assert books.delete(f"{lines}({dimension['id']})").status_code == 204
    assert books.get(lines).json()["value"] == []


def test_the_default_dimensions_of_the_customer_come_with_it(books: Any) -> None:
    """A new line takes the customer's default dimensions."""
    defaults = books.get("defaultDimensions?$filter=parentType eq 'Customer'").json()["value"]
    one = next(d for d in defaults if d["dimensionValueCode"])
    made = books.post(payments(books.new_journal()), {"customerId": one["parentId"]}).json()
    lines = books.get(f"customerPayments({made['id']})/dimensionSetLines").json()["value"]

    assert one["dimensionCode"] in [line["code"] for line in lines]
