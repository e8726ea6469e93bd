"""shipmentMethods: how goods are delivered. Source: BCApps APIV2ShipmentMethods.Page.al."""

from debitor.entities.master import Use, editable
from debitor.ledger.records import Customer, SalesCreditMemo, SalesInvoice
from debitor.operations.master_records import ShipmentMethod
from debitor.schema import DATETIME, GUID, EntitySet, Property, code, text

SHIPMENT_METHODS = editable(
    EntitySet(
        name="shipmentMethods",
        entity="shipmentMethod",
        record=ShipmentMethod,
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
        Use(Customer, "shipment_method_id", "customers"),
        Use(SalesInvoice, "shipment_method_id", "sales invoices"),
        Use(SalesCreditMemo, "shipment_method_id", "sales credit memos"),
    ),
)
