"""companyInformation: name and address of the company, one row. Source: BCApps APIV2CompanyInformation.Page.al."""

from typing import Any

from debitor.entities.master import editable, refuse
from debitor.operations.master_records import CompanyInformation, CountryRegion
from debitor.schema import DATE, DATETIME, GUID, STREAM, Act, Context, EntitySet, Lookup, Property, code, text

EXPERIENCES = ("Basic", "Essential", "Premium", "Custom")


def _check(act: Act, row: CompanyInformation, columns: dict[str, Any]) -> None:
    if columns.get("experience", row.experience) not in EXPERIENCES:
        raise refuse(f"experience {columns['experience']} does not exist; choose one of {', '.join(EXPERIENCES)}.")


COMPANY_INFORMATION = editable(
    EntitySet(
        name="companyInformation",
        entity="companyInformation",
        record=CompanyInformation,
        single=True,
        lookups={"country_region": Lookup(CountryRegion, via="country", by="code")},
        properties=(
            Property("id", GUID, "id", editable=False, nullable=False),
            Property("displayName", text(100), "display_name"),
            Property("addressLine1", text(100), "address_line_1"),
            Property("addressLine2", text(50), "address_line_2"),
            Property("city", text(30), "city"),
            Property("state", text(30), "state"),
            Property("country", code(10), "country"),
            Property("postalCode", code(20), "postal_code"),
            Property("phoneNumber", text(30), "phone_number"),
            Property("faxNumber", text(30), "fax_number"),
            Property("email", text(80), "email"),
            Property("website", text(255), "website"),
            Property("taxRegistrationNumber", text(), "tax_registration_number", limit=50),
            Property("currencyCode", code(None), Context("local_currency_code"), editable=False),
            Property("currentFiscalYearStartDate", DATE, "fiscal_year_start", editable=False),
            Property("industry", text(30), "industry"),
            Property("picture", STREAM, editable=False),
            Property("experience", text(), "experience", limit=30),
            Property("lastModifiedDateTime", DATETIME, "modified_at", editable=False),
        ),
    ),
    prepare=_check,
    only="change",
)
