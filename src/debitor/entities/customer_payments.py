"""customerPayments: the open lines of payment journals that pay a customer's invoice.

A line is visible here only while all of these hold: document type Payment, account type Customer, applies-to type
Invoice, and its journal belongs to the company's payment template.
Source: BCApps APIV2CustomerPayments.Page.al. `contactId` was a property of v1.0 that the documentation still shows:
documented mode stores and returns it, once it is set.
"""

from debitor.ledger.journal import PAYMENT_FIELDS
from debitor.ledger.records import Customer, JournalBatch, JournalLine
from debitor.operations import payments
from debitor.schema import (
    DATE,
    DATETIME,
    DECIMAL,
    GUID,
    INT32,
    Context,
    EntitySet,
    Lookup,
    Navigation,
    Property,
    code,
    text,
)

CUSTOMER_PAYMENTS = EntitySet(
    name="customerPayments",
    entity="customerPayment",
    aliases=("customerPayment",),
    client_ids=True,
    record=JournalLine,
    lookups={"journal": Lookup(JournalBatch, via="journal_id"), "customer": Lookup(Customer, via="account_id")},
    where={**PAYMENT_FIELDS, "journal.template_name": Context("payment_template")},
    order=("journalDisplayName", "lineNumber"),
    guard=("journalId", "id"),
    guard_message=payments.NO_JOURNAL,
    properties=(
        Property("id", GUID, "id", editable=False, nullable=False),
        Property("journalId", GUID, "journal_id"),
        Property("journalDisplayName", code(10), "journal.name"),
        Property("lineNumber", INT32, "line_number"),
        Property("customerId", GUID, "account_id"),
        Property("customerNumber", code(20), "account_number"),
        Property("contactId", text(100), "contact_id", hidden=True),
        Property("postingDate", DATE, "posting_date"),
        Property("documentNumber", code(20), "document_number"),
        Property("externalDocumentNumber", code(35), "external_document_number"),
        Property("amount", DECIMAL, "amount"),
        Property("appliesToInvoiceId", GUID, "applies_to_invoice_id"),
        Property("appliesToInvoiceNumber", code(None), "applies_to_document_number", limit=20),
        Property("description", text(100), "description"),
        Property("comment", text(250), "comment"),
        Property("lastModifiedDateTime", DATETIME, "modified_at", editable=False),
    ),
    navigations=(
        Navigation(
            "customerPaymentJournal",
            "customerPaymentJournals",
            many=False,
            on=(("journalId", "id"),),
            kind="partner",
            partner="customerPayments",
        ),
        Navigation("customer", "customers", many=False, on=(("customerId", "id"),)),
        Navigation(
            "dimensionSetLines",
            "dimensionSetLines",
            many=True,
            on=(("id", "parentId"),),
            kind="part",
            partner="customerPayment",
            constant={"parentType": "Journal_x0020_Line"},
            deep=True,
        ),
    ),
    create=payments.create_payment,
    change=payments.change_payment,
    remove=payments.remove_payment,
)
