"""`Idempotency-Key`: a write that is sent again is not done again; its first answer is given again.

    POST customerPayments, Idempotency-Key: "7d1c"   -> 201, and in the same transaction a row with key and answer
    the same once more                               -> the same 201, and Idempotency-Replayed: true
    the same key with another body                   -> 422

Key and answer are one row beside what the request wrote, so no crash can part them. Only answers that wrote are kept:
what was refused left nothing behind and is decided anew when it is sent again. A key belongs to the client that sent
it and is forgotten after its lifetime; keyed writes remove what is over a few at a time, so there is no big clean-up.

The header, its 400, 409 and 422 follow the IETF draft "The Idempotency-Key HTTP Header Field".
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from hashlib import sha256

import msgspec

from debitor.odata.messages import Request, Response
from debitor.schema import Int, LongText, Refused, Row, Text100, Text255, Timestamp, record
from debitor.store import DuplicateKey, Root

HEADER = "idempotency-key"
REPLAYED = ("idempotency-replayed", "true")
LIFETIME = 86_400
"""Seconds that an answer is kept unless a setting says otherwise."""
LARGEST_ANSWER = 4 << 20
"""Bytes of the largest answer that is kept; the answer to a full $batch has room."""
PORTION = 20
"""Keys that are over and go with one keyed write."""
PAUSE = timedelta(seconds=60)
"""How long nothing is looked for after a look that found fewer."""

_ALWAYS = datetime.min.replace(tzinfo=UTC)
_KEY = re.compile(r'"((?:[ !#-\[\]-~]|\\["\\]){1,255})"|([!#-+\--:<-\[\]-~]{1,255})')
_ESCAPED = re.compile(r"\\(.)")


@record(
    "idempotency_key",
    unique=(("client_id", "name"),),
    indexes=(("expires_at",),),
    by_company=False,
    tracked=False,
)
class KeptAnswer(Row, frozen=True, kw_only=True):
    """The answer to a write with a key.

    Attributes:
        client_id: who sent it.
        name: the key.
        fingerprint: SHA-256 of method, address and body, in hexadecimal.
        headers: a JSON array of names and values.
        body: one character per byte (Latin-1), so that any body comes back as it was.
    """

    client_id: Text100 = ""
    name: Text255 = ""
    fingerprint: Text100 = ""
    status: Int = 0
    headers: LongText = ""
    body: LongText = ""
    expires_at: Timestamp = "0001-01-01T00:00:00.000Z"


def key_of(header: str) -> str:
    """The key that a header names: a quoted string, as the draft has it, or the same without quotes.

    Raises:
        Refused: it is neither.
    """
    found = _KEY.fullmatch(header.strip())
    if found is None:
        raise Refused(
            "BadRequest_InvalidIdempotencyKey",
            "The Idempotency-Key header is not a key. Send 1 to 255 visible ASCII characters, quoted or not, such as "
            "a fresh guid, and the header once.",
        )
    if found[1] is not None:
        return _ESCAPED.sub(r"\1", found[1])
    return found[2]


def fingerprint_of(request: Request) -> str:
    """What two requests have in common when they ask for the same: method, API, address, company and body."""
    headers = request.headers
    said = (
        request.method,
        request.root.partition("://")[2].partition("/")[2].lower(),
        request.path,
        request.query,
        headers.get("company", ""),
        headers.get("companyid", ""),
        request.digest,
    )
    made = sha256(msgspec.json.encode(said))
    made.update(request.body)
    return made.hexdigest()


class Idempotency:
    """Gives first answers again.

    Args:
        lifetime: seconds that an answer is kept.
    """

    def __init__(self, lifetime: int = LIFETIME) -> None:
        self._lifetime = timedelta(seconds=lifetime)
        self._running: set[tuple[str, str]] = set()
        self._look_at = _ALWAYS

    def claim(self, request: Request) -> Callable[[], None]:
        """Say that a request with a key begins.

        Returns:
            What to call when it has been answered.
        Raises:
            Refused: the header is not a key (400), or a request with this key is still being answered (409).
        """
        claimed = (request.user, key_of(request.headers[HEADER]))
        if claimed in self._running:
            raise Refused(
                "Request_IdempotencyKeyInUse",
                "The first request with this Idempotency-Key is still being answered. Send it again in a moment.",
            )
        self._running.add(claimed)
        return lambda: self._running.discard(claimed)

    def once(self, request: Request, root: Root, run: Callable[[], Response]) -> Response:
        """Answer a request with a key: as before, or by `run`, whose answer is kept when it wrote.

        Raises:
            Refused: the key came with another request (422), or the answer is too large to keep (400).
        """
        name, fingerprint = key_of(request.headers[HEADER]), fingerprint_of(request)
        now = datetime.fromisoformat(root.now)
        kept = root.find(KeptAnswer, client_id=request.user, name=name)
        if kept is not None:
            if datetime.fromisoformat(kept.expires_at) > now:
                return _again(kept, fingerprint)
            root.delete(kept)
        response = run()
        if response.status >= 400 or not response.wrote:
            return response
        if len(response.body) > LARGEST_ANSWER:
            raise Refused(
                "BadRequest",
                f"The answer has {len(response.body)} bytes; with an Idempotency-Key it may have {LARGEST_ANSWER}. "
                "Nothing was written: ask for less with $select, or give each part of a batch its own key.",
            )
        try:
            root.insert(
                KeptAnswer(
                    client_id=request.user,
                    name=name,
                    fingerprint=fingerprint,
                    status=response.status,
                    headers=msgspec.json.encode(response.headers).decode(),
                    body=response.body.decode("latin-1"),
                    expires_at=_stamp(now + self._lifetime),
                )
            )
        except DuplicateKey:
            # Only a part of this very batch can have taken it: writes follow one another.
            raise _other_request() from None
        self._forget(root, now)
        return response

    def _forget(self, root: Root, now: datetime) -> None:
        """Remove a portion of the answers whose time is over."""
        if now < self._look_at:
            return
        oldest = root.all(KeptAnswer, order=("expires_at",), limit=PORTION)
        over = [row for row in oldest if datetime.fromisoformat(row.expires_at) <= now]
        for row in over:
            root.delete(row)
        self._look_at = _ALWAYS if len(over) == PORTION else now + PAUSE


def _again(kept: KeptAnswer, fingerprint: str) -> Response:
    if kept.fingerprint != fingerprint:
        raise _other_request()
    headers = msgspec.json.decode(kept.headers, type=list[tuple[str, str]])
    return Response(kept.status, [*headers, REPLAYED], kept.body.encode("latin-1"))


def _other_request() -> Refused:
    return Refused(
        "Request_IdempotencyKeyReused",
        "This Idempotency-Key came with another method, address or body before. Send a fresh key with a new request, "
        "or the first request unchanged.",
    )


def _stamp(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}Z"
