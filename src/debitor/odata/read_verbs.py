"""GET: one entity, a list, a count, a property. HEAD is the same without its body."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any
from urllib.parse import quote

from debitor.odata.answers import EMPTY, HEADERS, PLAIN, Page
from debitor.odata.delta import (
    DeltaToken,
    feeds_of,
    page_of_changes,
    read_delta_token,
    removed_entities,
    write_delta_token,
)
from debitor.odata.errors import not_allowed, not_found
from debitor.odata.headers import level_of, next_link, prefer_of, quoted
from debitor.odata.messages import Response
from debitor.odata.options import LIST, ONE, Parsed, Shape
from debitor.odata.page_tokens import PageToken, read_token, write_token
from debitor.odata.payload import UNSET, encode, etag_of, tags_of
from debitor.odata.reading import PAGE, Plan, Scope, key_text, list_conditions
from debitor.odata.urls import Target
from debitor.odata.walking import Walker
from debitor.schema import Refused

WHOLE = 500
"""Rows of the longest list that is answered in one piece; longer ones are streamed."""
PORTION = 200
"""Rows that a streamed answer reads and encodes at once: some milliseconds of work."""


class ReadVerbs:
    """Answers what reads.

    Args:
        walker: walks the addresses.
    """

    def __init__(self, walker: Walker) -> None:
        self._walk = walker

    def get(self, scope: Scope, target: Target) -> Response:
        """Answer a GET. Raises Refused."""
        step = target.last
        if target.tail == "action":
            raise not_allowed("GET", step.of.name)
        fixed, trusted = self._walk.fixed(scope, target.steps)
        if fixed is None:
            if target.tail:
                raise not_found(step.name)
            return Response(204, list(EMPTY))
        if target.tail in ("property", "value"):
            return self._property(scope, target, fixed)
        if step.one:
            return self._one(scope, target, fixed, trusted)
        return self._list(scope, target, fixed, trusted)

    def _one(self, scope: Scope, target: Target, fixed: dict[str, Any], trusted: bool) -> Response:
        request, of = scope.request, target.last.of
        parsed = self._walk.parsed(request, of, ONE)
        level = level_of(request)
        plan = self._walk.plans.plan(parsed.shape, level)
        rows = self._walk.plans.rows(scope, plan, parsed.params, fixed)
        if not rows:
            if trusted:
                self._walk.follow(scope, target.steps)
            if of.outline and target.last.keys is None:
                # The pointer may not be blank, but what it means is not kept here: a navigation that leads nowhere.
                return Response(204, list(EMPTY))
            raise not_found(target.last.name)
        self._walk.guard(of, fixed, ())
        row = rows[0]
        if of.etag and "if-none-match" in request.headers:
            tags = tags_of(request.headers["if-none-match"])
            if tags and (tags == ("*",) or etag_of(row[0]) in tags):
                return Response(304, [("etag", etag_of(row[0])), *EMPTY])
        made = self.entity(scope, target, plan, parsed, row, 200)
        made.lasting = plan.lasting
        return made

    def entity(
        self, scope: Scope, target: Target, plan: Plan, parsed: Parsed, row: tuple[Any, ...], status: int
    ) -> Response:
        """Return the answer that carries one entity."""
        root, of, level = scope.request.root, plan.of, plan.level
        place = self._walk.place(scope, target.steps)
        navigation = target.last.navigation
        address = ""
        if plan.addressed or status == 201:
            address = f"{root}/{place}"
            if navigation is None or navigation.many:
                keys = [row[plan.position(name)] for name in of.key]
                address = f"{address}({key_text(of, keys)})"
        more: list[Any] = []
        if plan.branches:
            more = self._walk.plans.expand(scope, plan, parsed.params, (row,), [address] if address else None)[0]
        context = UNSET if level == "none" else f"{root}/$metadata#{place}{plan.selected}/$entity"
        headers = list(HEADERS[level])
        if of.etag:
            headers.append(("etag", etag_of(row[0])))
        if status == 201:
            headers.append(("location", quoted(address)))
        return Response(status, headers, encode(plan.render.one(row, address, context, more)))

    def _list(self, scope: Scope, target: Target, fixed: dict[str, Any], trusted: bool) -> Response:
        request, step = scope.request, target.last
        of = step.of
        parsed = self._walk.parsed(request, of, LIST)
        level = level_of(request)
        plan = self._walk.plans.plan(parsed.shape, level, order=True)
        if of.list_where and step.navigation is None:
            fixed = {**fixed, **list_conditions(of, plan, scope, fixed)}

        def guard() -> None:
            self._walk.guard(of, fixed, tuple(name for name, _ in plan.fixed_by_filter))

        if target.tail == "count":
            number = self._walk.plans.number(scope, plan, parsed.params, fixed)
            if number:
                guard()
            elif trusted:
                self._walk.follow(scope, target.steps)
            return Response(200, list(PLAIN), str(number).encode())
        said = prefer_of(request)
        asked = said.get("odata.maxpagesize") or said.get("maxpagesize")
        page = PAGE
        if asked is not None and asked.isascii() and asked.isdigit() and len(asked) < 10 and int(asked):
            page = min(PAGE, int(asked))
        if parsed.deltatoken is not None:
            return self._changes(scope, target, plan.shape, parsed, fixed, page, guard)
        wanted = "odata.track-changes" in said or "track-changes" in said
        tracks = wanted and not self._walk.strict and parsed.top is None and parsed.skip is None
        since = scope.tx.latest() if tracks and feeds_of(of) is not None else None
        streams = request.snapshot is not None and of.rows is None and page > WHOLE
        most = WHOLE if streams else page
        rows, token, since = self._walk.plans.listed(scope, plan, parsed, fixed, page=most, guard=guard, since=since)
        if streams and token is not None:
            return Response(
                200,
                self._list_headers(level, None if asked is None else page, tracks=since is not None),
                chunks=self._streamed(scope, target, plan, parsed, fixed, page, tracks=since is not None),
            )
        if trusted and not rows:
            self._walk.follow(scope, target.steps)
        place = self._walk.place(scope, target.steps)
        made = Page(value=self._walk.plans.render(scope, plan, parsed.params, rows, f"{request.root}/{place}"))
        if level != "none":
            made.context = f"{request.root}/$metadata#{place}{plan.selected}"
        if parsed.shape.count:
            made.count = self._walk.plans.number(scope, plan, parsed.params, fixed)
        if token is not None:
            made.next = next_link(request, token)
        elif since is not None:
            known = DeltaToken(since + 1, "", 0, scope.tx.newest())
            made.delta = next_link(request, write_delta_token(scope, place, known), "$deltatoken")
        headers = self._list_headers(level, None if asked is None else page, tracks=since is not None)
        return Response(200, headers, encode(made), lasting=since is None and plan.lasting)

    @staticmethod
    def _list_headers(level: str, page: int | None, *, tracks: bool) -> list[tuple[str, str]]:
        headers = list(HEADERS[level])
        applied = [] if page is None else [f"odata.maxpagesize={page}"]
        if tracks:
            applied.append("odata.track-changes")
        if applied:
            headers.append(("preference-applied", ", ".join(applied)))
        return headers

    def _streamed(
        self,
        scope: Scope,
        target: Target,
        plan: Plan,
        parsed: Parsed,
        fixed: dict[str, Any],
        page: int,
        *,
        tracks: bool,
    ) -> Iterator[bytes]:
        """Give the JSON of a long list in pieces, all of one moment, at the cost of one portion of memory."""
        request, plans = scope.request, self._walk.plans
        assert request.snapshot is not None, "asked before"
        place = self._walk.place(scope, target.steps)
        with request.snapshot() as root:
            tx = root if scope.company is None else root.at(scope.company.key)
            inner = Scope(scope.host, request, tx, scope.company)
            since = tx.latest() if tracks else None
            head = Page()
            if plan.level != "none":
                head.context = f"{request.root}/$metadata#{place}{plan.selected}"
            if parsed.shape.count:
                head.count = plans.number(inner, plan, parsed.params, fixed)
            piece = encode(head).removesuffix(b"]}")
            next_page: PageToken | None = None
            for rows, following in plans.portions(inner, plan, parsed, fixed, page=page, size=PORTION):
                next_page = following
                if not rows:  # only the row behind the page
                    continue
                items = plans.render(inner, plan, parsed.params, rows, f"{request.root}/{place}")
                yield piece + encode(items)[1:-1]
                piece = b","
            if next_page is not None and tracks and parsed.skiptoken is None:
                next_page = replace(next_page, since=since)
            if parsed.skiptoken is not None:
                since = read_token(plan, parsed.skiptoken).since
            tail = Page()
            if next_page is not None:
                tail.next = next_link(request, write_token(plan, next_page))
            elif since is not None:
                known = DeltaToken(since + 1, "", 0, tx.newest())
                tail.delta = next_link(request, write_delta_token(inner, place, known), "$deltatoken")
            yield encode(tail).removeprefix(b'{"value":[')

    def _changes(
        self,
        scope: Scope,
        target: Target,
        shape: Shape,
        parsed: Parsed,
        fixed: dict[str, Any],
        size: int,
        guard: Callable[[], None],
    ) -> Response:
        """Answer a delta link: what changed since, what is gone, and the link for the time after."""
        request, of, plans = scope.request, target.last.of, self._walk.plans
        assert parsed.deltatoken is not None, "a delta link has a token"
        if self._walk.strict or feeds_of(of) is None:
            raise Refused("BadRequest", f"The query option '$deltatoken' cannot be used with '{of.name}'.")
        self._walk.follow(scope, target.steps)
        level, place = level_of(request), self._walk.place(scope, target.steps)
        plan = plans.plan(shape, level)
        token = read_delta_token(scope, place, parsed.deltatoken)
        found = page_of_changes(scope, plans, plan, parsed, fixed, token, size)
        if found.rows:
            guard()
        made = Page(value=plans.render(scope, plan, parsed.params, found.rows, f"{request.root}/{place}"))
        named = level != "none"
        made.value += removed_entities(of, request.root, place, found.removed, context=named)
        if named:
            made.context = f"{request.root}/$metadata#{place}{plan.selected}/$delta"
        link = next_link(request, write_delta_token(scope, place, found.token), "$deltatoken")
        if found.last:
            made.delta = link
        else:
            made.next = link
        return Response(200, list(HEADERS[level]), encode(made))

    def _media(self, scope: Scope, target: Target, fixed: dict[str, Any], name: str) -> Response:
        """Answer the address of a stream property, with or without `$value`: the bytes, or 204 without any."""
        of = target.last.of
        found = self._walk.plans.fetch(scope, of, fixed, of.key)
        if found is None or name not in of.media:
            raise not_found(target.last.name if found is None else name)
        self._walk.guard(of, fixed, ())
        tag = [("etag", etag_of(found[0]))] if of.etag else []
        asked = tags_of(scope.request.headers.get("if-none-match", "")) if of.etag else None
        if asked and (asked == ("*",) or etag_of(found[0]) in asked):
            return Response(304, [*tag, *EMPTY])
        media = of.media[name](scope.act, found[1])
        if media is None:
            return Response(204, [*tag, *EMPTY])
        headers = [("content-type", media.content_type), *tag, *EMPTY]
        if media.file_name:
            headers.append(("content-disposition", f"attachment; filename*=UTF-8''{quote(media.file_name, safe='')}"))
        if media.made is not None:
            return Response(200, headers, later=media.made)
        return Response(200, headers, chunks=iter(media.chunks), size=media.size)

    def _property(self, scope: Scope, target: Target, fixed: dict[str, Any]) -> Response:
        """Answer `.../displayName` and `.../displayName/$value`."""
        step, wanted = target.last, target.field
        assert wanted is not None
        if wanted.type.kind == "stream":
            return self._media(scope, target, fixed, wanted.name)
        found = self._walk.plans.fetch(scope, step.of, fixed, (wanted.name,))
        if found is None:
            raise not_found(step.name)
        self._walk.guard(step.of, fixed, ())
        value = found[1]
        if target.tail == "value":
            text = value if type(value) is str else encode(value).decode()
            return Response(200, list(PLAIN), text.encode())
        level = level_of(scope.request)
        keys = "" if step.keys is None else f"({key_text(step.of, step.keys)})"
        context = f"{scope.request.root}/$metadata#{self._walk.place(scope, target.steps)}{keys}/{wanted.name}"
        body = {"value": value} if level == "none" else {"@odata.context": context, "value": value}
        return Response(200, list(HEADERS[level]), encode(body))
