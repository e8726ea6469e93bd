"""Tells subscribers what changed: reads the same feeds as delta links, and posts what they say to the receivers.

    changes since what a subscription was told  ->  POST notificationUrl
    {"value": [{"subscriptionId": "...", "clientState": "...", "expirationDateTime": "2026-02-03T09:30:00Z",
                "resource": "api/v2.0/companies(C)/customers(I)", "changeType": "updated",
                "lastModifiedDateTime": "2026-01-31T09:30:00.120Z"}]}

What a subscription was told is kept after the receiver has said yes: a crash in between tells it again (at least
once). Several changes of an entity within one delay are one notification. A receiver that fails is tried again after
pauses that grow, with everything that changed meanwhile; each subscription is served by itself, so that a slow
receiver holds up no other. Reading and waiting happen in threads: requests go on.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple
from urllib.parse import quote

import msgspec

from debitor.odata.delta import Feeds, feeds_of, picked_changes
from debitor.odata.messages import CompanyRef, Host, Request
from debitor.odata.options import parse_options
from debitor.odata.reading import Plan, Plans, Scope, key_text
from debitor.operations.subscriptions import (
    NEVER,
    Subscription,
    SubscriptionDelivery,
    end,
    stamp,
    whole_seconds,
)
from debitor.receiver import Answer, Unreachable, in_thread
from debitor.schema import BLANK_GUID, EntitySet
from debitor.store import Change, Root, Span, Store, StoreError

log = logging.getLogger("debitor")

MOST = 1000
"""Entities that are told one by one; more are told as a collection."""
GIVE_UP = timedelta(hours=36)
"""How long a receiver may fail."""
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 3600.0
"""Seconds before a failed delivery is tried again; they double."""
AGAIN = frozenset({408, 429, *range(500, 600)})
"""Answers after which a delivery is tried again. Others end the subscription, as in Business Central."""
MARGIN = timedelta(minutes=5)
"""How much earlier the time is that a collection names: a transaction under way has an earlier stamp."""
AFTER_ERROR = timedelta(minutes=1)
"""How long a subscription rests after an error of this program or of the store."""
KEEP_PLACE = timedelta(hours=1)
"""How often a subscription without news has its place in the feed written down."""


class News(NamedTuple):
    """What a subscription is to be told, and what it then knows."""

    items: list[dict[str, str]]
    told: int
    told_at: str


def utc_now() -> datetime:
    """The time."""
    return datetime.now(UTC)


class Notifier:
    """Serves all subscriptions of a store.

    Args:
        store: the books.
        host: its catalog and companies.
        post: sends a body to an address; waits. Raises Unreachable.
        delay: seconds between two looks.
        now: the time.
    """

    def __init__(
        self,
        store: Store,
        host: Host,
        post: Callable[[str, bytes], Answer],
        *,
        delay: float,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self._store, self._host, self._post, self._delay, self._now = store, host, post, delay, now
        self._plans = Plans(host.catalog)
        self._busy: dict[str, asyncio.Task[None]] = {}
        self._looked: dict[str, int] = {}
        self._broken: dict[str, datetime] = {}

    async def run(self) -> None:
        """Look after every delay, until cancelled."""
        while True:
            await asyncio.sleep(self._delay)
            try:
                if self._store.leads():
                    await self.look()
            except StoreError as error:
                log.warning("notifications wait: %s", error)

    async def look(self) -> None:
        """Start what is due; does not wait for receivers."""
        reader = self._store.reader()
        living = reader.all(Subscription)
        if not living:
            return
        now = stamp(self._now())
        latest: dict[int, int] = {}
        places = {row.subscription_id: row for row in reader.all(SubscriptionDelivery)}
        for row in living:
            id = row.subscription_id
            if id in self._busy or (id in self._broken and self._now() < self._broken[id]):
                continue
            place = places[id]
            if row.expires_at <= now:
                await self._end(row, "it has expired")
                continue
            company = row.company_key
            if company not in latest:
                latest[company] = reader.at(company).latest()
            if place.next_attempt <= now and max(place.told, self._looked.get(id, 0)) < latest[company]:
                task = self._busy[id] = asyncio.create_task(self._serve(row, place))
                task.add_done_callback(lambda done, id=id: self._served(id, done))  # type: ignore[misc]

    async def settled(self) -> None:
        """Wait for the deliveries that are under way."""
        while self._busy:
            await asyncio.wait(self._busy.values())
            await asyncio.sleep(0)

    def _served(self, id: str, done: asyncio.Task[None]) -> None:
        del self._busy[id]
        if not done.cancelled() and (error := done.exception()) is not None:
            log.error("subscription %s: %s", id, error, exc_info=error)
            self._broken[id] = self._now() + AFTER_ERROR

    async def _serve(self, row: Subscription, place: SubscriptionDelivery) -> None:
        """Tell one subscription what it does not know yet."""
        id = row.subscription_id
        since = max(place.told, self._looked.get(id, 0))
        news = await in_thread(self._news, row, since, place.told_at)
        if not news.items:
            self._looked[id] = news.told
            if datetime.fromisoformat(place.told_at) + KEEP_PLACE < self._now():
                await self._note(place, told=news.told, told_at=news.told_at)
            return
        body = msgspec.json.encode({"value": news.items})
        try:
            answer = await in_thread(self._post, row.notification_url, body)
            failure = "" if 200 <= answer.status < 300 else f"it answered {answer.status}"
            again = answer.status in AGAIN
        except Unreachable as error:
            failure, again = str(error), not error.forbidden
        if not failure:
            await self._note(
                place,
                told=news.told, told_at=news.told_at, failing_since=NEVER, failures=0, next_attempt=NEVER,
            )  # fmt: skip
        elif again:
            await self._retry(row, place, failure)
        else:
            await self._end(row, failure)

    async def _retry(self, row: Subscription, place: SubscriptionDelivery, failure: str) -> None:
        """Note a failure; give up after a day and a half."""
        now = self._now()
        since = place.failing_since if place.failures else stamp(now)
        if now - datetime.fromisoformat(since) >= GIVE_UP:
            await self._end(row, f"its receiver failed for {GIVE_UP}: {failure}")
            return
        pause = min(FIRST_PAUSE * 2.0 ** min(place.failures, 20), LONGEST_PAUSE)
        log.info("subscription %s: %s; tried again in %g seconds", row.subscription_id, failure, pause)
        await self._note(
            place,
            failing_since=since,
            failures=place.failures + 1,
            next_attempt=stamp(now + timedelta(seconds=pause)),
        )

    async def _note(self, place: SubscriptionDelivery, **changes: Any) -> None:
        def job(root: Root) -> None:
            row = root.find(SubscriptionDelivery, subscription_id=place.subscription_id)
            if row is not None:
                root.update(row, **changes)

        await self._store.write(job)

    async def _end(self, row: Subscription, why: str) -> None:
        def job(root: Root) -> None:
            # It may have been renewed or deleted meanwhile.
            found = root.get(Subscription, row.id)
            if found is not None and found.version == row.version:
                end(root, found)

        log.info("subscription %s of %s ends: %s", row.subscription_id, row.client, why)
        self._looked.pop(row.subscription_id, None)
        await self._store.write(job)

    # ----------------------------------------------------------------------- in a thread

    def _news(self, row: Subscription, since: int, since_at: str) -> News:
        """Return what changed for a subscription since a version, as one moment of the store shows it."""
        of = self._host.catalog[row.entity_set]
        feeds = feeds_of(of)
        assert feeds is not None, f"{of.name} cannot be subscribed to"
        with self._store.snapshot() as root:
            tx = root.at(row.company_key)
            told = tx.latest()
            told_at = stamp(self._now() - MARGIN)
            company = CompanyRef(row.company_key, row.company_id, "")
            request = Request("GET", "", "")
            scope = Scope(self._host, request, tx, company)
            if tx.forgotten() > since:
                return News([_collection(row, of, since_at, self._now())], told, told_at)
            plan, found, all_found = self._changed(scope, of, feeds, Span(since + 1, "", told), row)
            if not all_found:
                return News([_collection(row, of, since_at, self._now())], told, told_at)
            present = self._plans.keyed(scope, plan, [], {}, feeds.key, list(found)) if found else {}
        items = []
        for key, change in found.items():
            kind, moment = "", stamp(self._now())
            if key in present:
                kind = "created" if change.created > since else "updated"
                if "lastModifiedDateTime" in of.by_name:
                    moment = present[key][plan.position("lastModifiedDateTime")]
            elif change.created <= since:
                kind = "deleted"
            if kind:
                resource = f"api/v2.0/companies({row.company_id})/{of.name}({key_text(of, [key])})"
                items.append(_item(row, resource, kind, moment))
        return News(items, told, told_at)

    def _changed(
        self, scope: Scope, of: EntitySet, feeds: Feeds, span: Span, row: Subscription
    ) -> tuple[Plan, Mapping[str, Change], bool]:
        """Return how its entities are read, which ones changed, and whether these are all that did."""
        shown = [name for name in (feeds.key, "lastModifiedDateTime") if name in of.by_name]
        parsed = parse_options(of, f"$select={','.join(shown)}", self._host.catalog, strict=False)
        plan = self._plans.plan(parsed.shape, "none")
        found, _, last = picked_changes(feeds, scope, {}, span, MOST)
        if row.entity_id != BLANK_GUID:
            found = {key: change for key, change in found.items() if key == row.entity_id}
        return plan, found, last


def _item(row: Subscription, resource: str, kind: str, moment: str) -> dict[str, str]:
    return {
        "subscriptionId": row.subscription_id,
        "clientState": row.client_state,
        "expirationDateTime": whole_seconds(row.expires_at).replace(".000", ""),
        "resource": resource,
        "changeType": kind,
        # As in entities: without trailing zeros.
        "lastModifiedDateTime": moment[:-1].rstrip("0").rstrip(".") + "Z",
    }


def _collection(row: Subscription, of: EntitySet, since: str, now: datetime) -> dict[str, str]:
    """Say that more changed than is told one by one, and how to ask for it."""
    resource = row.resource
    if row.entity_id == BLANK_GUID and "lastModifiedDateTime" in of.by_name:
        resource += quote(f"?$filter=lastModifiedDateTime gt {since}", safe="?$=:")
    return _item(row, resource, "collection", stamp(now))
