"""dimensions: the ways to classify entries, read only. Source: BCApps APIV2Dimensions.Page.al."""

from debitor.ledger.records import Dimension
from debitor.schema import DATETIME, GUID, EntitySet, Navigation, Property, code, text

DIMENSIONS = EntitySet(
    name="dimensions",
    entity="dimension",
    record=Dimension,
    order=("code",),
    properties=(
        Property("id", GUID, "id", editable=False, nullable=False),
        Property("code", code(20), "code", editable=False, nullable=False),
        Property("displayName", text(30), "name", editable=False),
        Property("consolidationCode", code(20), "consolidation_code", editable=False),
        Property("lastModifiedDateTime", DATETIME, "modified_at", editable=False),
    ),
    navigations=(
        Navigation(
            "dimensionValues",
            "dimensionValues",
            many=True,
            on=(("id", "dimensionId"),),
            kind="part",
            partner="dimension",
        ),
    ),
)
