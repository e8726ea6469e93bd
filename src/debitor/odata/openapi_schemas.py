"""The schemas of the OpenAPI document: what bodies and answers look like, made from the declarations of entity sets.

Each entity type gives up to four schemas: `customer` (what is read), `customerList`, `customerCreate` (what a POST
may hold) and `customerUpdate` (what a PATCH may hold). Enums are schemas of their own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from debitor.odata.delta import feeds_of
from debitor.odata.parameters import structures_of
from debitor.odata.payload import blank_of
from debitor.schema import LARGEST, Action, EntitySet, Items, Navigation, Property, Type, WireEnum

Schema = dict[str, Any]

ANNOTATIONS: Schema = {"@": {}}
"""Control information, such as `displayName@odata.type`, may stand beside every member."""

_SHAPES: dict[str, Schema] = {
    "guid": {"type": "string", "format": "uuid"},
    "code": {"type": "string"},
    "text": {"type": "string"},
    "formula": {"type": "string"},
    "decimal": {"type": "number"},
    "factor": {"type": "number"},
    "date": {"type": "string", "format": "date"},
    "datetime": {"type": "string", "format": "date-time"},
    "int32": {"type": "integer", "format": "int32"},
    "int64": {"type": "integer", "format": "int64"},
    "bool": {"type": "boolean"},
    "stream": {"type": "string", "format": "uri"},
}

_TOLD = {
    "code": "Trimmed and upper-cased.",
    "formula": "A date formula, such as 1M or CM+10D.",
    "date": "0001-01-01 is no date.",
    "stream": "The address of the content.",
}


def ref(name: str, section: str = "schemas") -> Schema:
    """Return a reference to a component."""
    return {"$ref": f"#/components/{section}/{name}"}


def title_of(name: str) -> str:
    """Return a camel-case name with a capital: `customerPayments` -> `CustomerPayments`."""
    return name[:1].upper() + name[1:]


def navigations_of(of: EntitySet, catalog: Mapping[str, EntitySet]) -> list[Navigation]:
    """Return the navigations that lead to sets of this catalog."""
    return [n for n in of.navigations if n.target in catalog]


def shape_of(kind: Type) -> Schema:
    """Return the schema of a value, without its limits."""
    if kind.enum is not None:
        return ref(kind.enum.__edm__)
    return dict(_SHAPES[kind.kind])


def _value(of: Property) -> Schema:
    made = shape_of(of.type)
    told = _TOLD.get(of.type.kind, "")
    if of.type.kind in ("code", "text", "formula") and of.longest is not None:
        made["maxLength"] = of.longest
    if told:
        made["description"] = told
    return made


def _read(of: Property) -> Schema:
    made = _value(of)
    if "$ref" in made:
        # Siblings of a reference confuse client generators; a list of one does not.
        return {"allOf": [made], "readOnly": True} if not of.editable else made
    if not of.editable:
        made["readOnly"] = True
    return made


def _written(of: Property) -> Schema:
    """What a client may send: null stands for the blank value where there is one."""
    made = _value(of)
    if of.type.kind == "decimal":
        made.update(exclusiveMinimum=-int(LARGEST), exclusiveMaximum=int(LARGEST))
    if of.type.kind in ("int32", "int64"):
        bits = 31 if of.type.kind == "int32" else 63
        made.update(minimum=-(2**bits), maximum=2**bits - 1)
    if blank_of(of) is None:
        return made
    if "$ref" in made:
        return {"oneOf": [made, {"type": "null"}]}
    made["type"] = [made["type"], "null"]
    return made


def entity_schema(of: EntitySet, catalog: Mapping[str, EntitySet]) -> Schema:
    """Return what is read of one entity. No member is required: `$select` leaves out the others."""
    members: Schema = {"@odata.context": {"type": "string", "readOnly": True}}
    if of.etag:
        members["@odata.etag"] = {"type": "string", "readOnly": True}
    members |= {p.name: _read(p) for p in of.properties if not p.filter_only and p.type.kind != "stream"}
    for navigation in navigations_of(of, catalog):
        target = ref(catalog[navigation.target].entity)
        if navigation.many:
            members[navigation.name] = {"type": "array", "items": target, "readOnly": True}
        else:
            members[navigation.name] = {"oneOf": [target, {"type": "null"}], "readOnly": True}
    return _closed(members)


def _closed(members: Schema) -> Schema:
    return {
        "type": "object",
        "properties": members,
        "patternProperties": ANNOTATIONS,
        "additionalProperties": False,
    }


def list_schema(of: EntitySet, *, strict: bool) -> Schema:
    """Return one page of entities."""
    members: Schema = {
        "@odata.context": {"type": "string"},
        "@odata.count": {"type": "integer", "format": "int64", "minimum": 0},
        "value": {"type": "array", "items": ref(of.entity)},
        "@odata.nextLink": {"type": "string", "description": "The address of the next page; absent on the last."},
    }
    if not strict and feeds_of(of) is not None:
        told = "The address of what changes from now on; on the last page, for those who prefer to track changes."
        members["@odata.deltaLink"] = {"type": "string", "description": told}
    made = _closed(members)
    made["required"] = ["value"]
    return made


def create_schema(of: EntitySet, catalog: Mapping[str, EntitySet], *, strict: bool) -> Schema:
    """Return what a POST may hold, nested parts included."""
    members: Schema = {}
    if of.client_ids and not strict:
        members[of.key[0]] = {
            "type": "string",
            "format": "uuid",
            "description": "An id of your own: the same request sent twice creates one entity.",
        }
    members |= _editable(of)
    for navigation in navigations_of(of, catalog):
        target = catalog[navigation.target]
        if navigation.deep and target.create is not None:
            members[navigation.name] = {"type": "array", "items": ref(f"{target.entity}Create")}
    return {"type": "object", "properties": members, "additionalProperties": False}


def update_schema(of: EntitySet) -> Schema:
    """Return what a PATCH may hold."""
    return {"type": "object", "properties": _editable(of), "additionalProperties": False}


def _editable(of: EntitySet) -> Schema:
    return {
        p.name: _written(p)
        for p in of.properties
        if p.editable and not p.filter_only and p.type.kind != "stream" and p.name not in of.key
    }


def _members_of(members: Iterable[Property | Items], shape: Callable[[Property], Schema]) -> Schema:
    return {m.name: {"type": "array", "items": ref(m.of.name)} if isinstance(m, Items) else shape(m) for m in members}


def parameters_schema(action: Action) -> Schema:
    """Return what the body of an action may hold."""
    made: Schema = {
        "type": "object",
        "properties": _members_of(action.takes, _written),
        "additionalProperties": False,
    }
    required = [taken.name for taken in action.takes if not taken.nullable]
    return {**made, "required": required} if required else made


def _of_actions(of: EntitySet, *, strict: bool) -> Iterator[tuple[str, Schema]]:
    """Yield the schemas that the actions of a set need, by name."""
    for action in of.actions:
        if strict and not action.strict:
            continue
        for structure in structures_of(action.takes):
            yield (
                structure.name,
                {
                    "type": "object",
                    "properties": _members_of(structure.members, _written),
                    "required": [m.name for m in structure.members if not m.nullable],
                    "additionalProperties": False,
                },
            )
        if action.takes:
            yield f"{action.name}{title_of(of.entity)}", parameters_schema(action)
        if action.gives is not None:
            for structure in (*structures_of(action.gives.members), action.gives):
                members = _members_of(structure.members, _read)
                context = {"@odata.context": {"type": "string"}} if structure is action.gives else {}
                yield structure.name, _closed({**context, **members})


def enum_schema(members: type[WireEnum]) -> Schema:
    """Return an enum with its members as sent."""
    made: Schema = {"type": "string", "enum": [member.value for member in members]}
    if any(member.value != member.label for member in members):
        made["description"] = "A request may also use the plain names: " + ", ".join(
            f"`{member.label}`" for member in members
        )
    return made


def _valued(of: EntitySet) -> Iterator[Property | Items]:
    """Yield the properties of a set, and the members of what its actions take and give."""
    yield from of.properties
    for action in of.actions:
        yield from action.takes
        given = () if action.gives is None else (*structures_of(action.gives.members), action.gives)
        for structure in (*structures_of(action.takes), *given):
            yield from structure.members


def schemas_of(catalog: Mapping[str, EntitySet], *, strict: bool) -> dict[str, Schema]:
    """Return all schemas by name, in catalog order, enums first."""
    made: dict[str, Schema] = {}

    def add(name: str, schema: Schema) -> None:
        assert name not in made, f"two schemas are called {name}"
        made[name] = schema

    enums = {
        p.type.enum.__edm__: p.type.enum
        for of in catalog.values()
        for p in _valued(of)
        if isinstance(p, Property) and p.type.enum
    }
    for name, members in enums.items():
        add(name, enum_schema(members))
    for of in catalog.values():
        add(of.entity, entity_schema(of, catalog))
        add(f"{of.entity}List", list_schema(of, strict=strict))
        if of.create is not None:
            add(f"{of.entity}Create", create_schema(of, catalog, strict=strict))
        if of.change is not None:
            add(f"{of.entity}Update", update_schema(of))
        for name, schema in _of_actions(of, strict=strict):
            assert made.setdefault(name, schema) == schema, f"two schemas are called {name}"
    for name, schema in _PROTOCOL.items():
        add(name, schema)
    return made


_PROTOCOL: dict[str, Schema] = {
    "ODataError": {
        "type": "object",
        "required": ["error"],
        "properties": {"error": ref("ODataErrorDetail")},
        "description": "What every refusal looks like.",
    },
    "ODataErrorDetail": {
        "type": "object",
        "required": ["code", "message"],
        "properties": {
            "code": {"type": "string", "description": "What went wrong, for programs."},
            "message": {
                "type": "string",
                "description": "Which field, which value and what to do; ends with the correlation id, which is "
                "also the request-id header.",
            },
        },
    },
    "serviceDocument": {
        "type": "object",
        "required": ["value"],
        "properties": {
            "@odata.context": {"type": "string"},
            "value": {"type": "array", "items": ref("serviceDocumentEntry")},
        },
    },
    "serviceDocumentEntry": {
        "type": "object",
        "required": ["name", "kind", "url"],
        "properties": {"name": {"type": "string"}, "kind": {"type": "string"}, "url": {"type": "string"}},
    },
    "entityMetadata": {
        "type": "object",
        "required": ["entityName", "entitySetName"],
        "properties": {
            "@odata.context": {"type": "string"},
            "entityName": {"type": "string"},
            "entitySetName": {"type": "string", "description": "Blank for an enum type."},
            "entityCaptions": {"type": "array", "items": ref("entityMetadataCaption")},
            "entitySetCaptions": {"type": "array", "items": ref("entityMetadataCaption")},
            "properties": {"type": "array", "items": ref("entityMetadataName")},
            "actions": {"type": "array", "items": ref("entityMetadataName")},
            "enumMembers": {"type": "array", "items": ref("entityMetadataEnumMember")},
        },
    },
    "entityMetadataList": {
        "type": "object",
        "required": ["value"],
        "properties": {
            "@odata.context": {"type": "string"},
            "value": {"type": "array", "items": ref("entityMetadata")},
        },
    },
    "entityMetadataCaption": {
        "type": "object",
        "required": ["languageCode", "caption"],
        "properties": {
            "languageCode": {"type": "integer", "description": "1033 is English."},
            "caption": {"type": "string"},
        },
    },
    "entityMetadataName": {
        "type": "object",
        "required": ["name", "captions"],
        "properties": {
            "name": {"type": "string"},
            "captions": {"type": "array", "items": ref("entityMetadataCaption")},
        },
    },
    "entityMetadataEnumMember": {
        "type": "object",
        "required": ["name", "value", "captions"],
        "properties": {
            "name": {"type": "string"},
            "value": {"type": "integer"},
            "captions": {"type": "array", "items": ref("entityMetadataCaption")},
        },
    },
    "batchRequest": {
        "type": "object",
        "required": ["requests"],
        "properties": {"requests": {"type": "array", "maxItems": 100, "items": ref("batchRequestPart")}},
    },
    "batchRequestPart": {
        "type": "object",
        "required": ["method", "url"],
        "properties": {
            "id": {"type": "string", "description": "A name that later parts can use."},
            "method": {"type": "string", "enum": ["GET", "POST", "PATCH", "PUT", "DELETE"]},
            "url": {"type": "string", "description": "Relative to the API root, or `$id` of an earlier part."},
            "headers": {"type": "object", "additionalProperties": {"type": "string"}},
            "body": {"type": "object"},
            "atomicityGroup": {
                "type": "string",
                "description": "Parts of one group are kept together or not at all.",
            },
            "dependsOn": {"type": "array", "items": {"type": "string"}},
        },
    },
    "batchResponse": {
        "type": "object",
        "required": ["responses"],
        "properties": {"responses": {"type": "array", "items": ref("batchResponsePart")}},
    },
    "batchResponsePart": {
        "type": "object",
        "required": ["status"],
        "properties": {
            "id": {"type": ["string", "null"]},
            "status": {"type": "integer"},
            "headers": {"type": "object", "additionalProperties": {"type": "string"}},
            "body": {},
        },
    },
}
