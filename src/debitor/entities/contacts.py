"""contacts: companies and persons that the company deals with. Source: BCApps APIV2Contacts.Page.al."""

from typing import Any

from debitor.entities.master import editable, refuse
from debitor.ledger.records import ContactType
from debitor.operations.customer_contacts import relation_of, split_name
from debitor.operations.master_records import BusinessRelation, Contact, CountryRegion
from debitor.schema import (
    BLANK_GUID,
    BOOL,
    DATE,
    DATETIME,
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


def _check(act: Act, row: Contact | None, columns: dict[str, Any]) -> None:
    """A contact has a name; a person can belong to a company, whose name follows; a company is its own one."""
    name = columns.get("display_name", row.display_name if row else "")
    if not name:
        raise refuse("displayName must not be blank: send the contact's name.")
    number = columns.get("number", row.number if row else "")
    kind = columns.get("type", row.type if row else ContactType.COMPANY)
    if kind == ContactType.COMPANY:
        columns |= {"company_number": number, "company_name": name}
    else:
        _check_company(act, row, columns)
        if "display_name" in columns and (row is None or name != row.display_name):
            columns |= split_name(name)
    if row is not None and (number, name) != (row.number, row.display_name):
        of_company = {"company_number": number, "company_name": name}
        act.tx.update_where(Contact, of_company, company_number=row.number, type=ContactType.PERSON)
    if row is None:
        columns["search_name"] = columns.get("search_name") or name.upper()
        columns.setdefault("business_relation", BusinessRelation.NONE)


def _check_company(act: Act, row: Contact | None, columns: dict[str, Any]) -> None:
    """A person takes over the name and the customer of its company."""
    number = columns.get("company_number", "")
    if number == (row.company_number if row else ""):
        return
    company = act.tx.find(Contact, number=number, type=ContactType.COMPANY) if number else None
    if number and company is None:
        raise refuse(f"companyNumber {number} is not the number of a contact of type Company.")
    columns["company_name"] = company.display_name if company else ""
    if company or (row and row.customer_id != BLANK_GUID):
        columns |= relation_of(company)


def refuse_needed(act: Act, row: Contact) -> None:
    """A contact stays while a customer or persons need it."""
    if row.customer_id != BLANK_GUID and row.type == ContactType.COMPANY:
        raise refuse(f"The contact {row.number} cannot be deleted, because it is the contact of a customer.")
    if act.tx.find(Contact, company_number=row.number, type=ContactType.PERSON):
        raise refuse(f"The contact {row.number} cannot be deleted, because there are persons of this company.")


CONTACTS = editable(
    EntitySet(
        name="contacts",
        entity="contact",
        record=Contact,
        order=("number",),
        lookups={"country_region": Lookup(CountryRegion, via="country", by="code")},
        properties=(
            Property("id", GUID, "id", editable=False, nullable=False),
            Property("number", code(20), "number"),
            Property("type", enum(ContactType), "type"),
            Property("displayName", text(100), "display_name", nullable=False),
            Property("jobTitle", text(30), "job_title", nullable=False),
            Property("companyNumber", code(20), "company_number"),
            Property("companyName", text(100), "company_name"),
            Property("contactBusinessRelation", enum(BusinessRelation), "business_relation"),
            Property("addressLine1", text(100), "address_line_1"),
            Property("addressLine2", text(50), "address_line_2"),
            Property("city", text(30), "city"),
            Property("state", text(30), "state"),
            Property("country", code(10), "country"),
            Property("postalCode", code(20), "postal_code"),
            Property("phoneNumber", text(30), "phone_number"),
            Property("mobilePhoneNumber", text(30), "mobile_phone_number"),
            Property("email", text(80), "email"),
            Property("website", text(255), "website"),
            Property("searchName", code(100), "search_name"),
            Property("privacyBlocked", BOOL, "privacy_blocked"),
            Property("taxRegistrationNumber", text(), "tax_registration_number", limit=50),
            Property("lastInteractionDate", DATE, "last_interaction", editable=False),
            Property("lastModifiedDateTime", DATETIME, "modified_at", editable=False),
        ),
        navigations=(
            Navigation(
                "contactInformation",
                "contactsInformation",
                many=False,
                on=(("id", "contactId"),),
                kind="partner",
                partner="contact",
            ),
            Navigation("picture", "pictures", many=False, on=(("id", "id"),), kind="part", partner="contact"),
        ),
    ),
    numbers="contact_numbers",
    prepare=_check,
    before_remove=refuse_needed,
)
