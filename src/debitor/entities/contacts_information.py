"""contactsInformation: the contacts of a customer, read only. Computed: read it from the customer or the contact.

A contact that belongs to nobody has none. Source: BCApps APIV2ContactsInformation.Page.al.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from debitor.ledger.records import ContactType
from debitor.operations.master_records import Contact
from debitor.schema import (
    BLANK_GUID,
    GUID,
    Act,
    EntitySet,
    Follow,
    Navigation,
    Property,
    Refused,
    WireEnum,
    code,
    enum,
    text,
)

NO_RELATION = (
    "You must specify whose contacts: open contactsInformation from a customer or a contact, or filter by relatedId."
)


class RelatedType(WireEnum):
    """What a contact is related to."""

    __edm__ = "contactBusinessRelationLinkToTable"
    BLANK = (0, " ")
    CUSTOMER = (1, "Customer")
    VENDOR = (2, "Vendor")
    BANK_ACCOUNT = (3, "Bank Account")
    EMPLOYEE = (4, "Employee")


def _rows(act: Act, keys: Mapping[str, Any]) -> list[dict[str, Any]]:
    contact, customer = keys.get("contactId"), keys.get("relatedId")
    found: Iterable[Contact]
    if contact is not None:
        ids = [contact] if isinstance(contact, str) else contact
        found = (row for id in ids if (row := act.tx.get(Contact, id)) is not None)
    elif customer is not None:
        found = act.tx.all(Contact, customer_id=customer, order=("number",))
    else:
        raise Refused("Application_DialogException", NO_RELATION)
    return [
        {
            "contactId": row.id,
            "contactNumber": row.number,
            "contactName": row.display_name,
            "contactType": row.type,
            "relatedId": row.customer_id,
            "relatedType": RelatedType.CUSTOMER,
            "version": row.version,
        }
        for row in found
        if row.customer_id != BLANK_GUID
    ]


CONTACTS_INFORMATION = EntitySet(
    name="contactsInformation",
    entity="contactInformation",
    rows=_rows,
    key=("contactId",),
    order=("contactNumber",),
    guard=("relatedId",),
    guard_message=NO_RELATION,
    properties=(
        Property("contactId", GUID, editable=False, nullable=False),
        Property("contactNumber", code(20), editable=False, nullable=False),
        Property("contactName", text(100), editable=False),
        Property("contactType", enum(ContactType), editable=False),
        Property("relatedId", GUID, editable=False, nullable=False),
        Property("relatedType", enum(RelatedType), editable=False, nullable=False),
    ),
    navigations=(
        Navigation(
            "customer",
            "customers",
            many=False,
            on=(("relatedId", "id"),),
            kind="partner",
            partner="contactsInformation",
        ),
        Navigation(
            "contact", "contacts", many=False, on=(("contactId", "id"),), kind="part", partner="contactInformation"
        ),
        Navigation(
            "vendor", "vendors", many=False, on=(("relatedId", "id"),), kind="partner", partner="contactsInformation"
        ),
    ),
    follows=(Follow(Contact, "id", "contactId"),),
)
