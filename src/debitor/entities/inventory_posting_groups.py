"""inventoryPostingGroups: groups of items in stock, read only. Source: BCApps APIV2InventoryPostGroup.Page.al."""

from debitor.operations.master_records import InventoryPostingGroup
from debitor.schema import DATETIME, GUID, EntitySet, Property, code, text

INVENTORY_POSTING_GROUPS = EntitySet(
    name="inventoryPostingGroups",
    entity="inventoryPostingGroup",
    record=InventoryPostingGroup,
    order=("code",),
    properties=(
        Property("id", GUID, "id", editable=False, nullable=False),
        Property("code", code(20), "code", editable=False, nullable=False),
        Property("description", text(100), "description", editable=False),
        Property("lastModifiedDateTime", DATETIME, "modified_at", editable=False),
    ),
)
