"""dimensionValues: the values of dimensions, read only. Source: BCApps APIV2DimensionValuesEntity.Page.al."""

from debitor.ledger.records import Dimension, DimensionValue
from debitor.schema import DATETIME, GUID, EntitySet, Lookup, Navigation, Property, code, text

DIMENSION_VALUES = EntitySet(
    name="dimensionValues",
    entity="dimensionValue",
    record=DimensionValue,
    lookups={"dimension": Lookup(Dimension, via="dimension_code", by="code")},
    order=("dimensionId", "code"),
    properties=(
        Property("id", GUID, "id", editable=False, nullable=False),
        Property("code", code(20), "code", editable=False, nullable=False),
        Property("dimensionId", GUID, "dimension.id", editable=False),
        Property("displayName", text(50), "name", editable=False),
        Property("consolidationCode", code(20), "consolidation_code", editable=False),
        Property("lastModifiedDateTime", DATETIME, "modified_at", editable=False),
    ),
    navigations=(
        Navigation(
            "dimension",
            "dimensions",
            many=False,
            on=(("dimensionId", "id"),),
            kind="partner",
            partner="dimensionValues",
        ),
    ),
)
