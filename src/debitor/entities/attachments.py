"""attachments: incoming documents, the files beside a sales document, a journal line or a general ledger entry.

Read them from their owner, or with a filter by parentId. Source: BCApps APIV2Attachments.Page.al.
"""

from debitor.operations import attachments
from debitor.operations.attachments import Attachment
from debitor.operations.document_types import AttachmentParentType
from debitor.schema import DATETIME, GUID, INT32, STREAM, EntitySet, Navigation, Property, enum, text

_PARENTS = (
    ("salesInvoice", "salesInvoices"),
    ("journalLine", "journalLines"),
    ("generalLedgerEntry", "generalLedgerEntries"),
    ("salesOrder", "salesOrders"),
    ("salesQuote", "salesQuotes"),
    ("salesCreditMemo", "salesCreditMemos"),
    ("purchaseInvoice", "purchaseInvoices"),
    ("purchaseOrder", "purchaseOrders"),
    ("purchaseCreditMemo", "purchaseCreditMemos"),
)

ATTACHMENTS = EntitySet(
    name="attachments",
    entity="attachment",
    record=Attachment,
    where={"document": False},
    order=("id",),
    guard=("parentId",),
    guard_message=attachments.NO_PARENT,
    properties=(
        Property("id", GUID, "id", editable=False, nullable=False),
        Property("parentId", GUID, "parent_id"),
        Property("fileName", text(250), "file_name"),
        Property("byteSize", INT32, "byte_size"),
        Property("attachmentContent", STREAM),
        Property("lastModifiedDateTime", DATETIME, "modified_at", editable=False),
        Property("parentType", enum(AttachmentParentType), "parent_type"),
    ),
    navigations=tuple(
        Navigation(name, target, many=False, on=(("parentId", "id"),), kind="partner", partner="attachments")
        for name, target in _PARENTS
    ),
    create=attachments.create_attachment,
    change=attachments.change,
    remove=attachments.remove,
    media={"attachmentContent": attachments.content},
    take_media={"attachmentContent": attachments.take_content},
)
