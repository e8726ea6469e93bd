"""Reading entities: from a shape ($select, $filter, $orderby, $expand) to prepared queries, rows and structs.

A `Plan` is made once per shape and kept: it knows the columns, how rows are rendered, what is expanded, and the
`Query` of every way in which an address can fix properties. A request then only fills parameter slots.

$expand costs one query per navigation and level, not one per row: the rows of all parents are asked for at once
(`Among`) and shared out afterwards.

    3 journals, $expand=customerPayments   ->   1 query for journals, 1 for payments `journalId among (3 ids)`
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from debitor.odata.inputs import Bound, input_values, split_inputs
from debitor.odata.kept import KeptRead
from debitor.odata.memory import matches, sort_rows
from debitor.odata.messages import CompanyRef, Host, Request
from debitor.odata.options import Expand, Parsed, Shape
from debitor.odata.page_tokens import PageToken, read_token, typed, write_token
from debitor.odata.payload import Level, Renderer, renderer_of, shown_properties, wire_value
from debitor.query import Among, Compare, Field, Logic, Node, Order, Param, Query, asks_for_now
from debitor.schema import Act, Context, EntitySet, Navigation, Property, Told
from debitor.store import Transaction

PAGE = 20_000
"""Rows in one answer when the client does not ask for smaller pages."""

KEPT = 2_000
"""Plans and queries kept; beyond that all are forgotten and made again."""


@dataclass(slots=True)
class Scope:
    """One request inside one company: the session, and what is only made when something asks for it."""

    host: Host
    request: Request
    tx: Transaction
    company: CompanyRef | None
    _context: Mapping[str, Any] | None = None
    _act: Act | None = None

    @property
    def context(self) -> Mapping[str, Any]:
        """The values that `Context` sources may name."""
        if self._context is None:
            self._context = self.host.context(self.tx, self.company)
        return self._context

    @property
    def act(self) -> Act:
        """What the `rows` hook of a computed set may see."""
        if self._act is None:
            self._act = self.host.act(self.request, self.tx, self.company, parent={})
        return self._act


@dataclass(slots=True)
class Branch:
    """One expanded navigation of a plan: where its key values lie in our rows and in theirs."""

    expand: Expand
    navigation: Navigation
    plan: Plan
    ours: tuple[int, ...]
    theirs: tuple[int, ...]
    count: bool

    @property
    def in_python(self) -> bool:
        """Whether the page of each parent is cut here: rows are computed, counted, or compared by two properties."""
        return self.count or self.plan.of.rows is not None or len(self.theirs) > 1


@dataclass(slots=True)
class Plan:
    """How one shape of an entity set is read. `start` is the position of the first column in a row."""

    of: EntitySet
    shape: Shape
    level: Level
    columns: tuple[Property, ...]
    order: tuple[Order, ...]
    start: int
    branches: tuple[Branch, ...]
    render: Renderer
    addressed: bool
    selected: str
    """What follows the place in context URLs: `(number,displayName)`, or nothing when nothing was selected."""
    where: Node | None
    """What the filter asks of rows: all of it but the inputs of a computed set."""
    inputs: tuple[Bound, ...]
    fixed_by_filter: tuple[tuple[str, Param], ...]
    told: tuple[tuple[int, Told, Any], ...]
    """What is told of rows: position, how, and the blank."""
    lasting: bool
    """The rows stay the same while the store does: nothing is computed, here or in what is expanded, and no filter
    asks for now.
    """
    queries: dict[Any, Query] = field(default_factory=dict)

    def with_told(self, scope: Scope, rows: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
        """Return stored rows with what is told of them, each at its place among the columns."""
        if not self.told or not rows:
            return rows
        key = self.position(self.of.key[0])
        key -= sum(at < key for at, _told, _blank in self.told)
        ids = [row[key] for row in rows]
        made = [list(row) for row in rows]
        for at, told, blank in self.told:
            values = told.by(scope.act, ids)
            for id, row in zip(ids, made, strict=True):
                row.insert(at, wire_value(values.get(id, blank)))
        return [tuple(row) for row in made]

    def position(self, name: str) -> int:
        """Where a column lies in the rows of this plan."""
        return self.start + next(i for i, column in enumerate(self.columns) if column.name == name)


def _select_list(shape: Shape) -> str:
    """Return the select list of context URLs (OData 4.0, part 1, section 10.7): an expanded navigation stands in it
    only with what was selected or expanded inside.
    """
    inner = [(e.navigation.name, _select_list(e.shape)) for e in shape.expand]
    return ",".join((*(shape.select or ()), *(f"{name}({told})" for name, told in inner if told)))


def fixed_by_filter(where: Node | None) -> tuple[tuple[str, Param], ...]:
    """Return (property, slot) for every `property eq value` that a filter demands of all rows."""
    if isinstance(where, Logic) and where.op == "and":
        return tuple(pair for item in where.items for pair in fixed_by_filter(item))
    if isinstance(where, Compare) and where.op == "eq":
        left, right = where.left, where.right
        if isinstance(left, Param):
            left, right = right, left
        if isinstance(left, Field) and isinstance(right, Param):
            return ((left.name, right),)
    return ()


def key_text(of: EntitySet, values: Sequence[Any]) -> str:
    """Return what stands between the parentheses of an entity's address."""
    if len(values) == 1 and of.by_name[of.key[0]].type.kind == "guid":
        return str(values[0])
    written = []
    for name, value in zip(of.key, values, strict=True):
        quoted = of.by_name[name].type.kind in ("text", "code", "formula")
        text = "'" + str(value).replace("'", "''") + "'" if quoted else str(value)
        written.append(text if len(of.key) == 1 else f"{name}={text}")
    return ",".join(written)


def _all(items: list[Node]) -> Node | None:
    if not items:
        return None
    return items[0] if len(items) == 1 else Logic("and", tuple(items))


def after(of: EntitySet, order: Sequence[Order], base: int) -> Node:
    """Return the condition that a row comes after the one whose order values fill the slots from `base` on.

    (a, b descending, id)  ->  a > ?0  or  (a = ?0 and b < ?1)  or  (a = ?0 and b = ?1 and id > ?2)
    """
    ways: list[Node] = []
    same: list[Node] = []
    for at, term in enumerate(order):
        # The value may be the blank of a pointer that leads nowhere; only `blank` slots match those.
        slot = Param(base + at, of.by_name[term.name].type, blank=True)
        ways.append(
            Logic("and", (*same, Compare("lt" if term.descending else "gt", Field(term.name), slot)))
            if same
            else Compare("lt" if term.descending else "gt", Field(term.name), slot)
        )
        same.append(Compare("eq", Field(term.name), slot))
    return ways[0] if len(ways) == 1 else Logic("or", tuple(ways))


# --------------------------------------------------------------------------- plans


def _fetch_query(of: EntitySet, fixed: tuple[str, ...], names: tuple[str, ...]) -> Query:
    conditions: list[Node] = [
        Compare("eq", Field(name), Param(at, of.by_name[name].type)) for at, name in enumerate(fixed)
    ]
    return Query(of=of, columns=tuple(of.by_name[name] for name in names), where=_all(conditions), version=of.etag)


class Plans:
    """Makes plans and runs them.

    Args:
        catalog: the entity sets by name.
    """

    def __init__(self, catalog: Mapping[str, EntitySet]) -> None:
        self._catalog = catalog
        self._plans: dict[Any, Plan] = {}
        self._fetches: dict[Any, Query | KeptRead] = {}

    def plan(self, shape: Shape, level: Level, *, order: bool = False, more: tuple[str, ...] = ()) -> Plan:
        """Return the plan of a shape.

        Args:
            shape: what was asked for.
            level: how much control information the answer carries.
            order: the rows are ordered, and carry their order values (for page tokens).
            more: properties that rows must carry besides those shown.
        """
        key = (id(shape), level, order, more)
        found = self._plans.get(key)
        if found is not None:
            return found
        if len(self._plans) >= KEPT:
            self._plans.clear()
        made = self._plans[key] = self._make(shape, level, order, more)
        return made

    def _make(self, shape: Shape, level: Level, order: bool, more: tuple[str, ...]) -> Plan:
        of = shape.of
        wanted_order: tuple[Order, ...] = ()
        if order:
            named = tuple(shape.order) or tuple(Order(name) for name in of.order)
            ordered = {term.name for term in named}
            # The key follows in the direction of the last term, so that one index gives the whole order.
            falling = named[-1].descending if named else False
            if named or of.rows is None:
                # Rows that are computed in an order of their own keep it.
                wanted_order = (*named, *(Order(name, falling) for name in of.key if name not in ordered))
        shown = shown_properties(of, shape.select)
        columns = [p for p in shown if p.type.kind != "stream"]
        have = {p.name for p in columns}
        names = [*more, *(term.name for term in wanted_order), *of.key]
        names.extend(ours for expand in shape.expand for ours, _ in expand.navigation.on)
        for name in names:
            if name not in have:
                have.add(name)
                columns.append(of.by_name[name])
        start = 1 if of.etag else 0
        position = {p.name: start + i for i, p in enumerate(columns)}
        branches = []
        members: list[str] = []
        for expand in shape.expand:
            navigation = expand.navigation
            theirs = tuple(name for _, name in navigation.on)
            child = self.plan(expand.shape, level, order=True, more=theirs)
            branches.append(
                Branch(
                    expand=expand,
                    navigation=navigation,
                    plan=child,
                    ours=tuple(position[name] for name, _ in navigation.on),
                    theirs=tuple(child.position(name) for name in theirs),
                    count=expand.shape.count and navigation.many,
                )
            )
            if branches[-1].count:
                members.append(f"{navigation.name}@odata.count")
            members.append(navigation.name)
        where, inputs = split_inputs(of, shape.where)
        told = tuple(
            (at, p.source, p.type.blank) for at, p in enumerate(columns, start) if isinstance(p.source, Told)
        )
        streams = level != "none" and any(p.type.kind == "stream" for p in shown)
        return Plan(
            of=of,
            shape=shape,
            level=level,
            columns=tuple(columns),
            order=wanted_order,
            start=start,
            branches=tuple(branches),
            render=renderer_of(of, shape.select, level, members, version=of.etag),
            addressed=streams or level == "full" or any(b.plan.addressed for b in branches),
            selected=f"({selected})" if (selected := _select_list(shape)) else "",
            where=where,
            inputs=inputs,
            fixed_by_filter=fixed_by_filter(where),
            told=told,
            lasting=of.rows is None
            and not told
            and not asks_for_now(where)
            and all(b.plan.lasting for b in branches),
        )

    def _query(
        self,
        plan: Plan,
        fixed: tuple[str, ...],
        base: int,
        *,
        among: str = "",
        seek: bool = False,
        limit: bool = False,
        offset: bool = False,
        count: bool = False,
    ) -> Query:
        """Return the query whose parameters are: those of the filter (`base` many), the fixed values, the list
        for `among`, the order values to seek after, limit, offset; each only when asked for. With `among`, limit
        and offset count per value.
        """
        key = (fixed, base, among, seek, limit, offset, count)
        found = plan.queries.get(key)
        if found is not None:
            return found
        of = plan.of
        slot = base
        conditions: list[Node] = []
        for name in fixed:
            conditions.append(Compare("eq", Field(name), Param(slot, of.by_name[name].type)))
            slot += 1
        if among:
            conditions.append(Among(Field(among), Param(slot, of.by_name[among].type)))
            slot += 1
        if plan.where is not None:
            conditions.append(plan.where)
        if seek:
            conditions.append(after(of, plan.order, slot))
            slot += len(plan.order)
        integer = of.by_name[of.key[0]].type
        bounds: list[Param | None] = [None, None]
        for at, wanted in enumerate((limit, offset)):
            if wanted:
                bounds[at] = Param(slot, integer)
                slot += 1
        made = Query(
            of=of,
            columns=tuple(c for c in plan.columns if not isinstance(c.source, Told)),
            where=_all(conditions),
            order=() if count else plan.order,
            limit=bounds[0],
            offset=bounds[1],
            each=Field(among) if among and (limit or offset) else None,
            count=count,
            version=of.etag and not count,
        )
        if len(plan.queries) >= KEPT:
            plan.queries.clear()
        plan.queries[key] = made
        return made

    # ----------------------------------------------------------------------- rows

    def rows(
        self,
        scope: Scope,
        plan: Plan,
        params: Sequence[Any],
        fixed: Mapping[str, Any],
        *,
        limit: int | None = None,
        offset: int = 0,
        seek: Sequence[Any] = (),
    ) -> list[tuple[Any, ...]]:
        """Return rows of a plan as tuples: version (when the set has tags), then `plan.columns`.

        Args:
            scope: the request.
            plan: what to read.
            params: values of the filter's slots.
            fixed: property -> value that the address demands.
            limit: at most so many rows.
            offset: rows to leave out first.
            seek: order values of the row after which to begin.
        """
        if plan.of.rows is not None:
            found = self._computed(scope, plan, params, fixed)
            return found[offset:] if limit is None else found[offset : offset + limit]
        query = self._query(
            plan, tuple(fixed), len(params), seek=bool(seek), limit=limit is not None, offset=offset > 0
        )
        values = [*params, *fixed.values(), *seek]
        if limit is not None:
            values.append(limit)
        if offset:
            values.append(offset)
        return plan.with_told(scope, scope.tx.run(query, values, scope.context))

    def keyed(
        self,
        scope: Scope,
        plan: Plan,
        params: Sequence[Any],
        fixed: Mapping[str, Any],
        name: str,
        keys: list[str],
    ) -> dict[str, tuple[Any, ...]]:
        """Return the rows of a plan whose property `name`, one of the key, is among `keys`; by its value."""
        if plan.of.rows is not None:
            found = self._computed(scope, plan, params, fixed)
        else:
            query = self._query(plan, tuple(fixed), len(params), among=name)
            found = plan.with_told(scope, scope.tx.run(query, [*params, *fixed.values(), keys], scope.context))
        at = plan.position(name)
        wanted = set(keys)
        return {row[at]: row for row in found if row[at] in wanted}

    def number(self, scope: Scope, plan: Plan, params: Sequence[Any], fixed: Mapping[str, Any]) -> int:
        """Return how many rows there are, without regard to pages."""
        if plan.of.rows is not None:
            return len(self._computed(scope, plan, params, fixed))
        query = self._query(plan, tuple(fixed), len(params), count=True)
        found: int = scope.tx.run(query, [*params, *fixed.values()], scope.context)[0][0]
        return found

    def _computed(
        self,
        scope: Scope,
        plan: Plan,
        params: Sequence[Any],
        fixed: Mapping[str, Any],
        among: Mapping[str, list[Any]] | None = None,
    ) -> list[tuple[Any, ...]]:
        """Return the rows of a set that computes them: filtered and sorted in memory.

        `among` is told to the hook besides `fixed`: property -> values of all parents of an `$expand`.
        """
        of = plan.of
        assert of.rows is not None, of.name
        known = {**{name: params[slot.index] for name, slot in plan.fixed_by_filter}, **fixed, **(among or {})}
        if plan.inputs:
            known |= input_values(plan.inputs, params)
        found = of.rows(scope.act, known)
        if fixed:
            found = [row for row in found if all(row.get(n, v) == v for n, v in fixed.items())]
        where = plan.where
        if where is not None:
            found = [row for row in found if matches(where, row, params)]
        if plan.order:
            found = sort_rows(found, plan.order)
        names = [column.name for column in plan.columns]
        if of.etag:
            return [(row["version"], *(wire_value(row[name]) for name in names)) for row in found]
        return [tuple(wire_value(row[name]) for name in names) for row in found]

    def fetch(
        self, scope: Scope, of: EntitySet, fixed: Mapping[str, Any], names: tuple[str, ...]
    ) -> tuple[Any, ...] | None:
        """Return (version, values of the named properties) of one entity, or None when there is none.

        The version is 0 for sets without tags.
        """
        if of.rows is not None:
            for row in of.rows(scope.act, fixed):
                if all(row.get(n, v) == v for n, v in fixed.items()):
                    return (row["version"] if of.etag else 0, *(wire_value(row[name]) for name in names))
            return None
        key = (of.name, tuple(fixed), names)
        made = self._fetches.get(key)
        if made is None:
            made = self._fetches[key] = KeptRead.of(of, tuple(fixed), names) or _fetch_query(of, tuple(fixed), names)
        if isinstance(made, KeptRead):
            return made.read(scope.tx, fixed, scope.context)
        found = scope.tx.run(made, list(fixed.values()), scope.context)
        if not found:
            return None
        return found[0] if of.etag else (0, *found[0])

    # ----------------------------------------------------------------------- rendering

    def render(
        self, scope: Scope, plan: Plan, params: Sequence[Any], rows: Sequence[tuple[Any, ...]], address: str
    ) -> list[Any]:
        """Return one JSON-ready struct per row, with everything that is expanded.

        Args:
            scope: the request.
            plan: the plan that the rows came from.
            params: values of the slots of all filters, those inside `$expand` too.
            rows: rows of the plan.
            address: the absolute address of the collection that the rows lie in.
        """
        make, unset = plan.render.one, msgspec.UNSET
        addresses = self._addresses(plan, rows, address) if plan.addressed else None
        if not plan.branches:
            if addresses is None:
                return plan.render.plain(rows)
            return [make(row, at, unset, ()) for row, at in zip(rows, addresses, strict=True)]
        expanded = self.expand(scope, plan, params, rows, addresses)
        places = addresses or [""] * len(rows)
        return [make(row, at, unset, more) for row, at, more in zip(rows, places, expanded, strict=True)]

    @staticmethod
    def _addresses(plan: Plan, rows: Sequence[tuple[Any, ...]], address: str) -> list[str]:
        at = [plan.position(name) for name in plan.of.key]
        return [f"{address}({key_text(plan.of, [row[i] for i in at])})" for row in rows]

    def expand(
        self,
        scope: Scope,
        plan: Plan,
        params: Sequence[Any],
        rows: Sequence[tuple[Any, ...]],
        addresses: Sequence[str] | None,
    ) -> list[list[Any]]:
        """Return, for every row, the values of its expanded members in the plan's order."""
        members: list[list[Any]] = [[] for _ in rows]
        for branch in plan.branches:
            shared = self._children(scope, branch, params, rows)
            expand, child = branch.expand, branch.plan
            first = expand.skip or 0
            last = None if expand.top is None else first + expand.top
            if not branch.navigation.many:
                kept = [found[:1] for found in shared]
            else:
                kept = [found[first:last] for found in shared] if branch.in_python else shared
            flat = [row for found in kept for row in found]
            places: list[str] | None = None
            if child.addressed and addresses is not None:
                places = self._child_addresses(branch, kept, addresses)
            nested = self.expand(scope, child, params, flat, places) if child.branches else [[]] * len(flat)
            made = [
                child.render.one(row, places[i] if places else "", msgspec.UNSET, nested[i])
                for i, row in enumerate(flat)
            ]
            at = 0
            for row_members, found, chosen in zip(members, shared, kept, strict=True):
                part = made[at : at + len(chosen)]
                at += len(chosen)
                if branch.count:
                    row_members.append(len(found))
                row_members.append(part if branch.navigation.many else part[0] if part else None)
        return members

    @staticmethod
    def _child_addresses(
        branch: Branch, kept: Sequence[Sequence[tuple[Any, ...]]], addresses: Sequence[str]
    ) -> list[str]:
        of, name = branch.plan.of, branch.navigation.name
        at = [branch.plan.position(key) for key in of.key]
        if not branch.navigation.many:
            return [f"{address}/{name}" for found, address in zip(kept, addresses, strict=True) for _ in found]
        return [
            f"{address}/{name}({key_text(of, [row[i] for i in at])})"
            for found, address in zip(kept, addresses, strict=True)
            for row in found
        ]

    def _children(
        self, scope: Scope, branch: Branch, params: Sequence[Any], rows: Sequence[tuple[Any, ...]]
    ) -> list[list[tuple[Any, ...]]]:
        """Return, for every row, the rows that the navigation leads to, in their order."""
        plan, navigation = branch.plan, branch.navigation
        of = plan.of
        pointers = [tuple(row[i] for i in branch.ours) for row in rows]
        blank = tuple(wire_value(of.by_name[name].type.blank) for _, name in navigation.on)
        asked = [p for p in dict.fromkeys(pointers) if p != blank]
        shared: dict[tuple[Any, ...], list[tuple[Any, ...]]] = {}
        constant = dict(navigation.constant)
        theirs = [name for _, name in navigation.on]
        keys = [typed(of.by_name[theirs[0]], value) for value in dict.fromkeys(p[0] for p in asked)]
        if of.rows is not None:
            found = self._computed(scope, plan, params, constant, {theirs[0]: keys}) if asked else []
        elif asked:
            values = [*params, *constant.values(), keys]
            top = skip = None
            if not branch.in_python:
                # Only the entities of a collection are counted off; a single one takes no options.
                top, skip = branch.expand.top, branch.expand.skip
                values.extend(bound for bound in (top, skip) if bound is not None)
            query = self._query(
                plan, tuple(constant), len(params), among=theirs[0], limit=top is not None, offset=skip is not None
            )
            found = plan.with_told(scope, scope.tx.run(query, values, scope.context))
        else:
            found = []
        for row in found:
            shared.setdefault(tuple(row[i] for i in branch.theirs), []).append(row)
        return [shared.get(pointer, []) for pointer in pointers]

    # ----------------------------------------------------------------------- pages

    def portions(
        self, scope: Scope, plan: Plan, parsed: Parsed, fixed: Mapping[str, Any], *, page: int, size: int
    ) -> Iterator[tuple[list[tuple[Any, ...]], PageToken | None]]:
        """Give the rows of one page of a stored set, `size` at a time, and with the last ones where the next page
        begins, or None. `scope` holds a snapshot.
        """
        left, skip, seek, since = parsed.top, parsed.skip or 0, (), None
        if parsed.skiptoken is not None:
            token = read_token(plan, parsed.skiptoken)
            left, skip, seek, since = token.left, 0, token.last, token.since
        values = [*parsed.params, *fixed.values(), *seek, page + 1 if left is None or left > page else left]
        if skip:
            values.append(skip)
        query = self._query(plan, tuple(fixed), len(parsed.params), seek=bool(seek), limit=True, offset=skip > 0)
        at = [plan.position(term.name) for term in plan.order]
        sent, last = 0, ()
        for stored in scope.tx.portions(query, values, scope.context, size):
            rows = plan.with_told(scope, stored)
            over = sent + len(rows) > page
            shown = rows[: page - sent]
            sent += len(shown)
            last = tuple(shown[-1][i] for i in at) if shown else last
            yield shown, PageToken(None if left is None else left - page, last, since) if over else None

    def listed(
        self,
        scope: Scope,
        plan: Plan,
        parsed: Parsed,
        fixed: Mapping[str, Any],
        *,
        page: int,
        guard: Callable[[], None],
        since: int | None = None,
    ) -> tuple[list[tuple[Any, ...]], str | None, int | None]:
        """Return the rows of one page, the token of the next page or None, and `since` as the first page had it.

        Args:
            scope: the request.
            plan: what to read, made with `order=True`.
            parsed: the options of the request.
            fixed: property -> value that the address demands.
            page: the most rows in the answer.
            guard: called before rows are handed out; raises Refused when they may not be.
            since: the client asks to track changes from this version of the store on.
        """
        left, skip, seek = parsed.top, parsed.skip or 0, ()
        if parsed.skiptoken is not None:
            token = read_token(plan, parsed.skiptoken)
            left, skip, since = token.left, 0, token.since
            if plan.of.rows is None:
                seek = token.last
            else:
                skip = token.last[0]
        if left == 0:
            return [], None, since
        limit = page + 1 if left is None or left > page else left
        rows = self.rows(scope, plan, parsed.params, fixed, limit=limit, offset=skip, seek=seek)
        if rows:
            guard()
        if len(rows) <= page:
            return rows, None, since
        rows = rows[:page]
        if plan.of.rows is None:
            at = [plan.position(term.name) for term in plan.order]
            last: tuple[Any, ...] = tuple(rows[-1][i] for i in at)
        else:
            last = (skip + page,)
        return rows, write_token(plan, PageToken(None if left is None else left - page, last, since)), since


def list_conditions(of: EntitySet, plan: Plan, scope: Scope, fixed: Mapping[str, Any]) -> dict[str, Any]:
    """Return `of.list_where` as property -> value, without what the address or the filter fixes itself."""
    if not of.list_where:
        return {}
    known = {name for name, _ in plan.fixed_by_filter} | set(fixed)
    return {
        name: scope.context[value.name] if isinstance(value, Context) else value
        for name, value in of.list_where.items()
        if name not in known
    }
