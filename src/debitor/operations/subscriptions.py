"""Subscriptions (webhooks): who wants to be told when entities change, and how far each of them has been told.

A subscription is made, and renewed, only after a handshake with its receiver. The receiver lies outside the books, so
the hook asks for that (`HandshakeNeeded`), the request ends without a trace, and begins again with the outcome. What
is sent, and when, is the business of `debitor.notifier`. Source: Microsoft's page on webhooks of the API v2.0.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Annotated, Any, Protocol
from urllib.parse import urlsplit
from uuid import UUID, uuid5

from debitor.ledger.records import Company
from debitor.schema import (
    BLANK_GUID,
    Act,
    BigInt,
    Draft,
    EntitySet,
    Guid,
    HandshakeNeeded,
    Int,
    LongText,
    Refused,
    Row,
    Text100,
    Timestamp,
    record,
    text,
)

LIFETIME = timedelta(days=3)
"""How long a subscription lives unless it is renewed, as in Business Central."""
MOST = 100
"""Subscriptions of one server, as Business Central on premises has it."""
LONGEST_URL = 2048
NEVER = "0001-01-01T00:00:00.000Z"

_CLIENTS = UUID("7c4d0a6e-2f54-5d0e-9a0b-d3b1706c1f33")
"""Names of clients that are no guids become guids in this name space."""
_RESOURCE = re.compile(
    r"(?:https?://[^/]+)?/?(?:[^?#]*?api/v2\.0/)?companies\((?P<company>[^()]+)\)/(?P<set>[A-Za-z]+)"
    r"(?:\((?P<key>[0-9A-Fa-f-]{36})\))?"
).fullmatch


@record("subscription", by_company=False, unique=(("subscription_id",),), tracked=False)
class Subscription(Row, frozen=True):
    """What a client wants to be told. `entity_id` is blank for a whole set; `client` made it."""

    subscription_id: Annotated[str, text(150)]
    notification_url: LongText
    resource: LongText
    client_state: LongText = ""
    client: Text100 = ""
    company_key: Int = 0
    company_id: Guid = BLANK_GUID
    entity_set: Text100 = ""
    entity_id: Guid = BLANK_GUID
    created_at: Timestamp = NEVER
    renewed_at: Timestamp = NEVER
    expires_at: Timestamp = NEVER


@record("subscription_delivery", by_company=False, unique=(("subscription_id",),), tracked=False)
class SubscriptionDelivery(Row, frozen=True):
    """How far a subscription has been told: it knows all changes up to the version `told`, made until `told_at`.

    A row of its own, so that deliveries do not change the subscription's tag. While its receiver fails,
    `failing_since` says since when, `failures` how often, and `next_attempt` when it is tried again.
    """

    subscription_id: Annotated[str, text(150)]
    told: BigInt = 0
    told_at: Timestamp = NEVER
    failing_since: Timestamp = NEVER
    failures: Int = 0
    next_attempt: Timestamp = NEVER


class Subscribing(Act, Protocol):
    """What the hooks see that need a handshake. `handshakes`: address -> why it failed, "" when it did not."""

    handshakes: Mapping[str, str]


def stamp(moment: datetime) -> str:
    """Return a moment (UTC) as the store keeps it."""
    return moment.replace(tzinfo=None).isoformat(timespec="milliseconds") + "Z"


def expiry_of(now: str) -> str:
    """Return when a subscription made or renewed now ends."""
    return stamp(datetime.fromisoformat(now) + LIFETIME)


def whole_seconds(moment: str) -> str:
    """Return a time stamp as Business Central shows the expiry: without a fraction."""
    return moment[:19] + ".000Z"


def guid_of(client: str) -> str:
    """Return the guid that stands for a client: its id when that is one, else one made from it."""
    try:
        return str(UUID(client))
    except ValueError:
        return str(uuid5(_CLIENTS, client))


def rows(act: Act, keys: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The caller's own subscriptions: their state is a secret between client and receiver."""
    now = act.tx.now
    found = act.tx.all(Subscription, client=act.user, order=("created_at",))
    return [_shown(row) for row in found if row.expires_at > now]


def _shown(row: Subscription) -> dict[str, Any]:
    client = guid_of(row.client)
    return {
        "version": row.version,
        "subscriptionId": row.subscription_id,
        "notificationUrl": row.notification_url,
        "resource": row.resource,
        "timestamp": row.version,
        "userId": client,
        "lastModifiedDateTime": whole_seconds(row.renewed_at),
        "clientState": row.client_state,
        "expirationDateTime": whole_seconds(row.expires_at),
        "systemCreatedAt": row.created_at,
        "systemCreatedBy": client,
        "systemModifiedAt": row.modified_at,
        "systemModifiedBy": client,
    }


def _required(draft: Mapping[str, Any], name: str) -> str:
    value = draft.get(name)
    if not isinstance(value, str) or not value.strip():
        raise Refused("BadRequest_RequiredParamNotProvided", f"Field '{name}' must not be blank or empty.")
    return value.strip()


def _url(written: str) -> str:
    """The address to notify. Which hosts are allowed is decided by the handshake. Raises Refused."""
    try:
        parts = urlsplit(written)
        port = parts.port
    except ValueError:
        raise Refused("BadRequest", f"notificationUrl '{written[:200]}' is no address.") from None
    if parts.scheme not in ("https", "http") or not parts.hostname or port == 0:
        raise Refused("BadRequest", f"notificationUrl '{written[:200]}' is not an https address.")
    if parts.username or parts.password or parts.fragment:
        raise Refused("BadRequest", "notificationUrl may not carry a user, a password or a fragment.")
    if len(written) > LONGEST_URL or not written.isascii() or not written.isprintable() or " " in written:
        raise Refused("BadRequest", f"notificationUrl may have {LONGEST_URL} characters, all of them ASCII.")
    return written


def _target(act: Act, written: str, set_named: Callable[[str, bool], EntitySet | None]) -> dict[str, Any]:
    """What a resource names, as columns. Raises Refused when there is no such company, set or entity."""
    found = _RESOURCE(written)
    of = set_named(found["set"], act.strict) if found else None
    if found is None or of is None:
        raise Refused(
            "BadRequest",
            f"The resource '{written[:200]}' cannot be subscribed to; name an entity set of a company, such as "
            "/api/v2.0/companies({id})/customers.",
        )
    named = found["company"].strip("'")
    company = act.tx.get(Company, named.lower()) or act.tx.find(Company, name=named)
    if company is None:
        raise Refused("BadRequest", f"The resource names the company {named[:100]}, which does not exist.")
    key = (found["key"] or "").lower()
    resource = f"api/v2.0/companies({company.id})/{of.name}"
    if key:
        if of.record is None or act.tx.at(company.key).get(of.record, key) is None:
            raise Refused("BadRequest", f"The resource names {of.name}({key}), which does not exist.")
        resource += f"({key})"
    return {
        "resource": resource,
        "company_key": company.key,
        "company_id": company.id,
        "entity_set": of.name,
        "entity_id": key or BLANK_GUID,
    }


def _shake_hands(act: Subscribing, url: str) -> None:
    """Go on only when the receiver has answered the handshake of this request. Raises HandshakeNeeded, Refused."""
    failure = act.handshakes.get(url)
    if failure is None:
        raise HandshakeNeeded(url)
    if failure:
        raise Refused("BadRequest", f"The handshake with notificationUrl failed: {failure}")


def create(act: Subscribing, draft: Draft, *, set_named: Callable[[str, bool], EntitySet | None]) -> str:
    """Add a subscription; it is told of what changes from now on. Returns its key.

    Args:
        act: the request.
        draft: notificationUrl, resource, clientState.
        set_named: (name, strict) -> the entity set, or None when there is none to subscribe to.

    Raises:
        HandshakeNeeded: the handshake is needed first.
        Refused: an address or resource that is none, a failed handshake, too many subscriptions.
    """
    url = _url(_required(draft, "notificationUrl"))
    target = _target(act, _required(draft, "resource"), set_named)
    now = act.tx.now
    living = [row for row in act.tx.all(Subscription) if row.expires_at > now]
    if len(living) >= MOST:
        raise Refused(
            "Application_DialogException",
            f"There are {MOST} subscriptions, and no more are possible. Delete one, or wait until one expires.",
        )
    _shake_hands(act, url)
    id: str = act.tx.new_id().replace("-", "")
    act.tx.insert(
        Subscription(
            subscription_id=id,
            notification_url=url,
            client_state=draft.get("clientState") or "",
            client=act.user,
            created_at=now,
            renewed_at=now,
            expires_at=expiry_of(now),
            **target,
        )
    )
    told = act.tx.at(target["company_key"]).newest()
    act.tx.insert(SubscriptionDelivery(subscription_id=id, told=told, told_at=now))
    return id


def _own(act: Act, id: str) -> Subscription:
    row: Subscription | None = act.tx.find(Subscription, subscription_id=id, client=act.user)
    assert row is not None, "the protocol has found it"
    return row


def change(act: Subscribing, id: str, draft: Draft, *, set_named: Callable[[str, bool], EntitySet | None]) -> str:
    """Renew a subscription, after a handshake; arguments and exceptions as `create`."""
    row = _own(act, id)
    changes: dict[str, Any] = {}
    if "resource" in draft:
        changes = _target(act, _required(draft, "resource"), set_named)
        if changes["resource"] != row.resource:
            raise Refused("BadRequest", "The resource of a subscription cannot be changed; make another one.")
    url = _url(_required(draft, "notificationUrl")) if "notificationUrl" in draft else row.notification_url
    if "clientState" in draft:
        changes["client_state"] = draft["clientState"] or ""
    _shake_hands(act, url)
    now = act.tx.now
    act.tx.update(row, **{**changes, "notification_url": url, "renewed_at": now, "expires_at": expiry_of(now)})
    return id


def remove(act: Act, id: str) -> None:
    """End a subscription."""
    end(act.tx, _own(act, id))


def end(tx: Any, row: Subscription) -> None:
    """Delete a subscription and what is known of its deliveries."""
    tx.delete(row)
    tx.delete_where(SubscriptionDelivery, subscription_id=row.subscription_id)
