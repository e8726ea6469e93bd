"""The parts of the OpenAPI document that are the same for all entity sets: its introduction, headers, parameters."""

from __future__ import annotations

from typing import Any


def _query(name: str, told: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"name": name, "in": "query", "description": told, "schema": schema}


def _header(name: str, told: str, schema: dict[str, Any] | None = None, *, required: bool = False) -> dict[str, Any]:
    made: dict[str, Any] = {"name": name, "in": "header", "description": told, "schema": schema or {"type": "string"}}
    return {**made, "required": True} if required else made


def _key(name: str, told: str) -> dict[str, Any]:
    return {
        "name": name,
        "in": "path",
        "required": True,
        "description": told,
        "schema": {"type": "string", "format": "uuid"},
    }


_NUMBER = {"type": "integer", "format": "int32", "minimum": 0, "maximum": 2**31 - 1}
_FILTER = (
    "A condition on properties, such as `number eq '10400' and amount gt 100`: eq, ne, lt, le, gt, ge, in, and, or, "
    "not, arithmetic, contains, startswith, endswith and the other functions of OData."
)
_MATCH = "The @odata.etag of the version that is meant, or *."

SHARED_PARAMETERS: dict[str, dict[str, Any]] = {
    "company_id": _key("company_id", "The id of the company."),
    "id": _key("id", "The id of the entity."),
    "key": {
        "name": "key",
        "in": "path",
        "required": True,
        "description": "The key of the entity, a text.",
        "schema": {"type": "string"},
    },
    "line_id": _key("line_id", "The id of the entity below it."),
    "filter": _query("$filter", _FILTER, {"type": "string"}),
    "filter-required": {
        **_query("$filter", f"{_FILTER} It has to fix the parent by eq.", {"type": "string"}),
        "required": True,
    },
    "top": _query("$top", "At most so many entities.", _NUMBER),
    "skip": _query("$skip", "Leave out so many at the start.", _NUMBER),
    "count": _query("$count", "Whether the answer tells how many there are in all.", {"type": "boolean"}),
    "schemaversion": _query(
        "$schemaversion",
        "The version of the schema that the client was written for.",
        {"type": "string", "enum": ["1.0", "2.0", "2.1"]},
    ),
    "skiptoken": _query("$skiptoken", "Where a page starts: a part of `@odata.nextLink`.", {"type": "string"}),
    "deltatoken": _query(
        "$deltatoken",
        "Since when changes are wanted: a part of `@odata.deltaLink`. The answer holds the entities that came or "
        "changed, and for each that is gone its address in `id` and a `reason`: `deleted`, or `changed` when it no "
        "longer meets the filter.",
        {"type": "string"},
    ),
    "definition-filter": _query(
        "$filter",
        "`entityName eq 'customer'` or `entitySetName eq 'customers'`; nothing else.",
        {"type": "string"},
    ),
    "entity_name": {
        "name": "entity_name",
        "in": "path",
        "required": True,
        "description": "The name of an entity type, such as customer, or of an enum type.",
        "schema": {"type": "string"},
    },
    "prefer-page": _header("Prefer", "`odata.maxpagesize=50` asks for pages of at most so many entities."),
    "prefer-list": _header(
        "Prefer",
        "`odata.maxpagesize=50` asks for pages of at most so many entities; `odata.track-changes` for an "
        "`@odata.deltaLink` on the last page, which later answers what changed.",
    ),
    "prefer-return": _header("Prefer", "`return=minimal`: answer 204 instead of the entity."),
    "prefer-continue": _header("Prefer", "`odata.continue-on-error`: a part that fails does not end the batch."),
    "data-access-intent": _header(
        "Data-Access-Intent",
        "Whether the client is content to read from a copy.",
        {"type": "string", "enum": ["ReadOnly", "ReadWrite"]},
    ),
    "idempotency-key": _header(
        "Idempotency-Key", "A name of your own for this write: sent again, it gives the first answer again."
    ),
    "company": _header("Company", "The name of the company, for parts whose addresses do not name one."),
    "isolation": _header("Isolation", "All parts are kept, or none.", {"type": "string", "enum": ["snapshot"]}),
    "if-match": _header("If-Match", _MATCH),
    "if-match-required": _header("If-Match", _MATCH, required=True),
    "if-none-match": _header("If-None-Match", "An @odata.etag: answer 304 when it still is the current one."),
}

HEADERS: dict[str, dict[str, Any]] = {
    name: {"description": told, "schema": {"type": "string"}}
    for name, told in {
        "Content-Disposition": "The file name of the content.",
        "ETag": "The version of the entity; the same as @odata.etag.",
        "Location": "The address of what was made.",
        "OData-EntityId": "The address of the entity.",
        "OData-Version": "4.0",
        "Preference-Applied": "What of Prefer was done.",
        "Retry-After": "Seconds to wait.",
        "request-id": "The correlation id of this answer.",
    }.items()
}
