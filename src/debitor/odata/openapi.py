"""Entity sets -> an OpenAPI 3.1 document: every address, verb, option, header, schema and error of this API.

    document_of(catalog, strict=False, origin="http://127.0.0.1:7048", version="0.1.0", about={...}, examples={...})
    -> {"openapi": "3.1.1", "paths": {"/companies({company_id})/customers": {"get": {...}, "post": {...}}, ...}, ...}

Plain data, the same for the same arguments; nothing here reads or sends.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from debitor.odata.definitions import NAME as DEFINITIONS
from debitor.odata.delta import feeds_of
from debitor.odata.errors import STATUS
from debitor.odata.openapi_parts import HEADERS, SHARED_PARAMETERS
from debitor.odata.openapi_schemas import Schema, navigations_of, ref, schemas_of, title_of
from debitor.schema import Action, EntitySet, Navigation

_REASONS = {
    400: "The request cannot be done as it stands; the message names the field or rule.",
    401: "No valid credentials.",
    403: "The client may not do this.",
    404: "There is no such company, set or entity.",
    408: "The request took too long and was given up; nothing was written.",
    409: "If-Match does not name the current version: read again, then repeat.",
    413: "The body is too large.",
    415: "The body has a content type that cannot be read here.",
    422: "The Idempotency-Key was used before, for another request.",
    429: "Too many requests: wait for the seconds in Retry-After.",
    500: "A defect of the server; its log has the details under the correlation id.",
    501: "OData has this option, this API does not.",
    503: "Nothing was written; repeat after Retry-After.",
}
_READING = (400, 401, 403, 404, 408, 429, 500, 501, 503)
_WRITING = (400, 401, 403, 404, 408, 409, 413, 415, 422, 429, 500, 501, 503)
_PROTOCOL = "Protocol"


@dataclass(slots=True)
class _Maker:
    """The document while it is made."""

    catalog: Mapping[str, EntitySet]
    strict: bool
    about: Mapping[str, str]
    examples: Mapping[str, Mapping[str, Any]]
    paths: dict[str, dict[str, Any]] = field(default_factory=dict)
    parameters: dict[str, Schema] = field(default_factory=dict)
    ids: set[str] = field(default_factory=set)

    def add(self, path: str, verb: str, id: str, tag: str, operation: dict[str, Any]) -> None:
        """Put an operation at its place, with its example."""
        assert id not in self.ids, f"two operations are called {id}"
        self.ids.add(id)
        made = {"operationId": id, "tags": [tag], **operation}
        example = self.examples.get(id)
        if example is not None:
            _show(made, example)
        self.paths.setdefault(path, {})[verb] = made


def document_of(
    catalog: Mapping[str, EntitySet],
    *,
    strict: bool,
    root: str,
    token_url: str,
    title: str,
    summary: str,
    introduction: str,
    version: str,
    about: Mapping[str, str],
    examples: Mapping[str, Mapping[str, Any]],
) -> dict[str, Any]:
    """Return the document.

    Args:
        catalog: the entity sets by name, as they are served.
        strict: leave out what Business Central does not have.
        root: the address of the API.
        token_url: where clients get tokens.
        title, summary, introduction: what the document says of the API; the last in Markdown.
        version: of the program.
        about: entity set -> what it is, in a sentence.
        examples: operationId -> {"source": the request as text, "status": int, "body": JSON or None,
            "answer": JSON or None}. What has no operation is left out.
    """
    maker = _Maker(catalog, strict, about, examples)
    _protocol(maker)
    for of in catalog.values():
        _options(maker, of)
    for of in catalog.values():
        _entity_set(maker, of)
    return {
        "openapi": "3.1.1",
        "info": {
            "title": title,
            "summary": summary,
            "version": version,
            "description": introduction,
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "servers": [{"url": root}],
        "security": [{"oauth2": []}, {"basic": []}],
        "tags": [
            {"name": _PROTOCOL, "description": "What is there, and many requests in one."},
            *({"name": of.name, "description": about.get(of.name, "")} for of in catalog.values()),
        ],
        "paths": maker.paths,
        "components": {
            "schemas": schemas_of(catalog, strict=strict),
            "parameters": {**SHARED_PARAMETERS, **maker.parameters},
            "headers": HEADERS,
            "responses": {f"Error{status}": _error(status) for status in _REASONS},
            "securitySchemes": {
                "oauth2": {
                    "type": "oauth2",
                    "description": "An access token for client id and secret, sent as Authorization: Bearer.",
                    "flows": {"clientCredentials": {"tokenUrl": token_url, "scopes": {}}},
                },
                "basic": {"type": "http", "scheme": "basic", "description": "Client id and secret themselves."},
            },
        },
    }


# --------------------------------------------------------------------------- answers


def _json(schema: Schema) -> dict[str, Any]:
    return {"application/json": {"schema": schema}}


def _error(status: int) -> dict[str, Any]:
    codes = ", ".join(f"`{code}`" for code, its in STATUS.items() if its == status)
    made: dict[str, Any] = {
        "description": _REASONS[status] + (f" Codes: {codes}." if codes else ""),
        "headers": {"request-id": ref("request-id", "headers")},
        "content": _json(ref("ODataError")),
    }
    if status in (429, 503):
        made["headers"]["Retry-After"] = ref("Retry-After", "headers")
    return made


def _answers(good: Mapping[int, dict[str, Any]], refusals: Iterable[int]) -> dict[str, Any]:
    made = {str(status): answer for status, answer in good.items()}
    return made | {str(status): ref(f"Error{status}", "responses") for status in refusals}


def _headers(*names: str) -> Schema:
    return {name: ref(name, "headers") for name in names}


_UNCHANGED: Schema = {
    "description": "It is still the version that If-None-Match names.",
    "headers": _headers("ETag"),
}


def _good(told: str, schema: Schema | None, *headers: str) -> dict[str, Any]:
    made: dict[str, Any] = {"description": told}
    if headers:
        made["headers"] = _headers(*headers)
    if schema is not None:
        made["content"] = _json(schema)
    return made


def _show(operation: dict[str, Any], example: Mapping[str, Any]) -> None:
    """Add what was sent and what was answered to an operation."""
    operation["x-codeSamples"] = [{"lang": "HTTP", "label": "HTTP", "source": example["source"]}]
    if example["body"] is not None:
        operation["requestBody"]["content"]["application/json"]["example"] = example["body"]
    if example["answer"] is not None:
        # Of several types the first one is what clients are made for.
        media = next(iter(operation["responses"][str(example["status"])]["content"].values()))
        media["example"] = example["answer"]


# --------------------------------------------------------------------------- parameters


def _options(maker: _Maker, of: EntitySet) -> None:
    """Declare the query options that differ from set to set."""
    names = [p.name for p in of.properties if not p.filter_only]
    sortable = [p.name for p in of.properties if p.filterable and not p.filter_only and p.type.kind != "stream"]
    ways = [n.name for n in navigations_of(of, maker.catalog)]
    one = f"(?:{'|'.join(names)})"
    declare = maker.parameters
    declare[f"{of.name}-select"] = {
        "name": "$select",
        "in": "query",
        "description": "The properties to return, with commas between.",
        "schema": {"type": "string", "pattern": f"^{one}(?:,{one})*$"},
    }
    if of.sortable and sortable:
        term = f"(?:{'|'.join(sortable)})(?: (?:asc|desc))?"
        declare[f"{of.name}-orderby"] = {
            "name": "$orderby",
            "in": "query",
            "description": "Properties to sort by, with commas between; desc for descending.",
            "schema": {"type": "string", "pattern": f"^{term}(?:,{term})*$"},
        }
    if ways:
        way = rf"(?:{'|'.join(ways)})(?:\(\$[a-z]+=[^()]*\))?"
        declare[f"{of.name}-expand"] = {
            "name": "$expand",
            "in": "query",
            "description": "Navigations whose entities are returned inside, each with options of its own in "
            "parentheses, up to 10 deep: " + ", ".join(f"`{name}`" for name in ways) + ".",
            "schema": {"type": "string", "pattern": f"^{way}(?:,{way})*$"},
        }


def _shared(*names: str) -> list[Schema]:
    return [ref(name, "parameters") for name in names]


def _shaping(maker: _Maker, of: EntitySet) -> list[Schema]:
    """The options that shape one entity."""
    return _shared(*(f"{of.name}-{o}" for o in ("select", "expand") if f"{of.name}-{o}" in maker.parameters))


def _tracks(maker: _Maker, of: EntitySet) -> bool:
    """Whether the changes of a set can be asked for."""
    return not maker.strict and feeds_of(of) is not None


def _listing(maker: _Maker, of: EntitySet, fixed: Iterable[str]) -> list[Schema]:
    """The options of a list. `fixed`: properties that the address already fixes."""
    needs_filter = of.guard and not set(of.guard) & set(fixed)
    tracks = _tracks(maker, of)
    made = _shared("filter-required" if needs_filter else "filter")
    made += _shaping(maker, of)
    if f"{of.name}-orderby" in maker.parameters:
        made += _shared(f"{of.name}-orderby")
    made += _shared("top", "skip", "count", "skiptoken")
    if tracks:
        made += _shared("deltatoken")
    return made + _shared("schemaversion", "prefer-list" if tracks else "prefer-page", "data-access-intent")


# --------------------------------------------------------------------------- operations


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a collection is: its path, the parameters in it, what its operations are called, what it fixes."""

    path: str
    parameters: tuple[str, ...]
    plural: str
    singular: str
    fixed: tuple[str, ...] = ()


def _protocol(maker: _Maker) -> None:
    maker.add(
        "/",
        "get",
        "getServiceDocument",
        _PROTOCOL,
        {
            "summary": "The entity sets, with their addresses",
            "responses": _answers({200: _good("The service document.", ref("serviceDocument"))}, _READING),
        },
    )
    maker.add(
        "/$metadata",
        "get",
        "getMetadata",
        _PROTOCOL,
        {
            "summary": "The types, sets and actions, as CSDL",
            "parameters": _shared("schemaversion", "if-none-match"),
            "responses": _answers(
                {
                    # The media type is told in words: client generators warn about types that they cannot parse.
                    200: {"description": "The schema, in XML (application/xml).", "headers": _headers("ETag")},
                    304: _UNCHANGED,
                },
                _READING,
            ),
        },
    )
    names = _shared("definition-filter", "schemaversion")
    maker.add(
        f"/{DEFINITIONS}",
        "get",
        "listEntityDefinitions",
        _PROTOCOL,
        {
            "summary": "The names of entities, properties, actions and enum members in words",
            "parameters": names,
            "responses": _answers({200: _good("All of them.", ref("entityMetadataList"))}, _READING),
        },
    )
    maker.add(
        f"/{DEFINITIONS}('{{entity_name}}')",
        "get",
        "getEntityDefinition",
        _PROTOCOL,
        {
            "summary": "The names of one entity or enum in words",
            "parameters": _shared("entity_name", "schemaversion"),
            "responses": _answers({200: _good("Its names.", ref("entityMetadata"))}, _READING),
        },
    )
    maker.add(
        "/$batch",
        "post",
        "runBatch",
        _PROTOCOL,
        {
            "summary": "Many requests in one",
            "description": "At most 100 parts, run in order. The first that fails ends the batch, unless the client "
            "prefers odata.continue-on-error. The multipart form of OData (multipart/mixed) works as well.",
            "parameters": _shared("company", "isolation", "prefer-continue", "idempotency-key"),
            "requestBody": {"required": True, "content": _json(ref("batchRequest"))},
            "responses": _answers({200: _good("The answers, in order.", ref("batchResponse"))}, _WRITING),
        },
    )


def _key_of(of: EntitySet) -> tuple[str, str]:
    """Return the path parameter that names an entity of a set, and how it stands in the parentheses."""
    if of.name == "companies":
        return "company_id", "{company_id}"
    return ("id", "{id}") if of.by_name[of.key[0]].type.kind == "guid" else ("key", "'{key}'")


def _below_only(of: EntitySet) -> bool:
    """Whether the entities of a set are found below their parent only: they are computed for it."""
    return bool(of.guard) and of.rows is not None


def _entity_set(maker: _Maker, of: EntitySet) -> None:
    base = f"/companies({{company_id}})/{of.name}" if of.company else f"/{of.name}"
    home = _Place(base, ("company_id",) if of.company else (), title_of(of.name), title_of(of.entity))
    _collection(maker, of, home)
    if not of.addressable:
        return
    key, written = _key_of(of)
    if not _below_only(of):
        _single(maker, of, home, key)
    inside_path, inside = f"{base}({written})", (*home.parameters, key)
    for navigation in navigations_of(of, maker.catalog):
        target = maker.catalog[navigation.target]
        fixed = (*(theirs for _, theirs in navigation.on), *navigation.constant)
        owner = title_of(of.entity)
        below = _Place(
            f"{inside_path}/{navigation.name}",
            inside,
            owner + title_of(navigation.name),
            owner + title_of(target.entity if navigation.many else navigation.name),
            fixed,
        )
        if not navigation.many:
            _related(maker, of, navigation, target, below)
            continue
        _collection(maker, target, below, tag=of.name)
        if _below_only(target):
            _single(maker, target, below, "line_id", tag=of.name)


def _collection(maker: _Maker, of: EntitySet, at: _Place, tag: str = "") -> None:
    """List, count and create."""
    tag = tag or of.name
    parameters = _shared(*at.parameters)
    told = maker.about.get(of.name, "")
    maker.add(
        at.path,
        "get",
        f"list{at.plural}",
        tag,
        {
            "summary": f"List {of.name}",
            "description": told,
            "parameters": parameters + _listing(maker, of, at.fixed),
            "responses": _answers(
                {200: _good("One page.", ref(f"{of.entity}List"), "OData-Version", "Preference-Applied")}, _READING
            ),
        },
    )
    needs_filter = of.guard and not set(of.guard) & set(at.fixed)
    maker.add(
        f"{at.path}/$count",
        "get",
        f"count{at.plural}",
        tag,
        {
            "summary": f"Count {of.name}",
            "parameters": [
                *parameters,
                *_shared("filter-required" if needs_filter else "filter", "schemaversion"),
            ],
            "responses": _answers(
                {
                    200: {
                        "description": "The number, as plain text.",
                        "content": {"text/plain": {"schema": {"type": "string", "pattern": "^[0-9]+$"}}},
                    }
                },
                _READING,
            ),
        },
    )
    named = any(of.by_name[name].editable for name in of.guard if name not in of.key)
    if of.create is not None and (not needs_filter or named):
        maker.add(at.path, "post", f"create{at.singular}", tag, _creating(maker, of, at.parameters))


def _creating(maker: _Maker, of: EntitySet, names: Iterable[str]) -> dict[str, Any]:
    return {
        "summary": f"Create one of {of.name}",
        "parameters": _shared(*names) + _shaping(maker, of) + _shared("prefer-return", "idempotency-key"),
        "requestBody": {"required": True, "content": _json(ref(f"{of.entity}Create"))},
        "responses": _answers(
            {
                201: _good("What was created.", ref(of.entity), "ETag", "Location", "OData-Version"),
                204: _good("Created; the client prefers to see nothing of it.", None, "Location", "OData-EntityId"),
            },
            _WRITING,
        ),
    }


def _single(maker: _Maker, of: EntitySet, at: _Place, key: str, tag: str = "") -> None:
    """Get, change and remove one entity; its actions and its content."""
    path = f"{at.path}({_key_of(of)[1] if key == 'key' else f'{{{key}}}'})"
    name = at.singular
    tag = tag or of.name
    parameters = _shared(*at.parameters, key)
    good = {200: _good("The entity.", ref(of.entity), *(("ETag",) if of.etag else ()), "OData-Version")}
    if of.etag:
        good[304] = _UNCHANGED
    maker.add(
        path,
        "get",
        f"get{name}",
        tag,
        {
            "summary": f"Read one of {of.name}",
            "parameters": [
                *parameters,
                *_shaping(maker, of),
                *_shared(*(("if-none-match",) if of.etag else ()), "schemaversion"),
            ],
            "responses": _answers(good, _READING),
        },
    )
    if of.create is not None and of.client_ids and not maker.strict:
        operation = _creating(maker, of, (*at.parameters, key))
        operation["summary"] = f"Create one of {of.name} under an id of your own"
        operation["description"] = (
            "The same request sent twice creates one entity: the second is refused, even when it has been posted."
        )
        maker.add(path, "post", f"create{name}WithId", tag, operation)
    if of.change is not None:
        changed = {
            200: _good("The entity as it is now.", ref(of.entity), "ETag", "OData-Version"),
            204: _good("Changed; the client prefers to see nothing of it.", None, "OData-EntityId"),
        }
        if of.create is not None and of.client_ids and not maker.strict:
            changed[201] = _good(
                "There was none with this id, so it was created.", ref(of.entity), "ETag", "Location"
            )
        changing: dict[str, Any] = {
            "summary": f"Change one of {of.name}",
            "description": "Properties that are left out keep their values.",
            "parameters": [
                *parameters,
                *_shaping(maker, of),
                *_shared("if-match-required" if of.etag else "if-match", "prefer-return", "idempotency-key"),
            ],
            "requestBody": {"required": True, "content": _json(ref(f"{of.entity}Update"))},
            "responses": _answers(changed, _WRITING),
        }
        maker.add(path, "patch", f"update{name}", tag, copy.deepcopy(changing))
        if maker.strict or of.rows is None:
            told = "PUT is PATCH." if maker.strict else "Properties that are left out get their defaults."
            replacing = {**changing, "summary": f"Replace one of {of.name}", "description": told}
            maker.add(path, "put", f"replace{name}", tag, replacing)
    if of.remove is not None:
        maker.add(
            path,
            "delete",
            f"delete{name}",
            tag,
            {
                "summary": f"Remove one of {of.name}",
                "parameters": [*parameters, *_shared("if-match", "idempotency-key")],
                "responses": _answers({204: {"description": "Removed."}}, _WRITING),
            },
        )
    for action in of.actions:
        if action.strict or not maker.strict:
            maker.add(
                f"{path}/Microsoft.NAV.{action.name}",
                "post",
                f"{action.name}{name}",
                tag,
                _action(of, action, parameters),
            )
    _content(maker, of, path, parameters, name, tag)


def _action(of: EntitySet, action: Action, parameters: list[Schema]) -> dict[str, Any]:
    made: dict[str, Any] = {"summary": f"Run {action.name} on one of {of.name}"}
    if action.about:
        made["description"] = action.about
    made["parameters"] = [*parameters, *_shared("if-match", "idempotency-key")]
    if action.takes:
        required = any(not taken.nullable for taken in action.takes)
        made["requestBody"] = {"required": required, "content": _json(ref(f"{action.name}{title_of(of.entity)}"))}
    status = 204 if action.gives is None else 200
    made["responses"] = _answers({status: _done(action)}, _WRITING)
    return made


def _done(action: Action) -> Schema:
    """The answer to an action: nothing, the address of what it made, or what it gives."""
    if action.gives is not None:
        return _good("Done.", ref(action.gives.name), "OData-Version")
    if action.makes:
        return _good(f"Done: one of {action.makes} was made.", None, "Location")
    return {"description": "Done."}


_BYTES: Schema = {"schema": {"type": "string", "format": "binary"}}


def _content(maker: _Maker, of: EntitySet, path: str, parameters: list[Schema], name: str, tag: str) -> None:
    """The bytes of stream properties."""
    for stream in (p for p in of.properties if p.type.kind == "stream"):
        at, called = f"{path}/{stream.name}", title_of(stream.name)
        if stream.name in of.media:
            good: dict[int, Schema] = {
                # The type is that of the content; generators of clients go by the first one.
                200: {
                    "description": "The bytes, in the content type that they have.",
                    "headers": _headers("Content-Disposition", *(("ETag",) if of.etag else ())),
                    "content": {kind: copy.copy(_BYTES) for kind in ("application/octet-stream", "*/*")},
                },
                204: {"description": "There is no content."},
            }
            if of.etag:
                good[304] = _UNCHANGED
            operation = {
                "summary": f"Read {stream.name}",
                "parameters": parameters + (_shared("if-none-match") if of.etag else []),
                "responses": _answers(good, _READING),
            }
            maker.add(at, "get", f"get{name}{called}", tag, operation)
        if stream.name in of.take_media:
            for verb, does in (("patch", "set"), ("put", "put")):
                operation = {
                    "summary": f"Write {stream.name}",
                    "description": "The bytes in any content type. PATCH and PUT are the same.",
                    "parameters": [
                        *parameters,
                        *_shared("if-match-required" if of.etag and maker.strict else "if-match"),
                    ],
                    "requestBody": {"required": True, "content": {"application/octet-stream": _BYTES}},
                    "responses": _answers({204: _good("Kept.", None, *(("ETag",) if of.etag else ()))}, _WRITING),
                }
                maker.add(at, verb, f"{does}{name}{called}", tag, operation)


def _related(maker: _Maker, of: EntitySet, navigation: Navigation, target: EntitySet, at: _Place) -> None:
    """The one entity that a navigation leads to."""
    maker.add(
        at.path,
        "get",
        f"get{at.singular}",
        of.name,
        {
            "summary": f"Read {navigation.name} of one of {of.name}",
            "parameters": _shared(*at.parameters) + _shaping(maker, target) + _shared("schemaversion"),
            "responses": _answers(
                {
                    200: _good("The entity.", ref(target.entity), "OData-Version"),
                    204: {"description": "There is none."},
                },
                _READING,
            ),
        },
    )
    _content(maker, target, at.path, _shared(*at.parameters), at.singular, of.name)
