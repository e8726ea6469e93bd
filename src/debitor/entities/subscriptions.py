"""subscriptions: who is told of changes (webhooks); at the root of the API. Each client sees its own.

Business Central has no page for it; the properties are those of its `$metadata`.
"""

from __future__ import annotations

from functools import partial

from debitor.operations import subscriptions
from debitor.schema import DATETIME, GUID, INT64, EntitySet, Property, text

NOT_IN_BUSINESS_CENTRAL = frozenset({
    "attachments", "contactsInformation", "documentAttachments", "salesCreditMemoLines", "salesInvoiceLines",
    "taxAreas", "taxGroups", "trialBalances", "agedAccountsReceivables",
})  # fmt: skip
"""Sets without notifications there: temporary tables behind their pages. In documented mode they have them."""

BELOW_A_PARENT = frozenset({"pdfDocument"})
"""Computed sets that can be read only when a parent is named, so that their entities cannot be found by key alone."""


def _set_named(name: str, strict: bool) -> EntitySet | None:
    """The entity set of a company whose changes can be told one by one, or None."""
    from debitor.entities import CATALOG  # the catalog holds this set too

    of = CATALOG.get(name)
    if of is None or not of.company or len(of.key) != 1 or (strict and name in NOT_IN_BUSINESS_CENTRAL):
        return None
    computed = not of.guard and name not in BELOW_A_PARENT and {follow.ours for follow in of.follows} == set(of.key)
    known = of.record is not None or computed
    return of if known else None


SUBSCRIPTIONS = EntitySet(
    name="subscriptions",
    entity="subscriptions",
    company=False,
    sortable=False,
    key=("subscriptionId",),
    rows=subscriptions.rows,
    properties=(
        Property("subscriptionId", text(150), editable=False, nullable=False),
        Property("notificationUrl", text(), nullable=False),
        Property("resource", text(), nullable=False),
        Property("timestamp", INT64, editable=False),
        Property("userId", GUID, editable=False),
        Property("lastModifiedDateTime", DATETIME, editable=False),
        Property("clientState", text(2048)),
        Property("expirationDateTime", DATETIME, editable=False),
        Property("systemCreatedAt", DATETIME, editable=False),
        Property("systemCreatedBy", GUID, editable=False),
        Property("systemModifiedAt", DATETIME, editable=False),
        Property("systemModifiedBy", GUID, editable=False),
    ),
    create=partial(subscriptions.create, set_named=_set_named),
    change=partial(subscriptions.change, set_named=_set_named),
    remove=subscriptions.remove,
)
