"""`"customer@odata.bind": "customers({id})"`: a pointer set by the address of what it points to (documented mode).

The pointer is the property that the navigation compares with the target's key, so binding `customer` of a payment
sets its `customerId`. Null clears it. In a `$batch`, `$1` stands for what request 1 created.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from debitor.odata.payload import Incoming, shown
from debitor.odata.reading import Scope
from debitor.odata.urls import Target, path_below
from debitor.odata.walking import Walker
from debitor.schema import EntitySet, Navigation, Refused


class Binder:
    """Resolves the bindings of bodies.

    Args:
        walker: walks the addresses; parse: reads them.
    """

    def __init__(self, walker: Walker, parse: Callable[[str], Target]) -> None:
        self._walk, self._parse = walker, parse

    def resolve(self, scope: Scope, of: EntitySet, incoming: Incoming) -> None:
        """Put keys in the place of the bindings of a body and of its nested parts. Raises Refused (400)."""
        for name, (navigation, written) in incoming.binds.items():
            key = self._key(scope, navigation, written)
            known = incoming.draft[name]
            if known is not None and known != key:
                raise Refused(
                    "BadRequest",
                    f"'{name}' and '{navigation.name}@odata.bind' name different entities; send one of them.",
                )
            incoming.draft[name] = key
        for way, items in incoming.parts:
            for item in items:
                self.resolve(scope, self._walk.catalog[way.target], item)

    def _key(self, scope: Scope, navigation: Navigation, written: Any) -> Any:
        target = self._walk.catalog[navigation.target]
        theirs = target.by_name[navigation.on[0][1]]
        if written is None:
            return theirs.type.blank
        wrong = Refused(
            "BadRequest",
            f"The value of '{navigation.name}@odata.bind' must be the address of one entity of '{target.name}', such "
            f"as {target.name}(<id>); '{shown(written)}' is not.",
        )
        if type(written) is not str:
            raise wrong
        references = scope.request.references or {}
        address = references.get(written[1:], written) if written[:1] == "$" else written
        try:
            found = self._walk.resolved(scope, self._parse(path_below(address, scope.request.root)))
        except Refused:
            raise wrong from None
        if found.what != "entities" or found.tail or found.last.of is not target or not found.last.one:
            raise wrong
        try:
            fixed = self._walk.follow(scope, found.steps)
            row = None if fixed is None else self._walk.plans.fetch(scope, target, fixed, (theirs.name,))
        except Refused:
            raise wrong from None
        if row is None:
            raise Refused(
                "BadRequest",
                f"'{shown(written)}' of '{navigation.name}@odata.bind' is no entity of '{target.name}' that exists.",
            )
        return row[1]
