"""generalProductPostingGroups: which account sales go to, read only. Source: BCApps APIV2GenProdPostGroup.Page.al."""

from debitor.ledger.records import GeneralProductPostingGroup
from debitor.schema import BOOL, DATETIME, GUID, EntitySet, Property, code, text

GENERAL_PRODUCT_POSTING_GROUPS = EntitySet(
    name="generalProductPostingGroups",
    entity="generalProductPostingGroup",
    record=GeneralProductPostingGroup,
    order=("code",),
    properties=(
        Property("id", GUID, "id", editable=False, nullable=False),
        Property("code", code(20), "code", editable=False, nullable=False),
        Property("description", text(100), "description", editable=False),
        Property("defaultVATProductPostingGroup", code(20), "default_tax_group", editable=False),
        Property("autoInsertDefault", BOOL, "auto_insert_default", editable=False),
        Property("lastModifiedDateTime", DATETIME, "modified_at", editable=False),
    ),
)
