"""pdfDocument: where it can be reached from, and what its content says."""

from __future__ import annotations

from typing import Any

from wire.conftest import Books


def invoice_of(books: Books, status: str) -> dict[str, Any]:
    found = books.get(f"salesInvoices?$filter=status eq '{status}'&$top=1").json()["value"]
    return dict(found[0])


def test_an_invoice_leads_to_its_pdf(books: Books) -> None:
    id = invoice_of(books, "Open")["id"]
    answer = books.get(f"salesInvoices({id})/pdfDocument")
    found = answer.json()

    assert answer.status_code == 200
    assert found["@odata.context"].endswith(f"/salesInvoices({id})/pdfDocument/$entity")
    assert (found["id"], found["parentId"], found["parentType"]) == (id, id, "Sales_x0020_Invoice")
    link = f"{books.url}/salesInvoices({id})/pdfDocument/pdfDocumentContent"
    assert found["pdfDocumentContent@odata.mediaReadLink"] == link
    assert "pdfDocumentContent@odata.mediaEditLink" not in found


def test_it_can_be_expanded(books: Books) -> None:
    found = books.get("salesInvoices?$top=3&$select=id&$expand=pdfDocument").json()["value"]

    assert [row["pdfDocument"]["id"] for row in found] == [row["id"] for row in found]


def test_a_flat_read_needs_parent_and_type(books: Books) -> None:
    id = invoice_of(books, "Open")["id"]
    for query in ("", f"?$filter=parentId eq {id}", "?$filter=parentType eq 'Sales_x0020_Invoice'"):
        answer = books.get(f"pdfDocument{query}")
        assert (answer.status_code, answer.json()["error"]["code"]) == (400, "Application_DialogException"), query
    found = books.get(f"pdfDocument?$filter=parentId eq {id} and parentType eq 'Sales Invoice'").json()["value"]
    assert [row["id"] for row in found] == [id]


def test_it_is_only_read(books: Books) -> None:
    id = invoice_of(books, "Open")["id"]

    assert books.post("pdfDocument", {}).status_code == 405
    assert books.patch(f"salesInvoices({id})/pdfDocument", {}).status_code == 405
    assert books.delete(f"salesInvoices({id})/pdfDocument").status_code == 405


def test_credit_memos_lead_to_theirs(books: Books) -> None:
    memo = books.post("salesCreditMemos", {"customerNumber": "10400"}).json()
    found = books.get(f"salesCreditMemos({memo['id']})/pdfDocument").json()

    assert (found["id"], found["parentType"]) == (memo["id"], "Sales_x0020_Credit_x0020_Memo")
