"""unitsOfMeasure: what quantities count. Source: BCApps APIV2UnitsOfMeasure.Page.al."""

from debitor.entities.master import Use, editable
from debitor.ledger.records import Item, SalesCreditMemoLine, SalesInvoiceLine
from debitor.operations.master_records import UnitOfMeasure
from debitor.schema import DATETIME, GUID, EntitySet, Property, code, text

UNITS_OF_MEASURE = editable(
    EntitySet(
        name="unitsOfMeasure",
        entity="unitOfMeasure",
        record=UnitOfMeasure,
        order=("code",),
        properties=(
            Property("id", GUID, "id", editable=False, nullable=False),
            Property("code", code(10), "code", nullable=False),
            Property("displayName", text(50), "display_name"),
            Property("internationalStandardCode", code(10), "international_standard_code"),
            Property("symbol", text(10), "symbol"),
            Property("lastModifiedDateTime", DATETIME, "modified_at", editable=False),
        ),
    ),
    required=("code",),
    uses=(
        Use(Item, "base_unit_of_measure_code", "items", by="code"),
        Use(SalesInvoiceLine, "unit_of_measure_code", "sales invoice lines", by="code"),
        Use(SalesCreditMemoLine, "unit_of_measure_code", "sales credit memo lines", by="code"),
    ),
)
