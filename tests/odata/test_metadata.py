"""The description of the service."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Iterator
from pathlib import Path

import pytest

from debitor.odata.metadata import metadata_of
from odata.host import CATALOG, ROOT, Wire, open_wire

EDM = "{http://docs.oasis-open.org/odata/ns/edm}"


@pytest.fixture
def wire(tmp_path: Path) -> Iterator[Wire]:
    made = open_wire(tmp_path)
    yield made
    made.store.close()


def schema(*, strict: bool = False) -> ET.Element:
    found = ET.fromstring(metadata_of(CATALOG, strict=strict)).find(f".//{EDM}Schema")
    assert found is not None
    return found


def entity(name: str) -> ET.Element:
    return next(e for e in schema().iter(f"{EDM}EntityType") if e.get("Name") == name)


def test_the_order_is_enums_types_structures_actions_container_annotations() -> None:
    found = schema()
    kinds = [
        child.tag.removeprefix(EDM) for child in found if not (child.get("Name") or "").startswith("entityMetadata")
    ]

    assert found.get("Namespace") == "Microsoft.NAV"
    assert list(dict.fromkeys(kinds)) == [
        "EnumType",
        "EntityType",
        "ComplexType",
        "Action",
        "EntityContainer",
        "Annotations",
    ]
    assert kinds == sorted(
        kinds, key=["EnumType", "EntityType", "ComplexType", "Action", "EntityContainer", "Annotations"].index
    )


def test_enums_have_the_members_of_the_wire() -> None:
    [genre] = schema().iter(f"{EDM}EnumType")

    assert genre.get("Name") == "genre"
    assert [(m.get("Name"), m.get("Value")) for m in genre][:3] == [
        ("_x0020_", "0"),
        ("Fiction", "1"),
        ("Science_x0020_Fiction", "2"),
    ]


@pytest.mark.parametrize(
    ("kind", "name", "facets"),
    [
        ("book", "id", {"Type": "Edm.Guid", "Nullable": "false"}),
        ("book", "isbn", {"Type": "Edm.String", "MaxLength": "20"}),
        ("book", "price", {"Type": "Edm.Decimal", "Scale": "Variable"}),
        ("book", "exchangeRate", {"Type": "Edm.Decimal", "Scale": "Variable"}),
        ("book", "published", {"Type": "Edm.Date"}),
        ("book", "genre", {"Type": "Microsoft.NAV.genre"}),
        ("book", "reprintEvery", {"Type": "Edm.String"}),
        ("book", "cover", {"Type": "Edm.Stream"}),
        ("book", "lastModifiedDateTime", {"Type": "Edm.DateTimeOffset"}),
        ("author", "biography", {"Type": "Edm.String"}),
        ("publisher", "code", {"Type": "Edm.String", "Nullable": "false", "MaxLength": "10"}),
        ("authorRoyalty", "dateFilter_FilterOnly", {"Type": "Edm.Date"}),
    ],
)
def test_properties_have_their_facets(kind: str, name: str, facets: dict[str, str]) -> None:
    [found] = [p for p in entity(kind).iter(f"{EDM}Property") if p.get("Name") == name]

    assert found.attrib == {"Name": name, **facets}


def test_properties_are_in_page_order_without_hidden_ones() -> None:
    names = [p.get("Name") for p in entity("author").iter(f"{EDM}Property")]

    assert names == [p.name for p in CATALOG["authors"].properties if p.name != "remark"]


def test_navigations_lead_inside_the_catalog_only() -> None:
    found = {n.get("Name"): n for n in entity("author").iter(f"{EDM}NavigationProperty")}

    assert list(found) == ["publisher", "books", "authorProfile", "authorRoyalty"]
    assert found["books"].attrib == {
        "Name": "books",
        "Type": "Collection(Microsoft.NAV.book)",
        "Partner": "author",
        "ContainsTarget": "true",
    }
    assert found["publisher"].get("Type") == "Microsoft.NAV.publisher"
    [constraint] = found["books"]
    assert constraint.attrib == {"Property": "id", "ReferencedProperty": "authorId"}


def test_a_company_holds_the_sets_and_has_alternate_keys() -> None:
    company = entity("company")

    names = [n.get("Name") for n in company.iter(f"{EDM}NavigationProperty")]
    assert names == ["publishers", "authors", "books", "authorProfiles", "authorRoyalties"]
    aliases = [v.get("String") for v in company.iter(f"{EDM}PropertyValue") if v.get("Property") == "Alias"]
    assert aliases == ["businessProfileId", "name"]


def test_actions_are_bound() -> None:
    def bound(strict: bool) -> list[tuple[str | None, str | None, str | None]]:
        return [
            (a.get("Name"), a.get("IsBound"), a[0].get("Type")) for a in schema(strict=strict).iter(f"{EDM}Action")
        ]

    assert bound(False) == [(n, "true", "Microsoft.NAV.author") for n in ("audit", "countBooks", "retire")]
    assert bound(True) == [(n, "true", "Microsoft.NAV.author") for n in ("audit", "retire")]


def test_the_container_says_what_each_set_allows() -> None:
    [container] = schema().iter(f"{EDM}EntityContainer")
    allowed = {
        of.get("Name"): [v.get("Bool") for v in of.iter(f"{EDM}PropertyValue")]
        for of in container.iter(f"{EDM}EntitySet")
    }

    assert container.get("Name") == "NAV"
    assert list(allowed)[:2] == ["entityDefinitions", "companies"]
    assert allowed["authors"] == ["true", "true", "true", "true", "true"]
    assert allowed["publishers"] == ["true", "false", "false", "false", "true"]
    assert allowed["authorRoyalties"] == ["false", "false", "false", "false", "false"]


def test_the_way_back_is_annotated() -> None:
    found = [(a.get("Target"), a[0].get("Term")) for a in schema().iter(f"{EDM}Annotations")]

    assert found == [("Microsoft.NAV.book/author", "Microsoft.NAV.IsBidirectionalPartnerNavigation")]


def test_it_is_served_at_the_root_and_below_a_company(wire: Wire) -> None:
    got = wire.send("GET", "$metadata", root=True)

    assert (got.status, got.headers["content-type"]) == (200, "application/xml")
    assert got.raw == metadata_of(CATALOG, strict=False)
    assert wire.get("$metadata").raw == got.raw


def test_the_service_document_lists_the_sets(wire: Wire) -> None:
    got = wire.send("GET", "", root=True)

    assert got.json["@odata.context"] == f"{ROOT}/$metadata"
    assert got.json["value"][0] == {"name": "companies", "kind": "EntitySet", "url": "companies"}
    assert [v["name"] for v in got.json["value"]][1:] == [
        "publishers",
        "authors",
        "books",
        "authorProfiles",
        "authorRoyalties",
    ]
    assert wire.send("HEAD", "", root=True).raw == b""


def test_enums_are_strings_in_schema_version_1(wire: Wire) -> None:
    """And another version than 1.0, 2.0 and 2.1 is refused."""
    old = wire.send("GET", "$metadata", query="$schemaversion=1.0", root=True)
    found = ET.fromstring(old.raw)

    assert not list(found.iter(f"{EDM}EnumType"))
    assert {p.get("Type") for p in found.iter(f"{EDM}Property") if p.get("Name") == "genre"} == {"Edm.String"}
    assert old.headers["etag"] != wire.send("GET", "$metadata", root=True).headers["etag"]
    assert wire.send("GET", "$metadata", query="$schemaversion=3.0", root=True).status == 400
