"""POST, PATCH, DELETE and bound actions: the only place that turns requests into hook calls that write."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from debitor.odata.answers import EMPTY, HEADERS
from debitor.odata.binding import Binder
from debitor.odata.errors import not_allowed, not_found
from debitor.odata.headers import is_json, level_of, prefer_of, quoted
from debitor.odata.messages import Request, Response
from debitor.odata.options import ONE, Parsed
from debitor.odata.page_tokens import typed
from debitor.odata.parameters import ParameterReader, told_of
from debitor.odata.payload import BodyReader, Incoming, decode_object, encode, etag_of, read_only, shown, tags_of
from debitor.odata.read_verbs import ReadVerbs
from debitor.odata.reading import Scope, key_text
from debitor.odata.replacing import Defaults
from debitor.odata.urls import Step, Target
from debitor.odata.walking import Walker
from debitor.schema import Action, EntitySet, Located, Media, Refused
from debitor.store import DuplicateKey, contents

_MOST_TYPES = 200


class WriteVerbs:
    """Answers what writes.

    Args:
        walker: walks the addresses.
        reads: makes the answer that shows what was written.
        binder: resolves `@odata.bind`.
    """

    def __init__(self, walker: Walker, reads: ReadVerbs, binder: Binder) -> None:
        self._walk, self._reads, self._binder = walker, reads, binder
        self._defaults: dict[str, Defaults] = {}
        self._readers: dict[str, BodyReader] = {}
        self._parameters: dict[tuple[str, str], ParameterReader] = {}
        self._json_types: dict[str, bool] = {}

    def _reader(self, of: EntitySet) -> BodyReader:
        found = self._readers.get(of.name)
        if found is None:
            found = self._readers[of.name] = BodyReader(of, self._walk.catalog, strict=self._walk.strict)
        return found

    def _body(self, scope: Scope, of: EntitySet, *, whole: bool = False) -> Incoming:
        self.check_media_type(scope.request)
        made = self._reader(of).read(scope.request.body, whole=whole)
        if made.binds or made.parts:
            self._binder.resolve(scope, of, made)
        return made

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

    def create(self, scope: Scope, target: Target) -> Response:
        """Answer a POST: a new entity, or, with a key that the client chose and a matching tag, a changed one."""
        request, step = scope.request, target.last
        of = step.of
        chooses = of.client_ids and not self._walk.strict
        if of.create is None or target.tail or (step.one and not (step.keys and chooses)):
            raise not_allowed("POST", of.name)
        parents = self._walk.follow(scope, (*target.steps[:-1], Step(of, step.navigation)))
        assert parents is not None, "a collection is never a blank pointer"
        incoming = self._body(scope, of)
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
            existing = self._walk.plans.fetch(scope, of, {of.key[0]: key}, of.key)
            if existing is not None:
                return self._create_again(scope, target, incoming, key, parents, tags)
        if tags is not None and tags != ("*",):
            raise _changed()
        parsed = self._walk.parsed(request, of, ONE)
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
        here = self._walk.plans.fetch(scope, of, conditions, of.key)
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
        act = self._walk.host.act(scope.request, scope.tx, scope.company, parent=parent, key=key)
        try:
            id = of.create(act, incoming.draft)
        except DuplicateKey as twice:
            given = {**incoming.draft, **parent}
            named = _by_column(of, twice.columns)
            if key is not None:
                given[of.key[0]] = key
            raise _exists(of, {name: given[name] for name in named if name in given}) from twice
        for navigation, items in incoming.parts:
            target = self._walk.catalog[navigation.target]
            ours = tuple(name for name, _ in navigation.on)
            found = self._walk.plans.fetch(scope, of, self._found_by(of, id, parent), ours)
            assert found is not None, f"{of.name}({id}) was just created and cannot be read"
            fixed: dict[str, Any] = dict(navigation.constant)
            for (_, theirs), wire in zip(navigation.on, found[1:], strict=True):
                fixed[theirs] = typed(target.by_name[theirs], wire)
            for item in items:
                if item.id is not None and (self._walk.strict or not target.client_ids):
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
        scope.request.written = id
        plan = self._walk.plans.plan(parsed.shape, level_of(scope.request))
        rows = self._walk.plans.rows(scope, plan, parsed.params, fixed)
        last = target.last
        place = target
        if last.keys is not None or target.tail:
            place = Target("entities", target.company, (*target.steps[:-1], Step(of, last.navigation)))
        wish = prefer_of(scope.request).get("return")
        minimal = wish == "minimal"
        if rows and not minimal:
            made = self._reads.entity(scope, place, plan, parsed, rows[0], status)
        else:
            # A write can take an entity out of what its set shows; then there is nothing to return.
            address = quoted(f"{scope.request.root}/{self._walk.place(scope, place.steps)}({key_text(of, [id])})")
            made = Response(204, [("location", address), ("odata-entityid", address), *EMPTY])
            if rows and of.etag:
                made.headers.append(("etag", etag_of(rows[0][0])))
        if minimal or wish == "representation":
            made.headers.append(("preference-applied", f"return={wish}"))
        return made

    def _existing(self, scope: Scope, target: Target) -> tuple[str, int, dict[str, Any]]:
        """Return (key, version, conditions) of the entity that an address names. Raises Refused (404)."""
        of = target.last.of
        fixed = self._walk.follow(scope, target.steps)
        found = None if fixed is None else self._walk.plans.fetch(scope, of, fixed, of.key)
        if found is None or fixed is None:
            raise not_found(target.last.name)
        self._walk.guard(of, fixed, ())
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

    def _default(self, of: EntitySet) -> Defaults:
        found = self._defaults.get(of.name)
        if found is None:
            found = self._defaults[of.name] = Defaults(of, self._walk.catalog)
        return found

    def _is_new(self, scope: Scope, target: Target) -> bool:
        """Whether a PATCH or PUT names, by an id that the client chose, an entity that is not there: an upsert.

        A client that sends If-Match means one that exists.
        """
        step = target.last
        if step.keys is None or not step.of.client_ids or self._walk.strict or "if-match" in scope.request.headers:
            return False
        key = step.of.key
        return self._walk.plans.fetch(scope, step.of, {key[0]: step.keys[0]}, key) is None

    def patch(self, scope: Scope, target: Target) -> Response:
        """Answer a PATCH or PUT: the entity with what the body holds, or a new one (see `_is_new`).

        Raises:
            Refused: the answer is no.
        """
        step, request = target.last, scope.request
        of = step.of
        if of.change is None or not step.one:
            raise not_allowed(request.method, of.name)
        if self._is_new(scope, target):
            return self.create(scope, target)
        id, version, fixed = self._existing(scope, target)
        if of.etag or "if-match" in request.headers:
            self._match(of, version, self._tags(request))
        # Business Central has no replacing: its PUT is a PATCH, and so it is in strict mode.
        replacing = request.method == "PUT" and not self._walk.strict
        if replacing and of.rows is not None:
            raise Refused(
                "BadRequest_MethodNotAllowed", f"'PUT' requests for '{of.name}' are not allowed; send a PATCH."
            )
        incoming = self._body(scope, of, whole=replacing)
        if replacing:
            incoming.draft = self._default(of).completed(incoming.draft)
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
        parsed = self._walk.parsed(scope.request, of, ONE)
        parent = {name: value for name, value in fixed.items() if name not in of.key}
        act = self._walk.host.act(scope.request, scope.tx, scope.company, parent=parent)
        try:
            id = of.change(act, id, incoming.draft)
        except DuplicateKey as twice:
            named = _by_column(of, twice.columns)
            raise _exists(of, {n: incoming.draft[n] for n in named if n in incoming.draft}) from twice
        return self._written(scope, target, parsed, id, self._found_by(of, id, parent), 200)

    def check_content(self, scope: Scope, target: Target) -> tuple[str, dict[str, Any]]:
        """Return (key, conditions) of the entity whose stream property a PUT or PATCH names.

        Raises:
            Refused: the stream is read only, there is no such entity, or it has another tag. Strict mode wants a tag.
        """
        request, of = scope.request, target.last.of
        if target.field is None or target.field.name not in of.take_media:
            raise not_allowed(request.method, of.name)
        id, version, fixed = self._existing(scope, target)
        if self._walk.strict or "if-match" in request.headers:
            self._match(of, version, self._tags(request))
        return id, fixed

    def put_content(self, scope: Scope, target: Target) -> Response:
        """Answer a PUT or PATCH of a stream property: 204. Raises Refused."""
        request, of, tx = scope.request, target.last.of, scope.tx
        id, fixed = self.check_content(scope, target)
        request.written = id
        assert target.field is not None, "checked"
        content = request.content
        if not content:  # a part of a batch
            content = contents.begin(tx)
            contents.append(tx, content, request.body)
        media = Media(
            size=contents.keep(tx, content),
            content_type=request.headers.get("content-type", "application/octet-stream"),
            kept=content,
        )
        parent = {name: value for name, value in fixed.items() if name not in of.key}
        act = self._walk.host.act(request, tx, scope.company, parent=parent)
        of.take_media[target.field.name](act, id, media)
        made = Response(204, list(EMPTY))
        found = self._walk.plans.fetch(scope, of, self._found_by(of, id, parent), of.key)
        if found is not None and of.etag:
            made.headers.append(("etag", etag_of(found[0])))
        return made

    def delete(self, scope: Scope, target: Target) -> Response:
        """Answer a DELETE; the tag is checked when there is one. Raises Refused."""
        of = target.last.of
        if of.remove is None or not target.last.one:
            raise not_allowed("DELETE", of.name)
        id, version, fixed = self._existing(scope, target)
        scope.request.written = id
        if "if-match" in scope.request.headers:
            self._match(of, version, self._tags(scope.request))
        parent = {name: value for name, value in fixed.items() if name not in of.key}
        of.remove(self._walk.host.act(scope.request, scope.tx, scope.company, parent=parent), id)
        return Response(204, list(EMPTY))

    def action(self, scope: Scope, target: Target) -> Response:
        """Answer a POST to a bound action. Raises Refused."""
        request, of, action = scope.request, target.last.of, target.action
        assert action is not None
        id, version, fixed = self._existing(scope, target)
        request.written = id
        if "if-match" in request.headers:
            self._match(of, version, self._tags(request))
        body: dict[str, Any] = {}
        if request.body.strip():
            self.check_media_type(request)
            body = decode_object(request.body)
        if action.takes:
            body = self._parameters_of(of, action).read(body)
        parent = {name: value for name, value in fixed.items() if name not in of.key}
        value = action.run(self._walk.host.act(request, scope.tx, scope.company, parent=parent), id, body)
        if value is None:
            return Response(204, list(EMPTY))
        if isinstance(value, Located):
            assert scope.company is not None, "an action of a company"
            assert value.entity_set == action.makes, f"{action.name} says that it makes {action.makes}"
            address = f"{request.root}/companies({scope.company.id})/{value.entity_set}({value.id})"
            return Response(204, [("location", quoted(address)), *EMPTY])
        assert action.gives is not None, f"{action.name} does not say what it gives"
        context = f"{request.root}/$metadata#Microsoft.NAV.{action.gives.name}"
        told = {"@odata.context": context, **told_of(action.gives, value)}
        return Response(200, list(HEADERS["minimal"]), encode(told))

    def _parameters_of(self, of: EntitySet, action: Action) -> ParameterReader:
        """Return what reads the body of an action."""
        reader = self._parameters.get((of.name, action.name))
        if reader is None:
            reader = self._parameters[of.name, action.name] = ParameterReader(action.name, action.takes)
        return reader


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
