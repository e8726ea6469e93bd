"""customerContacts: the persons among the contacts of customers. Source: BCApps APIV2CustContacts.Page.al.

They are contacts in another dress: a contact becomes one by belonging to a company that is a customer's. A new
`customerId` moves the whole company, with all its persons, to that customer.
"""

from typing import Any

from debitor.entities.contacts import refuse_needed
from debitor.entities.master import editable, refuse
from debitor.ledger.records import ContactType, Customer
from debitor.operations.customer_contacts import joined_name
from debitor.operations.master_records import BusinessRelation, Contact
from debitor.schema import BLANK_GUID, GUID, Act, EntitySet, Lookup, Navigation, Property, text


def _check(act: Act, row: Contact, columns: dict[str, Any]) -> None:
    """The display name follows first and last name, the company follows its customer."""
    if not {"first_name", "last_name"}.isdisjoint(columns):
        first, last = (columns.get(name, getattr(row, name)) for name in ("first_name", "last_name"))
        name = joined_name(first, row.middle_name, last)
        if not name:
            raise refuse("firstName and lastName must not both be blank: send one of them.")
        columns |= {"display_name": name, "search_name": name.upper()}
    customer = columns.get("customer_id", row.customer_id)
    if customer == BLANK_GUID:
        raise refuse("customerId must not be blank: send the id of a customer, or leave it out.")
    if customer != row.customer_id and row.company_number:
        for contact in act.tx.all(Contact, company_number=row.company_number):
            if contact.id != row.id:
                act.tx.update(contact, customer_id=customer)


CUSTOMER_CONTACTS = editable(
    EntitySet(
        name="customerContacts",
        entity="customerContact",
        record=Contact,
        where={"type": ContactType.PERSON, "business_relation": BusinessRelation.CUSTOMER},
        order=("id",),
        lookups={"customer": Lookup(Customer, via="customer_id")},
        properties=(
            Property("id", GUID, "id", editable=False, nullable=False),
            Property("email", text(80), "email"),
            Property("firstName", text(30), "first_name"),
            Property("lastName", text(30), "last_name"),
            Property("professionalTitle", text(30), "job_title"),
            Property("customerId", GUID, "customer_id"),
            Property("customerName", text(), "customer.display_name", editable=False, limit=100),
            Property("primaryPhoneNumber", text(30), "phone_number"),
        ),
        navigations=(
            Navigation(
                "pdfDocument",
                "pdfDocument",
                many=False,
                on=(("id", "parentId"),),
                kind="part",
                partner="customerContact",
                constant={"parentType": "Customer_x0020_Statement"},
            ),
        ),
    ),
    prepare=_check,
    before_remove=refuse_needed,
    only="change remove",
)
