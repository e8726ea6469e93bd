"""What the lines of a sales document sell: items and accounts, their tax and their prices."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from msgspec.structs import replace

from debitor.ledger import sales_documents as rules
from debitor.ledger.records import (
    Account,
    Customer,
    GeneralProductPostingGroup,
    Item,
    LineType,
    SalesDocument,
    SalesDocumentLine,
    TaxGroup,
)
from debitor.ledger.sales_documents import Precision, Product, refuse
from debitor.operations.sales_values import named
from debitor.schema import BLANK_GUID, Draft
from debitor.store import Reader


def item_tax(tx: Reader, item: Item) -> TaxGroup | None:
    """Return the tax group of an item: its own, or the default of its product posting group."""
    code = item.tax_group_code
    if not code and item.general_product_posting_group:
        group = tx.find(GeneralProductPostingGroup, code=item.general_product_posting_group)
        code = group.default_tax_group if group else ""
    return tx.find(TaxGroup, code=code) if code else None


def account_tax(tx: Reader, account: Account) -> TaxGroup | None:
    """Return the tax group of an account: the default of the product posting group whose sales account it is."""
    for group in tx.all(GeneralProductPostingGroup, sales_account=account.number, order=("code",)):
        if group.default_tax_group:
            return tx.find(TaxGroup, code=group.default_tax_group)
    return None


def named_product(tx: Reader, draft: Draft) -> Product | None:
    """Return what a line draft sells, or None when it names neither item nor account.

    Raises:
        Refused: both are named, the type does not fit, or there is no such item or account.
    """
    item_id, account_id = draft.get("itemId", BLANK_GUID), draft.get("accountId", BLANK_GUID)
    number, type = draft.get("lineObjectNumber", ""), draft.get("lineType")
    if item_id != BLANK_GUID and account_id != BLANK_GUID:
        raise refuse("itemId and accountId are both given; a line sells one of them.")
    if type is None and number and item_id == account_id:
        raise refuse("Send lineType (Item or Account) with lineObjectNumber, or itemId or accountId instead.")
    if type not in (None, LineType.COMMENT, LineType.ITEM, LineType.ACCOUNT):
        raise refuse(f"A line of type {type} cannot be invoiced here; lineType can be Item, Account or Comment.")
    wanted = LineType.ITEM if item_id != BLANK_GUID else LineType.ACCOUNT if account_id != BLANK_GUID else type
    if type is not None and wanted != type:
        raise refuse(f"lineType {type} does not fit the id: it names an {wanted}.")
    if wanted == LineType.ITEM:
        item: Item | None = named(tx, draft, Item, "itemId", "lineObjectNumber", "number", "item")
        if item:
            return rules.item_product(item, item_tax(tx, item))
    elif wanted == LineType.ACCOUNT:
        account: Account | None = named(tx, draft, Account, "accountId", "lineObjectNumber", "number", "account")
        if account:
            return rules.account_product(account, account_tax(tx, account))
    elif number:
        raise refuse(f"A comment has no lineObjectNumber, but it is {number}. Send lineType Item or Account.")
    if wanted in (LineType.ITEM, LineType.ACCOUNT):
        raise refuse(f"A line of type {wanted} needs an id or a lineObjectNumber that says which one.")
    return None


def products_of(tx: Reader, lines: Iterable[SalesDocumentLine]) -> dict[str, Product]:
    """Return what the items of these lines give now, by item id. Blocked items give nothing here."""
    ids = {line.item_id for line in lines if line.line_type == LineType.ITEM}
    items = [item for item in tx.all(Item, id=ids) if not item.blocked] if ids else []
    return {item.id: rules.item_product(item, item_tax(tx, item)) for item in items}


def repriced(
    tx: Reader,
    old: SalesDocument,
    new: SalesDocument,
    lines: Sequence[SalesDocumentLine],
    precision: Precision,
) -> list[SalesDocumentLine]:
    """Return the lines as another customer, currency or date makes them: tax percent, list prices, discounts."""
    same_prices = (
        old.customer_id == new.customer_id
        and old.currency_code == new.currency_code
        and old.currency_factor == new.currency_factor
        and old.prices_include_tax == new.prices_include_tax
    )
    if same_prices:
        return list(lines)
    products = products_of(tx, lines)
    taxes = {tax.code: tax for tax in tx.all(TaxGroup, code={line.tax_code for line in lines})}
    tax_liable = is_tax_liable(tx, new)
    result = []
    for line in lines:
        percent = rules.tax_percent(taxes.get(line.tax_code), tax_liable=tax_liable)
        price = line.unit_price
        product = products.get(line.item_id)
        # Unit prices have their own precision, the same in every currency.
        if product and price == rules.list_price(product, old, line.tax_percent, precision):
            price = rules.list_price(product, new, percent, precision)
        changed = replace(line, tax_percent=percent, unit_price=price)
        if price != line.unit_price or new.currency_code != old.currency_code:
            changed = rules.with_discount_percent(changed, line.discount_percent, precision)
        result.append(changed)
    return result


def is_tax_liable(tx: Reader, header: SalesDocument) -> bool:
    """Whether the customer pays sales tax."""
    customer = tx.get(Customer, header.customer_id)
    return bool(customer and customer.tax_liable)


def tax_columns(tx: Reader, code: str, header: SalesDocument) -> dict[str, Any]:
    """Return the columns of a tax code. Raises Refused when there is no such tax group."""
    code = code.strip().upper()
    tax = tx.find(TaxGroup, code=code) if code else None
    if code and tax is None:
        raise refuse(f"taxCode {code} does not name a tax group.")
    return {"tax_code": code, "tax_percent": rules.tax_percent(tax, tax_liable=is_tax_liable(tx, header))}
