"""What an attachment or a PDF belongs to."""

from debitor.schema import WireEnum


class AttachmentParentType(WireEnum):
    """The kind of the owner; the numbers are Business Central's. debitor keeps customers, items and sales papers."""

    __edm__ = "attachmentEntityBufferDocumentType"
    BLANK = (0, " ")
    JOURNAL = (1, "Journal")
    SALES_ORDER = (2, "Sales Order")
    SALES_QUOTE = (3, "Sales Quote")
    SALES_CREDIT_MEMO = (4, "Sales Credit Memo")
    SALES_INVOICE = (5, "Sales Invoice")
    PURCHASE_INVOICE = (6, "Purchase Invoice")
    PURCHASE_ORDER = (7, "Purchase Order")
    EMPLOYEE = (9, "Employee")
    JOB = (10, "Job")
    ITEM = (11, "Item")
    CUSTOMER = (12, "Customer")
    VENDOR = (13, "Vendor")
    PURCHASE_CREDIT_MEMO = (14, "Purchase Credit Memo")
    CUSTOMER_STATEMENT = (15, "Customer Statement")
