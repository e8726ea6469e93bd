"""Master data that the API shows and the accounting does not need: the company's address, countries, contacts ...

Rows of this kind stand here when an operation reads or fills them; otherwise in the file of their entity set.
"""

from __future__ import annotations

from debitor.ledger.records import ContactType
from debitor.schema import (
    BLANK_DATE,
    BLANK_GUID,
    Code10,
    Code20,
    Day,
    Flag,
    Guid,
    Row,
    Text10,
    Text30,
    Text50,
    Text80,
    Text100,
    Text255,
    WireEnum,
    record,
)


class AddressFormat(WireEnum):
    """The order of post code and city in a country's addresses."""

    __edm__ = "countryRegionAddressFormat"
    POST_CODE_CITY = (0, "Post Code+City")
    CITY_POST_CODE = (1, "City+Post Code")
    CITY_COUNTY_POST_CODE = (2, "City+County+Post Code")
    BLANK_LINE_POST_CODE_CITY = (3, "Blank Line+Post Code+City")
    CUSTOM = (13, "Custom")


class BusinessRelation(WireEnum):
    """What a contact is to the company."""

    __edm__ = "contactBusinessRelation"
    BLANK = (0, " ")
    CUSTOMER = (1, "Customer")
    VENDOR = (2, "Vendor")
    BANK_ACCOUNT = (3, "Bank Account")
    EMPLOYEE = (4, "Employee")
    NONE = (100, "None")
    OTHER = (101, "Other")
    MULTIPLE = (102, "Multiple")


@record("company_information")
class CompanyInformation(Row, frozen=True):
    """Name and address of the company; one row."""

    display_name: Text100 = ""
    address_line_1: Text100 = ""
    address_line_2: Text50 = ""
    city: Text30 = ""
    state: Text30 = ""
    country: Code10 = ""
    postal_code: Code20 = ""
    phone_number: Text30 = ""
    fax_number: Text30 = ""
    email: Text80 = ""
    website: Text255 = ""
    tax_registration_number: Text50 = ""
    fiscal_year_start: Day = BLANK_DATE
    industry: Text30 = ""
    experience: Text30 = "Essential"


@record("country_region", unique=(("code",),))
class CountryRegion(Row, frozen=True):
    """A country or region, by its ISO code."""

    code: Code10
    name: Text50 = ""
    address_format: AddressFormat = AddressFormat.POST_CODE_CITY


@record("contact", unique=(("number",),), indexes=(("customer_id",),))
class Contact(Row, frozen=True):
    """A company or person that the company deals with. `customer_id`: the customer it belongs to, or blank.

    A person's display name is made of first, middle and last name; a company has only the display name.
    """

    number: Code20
    type: ContactType = ContactType.COMPANY
    display_name: Text100 = ""
    job_title: Text30 = ""
    company_number: Code20 = ""
    company_name: Text100 = ""
    business_relation: BusinessRelation = BusinessRelation.NONE
    customer_id: Guid = BLANK_GUID
    address_line_1: Text100 = ""
    address_line_2: Text50 = ""
    city: Text30 = ""
    state: Text30 = ""
    country: Code10 = ""
    postal_code: Code20 = ""
    phone_number: Text30 = ""
    mobile_phone_number: Text30 = ""
    email: Text80 = ""
    website: Text255 = ""
    search_name: Text100 = ""
    first_name: Text30 = ""
    middle_name: Text30 = ""
    last_name: Text30 = ""
    privacy_blocked: Flag = False
    tax_registration_number: Text50 = ""
    last_interaction: Day = BLANK_DATE


@record("dispute_status", unique=(("code",),))
class DisputeStatus(Row, frozen=True):
    """Where a dispute over an invoice stands."""

    code: Code10
    description: Text100 = ""


@record("accounting_period", unique=(("starting_date",),))
class AccountingPeriod(Row, frozen=True):
    """A month of a fiscal year; it ends where the next one starts. Closed ones have their dates locked."""

    starting_date: Day
    name: Text10 = ""
    new_fiscal_year: Flag = False
    closed: Flag = False
    date_locked: Flag = False


@record("unit_of_measure", unique=(("code",),))
class UnitOfMeasure(Row, frozen=True):
    """What a quantity counts: pieces, hours ..."""

    code: Code10
    display_name: Text50 = ""
    international_standard_code: Code10 = ""
    symbol: Text10 = ""


@record("item_category", unique=(("code",),))
class ItemCategory(Row, frozen=True):
    """A group of items."""

    code: Code20
    display_name: Text100 = ""


@record("inventory_posting_group", unique=(("code",),))
class InventoryPostingGroup(Row, frozen=True):
    """A group of items whose stock would go to the same accounts; debitor keeps no stock ledger."""

    code: Code20
    description: Text100 = ""


@record("shipment_method", unique=(("code",),))
class ShipmentMethod(Row, frozen=True):
    """A way of delivery, such as EXW."""

    code: Code10
    description: Text100 = ""


@record("tax_area", unique=(("code",),))
class TaxArea(Row, frozen=True):
    """Where a customer is, for tax."""

    code: Code20
    display_name: Text100 = ""
