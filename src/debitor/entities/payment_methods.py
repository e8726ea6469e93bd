"""paymentMethods: how customers pay. Source: BCApps APIV2PaymentMethods.Page.al."""

from debitor.entities.master import Use, editable
from debitor.ledger.records import (
    Customer,
    CustomerLedgerEntry,
    JournalLine,
    PaymentMethod,
    SalesCreditMemo,
    SalesInvoice,
)
from debitor.schema import DATETIME, GUID, EntitySet, Property, code, text

PAYMENT_METHODS = editable(
    EntitySet(
        name="paymentMethods",
        entity="paymentMethod",
        record=PaymentMethod,
        order=("code",),
        properties=(
            Property("id", GUID, "id", editable=False, nullable=False),
            Property("code", code(10), "code", nullable=False),
            Property("displayName", text(100), "description"),
            Property("lastModifiedDateTime", DATETIME, "modified_at", editable=False),
        ),
    ),
    required=("code",),
    uses=(
        Use(Customer, "payment_method_id", "customers"),
        Use(SalesInvoice, "payment_method_id", "sales invoices"),
        Use(SalesCreditMemo, "payment_method_id", "sales credit memos"),
        Use(JournalLine, "payment_method_id", "open journal lines"),
        Use(CustomerLedgerEntry, "payment_method_id", "ledger entries", where={"open": True}),
    ),
)
