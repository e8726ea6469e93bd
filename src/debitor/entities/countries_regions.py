"""countriesRegions: countries by ISO code. Source: BCApps APIV2CountriesRegions.Page.al."""

from debitor.entities.master import Use, editable
from debitor.ledger.records import Customer, SalesCreditMemo, SalesInvoice
from debitor.operations.master_records import AddressFormat, CompanyInformation, Contact, CountryRegion
from debitor.schema import DATETIME, GUID, EntitySet, Property, code, enum, text

COUNTRIES_REGIONS = editable(
    EntitySet(
        name="countriesRegions",
        entity="countryRegion",
        record=CountryRegion,
        order=("code",),
        properties=(
            Property("id", GUID, "id", editable=False, nullable=False),
            Property("code", code(10), "code", nullable=False),
            Property("displayName", text(50), "name"),
            Property("addressFormat", enum(AddressFormat), "address_format"),
            Property("lastModifiedDateTime", DATETIME, "modified_at", editable=False),
        ),
    ),
    required=("code",),
    uses=(
        Use(Customer, "country", "customers", by="code"),
        Use(Contact, "country", "contacts", by="code"),
        Use(CompanyInformation, "country", "companies", by="code"),
        Use(SalesInvoice, "sell_to_country", "sales invoices", by="code"),
        Use(SalesCreditMemo, "sell_to_country", "sales credit memos", by="code"),
    ),
)
