"""Files attached to documents, journal lines, customers and items; two lists, as in Business Central.

`attachments` are incoming documents: files beside a sales document or a journal line, or of nothing yet.
`documentAttachments` are files beside a record: a customer, an item, a sales document, or a line of one.

A file goes with its owner: it stays when a document is posted, moves from a journal line to the general ledger entry
that posting made of it, and is deleted with its draft, its line, its customer or its item. Bytes are contents of the
store (store/contents.py), which forgets them some time after nothing names them.
Source: BCApps APIV2Attachments.Page.al, APIV2DocumentAttachments.Page.al, GraphMgtAttachmentBuffer.Codeunit.al.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from debitor.ledger.records import (
    AccountType,
    Customer,
    CustomerLedgerEntry,
    GeneralLedgerEntry,
    Item,
    JournalLine,
    SalesCreditMemo,
    SalesInvoice,
)
from debitor.operations.document_types import AttachmentParentType
from debitor.schema import (
    BLANK_GUID,
    Act,
    Changes,
    Draft,
    Flag,
    Guid,
    Int,
    Media,
    Refused,
    Row,
    Text100,
    Text250,
    record,
)
from debitor.store import Reader, Transaction
from debitor.store.contents import drop, read

DEFAULT_NAME = "filename.txt"
"""What Business Central calls a file without a usable name."""
NO_PARENT = "You must specify whose attachments: open them from their owner, or filter by parentId."

_BAD_NAME = re.compile(r'[\x00-\x1f<>:"/\\|?*]')
_OWNERS: dict[str, tuple[type[Row], ...]] = {
    AttachmentParentType.SALES_INVOICE: (SalesInvoice,),
    AttachmentParentType.SALES_CREDIT_MEMO: (SalesCreditMemo,),
    AttachmentParentType.JOURNAL: (JournalLine, GeneralLedgerEntry),
    AttachmentParentType.CUSTOMER: (Customer,),
    AttachmentParentType.ITEM: (Item,),
}
_TYPES: dict[str, AttachmentParentType] = {member.value: member for member in AttachmentParentType}
_RECORDS = frozenset({
    AttachmentParentType.CUSTOMER, AttachmentParentType.ITEM, AttachmentParentType.VENDOR,
    AttachmentParentType.EMPLOYEE, AttachmentParentType.JOB,
})  # fmt: skip
"""Owners that only have document attachments."""


@record("attachment", indexes=(("parent_id", "line_number"),))
class Attachment(Row, frozen=True):
    """A file. `document`: a document attachment, else an incoming document. Blank `content_id`: no bytes yet."""

    parent_type: AttachmentParentType = AttachmentParentType.BLANK
    parent_id: Guid = BLANK_GUID
    line_number: Int = 0
    file_name: Text250 = DEFAULT_NAME
    byte_size: Int = 0
    content_id: Guid = BLANK_GUID
    content_type: Text100 = ""
    document: Flag = False
    flow_sales: Flag = False
    flow_purchase: Flag = False


def refuse(message: str) -> Refused:
    """Return a business rule's no."""
    return Refused("Application_DialogException", message)


def _owner(act: Act, draft: Draft, *, document: bool) -> tuple[AttachmentParentType, str]:
    """Return what a new file belongs to, from address or body.

    Raises:
        Refused: a kind of owner that this list does not have, or an owner that does not exist.
    """
    said = {**draft, **{n: v for n, v in act.parent.items() if n in ("parentId", "parentType")}}
    for name in ("parentId", "parentType"):
        if name in draft and draft[name] != said[name]:
            raise refuse(
                f"{name} {draft[name]} of the body is not {said[name]}, which the address says; leave it out."
            )
    id = str(said.get("parentId", BLANK_GUID))
    kind = _TYPES[said.get("parentType", AttachmentParentType.BLANK)]
    if not document and kind in _RECORDS:
        raise refuse(f"parentType {kind.label} is not supported here. Use documentAttachments instead.")
    if id == BLANK_GUID:
        if document:
            raise Refused("BadRequest_RequiredParamNotProvided", "Field 'parentId' must not be blank or empty.")
        return AttachmentParentType.BLANK, id
    found = _kind_of(act.tx, id, kind)
    if found is None:
        raise refuse(f"parentId {id} does not name a {kind.label.strip() or 'document'}; take it from the API.")
    if document and found == AttachmentParentType.JOURNAL:
        raise refuse("parentType Journal is not supported here. Use attachments instead.")
    return found, id


def _kind_of(tx: Reader, id: str, kind: AttachmentParentType) -> AttachmentParentType | None:
    """Return the kind of an owner that exists; a blank kind is found out."""
    kinds = _OWNERS if kind == AttachmentParentType.BLANK else {kind: _OWNERS.get(kind, ())}
    for each, owners in kinds.items():
        if any(tx.get(owner, id) is not None for owner in owners):
            return _TYPES[each]
    return None


def _name(draft: Draft) -> str:
    name = str(draft.get("fileName", "")).strip()
    return DEFAULT_NAME if not name or name.strip(".") == "" or _BAD_NAME.search(name) else name


def _create(act: Act, draft: Draft, *, document: bool) -> str:
    kind, id = _owner(act, draft, document=document)
    row = Attachment(
        parent_type=kind,
        parent_id=id,
        line_number=draft.get("lineNumber", 0),
        file_name=_name(draft),
        document=document,
        flow_sales=draft.get("documentFlowSales", False),
        flow_purchase=draft.get("documentFlowPurchase", False),
    )
    return str(act.tx.insert(row).id)


def create_attachment(act: Act, draft: Draft) -> str:
    """Add an incoming document. Raises Refused; see `_owner`."""
    return _create(act, draft, document=False)


def create_document_attachment(act: Act, draft: Draft) -> str:
    """Add a document attachment. Raises Refused; see `_owner`."""
    return _create(act, draft, document=True)


_CHANGED = {
    "fileName": "file_name",
    "lineNumber": "line_number",
    "documentFlowSales": "flow_sales",
    "documentFlowPurchase": "flow_purchase",
}


def change(act: Act, id: str, draft: Draft) -> str:
    """Rename a file, or change what it flows to. The size follows from the content; a sent one is ignored.

    Document attachments may move to another owner; incoming documents stay where they are.

    Raises:
        Refused: another owner of an incoming document, or one that does not exist.
    """
    row = attachment_of(act.tx, id)
    columns = {column: draft[name] for name, column in _CHANGED.items() if name in draft}
    kept = {"parentId": row.parent_id, "parentType": row.parent_type}
    moved = [name for name, value in kept.items() if name in draft and draft[name] != value]
    if moved and not row.document:
        raise refuse(f"{moved[0]} of an attachment is fixed. Delete the file and attach it where it belongs.")
    if moved:
        wanted = {name: draft.get(name, AttachmentParentType.BLANK) for name in kept}
        kind, owner = _owner(act, {**wanted, "parentId": draft.get("parentId", row.parent_id)}, document=True)
        columns |= {"parent_type": kind, "parent_id": owner}
    if "fileName" in draft:
        columns["file_name"] = _name(draft)
    return str(act.tx.update(row, **columns).id)


def remove(act: Act, id: str) -> None:
    """Delete a file."""
    _delete(act.tx, [attachment_of(act.tx, id)])


def attachment_of(tx: Reader, id: str) -> Attachment:
    """Return a file by id. Raises Refused."""
    row = tx.get(Attachment, id)
    if row is None:
        raise Refused("BadRequest_ResourceNotFound", "Resource not found for the segment 'attachments'.")
    return row


def _delete(tx: Transaction, rows: Sequence[Attachment]) -> None:
    drop(tx, [row.content_id for row in rows])
    for row in rows:
        tx.delete(row)


# --------------------------------------------------------------------------- contents


def content(act: Act, id: str) -> Media | None:
    """Return the bytes of a file, or None while it has none."""
    row = attachment_of(act.tx, id)
    if row.content_id == BLANK_GUID:
        return None
    kind = row.content_type or "application/octet-stream"
    return Media(read(act.tx, row.content_id), row.byte_size, kind, row.file_name)


def take_content(act: Act, id: str, media: Media) -> None:
    """Give a file its bytes, which the store has already."""
    row = attachment_of(act.tx, id)
    drop(act.tx, [row.content_id])
    act.tx.update(row, content_id=media.kept, byte_size=media.size, content_type=media.content_type[:100])


# --------------------------------------------------------------------------- the life of owners


def remove_of(tx: Transaction, owners: Sequence[str]) -> None:
    """Delete the files of owners that are deleted."""
    if owners:
        _delete(tx, tx.all(Attachment, parent_id=list(owners)))


def follow_posting(tx: Transaction, lines: Iterable[JournalLine], changes: Changes) -> None:
    """Move the files of posted journal lines to the general ledger entries that their accounts got.

    A line for a customer leads to its receivables entry, one for a bank account to the bank's, one for a G/L account
    to that account's entry: the first of the line's own document, else the first of its account.
    """
    by_id = {line.id: line for line in lines}
    if not by_id:
        return
    files = tx.all(Attachment, parent_id=list(by_id))
    if not files:
        return
    entries = [row for row in changes.insert if isinstance(row, GeneralLedgerEntry)]
    customers = {row.source_id: row.entry_number for row in changes.insert if isinstance(row, CustomerLedgerEntry)}
    for file in files:
        line = by_id[file.parent_id]
        number = customers.get(line.id) or _entry_number(line, entries)
        entry = tx.find(GeneralLedgerEntry, entry_number=number)
        if entry is not None:
            tx.update(file, parent_id=entry.id)


def _entry_number(line: JournalLine, entries: Sequence[GeneralLedgerEntry]) -> int:
    kind = line.account_type
    mine = [
        entry.entry_number
        for entry in entries
        if entry.posting_date == line.posting_date
        and (
            entry.source_number == line.account_number and entry.source_type == kind
            if kind != AccountType.GL_ACCOUNT
            else entry.account_number == line.account_number
        )
    ]
    exact = [e.entry_number for e in entries if e.entry_number in mine and e.document_number == line.document_number]
    return next(iter(exact or mine), entries[0].entry_number if entries else 0)
