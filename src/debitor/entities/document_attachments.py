"""documentAttachments: files beside a customer, an item or a sales document.

Source: BCApps APIV2DocumentAttachments.Page.al.
"""

from debitor.operations import attachments
from debitor.operations.attachments import Attachment
from debitor.operations.document_types import AttachmentParentType
from debitor.schema import BOOL, DATETIME, GUID, INT32, STREAM, EntitySet, Navigation, Property, enum, text

_PARENTS = (
    ("item", "items"),
    ("customer", "customers"),
    ("vendor", "vendors"),
    ("salesInvoice", "salesInvoices"),
    ("employee", "employees"),
    ("salesOrder", "salesOrders"),
    ("salesQuote", "salesQuotes"),
    ("salesCreditMemo", "salesCreditMemos"),
    ("purchaseInvoice", "purchaseInvoices"),
    ("project", "projects"),
    ("purchaseOrder", "purchaseOrders"),
    ("purchaseCreditMemo", "purchaseCreditMemos"),
)

DOCUMENT_ATTACHMENTS = EntitySet(
    name="documentAttachments",
    entity="documentAttachment",
    record=Attachment,
    where={"document": True},
    order=("id",),
    properties=(
        Property("id", GUID, "id", editable=False, nullable=False),
        Property("fileName", text(250), "file_name"),
        Property("byteSize", INT32, "byte_size", editable=False),
        Property("attachmentContent", STREAM),
        Property("parentType", enum(AttachmentParentType), "parent_type"),
        Property("parentId", GUID, "parent_id", nullable=False),
        Property("lineNumber", INT32, "line_number"),
        Property("documentFlowSales", BOOL, "flow_sales"),
        Property("documentFlowPurchase", BOOL, "flow_purchase"),
        Property("lastModifiedDateTime", DATETIME, "modified_at", editable=False),
    ),
    navigations=tuple(
        Navigation(name, target, many=False, on=(("parentId", "id"),), kind="partner", partner="documentAttachments")
        for name, target in _PARENTS
    ),
    create=attachments.create_document_attachment,
    change=attachments.change,
    remove=attachments.remove,
    media={"attachmentContent": attachments.content},
    take_media={"attachmentContent": attachments.take_content},
)
