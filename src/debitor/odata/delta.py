"""Change tracking: what became of an entity set since a client has read it.

    GET customers, Prefer: odata.track-changes  ->  entities ...        "@odata.deltaLink": "customers?$deltatoken=A"
    GET customers?$deltatoken=A                 ->  what changed, gone  "@odata.deltaLink": "customers?$deltatoken=B"

A token holds the version of the store up to which the client knows the set. The feeds of a set say which of its
entities changed since: its own rows, and other rows that its entities show (`Follow`). Each entity is then read in
its present form, through the same query as a list, so that address, filter and selection apply; one that is not found
there was deleted or has left the set.

The version is read before the rows. Rows become visible in the order of their versions, so a change that the list did
not show has a greater version, and the next link reports it. A change may be reported twice, never not at all.
"""

from __future__ import annotations

import base64
import binascii
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

import msgspec

from debitor.odata.headers import question
from debitor.odata.options import Parsed
from debitor.odata.reading import Plan, Plans, Scope, key_text
from debitor.schema import (
    Col,
    Context,
    EntitySet,
    FirstOf,
    Follow,
    Property,
    Refused,
    Row,
    Source,
    Sum,
    record_of,
)
from debitor.store import Change, Reader, Span

BATCH = 2000
"""Changes that are read at once."""
MOST = 50_000
"""Changes that one answer looks at; it is then shorter than a page, and a next link goes on."""


# --------------------------------------------------------------------------- which changes concern a set


@dataclass(frozen=True, slots=True)
class Feeds:
    """Where the changes of an entity set are found.

    Args:
        of: the entity set.
        record: its rows, or None for a computed set.
        key: the property that carries the id by which changes name its entities; "" when only the set as a whole is
            known to have changed.
        follows: rows of other records, and how they lead to entities.
    """

    of: EntitySet
    record: type[Row] | None
    key: str
    follows: tuple[Follow, ...]

    def read(self, tx: Reader, span: Span, limit: int, owner: str | None = None) -> list[Change]:
        """Return the first changes within a span, in order of version and key."""
        found: list[Change] = []
        if self.record is not None:
            found = tx.changed(self.record, span, limit, owner=owner)
        for follow in self.follows:
            found += tx.led_to(
                follow.record, follow.column, self.record, follow.ours, span, limit, filtered=follow.filtered
            )
        if self.follows:
            found.sort(key=lambda change: (change.version, change.key))
        return found[:limit]

    def owner(self, scope: Scope, fixed: Mapping[str, Any]) -> str | None:
        """Return the owner of all rows in question, when the address or the set itself names one."""
        if self.record is None:
            return None
        column = record_of(self.record).owner
        if not column:
            return None
        wanted = self.of.where.get(column)
        if isinstance(wanted, Context):
            wanted = scope.context[wanted.name]
        for name, value in fixed.items():
            if self.of.by_name[name].source == column:
                wanted = value
        return wanted if isinstance(wanted, str) else None


@lru_cache(None)
def feeds_of(of: EntitySet) -> Feeds | None:
    """Return the feeds of a set, or None when its changes are not known."""
    if of.record is not None and not record_of(of.record).tracked:
        return None
    if of.record is None:
        if not of.follows:
            return None
        leads = {follow.ours for follow in of.follows}
        return Feeds(of, None, of.key[0] if leads == set(of.key) else "", of.follows)
    key = next((p.name for p in of.properties if p.source == "id" and of.key == (p.name,)), "")
    follows = dict.fromkeys([*of.follows, *_summed(of), *_looked_up(of)])
    return Feeds(of, of.record, key, tuple(follows))


def _sources(of: EntitySet) -> Iterator[tuple[Property, Source]]:
    for shown in of.properties:
        source = shown.source
        for each in source.sources if isinstance(source, FirstOf) else (source,):
            if each is not None:
                yield shown, Col(each) if isinstance(each, str) else each


def _summed(of: EntitySet) -> Iterator[Follow]:
    for _, source in _sources(of):
        # Rows that are not tracked change only together with those that sum them, as detailed ledger entries do.
        if isinstance(source, Sum) and record_of(source.record).tracked:
            theirs, ours = next(iter(source.on.items()))
            yield Follow(source.record, theirs, ours)
            if source.totaling is not None:
                yield Follow(source.record, *source.totaling, filtered=True)


def _looked_up(of: EntitySet) -> Iterator[Follow]:
    """Yield what the lookups show, except what cannot change while something points to it: its id and its key."""
    paths = [source.path for _, source in _sources(of) if isinstance(source, Col)]
    paths += of.where
    for alias, lookup in of.lookups.items():
        shown = {column for path in paths if (column := path.removeprefix(f"{alias}.")) != path}
        record = record_of(lookup.record)
        changes = record.frozen != ("*",) or record.frozen_when or record.deletable
        if shown - {"id", lookup.by} and changes:
            assert "." not in lookup.via, f"{of.name}: say in `follows` what changes of {alias} mean"
            yield Follow(lookup.record, lookup.by, lookup.via)


# --------------------------------------------------------------------------- tokens


class DeltaToken(NamedTuple):
    """What a client knows: everything before the change (`after`, `key`).

    Args:
        upto: where the span ends whose pages are being read; 0 for a new one.
        seen: no entity that the client was shown began after this version.
    """

    after: int
    key: str
    upto: int
    seen: int


def _salt(scope: Scope, place: str) -> bytes:
    """Return what tells one question from another: the place and the options, in any order."""
    return "\n".join([place, *sorted(question(scope.request))]).encode()


def write_delta_token(scope: Scope, place: str, token: DeltaToken) -> str:
    """Return the text of `$deltatoken`."""
    body = msgspec.json.encode(token)
    check = zlib.crc32(body + _salt(scope, place)).to_bytes(4, "big")
    return base64.urlsafe_b64encode(check + body).decode().rstrip("=")


def read_delta_token(scope: Scope, place: str, text: str) -> DeltaToken:
    """Return what a `$deltatoken` says. Raises Refused (400) when it is damaged or belongs to another question."""
    try:
        raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        check, body = raw[:4], raw[4:]
        if check != zlib.crc32(body + _salt(scope, place)).to_bytes(4, "big"):
            raise ValueError(text)
        return msgspec.json.decode(body, type=DeltaToken)
    except (ValueError, binascii.Error, msgspec.DecodeError):
        raise Refused(
            "BadRequest",
            "The $deltatoken is not one of this server for this request. Use delta links as they are, or read the "
            "whole set again.",
        ) from None


def _too_old(why: str) -> Refused:
    return Refused("BadRequest", f"{why} Read the whole set again with Prefer: odata.track-changes.", 410)


# --------------------------------------------------------------------------- answers


class Changed(NamedTuple):
    """One page of changes.

    Args:
        rows: entities in their present form, as rows of the plan.
        removed: (key, reason) of what is no longer in the set; the reason is `deleted` or `changed`.
        token: where to go on.
        last: there are no more pages, so that `token` makes the delta link rather than the next link.
    """

    rows: list[tuple[Any, ...]]
    removed: list[tuple[str, str]]
    token: DeltaToken
    last: bool


def page_of_changes(
    scope: Scope,
    plans: Plans,
    plan: Plan,
    parsed: Parsed,
    fixed: Mapping[str, Any],
    token: DeltaToken,
    size: int,
) -> Changed:
    """Return what became of a set since a token.

    Args:
        scope: the request.
        plans, plan, parsed, fixed: as for a list.
        token: what the client knows.
        size: the most entities in the answer.

    Raises:
        Refused: 410 when that can no longer be told.
    """
    tx, feeds = scope.tx, feeds_of(plan.of)
    assert feeds is not None, f"changes of {plan.of.name} are not known"
    latest = tx.latest()
    upto = token.upto or latest
    if tx.forgotten() >= token.after:
        raise _too_old("The delta link is too old: what was deleted since is no longer known.")
    if token.after > latest + 1 or upto > latest:
        raise _too_old("The delta link belongs to a later state of these books, which were restored since.")
    if not feeds.key:
        _refuse_changed(scope, feeds, fixed, Span(token.after, token.key, upto))
        return Changed([], [], DeltaToken(upto + 1, "", 0, token.seen), True)
    picked, (after, key), last = picked_changes(feeds, scope, fixed, Span(token.after, token.key, upto), size)
    found = plans.keyed(scope, plan, parsed.params, fixed, feeds.key, list(picked)) if picked else {}
    removed = [
        (change.key, "deleted" if change.gone else "changed")
        for change in picked.values()
        # What began later than anything the client was shown is not known to it.
        if change.key not in found and change.created <= token.seen
    ]
    seen = max(token.seen, tx.newest())
    rows = [found[key] for key in picked if key in found]
    new = DeltaToken(upto + 1, "", 0, seen) if last else DeltaToken(after, key, upto, seen)
    return Changed(rows, removed, new, last)


def picked_changes(
    feeds: Feeds, scope: Scope, fixed: Mapping[str, Any], span: Span, size: int
) -> tuple[dict[str, Change], tuple[int, str], bool]:
    """Return the first `size` entities that changed, the last change looked at, and whether it was the very last."""
    picked: dict[str, Change] = {}
    owner = feeds.owner(scope, fixed)
    after, key = span.after, span.key
    for _ in range(0, MOST, BATCH):
        found = feeds.read(scope.tx, Span(after, key, span.upto), BATCH, owner)
        for change in found:
            known = picked.get(change.key)
            if known is None and len(picked) == size:
                return picked, (after, key), False
            if known is None or change.gone:
                picked[change.key] = change
            after, key = change.version, change.key
        if len(found) < BATCH:
            return picked, (after, key), True
    return picked, (after, key), False


def _refuse_changed(scope: Scope, feeds: Feeds, fixed: Mapping[str, Any], span: Span) -> None:
    """Refuse (410) when a set changed of which only the change as a whole is known."""
    while found := feeds.read(scope.tx, span, BATCH):
        wanted = {fixed[follow.ours] for follow in feeds.follows if follow.ours in fixed}
        if not wanted or any(change.key in wanted for change in found):
            raise _too_old(f"{feeds.of.name} changed, and which of its entities did is not known.")
        span = span._replace(after=found[-1].version, key=found[-1].key)


def removed_entities(
    of: EntitySet, root: str, place: str, removed: Sequence[tuple[str, str]], *, context: bool
) -> list[dict[str, str]]:
    """Return deleted entities in the form of OData 4.0, which is the version that answers state."""
    made = []
    for key, reason in removed:
        entity = {"@odata.context": f"{root}/$metadata#{place}/$deletedEntity"} if context else {}
        made.append(entity | {"id": f"{root}/{place}({key_text(of, [key])})", "reason": reason})
    return made
