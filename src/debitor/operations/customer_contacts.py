"""Customers and their contacts: a new customer gets one, which then follows the customer's name and address.

The contact of a customer is of the customer's type. Persons of a contact company that is a customer's belong to that
customer, too; `customer_id` says so on each of them.
"""

from __future__ import annotations

from typing import Any

from debitor.ledger.numbering import take
from debitor.ledger.records import ContactType, Customer, NumberSeries, NumberSeriesLine
from debitor.operations.master_records import BusinessRelation, Contact
from debitor.operations.payments import setup_of
from debitor.schema import BLANK_GUID, Act

SHARED = (
    "display_name", "address_line_1", "address_line_2", "city", "state", "country", "postal_code", "phone_number",
    "email", "website", "tax_registration_number",
)  # fmt: skip
"""Columns of a customer that its contact repeats."""
_NAME = 30


def split_name(name: str) -> dict[str, Any]:
    """Return the columns of a person's name: `Ada King Lovelace` -> first Ada, middle King, last Lovelace."""
    words = name.split()
    return {
        "first_name": words[0][:_NAME] if words else "",
        "middle_name": " ".join(words[1:-1])[:_NAME],
        "last_name": words[-1][:_NAME] if len(words) > 1 else "",
    }


def joined_name(first: str, middle: str, last: str) -> str:
    """Return the display name of a person."""
    return " ".join(part for part in (first, middle, last) if part)


def follow(act: Act, old: Customer | None, new: Customer) -> None:
    """Add the contact of a new customer, or let the contact of a customer follow.

    Nothing happens while the set-up names no number series for contacts. A contact that was the customer's own is
    found by what it repeats: it is the one without a company other than itself.
    """
    if old is None:
        _add(act, new)
        return
    changes = {name: getattr(new, name) for name in SHARED if getattr(new, name) != getattr(old, name)}
    if not changes:
        return
    contact = contact_of(act, new)
    if contact is None:
        return
    if "display_name" in changes:
        changes["search_name"] = new.display_name.upper()
        if contact.type == ContactType.PERSON:
            changes |= split_name(new.display_name)
        else:
            changes["company_name"] = new.display_name
            persons = {"company_number": contact.number, "type": ContactType.PERSON}
            act.tx.update_where(Contact, {"company_name": new.display_name}, **persons)
    act.tx.update(contact, **changes)


def contact_of(act: Act, customer: Customer) -> Contact | None:
    """Return the contact that stands for the customer itself, or None."""
    found: list[Contact] = act.tx.all(Contact, customer_id=customer.id, order=("number",))
    return next((c for c in found if c.company_number in ("", c.number)), None)


def _add(act: Act, customer: Customer) -> None:
    series_code = setup_of(act.tx).contact_numbers
    series = act.tx.find(NumberSeries, code=series_code) if series_code else None
    if series is None:
        return
    number = ""
    while not number or act.tx.find(Contact, number=number):
        number, (old, new) = take(series, act.tx.all(NumberSeriesLine, series_code=series_code), act.today)
        act.tx.update(old, last_number_used=new.last_number_used, last_date_used=new.last_date_used)
    columns: dict[str, Any] = {name: getattr(customer, name) for name in SHARED}
    if customer.type == ContactType.PERSON:
        columns |= split_name(customer.display_name)
    else:
        columns |= {"company_number": number, "company_name": customer.display_name}
    act.tx.insert(
        Contact(
            number=number,
            type=customer.type,
            search_name=customer.display_name.upper(),
            business_relation=BusinessRelation.CUSTOMER,
            customer_id=customer.id,
            **columns,
        )
    )


def relation_of(company: Contact | None) -> dict[str, Any]:
    """Return the columns by which a person belongs to the customer of its company."""
    if company is None or company.customer_id == BLANK_GUID:
        return {"customer_id": BLANK_GUID, "business_relation": BusinessRelation.NONE}
    return {"customer_id": company.customer_id, "business_relation": company.business_relation}
