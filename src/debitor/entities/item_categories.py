"""itemCategories: groups of items. Source: BCApps APIV2ItemCategories.Page.al."""

from debitor.entities.master import Use, editable
from debitor.ledger.records import Item
from debitor.operations.master_records import ItemCategory
from debitor.schema import DATETIME, GUID, EntitySet, Property, code, text

ITEM_CATEGORIES = editable(
    EntitySet(
        name="itemCategories",
        entity="itemCategory",
        record=ItemCategory,
        order=("code",),
        properties=(
            Property("id", GUID, "id", editable=False, nullable=False),
            Property("code", code(20), "code", nullable=False),
            Property("displayName", text(100), "display_name"),
            Property("lastModifiedDateTime", DATETIME, "modified_at", editable=False),
        ),
    ),
    required=("code",),
    uses=(Use(Item, "item_category_id", "items"),),
)
