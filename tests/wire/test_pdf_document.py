"""pdfDocument: where it can be reached from, and what its content says."""

from __future__ import annotations

import io
from typing import Any

from pypdf import PdfReader

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


def test_the_content_is_a_pdf_that_names_the_invoice(books: Books) -> None:
    invoice = invoice_of(books, "Open")
    link = books.get(f"salesInvoices({invoice['id']})/pdfDocument").json()["pdfDocumentContent@odata.mediaReadLink"]
    answer = books.get(link)
    text = " ".join(page.extract_text() for page in PdfReader(io.BytesIO(answer.content)).pages)

    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "application/pdf")
    assert invoice["number"] in answer.headers["Content-Disposition"]
    total = f"{invoice['totalAmountIncludingTax']:,.2f}".translate(str.maketrans(",.", ".,"))
    for wanted in (invoice["number"], invoice["customerName"], total):
        assert wanted in text, f"{wanted} not in {text}"


def test_a_contact_leads_to_the_statement_of_its_customer(books: Books) -> None:
    buyer = books.get("customers?$filter=number eq '10400'").json()["value"][0]
    person = books.get(f"customerContacts?$filter=customerId eq {buyer['id']}").json()["value"][0]
    answer = books.get(f"customerContacts({person['id']})/pdfDocument/pdfDocumentContent")
    text = " ".join(page.extract_text() for page in PdfReader(io.BytesIO(answer.content)).pages)

    assert answer.status_code == 200, answer.text
    for wanted in (buyer["displayName"], "10400", "100000"):
        assert wanted in text, f"{wanted} not in {text}"


def test_business_central_prints_no_draft_of_a_credit_memo(books: Books, strict_books: Books) -> None:
    for mode, status in ((books, 200), (strict_books, 400)):
        memo = mode.post("salesCreditMemos", {"customerNumber": "10400"}).json()
        answer = mode.get(f"salesCreditMemos({memo['id']})/pdfDocument/pdfDocumentContent")
        assert answer.status_code == status


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
