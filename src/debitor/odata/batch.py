"""`$batch`: many requests in one. JSON or multipart in and out; all parts share one transaction and so one fsync.

    {"requests": [{"id": "1", "method": "POST", "url": "companies(..)/customers", "headers": {..}, "body": {..}},
                  {"id": "2", "method": "GET", "url": "$1"}]}
    -> {"responses": [{"id": "1", "status": 201, "headers": {..}, "body": {..}}, {"id": "2", "status": 200, ..}]}

Parts run in order, each in a savepoint. The first that fails ends the batch (later parts are not answered), unless
the client prefers `odata.continue-on-error`. Parts of one `atomicityGroup` or change set, and the whole batch with
the header `Isolation: snapshot`, are kept together or not at all. When one of them fails, the others answer 424; in
strict mode those of a snapshot answer as Business Central has them: what they said before they were undone, and
nothing after the one that failed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import unquote

from debitor.odata.batch_forms import Answer, Part, bad_batch, read_json, write_json
from debitor.odata.batch_multipart import is_multipart, read_multipart, write_multipart
from debitor.odata.errors import response_of
from debitor.odata.headers import READS, company_named, prefer_of
from debitor.odata.messages import Needs, Request, Response
from debitor.odata.urls import path_below
from debitor.schema import Refused
from debitor.store import Root, StoreError

if TYPE_CHECKING:
    from debitor.odata.service import Service

MOST_MEDIA = 4 << 20
"""Bytes of a content that a part of a batch may answer with; the answer of a batch is made in memory."""
MOST_PARTS = 100
"""As many as Business Central takes."""

_INHERITED = ("company", "companyid", "accept-language", "data-access-intent")


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
    """Part id -> what `$id` stands for: the address of what the part created or read."""
    tags: dict[str, str] = field(default_factory=dict)
    """Part id -> the entity tag in its answer, for `If-Match: $id`."""
    failed: set[str] = field(default_factory=set)


def parts_of(request: Request) -> list[Part]:
    """Return the parts of a batch.

    Raises:
        Refused: the body is no batch in JSON or multipart form, or a part is not well formed.
    """
    if request.parts is None:
        request.parts = _read(request)
    return request.parts


def _read(request: Request) -> list[Part]:
    said = request.headers.get("content-type", "application/json")
    if is_multipart(said):
        return read_multipart(said, request.body, MOST_PARTS)
    if not said.strip().lower().startswith("application/json"):
        raise bad_batch(
            f"the content type '{said[:100]}' is not known; send application/json or multipart/mixed.", 415
        )
    return read_json(request.body)


def needs(service: Service, request: Request) -> Needs:
    """Return which session a batch needs: the strongest that one of its parts does. Never raises."""
    try:
        parts = parts_of(request)
    except Refused:
        return "read"
    found: Needs = "read"
    if len(parts) > MOST_PARTS:
        return found
    for part in parts:
        if part.method in READS:
            continue
        path = path_below(part.url.partition("?")[0], request.root)
        asked = "write" if path.endswith("$batch") else service.needs(Request(part.method, request.root, path))
        if asked == "long":
            return "long"
        found = "write"
    return found


def run(service: Service, request: Request, root: Root) -> Response:
    """Answer a batch.

    Raises:
        Refused: the batch itself is not well formed; parts that fail are answered, not raised.
    """
    parts = parts_of(request)
    if len(parts) > MOST_PARTS:
        # Business Central answers 500 here, though the request is what is wrong.
        raise bad_batch(
            f"the maximum number of '{MOST_PARTS}' query operations is exceeded; send several batches.",
            500 if service.strict else None,
        )
    _check(parts)
    said = prefer_of(request)
    wish = said.get("odata.continue-on-error", said.get("continue-on-error", "false"))
    isolation = request.headers.get("isolation", request.headers.get("odata-isolation", ""))
    state = _Run(
        service,
        request,
        root,
        {name: request.headers[name] for name in _INHERITED if name in request.headers},
        company_named(request),
    )
    if isolation.strip().lower() == "snapshot":
        _together(state, parts)
    else:
        _in_order(state, parts, wish.lower() in ("", "true"))
    headers = [("odata-version", "4.0"), ("cache-control", "no-cache, no-store")]
    if "isolation" in request.headers:
        headers.append(("isolation", isolation))
    wrote = any(answer.status < 400 and answer.part.method not in READS for answer in state.answers)
    if _answers_multipart(request):
        boundary = f"batchresponse_{request.request_id}"
        headers.insert(0, ("content-type", f"multipart/mixed; boundary={boundary}"))
        return Response(200, headers, write_multipart(state.answers, boundary), wrote)
    headers.insert(0, ("content-type", "application/json; odata.metadata=minimal; odata.streaming=true"))
    return Response(200, headers, write_json(state.answers), wrote)


def _answers_multipart(request: Request) -> bool:
    """Whether the answer is multipart: as Accept says when it names one of the forms, else as the request is."""
    accepted = request.headers.get("accept", "").lower()
    json, multipart = "application/json" in accepted, "multipart/mixed" in accepted
    if json != multipart:
        return multipart
    return is_multipart(request.headers.get("content-type", ""))


def _check(parts: Sequence[Part]) -> None:
    """Refuse a batch whose ids are not unique, or whose parts depend on something that does not come before them."""
    known: set[str] = set()
    last_group = None
    for part in parts:
        if part.name in known:
            raise bad_batch(f"the id '{part.name[:100]}' occurs twice.")
        for other in part.depends_on:
            if other not in known:
                raise bad_batch(f"{_told(part)} depends on '{other[:100]}', which does not come before it.")
        group = part.group
        if group is not None and group != last_group and group in known:
            raise bad_batch(f"the requests of the atomicityGroup '{group[:100]}' must follow one another.")
        known.add(part.name)
        if group is not None:
            known.add(group)
        last_group = group


def _told(part: Part) -> str:
    return "a request without id" if part.id is None else f"'{part.id[:100]}'"


def _in_order(state: _Run, parts: Sequence[Part], going_on: bool) -> None:
    at = 0
    while at < len(parts):
        group = parts[at].group
        end = at + 1
        if group is None:
            answer = _part(state, parts[at])
            state.answers.append(answer)
            failed = answer.status >= 400
        else:
            while end < len(parts) and parts[end].group == group:
                end += 1
            failed = not _together(state, parts[at:end], group)
        if failed and not going_on:
            return
        at = end


def _together(state: _Run, parts: Sequence[Part], group: str | None = None) -> bool:
    """Run parts that are kept or undone as one. Returns whether they were kept."""
    answers: list[Answer] = []
    reading = all(part.method in READS for part in parts)
    try:
        if reading:
            _all_of(state, parts, answers)
        else:
            with state.root.savepoint():
                _all_of(state, parts, answers)
    except _Undo:
        for part in parts:
            state.failed.add(part.name)
            state.addresses.pop(part.name, None)
        if group is None and state.service.strict:
            state.answers.extend(answers)
            return False
        bad = answers[-1]
        why = f"The request {_told(bad.part)} of the same group failed; nothing was written."
        for part in parts:
            state.answers.append(
                bad if part is bad.part else _refused(state, part, Refused("Request_FailedDependency", why))
            )
        if group is not None:
            state.failed.add(group)
        return False
    state.answers.extend(answers)
    return True


def _all_of(state: _Run, parts: Sequence[Part], answers: list[Answer]) -> None:
    """Run parts until one fails; then raise _Undo."""
    for part in parts:
        answer = _part(state, part)
        answers.append(answer)
        if answer.status >= 400:
            raise _Undo


def _part(state: _Run, part: Part) -> Answer:
    """Run one part; what it wrote is undone when it fails."""
    blocked = [other for other in part.depends_on if other in state.failed]
    try:
        if blocked:
            raise Refused("Request_FailedDependency", f"The request '{blocked[0][:100]}', needed first, failed.")
        request = _request(state, part)
        if request.method in READS:
            made = state.service.execute(request, state.root)
        else:
            with state.root.savepoint():
                made = state.service.execute(request, state.root)
        if made.later is not None:
            made.body = made.later()
        if made.chunks is not None:
            if not 0 <= made.size <= MOST_MEDIA:
                raise Refused(
                    "BadRequest", f"The content is larger than {MOST_MEDIA} bytes; read it outside of a batch."
                )
            made.body = b"".join(made.chunks)
    except (Refused, StoreError) as no:
        state.failed.add(part.name)
        return _refused(state, part, no)
    headers = dict(made.headers)
    headers.pop("cache-control", None)
    state.addresses[part.name] = headers.get("location") or f"{request.root}/{request.path}"
    if "etag" in headers:
        state.tags[part.name] = headers["etag"]
    return Answer(part, made.status, headers, made.body)


def _refused(state: _Run, part: Part, no: Refused | StoreError) -> Answer:
    made = response_of(no, state.request.request_id)
    return Answer(part, made.status, {"content-type": "application/json"}, made.body)


def _request(state: _Run, part: Part) -> Request:
    """Return the request that a part stands for. Raises Refused when its address cannot be one."""
    outer = state.request
    url, _, query = part.url.partition("?")
    reference = url.removeprefix("/")
    if reference.startswith("$") and not reference.startswith(("$batch", "$metadata")):
        name, slash, rest = reference[1:].partition("/")
        path = path_below(unquote(_known(state, name)) + slash + rest, outer.root, decoded=True)
    else:
        path = path_below(url, outer.root)
    if path.rstrip("/").endswith("$batch"):
        raise Refused("BadRequest", "A $batch cannot hold another $batch.")
    headers = {**state.inherited, **part.headers}
    if "company" in part.headers or "companyid" in part.headers:
        # The part names its own company, in whichever of the two headers.
        for name in ("company", "companyid"):
            if name not in part.headers:
                headers.pop(name, None)
    elif state.company is not None:
        headers["company"] = state.company
    tag = headers.get("if-match", "")
    if tag.startswith("$"):
        headers["if-match"] = state.tags.get(tag[1:], tag)
    return Request(
        method=part.method,
        root=outer.root,
        path=path,
        query=query.partition("#")[0],
        headers=headers,
        body=part.body,
        request_id=outer.request_id,
        user=outer.user,
        rights=outer.rights,
        references=state.addresses,
        handshakes=outer.handshakes,
    )


def _known(state: _Run, name: str) -> str:
    known = state.addresses.get(name)
    if known is None:
        raise Refused("BadRequest", f"'${name[:100]}' refers to no earlier request that succeeded.")
    return known
