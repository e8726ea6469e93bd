"""The verbs: list, get, create, change, remove, call an action. The only place that turns requests into hook calls.

    service = Service(host)
    service.needs(request)                      -> "read" | "write" | "long": which session of the store to open
    service.handle(request, store.reader())     -> Response; for reads
    store.write(lambda root: service.execute(request, root))     for writes

`execute` raises what says no (`Refused`, `StoreError`), so that the store undoes the job; its caller then answers
with `service.error_response(request, no)`. A refused write so leaves nothing behind without a savepoint of its own.
Parts of a $batch succeed and fail one by one, so each runs in a savepoint (batch.py). `handle` is `execute` with the
refusal already turned into an answer: right for reads, wrong for writes, whose rows it would keep.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, cast
from urllib.parse import quote

import msgspec

from debitor.odata import batch
from debitor.odata.errors import not_allowed, not_found, response_of
from debitor.odata.headers import (
    READS,
    URL_SAFE,
    company_named,
    is_json,
    level_of,
    next_link,
    prefer_of,
)
from debitor.odata.messages import CompanyRef, Host, Needs, Request, Response
from debitor.odata.metadata import metadata_of, service_document_of
from debitor.odata.options import LIST, ONE, Parsed, parse_options
from debitor.odata.payload import (
    UNSET,
    BodyReader,
    Incoming,
    decode_object,
    encode,
    etag_of,
    read_only,
    shown,
    tags_of,
)
from debitor.odata.reading import PAGE, Plan, Plans, Scope, key_text, list_conditions, typed
from debitor.odata.urls import Addresses, Step, Target
from debitor.schema import EntitySet, Refused
from debitor.store import DuplicateKey, Root, StoreError, Transaction

_CACHE = ("cache-control", "no-cache, no-store")
_VERSION = ("odata-version", "4.0")
_HEADERS: dict[str, list[tuple[str, str]]] = {
    level: [
        ("content-type", f"application/json; odata.metadata={level}; odata.streaming=true"),
        _VERSION,
        _CACHE,
    ]
    for level in ("minimal", "full", "none")
}
_PLAIN = [("content-type", "text/plain; charset=utf-8"), _VERSION, _CACHE]
_EMPTY = [_VERSION, _CACHE]
_MOST_TYPES = 200


class Page(msgspec.Struct):
    """The envelope of a collection."""

    context: Any = msgspec.field(name="@odata.context", default=UNSET)
    count: Any = msgspec.field(name="@odata.count", default=UNSET)
    value: list[Any] = msgspec.field(default_factory=list)
    next: Any = msgspec.field(name="@odata.nextLink", default=UNSET)


class Service:
    """The protocol over one catalog.

    Args:
        host: what the protocol needs to know of the program around it.
    """

    def __init__(self, host: Host) -> None:
        self._host = host
        self.strict = host.strict
        self._catalog = strict_catalog(host.catalog) if host.strict else host.catalog
        self._addresses = Addresses(self._catalog, strict=host.strict)
        self._plans = Plans(self._catalog)
        self._readers: dict[str, BodyReader] = {}
        self._bare: dict[str, Parsed] = {}
        self._metadata: bytes | None = None
        self._documents: dict[str, bytes] = {}
        self._json_types: dict[str, bool] = {}

    # ----------------------------------------------------------------------- entry points

    def needs(self, request: Request) -> Needs:
        """Return which session the request needs. Never raises: what cannot be read is refused by `execute`."""
        if request.method in READS:
            return "read"
        path = request.path
        if path.endswith(("$batch", "$batch/")):
            return batch.needs(self, request)
        if "icrosoft." in path or "ICROSOFT." in path:
            try:
                target = self._addresses.parse(path)
            except Refused:
                return "write"
            return "long" if target.action is not None and target.action.long else "write"
        return "write"

    def handle(self, request: Request, root: Root) -> Response:
        """Answer a request; refusals become error answers. For reads: what a refused write wrote would be kept."""
        try:
            return self.execute(request, root)
        except (Refused, StoreError) as no:
            return self.error_response(request, no)

    def error_response(self, request: Request, no: Refused | StoreError) -> Response:
        """Return the answer to a request that was refused."""
        made = response_of(no, request.request_id)
        if made.status == 405:
            allowed = self._allowed_at(request)
            if allowed:
                made.headers.append(("allow", allowed))
        if request.method == "HEAD":
            made.body = b""
        return made

    def execute(self, request: Request, root: Root) -> Response:
        """Answer a request.

        Args:
            request: the request.
            root: a reader when `needs` said "read", else a transaction.

        Raises:
            Refused: the answer is no.
            StoreError: the store says no, or cannot.
        """
        target = self._addresses.parse(request.path)
        method = request.method
        # A batch may be all reads although it is a POST; its parts are checked one by one.
        if method not in READS and request.rights != "full" and target.what != "batch":
            raise Refused(
                "Authorization_AccessDenied", f"This client may read only; {method[:20]} needs full rights."
            )
        if target.what != "entities":
            return self._special(request, root, target)
        if method == "OPTIONS":
            return Response(204, [("allow", self._allowed(target)), _CACHE])
        company, tx = self._session(request, root, target)
        scope = Scope(self._host, request, tx, company)
        if method == "GET":
            return self._get(scope, target)
        if method == "HEAD":
            made = self._get(scope, target)
            made.body = b""
            return made
        if method == "POST":
            if target.tail == "action":
                return self._action(scope, target)
            return self._create(scope, target)
        if method == "PATCH" and not target.tail:
            return self._patch(scope, target)
        if method == "DELETE" and not target.tail:
            return self._delete(scope, target)
        raise not_allowed(method, target.last.of.name)

    def _special(self, request: Request, root: Root, target: Target) -> Response:
        """Answer what is no entity: the service document, `$metadata`, `$batch`."""
        method = request.method
        if target.what == "batch":
            if method != "POST":
                raise not_allowed(method, "$batch")
            if target.company is not None:
                request = replace(request, headers={**request.headers, "company": target.company})
            return batch.run(self, request, root)
        if method not in READS:
            raise not_allowed(method, "$metadata" if target.what == "metadata" else "the service document")
        if method == "OPTIONS":
            return Response(204, [("allow", "GET, HEAD, OPTIONS"), _CACHE])
        if target.what == "metadata":
            if self._metadata is None:
                self._metadata = metadata_of(self._catalog, strict=self.strict)
            made = Response(200, [("content-type", "application/xml"), _VERSION, _CACHE], self._metadata)
        else:
            document = self._documents.get(request.root)
            if document is None:
                if len(self._documents) >= _MOST_TYPES:
                    self._documents.clear()
                document = self._documents[request.root] = service_document_of(self._catalog, request.root)
            made = Response(200, _HEADERS["minimal"], document)
        if method == "HEAD":
            made.body = b""
        return made

    def _allowed(self, target: Target) -> str:
        """Return the verbs that an address takes, as an Allow header lists them."""
        if target.what != "entities":
            return "POST, OPTIONS" if target.what == "batch" else "GET, HEAD, OPTIONS"
        step, of = target.last, target.last.of
        if target.tail == "action":
            return "POST, OPTIONS"
        verbs = ["GET", "HEAD", "OPTIONS"]
        if not target.tail:
            if of.create is not None and (not step.one or (step.keys and of.client_ids and not self.strict)):
                verbs.append("POST")
            if step.one and of.change is not None:
                verbs.append("PATCH")
            if step.one and of.remove is not None:
                verbs.append("DELETE")
        return ", ".join(verbs)

    def _allowed_at(self, request: Request) -> str:
        try:
            return self._allowed(self._addresses.parse(request.path))
        except Refused:
            return ""

    # ----------------------------------------------------------------------- company, address, options

    def _session(self, request: Request, root: Root, target: Target) -> tuple[CompanyRef | None, Transaction]:
        """Return the company of a request and the session inside it; the root's own for sets without a company."""
        if not target.steps[0].of.company:
            return None, root
        name = target.company
        if name is not None:
            found = self._host.company(root, name)
            if found is None:
                raise not_found("companies")
            return found, root.at(found.key)
        named = company_named(request)
        if named is None:
            raise Refused(
                "Internal_CompanyNotFound",
                "The request names no company. Put companies(<id>)/ before the entity set, or add ?company=<name>.",
            )
        found = self._host.company(root, named)
        if found is None:
            raise Refused("Unknown", f"The supplied company name is not valid: '{shown(named)}'.", 400)
        return found, root.at(found.key)

    def _parsed(self, request: Request, of: EntitySet, allow: frozenset[str]) -> Parsed:
        if not request.query:
            bare = self._bare.get(of.name)
            if bare is None:
                bare = self._bare[of.name] = parse_options(of, "", self._catalog, strict=self.strict)
            return bare
        return parse_options(of, request.query, self._catalog, strict=self.strict, allow=allow)

    @staticmethod
    def _said_by_address(steps: tuple[Step, ...]) -> bool:
        """Whether `parents({key})/parts` itself says which parts are meant: their pointer is the parent's key.

        Then the parent need be read only when nothing is found: a part that is there has a parent.
        """
        if len(steps) != 2 or steps[0].keys is None:
            return False
        navigation, of = steps[1].navigation, steps[0].of
        return (
            navigation is not None
            and navigation.many
            and len(navigation.on) == 1
            and (navigation.on[0][0],) == of.key
            and of.name != "companies"
        )

    def _fixed(self, scope: Scope, steps: tuple[Step, ...]) -> tuple[dict[str, Any] | None, bool]:
        """Return what `_follow` returns, and whether the parent was taken on trust (see `_said_by_address`)."""
        if not self._said_by_address(steps):
            return self._follow(scope, steps), False
        parent, step = steps
        assert parent.keys is not None, "checked"
        assert step.navigation is not None, "checked"
        conditions = {step.navigation.on[0][1]: parent.keys[0], **step.navigation.constant}
        return self._keyed(scope, step, conditions), True

    def _follow(self, scope: Scope, steps: tuple[Step, ...]) -> dict[str, Any] | None:
        """Walk an address down to its last step.

        Returns:
            Property -> value that the address demands of the entities of the last step (its key included), or None
            when the last step is a single-valued navigation whose pointer is blank.

        Raises:
            Refused: 404 when an entity on the way does not exist.
        """
        fixed = self._keyed(scope, steps[0], {})
        for at in range(1, len(steps)):
            before, step = steps[at - 1], steps[at]
            navigation = step.navigation
            assert navigation is not None, step.name
            found = self._plans.fetch(scope, before.of, fixed, tuple(ours for ours, _ in navigation.on))
            if found is None:
                raise not_found(before.name)
            conditions: dict[str, Any] = {}
            empty = not navigation.many
            for (ours, theirs), wire in zip(navigation.on, found[1:], strict=True):
                kind = step.of.by_name[theirs]
                conditions[theirs] = value = typed(kind, wire)
                empty = empty and value == before.of.by_name[ours].type.blank
            if empty:
                if at < len(steps) - 1:
                    raise not_found(step.name)
                return None
            conditions.update(navigation.constant)
            fixed = self._keyed(scope, step, conditions)
        return fixed

    def _keyed(self, scope: Scope, step: Step, conditions: dict[str, Any]) -> dict[str, Any]:
        """Add the key that the address gives a step to the conditions from its parent."""
        if step.keys is None:
            return conditions
        keys = step.keys
        if step.of.name == "companies":
            # Companies may be named by name; their own entity is found by id.
            found = self._host.company(cast(Root, scope.tx), keys[0])
            if found is None:
                raise not_found("companies")
            keys = (found.id,)
        for name, value in zip(step.of.key, keys, strict=True):
            if conditions.get(name, value) != value:
                # The parent demands another key: `authors(1)/authorProfile` is authors' own id.
                raise not_found(step.name)
            conditions[name] = value
        return conditions

    def _place(self, scope: Scope, steps: tuple[Step, ...]) -> str:
        """Return the path of the collection (or single entity) of the last step, without its key."""
        parts = [f"companies({scope.company.id})"] if scope.company is not None else []
        for step in steps[:-1]:
            keys = "" if step.keys is None else f"({key_text(step.of, step.keys)})"
            parts.append(step.name + keys)
        parts.append(steps[-1].name)
        return "/".join(parts)

    # ----------------------------------------------------------------------- reading

    def _get(self, scope: Scope, target: Target) -> Response:
        step = target.last
        if target.tail == "action":
            raise not_allowed("GET", step.of.name)
        fixed, trusted = self._fixed(scope, target.steps)
        if fixed is None:
            if target.tail:
                raise not_found(step.name)
            return Response(204, list(_EMPTY))
        if target.tail in ("property", "value"):
            return self._property(scope, target, fixed)
        if step.one:
            return self._one(scope, target, fixed, trusted)
        return self._list(scope, target, fixed, trusted)

    def _one(self, scope: Scope, target: Target, fixed: dict[str, Any], trusted: bool) -> Response:
        request, of = scope.request, target.last.of
        parsed = self._parsed(request, of, ONE)
        level = level_of(request)
        plan = self._plans.plan(parsed.shape, level)
        rows = self._plans.rows(scope, plan, parsed.params, fixed)
        if not rows:
            if trusted:
                self._follow(scope, target.steps)
            raise not_found(target.last.name)
        self._guard(of, fixed, ())
        row = rows[0]
        if of.etag and "if-none-match" in request.headers:
            tags = tags_of(request.headers["if-none-match"])
            if tags and (tags == ("*",) or etag_of(row[0]) in tags):
                return Response(304, [("etag", etag_of(row[0])), *_EMPTY])
        return self._entity(scope, target, plan, parsed, row, 200)

    def _entity(
        self, scope: Scope, target: Target, plan: Plan, parsed: Parsed, row: tuple[Any, ...], status: int
    ) -> Response:
        """Return the answer that carries one entity."""
        root, of, level = scope.request.root, plan.of, plan.level
        place = self._place(scope, target.steps)
        navigation = target.last.navigation
        address = ""
        if plan.addressed or status == 201:
            address = f"{root}/{place}"
            if navigation is None or navigation.many:
                keys = [row[plan.position(name)] for name in of.key]
                address = f"{address}({key_text(of, keys)})"
        more: list[Any] = []
        if plan.branches:
            more = self._plans.expand(scope, plan, parsed.params, (row,), [address] if address else None)[0]
        context = UNSET if level == "none" else f"{root}/$metadata#{place}/$entity"
        headers = list(_HEADERS[level])
        if of.etag:
            headers.append(("etag", etag_of(row[0])))
        if status == 201:
            headers.append(("location", quote(address, safe=URL_SAFE)))
        return Response(status, headers, encode(plan.render(row, address, context, more)))

    def _list(self, scope: Scope, target: Target, fixed: dict[str, Any], trusted: bool) -> Response:
        request, step = scope.request, target.last
        of = step.of
        parsed = self._parsed(request, of, LIST)
        level = level_of(request)
        plan = self._plans.plan(parsed.shape, level, order=True)
        if of.list_where and step.navigation is None:
            fixed = {**fixed, **list_conditions(of, plan, scope, fixed)}

        def guard() -> None:
            self._guard(of, fixed, tuple(name for name, _ in plan.fixed_by_filter))

        if target.tail == "count":
            number = self._plans.number(scope, plan, parsed.params, fixed)
            if number:
                guard()
            elif trusted:
                self._follow(scope, target.steps)
            return Response(200, list(_PLAIN), str(number).encode())
        asked = prefer_of(request).get("odata.maxpagesize") or prefer_of(request).get("maxpagesize")
        page = PAGE
        if asked is not None and asked.isascii() and asked.isdigit() and len(asked) < 10 and int(asked):
            page = min(PAGE, int(asked))
        rows, token = self._plans.listed(scope, plan, parsed, fixed, page=page, guard=guard)
        if trusted and not rows:
            self._follow(scope, target.steps)
        place = self._place(scope, target.steps)
        made = Page(value=self._plans.render(scope, plan, parsed.params, rows, f"{request.root}/{place}"))
        if level != "none":
            made.context = f"{request.root}/$metadata#{place}"
        if parsed.shape.count:
            made.count = self._plans.number(scope, plan, parsed.params, fixed)
        if token is not None:
            made.next = next_link(request, token)
        headers = list(_HEADERS[level])
        if asked is not None:
            headers.append(("preference-applied", f"odata.maxpagesize={page}"))
        return Response(200, headers, encode(made))

    def _property(self, scope: Scope, target: Target, fixed: dict[str, Any]) -> Response:
        """Answer `.../displayName` and `.../displayName/$value`."""
        step, wanted = target.last, target.field
        assert wanted is not None
        if wanted.type.kind == "stream":
            raise not_found(wanted.name)
        found = self._plans.fetch(scope, step.of, fixed, (wanted.name,))
        if found is None:
            raise not_found(step.name)
        self._guard(step.of, fixed, ())
        value = found[1]
        if target.tail == "value":
            text = value if type(value) is str else encode(value).decode()
            return Response(200, list(_PLAIN), text.encode())
        level = level_of(scope.request)
        keys = "" if step.keys is None else f"({key_text(step.of, step.keys)})"
        context = f"{scope.request.root}/$metadata#{self._place(scope, target.steps)}{keys}/{wanted.name}"
        body = {"value": value} if level == "none" else {"@odata.context": context, "value": value}
        return Response(200, list(_HEADERS[level]), encode(body))

    def _guard(self, of: EntitySet, fixed: Mapping[str, Any], filtered: tuple[str, ...]) -> None:
        """Refuse rows of a guarded set when neither the address nor the filter fixes its key or a guard property."""
        if of.guard and not any(name in fixed or name in filtered for name in (*of.guard, *of.key)):
            raise Refused(
                "Application_DialogException",
                of.guard_message or f"You must specify one of: {', '.join(of.guard)}.",
            )

    # ----------------------------------------------------------------------- writing

    def _reader(self, of: EntitySet) -> BodyReader:
        found = self._readers.get(of.name)
        if found is None:
            found = self._readers[of.name] = BodyReader(of, self._catalog, strict=self.strict)
        return found

    def _body(self, request: Request, of: EntitySet) -> Incoming:
        self.check_media_type(request)
        return self._reader(of).read(request.body)

    def check_media_type(self, request: Request) -> None:
        """Refuse (415) a body that is not said to be JSON in UTF-8. No content type means JSON."""
        said = request.headers.get("content-type")
        if said is None or said == "application/json":
            return
        known = self._json_types.get(said)
        if known is None:
            if len(self._json_types) >= _MOST_TYPES:
                self._json_types.clear()
            known = self._json_types[said] = is_json(said)
        if not known:
            raise Refused(
                "BadRequest",
                f"The content type '{shown(said)}' is not supported; send application/json in UTF-8.",
                415,
            )

    def _create(self, scope: Scope, target: Target) -> Response:
        """Answer a POST: a new entity, or, with a key that the client chose and a matching tag, a changed one."""
        request, step = scope.request, target.last
        of = step.of
        chooses = of.client_ids and not self.strict
        if of.create is None or target.tail or (step.one and not (step.keys and chooses)):
            raise not_allowed("POST", of.name)
        parents = self._follow(scope, (*target.steps[:-1], Step(of, step.navigation)))
        assert parents is not None, "a collection is never a blank pointer"
        incoming = self._body(request, of)
        key = step.keys[0] if step.keys else None
        if incoming.id is not None:
            if not chooses:
                raise read_only(of.key[0])
            if key is not None and incoming.id != key:
                raise Refused(
                    "BadRequest", f"The {of.key[0]} in the body, '{incoming.id}', is not that of the address."
                )
            key = incoming.id
        tags = self._tags(request) if "if-match" in request.headers else None
        if key is not None:
            existing = self._plans.fetch(scope, of, {of.key[0]: key}, of.key)
            if existing is not None:
                return self._create_again(scope, target, incoming, key, parents, tags)
        if tags is not None and tags != ("*",):
            raise _changed()
        parsed = self._parsed(request, of, ONE)
        id = self._insert(scope, of, incoming, parents, key)
        return self._written(scope, target, parsed, id, self._found_by(of, id, parents), 201)

    def _create_again(
        self,
        scope: Scope,
        target: Target,
        incoming: Incoming,
        key: str,
        parents: dict[str, Any],
        tags: tuple[str, ...] | None,
    ) -> Response:
        """Answer a POST with the key of an entity that exists: a change when its tag is given, else a refusal."""
        of = target.last.of
        conditions = {of.key[0]: key, **{n: v for n, v in parents.items() if n != of.key[0]}}
        here = self._plans.fetch(scope, of, conditions, of.key)
        if tags is None or here is None or of.change is None:
            raise _exists(of, {of.key[0]: key})
        self._match(of, here[0], tags)
        return self._change(scope, target, incoming, key, conditions)

    def _insert(
        self, scope: Scope, of: EntitySet, incoming: Incoming, parent: Mapping[str, Any], key: str | None
    ) -> str:
        """Create an entity and the parts nested in it. Returns its key."""
        if of.create is None:
            raise not_allowed("POST", of.name)
        act = self._host.act(scope.request, scope.tx, scope.company, parent=parent, key=key)
        try:
            id = of.create(act, incoming.draft)
        except DuplicateKey as twice:
            given = {**incoming.draft, **parent}
            named = _by_column(of, twice.columns)
            if key is not None:
                given[of.key[0]] = key
            raise _exists(of, {name: given[name] for name in named if name in given}) from twice
        for navigation, items in incoming.parts:
            target = self._catalog[navigation.target]
            ours = tuple(name for name, _ in navigation.on)
            found = self._plans.fetch(scope, of, self._found_by(of, id, parent), ours)
            assert found is not None, f"{of.name}({id}) was just created and cannot be read"
            fixed: dict[str, Any] = dict(navigation.constant)
            for (_, theirs), wire in zip(navigation.on, found[1:], strict=True):
                fixed[theirs] = typed(target.by_name[theirs], wire)
            for item in items:
                if item.id is not None and (self.strict or not target.client_ids):
                    raise read_only(target.key[0])
                self._insert(scope, target, item, fixed, item.id)
        return id

    @staticmethod
    def _found_by(of: EntitySet, id: str, parent: Mapping[str, Any]) -> dict[str, Any]:
        """Return what finds an entity that was just written: its key; the keys of computed rows may be unique only
        below their parent, so what the address fixed comes along.
        """
        return {of.key[0]: id} if of.rows is None else {**parent, of.key[0]: id}

    def _written(
        self, scope: Scope, target: Target, parsed: Parsed, id: str, fixed: Mapping[str, Any], status: int
    ) -> Response:
        """Return the answer after a write: the entity as it is now, or only its address and tag."""
        of = target.last.of
        plan = self._plans.plan(parsed.shape, level_of(scope.request))
        rows = self._plans.rows(scope, plan, parsed.params, fixed)
        step = Step(of, target.last.navigation)
        place = Target("entities", target.company, (*target.steps[:-1], step))
        minimal = prefer_of(scope.request).get("return") == "minimal"
        if rows and not minimal:
            made = self._entity(scope, place, plan, parsed, rows[0], status)
        else:
            # A write can take an entity out of what its set shows; then there is nothing to return.
            address = quote(
                f"{scope.request.root}/{self._place(scope, place.steps)}({key_text(of, [id])})", safe=URL_SAFE
            )
            made = Response(204, [("location", address), ("odata-entityid", address), *_EMPTY])
            if rows and of.etag:
                made.headers.append(("etag", etag_of(rows[0][0])))
        if minimal:
            made.headers.append(("preference-applied", "return=minimal"))
        return made

    def _existing(self, scope: Scope, target: Target) -> tuple[str, int, dict[str, Any]]:
        """Return (key, version, conditions) of the entity that an address names. Raises Refused (404)."""
        of = target.last.of
        fixed = self._follow(scope, target.steps)
        found = None if fixed is None else self._plans.fetch(scope, of, fixed, of.key)
        if found is None or fixed is None:
            raise not_found(target.last.name)
        self._guard(of, fixed, ())
        return found[1], found[0], fixed

    def _tags(self, request: Request) -> tuple[str, ...]:
        """Return the tags of If-Match. Raises Refused when the header is missing or malformed."""
        tags = tags_of(request.headers.get("if-match", ""))
        if tags is None:
            raise Refused(
                "BadRequest_InvalidToken",
                "Could not validate the client concurrency token required by the service. Please provide a valid "
                "token in the client request.",
            )
        return tags

    @staticmethod
    def _match(of: EntitySet, version: int, tags: tuple[str, ...]) -> None:
        """Refuse (409) when none of the tags is that of the version."""
        if tags != ("*",) and of.etag and etag_of(version) not in tags:
            raise _changed()

    def _patch(self, scope: Scope, target: Target) -> Response:
        step, request = target.last, scope.request
        of = step.of
        if of.change is None or not step.one:
            raise not_allowed("PATCH", of.name)
        id, version, fixed = self._existing(scope, target)
        if of.etag or "if-match" in request.headers:
            self._match(of, version, self._tags(request))
        incoming = self._body(request, of)
        if incoming.id is not None and incoming.id != id:
            raise read_only(of.key[0])
        return self._change(scope, target, incoming, id, fixed)

    def _change(
        self, scope: Scope, target: Target, incoming: Incoming, id: str, fixed: Mapping[str, Any]
    ) -> Response:
        of = target.last.of
        assert of.change is not None, of.name
        if incoming.parts:
            raise Refused(
                "BadRequest", f"'{incoming.parts[0][0].name}' cannot be changed here; use the address of each entity."
            )
        parsed = self._parsed(scope.request, of, ONE)
        parent = {name: value for name, value in fixed.items() if name not in of.key}
        act = self._host.act(scope.request, scope.tx, scope.company, parent=parent)
        try:
            id = of.change(act, id, incoming.draft)
        except DuplicateKey as twice:
            named = _by_column(of, twice.columns)
            raise _exists(of, {n: incoming.draft[n] for n in named if n in incoming.draft}) from twice
        return self._written(scope, target, parsed, id, self._found_by(of, id, parent), 200)

    def _delete(self, scope: Scope, target: Target) -> Response:
        of = target.last.of
        if of.remove is None or not target.last.one:
            raise not_allowed("DELETE", of.name)
        id, version, fixed = self._existing(scope, target)
        if "if-match" in scope.request.headers:
            self._match(of, version, self._tags(scope.request))
        parent = {name: value for name, value in fixed.items() if name not in of.key}
        of.remove(self._host.act(scope.request, scope.tx, scope.company, parent=parent), id)
        return Response(204, list(_EMPTY))

    def _action(self, scope: Scope, target: Target) -> Response:
        request, of, action = scope.request, target.last.of, target.action
        assert action is not None
        id, version, fixed = self._existing(scope, target)
        if "if-match" in request.headers:
            self._match(of, version, self._tags(request))
        body: dict[str, Any] = {}
        if request.body.strip():
            self.check_media_type(request)
            body = decode_object(request.body)
        parent = {name: value for name, value in fixed.items() if name not in of.key}
        value = action.run(self._host.act(request, scope.tx, scope.company, parent=parent), id, body)
        if value is None:
            return Response(204, list(_EMPTY))
        return Response(200, list(_HEADERS["minimal"]), encode(value))


def strict_catalog(catalog: Mapping[str, EntitySet]) -> Mapping[str, EntitySet]:
    """Return the catalog without hidden properties: Business Central does not know them."""
    return {
        name: replace(of, properties=tuple(p for p in of.properties if not p.hidden), by_name={})
        if any(p.hidden for p in of.properties)
        else of
        for name, of in catalog.items()
    }


def _changed() -> Refused:
    return Refused(
        "Request_EntityChanged",
        "Another user has already changed the record. Read it again and send its new @odata.etag.",
    )


def _by_column(of: EntitySet, columns: tuple[str, ...]) -> list[str]:
    """Return the properties that show these columns."""

    return [p.name for column in columns for p in of.properties if p.source == column]


def _exists(of: EntitySet, values: Mapping[str, Any]) -> Refused:
    told = ", ".join(f"{name}='{shown(value)}'" for name, value in values.items())
    return Refused(
        "Internal_EntityWithSameKeyExists",
        f"The {of.entity} already exists." + (f" Identification fields and values: {told}" if told else ""),
    )
