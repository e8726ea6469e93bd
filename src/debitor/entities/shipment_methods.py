"""shipmentMethods: how goods are delivered. Source: BCApps APIV2ShipmentMethods.Page.al."""

from __future__ import annotations

from debitor.entities.master import Use, editable
from debitor.ledger.records import Customer, SalesInvoice
from debitor.schema import DATETIME, GUID, Code10, EntitySet, Property, Row, Text100, code, record, text


@record("shipment_method", unique=(("code",),))
class ShipmentMethod(Row, frozen=True):
    """A way of delivery, such as EXW."""

    code: Code10
    description: Text100 = ""


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
    ),
)
