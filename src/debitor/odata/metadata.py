"""Entity sets -> `$metadata` (CSDL in XML) and the service document.

The order is the one that clients of Business Central know: enums, entity types, actions, the container, annotations.
Properties that are hidden, and navigations that lead outside the catalog, are left out. Outlines are types without a
set. Under `$schemaversion=1.0` enums are strings: that version of Business Central's API knows no enum types.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from xml.sax.saxutils import quoteattr

import msgspec

from debitor.odata.delta import feeds_of
from debitor.odata.parameters import structures_of
from debitor.schema import Action, EntitySet, Items, Navigation, Property, Structure, WireEnum

NAMESPACE = "Microsoft.NAV"


ENTITY_METADATA = """<EntityType Name="entityMetadata">
<Key>
<PropertyRef Name="entityName" />
</Key>
<Property Name="entityName" Type="Edm.String" Nullable="false" />
<Property Name="entitySetName" Type="Edm.String" />
<Property Name="entityCaptions" Type="Collection(Microsoft.NAV.entityMetadataLabel)" />
<Property Name="entitySetCaptions" Type="Collection(Microsoft.NAV.entityMetadataLabel)" />
<Property Name="properties" Type="Collection(Microsoft.NAV.entityMetadataField)" />
<Property Name="actions" Type="Collection(Microsoft.NAV.entityMetadataAction)" />
<Property Name="enumMembers" Type="Collection(Microsoft.NAV.entityMetadataEnumMember)" />
</EntityType>
<ComplexType Name="entityMetadataLabel">
<Property Name="languageCode" Type="Edm.Int32" Nullable="false" />
<Property Name="caption" Type="Edm.String" Nullable="false" />
</ComplexType>
<ComplexType Name="entityMetadataField">
<Property Name="name" Type="Edm.String" Nullable="false" />
<Property Name="captions" Type="Collection(Microsoft.NAV.entityMetadataLabel)" />
</ComplexType>
<ComplexType Name="entityMetadataAction">
<Property Name="name" Type="Edm.String" Nullable="false" />
<Property Name="captions" Type="Collection(Microsoft.NAV.entityMetadataLabel)" />
</ComplexType>
<ComplexType Name="entityMetadataEnumMember">
<Property Name="name" Type="Edm.String" Nullable="false" />
<Property Name="value" Type="Edm.Int32" Nullable="false" />
<Property Name="captions" Type="Collection(Microsoft.NAV.entityMetadataLabel)" />
</ComplexType>"""
"""What describes the entities of an API to programs that show them: see definitions.py."""


def metadata_of(catalog: Mapping[str, EntitySet], *, strict: bool, version: str = "2.0") -> bytes:
    """Return the XML document.

    Args:
        catalog: the entity sets and outlines by name.
        strict: leave out actions that Business Central does not have.
        version: the schema version; in 1.0 enums are strings.
    """
    types = _ordered(catalog)
    sets = [of for of in types if not of.outline]
    enums = version != "1.0"
    lines = [
        '<?xml version="1.0" encoding="utf-8"?>',
        '<edmx:Edmx Version="4.0" xmlns:edmx="http://docs.oasis-open.org/odata/ns/edmx">',
        "<edmx:DataServices>",
        f'<Schema Namespace="{NAMESPACE}" xmlns="http://docs.oasis-open.org/odata/ns/edm">',
    ]
    lines.append(ENTITY_METADATA)
    for members in _enums(sets, strict) if enums else ():
        lines.extend(_enum_type(members))
    for of in types:
        lines.extend(_entity_type(of, catalog, enums))
    for structure in _structures(sets, strict):
        lines.extend(_complex_type(structure, enums))
    lines.extend(_actions(sets, strict, enums))
    lines.append('<EntityContainer Name="NAV">')
    lines.append(f'<EntitySet Name="entityDefinitions" EntityType="{NAMESPACE}.entityMetadata" />')
    for of in sets:
        lines.extend(_entity_set(of, strict))
    lines.append("</EntityContainer>")
    lines.extend(_annotations(types, catalog))
    lines.extend(("</Schema>", "</edmx:DataServices>", "</edmx:Edmx>", ""))
    return "\n".join(lines).encode()


def service_document_of(catalog: Mapping[str, EntitySet], root: str) -> bytes:
    """Return the service document: the entity sets, with addresses relative to the API root."""
    sets = (of for of in _ordered(catalog) if not of.outline)
    value = [{"name": of.name, "kind": "EntitySet", "url": of.name} for of in sets]
    return msgspec.json.encode({"@odata.context": f"{root}/$metadata", "value": value})


def _ordered(catalog: Mapping[str, EntitySet]) -> list[EntitySet]:
    """Return the sets: those at the root first, then those of a company, each in catalog order."""
    return sorted(catalog.values(), key=lambda of: of.company)


def _enums(sets: Iterable[EntitySet], strict: bool) -> list[type[WireEnum]]:
    sets = list(sets)
    found: dict[str, type[WireEnum]] = {}
    named: list[Property | Items] = [known for of in sets for known in _properties(of)]
    for _, action in _bound(sets, strict):
        named += action.takes
    for structure in _structures(sets, strict):
        named += structure.members
    for known in named:
        if isinstance(known, Property) and known.type.enum is not None:
            found.setdefault(known.type.enum.__edm__, known.type.enum)
    return list(found.values())


def _properties(of: EntitySet) -> list[Property]:
    return [p for p in of.properties if not p.hidden]


def _navigations(of: EntitySet, catalog: Mapping[str, EntitySet]) -> list[Navigation]:
    return [n for n in of.navigations if n.target in catalog]


def _enum_type(members: type[WireEnum]) -> Iterator[str]:
    yield f"<EnumType Name={quoteattr(members.__edm__)}>"
    for member in members:
        yield f'<Member Name={quoteattr(member.value)} Value="{member.ordinal}" />'
    yield "</EnumType>"


def _entity_type(of: EntitySet, catalog: Mapping[str, EntitySet], enums: bool) -> Iterator[str]:
    yield f'<EntityType Name="{of.entity}">'
    yield "<Key>"
    for name in of.key:
        yield f'<PropertyRef Name="{name}" />'
    yield "</Key>"
    # Key properties come first here, wherever the page has them.
    keys = [of.by_name[name] for name in of.key]
    for known in (*keys, *(p for p in _properties(of) if p not in keys)):
        yield _property(known, enums)
    for navigation in _navigations(of, catalog):
        yield from _navigation(navigation, catalog)
    if of.name == "companies":
        for target in catalog.values():
            if target.company:
                yield (
                    f'<NavigationProperty Name="{target.name}" Type="Collection({NAMESPACE}.{target.entity})" '
                    'ContainsTarget="true" />'
                )
        yield from _alternate_keys([n for n in ("businessProfileId", "name") if n in of.by_name])
    yield "</EntityType>"


def _property(known: Property, enums: bool) -> str:
    kind = known.type.edm if enums or known.type.enum is None else "Edm.String"
    facets = f'Name="{known.name}" Type="{kind}"'
    if not known.nullable:
        facets += ' Nullable="false"'
    if known.type.kind in ("code", "text") and known.type.length is not None:
        facets += f' MaxLength="{known.type.length}"'
    if known.type.kind in ("decimal", "factor"):
        facets += ' Scale="Variable"'
    return f"<Property {facets} />"


def _navigation(navigation: Navigation, catalog: Mapping[str, EntitySet]) -> Iterator[str]:
    entity = f"{NAMESPACE}.{catalog[navigation.target].entity}"
    kind = f"Collection({entity})" if navigation.many else entity
    partner = f' Partner="{navigation.partner}"' if navigation.partner else ""
    yield f'<NavigationProperty Name="{navigation.name}" Type="{kind}"{partner} ContainsTarget="true">'
    for ours, theirs in navigation.on:
        yield f'<ReferentialConstraint Property="{ours}" ReferencedProperty="{theirs}" />'
    yield "</NavigationProperty>"


def _alternate_keys(names: list[str]) -> Iterator[str]:
    if not names:
        return
    term = "OData.Community.Keys.V1"
    yield f'<Annotation Term="{term}.AlternateKeys">'
    yield "<Collection>"
    for name in names:
        yield f'<Record Type="{term}.AlternateKey">'
        yield '<PropertyValue Property="Key">'
        yield "<Collection>"
        yield f'<Record Type="{term}.PropertyRef">'
        yield f'<PropertyValue Property="Alias" String="{name}" />'
        yield f'<PropertyValue Property="Name" PropertyPath="{name}" />'
        yield "</Record>"
        yield "</Collection>"
        yield "</PropertyValue>"
        yield "</Record>"
    yield "</Collection>"
    yield "</Annotation>"


def _structures(sets: Iterable[EntitySet], strict: bool) -> list[Structure]:
    """Return the complex types of all actions, each once."""
    found: dict[str, Structure] = {}
    for _, action in _bound(sets, strict):
        for structure in (*structures_of(action.takes), *_given(action)):
            known = found.setdefault(structure.name, structure)
            assert known == structure, f"two structures are called {structure.name}"
    return list(found.values())


def _given(action: Action) -> Iterator[Structure]:
    if action.gives is not None:
        yield from structures_of(action.gives.members)
        yield action.gives


def _complex_type(structure: Structure, enums: bool) -> Iterator[str]:
    yield f'<ComplexType Name="{structure.name}">'
    for member in structure.members:
        if isinstance(member, Items):
            kind = f"Collection({NAMESPACE}.{member.of.name})"
            yield f'<Property Name="{member.name}" Type="{kind}" Nullable="false" />'
        else:
            yield _property(member, enums)
    yield "</ComplexType>"


def _bound(sets: Iterable[EntitySet], strict: bool) -> list[tuple[EntitySet, Action]]:
    bound = [(of, action) for of in sets for action in of.actions if action.strict or not strict]
    return sorted(bound, key=lambda pair: pair[1].name)


def _actions(sets: Iterable[EntitySet], strict: bool, enums: bool) -> Iterator[str]:
    for of, action in _bound(sets, strict):
        yield f'<Action Name="{action.name}" IsBound="true">'
        yield f'<Parameter Name="bindingParameter" Type="{NAMESPACE}.{of.entity}" />'
        for taken in action.takes:
            if isinstance(taken, Items):
                kind = f"Collection({NAMESPACE}.{taken.of.name})"
                yield f'<Parameter Name="{taken.name}" Type="{kind}" Nullable="{str(taken.nullable).lower()}" />'
            else:
                yield _property(taken, enums).replace("<Property ", "<Parameter ")
        if action.gives is not None:
            yield f'<ReturnType Type="{NAMESPACE}.{action.gives.name}" Nullable="false" />'
        yield "</Action>"


def _entity_set(of: EntitySet, strict: bool) -> Iterator[str]:
    yield f'<EntitySet Name="{of.name}" EntityType="{NAMESPACE}.{of.entity}">'
    for term, flag, value in (
        ("ChangeTracking", "Supported", not strict and feeds_of(of) is not None),
        ("DeleteRestrictions", "Deletable", of.remove is not None),
        ("InsertRestrictions", "Insertable", of.create is not None),
        ("UpdateRestrictions", "Updatable", of.change is not None),
        ("SortRestrictions", "Sortable", of.sortable),
    ):
        yield f'<Annotation Term="Org.OData.Capabilities.V1.{term}">'
        yield "<Record>"
        yield f'<PropertyValue Property="{flag}" Bool="{str(value).lower()}" />'
        yield "</Record>"
        yield "</Annotation>"
    yield "</EntitySet>"


def _annotations(sets: Iterable[EntitySet], catalog: Mapping[str, EntitySet]) -> Iterator[str]:
    sets = list(sets)
    for of in sets:
        for known in _properties(of):
            if known.language_dependent:
                yield from _annotation(f"{of.entity}/{known.name}", "Org.OData.Core.V1.IsLanguageDependent")
    for of in sets:
        for navigation in _navigations(of, catalog):
            if navigation.kind == "partner":
                yield from _annotation(
                    f"{of.entity}/{navigation.name}", f"{NAMESPACE}.IsBidirectionalPartnerNavigation"
                )


def _annotation(target: str, term: str) -> Iterator[str]:
    yield f'<Annotations Target="{NAMESPACE}.{target}">'
    yield f'<Annotation Term="{term}" Bool="true" />'
    yield "</Annotations>"
