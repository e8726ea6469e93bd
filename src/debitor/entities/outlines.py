"""Types that Business Central has and debitor does not: vendors, employees, purchase documents, pictures ...

Programs that were generated from Business Central's `$metadata` expect them, so they stand there as outlines: the
key, what navigations compare, and the ways back. There is no such set: `items({id})/itemVariants` is an empty list,
`companies({id})/vendors` 404.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from debitor.schema import GUID, EntitySet, Navigation, Property, code, text

_TYPES: Mapping[str, str] = {
    "pictures": "picture",
    "itemVariants": "itemVariant",
    "vendors": "vendor",
    "agedAccountsPayables": "agedAccountsPayable",
    "locations": "location",
    "employees": "employee",
    "timeRegistrationEntries": "timeRegistrationEntry",
    "cashFlowStatements": "cashFlowStatement",
    "salesOrders": "salesOrder",
    "salesOrderLines": "salesOrderLine",
    "retainedEarningsStatements": "retainedEarningsStatement",
    "balanceSheets": "balanceSheet",
    "incomeStatements": "incomeStatement",
    "salesQuotes": "salesQuote",
    "salesQuoteLines": "salesQuoteLine",
    "purchaseInvoices": "purchaseInvoice",
    "purchaseInvoiceLines": "purchaseInvoiceLine",
    "projects": "project",
    "vendorPayments": "vendorPayment",
    "applyVendorEntries": "applyVendorEntry",
    "vendorPaymentJournals": "vendorPaymentJournal",
    "salesShipments": "salesShipment",
    "salesShipmentLines": "salesShipmentLine",
    "purchaseReceipts": "purchaseReceipt",
    "purchaseReceiptLines": "purchaseReceiptLine",
    "purchaseOrders": "purchaseOrder",
    "purchaseOrderLines": "purchaseOrderLine",
    "itemLedgerEntries": "itemLedgerEntry",
    "opportunities": "opportunity",
    "customerReturnReasons": "customerReturnReason",
    "purchaseCreditMemos": "purchaseCreditMemo",
    "purchaseCreditMemoLines": "purchaseCreditMemoLine",
    "jobQueueLogEntries": "jobQueueLogEntry",
    "jobQueueEntries": "jobQueueEntry",
    "fixedAssetLocations": "fixedAssetLocation",
    "fixedAssets": "fixedAsset",
    "vendorPurchases": "vendorPurchase",
}
_KEYS: Mapping[str, tuple[Property, ...]] = {
    "agedAccountsPayables": (Property("vendorId", GUID, nullable=False),),
    "vendorPurchases": (
        Property("vendorId", GUID, nullable=False),
        Property("vendorNumber", code(20), nullable=False),
        Property("name", text(100), nullable=False),
    ),
}
_COMPARED: Mapping[str, tuple[Property, ...]] = {
    "itemVariants": (Property("itemId", GUID), Property("itemNumber", code(20))),
}
"""Properties beside the key that a navigation names in its constraint."""
_SINGLE = frozenset({"pdfDocument"})
"""Parts of which there is one although the navigation has the name of the set."""


def _nothing(_: Any, __: Mapping[str, Any]) -> list[dict[str, Any]]:
    return []


def outlines_of(catalog: Mapping[str, EntitySet]) -> dict[str, EntitySet]:
    """Return the outlines by set name, with the ways back of all navigations that lead to them."""
    ways: dict[str, list[Navigation]] = {name: [] for name in _TYPES}
    for of in catalog.values():
        for there in of.navigations:
            if there.target in ways and there.partner:
                many = there.kind == "partner" and there.partner == of.name and of.name not in _SINGLE
                ways[there.target].append(
                    Navigation(
                        there.partner,
                        of.name,
                        many=many,
                        on=tuple((theirs, ours) for ours, theirs in there.on),
                        kind="part" if there.kind == "partner" else "partner",
                        partner=there.name,
                    )
                )
    made = {}
    for name, entity in _TYPES.items():
        keys = _KEYS.get(name, (Property("id", GUID, nullable=False),))
        made[name] = EntitySet(
            name=name,
            entity=entity,
            key=tuple(p.name for p in keys),
            properties=(*keys, *_COMPARED.get(name, ())),
            navigations=tuple(ways[name]),
            rows=_nothing,
            etag=False,
            outline=True,
        )
    return made
