"""`$batch`: many requests in one. JSON in, JSON out; all parts share one transaction and so one fsync.

    {"requests": [{"id": "1", "method": "POST", "url": "companies(..)/customers", "headers": {..}, "body": {..}},
                  {"id": "2", "method": "GET", "url": "$1"}]}
    -> {"responses": [{"id": "1", "status": 201, "headers": {..}, "body": {..}}, {"id": "2", "status": 200, ..}]}

Parts run in order, each in a savepoint. The first that fails ends the batch (later parts are not answered), unless
the client prefers `odata.continue-on-error`. Parts of one `atomicityGroup`, and the whole batch with the header
`Isolation: snapshot`, are kept together or not at all: when one of them fails, the others answer 424.

Bodies of parts pass through as the bytes that arrived; they are decoded once, by the part itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

import msgspec

from debitor.odata.errors import response_of
from debitor.odata.headers import READS, company_named, prefer_of
from debitor.odata.messages import Needs, Request, Response
from debitor.schema import Refused
from debitor.store import Root, StoreError

if TYPE_CHECKING:
    from debitor.odata.service import Service

MOST_PARTS = 100
"""As many as Business Central takes."""

_INHERITED = ("company", "companyid", "accept-language")
_NONE = msgspec.Raw(b"")


class Part(msgspec.Struct, rename="camel"):
    """One request of a batch, as it arrives."""

    method: str
    url: str
    id: str | int | None = None
    headers: dict[str, str | int | bool | None] = {}
    body: msgspec.Raw = _NONE
    depends_on: list[str | int] | None = None
    atomicity_group: str | None = None


class Envelope(msgspec.Struct):
    """The body of a batch."""

    requests: list[Part]


class Answer(msgspec.Struct, omit_defaults=True, rename="camel"):
    """The response of one part."""

    id: str
    status: int
    headers: dict[str, str]
    atomicity_group: str | None = None
    body: msgspec.Raw | str | None = None


_decode = msgspec.json.Decoder(Envelope).decode
_encode = msgspec.json.Encoder().encode


class _Undo(Exception):
    """Leaves a savepoint so that what was written inside it is undone."""


@dataclass(slots=True)
class _Run:
    """What one batch knows while it runs."""

    service: Service
    request: Request
    root: Root
    inherited: dict[str, str]
    company: str | None
    answers: list[Answer] = field(default_factory=list)
    addresses: dict[str, str] = field(default_factory=dict)
    """Part or group id -> what `$id` stands for: the address of what the part created or read."""
    failed: set[str] = field(default_factory=set)


def _bad(why: str, status: int | None = None) -> Refused:
    return Refused("BadRequest", f"Invalid $batch: {why}", status)


def envelope_of(request: Request) -> Envelope:
    """Return the parts of a batch.

    Raises:
        Refused: the body is no JSON batch, or a part is not well formed.
    """
    said = request.headers.get("content-type", "application/json")
    if not said.lower().startswith("application/json"):
        raise _bad("send the parts as JSON (content type application/json).", 415)
    try:
        return _decode(request.body)
    except msgspec.ValidationError as why:
        raise _bad(f"{str(why)[:200]}.") from None
    except (msgspec.DecodeError, UnicodeDecodeError) as why:
        raise _bad(f"the body is not valid JSON ({str(why)[:200]}).") from None
    except RecursionError:
        raise _bad("the body nests too deeply.") from None


def needs(service: Service, request: Request) -> Needs:
    """Return which session a batch needs: the strongest that one of its parts does. Never raises."""
    try:
        parts = envelope_of(request).requests
    except Refused:
        return "read"
    found: Needs = "read"
    if len(parts) > MOST_PARTS:
        return found
    for part in parts:
        method = part.method.upper()
        if method in READS:
            continue
        path = _path_of(part.url.partition("?")[0], request.root)
        asked = "write" if path.endswith("$batch") else service.needs(Request(method, request.root, path))
        if asked == "long":
            return "long"
        found = "write"
    return found


def run(service: Service, request: Request, root: Root) -> Response:
    """Answer a batch.

    Raises:
        Refused: the batch itself is not well formed; parts that fail are answered, not raised.
    """
    parts = envelope_of(request).requests
    strict = service.strict
    if len(parts) > MOST_PARTS:
        # Business Central answers 500 here, though the request is what is wrong.
        raise _bad(
            f"it has {len(parts)} requests; the maximum number of '{MOST_PARTS}' query operations is exceeded.",
            500 if strict else None,
        )
    _check(parts)
    said = prefer_of(request)
    wish = said.get("odata.continue-on-error", said.get("continue-on-error", "false"))
    going_on = wish.lower() in ("", "true")
    isolation = request.headers.get("isolation", request.headers.get("odata-isolation", ""))
    state = _Run(
        service,
        request,
        root,
        {name: request.headers[name] for name in _INHERITED if name in request.headers},
        company_named(request),
    )
    if isolation.strip().lower() == "snapshot":
        _together(state, parts, None)
    else:
        _in_order(state, parts, going_on)
    headers = [
        ("content-type", "application/json; odata.metadata=minimal; odata.streaming=true"),
        ("odata-version", "4.0"),
        ("cache-control", "no-cache, no-store"),
    ]
    if "isolation" in request.headers:
        headers.append(("isolation", isolation))
    return Response(200, headers, _encode({"responses": state.answers}))


def _name(part: Part, at: int) -> str:
    return str(at) if part.id is None else str(part.id)


def _check(parts: Sequence[Part]) -> None:
    """Refuse a batch whose ids are not unique, or whose parts depend on something that does not come before them."""
    known: set[str] = set()
    last_group = None
    for at, part in enumerate(parts):
        name = _name(part, at)
        if name in known:
            raise _bad(f"the id '{name[:100]}' occurs twice.")
        for other in part.depends_on or ():
            if str(other) not in known:
                raise _bad(f"'{name[:100]}' depends on '{str(other)[:100]}', which does not come before it.")
        group = part.atomicity_group
        if group is not None and group != last_group and group in known:
            raise _bad(f"the requests of the atomicityGroup '{group[:100]}' must follow one another.")
        known.add(name)
        if group is not None:
            known.add(group)
        last_group = group


def _in_order(state: _Run, parts: Sequence[Part], going_on: bool) -> None:
    at = 0
    while at < len(parts):
        group = parts[at].atomicity_group
        end = at + 1
        if group is None:
            answer = _part(state, parts[at], at)
            state.answers.append(answer)
            failed = answer.status >= 400
        else:
            while end < len(parts) and parts[end].atomicity_group == group:
                end += 1
            failed = not _together(state, parts[at:end], group, at)
        if failed and not going_on:
            return
        at = end


def _together(state: _Run, parts: Sequence[Part], group: str | None, first: int = 0) -> bool:
    """Run parts that are kept or undone as one. Returns whether they were kept."""
    answers: list[Answer] = []
    reading = all(part.method.upper() in READS for part in parts)
    try:
        if reading:
            _all_of(state, parts, first, answers)
        else:
            with state.root.savepoint():
                _all_of(state, parts, first, answers)
    except _Undo:
        bad = answers[-1]
        for at, part in enumerate(parts):
            name = _name(part, first + at)
            state.failed.add(name)
            if name == bad.id:
                answer = bad
            else:
                why = f"The request '{bad.id[:100]}' of the same group failed; nothing was written."
                answer = _refused(state, name, Refused("Request_FailedDependency", why))
            answer.atomicity_group = group
            state.answers.append(answer)
        if group is not None:
            state.failed.add(group)
        return False
    for answer in answers:
        answer.atomicity_group = group
    state.answers.extend(answers)
    return True


def _all_of(state: _Run, parts: Sequence[Part], first: int, answers: list[Answer]) -> None:
    """Run parts until one fails; then raise _Undo."""
    for at, part in enumerate(parts):
        answer = _part(state, part, first + at)
        answers.append(answer)
        if answer.status >= 400:
            raise _Undo


def _part(state: _Run, part: Part, at: int) -> Answer:
    """Run one part; what it wrote is undone when it fails."""
    name = _name(part, at)
    blocked = [str(other) for other in part.depends_on or () if str(other) in state.failed]
    try:
        if blocked:
            raise Refused("Request_FailedDependency", f"The request '{blocked[0][:100]}', needed first, failed.")
        request = _request(state, part)
        if request.method in READS:
            made = state.service.execute(request, state.root)
        else:
            with state.root.savepoint():
                made = state.service.execute(request, state.root)
    except (Refused, StoreError) as no:
        state.failed.add(name)
        return _refused(state, name, no)
    headers = dict(made.headers)
    headers.pop("cache-control", None)
    state.addresses[name] = headers.get("location") or f"{request.root}/{request.path}"
    body: msgspec.Raw | str | None = None
    if made.body:
        json = headers.get("content-type", "").startswith("application/json")
        body = msgspec.Raw(made.body) if json else made.body.decode()
    return Answer(name, made.status, headers, None, body)


def _refused(state: _Run, name: str, no: Refused | StoreError) -> Answer:
    made = response_of(no, state.request.request_id)
    return Answer(name, made.status, {"content-type": "application/json"}, None, msgspec.Raw(made.body))


def _request(state: _Run, part: Part) -> Request:
    """Return the request that a part stands for. Raises Refused when its address cannot be one."""
    outer = state.request
    url, _, query = part.url.partition("?")
    if url.startswith("$") and not url.startswith(("$batch", "$metadata")):
        name, slash, rest = url[1:].partition("/")
        known = state.addresses.get(name)
        if known is None:
            raise Refused("BadRequest", f"'${name[:100]}' refers to no earlier request that succeeded.")
        url = unquote(known) + slash + rest
        path = _path_of(url, outer.root, decoded=True)
    else:
        path = _path_of(url, outer.root)
    if path.rstrip("/").endswith("$batch"):
        raise Refused("BadRequest", "A $batch cannot hold another $batch.")
    headers = {**state.inherited}
    for name, value in part.headers.items():
        if value is not None:
            headers[name.lower()] = value if isinstance(value, str) else str(value)
    if state.company is not None and "company" not in headers:
        headers["company"] = state.company
    return replace(
        outer,
        method=part.method.upper(),
        path=path,
        query=query.partition("#")[0],
        headers=headers,
        body=bytes(part.body),
    )


def _path_of(url: str, root: str, *, decoded: bool = False) -> str:
    """Return the path below the API root that the address of a part means.

    Absolute addresses, addresses from the host (`/api/v2.0/companies`), and addresses below the root with or without
    a leading slash are the same. Another host's name is not checked: there is only this server.
    """
    _, scheme, rest = url.partition("://")
    if scheme:
        url = "/" + rest.partition("/")[2]
    base = urlsplit(root).path
    if base and (url == base or url.startswith(base + "/")):
        url = url[len(base) :]
    url = url.lstrip("/")
    return url if decoded or "%" not in url else unquote(url)
