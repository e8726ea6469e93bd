"""Bytes on the wire: contents of stream properties, answers that are sent piece by piece."""

from __future__ import annotations

import pytest

from wire.conftest import Books


def an_invoice(books: Books) -> str:
    return str(books.get("salesInvoices?$filter=status eq 'Open'&$top=1&$select=id").json()["value"][0]["id"])


@pytest.mark.parametrize("tail", ["", "/$value"])
def test_a_content_is_read_at_its_own_address(books: Books, tail: str) -> None:
    link = f"salesInvoices({an_invoice(books)})/pdfDocument/pdfDocumentContent{tail}"
    answer = books.get(link)

    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/pdf"
    assert answer.headers["content-length"] == str(len(answer.content))
    assert "attachment; filename*=UTF-8''Rechnung-" in answer.headers["content-disposition"]
    assert answer.content.startswith(b"%PDF-")
    head = books.request("HEAD", link)
    assert (head.status_code, head.content, head.headers["content-length"]) == (200, b"", str(len(answer.content)))
    assert books.get(link, {"If-None-Match": answer.headers["etag"]}).status_code == 304


def test_the_content_of_nothing_is_not_found(books: Books) -> None:
    missing = "00000000-0000-0000-0000-00000000beef"

    assert books.get(f"salesInvoices({missing})/pdfDocument/pdfDocumentContent").status_code == 404


def test_a_batch_carries_a_content(books: Books) -> None:
    url = f"companies({books.company_id})/salesInvoices({an_invoice(books)})/pdfDocument/pdfDocumentContent"
    body = {"requests": [{"id": "1", "method": "GET", "url": url}]}
    answer = books.session.post(f"{books.root}/$batch", json=body, timeout=60).json()["responses"][0]

    assert (answer["status"], answer["headers"]["content-type"]) == (200, "application/pdf")
    assert answer["body"].startswith("JVBERi0"), "%PDF- in base64"


@pytest.fixture(scope="module")
def long_journal(books: Books) -> str:
    """A journal with 1203 payments: more than one answer in one piece may hold."""
    journal = books.new_journal()
    url = f"companies({books.company_id})/customerPaymentJournals({journal})/customerPayments"
    body = {"customerNumber": "10400", "amount": -1}
    for start in range(0, 1203, 100):
        parts = [
            {"id": str(n), "method": "POST", "url": url, "body": {**body, "documentNumber": f"S{n}"}}
            for n in range(start, min(start + 100, 1203))
        ]
        for part in parts:
            part["headers"] = {"Content-Type": "application/json"}
        answer = books.session.post(f"{books.root}/$batch", json={"requests": parts}, timeout=60)
        assert {each["status"] for each in answer.json()["responses"]} == {201}, answer.text[:500]
    return f"customerPaymentJournals({journal})/customerPayments"


def test_a_long_list_is_streamed_and_whole(books: Books, long_journal: str) -> None:
    answer = books.get(f"{long_journal}?$count=true&$expand=customer($select=number)")
    found = answer.json()

    assert answer.headers["transfer-encoding"] == "chunked"
    assert list(found) == ["@odata.context", "@odata.count", "value"]
    assert found["@odata.count"] == 1203
    assert [row["documentNumber"] for row in found["value"]] == [f"S{n}" for n in range(1203)]
    assert {row["customer"]["number"] for row in found["value"]} == {"10400"}


def test_streamed_pages_follow_each_other(books: Books, long_journal: str) -> None:
    numbers: list[str] = []
    sizes = []
    link = f"{long_journal}?$select=documentNumber&$orderby=documentNumber desc&$skip=1"
    while link:
        answer = books.get(link, {"Prefer": "odata.maxpagesize=601"})
        assert answer.headers["preference-applied"] == "odata.maxpagesize=601"
        page = answer.json()
        sizes.append((len(page["value"]), answer.headers.get("transfer-encoding")))
        numbers += [row["documentNumber"] for row in page["value"]]
        link = page.get("@odata.nextLink", "")

    assert sizes == [(601, "chunked"), (601, "chunked")]
    assert numbers == sorted((f"S{n}" for n in range(1203)), reverse=True)[1:]


def test_a_streamed_list_tracks_changes(books: Books, long_journal: str) -> None:
    found = books.get(f"{long_journal}?$select=id,amount", {"Prefer": "odata.track-changes"}).json()
    changed = found["value"][700]["id"]
    assert len(found["value"]) == 1203
    assert books.patch(f"customerPayments({changed})", {"amount": -7}).status_code == 200
    delta = books.get(found["@odata.deltaLink"]).json()["value"]

    assert [(row["id"], row["amount"]) for row in delta] == [(changed, -7)]


@pytest.mark.parametrize("top", [499, 500, 501, 700])
def test_top_ends_a_streamed_list(books: Books, long_journal: str, top: int) -> None:
    found = books.get(f"{long_journal}?$select=documentNumber&$top={top}").json()

    assert len(found["value"]) == top
    assert "@odata.nextLink" not in found


def test_a_client_that_goes_away_leaves_no_snapshot_behind(books: Books, long_journal: str) -> None:
    for _ in range(5):
        with books.request("GET", long_journal, stream=True) as answer:
            assert answer.raw.read(10)
    assert books.get("customers?$top=1").status_code == 200


def test_a_batch_and_head_are_not_streamed(books: Books, long_journal: str) -> None:
    head = books.request("HEAD", long_journal)
    assert (head.status_code, head.content) == (200, b"")
    body = {"requests": [{"id": "1", "method": "GET", "url": f"companies({books.company_id})/{long_journal}"}]}
    answer = books.session.post(f"{books.root}/$batch", json=body, timeout=60).json()["responses"][0]
    assert len(answer["body"]["value"]) == 1203
