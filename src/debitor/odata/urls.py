"""What an address names: path -> Target.

    companies(9EE4...)/customerPaymentJournals(37fe...)/customerPayments/$count
    -> Target(company="9ee4...", tail="count",
              steps=(Step(journals, keys=("37fe...",)), Step(payments, navigation=...)))

Nothing is looked up here: whether the company and the entities exist is found out by the service. An
`Addresses` is made once per catalog, with one table of names per entity set, so that parsing is a few
dictionary look-ups.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal
from urllib.parse import unquote, urlsplit

from debitor.odata.definitions import NAME as DEFINITIONS
from debitor.odata.errors import bad_key, not_allowed, not_found
from debitor.schema import Action, EntitySet, Navigation, Property, record_of

What = Literal["entities", "service", "metadata", "batch", "definitions"]
Tail = Literal["", "count", "property", "value", "action"]

_guid = re.compile(r"[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}").fullmatch
_named = re.compile(r"\s*([A-Za-z_]\w*)\s*=\s*(.*?)\s*", re.S).fullmatch
_commas = re.compile(r",(?=(?:[^']*'[^']*')*[^']*$)")
_bare = re.compile(r"[0-9A-Fa-f]{32}").fullmatch
_slashes = re.compile(r"/(?=(?:[^']*'[^']*')*[^']*$)")

MOST_COLLECTIONS = 2000
"""Addresses of collections that are remembered."""
LONGEST_PATH = 4000
"""Characters; longer addresses are refused before anything looks at them."""


@dataclass(slots=True)
class Step:
    """One segment that stands for entities: a set, or a navigation from the step before.

    `keys` holds the values of the set's key properties when the address gives them: guids in lower case.
    """

    of: EntitySet
    navigation: Navigation | None = None
    keys: tuple[Any, ...] | None = None
    alternate: tuple[str, Any] | None = None
    """(property, value) when the address names the entity by another unique property than its key."""

    @property
    def one(self) -> bool:
        """Whether the step stands for one entity rather than a collection."""
        return (
            self.keys is not None
            or self.alternate is not None
            or (self.navigation is not None and not self.navigation.many)
        )

    @property
    def name(self) -> str:
        """The segment's own name, never an alias."""
        return self.navigation.name if self.navigation is not None else self.of.name


@dataclass(slots=True)
class Target:
    """What an address names. `company` is the text that names it in the path, or None."""

    what: What
    company: str | None = None
    steps: tuple[Step, ...] = ()
    tail: Tail = ""
    field: Property | None = None
    action: Action | None = None
    alternate: bool = False
    """A step names its entity by an alternate key, which the walker resolves."""

    @property
    def last(self) -> Step:
        """The step that the request is about."""
        return self.steps[-1]


def _unquoted(value: str) -> str | None:
    """Return the text inside single quotes (`''` is one quote), or None when it is not quoted."""
    if len(value) >= 2 and value[0] == "'" == value[-1]:
        inner = value[1:-1].replace("''", "\0")
        if "'" not in inner:
            return inner.replace("\0", "'")
    return None


def _value(of: Property, written: str) -> Any:
    """Return a key value as it is kept. Raises Refused when the text is no such value."""
    inner = _unquoted(written)
    if of.type.kind == "guid":
        found = _guid(written if inner is None else inner)
        if found is None:
            raise bad_key()
        return found[0].lower()
    if of.type.kind in ("int32", "int64"):
        if not re.fullmatch(r"-?[0-9]{1,18}", written):
            raise bad_key()
        return int(written)
    if inner is None and of.type.kind == "text" and _bare(written):
        # Microsoft's pages write subscriptions({id}), though the key is a text.
        return written
    if inner is None or "\0" in written:
        raise bad_key()
    return inner


def keys_of(of: EntitySet, written: str) -> tuple[Any, ...]:
    """Return the key values in the text between the parentheses.

    `guid`, `'guid'` and `id=guid` are the same; sets with several key properties need all of them by name.
    Raises Refused (404 BadRequest_NotFound).
    """
    if not of.addressable:
        raise bad_key()
    if len(written) == 36 and _guid(written) and len(of.key) == 1 and of.by_name[of.key[0]].type.kind == "guid":
        return (written.lower(),)
    if len(of.key) == 1 and not _named(written):
        return (_value(of.by_name[of.key[0]], written.strip()),)
    given: dict[str, str] = {}
    for part in _commas.split(written):
        pair = _named(part)
        if pair is None or pair[1] in given:
            raise bad_key()
        given[pair[1]] = pair[2]
    if set(given) != set(of.key):
        raise bad_key()
    return tuple(_value(of.by_name[name], given[name]) for name in of.key)


def _guid_alone(of: EntitySet) -> bool:
    """Whether a guid alone names an entity of the set."""
    return (
        of.addressable and of.name != "companies" and len(of.key) == 1 and of.by_name[of.key[0]].type.kind == "guid"
    )


def company_of(written: str) -> str:
    """Return the company's guid (lower case) or name in the text between the parentheses of `companies(...)`.

    Besides the guid, the alternate key works: `companies(name='CRONUS')`, `companies('CRONUS')`.
    """
    if _guid(written):
        return written.lower()
    pair = _named(written)
    value = pair[2] if pair else written.strip()
    inner = _unquoted(value)
    if pair and pair[1] == "businessProfileId":
        # The other alternate key of a company in Business Central; no company here has a business profile.
        raise not_found("companies")
    if pair and pair[1] not in ("id", "name"):
        raise bad_key()
    if inner:
        return inner
    if pair and pair[1] == "id" and _guid(value):
        return value.lower()
    raise bad_key()


def alternates_of(of: EntitySet) -> frozenset[str]:
    """Return the properties that name an entity as well as its key does: those that alone are unique."""
    if of.record is None or len(of.key) != 1 or not of.company:
        return frozenset()
    record = record_of(of.record)
    unique = {columns[0] for columns in (record.key, *record.unique) if len(columns) == 1}
    return frozenset(
        p.name for p in of.properties if isinstance(p.source, str) and p.source in unique and p.name not in of.key
    )


@lru_cache(200)
def _base_of(root: str) -> str:
    """Return the path of an API root."""
    return urlsplit(root).path


def path_below(url: str, root: str, *, decoded: bool = False) -> str:
    """Return the path below the API root that an address in a body means.

    Absolute addresses, addresses from the host (`/api/v2.0/companies`), and addresses below the root with or without
    a leading slash are the same. Another host's name is not checked: there is only this server.
    """
    _, scheme, rest = url.partition("://")
    if scheme:
        url = "/" + rest.partition("/")[2]
    base = _base_of(root)
    if base and (url == base or url.startswith(base + "/")):
        url = url[len(base) :]
    url = url.lstrip("/")
    return url if decoded or "%" not in url else unquote(url)


class Addresses:
    """The names that may stand in addresses of one catalog.

    Args:
        catalog: the entity sets by name.
        strict: True leaves out aliases, alternate keys and actions that Business Central does not have.
    """

    def __init__(self, catalog: Mapping[str, EntitySet], *, strict: bool) -> None:
        self._sets: dict[str, EntitySet] = {}
        self._below: dict[str, dict[str, tuple[Navigation, EntitySet]]] = {}
        self._actions: dict[str, dict[str, Action]] = {}
        self._alternates = {of.name: frozenset[str]() if strict else alternates_of(of) for of in catalog.values()}
        for of in catalog.values():
            for alias in () if strict else of.aliases:
                self._sets[alias] = of
            ways: dict[str, tuple[Navigation, EntitySet]] = {}
            for navigation in of.navigations:
                target = catalog.get(navigation.target)
                if target is None:
                    continue
                for alias in target.aliases if navigation.many and not strict else ():
                    ways[alias] = (navigation, target)
                ways[navigation.name] = (navigation, target)
            self._below[of.name] = ways
            self._actions[of.name] = {a.name.lower(): a for a in of.actions if a.strict or not strict}
        self._sets.update((name, of) for name, of in catalog.items() if not of.outline)
        self._collections: dict[str, Target] = {}

    def parse(self, path: str) -> Target:
        """Return what the path (percent-decoded, without the leading slash) names.

        Collections are remembered, so that only the guid of `collection(guid)` has to be looked at.

        Raises:
            Refused: a segment or key that leads nowhere (404), or an action on a collection.
        """
        known = self._collections.get(path)
        if known is not None:
            return known
        base = path[:-38]
        if path[-38:-37] == "(" and path[-1] == ")" and _guid(path[-37:-1]):
            known = self._collections.get(base)
            if known is not None and _guid_alone(known.last.of):
                last = known.last
                step = Step(last.of, last.navigation, (path[-37:-1].lower(),))
                return Target("entities", known.company, (*known.steps[:-1], step), alternate=known.alternate)
        made = self._parse(path)
        if made.what == "entities" and not made.tail:
            last = made.last
            if last.keys is None and not last.one:
                self._remember(path, made)
            elif path[-38:-37] == "(" and _guid(path[-37:-1]) and _guid_alone(last.of):
                step = Step(last.of, last.navigation)
                self._remember(
                    base, Target("entities", made.company, (*made.steps[:-1], step), alternate=made.alternate)
                )
        return made

    def _remember(self, path: str, target: Target) -> None:
        if len(self._collections) >= MOST_COLLECTIONS:
            self._collections.clear()
        self._collections[path] = target

    def _parse(self, path: str) -> Target:
        if len(path) > LONGEST_PATH:
            raise not_found(path)
        if path.endswith("/"):
            path = path[:-1]
        segments = _slashes.split(path) if "'" in path else path.split("/")
        first = segments[0]
        company = None
        start = 0
        if first.startswith("companies(") and len(segments) > 1:
            head = segments[1].partition("(")[0]
            if head in self._sets and self._sets[head].company:
                if first[-1] != ")":
                    raise bad_key()
                company, start = company_of(first[10:-1]), 1
            elif head in ("$metadata", "$batch"):
                company, start = company_of(first[10:-1]), 1
        if len(segments) == start + 1 and (special := _SPECIAL.get(segments[start])) is not None:
            return Target(special, company)
        if first.startswith(DEFINITIONS) and first[len(DEFINITIONS) :][:1] in ("", "(") and len(segments) == 1:
            return Target("definitions", first[len(DEFINITIONS) :])
        return self._entities(company, segments, start)

    def _entities(self, company: str | None, segments: list[str], start: int) -> Target:
        steps: list[Step] = []
        step: Step | None = None
        alternate: tuple[str, Any] | None = None
        any_alternate = False
        for at in range(start, len(segments)):
            segment = segments[at]
            name, bracket, rest = segment.partition("(")
            if step is None:
                of = self._sets.get(name)
                if of is None:
                    raise not_found(name)
                navigation = None
            else:
                way = self._below[step.of.name].get(name)
                if way is None:
                    made = self._tail(company, steps, segments[at:])
                    made.alternate = any_alternate
                    return made
                if not step.one:
                    raise not_found(name)
                navigation, of = way
            keys = None
            if bracket:
                if rest[-1:] != ")" or (navigation is not None and not navigation.many):
                    raise bad_key()
                alternate = self._alternate(of, rest[:-1])
                if alternate is not None:
                    any_alternate = True
                elif of.name == "companies":
                    keys = (company_of(rest[:-1]),)
                else:
                    keys = keys_of(of, rest[:-1])
            step = Step(of, navigation, keys, alternate)
            alternate = None
            steps.append(step)
        return Target("entities", company, tuple(steps), alternate=any_alternate)

    def _alternate(self, of: EntitySet, written: str) -> tuple[str, Any] | None:
        """Return (property, value) when the text between the parentheses is an alternate key: `number='10400'`."""
        names = self._alternates[of.name]
        if not names or "=" not in written:
            return None
        pair = _named(written)
        if pair is None or pair[1] not in names:
            return None
        known = of.by_name[pair[1]]
        value = _value(known, pair[2])
        return known.name, value.strip().upper() if known.type.kind == "code" else value

    def _tail(self, company: str | None, steps: list[Step], rest: list[str]) -> Target:
        """Return the target when `rest` follows the last entity or collection."""
        step, first = steps[-1], rest[0]
        made = Target("entities", company, tuple(steps))
        if first == "$count" and len(rest) == 1 and not step.one:
            made.tail = "count"
            return made
        if first[:14].lower() == "microsoft.nav." and len(rest) == 1:
            action = self._actions[step.of.name].get(first[14:].removesuffix("()").lower())
            if action is None:
                raise not_found(first)
            if not step.one:
                raise not_allowed("POST", step.of.name)
            made.tail, made.action = "action", action
            return made
        found = step.of.by_name.get(first)
        if found is None or found.filter_only or not step.one or len(rest) > 2 or rest[1:] not in ([], ["$value"]):
            raise not_found(rest[1] if found is not None and len(rest) > 1 else first)
        made.tail, made.field = "value" if len(rest) == 2 else "property", found
        return made


_SPECIAL: dict[str, What] = {"": "service", "$metadata": "metadata", "$batch": "batch"}
