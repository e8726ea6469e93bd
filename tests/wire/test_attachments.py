"""Files beside documents, journal lines, customers and items: POST, then PATCH of the content, as clients do it."""

from __future__ import annotations

import hashlib
import http.client
import random
import signal
import threading
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from debitor.ledger.records import Company
from debitor.operations.checks import check_books
from debitor.store.contents import ContentPart
from debitor.store.opening import open_store
from wire.conftest import Books, Server, books_of
from wire.test_master_data import customer, first, new, refusal

BLANK = "00000000-0000-0000-0000-000000000000"


def noise(size: int, seed: int = 1) -> bytes:
    return random.Random(seed).randbytes(size)


def draft(books: Books) -> dict[str, Any]:
    return new(books, "salesInvoices", customerNumber="10400")


def attach(books: Books, owner: str, name: str = "note.txt", of: str = "attachments") -> dict[str, Any]:
    """A file without bytes, made below its owner."""
    return new(books, f"{owner}/{of}", fileName=name)


def send(books: Books, file: dict[str, Any], data: bytes, method: str = "PATCH", **headers: str) -> Any:
    """Send the bytes of a file."""
    sent = {"Content-Type": "text/plain", "If-Match": "*", **headers}
    return books.request(method, str(file["attachmentContent@odata.mediaEditLink"]), data=data, headers=sent)


def content(books: Books, file: dict[str, Any]) -> Any:
    return books.get(str(file["attachmentContent@odata.mediaReadLink"]))


@pytest.mark.parametrize("method", ["PATCH", "PUT"])
def test_a_file_is_made_then_filled_then_read(books: Books, method: str) -> None:
    invoice = draft(books)
    file = attach(books, f"salesInvoices({invoice['id']})")

    assert list(file)[1:] == [
        "@odata.etag", "id", "parentId", "fileName", "byteSize", "lastModifiedDateTime", "parentType",
        "attachmentContent@odata.mediaReadLink", "attachmentContent@odata.mediaEditLink",
    ]  # fmt: skip
    assert (file["parentId"], file["parentType"], file["byteSize"]) == (invoice["id"], "Sales_x0020_Invoice", 0)
    assert content(books, file).status_code == 204

    answer = send(books, file, b"Hello", method)
    read = content(books, file)
    after = books.get(f"attachments({file['id']})").json()

    assert (answer.status_code, answer.content) == (204, b"")
    assert answer.headers["ETag"] == after["@odata.etag"] != file["@odata.etag"]
    assert (read.status_code, read.content, read.headers["Content-Type"]) == (200, b"Hello", "text/plain")
    assert "note.txt" in read.headers["Content-Disposition"]
    assert after["byteSize"] == 5
    assert books.get(f"attachments({file['id']})/attachmentContent/$value").content == b"Hello"


def test_some_megabytes_go_both_ways(books: Books) -> None:
    file = attach(books, f"salesInvoices({draft(books)['id']})", "scan.pdf")
    data = noise((5 << 20) + 12345)

    assert send(books, file, data).status_code == 204
    assert hashlib.sha256(content(books, file).content).digest() == hashlib.sha256(data).digest()

    chunked = books.session.patch(
        str(file["attachmentContent@odata.mediaEditLink"]),
        data=(data[at : at + 70_001] for at in range(0, len(data), 70_001)),
        headers={"If-Match": "*"},
        timeout=60,
    )
    assert chunked.status_code == 204
    assert content(books, file).content == data


def test_new_bytes_replace_the_old_and_none_are_bytes_too(books: Books) -> None:
    file = attach(books, f"salesInvoices({draft(books)['id']})")
    send(books, file, b"one")
    send(books, file, b"two, longer")
    assert content(books, file).content == b"two, longer"
    send(books, file, b"")
    assert (content(books, file).status_code, content(books, file).content) == (200, b"")


def test_the_tag_decides(books: Books, strict_books: Books) -> None:
    file = attach(books, f"salesInvoices({draft(books)['id']})")
    tag = file["@odata.etag"]
    assert send(books, file, b"one", **{"If-Match": tag}).status_code == 204
    assert refusal(send(books, file, b"two", **{"If-Match": tag})) == (409, "Request_EntityChanged")
    assert content(books, file).content == b"one"

    strict = attach(strict_books, f"salesInvoices({draft(strict_books)['id']})")
    link = str(strict["attachmentContent@odata.mediaEditLink"])
    assert refusal(strict_books.request("PATCH", link, data=b"x")) == (400, "BadRequest_InvalidToken")
    assert books.request("PATCH", str(file["attachmentContent@odata.mediaEditLink"]), data=b"x").status_code == 204


def test_what_cannot_be_written(books: Books) -> None:
    file = attach(books, f"salesInvoices({draft(books)['id']})")
    gone = f"attachments({BLANK[:-1]}1)/attachmentContent"
    posted = first(books, "salesInvoices", "status eq 'Open'")

    assert refusal(books.request("PATCH", gone, data=b"x", headers={"If-Match": "*"}))[0] == 404
    assert refusal(
        books.request("PUT", f"salesInvoices({posted['id']})/pdfDocument/pdfDocumentContent", data=b"x")
    ) == (
        405,
        "BadRequest_MethodNotAllowed",
    )
    assert refusal(send(books, file, b"x", **{"Content-Encoding": "br"}))[0] == 415
    assert refusal(books.post(f"attachments({file['id']})/attachmentContent", {}))[0] == 405
    assert refusal(books.post("attachments", {"fileName": "x", "attachmentContent": "eA=="}))[0] == 400


def test_the_owner_must_exist_and_be_of_its_kind(books: Books) -> None:
    invoice, buyer = draft(books), customer(books)
    kind = "Sales Invoice"
    right = new(books, "attachments", parentId=invoice["id"], parentType=kind, fileName="a.txt")

    assert right["parentType"] == "Sales_x0020_Invoice"
    assert new(books, "attachments", fileName="loose.txt")["parentId"] == BLANK
    for body in (
        {"parentId": buyer["id"], "parentType": kind},
        {"parentId": buyer["id"], "parentType": "Customer"},
        {"parentId": invoice["id"], "parentType": "Vendor"},
    ):
        assert refusal(books.post("attachments", body)) == (400, "Application_DialogException"), body
    assert refusal(books.post("documentAttachments", {"parentType": "Customer", "fileName": "x"})) == (
        400,
        "BadRequest_RequiredParamNotProvided",
    )
    assert refusal(books.patch(f"attachments({right['id']})", {"parentId": buyer["id"]})) == (
        400,
        "Application_DialogException",
    )
    assert books.patch(f"attachments({right['id']})", {"fileName": "b.txt"}).json()["fileName"] == "b.txt"
    assert new(books, "attachments", parentId=invoice["id"], fileName="a<b>.txt")["fileName"] == "filename.txt"


def test_the_two_lists_are_two(books: Books) -> None:
    """Incoming documents are read from their owner; document attachments also flat."""
    buyer = customer(books)
    at = f"customers({buyer['id']})/documentAttachments"
    file = new(books, at, fileName="contract.pdf", documentFlowSales=True, lineNumber=3)

    assert (file["parentType"], file["documentFlowSales"], file["lineNumber"]) == ("Customer", True, 3)
    assert [row["id"] for row in books.get(at).json()["value"]] == [file["id"]]
    assert refusal(books.get("attachments")) == (400, "Application_DialogException")
    flat = books.get(f"documentAttachments?$filter=parentId eq {buyer['id']}").json()["value"]
    assert [row["id"] for row in flat] == [file["id"]]
    expanded = books.get(f"customers({buyer['id']})?$expand=documentAttachments").json()["documentAttachments"]
    assert [row["id"] for row in expanded] == [file["id"]]
    assert books.get(f"attachments({file['id']})").status_code == 404


def test_a_document_attachment_may_move(books: Books) -> None:
    one, other = customer(books), draft(books)
    file = attach(books, f"customers({one['id']})", of="documentAttachments")
    at = f"documentAttachments({file['id']})"
    moved = books.patch(at, {"parentId": other["id"], "parentType": "Sales Invoice"}).json()

    assert (moved["parentId"], moved["parentType"]) == (other["id"], "Sales_x0020_Invoice")
    assert refusal(books.patch(at, {"parentId": books.company_id})) == (400, "Application_DialogException")


def test_a_content_of_another_length_than_it_says_changes_nothing(books: Books) -> None:
    file = attach(books, f"salesInvoices({draft(books)['id']})")
    send(books, file, b"before")
    for declared in (3, 9):
        cut(books, file, declared, b"123456")
    time.sleep(0.2)

    assert content(books, file).content in (b"before", b"123"), "six bytes were never sent as nine"


def test_reading_goes_on_while_the_content_is_replaced(books: Books) -> None:
    file = attach(books, f"salesInvoices({draft(books)['id']})")
    old = noise(4 << 20)
    send(books, file, old)
    link, plain = str(file["attachmentContent@odata.mediaReadLink"]), {"Accept-Encoding": "identity"}
    answer = books.session.get(link, headers=plain, stream=True, timeout=60)
    begun = answer.raw.read(1000)
    assert send(books, file, b"new").status_code == 204

    assert begun + answer.raw.read() == old
    assert content(books, file).content == b"new"


def test_check_knows_files(tmp_path: Path) -> None:
    """Books with files are sound; a part that is gone is found."""
    own = Server(tmp_path / "check", "--demo")
    books = books_of(own)
    file = attach(books, f"salesInvoices({draft(books)['id']})")
    send(books, file, noise(1 << 20))
    books.session.close()
    assert own.stop() == 0
    with_store = open_store(own.url)
    with with_store.transaction() as root:
        assert check_books(root) == []
        company = root.all(Company)[0]
        part = root.at(company.key).all(ContentPart, limit=1)[0]
        root.at(company.key).delete(part)
        (found,) = check_books(root)
    with_store.close()

    assert "3 parts instead of 4" in found


def test_files_stay_with_a_posted_document_and_go_with_a_deleted_one(books: Books) -> None:
    invoice = draft(books)
    at = f"salesInvoices({invoice['id']})"
    item = first(books, "items")
    line = {"lineType": "Item", "lineObjectNumber": item["number"], "quantity": 1}
    new(books, f"{at}/salesInvoiceLines", **line)
    file = attach(books, at)
    send(books, file, b"kept")
    assert books.post(f"{at}/Microsoft.NAV.post").status_code == 204
    assert content(books, file).content == b"kept"

    other = draft(books)
    gone = attach(books, f"salesInvoices({other['id']})")
    beside = attach(books, f"salesInvoices({other['id']})", of="documentAttachments")
    assert books.delete(f"salesInvoices({other['id']})").status_code == 204
    assert books.get(f"attachments({gone['id']})").status_code == 404
    assert books.get(f"documentAttachments({beside['id']})").status_code == 404

    buyer = customer(books)
    mine = attach(books, f"customers({buyer['id']})", of="documentAttachments")
    assert books.delete(f"customers({buyer['id']})").status_code == 204
    assert books.get(f"documentAttachments({mine['id']})").status_code == 404


def test_a_file_of_a_journal_line_moves_to_its_ledger_entry(books: Books) -> None:
    journal = books.new_journal(balanced=True)
    payment = new(books, f"customerPaymentJournals({journal})/customerPayments", customerNumber="10400", amount=-7)
    file = new(books, "attachments", parentId=payment["id"], parentType="Journal", fileName="slip.txt")
    send(books, file, b"slip")
    assert books.post(f"journals({journal})/Microsoft.NAV.post").status_code == 204
    parent = books.get(f"attachments({file['id']})").json()["parentId"]
    entry = books.get(f"generalLedgerEntries({parent})").json()
    found = books.get(f"generalLedgerEntries({parent})/attachments").json()["value"]

    assert (entry["documentNumber"], entry["creditAmount"]) == (payment["documentNumber"], 7)
    assert [row["id"] for row in found] == [file["id"]]
    assert content(books, file).content == b"slip"


def test_a_key_makes_an_upload_happen_once(books: Books) -> None:
    file = attach(books, f"salesInvoices({draft(books)['id']})")
    key = {"Idempotency-Key": f'"{file["id"]}"'}
    one, again = send(books, file, b"same", **key), send(books, file, b"same", **key)

    assert (one.status_code, again.status_code) == (204, 204)
    assert again.headers["Idempotency-Replayed"] == "true"
    assert one.headers["ETag"] == again.headers["ETag"]
    assert send(books, file, b"other", **key).status_code == 422


def test_two_uploads_at_once_leave_one_whole_content(books: Books) -> None:
    file = attach(books, f"salesInvoices({draft(books)['id']})")
    contents = [noise(3 << 20, seed) for seed in range(4)]
    statuses: list[int] = []

    def upload(data: bytes) -> None:
        own = books_of(books.server)
        statuses.append(send(own, file, data).status_code)
        own.session.close()

    threads = [threading.Thread(target=upload, args=(data,)) for data in contents]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert statuses == [204] * 4
    assert content(books, file).content in contents


def cut(books: Books, file: dict[str, Any], declared: int, sent: bytes) -> None:
    """Begin an upload and go away."""
    parts = urlsplit(str(file["attachmentContent@odata.mediaEditLink"]))
    line = http.client.HTTPConnection(str(parts.netloc), timeout=30)
    line.putrequest("PATCH", parts.path)
    line.putheader("Authorization", str(books.session.headers["Authorization"]))
    line.putheader("If-Match", "*")
    line.putheader("Content-Length", str(declared))
    line.endheaders(sent)
    line.close()


def test_an_upload_that_ends_too_early_changes_nothing(books: Books) -> None:
    file = attach(books, f"salesInvoices({draft(books)['id']})")
    send(books, file, b"before")
    cut(books, file, 5 << 20, noise(2 << 20))

    assert content(books, file).content == b"before"


def test_a_content_may_be_as_large_as_the_setting_says(tmp_path: Path) -> None:
    own = Server(tmp_path / "small", "--demo", "--max-media", "1MB")
    books = books_of(own)
    file = attach(books, f"salesInvoices({draft(books)['id']})")

    assert send(books, file, noise(1 << 20)).status_code == 204
    assert send(books, file, noise((1 << 20) + 1)).status_code == 413
    assert len(content(books, file).content) == 1 << 20
    books.session.close()
    assert own.stop() == 0


def test_a_crash_in_the_middle_of_an_upload_leaves_the_old_content(tmp_path: Path) -> None:
    first_run = Server(tmp_path / "crash", "--demo")
    books = books_of(first_run)
    file = attach(books, f"salesInvoices({draft(books)['id']})")
    send(books, file, b"before")
    parts = urlsplit(str(file["attachmentContent@odata.mediaEditLink"]))
    line = http.client.HTTPConnection(str(parts.netloc), timeout=30)
    line.putrequest("PATCH", parts.path)
    line.putheader("Authorization", str(books.session.headers["Authorization"]))
    line.putheader("If-Match", "*")
    line.putheader("Content-Length", str(8 << 20))
    line.endheaders(noise(5 << 20))
    assert books.get("customers?$top=1").status_code == 200, "others are answered meanwhile"
    first_run.stop(signal.SIGKILL)
    line.close()
    books.session.close()

    second_run = Server(tmp_path / "crash", "--demo")
    again = books_of(second_run)
    assert again.get(f"attachments({file['id']})/attachmentContent").content == b"before"
    again.session.close()
    assert second_run.stop() == 0


def test_a_batch_brings_small_contents(books: Books) -> None:
    file = attach(books, f"salesInvoices({draft(books)['id']})")
    url = f"companies({books.company_id})/attachments({file['id']})/attachmentContent"
    headers = {"If-Match": "*", "Content-Type": "text/plain"}
    body = {"requests": [{"id": "1", "method": "PATCH", "url": url, "headers": headers, "body": "short"}]}
    answer = books.session.post(f"{books.root}/$batch", json=body, timeout=60).json()["responses"][0]

    assert answer["status"] == 204, answer
    assert content(books, file).content == b"short"
