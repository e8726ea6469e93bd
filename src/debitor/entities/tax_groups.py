"""taxGroups: tax rates by name. Source: BCApps APIV2TaxGroups.Page.al.

The rate and the account of a group are set-up and not shown; a group made through the API has a rate of 0 percent.
"""

from debitor.entities.master import Use, editable
from debitor.ledger.records import (
    GeneralProductPostingGroup,
    Item,
    SalesCreditMemoLine,
    SalesInvoiceLine,
    TaxEntry,
    TaxGroup,
    TaxType,
)
from debitor.schema import DATETIME, GUID, EntitySet, Property, code, enum, text

TAX_GROUPS = editable(
    EntitySet(
        name="taxGroups",
        entity="taxGroup",
        record=TaxGroup,
        order=("code",),
        properties=(
            Property("id", GUID, "id", editable=False, nullable=False),
            Property("code", code(20), "code", nullable=False),
            Property("displayName", text(100), "description"),
            Property("taxType", enum(TaxType), "tax_type", editable=False),
            Property("lastModifiedDateTime", DATETIME, "modified_at", editable=False),
        ),
    ),
    required=("code",),
    uses=(
        Use(Item, "tax_group_code", "items", by="code"),
        Use(GeneralProductPostingGroup, "default_tax_group", "general product posting groups", by="code"),
        Use(SalesInvoiceLine, "tax_code", "sales invoice lines", by="code"),
        Use(SalesCreditMemoLine, "tax_code", "sales credit memo lines", by="code"),
        Use(TaxEntry, "tax_group_code", "tax entries", by="code"),
    ),
)
