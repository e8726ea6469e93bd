"""pdfDocument: a sales document, or a customer's statement, as PDF. Computed: it is drawn when its content is read.

Its id is that of the document; a statement has the id of the contact whose customer it is for. Source: BCApps
APIV2PDFDocument.Page.al.
"""

from debitor.ledger.records import SalesCreditMemo, SalesCreditMemoLine, SalesInvoice, SalesInvoiceLine
from debitor.operations import pdf_documents
from debitor.operations.document_types import AttachmentParentType
from debitor.operations.master_records import Contact
from debitor.schema import GUID, STREAM, EntitySet, Follow, Navigation, Property, enum

_PARENTS = (
    ("salesInvoice", "salesInvoices"),
    ("salesQuote", "salesQuotes"),
    ("salesCreditMemo", "salesCreditMemos"),
    ("purchaseInvoice", "purchaseInvoices"),
    ("purchaseCreditMemo", "purchaseCreditMemos"),
    ("customerContact", "customerContacts"),
)

PDF_DOCUMENT = EntitySet(
    name="pdfDocument",
    entity="pdfDocument",
    rows=pdf_documents.rows,
    properties=(
        Property("id", GUID, editable=False, nullable=False),
        Property("parentId", GUID, editable=False),
        Property("parentType", enum(AttachmentParentType), editable=False),
        Property("pdfDocumentContent", STREAM, editable=False),
    ),
    navigations=tuple(
        Navigation(name, target, many=False, on=(("parentId", "id"),), kind="partner", partner="pdfDocument")
        for name, target in _PARENTS
    ),
    follows=(
        Follow(SalesInvoice, "id"),
        Follow(SalesInvoiceLine, "document_id"),
        Follow(SalesCreditMemo, "id"),
        Follow(SalesCreditMemoLine, "document_id"),
        Follow(Contact, "id"),
    ),
    media={"pdfDocumentContent": pdf_documents.content},
)
