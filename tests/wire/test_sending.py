"""Documents sent by mail, from the action to the mailbox."""

from __future__ import annotations

import io
import json
import signal
import time
from collections.abc import Iterator
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from pypdf import PdfReader

from debitor.cli import main
from wire.conftest import Books, Server, books_of
from wire.mailbox import Mailbox

SENDER = "Accounts <ar@fernweh.example>"


@pytest.fixture
def mailbox() -> Iterator[Mailbox]:
    with Mailbox() as made:
        yield made


@pytest.fixture
def sending(tmp_path: Path, mailbox: Mailbox) -> Iterator[Books]:
    """A server that sends its mails to the mailbox and tries again after a second."""
    own = serve(tmp_path, mailbox)
    made = books_of(own)
    yield made
    made.session.close()
    own.stop()


def serve(folder: Path, mailbox: Mailbox) -> Server:
    return Server(folder / "own", "--demo", smtp_url=mailbox.url, mail_from=SENDER, mail_retry="1")


def new_invoice(books: Books, **properties: Any) -> dict[str, Any]:
    """A draft with one line."""
    body = {"customerNumber": "10400", "email": "ap@alpin.example", **properties}
    answer = books.post("salesInvoices", body)
    assert answer.status_code == 201, answer.text
    invoice: dict[str, Any] = answer.json()
    item = books.get("items?$top=1").json()["value"][0]
    line = {"lineType": "Item", "lineObjectNumber": item["number"], "quantity": 2, "unitPrice": 50}
    answer = books.post(f"salesInvoices({invoice['id']})/salesInvoiceLines", line)
    assert answer.status_code == 201, answer.text
    return invoice


def call(books: Books, id: str, action: str, kind: str = "salesInvoices") -> Any:
    return books.post(f"{kind}({id})/Microsoft.NAV.{action}")


def pdf_text(mail: EmailMessage) -> str:
    (attachment,) = mail.iter_attachments()
    assert attachment.get_content_type() == "application/pdf"
    content = attachment.get_content()
    return " ".join(page.extract_text() for page in PdfReader(io.BytesIO(content)).pages)


def test_a_draft_is_sent_as_a_draft(sending: Books, mailbox: Mailbox) -> None:
    invoice = new_invoice(sending)
    assert call(sending, invoice["id"], "send").status_code == 204

    (mail,) = mailbox.wait_for(1)
    text = pdf_text(mail)

    assert mail["From"] == SENDER
    assert mail["To"] == "ap@alpin.example"
    assert invoice["number"] in mail["Subject"]
    assert invoice["number"] in str(mail.get_body(("plain",)).get_content())  # type: ignore[union-attr]
    assert str(mail["Message-ID"]).endswith("@fernweh.example>")
    assert invoice["number"] in text
    assert "ENTWURF" in text or "DRAFT" in text


def test_post_and_send_posts_and_sends_once(sending: Books, mailbox: Mailbox) -> None:
    invoice = new_invoice(sending)
    assert call(sending, invoice["id"], "postAndSend").status_code == 204
    posted = sending.get(f"salesInvoices({invoice['id']})").json()

    (mail,) = mailbox.wait_for(1)
    time.sleep(2.5)

    assert posted["status"] == "Open"
    assert posted["number"] in mail["Subject"]
    assert len(mailbox.mails) == 1, "two rounds of the postman later it is still the only one"


def test_cancel_and_send_sends_what_cancels(sending: Books, mailbox: Mailbox) -> None:
    """The invoice is cancelled by a posted credit memo; the customer gets that, and gets it again on `send`."""
    invoice = new_invoice(sending)
    assert call(sending, invoice["id"], "post").status_code == 204
    number = sending.get(f"salesInvoices({invoice['id']})").json()["number"]
    assert call(sending, invoice["id"], "cancelAndSend").status_code == 204
    memo = sending.get(f"salesCreditMemos?$filter=invoiceNumber eq '{number}'").json()["value"][0]

    (mail,) = mailbox.wait_for(1)
    text = pdf_text(mail)

    assert sending.get(f"salesInvoices({invoice['id']})").json()["status"] == "Canceled"
    assert number in mail["Subject"]
    assert memo["number"] in text
    assert number in text, "the credit memo names the invoice that it corrects"
    assert call(sending, invoice["id"], "send").status_code == 204
    assert number in mailbox.wait_for(2)[1]["Subject"]


def test_a_credit_memo_is_posted_and_sent(sending: Books, mailbox: Mailbox) -> None:
    body = {
        "customerNumber": "10400",
        "email": "ap@alpin.example",
        "salesCreditMemoLines": [{"lineType": "Comment", "description": "Sorry"}],
    }
    memo = sending.post("salesCreditMemos", body).json()
    item = sending.get("items?$top=1").json()["value"][0]
    line = {"lineType": "Item", "lineObjectNumber": item["number"], "quantity": 1, "unitPrice": 10}
    assert sending.post(f"salesCreditMemos({memo['id']})/salesCreditMemoLines", line).status_code == 201
    assert call(sending, memo["id"], "postAndSend", "salesCreditMemos").status_code == 204
    posted = sending.get(f"salesCreditMemos({memo['id']})").json()

    text = pdf_text(mailbox.wait_for(1)[0])

    assert posted["status"] != "Draft"
    assert posted["number"] in text
    assert "Sorry" in text


def test_a_mail_server_that_is_busy_gets_it_later(sending: Books, mailbox: Mailbox) -> None:
    mailbox.answers.append("451 try later")
    invoice = new_invoice(sending)
    call(sending, invoice["id"], "send")

    assert invoice["number"] in mailbox.wait_for(1)[0]["Subject"]


def mails(books: Books, *args: str) -> Any:
    """What `debitor mail ...` prints, for the books of a running server."""
    flags = [*books.server.books, "--json"]
    result = CliRunner(env={"DEBITOR_CONFIG": None}).invoke(main, ["mail", *args, *flags])
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_a_mail_refused_for_good_waits_for_people(sending: Books, mailbox: Mailbox) -> None:
    """It is not tried again by itself; `debitor mail` shows it, and tries again when it is told to."""
    mailbox.answers.append("550 no such user")
    refused, taken = new_invoice(sending), new_invoice(sending)
    call(sending, refused["id"], "send")
    end = time.monotonic() + 20
    while not (failed := mails(sending, "list", "--state", "failed")) and time.monotonic() < end:
        time.sleep(0.1)
    call(sending, taken["id"], "send")

    assert taken["number"] in mailbox.wait_for(1)[0]["Subject"]
    assert [(m["document"], m["attempts"]) for m in failed] == [(refused["id"], 1)]
    assert "no such user" in failed[0]["failure"]

    assert mails(sending, "retry", failed[0]["id"])["state"] == "waiting"
    assert refused["number"] in mailbox.wait_for(2)[1]["Subject"]


def test_what_waits_survives_a_restart(tmp_path: Path, mailbox: Mailbox) -> None:
    mailbox.answers.extend(["451 try later"] * 1000)
    first = serve(tmp_path, mailbox)
    books = books_of(first)
    invoice = new_invoice(books)
    assert call(books, invoice["id"], "send").status_code == 204
    books.session.close()
    first.stop(signal.SIGKILL)
    mailbox.answers.clear()
    second = serve(tmp_path, mailbox)

    assert invoice["number"] in mailbox.wait_for(1)[0]["Subject"]
    assert second.stop() == 0


def test_without_an_address_nothing_is_posted_or_sent(sending: Books, mailbox: Mailbox) -> None:
    invoice = new_invoice(sending, email="")
    customer = sending.get("customers?$filter=number eq '10400'").json()["value"][0]
    assert sending.patch(f"customers({customer['id']})", {"email": ""}).status_code == 200

    answer = call(sending, invoice["id"], "postAndSend")

    assert answer.status_code == 400
    assert answer.json()["error"]["code"] == "Application_DialogException"
    assert "email" in answer.json()["error"]["message"]
    assert sending.get(f"salesInvoices({invoice['id']})").json()["status"] == "Draft"


def test_a_draft_without_lines_is_not_sent(sending: Books) -> None:
    empty = sending.post("salesInvoices", {"customerNumber": "10400", "email": "a@b.example"}).json()
    answer = call(sending, empty["id"], "send")

    assert answer.status_code == 400
    assert "no lines" in answer.json()["error"]["message"]


def test_a_server_without_mail_says_which_setting(books: Books) -> None:
    invoice = new_invoice(books)
    answer = call(books, invoice["id"], "postAndSend")

    assert answer.status_code == 400
    assert "smtp_url" in answer.json()["error"]["message"]
    assert books.get(f"salesInvoices({invoice['id']})").json()["status"] == "Draft"
