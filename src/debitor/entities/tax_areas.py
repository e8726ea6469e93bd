"""taxAreas: where customers are, for tax. Source: BCApps APIV2TaxAreas.Page.al."""

from debitor.entities.master import Use, editable
from debitor.ledger.records import Customer, TaxType
from debitor.operations.master_records import TaxArea
from debitor.schema import DATETIME, GUID, Constant, EntitySet, Property, code, enum, text

TAX_AREAS = editable(
    EntitySet(
        name="taxAreas",
        entity="taxArea",
        record=TaxArea,
        order=("code",),
        properties=(
            Property("id", GUID, "id", editable=False, nullable=False),
            Property("code", code(20), "code", nullable=False),
            Property("displayName", text(100), "display_name"),
            Property("taxType", enum(TaxType), Constant(str(TaxType.VAT)), editable=False),
            Property("lastModifiedDateTime", DATETIME, "modified_at", editable=False),
        ),
    ),
    required=("code",),
    uses=(Use(Customer, "tax_area_id", "customers"),),
)
