"""Documents sent to customers by mail: the act puts a mail into the outbox, `debitor.postman` delivers it.

A mail stands in the same transaction as what it tells about: no invoice is posted "and sent" without its mail, and no
mail goes out for a posting that was refused. Its PDF is drawn at delivery, from the document as it is then.
Source of the rules: BCApps APIV2SalesInvoices.Page.al, actions Send, PostAndSend, CancelAndSend.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated

from debitor.documents.model import SalesDocument
from debitor.documents.words import Words
from debitor.ledger.records import Customer, InvoiceStatus, LineType
from debitor.ledger.records import SalesDocument as Header
from debitor.ledger.sales_documents import CREDIT_MEMO, INVOICE, Kind, kind_of
from debitor.operations.corrections import cancel_document
from debitor.operations.documents import sales_document
from debitor.operations.pdf_documents import file_name_of
from debitor.operations.sales_posting import post_document
from debitor.operations.sales_values import document_of, lines_of
from debitor.schema import (
    Act,
    BigInt,
    Draft,
    Flag,
    Guid,
    Int,
    Refused,
    Row,
    Text10,
    Text30,
    Text80,
    Text250,
    Timestamp,
    record,
    text,
)
from debitor.store import Reader, Transaction

WAITING, SENT, FAILED = "waiting", "sent", "failed"


@record("outgoing_mail", by_company=False, tracked=False, indexes=(("state", "next_attempt"),))
class OutgoingMail(Row, frozen=True):
    """A mail to a customer about a sales document.

    `kind` is the document's noun (`invoice`). `cancels`: the document cancels another, and the mail says so. `state`
    is waiting, sent or failed; `failure` says why it is not sent yet.
    """

    company_key: BigInt
    kind: Text30
    document_id: Guid
    cancels: Flag = False
    recipient: Text80 = ""
    state: Text10 = WAITING
    attempts: Int = 0
    next_attempt: Timestamp = "0001-01-01T00:00:00.000Z"
    created_at: Timestamp = "0001-01-01T00:00:00.000Z"
    failure: Annotated[str, text(250)] = ""
    requested_by: Text250 = ""


@dataclass(frozen=True, slots=True)
class Letter:
    """A mail as it is sent: texts in the customer's language, and the document."""

    subject: str
    text: str
    file_name: str
    document: SalesDocument


def refuse(message: str) -> Refused:
    """Return a business rule's no."""
    return Refused("Application_DialogException", message)


def mail_address(act: Act, header: Header) -> str:
    """Return where a document goes: its own address, else that of the customer who is billed.

    Raises:
        Refused: this server sends no mail, or nobody knows an address.
    """
    if not act.values["mails"]:
        raise refuse("This server sends no mail. Set smtp_url and mail_from, then send the document again.")
    customer = act.tx.get(Customer, header.bill_to_customer_id)
    found = header.email or (customer.email if customer else "")
    # Business Central allows several addresses, separated by semicolons; all of them get the one mail.
    if not found:
        raise refuse(
            f"Customer {header.bill_to_customer_number} has no email. Fill in email of document or customer."
        )
    if not all(re.fullmatch(r"[^\s@<>,;]+@[^\s@<>,;]+", part.strip()) for part in found.split(";")):
        raise refuse(f"email '{found}' of document {header.number} is no mail address. Correct it, then send again.")
    return str(found)


def check_sendable(tx: Reader, header: Header) -> None:
    """Refuse a draft without a line that charges something."""
    if header.posted:
        return
    lines = [line for line in lines_of(tx, kind_of(header), header.id) if line.line_type != LineType.COMMENT]
    if not lines:
        raise refuse(f"Document {header.number} has no lines to send. Add a line first.")
    empty = next((line for line in lines if not line.quantity), None)
    if empty is not None:
        raise refuse(f"Line {empty.sequence} of document {header.number} has no quantity. Fill in quantity first.")


def enqueue(act: Act, header: Header, recipient: str, *, cancels: bool = False) -> None:
    """Put a mail about a document into the outbox."""
    tx: Transaction = act.tx
    tx.insert(
        OutgoingMail(
            company_key=tx.company,
            kind=kind_of(header).noun,
            document_id=header.id,
            cancels=cancels,
            recipient=recipient,
            next_attempt=tx.now,
            created_at=tx.now,
            requested_by=act.user,
        )
    )


def send(kind: Kind, act: Act, id: str, body: Draft) -> None:
    """The action `send`: a draft goes out as a draft, a posted document as it is.

    Of a cancelled document the customer gets the one that cancels it.
    """
    header = document_of(act.tx, kind, id)
    recipient = mail_address(act, header)
    check_sendable(act.tx, header)
    cancelling = None
    if header.status == InvoiceStatus.CANCELED:
        other = CREDIT_MEMO if kind is INVOICE else INVOICE
        cancelling = act.tx.find(other.document, applies_to_document_id=id, status=InvoiceStatus.CORRECTIVE)
    enqueue(act, cancelling or header, recipient, cancels=cancelling is not None)


def post_and_send(kind: Kind, act: Act, id: str, body: Draft) -> None:
    """The action `postAndSend`. Nothing is posted when it cannot be sent."""
    recipient = mail_address(act, document_of(act.tx, kind, id))
    enqueue(act, post_document(kind, act.tx, id, user=act.user), recipient)


def cancel_and_send(kind: Kind, act: Act, id: str, body: Draft) -> None:
    """The action `cancelAndSend`: the customer gets what cancels the document; no mail, no cancelling."""
    recipient = mail_address(act, document_of(act.tx, kind, id))
    enqueue(act, cancel_document(kind, act, id), recipient, cancels=True)


_KINDS = {kind.noun: kind for kind in (INVOICE, CREDIT_MEMO)}


def letter_of(tx: Reader, mail: OutgoingMail) -> Letter | None:
    """Return what a mail says, or None when its document is gone."""
    kind = _KINDS[mail.kind]
    header = tx.get(kind.document, mail.document_id)
    if header is None:
        return None
    shown = sales_document(tx, header, lines_of(tx, kind, header.id))
    words = Words(shown.language)
    name: str = shown.kind
    number, told = header.number, "mail"
    if mail.cancels:
        name, number, told = _CANCELLED[shown.kind], header.applies_to_document_number, "cancelled"
    values = {"document": words.text(name), "number": number, "sender": shown.sender.name}
    return Letter(
        subject=words.text(f"{told}_subject", **values),
        text=words.text(f"{told}_text", **values),
        file_name=file_name_of(shown),
        document=shown,
    )


_CANCELLED = {"credit_memo": "invoice", "invoice": "credit_memo"}
"""Kind of the document that cancels -> kind of the one that is cancelled."""


def retry(root: Transaction, id: str) -> OutgoingMail:
    """Have a mail tried again at once. Raises Refused when there is none, or it is sent already."""
    mail = root.get(OutgoingMail, id)
    if mail is None:
        raise refuse(f"There is no mail {id}; `debitor mail list` shows those that there are.")
    if mail.state == SENT:
        raise refuse(f"The mail {id} is sent already. Send the document again instead.")
    return root.update(mail, state=WAITING, attempts=0, created_at=root.now, next_attempt=root.now)
