"""Master data over a socket: every set has its properties, its verbs, and says no in the right way."""

from __future__ import annotations

import itertools
import uuid
from typing import Any

import pytest

BLANK = "00000000-0000-0000-0000-000000000000"

PROPERTIES = {
    "companyInformation": (
        "id displayName addressLine1 addressLine2 city state country postalCode phoneNumber faxNumber email "
        "website taxRegistrationNumber currencyCode currentFiscalYearStartDate industry experience "
        "lastModifiedDateTime"
    ),
    "accounts": (
        "id number displayName category subCategory blocked accountType directPosting netChange "
        "consolidationTranslationMethod consolidationDebitAccount consolidationCreditAccount "
        "excludeFromConsolidation lastModifiedDateTime"
    ),
    "customers": (
        "id number displayName type addressLine1 addressLine2 city state country postalCode phoneNumber email "
        "website salespersonCode balanceDue creditLimit taxLiable taxAreaId taxAreaDisplayName "
        "taxRegistrationNumber currencyId currencyCode paymentTermsId shipmentMethodId paymentMethodId "
        "blocked lastModifiedDateTime"
    ),
    "customerFinancialDetails": "id number balance totalSalesExcludingTax overdueAmount lastModifiedDateTime",
    "paymentTerms": (
        "id code displayName dueDateCalculation discountDateCalculation discountPercent "
        "calculateDiscountOnCreditMemos lastModifiedDateTime"
    ),
    "paymentMethods": "id code displayName lastModifiedDateTime",
    "currencies": "id code displayName symbol amountDecimalPlaces amountRoundingPrecision lastModifiedDateTime",
    "items": (
        "id number displayName displayName2 type itemCategoryId itemCategoryCode blocked gtin inventory "
        "unitPrice priceIncludesTax unitCost taxGroupId taxGroupCode baseUnitOfMeasureId "
        "baseUnitOfMeasureCode generalProductPostingGroupId generalProductPostingGroupCode "
        "inventoryPostingGroupId inventoryPostingGroupCode lastModifiedDateTime"
    ),
    "generalLedgerEntries": (
        "id entryNumber postingDate documentNumber documentType accountId accountNumber description "
        "debitAmount creditAmount additionalCurrencyDebitAmount additionalCurrencyCreditAmount "
        "lastModifiedDateTime"
    ),
    "dimensions": "id code displayName consolidationCode lastModifiedDateTime",
    "dimensionValues": "id code dimensionId displayName consolidationCode lastModifiedDateTime",
    "defaultDimensions": (
        "id parentType parentId dimensionId dimensionCode dimensionValueId dimensionValueCode "
        "postingValidation lastModifiedDateTime"
    ),
    "shipmentMethods": "id code displayName lastModifiedDateTime",
    "unitsOfMeasure": "id code displayName internationalStandardCode symbol lastModifiedDateTime",
    "itemCategories": "id code displayName lastModifiedDateTime",
    "taxGroups": "id code displayName taxType lastModifiedDateTime",
    "taxAreas": "id code displayName taxType lastModifiedDateTime",
    "countriesRegions": "id code displayName addressFormat lastModifiedDateTime",
    "generalProductPostingGroups": (
        "id code description defaultVATProductPostingGroup autoInsertDefault lastModifiedDateTime"
    ),
    "inventoryPostingGroups": "id code description lastModifiedDateTime",
    "customerContacts": ("id email firstName lastName professionalTitle customerId customerName primaryPhoneNumber"),
    "generalLedgerSetup": (
        "id allowPostingFrom allowPostingTo additionalReportingCurrency localCurrencyCode localCurrencySymbol "
        "lastModifiedDateTime allowQueryFromConsolidation shortcutDimension1Code shortcutDimension2Code "
        "shortcutDimension3Code shortcutDimension4Code shortcutDimension5Code shortcutDimension6Code "
        "shortcutDimension7Code shortcutDimension8Code"
    ),
    "accountingPeriods": "id startingDate name newFiscalYear closed dateLocked lastModifiedDateTime",
    "currencyExchangeRates": (
        "id currencyCode startingDate exchangeRateAmount relationalCurrencyCode relationalExchangeRateAmount "
        "lastModifiedDateTime"
    ),
    "disputeStatus": "id code displayName",
    "bankAccounts": (
        "id number displayName lastModifiedDateTime bankAccountNumber blocked currencyCode currencyId iban "
        "intercompanyEnabled"
    ),
    "contacts": (
        "id number type displayName jobTitle companyNumber companyName contactBusinessRelation addressLine1 "
        "addressLine2 city state country postalCode phoneNumber mobilePhoneNumber email website searchName "
        "privacyBlocked taxRegistrationNumber lastInteractionDate lastModifiedDateTime"
    ),
}
"""Set -> its properties as Business Central sends them; the order of the properties is the order of the JSON."""

READ_ONLY = (
    "accounts",
    "customerFinancialDetails",
    "generalLedgerEntries",
    "dimensions",
    "dimensionValues",
    "generalProductPostingGroups",
    "inventoryPostingGroups",
    "generalLedgerSetup",
    "accountingPeriods",
    "currencyExchangeRates",
)

CODED = (
    "paymentTerms",
    "paymentMethods",
    "currencies",
    "shipmentMethods",
    "unitsOfMeasure",
    "itemCategories",
    "taxGroups",
    "taxAreas",
    "countriesRegions",
    "salespeoplePurchasers",
    "disputeStatus",
)
"""Sets whose entities have a code that clients choose."""

_numbers = itertools.count(1)


def fresh(prefix: str = "T") -> str:
    """A code of at most 10 characters that nothing has."""
    return f"{prefix}{uuid.uuid4().hex[:6].upper()}{next(_numbers)}"[:10]


def refusal(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["code"]


def made(answer: Any) -> dict[str, Any]:
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


def changed(answer: Any) -> dict[str, Any]:
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def new(books: Any, of: str, **body: Any) -> dict[str, Any]:
    return made(books.post(of, body))


def customer(books: Any, **body: Any) -> dict[str, Any]:
    return new(books, "customers", **{"displayName": "Master data", **body})


def first(books: Any, of: str, where: str = "") -> dict[str, Any]:
    query = f"?$filter={where}" if where else "?$top=1"
    return dict(books.get(of + query).json()["value"][0])


@pytest.mark.parametrize("of", PROPERTIES)
def test_the_properties_and_their_order(books: Any, of: str) -> None:
    """The tag first, then the page's order; nothing is null."""
    row = first(books, of)
    names = [name for name in row if "@" not in name]

    assert next(iter(row)) == "@odata.etag"
    assert names == PROPERTIES[of].split()
    assert None not in row.values()


def test_the_properties_of_companies(books: Any) -> None:
    """Companies have no tag."""
    row = books.get(f"{books.root}/companies({books.company_id})").json()

    assert [name for name in row if "@" not in name] == [
        "id",
        "systemVersion",
        "timestamp",
        "name",
        "displayName",
        "businessProfileId",
        "systemCreatedAt",
        "systemCreatedBy",
        "systemModifiedAt",
        "systemModifiedBy",
    ]
    assert "@odata.etag" not in row
    assert row["timestamp"] > 0


@pytest.mark.parametrize("of", READ_ONLY)
def test_what_can_only_be_read(books: Any, of: str) -> None:
    """No verb but GET."""
    id = first(books, of)["id"]
    answers = (books.post(of, {}), books.patch(f"{of}({id})", {}), books.delete(f"{of}({id})"))

    assert [refusal(a) for a in answers] == [(405, "BadRequest_MethodNotAllowed")] * 3


@pytest.mark.parametrize("of", CODED)
def test_a_coded_entity_from_birth_to_death(books: Any, of: str) -> None:
    """Created, read, changed with the tag, renamed, deleted, gone."""
    code = fresh()
    row = new(books, of, code=code.lower(), displayName="one")
    at = f"{of}({row['id']})"
    assert row["code"] == code
    assert books.get(at).json() == row

    two = changed(books.patch(at, {"displayName": "two"}, etag=row["@odata.etag"]))
    assert two["displayName"] == "two"
    assert two["@odata.etag"] != row["@odata.etag"]
    assert refusal(books.patch(at, {"displayName": "three"}, etag=row["@odata.etag"])) == (
        409,
        "Request_EntityChanged",
    )
    other = fresh("R")
    assert changed(books.patch(at, {"code": other}))["code"] == other

    assert books.delete(at).status_code == 204
    assert refusal(books.get(at)) == (404, "BadRequest_ResourceNotFound")


@pytest.mark.parametrize("of", CODED)
def test_a_code_is_required_and_unique(books: Any, of: str) -> None:
    """Missing, blank, blanked later, taken."""
    missing = (400, "BadRequest_RequiredParamNotProvided")
    row = new(books, of, code=fresh())

    assert refusal(books.post(of, {"displayName": "x"})) == missing
    assert refusal(books.post(of, {"code": ""})) == missing
    assert refusal(books.patch(f"{of}({row['id']})", {"code": ""})) == missing
    assert refusal(books.post(of, {"code": row["code"]})) == (400, "Internal_EntityWithSameKeyExists")


def test_company_information_is_one_row_that_can_be_changed(books: Any) -> None:
    """PATCH is the only way to write; the currency follows from the set-up."""
    rows = books.get("companyInformation").json()["value"]
    at = f"companyInformation({rows[0]['id']})"

    assert len(rows) == 1
    assert rows[0]["currencyCode"] == "EUR"
    assert rows[0]["currentFiscalYearStartDate"].endswith("-01-01")
    assert changed(books.patch(at, {"faxNumber": "+49 1"}))["faxNumber"] == "+49 1"
    assert refusal(books.patch(at, {"experience": "Deluxe"})) == (400, "Application_DialogException")
    assert refusal(books.patch(at, {"country": "XX"})) == (400, "Internal_InvalidTableRelation")
    assert refusal(books.patch(at, {"currencyCode": "USD"})) == (400, "BadRequest_InvalidOperation")
    assert refusal(books.post("companyInformation", {})) == (405, "BadRequest_MethodNotAllowed")
    assert refusal(books.delete(at)) == (405, "BadRequest_MethodNotAllowed")


# --------------------------------------------------------------------------- customers


def test_a_customer_with_a_name_alone(books: Any) -> None:
    """The number comes from the series, in hundreds; the local currency shows beside a blank id."""
    row = customer(books)
    next_row = customer(books)

    assert int(next_row["number"]) == int(row["number"]) + 100
    assert (row["type"], row["blocked"], row["currencyCode"], row["currencyId"]) == (
        "Company",
        "_x0020_",
        "EUR",
        BLANK,
    )
    assert (row["balanceDue"], row["paymentTermsId"]) == (0, BLANK)


def test_a_number_may_be_chosen_and_is_skipped_by_the_series(books: Any) -> None:
    """The series never trips over a number that somebody typed."""
    last = int(customer(books)["number"])
    chosen = customer(books, number=str(last + 100))

    assert chosen["number"] == str(last + 100)
    assert customer(books)["number"] == str(last + 200)
    assert refusal(books.post("customers", {"displayName": "x", "number": chosen["number"]})) == (
        400,
        "Internal_EntityWithSameKeyExists",
    )


@pytest.mark.parametrize("body", [{}, {"displayName": ""}, {"number": "NONAME"}])
def test_a_customer_has_a_name(books: Any, body: dict[str, Any]) -> None:
    """The page says it by a dialog error."""
    assert refusal(books.post("customers", body)) == (400, "Application_DialogException")


def test_a_name_and_a_number_cannot_be_blanked(books: Any) -> None:
    """What a customer must have, it keeps."""
    at = f"customers({customer(books)['id']})"

    assert refusal(books.patch(at, {"displayName": ""})) == (400, "Application_DialogException")
    assert refusal(books.patch(at, {"number": ""})) == (400, "BadRequest_RequiredParamNotProvided")


def test_a_currency_by_id_by_code_and_by_both(books: Any) -> None:
    """Either names it; the other one follows."""
    usd = first(books, "currencies", "code eq 'USD'")
    pair = (usd["id"], "USD")
    for body in (
        {"currencyId": usd["id"]},
        {"currencyCode": "usd"},
        {"currencyId": usd["id"], "currencyCode": "USD"},
        {"currencyId": BLANK, "currencyCode": "USD"},
        {"currencyId": usd["id"], "currencyCode": ""},
    ):
        row = customer(books, **body)
        assert (row["currencyId"], row["currencyCode"]) == pair, body

    at = f"customers({row['id']})"
    cleared = changed(books.patch(at, {"currencyCode": "EUR"}))
    assert (cleared["currencyId"], cleared["currencyCode"]) == (BLANK, "EUR")
    changed(books.patch(at, {"currencyCode": "USD"}))
    cleared = changed(books.patch(at, {"currencyId": BLANK}))
    assert (cleared["currencyId"], cleared["currencyCode"]) == (BLANK, "EUR")


DIALOG = (400, "Application_DialogException")
BAD = (400, "BadRequest")
RELATION = (400, "Internal_InvalidTableRelation")
STRANGER = "99999999-9999-4999-8999-999999999999"

UNKNOWN: list[tuple[dict[str, Any], tuple[int, str]]] = [
    ({"currencyId": STRANGER}, DIALOG),
    ({"currencyCode": "XXX"}, DIALOG),
    ({"paymentTermsId": STRANGER}, DIALOG),
    ({"paymentMethodId": STRANGER}, DIALOG),
    ({"shipmentMethodId": STRANGER}, DIALOG),
    ({"taxAreaId": STRANGER}, DIALOG),
    ({"country": "XX"}, RELATION),
    ({"salespersonCode": "NOBODY"}, RELATION),
    ({"creditLimit": -1}, DIALOG),
    ({"blocked": "Never"}, BAD),
]


@pytest.mark.parametrize(("body", "expected"), UNKNOWN, ids=[next(iter(b)) for b, _ in UNKNOWN])
def test_what_a_customer_names_must_exist(books: Any, body: dict[str, Any], expected: tuple[int, str]) -> None:
    """Ids, and codes beside an id, are refused by the page; other codes by the table relation."""
    assert refusal(books.post("customers", {"displayName": "x", **body})) == expected


def test_a_currency_and_its_code_must_agree(books: Any) -> None:
    """Two foreign ones, or a foreign id beside the local code."""
    usd = first(books, "currencies", "code eq 'USD'")["id"]
    for code in ("GBP", "EUR"):
        body = {"displayName": "x", "currencyId": usd, "currencyCode": code}

        assert refusal(books.post("customers", body)) == DIALOG


def test_what_was_read_can_be_sent_back(books: Any) -> None:
    """A client that reads, edits one field and writes the whole entity changes that field only."""
    usd = first(books, "currencies", "code eq 'USD'")["id"]
    for row in (customer(books), customer(books, currencyId=usd)):
        editable = {
            name: value
            for name, value in row.items()
            if "@" not in name and name not in ("id", "balanceDue", "taxAreaDisplayName", "lastModifiedDateTime")
        }
        after = changed(books.patch(f"customers({row['id']})", {**editable, "city": "Kiel"}))
        moving = ("@odata.etag", "lastModifiedDateTime", "@odata.context", "city")

        assert after["city"] == "Kiel"
        assert {k: v for k, v in after.items() if k not in moving} == {
            k: v for k, v in row.items() if k not in moving
        }


def test_an_empty_change_renews_the_tag(books: Any) -> None:
    """Every write does."""
    row = customer(books)

    assert changed(books.patch(f"customers({row['id']})", {}))["@odata.etag"] != row["@odata.etag"]


def test_a_customer_without_business_can_be_deleted(books: Any) -> None:
    """Its default dimensions go with it."""
    row = customer(books)
    dimension = first(books, "dimensions")
    default = new(books, f"customers({row['id']})/defaultDimensions", dimensionId=dimension["id"])

    assert books.delete(f"customers({row['id']})").status_code == 204
    assert refusal(books.get(f"customers({row['id']})")) == (404, "BadRequest_ResourceNotFound")
    assert books.get(f"defaultDimensions({default['id']})").status_code == 404


def test_a_customer_with_entries_cannot_be_deleted(books: Any) -> None:
    """The message says what stands against it."""
    row = first(books, "customers", "number eq '10400'")
    answer = books.delete(f"customers({row['id']})")

    assert refusal(answer) == DIALOG
    assert "ledger entries" in answer.json()["error"]["message"]


def test_a_customer_with_an_open_line_or_a_draft_cannot_be_deleted(books: Any) -> None:
    """A payment in a journal, a draft invoice: each is enough."""
    payer, buyer = customer(books), customer(books)
    journal = books.new_journal()
    made(books.post(f"customerPaymentJournals({journal})/customerPayments", {"customerId": payer["id"]}))
    new(books, "salesInvoices", customerId=buyer["id"])

    for row, what in ((payer, "open journal lines"), (buyer, "sales invoices")):
        answer = books.delete(f"customers({row['id']})")
        assert refusal(answer) == DIALOG
        assert what in answer.json()["error"]["message"]


def test_a_new_number_reaches_open_lines_and_drafts(books: Any) -> None:
    """What is not posted follows the customer."""
    row = customer(books)
    journal = books.new_journal()
    at = f"customerPaymentJournals({journal})/customerPayments"
    payment = made(books.post(at, {"customerId": row["id"]}))
    invoice = new(books, "salesInvoices", customerId=row["id"])
    number = fresh("N")
    renamed = changed(books.patch(f"customers({row['id']})", {"number": number}))

    assert renamed["number"] == number
    assert books.get(f"customerPayments({payment['id']})").json()["customerNumber"] == number
    draft = books.get(f"salesInvoices({invoice['id']})").json()
    assert (draft["customerNumber"], draft["billToCustomerNumber"]) == (number, number)


def test_a_posted_invoice_keeps_the_number_it_was_posted_with(books: Any) -> None:
    """It is a document; yet it is the renamed customer who owes it and pays it."""
    row = customer(books)
    account = first(books, "accounts", "category eq 'Income' and directPosting eq true")
    line = {"lineType": "Account", "accountId": account["id"], "quantity": 1, "unitPrice": 80, "taxCode": "EXEMPT"}
    invoice = new(books, "salesInvoices", customerId=row["id"], salesInvoiceLines=[line])
    assert books.post(f"salesInvoices({invoice['id']})/Microsoft.NAV.post").status_code == 204
    number = fresh("N")
    changed(books.patch(f"customers({row['id']})", {"number": number}))
    journal = books.new_journal(balanced=True)
    body = {"customerNumber": number, "amount": -30, "appliesToInvoiceId": invoice["id"]}
    made(books.post(f"customerPaymentJournals({journal})/customerPayments", body))
    assert books.post(f"journals({journal})/Microsoft.NAV.post").status_code == 204

    posted = books.get(f"salesInvoices({invoice['id']})").json()
    assert (posted["customerNumber"], posted["remainingAmount"]) == (row["number"], 50)
    assert books.get(f"customers({row['id']})").json()["balanceDue"] == 50


def test_balance_and_financial_detail(fresh_books: Any) -> None:
    """The demo's disputed invoice alone makes its customer overdue; sums agree with the open invoices."""
    books = fresh_books
    row = first(books, "customers", "number eq '10400'")
    detail = books.get(f"customers({row['id']})/customerFinancialDetail").json()
    open_invoices = books.get("salesInvoices?$filter=customerNumber eq '10400' and status eq 'Open'").json()["value"]
    expanded = books.get(f"customers({row['id']})?$expand=customerFinancialDetail").json()

    assert detail["id"] == row["id"]
    assert detail["number"] == "10400"
    assert row["balanceDue"] == detail["balance"]
    assert row["balanceDue"] == pytest.approx(sum(i["remainingAmount"] for i in open_invoices))
    assert 0 < detail["overdueAmount"] <= detail["balance"]
    assert detail["totalSalesExcludingTax"] > 0
    assert expanded["customerFinancialDetail"]["balance"] == detail["balance"]
    assert books.get("customerFinancialDetails?$filter=number eq '10400'").json()["value"][0]["id"] == row["id"]


# --------------------------------------------------------------------------- terms, currencies, items


def test_date_formulas_are_stored_in_plain_form(books: Any) -> None:
    """Angle brackets, blanks and small letters go; nonsense is refused."""
    body = {"dueDateCalculation": "<1m + cm>", "discountDateCalculation": "8d", "discountPercent": 2.5}
    row = new(books, "paymentTerms", code=fresh(), **body)

    assert (row["dueDateCalculation"], row["discountDateCalculation"], row["discountPercent"]) == ("1M+CM", "8D", 2.5)
    assert books.post("paymentTerms", {"code": fresh(), "dueDateCalculation": "soon"}).status_code == 400
    assert refusal(books.patch(f"paymentTerms({row['id']})", {"discountPercent": 101})) == DIALOG


def test_terms_and_methods_in_use_stay(books: Any) -> None:
    """Until no customer has them."""
    terms, method = new(books, "paymentTerms", code=fresh()), new(books, "paymentMethods", code=fresh())
    buyer = customer(books, paymentTermsId=terms["id"], paymentMethodId=method["id"])
    at = (f"paymentTerms({terms['id']})", f"paymentMethods({method['id']})")

    assert [refusal(books.delete(one)) for one in at] == [DIALOG, DIALOG]
    assert books.delete(f"customers({buyer['id']})").status_code == 204
    assert [books.delete(one).status_code for one in at] == [204, 204]


def test_a_currency_in_use_is_neither_deleted_nor_renamed(books: Any) -> None:
    """Entries name it by its code."""
    usd = first(books, "currencies", "code eq 'USD'")
    at = f"currencies({usd['id']})"

    assert refusal(books.delete(at)) == DIALOG
    assert refusal(books.patch(at, {"code": "USX"})) == DIALOG
    assert changed(books.patch(at, {"symbol": "US$"}))["symbol"] == "US$"


@pytest.mark.parametrize(
    ("body", "good"),
    [
        ({"amountDecimalPlaces": "0:3"}, True),
        ({"amountDecimalPlaces": "2"}, True),
        ({"amountDecimalPlaces": "3:2"}, False),
        ({"amountDecimalPlaces": "2:9"}, False),
        ({"amountDecimalPlaces": "two"}, False),
        ({"amountDecimalPlaces": ""}, False),
        ({"amountRoundingPrecision": 0.05}, True),
        ({"amountRoundingPrecision": 0}, False),
        ({"amountRoundingPrecision": -0.01}, False),
    ],
)
def test_decimal_places_and_rounding_of_a_currency(books: Any, body: dict[str, Any], good: bool) -> None:
    """Least and most places, and a smallest amount above zero."""
    answer = books.post("currencies", {"code": fresh(), **body})

    assert answer.status_code == (201 if good else 400), answer.text


def test_an_item_with_a_name_alone(books: Any) -> None:
    """It can be sold at once: posting group, and the tax group that belongs to it."""
    row = new(books, "items", displayName="Sample")

    assert (row["type"], row["inventory"], row["number"] != "") == ("Inventory", 0, True)
    assert (row["generalProductPostingGroupCode"], row["taxGroupCode"]) == ("GOODS", "STANDARD")
    assert BLANK not in (row["generalProductPostingGroupId"], row["taxGroupId"])


def test_the_references_of_an_item(books: Any) -> None:
    """By id or by code, both ways round."""
    unit = first(books, "unitsOfMeasure", "code eq 'HOUR'")
    category = first(books, "itemCategories", "code eq 'SERVICES'")
    tax = first(books, "taxGroups", "code eq 'EXEMPT'")
    by_id = new(books, "items", baseUnitOfMeasureId=unit["id"], itemCategoryId=category["id"], taxGroupId=tax["id"])
    by_code = new(
        books,
        "items",
        baseUnitOfMeasureCode="HOUR",
        itemCategoryCode="SERVICES",
        taxGroupCode="EXEMPT",
        type="Service",
    )

    for row in (by_id, by_code):
        assert (row["baseUnitOfMeasureId"], row["baseUnitOfMeasureCode"]) == (unit["id"], "HOUR")
        assert (row["itemCategoryId"], row["itemCategoryCode"]) == (category["id"], "SERVICES")
        assert (row["taxGroupId"], row["taxGroupCode"]) == (tax["id"], "EXEMPT")
    assert refusal(books.delete(f"itemCategories({category['id']})")) == DIALOG
    assert refusal(books.patch(f"unitsOfMeasure({unit['id']})", {"code": "HRS"})) == DIALOG


@pytest.mark.parametrize(
    "body",
    [
        {"itemCategoryCode": "NONE"},
        {"taxGroupId": STRANGER},
        {"baseUnitOfMeasureCode": "NONE"},
        {"inventory": 5},
        {"unitPrice": -1},
    ],
)
def test_what_an_item_cannot_be(books: Any, body: dict[str, Any]) -> None:
    """Unknown references, stock from nowhere, negative prices."""
    assert refusal(books.post("items", body)) == DIALOG


def test_an_item_on_an_invoice_cannot_be_deleted(books: Any) -> None:
    """Neither while it is a draft nor later."""
    item = new(books, "items", displayName="Sold", unitPrice=10)
    invoice = new(books, "salesInvoices", customerId=customer(books)["id"])
    line = {"itemId": item["id"], "quantity": 1}
    made(books.post(f"salesInvoices({invoice['id']})/salesInvoiceLines", line))

    assert refusal(books.delete(f"items({item['id']})")) == DIALOG


# --------------------------------------------------------------------------- dimensions


def values_of(books: Any, code: str) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    dimension = first(books, "dimensions", f"code eq '{code}'")
    return dimension, books.get(f"dimensions({dimension['id']})/dimensionValues").json()["value"]


def test_the_values_of_a_dimension(books: Any) -> None:
    """Through their dimension, and back."""
    dimension, values = values_of(books, "REGION")
    back = books.get(f"dimensionValues({values[0]['id']})/dimension").json()

    assert [v["code"] for v in values] == ["EAST", "NORTH", "SOUTH", "WEST"]
    assert {v["dimensionId"] for v in values} == {dimension["id"]}
    assert back["id"] == dimension["id"]


def test_a_default_dimension_from_birth_to_death(books: Any) -> None:
    """Made below its customer, changed, deleted; the codes follow the ids."""
    row = customer(books)
    dimension, values = values_of(books, "REGION")
    at = f"customers({row['id']})/defaultDimensions"
    default = made(books.post(at, {"dimensionId": dimension["id"], "dimensionValueId": values[0]["id"]}))
    one = f"defaultDimensions({default['id']})"

    assert (default["parentType"], default["parentId"]) == ("Customer", row["id"])
    assert (default["dimensionCode"], default["dimensionValueCode"]) == ("REGION", "EAST")
    assert default["postingValidation"] == "_x0020_"
    body = {"dimensionValueId": values[1]["id"], "postingValidation": "Same_x0020_Code"}
    after = changed(books.patch(one, body))
    assert (after["dimensionValueCode"], after["postingValidation"]) == ("NORTH", "Same_x0020_Code")
    assert changed(books.patch(one, {"dimensionValueId": BLANK}))["dimensionValueCode"] == ""
    assert [d["id"] for d in books.get(at).json()["value"]] == [default["id"]]
    assert books.delete(one).status_code == 204
    assert books.get(at).json()["value"] == []


def test_a_default_dimension_with_its_parent_in_the_body(books: Any) -> None:
    """The flat address works when the body says whose it is."""
    item = new(books, "items", displayName="With dimension")
    dimension, values = values_of(books, "DEPARTMENT")
    body = {"parentType": "Item", "parentId": item["id"], "dimensionValueId": values[0]["id"]}
    row = new(books, "defaultDimensions", **body)

    assert row["dimensionId"] == dimension["id"]
    assert books.get(f"items({item['id']})/defaultDimensions").json()["value"][0]["id"] == row["id"]
    taken = books.post("defaultDimensions", {**body, "dimensionId": dimension["id"]})
    assert refusal(taken) == (400, "Internal_EntityWithSameKeyExists")


def test_what_a_default_dimension_cannot_be(books: Any) -> None:
    """Without parent, of a stranger, with a value of another dimension, with a value that is forbidden."""
    row = customer(books)
    region, regions = values_of(books, "REGION")
    _, departments = values_of(books, "DEPARTMENT")
    at = f"customers({row['id']})/defaultDimensions"
    no_code = {
        "dimensionId": region["id"],
        "dimensionValueId": regions[0]["id"],
        "postingValidation": "No_x0020_Code",
    }
    answers = {
        "no parent": books.post("defaultDimensions", {"dimensionId": region["id"]}),
        "a stranger": books.post(
            "defaultDimensions", {"parentType": "Customer", "parentId": STRANGER, "dimensionId": region["id"]}
        ),
        "a vendor": books.post(
            "defaultDimensions", {"parentType": "Vendor", "parentId": row["id"], "dimensionId": region["id"]}
        ),
        "no dimension": books.post(at, {}),
        "unknown dimension": books.post(at, {"dimensionId": STRANGER}),
        "unknown value": books.post(at, {"dimensionId": region["id"], "dimensionValueId": STRANGER}),
        "other value": books.post(at, {"dimensionId": region["id"], "dimensionValueId": departments[0]["id"]}),
        "forbidden value": books.post(at, no_code),
    }
    default = made(books.post(at, {"dimensionId": region["id"]}))
    moved = {"dimensionId": departments[0]["dimensionId"]}
    answers["another dimension"] = books.patch(f"defaultDimensions({default['id']})", moved)

    assert {what: refusal(answer) for what, answer in answers.items()} == dict.fromkeys(answers, DIALOG)


def test_a_customer_with_its_default_dimensions_in_one_request(books: Any) -> None:
    """A deep insert."""
    dimension, values = values_of(books, "REGION")
    row = customer(books, defaultDimensions=[{"dimensionId": dimension["id"], "dimensionValueId": values[2]["id"]}])

    defaults = books.get(f"customers({row['id']})/defaultDimensions").json()["value"]
    assert [d["dimensionValueCode"] for d in defaults] == ["SOUTH"]


# --------------------------------------------------------------------------- the rest


def test_the_net_change_of_accounts(books: Any) -> None:
    """All posting accounts together are zero; each is the sum of its entries, a total that of its accounts."""
    accounts = books.get("accounts").json()["value"]
    moved = next(a for a in accounts if a["netChange"])
    entries = books.get(f"generalLedgerEntries?$filter=accountNumber eq '{moved['number']}'").json()["value"]

    posting = [a for a in accounts if a["accountType"] == "Posting"]
    assert round(sum(a["netChange"] for a in posting), 2) == 0
    assert moved["netChange"] == pytest.approx(sum(e["debitAmount"] - e["creditAmount"] for e in entries))
    assert {e["accountId"] for e in entries} == {moved["id"]}
    by_number = {a["number"]: a["netChange"] for a in accounts}
    assert by_number["1399"] != 0
    assert by_number["1399"] == pytest.approx(sum(a["netChange"] for a in posting if "1300" <= a["number"] <= "1399"))
    above = books.get("accounts?$filter=netChange gt 0&$orderby=netChange desc").json()["value"]
    assert [a["netChange"] for a in above] == sorted((n for n in by_number.values() if n > 0), reverse=True)
    assert {a["accountType"] for a in accounts} == {"Posting", "Heading", "Begin_x002D_Total", "End_x002D_Total"}


def test_general_ledger_entries_come_in_order_and_lead_to_accounts(books: Any) -> None:
    """By entry number, with the account and the dimensions one step away."""
    rows = books.get("generalLedgerEntries?$top=5&$expand=account,dimensionSetLines").json()["value"]

    assert [r["entryNumber"] for r in rows] == sorted(r["entryNumber"] for r in rows)
    assert all(r["account"]["number"] == r["accountNumber"] for r in rows)
    assert any(r["dimensionSetLines"] for r in rows)


def test_persons_belong_to_companies(books: Any) -> None:
    """The company's name follows; a company is its own."""
    company = new(books, "contacts", displayName="Acorn")
    person = new(books, "contacts", displayName="Ada", type="Person", companyNumber=company["number"])

    assert (company["companyNumber"], company["companyName"]) == (company["number"], "Acorn")
    assert (person["companyName"], person["searchName"]) == ("Acorn", "ADA")
    number = fresh("C")
    changed(books.patch(f"contacts({company['id']})", {"number": number, "displayName": "Oak"}))
    person = books.get(f"contacts({person['id']})").json()
    assert (person["companyNumber"], person["companyName"]) == (number, "Oak")
    assert refusal(books.delete(f"contacts({company['id']})")) == DIALOG
    assert books.delete(f"contacts({person['id']})").status_code == 204
    assert books.delete(f"contacts({company['id']})").status_code == 204
    assert refusal(books.post("contacts", {"type": "Person"})) == DIALOG
    assert refusal(books.post("contacts", {"displayName": "x", "type": "Person", "companyNumber": "NO"})) == DIALOG


def test_a_bank_account(books: Any) -> None:
    """The number is chosen; the currency is named as a customer's."""
    usd = first(books, "currencies", "code eq 'USD'")
    number = fresh("B")
    row = new(books, "bankAccounts", number=number, displayName="Dollars", currencyCode="USD")
    at = f"bankAccounts({row['id']})"

    assert (row["number"], row["currencyId"], row["blocked"]) == (number, usd["id"], False)
    assert changed(books.patch(at, {"currencyCode": "EUR"}))["currencyId"] == BLANK
    assert refusal(books.post("bankAccounts", {})) == (400, "BadRequest_RequiredParamNotProvided")
    assert books.delete(at).status_code == 204
