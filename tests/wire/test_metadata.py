"""`$metadata` over a socket against a table of facts: every type, facet, navigation, enum, action and capability.

metadata_facts.json holds what Business Central's own document says of the types of our slice, in short form:

    types    entity type -> {"key": [...], "properties": [[name, "Edm.String 20!"], ...], "navigations": {...}}
             `20` is MaxLength, `!` Nullable="false", `~` Scale="Variable"
    navigations   name -> [type, partner or "", [[property, referenced property], ...]]; `[]` after a type: collection
    enums    name -> members in order, each `name=value`
    sets     entity set -> [entity type, deletable, insertable, updatable, sortable]
    actions  entity type -> names
    ways_back     `type/navigation` with the annotation IsBidirectionalPartnerNavigation
"""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import pytest

from wire.conftest import Books

EDM = "{http://docs.oasis-open.org/odata/ns/edm}"
NAV = "Microsoft.NAV."
FACTS: dict[str, Any] = json.loads(Path(__file__).with_name("metadata_facts.json").read_text())
CAPABILITIES = ("DeleteRestrictions", "InsertRestrictions", "UpdateRestrictions", "SortRestrictions")


def short(kind: str | None) -> str:
    """`Collection(Microsoft.NAV.item)` -> `item[]`."""
    name = (kind or "").replace(NAV, "")
    return name[11:-1] + "[]" if name.startswith("Collection(") else name


def property_of(found: ET.Element) -> list[str]:
    facets = f"{short(found.get('Type'))}"
    facets += f" {found.get('MaxLength')}" if found.get("MaxLength") else ""
    facets += "!" if found.get("Nullable") == "false" else ""
    facets += "~" if found.get("Scale") == "Variable" else ""
    return [str(found.get("Name")), facets]


def navigation_of(found: ET.Element) -> list[Any]:
    assert found.get("ContainsTarget") == "true", found.get("Name")
    on = [[c.get("Property"), c.get("ReferencedProperty")] for c in found.iter(f"{EDM}ReferentialConstraint")]
    return [short(found.get("Type")), found.get("Partner", ""), on]


def facts_of(document: bytes, types: set[str]) -> dict[str, Any]:
    """What a document says of some types, in the form of the table."""
    schema = ET.fromstring(document).find(f".//{EDM}Schema")
    assert schema is not None
    made: dict[str, Any] = {"types": {}, "enums": {}, "sets": {}, "actions": {}, "ways_back": []}
    for of in schema.findall(f"{EDM}EntityType"):
        name = str(of.get("Name"))
        if name in types:
            made["types"][name] = {
                "key": [k.get("Name") for k in of.iter(f"{EDM}PropertyRef")],
                "properties": [property_of(p) for p in of.findall(f"{EDM}Property")],
                "navigations": {str(n.get("Name")): navigation_of(n) for n in of.findall(f"{EDM}NavigationProperty")},
            }
    used = {facets.split()[0].rstrip("!") for t in made["types"].values() for _, facets in t["properties"]}
    for enum in schema.findall(f"{EDM}EnumType"):
        if enum.get("Name") in used:
            made["enums"][enum.get("Name")] = [f"{m.get('Name')}={m.get('Value')}" for m in enum]
    for entity_set in schema.iter(f"{EDM}EntitySet"):
        kind = short(entity_set.get("EntityType"))
        if kind in types:
            flags = {
                str(a.get("Term")).rpartition(".")[2]: next(a.iter(f"{EDM}PropertyValue")).get("Bool") == "true"
                for a in entity_set.findall(f"{EDM}Annotation")
            }
            made["sets"][entity_set.get("Name")] = [kind, *(flags[name] for name in CAPABILITIES)]
    for action in schema.findall(f"{EDM}Action"):
        (parameter,) = action.findall(f"{EDM}Parameter")
        assert (action.get("IsBound"), parameter.get("Name")) == ("true", "bindingParameter")
        if short(parameter.get("Type")) in types:
            made["actions"].setdefault(short(parameter.get("Type")), []).append(action.get("Name"))
    for group in schema.findall(f"{EDM}Annotations"):
        target = short(group.get("Target"))
        for annotation in group:
            if target.partition("/")[0] in types and str(annotation.get("Term")).endswith("PartnerNavigation"):
                made["ways_back"].append(target)
    made["actions"] = {name: sorted(names) for name, names in made["actions"].items()}
    made["ways_back"].sort()
    return made


@pytest.mark.parametrize("address", ["$metadata", "companies({company})/$metadata", "$metadata?$schemaversion=2.1"])
def test_the_document_says_what_business_central_says(strict_books: Books, address: str) -> None:
    url = f"{strict_books.root}/{address.replace('{company}', strict_books.company_id)}"
    answer = strict_books.get(url)
    found = facts_of(answer.content, set(FACTS["types"]))

    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "application/xml")
    for what, wanted in FACTS.items():
        if isinstance(wanted, dict):
            assert found[what].keys() == wanted.keys(), what
            for name, each in wanted.items():
                assert found[what][name] == each, f"{what}: {name}"
        else:
            assert found[what] == wanted, what


def test_every_entity_set_of_the_service_document_is_a_type_of_the_table(strict_books: Books) -> None:
    names = {each["name"] for each in strict_books.get(strict_books.root).json()["value"]}

    assert names == set(FACTS["sets"])
    assert len(names) == 46


def test_documented_mode_adds_and_takes_nothing_away(books: Books) -> None:
    """Only the action that posts a payment journal, and that changes can be tracked."""
    found = facts_of(books.get(f"{books.root}/$metadata").content, set(FACTS["types"]))

    assert found["types"] == FACTS["types"]
    assert found["enums"] == FACTS["enums"]
    more = {name: names for name, names in found["actions"].items() if names != FACTS["actions"].get(name)}
    assert set(more) == {"customerPaymentJournal"}


def test_every_type_that_is_named_exists(books: Books) -> None:
    """A program that reads the document finds each type, partner and constrained property."""
    schema = ET.fromstring(books.get(f"{books.root}/$metadata").content).find(f".//{EDM}Schema")
    assert schema is not None
    types = {str(t.get("Name")): t for t in schema.findall(f"{EDM}EntityType")}
    known = types.keys() | {str(e.get("Name")) for e in schema.findall(f"{EDM}EnumType")}
    known |= {str(c.get("Name")) for c in schema.findall(f"{EDM}ComplexType")}

    def names(kind: str, tag: str) -> set[str]:
        return {str(p.get("Name")) for p in types[kind].findall(f"{EDM}{tag}")}

    for name, of in types.items():
        for each in of.findall(f"{EDM}Property"):
            kind = short(each.get("Type")).removesuffix("[]")
            assert kind.startswith("Edm.") or kind in known, f"{name}.{each.get('Name')}: {kind}"
        for each in of.findall(f"{EDM}NavigationProperty"):
            kind, partner, on = navigation_of(each)
            target = kind.removesuffix("[]")
            assert target in types, f"{name}.{each.get('Name')}: {target}"
            assert not partner or partner in names(target, "NavigationProperty"), f"{name}.{each.get('Name')}"
            for ours, theirs in on:
                assert ours in names(name, "Property"), f"{name}.{each.get('Name')}: {ours}"
                assert theirs in names(target, "Property"), f"{name}.{each.get('Name')}: {theirs}"
