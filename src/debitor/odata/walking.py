"""From an address to what it demands of rows: the company, the entities on the way, the conditions at its end.

companies(C)/authors(A)/books  ->  session of C; A looked up; {"authorId": A} fixed for the books
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, cast

from debitor.odata.errors import not_found
from debitor.odata.headers import company_named
from debitor.odata.kept import KeptRead
from debitor.odata.messages import CompanyRef, Host, Request
from debitor.odata.options import Parsed, parse_options
from debitor.odata.page_tokens import typed
from debitor.odata.payload import shown
from debitor.odata.reading import Plans, Scope, key_text
from debitor.odata.urls import Step, Target
from debitor.schema import EntitySet, Navigation, Refused
from debitor.store import Root, Transaction


@dataclass(frozen=True, eq=False)
class _Kept:
    """How to get from a parent that is kept in memory to what it demands of its parts."""

    read: KeptRead
    parent: EntitySet
    navigation: Navigation
    of: EntitySet


class Walker:
    """Walks addresses of one catalog.

    Args:
        host: what the protocol needs to know of the program around it.
        catalog: the entity sets by name, as the mode shows them.
        plans: how entities are read.
    """

    def __init__(self, host: Host, catalog: Mapping[str, EntitySet], plans: Plans) -> None:
        self.host, self.catalog, self.plans = host, catalog, plans
        self.strict = host.strict
        self._bare: dict[str, Parsed] = {}
        self._kept_ways: dict[tuple[str, str], _Kept | None] = {}

    def session(self, request: Request, root: Root, target: Target) -> tuple[CompanyRef | None, Transaction]:
        """Return the company of a request and the session inside it; the root's own for sets without a company."""
        if not target.steps[0].of.company:
            return None, root
        name = target.company
        if name is not None:
            found = self.host.company(root, name)
            if found is None:
                raise not_found("companies")
            return found, root.at(found.key)
        named = company_named(request)
        if named is None:
            raise Refused(
                "Internal_CompanyNotFound",
                "The request names no company. Put companies(<id>)/ before the entity set, or add ?company=<name>.",
            )
        found = self.host.company(root, named)
        if found is None:
            raise Refused("Unknown", f"The supplied company name is not valid: '{shown(named)}'.", 400)
        return found, root.at(found.key)

    def parsed(self, request: Request, of: EntitySet, allow: frozenset[str]) -> Parsed:
        """Return the query options of a request on an entity set. Raises Refused."""
        if not request.query:
            bare = self._bare.get(of.name)
            if bare is None:
                bare = self._bare[of.name] = parse_options(of, "", self.catalog, strict=self.strict)
            return bare
        return parse_options(of, request.query, self.catalog, strict=self.strict, allow=allow)

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

    def fixed(self, scope: Scope, steps: tuple[Step, ...]) -> tuple[dict[str, Any] | None, bool]:
        """Return what `follow` returns, and whether the parent was taken on trust (see `_said_by_address`)."""
        if not self._said_by_address(steps):
            return self.follow(scope, steps), False
        parent, step = steps
        assert parent.keys is not None, "checked"
        assert step.navigation is not None, "checked"
        conditions = {step.navigation.on[0][1]: parent.keys[0], **step.navigation.constant}
        return self.keyed(scope, step, conditions), True

    def follow(self, scope: Scope, steps: tuple[Step, ...]) -> dict[str, Any] | None:
        """Walk an address down to its last step.

        Returns:
            Property -> value that the address demands of the entities of the last step (its key included), or None
            when the last step is a single-valued navigation whose pointer is blank.

        Raises:
            Refused: 404 when an entity on the way does not exist.
        """
        if len(steps) == 2 and steps[0].keys is not None and (kept := self._kept(steps[0], steps[1])) is not None:
            known = scope.tx.derived(self._below, kept, steps[0].keys, scope.company)
            return self.keyed(scope, steps[1], dict(known))
        fixed = self.keyed(scope, steps[0], {})
        for at in range(1, len(steps)):
            before, step = steps[at - 1], steps[at]
            navigation = step.navigation
            assert navigation is not None, step.name
            found = self.plans.fetch(scope, before.of, fixed, tuple(ours for ours, _ in navigation.on))
            if found is None:
                raise not_found(before.name)
            conditions = _pointed(step.of, navigation, found)
            if not navigation.many and all(
                conditions[theirs] == before.of.by_name[ours].type.blank for ours, theirs in navigation.on
            ):
                if at < len(steps) - 1:
                    raise not_found(step.name)
                return None
            conditions.update(navigation.constant)
            fixed = self.keyed(scope, step, conditions)
        return fixed

    def _kept(self, parent: Step, step: Step) -> _Kept | None:
        """Return how what a parent demands of its parts is remembered; None where the parent is not kept."""
        at = (parent.of.name, step.name)
        if at not in self._kept_ways:
            of, navigation = parent.of, step.navigation
            way = None
            if navigation is not None and navigation.many and of.name != "companies":
                read = KeptRead.of(of, of.key, tuple(ours for ours, _ in navigation.on))
                if read is not None and read.context <= self.host.kept_values:
                    way = _Kept(read, of, navigation, step.of)
            self._kept_ways[at] = way
        return self._kept_ways[at]

    def _below(
        self, tx: Transaction, way: _Kept, keys: tuple[Any, ...], company: CompanyRef | None
    ) -> dict[str, Any]:
        """Return what `follow` returns for the parts of a parent that is kept in memory. Raises Refused (404)."""
        fixed = dict(zip(way.parent.key, keys, strict=True))
        found = way.read.read(tx, fixed, self.host.context(tx, company))
        if found is None:
            raise not_found(way.parent.name)
        return {**_pointed(way.of, way.navigation, found), **way.navigation.constant}

    def resolved(self, scope: Scope, target: Target) -> Target:
        """Return the target with keys in the place of alternate keys. Raises Refused (404)."""
        if not target.alternate:
            return target
        steps = []
        for step in target.steps:
            if step.alternate is not None:
                found = self.plans.fetch(scope, step.of, dict((step.alternate,)), step.of.key)
                if found is None:
                    raise not_found(step.name)
                step = replace(step, keys=tuple(found[1:]), alternate=None)
            steps.append(step)
        return replace(target, steps=tuple(steps), alternate=False)

    def keyed(self, scope: Scope, step: Step, conditions: dict[str, Any]) -> dict[str, Any]:
        """Add the key that the address gives a step to the conditions from its parent."""
        if step.keys is None:
            return conditions
        keys = step.keys
        if step.of.name == "companies":
            # Companies may be named by name; their own entity is found by id.
            found = self.host.company(cast(Root, scope.tx), keys[0])
            if found is None:
                raise not_found("companies")
            keys = (found.id,)
        for name, value in zip(step.of.key, keys, strict=True):
            if conditions.get(name, value) != value:
                # The parent demands another key: `authors(1)/authorProfile` is authors' own id.
                raise not_found(step.name)
            conditions[name] = value
        return conditions

    def place(self, scope: Scope, steps: tuple[Step, ...]) -> str:
        """Return the path of the collection (or single entity) of the last step, without its key."""
        parts = [f"companies({scope.company.id})"] if scope.company is not None else []
        for step in steps[:-1]:
            keys = "" if step.keys is None else f"({key_text(step.of, step.keys)})"
            parts.append(step.name + keys)
        parts.append(steps[-1].name)
        return "/".join(parts)

    def guard(self, of: EntitySet, fixed: Mapping[str, Any], filtered: tuple[str, ...]) -> None:
        """Refuse rows of a guarded set when neither the address nor the filter fixes its key or a guard property."""
        if of.guard and not any(name in fixed or name in filtered for name in (*of.guard, *of.key)):
            raise Refused(
                "Application_DialogException",
                of.guard_message or f"You must specify one of: {', '.join(of.guard)}.",
            )


def _pointed(of: EntitySet, navigation: Navigation, found: tuple[Any, ...]) -> dict[str, Any]:
    """Return what a parent, read as (version, wire values of our side), demands of the entities it leads to."""
    return {
        theirs: typed(of.by_name[theirs], wire) for (_, theirs), wire in zip(navigation.on, found[1:], strict=True)
    }
