"""items: what is sold. Source: BCApps APIV2Items.Page.al.

debitor keeps no stock ledger: `inventory` is a plain number, which a new item cannot bring along.
"""

from typing import Any

from debitor.entities.master import Copy, Part, Use, editable, refuse
from debitor.ledger.records import (
    DefaultDimension,
    GeneralProductPostingGroup,
    Item,
    ItemType,
    SalesCreditMemoLine,
    SalesInvoiceLine,
    TaxGroup,
)
from debitor.operations.attachments import remove_of
from debitor.operations.master_records import InventoryPostingGroup, ItemCategory, UnitOfMeasure
from debitor.schema import (
    BOOL,
    DATETIME,
    DECIMAL,
    GUID,
    Act,
    EntitySet,
    Lookup,
    Navigation,
    Property,
    code,
    enum,
    text,
)


def _check(act: Act, row: Item | None, columns: dict[str, Any]) -> None:
    """A new item starts without stock, and takes the posting group that is inserted by itself, with its tax group."""
    for column, name in (("unit_price", "unitPrice"), ("unit_cost", "unitCost")):
        if columns.get(column, 0) < 0:
            raise refuse(f"{name} must not be negative, but is {columns[column]}.")
    if row is not None:
        return
    if columns.pop("inventory", 0):
        raise refuse("inventory of a new item is 0; leave it out, and change it afterwards.")
    group_code = columns.get("general_product_posting_group")
    if group_code:
        group = act.tx.find(GeneralProductPostingGroup, code=group_code)
    else:
        first = act.tx.all(GeneralProductPostingGroup, auto_insert_default=True, order=("code",), limit=1)
        group = first[0] if first else None
        columns["general_product_posting_group"] = group.code if group else ""
    if group and not columns.get("tax_group_code"):
        columns["tax_group_code"] = group.default_tax_group


def _release(act: Act, row: Item) -> None:
    """The files of a deleted item go."""
    remove_of(act.tx, [row.id])


ITEMS = editable(
    EntitySet(
        name="items",
        entity="item",
        record=Item,
        order=("number",),
        lookups={
            "item_category": Lookup(ItemCategory, via="item_category_id"),
            "tax_group": Lookup(TaxGroup, via="tax_group_code", by="code"),
            "unit": Lookup(UnitOfMeasure, via="base_unit_of_measure_code", by="code"),
            "product_group": Lookup(GeneralProductPostingGroup, via="general_product_posting_group", by="code"),
            "inventory_group": Lookup(InventoryPostingGroup, via="inventory_posting_group", by="code"),
        },
        properties=(
            Property("id", GUID, "id", editable=False, nullable=False),
            Property("number", code(20), "number"),
            Property("displayName", text(100), "display_name"),
            Property("displayName2", text(50), "display_name_2"),
            Property("type", enum(ItemType), "type"),
            Property("itemCategoryId", GUID, "item_category_id"),
            Property("itemCategoryCode", code(20), "item_category.code"),
            Property("blocked", BOOL, "blocked"),
            Property("gtin", code(14), "gtin"),
            Property("inventory", DECIMAL, "inventory"),
            Property("unitPrice", DECIMAL, "unit_price"),
            Property("priceIncludesTax", BOOL, "price_includes_tax"),
            Property("unitCost", DECIMAL, "unit_cost"),
            Property("taxGroupId", GUID, "tax_group.id"),
            Property("taxGroupCode", code(20), "tax_group_code"),
            Property("baseUnitOfMeasureId", GUID, "unit.id"),
            Property("baseUnitOfMeasureCode", code(10), "base_unit_of_measure_code"),
            Property("generalProductPostingGroupId", GUID, "product_group.id"),
            Property("generalProductPostingGroupCode", code(20), "general_product_posting_group"),
            Property("inventoryPostingGroupId", GUID, "inventory_group.id"),
            Property("inventoryPostingGroupCode", code(20), "inventory_posting_group"),
            Property("lastModifiedDateTime", DATETIME, "modified_at", editable=False),
        ),
        navigations=(
            Navigation("itemCategory", "itemCategories", many=False, on=(("itemCategoryId", "id"),)),
            Navigation(
                "inventoryPostingGroup",
                "inventoryPostingGroups",
                many=False,
                on=(("inventoryPostingGroupId", "id"),),
                kind="part",
            ),
            Navigation(
                "generalProductPostingGroup",
                "generalProductPostingGroups",
                many=False,
                on=(("generalProductPostingGroupId", "id"),),
                kind="part",
            ),
            Navigation(
                "unitOfMeasure", "unitsOfMeasure", many=False, on=(("baseUnitOfMeasureId", "id"),), kind="part"
            ),
            Navigation("picture", "pictures", many=False, on=(("id", "id"),), kind="part", partner="item"),
            Navigation(
                "defaultDimensions",
                "defaultDimensions",
                many=True,
                on=(("id", "parentId"),),
                kind="part",
                partner="item",
                constant={"parentType": "Item"},
                deep=True,
            ),
            Navigation(
                "itemVariants", "itemVariants", many=True, on=(("id", "itemId"),), kind="part", partner="item"
            ),
            Navigation(
                "documentAttachments",
                "documentAttachments",
                many=True,
                on=(("id", "parentId"),),
                kind="part",
                partner="item",
                constant={"parentType": "Item"},
            ),
        ),
    ),
    numbers="item_numbers",
    uses=(
        Use(SalesInvoiceLine, "item_id", "sales invoice lines"),
        Use(SalesCreditMemoLine, "item_id", "sales credit memo lines"),
    ),
    copies=(
        Copy(SalesInvoiceLine, "line_object_number", of="item_id", where={"posted": False}),
        Copy(SalesCreditMemoLine, "line_object_number", of="item_id", where={"posted": False}),
    ),
    parts=(Part(DefaultDimension, "parent_id"),),
    prepare=_check,
    before_remove=_release,
)
