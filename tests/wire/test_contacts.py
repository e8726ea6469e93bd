"""Customers and their contacts: customerContacts, contactsInformation, and the contact that each customer gets."""

from __future__ import annotations

from typing import Any

from wire.conftest import Books
from wire.test_master_data import BLANK, customer, first, new, refusal


def persons_of(books: Books, customer_id: str) -> list[dict[str, Any]]:
    return list(books.get(f"customerContacts?$filter=customerId eq {customer_id}").json()["value"])


def contacts_of(books: Books, customer_id: str) -> list[dict[str, Any]]:
    answer = books.get(f"customers({customer_id})/contactsInformation")
    assert answer.status_code == 200, answer.text
    return list(answer.json()["value"])


def with_person(books: Books) -> tuple[dict[str, Any], dict[str, Any]]:
    """A new customer, and a person of its contact company."""
    buyer = customer(books)
    company = contacts_of(books, buyer["id"])[0]
    body = {"type": "Person", "displayName": "Ada King Lovelace", "companyNumber": company["contactNumber"]}
    return buyer, new(books, "contacts", **body)


def test_a_new_customer_has_a_contact_that_follows(books: Books) -> None:
    buyer = customer(books, displayName="Nordwand GmbH", city="Bern")
    (info,) = contacts_of(books, buyer["id"])
    contact = books.get(f"contacts({info['contactId']})").json()

    assert (info["contactName"], info["contactType"], info["relatedType"]) == ("Nordwand GmbH", "Company", "Customer")
    assert info["relatedId"] == buyer["id"]
    assert (contact["displayName"], contact["city"]) == ("Nordwand GmbH", "Bern")
    assert contact["contactBusinessRelation"] == "Customer"

    assert (
        books.patch(f"customers({buyer['id']})", {"displayName": "Südwand GmbH", "city": "Thun"}).status_code == 200
    )
    contact = books.get(f"contacts({info['contactId']})").json()
    assert (contact["displayName"], contact["city"]) == ("Südwand GmbH", "Thun")


def test_a_person_of_a_customers_company_is_a_customer_contact(books: Books) -> None:
    buyer, person = with_person(books)
    (row,) = persons_of(books, buyer["id"])

    assert row["id"] == person["id"]
    assert (row["firstName"], row["lastName"]) == ("Ada", "Lovelace")
    assert (row["customerId"], row["customerName"]) == (buyer["id"], buyer["displayName"])
    assert len(contacts_of(books, buyer["id"])) == 2


def test_a_customer_contact_is_changed_and_removed_but_not_made(books: Books) -> None:
    buyer, person = with_person(books)
    at = f"customerContacts({person['id']})"
    answer = books.patch(at, {"firstName": "Augusta", "professionalTitle": "Analyst", "email": "a@nord.example"})

    assert answer.status_code == 200, answer.text
    contact = books.get(f"contacts({person['id']})").json()
    assert (contact["displayName"], contact["jobTitle"]) == ("Augusta King Lovelace", "Analyst")
    assert refusal(books.post("customerContacts", {"firstName": "X"})) == (405, "BadRequest_MethodNotAllowed")
    assert refusal(books.patch(at, {"customerName": "X"})) == (400, "BadRequest_InvalidOperation")
    assert books.delete(at).status_code == 204
    assert persons_of(books, buyer["id"]) == []


def test_a_new_customer_id_moves_the_company_with_its_persons(books: Books) -> None:
    buyer, person = with_person(books)
    other = customer(books, displayName="Other")
    answer = books.patch(f"customerContacts({person['id']})", {"customerId": other["id"]})

    assert answer.status_code == 200, answer.text
    assert answer.json()["customerName"] == "Other"
    assert contacts_of(books, buyer["id"]) == []
    assert refusal(books.patch(f"customerContacts({person['id']})", {"customerId": books.company_id}))[0] == 400


def test_contacts_information_from_the_contact_and_flat(books: Books) -> None:
    buyer, person = with_person(books)
    one = books.get(f"contacts({person['id']})/contactInformation").json()
    flat = books.get(f"contactsInformation?$filter=relatedId eq {buyer['id']} and relatedType eq 'Customer'").json()
    expanded = books.get(f"customers({buyer['id']})?$expand=contactsInformation").json()

    assert (one["contactId"], one["relatedId"]) == (person["id"], buyer["id"])
    assert [row["contactId"] for row in flat["value"]] == [
        row["contactId"] for row in contacts_of(books, buyer["id"])
    ]
    assert len(expanded["contactsInformation"]) == 2
    assert refusal(books.get("contactsInformation")) == (400, "Application_DialogException")
    assert refusal(books.post("contactsInformation", {})) == (405, "BadRequest_MethodNotAllowed")


def test_the_periods_of_a_fiscal_year(books: Books) -> None:
    """Twelve months each; the first one says so."""
    rows = books.get("accountingPeriods?$filter=startingDate ge 2026-01-01 and startingDate lt 2027-01-01").json()
    starts = [row["startingDate"] for row in rows["value"]]

    assert starts == [f"2026-{month:02d}-01" for month in range(1, 13)]
    assert [row["newFiscalYear"] for row in rows["value"]] == [True] + [False] * 11
    assert rows["value"][0]["name"] == "January"


def test_the_set_up_shows_the_local_currency(books: Books) -> None:
    row = first(books, "generalLedgerSetup")

    assert (row["localCurrencyCode"], row["allowPostingFrom"]) == ("EUR", "0001-01-01")
    assert row["shortcutDimension1Code"]


def test_exchange_rates_are_those_that_posting_uses(books: Books) -> None:
    """A payment in a foreign currency is worth what the rate says."""
    rate = books.get("currencyExchangeRates?$filter=currencyCode eq 'USD'&$orderby=startingDate desc").json()[
        "value"
    ][0]

    assert rate["exchangeRateAmount"] > 0
    assert rate["relationalExchangeRateAmount"] > 0


def test_a_dispute_is_one_of_the_set(books: Books) -> None:
    status = new(books, "disputeStatus", code="BROKEN", displayName="Arrived broken")
    invoice = first(books, "salesInvoices", "status eq 'Open' and disputeStatus eq ''")
    at = f"salesInvoices({invoice['id']})"

    assert books.patch(at, {"disputeStatus": "BROKEN"}).json()["disputeStatusId"] == status["id"]
    assert refusal(books.patch(at, {"disputeStatus": "NOSUCH"}))[0] == 400
    assert refusal(books.delete(f"disputeStatus({status['id']})")) == (400, "Application_DialogException")
    assert books.patch(at, {"disputeStatusId": BLANK}).json()["disputeStatus"] == ""
    assert books.delete(f"disputeStatus({status['id']})").status_code == 204


# ---- outside the slice


def test_what_debitor_does_not_keep_is_empty(books: Books) -> None:
    """Programs made from Business Central's description ask for it; nothing there is an answer."""
    item, buyer = first(books, "items"), first(books, "customers")
    expanded = books.get(f"items({item['id']})?$expand=itemVariants,picture").json()

    assert books.get(f"items({item['id']})/itemVariants").json()["value"] == []
    assert books.get(f"items({item['id']})/itemVariants/$count").text == "0"
    assert books.get(f"customers({buyer['id']})/picture").status_code == 204
    assert (expanded["itemVariants"], expanded["picture"]) == ([], None)
    assert refusal(books.get("vendors")) == (404, "BadRequest_ResourceNotFound")
    assert refusal(books.post(f"items({item['id']})/itemVariants", {})) == (405, "BadRequest_MethodNotAllowed")


def test_definitions_name_everything(books: Books) -> None:
    root = f"{books.root}/entityDefinitions"
    every = books.get(root).json()
    one = books.get(f"{root}('customerPayment')").json()
    found = books.get(f"{root}?$filter=entitySetName eq 'customers'").json()["value"]

    assert every["@odata.context"] == f"{books.root}/$metadata#entityDefinitions"
    assert one["entitySetName"] == "customerPayments"
    assert one["entityCaptions"] == [{"languageCode": 1033, "caption": "Customer Payment"}]
    assert {"name": "postingDate", "captions": [{"languageCode": 1033, "caption": "Posting Date"}]} in one[
        "properties"
    ]
    assert [each["entityName"] for each in found] == ["customer"]
    blocked = next(each for each in every["value"] if each["entityName"] == "customerBlocked")
    assert [m["name"] for m in blocked["enumMembers"]] == ["_x0020_", "Ship", "Invoice", "All"]
    assert refusal(books.get(f"{root}('nothing')")) == (404, "BadRequest_ResourceNotFound")
    assert refusal(books.get(f"{root}?$orderby=entityName")) == (400, "BadRequest")
    assert refusal(books.post(root, {})) == (405, "BadRequest_MethodNotAllowed")
