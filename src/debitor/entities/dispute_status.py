"""disputeStatus: where disputes over invoices stand. Source: BCApps APIV2DisputeStatus.Page.al."""

from debitor.entities.master import Use, editable
from debitor.ledger.records import SalesInvoice
from debitor.operations.master_records import DisputeStatus
from debitor.schema import GUID, EntitySet, Property, code, text

DISPUTE_STATUS = editable(
    EntitySet(
        name="disputeStatus",
        entity="disputeStatus",
        record=DisputeStatus,
        order=("code",),
        properties=(
            Property("id", GUID, "id", editable=False, nullable=False),
            Property("code", code(10), "code", nullable=False),
            Property("displayName", text(100), "description"),
        ),
    ),
    required=("code",),
    uses=(Use(SalesInvoice, "dispute_status", "sales invoices", by="code"),),
)
