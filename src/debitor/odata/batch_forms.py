"""The two forms of a `$batch`: what a part and its answer are, and their JSON form (multipart: batch_multipart.py).

    {"requests": [{"id": "1", "method": "POST", "url": "companies(..)/customers", "headers": {..}, "body": {..}}]}
    -> [Part(method="POST", url="companies(..)/customers", id="1", headers={..}, body=b"{..}")]

Bodies of parts pass through as the bytes that arrived; they are decoded once, by the part itself.
"""

from __future__ import annotations

import binascii
from base64 import b64decode, urlsafe_b64encode
from collections.abc import Sequence
from dataclasses import dataclass, field

import msgspec

from debitor.schema import Refused

_NONE = msgspec.Raw(b"")


@dataclass(slots=True)
class Part:
    """One request of a batch.

    Args:
        name: its id, or a name that no reference can spell when it has none.
        id: as the client wrote it; None when it gave none.
        headers: lower-case name -> value.
        group: parts of one group are kept or undone together.
    """

    method: str
    url: str
    name: str
    id: str | None = None
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    depends_on: tuple[str, ...] = ()
    group: str | None = None


@dataclass(slots=True)
class Answer:
    """The answer to one part; header names are lower case."""

    part: Part
    status: int
    headers: dict[str, str]
    body: bytes = b""


def bad_batch(why: str, status: int | None = None) -> Refused:
    """Return the refusal of a batch that is not well formed."""
    return Refused("BadRequest", f"Invalid $batch: {why}", status)


def unnamed(at: int) -> str:
    """Return the name of a part without id: `$` references cannot hold its first character."""
    return f"\0{at}"


# --------------------------------------------------------------------------- JSON


class _Request(msgspec.Struct, rename="camel"):
    method: str
    url: str
    id: str | int | None = None
    headers: dict[str, str | int | bool | None] | None = None
    body: msgspec.Raw = _NONE
    depends_on: list[str | int] | None = None
    atomicity_group: str | None = None


class _Envelope(msgspec.Struct):
    requests: list[_Request]


class _Response(msgspec.Struct, rename="camel"):
    id: str | None
    status: int
    headers: dict[str, str]
    atomicity_group: str | msgspec.UnsetType = msgspec.UNSET
    body: msgspec.Raw | str | msgspec.UnsetType = msgspec.UNSET


_decode = msgspec.json.Decoder(_Envelope).decode
_encode = msgspec.json.Encoder().encode


def read_json(body: bytes) -> list[Part]:
    """Return the parts of a JSON batch.

    Raises:
        Refused: the body is no JSON batch, or a part is not well formed.
    """
    try:
        found = _decode(body[3:] if body[:3] == b"\xef\xbb\xbf" else body).requests
        return [_part(at, request) for at, request in enumerate(found)]
    except msgspec.ValidationError as why:
        raise bad_batch(f"{str(why)[:200]}.") from None
    except (msgspec.DecodeError, UnicodeDecodeError) as why:
        raise bad_batch(f"the body is not valid JSON ({str(why)[:200]}).") from None
    except RecursionError:
        raise bad_batch("the body nests too deeply.") from None


def _part(at: int, request: _Request) -> Part:
    id = None if request.id is None else str(request.id)
    headers = {
        name.lower(): value if isinstance(value, str) else str(value)
        for name, value in (request.headers or {}).items()
        if value is not None
    }
    return Part(
        request.method.upper(),
        request.url,
        unnamed(at) if id is None else id,
        id,
        headers,
        _bytes_of(bytes(request.body), headers.get("content-type", "")),
        tuple(str(other) for other in request.depends_on or ()),
        request.atomicity_group,
    )


def _bytes_of(body: bytes, content_type: str) -> bytes:
    """Return the body of a part: JSON as it is; a text, or base64 of anything else, out of its JSON string."""
    media = content_type.partition(";")[0].strip().lower()
    if body[:1] != b'"' or not media or media.endswith(("/json", "+json")):
        return body
    text: str = msgspec.json.decode(body)
    if media.startswith("text/"):
        return text.encode()
    try:
        return b64decode(text.replace("-", "+").replace("_", "/") + "=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError):
        raise bad_batch(f"a body of content type '{media[:100]}' must be a string in base64url.") from None


def write_json(answers: Sequence[Answer]) -> bytes:
    """Return the body of a JSON answer. Parts without id have the id null, as in Business Central."""
    return _encode({"responses": [_response(answer) for answer in answers]})


def _response(answer: Answer) -> _Response:
    body: msgspec.Raw | str | msgspec.UnsetType = msgspec.UNSET
    if answer.body:
        media = answer.headers.get("content-type", "").partition(";")[0]
        if media == "application/json":
            body = msgspec.Raw(answer.body)
        elif media.startswith("text/"):
            body = answer.body.decode()
        else:
            body = urlsafe_b64encode(answer.body).decode().rstrip("=")
    group = answer.part.group
    return _Response(answer.part.id, answer.status, answer.headers, msgspec.UNSET if group is None else group, body)
