"""`$skiptoken`: where the next page of a list begins, written so that only this server reads it back."""

from __future__ import annotations

import base64
import binascii
import zlib
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import msgspec

from debitor.schema import Property, Refused

if TYPE_CHECKING:
    from debitor.odata.reading import Plan


def typed(of: Property, wire: Any) -> Any:
    """Return a value from a row (or a page token) as a parameter takes it. Raises ValueError for another type."""
    kind = of.type.kind
    if kind == "date":
        if not isinstance(wire, str):
            raise ValueError(wire)
        return date.fromisoformat(wire)
    if kind in ("decimal", "factor"):
        if isinstance(wire, bool) or not isinstance(wire, int | Decimal | str):
            raise ValueError(wire)
        return Decimal(wire)
    expected = bool if kind == "bool" else int if kind in ("int32", "int64") else str
    if type(wire) is not expected:
        raise ValueError(wire)
    return wire


@dataclass(frozen=True, slots=True)
class PageToken:
    """Where the next page begins: the order values of the last row sent (or, for computed rows, how many were
    sent) and how many rows of `$top` are left. `since`: the client tracks changes from this version of the store on.
    """

    left: int | None
    last: tuple[Any, ...]
    since: int | None = None


def _token_salt(plan: Plan) -> bytes:
    return (plan.of.name + "".join(f",{o.name}{'-' if o.descending else ''}" for o in plan.order)).encode()


def write_token(plan: Plan, token: PageToken) -> str:
    """Return the text of `$skiptoken`."""
    last = [str(v) if isinstance(v, Decimal) else v for v in token.last]
    body = msgspec.json.encode([token.left if token.since is None else {"since": token.since}, *last])
    check = zlib.crc32(body + _token_salt(plan)).to_bytes(4, "big")
    return base64.urlsafe_b64encode(check + body).decode().rstrip("=")


def read_token(plan: Plan, text: str) -> PageToken:
    """Return what a `$skiptoken` says.

    Raises:
        Refused: 400 when the token is damaged or belongs to another question.
    """
    try:
        raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        check, body = raw[:4], raw[4:]
        if check != zlib.crc32(body + _token_salt(plan)).to_bytes(4, "big"):
            raise ValueError(text)
        left, *last = msgspec.json.decode(body, type=list[Any])
        since = left.get("since") if type(left) is dict else None
        if since is not None:
            if type(since) is not int or since < 0:
                raise ValueError(text)
            left = None
        if left is not None and (type(left) is not int or left < 0):
            raise ValueError(text)
        if plan.of.rows is not None:
            if len(last) != 1 or type(last[0]) is not int or last[0] < 0:
                raise ValueError(text)
            return PageToken(left, (last[0],), since)
        values = tuple(typed(plan.of.by_name[o.name], v) for o, v in zip(plan.order, last, strict=True))
    except (ValueError, ArithmeticError, binascii.Error, msgspec.DecodeError):
        raise Refused(
            "BadRequest",
            "The $skiptoken is not one of this server for this request. Ask for the first page again.",
        ) from None
    return PageToken(left, values, since)
