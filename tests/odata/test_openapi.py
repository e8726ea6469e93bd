"""The OpenAPI document as data: what it says of sets, and that it is valid and always the same."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from debitor.apis import APIS, Api
from debitor.entities import CATALOG as BOOKS
from debitor.entities.texts import about
from debitor.odata.openapi import document_of
from debitor.odata.service import strict_catalog
from debitor.reference import openapi_document
from odata.host import CATALOG as TOYS

ORIGIN = "http://127.0.0.1:7048"


def document(*, strict: bool = False) -> dict[str, Any]:
    catalog = strict_catalog(TOYS) if strict else TOYS
    return document_of(
        catalog,
        strict=strict,
        root=f"{ORIGIN}/api",
        token_url=f"{ORIGIN}/token",
        title="toys",
        summary="Toys",
        introduction="Toys.",
        version="1",
        about={},
        examples={},
    )


def operations(made: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, verbs in made["paths"].items():
        for verb, operation in verbs.items():
            yield verb, path, operation


def refs(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        if isinstance(node.get("$ref"), str):
            yield node["$ref"]
        for value in node.values():
            yield from refs(value)
    elif isinstance(node, list):
        for value in node:
            yield from refs(value)


@pytest.mark.parametrize("strict", [False, True])
def test_the_document_of_the_books_is_valid(strict: bool) -> None:
    made = openapi_document(strict=strict, origin=ORIGIN)

    assert list(OpenAPIV31SpecValidator(made).iter_errors()) == []


@pytest.mark.parametrize("api", APIS[1:], ids=lambda api: api.place)
def test_the_documents_of_the_other_apis_are_valid(api: Api) -> None:
    made = openapi_document(strict=False, origin=ORIGIN, api=api)

    assert list(OpenAPIV31SpecValidator(made).iter_errors()) == []
    assert made["servers"] == [{"url": f"{ORIGIN}{api.root}"}]


def test_the_document_of_toys_is_valid_too() -> None:
    """They have value kinds that the books may lack."""
    assert list(OpenAPIV31SpecValidator(document()).iter_errors()) == []


def test_it_is_the_same_every_time() -> None:
    assert json.dumps(openapi_document(strict=False, origin=ORIGIN)) == json.dumps(
        openapi_document(strict=False, origin=ORIGIN)
    )


def test_every_reference_leads_somewhere_and_every_component_is_used() -> None:
    made = openapi_document(strict=False, origin=ORIGIN)
    named = set(refs(made))
    there = {f"#/components/{kind}/{name}" for kind, all_ in made["components"].items() for name in all_}

    assert named <= there
    assert {r for r in there if "/securitySchemes/" not in r} <= named


def test_operations_have_names_of_their_own() -> None:
    names = [
        operation["operationId"] for _, _, operation in operations(openapi_document(strict=False, origin=ORIGIN))
    ]

    assert len(names) == len(set(names))
    assert all(name.isalnum() and name[0].islower() for name in names)


def test_every_set_is_there_with_the_verbs_that_it_takes() -> None:
    paths = openapi_document(strict=False, origin=ORIGIN)["paths"]
    for of in BOOKS.values():
        at = f"/companies({{company_id}})/{of.name}" if of.company else f"/{of.name}"
        if of.name == "dimensionSetLines":
            # Their ids are those of dimensions, so they are found and made below what has them only.
            at = "/companies({company_id})/salesInvoices({id})/dimensionSetLines"
        key = {"companies": "{company_id}", "subscriptions": "'{key}'", "dimensionSetLines": "{line_id}"}
        one = f"{at}({key.get(of.name, '{id}')})"
        if of.name == "contactsInformation":
            one = "/companies({company_id})/customers({id})/contactsInformation({line_id})"

        assert set(paths[at]) == {"get", *(["post"] if of.create else [])}, of.name
        assert (one in paths) == of.addressable, of.name
        if not of.addressable:
            continue
        assert set(paths[one]) == {
            "get",
            *(["post"] if of.client_ids else []),
            *(["patch"] if of.change else []),
            *(["put"] if of.change and of.rows is None else []),
            *(["delete"] if of.remove else []),
        }, of.name
        assert "get" in paths[f"{at}/$count"]
        for action in of.actions:
            assert "post" in paths[f"{one}/Microsoft.NAV.{action.name}"]


def test_every_property_has_its_type_and_length() -> None:
    schemas = openapi_document(strict=False, origin=ORIGIN)["components"]["schemas"]
    customer, create, update = (schemas[name] for name in ("customer", "customerCreate", "customerUpdate"))

    assert customer["properties"]["displayName"] == {"type": "string", "maxLength": 100}
    assert customer["properties"]["balanceDue"] == {"type": "number", "readOnly": True}
    assert customer["properties"]["id"] == {"type": "string", "format": "uuid", "readOnly": True}
    assert "balanceDue" not in create["properties"]
    assert "id" not in create["properties"]
    assert create["properties"]["displayName"]["type"] == ["string", "null"]
    assert "defaultDimensions" in create["properties"]
    assert "defaultDimensions" not in update["properties"]
    assert "_x0020_" in schemas["customerBlocked"]["enum"]


def test_a_patch_needs_a_tag_and_a_guarded_list_a_filter() -> None:
    paths = openapi_document(strict=False, origin=ORIGIN)["paths"]

    def names(path: str, verb: str) -> set[str]:
        return {p["$ref"].rpartition("/")[2] for p in paths[path][verb]["parameters"]}

    assert "if-match-required" in names("/companies({company_id})/customers({id})", "patch")
    assert "if-match" in names("/companies({company_id})/customers({id})", "delete")
    assert "filter-required" in names("/companies({company_id})/customerPayments", "get")
    assert "filter" in names("/companies({company_id})/customerPaymentJournals({id})/customerPayments", "get")


def test_what_a_list_takes_and_an_entity_answers() -> None:
    paths = openapi_document(strict=False, origin=ORIGIN)["paths"]
    strict = openapi_document(strict=True, origin=ORIGIN)
    listed = paths["/companies({company_id})/customers"]["get"]
    taken = {p["$ref"].rpartition("/")[2] for p in listed["parameters"]}

    assert {"skiptoken", "deltatoken", "prefer-list"} <= taken
    assert "304" in paths["/companies({company_id})/customers({id})"]["get"]["responses"]
    assert "304" in paths["/$metadata"]["get"]["responses"]
    assert "/entityDefinitions('{entity_name}')" in paths
    page = openapi_document(strict=False, origin=ORIGIN)["components"]["schemas"]["customerList"]["properties"]
    assert "@odata.deltaLink" in page
    assert "@odata.deltaLink" not in strict["components"]["schemas"]["customerList"]["properties"]
    listed = strict["paths"]["/companies({company_id})/customers"]["get"]
    assert "deltatoken" not in {p["$ref"].rpartition("/")[2] for p in listed["parameters"]}


def test_content_is_read_where_it_is_and_an_action_tells_what_it_makes() -> None:
    paths = openapi_document(strict=False, origin=ORIGIN)["paths"]
    content = paths["/companies({company_id})/salesInvoices({id})/pdfDocument/pdfDocumentContent"]["get"]
    made = paths["/companies({company_id})/salesInvoices({id})/Microsoft.NAV.makeCorrectiveCreditMemo"]["post"]

    assert list(content["responses"]["200"]["content"]) == ["application/octet-stream", "*/*"]
    assert "Location" in made["responses"]["204"]["headers"]


def test_strict_mode_leaves_out_what_business_central_lacks() -> None:
    def ids(strict: bool) -> set[str]:
        return {o["operationId"] for _, _, o in operations(openapi_document(strict=strict, origin=ORIGIN))}

    assert ids(False) - ids(True) == {
        "createCustomerPaymentWithId",
        "postCustomerPaymentJournal",
        "previewCustomerPaymentJournal",
    }
    assert (
        "contactId"
        in openapi_document(strict=False, origin=ORIGIN)["components"]["schemas"]["customerPayment"]["properties"]
    )
    assert (
        "contactId"
        not in openapi_document(strict=True, origin=ORIGIN)["components"]["schemas"]["customerPayment"]["properties"]
    )


def test_every_set_says_what_it_is() -> None:
    """The first words of its file, `customers: ...`, are what the reference shows."""
    for api in APIS:
        assert set(about(api.catalog)) == set(api.catalog), api.root
        assert not [n for n, told in about(api.catalog).items() if "Source:" in told or not told.endswith(".")]
