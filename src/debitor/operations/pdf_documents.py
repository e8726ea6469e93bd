"""The PDF of a sales document or of a customer's statement, as an entity with a stream."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any

from debitor.documents.model import SalesDocument, Statement
from debitor.documents.words import Words
from debitor.ledger.records import Customer
from debitor.ledger.records import SalesDocument as Header
from debitor.ledger.sales_documents import CREDIT_MEMO, INVOICE, kind_of
from debitor.operations.document_types import AttachmentParentType
from debitor.operations.documents import draw, sales_document, statement
from debitor.operations.master_records import Contact
from debitor.operations.sales_values import lines_of
from debitor.schema import BLANK_GUID, Act, Media, Refused, Row

NO_PARENT = (
    "You must specify the parent of the PDF: open pdfDocument from a document or a contact, or filter by parentId "
    "and parentType."
)

_PARENT_TYPES = (
    (INVOICE, AttachmentParentType.SALES_INVOICE),
    (CREDIT_MEMO, AttachmentParentType.SALES_CREDIT_MEMO),
)


def rows(act: Act, keys: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the PDF of each parent that the address or the filter names."""
    named = keys.get("parentId", keys.get("id"))
    wanted = keys.get("parentType")
    if named is None:
        raise Refused("Application_DialogException", NO_PARENT)
    if wanted is None:
        raise Refused("Application_DialogException", "You must specify the parentType of the PDF, in $filter.")
    ids: Iterable[str] = [named] if isinstance(named, str) else named
    found = []
    for id in ids:
        owner = _owner(act, id)
        if owner is not None and owner[0] == wanted:
            found.append({"id": id, "parentId": id, "parentType": wanted, "version": owner[1].version})
    return found


def _owner(act: Act, id: str) -> tuple[AttachmentParentType, Row] | None:
    """Return what a PDF can be made of: a sales document, or a contact that belongs to a customer."""
    for kind, parent_type in _PARENT_TYPES:
        header = act.tx.get(kind.document, id)
        if header is not None:
            return parent_type, header
    contact = act.tx.get(Contact, id)
    if contact is not None and contact.customer_id != BLANK_GUID:
        return AttachmentParentType.CUSTOMER_STATEMENT, contact
    return None


def document_of(act: Act, id: str) -> SalesDocument | Statement | None:
    """Return what the PDF with this id shows, or None when there is none.

    Raises:
        Refused: Business Central prints no draft of a credit memo, and strict mode does as it does.
    """
    owner = _owner(act, id)
    if owner is None:
        return None
    row = owner[1]
    if isinstance(row, Contact):
        customer = act.tx.get(Customer, row.customer_id)
        return None if customer is None else statement(act.tx, customer, act.today)
    assert isinstance(row, Header), row
    kind = kind_of(row)
    if act.strict and kind is CREDIT_MEMO and not row.posted:
        raise Refused(
            "Application_DialogException", f"Credit memo {row.number} has no PDF before it is posted. Post it first."
        )
    return sales_document(act.tx, row, lines_of(act.tx, kind, id))


def content(act: Act, id: str) -> Media | None:
    """Return the PDF itself; it is drawn beside the event loop, because that takes some milliseconds a page."""
    document = document_of(act, id)
    if document is None:
        return None
    return Media(content_type="application/pdf", file_name=file_name_of(document), made=partial(draw, document))


def file_name_of(document: SalesDocument | Statement) -> str:
    """Return the name to save a PDF under: `Invoice-103001.pdf`."""
    words = Words(document.language)
    if isinstance(document, Statement):
        told = f"{words.text('statement')} {document.customer_number} {document.end.isoformat()}"
    else:
        told = f"{words.text(document.kind)} {document.number}"
    return re.sub(r"[^\w.-]+", "-", told) + ".pdf"
