"""The entry of the protocol: what a request needs, which verb answers it (read_verbs.py, write_verbs.py), refusals.

    service = Service(host)
    service.needs(request)                      -> "read" | "write" | "long": which session of the store to open
    service.handle(request, store.reader())     -> Response; for reads
    store.write(lambda root: service.execute(request, root))     for writes

`execute` raises what says no (`Refused`, `StoreError`), so that the store undoes the job; its caller then answers
with `service.error_response(request, no)`. A refused write so leaves nothing behind without a savepoint of its own.
Parts of a $batch succeed and fail one by one, so each runs in a savepoint (batch.py). `handle` is `execute` with the
refusal already turned into an answer: right for reads, wrong for writes, whose rows it would keep.
"""

from __future__ import annotations

import logging
import zlib
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import NamedTuple

from debitor.odata import batch
from debitor.odata.answers import CACHE, HEADERS, VERSION
from debitor.odata.binding import Binder
from debitor.odata.definitions import NAME as DEFINITIONS
from debitor.odata.definitions import Definitions
from debitor.odata.errors import not_allowed, response_of
from debitor.odata.headers import READS, check_intent
from debitor.odata.idempotency import HEADER, Idempotency
from debitor.odata.messages import Host, Needs, Request, Response
from debitor.odata.metadata import metadata_of, service_document_of
from debitor.odata.options import version_of
from debitor.odata.payload import etag_of, tags_of
from debitor.odata.read_verbs import ReadVerbs
from debitor.odata.reading import Plans, Scope
from debitor.odata.urls import Addresses, Target
from debitor.odata.walking import Walker
from debitor.odata.write_verbs import WriteVerbs
from debitor.schema import EntitySet, Refused
from debitor.store import Root, StoreError, contents

log = logging.getLogger("debitor")

_MOST_ROOTS = 200
_SPOKEN = {"metadata": "$metadata", "service": "the service document", "definitions": DEFINITIONS}


class Upload(NamedTuple):
    """A content that is being sent: the company it is for, and its id."""

    company: int
    id: str


class Service:
    """The protocol over one catalog.

    Args:
        host: what the protocol needs to know of the program around it.
        idempotency: gives answers to requests with an Idempotency-Key again; services of one store share it.
    """

    def __init__(self, host: Host, *, idempotency: Idempotency | None = None) -> None:
        self._host = host
        self.strict = host.strict
        self._catalog = strict_catalog(host.catalog) if host.strict else host.catalog
        self._addresses = Addresses(self._catalog, strict=host.strict)
        self._walk = Walker(host, self._catalog, Plans(self._catalog))
        self._reads = ReadVerbs(self._walk)
        self._writes = WriteVerbs(self._walk, self._reads, Binder(self._walk, self._addresses.parse))
        self._metadata: dict[str, tuple[bytes, str]] = {}
        self._documents: dict[str, bytes] = {}
        self._definitions: Definitions | None = None
        self._idempotency = idempotency or Idempotency()

    # ----------------------------------------------------------------------- entry points

    def needs(self, request: Request) -> Needs:
        """Return which session the request needs. Never raises: what cannot be read is refused by `execute`."""
        if request.method in READS:
            return "read"
        path = request.path
        if path.endswith(("$batch", "$batch/")):
            return batch.needs(self, request)
        if "icrosoft." in path or "ICROSOFT." in path:
            try:
                target = self._addresses.parse(path)
            except Refused:
                return "write"
            return "long" if target.action is not None and target.action.long else "write"
        return "write"

    def uploads(self, path: str) -> bool:
        """Whether a PUT or PATCH of this address brings the content of a stream property."""
        try:
            field = self._addresses.parse(path).field
        except Refused:
            return False
        return field is not None and field.type.kind == "stream"

    def begin_content(self, request: Request, root: Root) -> Upload:
        """Begin a content, if the request may bring one: before its body is read.

        Raises:
            Refused: no such entity, no such stream that can be written, no right to, or another tag.
        """
        target = self._addresses.parse(request.path)
        self._check_rights(request)
        company, tx = self._walk.session(request, root, target)
        scope = Scope(self._host, request, tx, company)
        if target.alternate:
            target = self._walk.resolved(scope, target)
        self._writes.check_content(scope, target)
        return Upload(tx.company, contents.begin(tx))

    def append_content(self, upload: Upload, data: bytes, root: Root) -> None:
        """Add a portion to a content."""
        contents.append(root.at(upload.company), upload.id, data)

    def claim(self, request: Request) -> Callable[[], None] | None:
        """Say that a request begins; for those with an Idempotency-Key.

        Returns:
            What to call when it has been answered, or None: the header means nothing here.
        Raises:
            Refused: the header is not a key, or a request with this key is still being answered.
        """
        return self._idempotency.claim(request) if self._keyed(request) else None

    def _keyed(self, request: Request) -> bool:
        """Whether a request with the header is a write whose answer is kept; Business Central keeps none."""
        return not self.strict and self.needs(request) != "read"

    def handle(self, request: Request, root: Root) -> Response:
        """Answer a request; refusals become error answers. For reads: what a refused write wrote would be kept."""
        try:
            return self.execute(request, root)
        except Refused as no:
            return self.error_response(request, no)
        except StoreError as no:
            # The answer does not tell what went wrong inside, so the log has to.
            log.error("request %s: %s", request.request_id, no)
            return self.error_response(request, no)

    def error_response(self, request: Request, no: Refused | StoreError) -> Response:
        """Return the answer to a request that was refused."""
        made = response_of(no, request.request_id)
        if made.status == 405:
            allowed = self._allowed_at(request)
            if allowed:
                made.headers.append(("allow", allowed))
        if request.method == "HEAD":
            made.body = b""
        return made

    def execute(self, request: Request, root: Root) -> Response:
        """Answer a request.

        Args:
            request: the request.
            root: a reader when `needs` said "read", else a transaction.

        Raises:
            Refused: the answer is no.
            StoreError: the store says no, or cannot.
        """
        # A job may run more than once.
        request.notes, request.written = None, ""
        target = self._addresses.parse(request.path)
        # A batch may be all reads although it is a POST; its parts are checked one by one.
        if target.what != "batch":
            self._check_rights(request)
        if "data-access-intent" in request.headers:
            check_intent(request)
        if HEADER in request.headers and self._keyed(request):
            return self._idempotency.once(request, root, lambda: self._answer(request, root, target))
        return self._answer(request, root, target)

    @staticmethod
    def _check_rights(request: Request) -> None:
        """Refuse what a client that may only read must not do."""
        if request.method not in READS and request.rights != "full":
            raise Refused(
                "Authorization_AccessDenied", f"This client may read only; {request.method[:20]} needs full rights."
            )

    def _answer(self, request: Request, root: Root, target: Target) -> Response:
        method = request.method
        if target.what != "entities":
            return self._special(request, root, target)
        if method == "OPTIONS":
            return Response(204, [("allow", self._allowed(target)), CACHE])
        company, tx = self._walk.session(request, root, target)
        scope = Scope(self._host, request, tx, company)
        if target.alternate:
            target = self._walk.resolved(scope, target)
        if method == "GET":
            return self._reads.get(scope, target)
        if method not in READS:
            return self._noted(scope, target, root)
        if method == "HEAD":
            made = self._reads.get(scope, target)
            if made.size >= 0:
                made.headers.append(("content-length", str(made.size)))
            made.body, made.chunks = b"", None
            return made
        raise not_allowed(method, target.last.of.name)

    def _noted(self, scope: Scope, target: Target, root: Root) -> Response:
        """Write, and note who did what."""
        of, action = target.last.of, "" if target.action is None else target.action.name
        company = target.company or (scope.company.id if scope.company is not None else "")
        if not company and of.name == "companies" and target.last.keys:
            company = target.last.keys[0]
        mark = self._host.mark(root, company) if action and company else None
        made = self._write(scope, target)
        if company:
            self._host.wrote(scope.request, root, company, of.name, action, mark)
        return made

    def _write(self, scope: Scope, target: Target) -> Response:
        method = scope.request.method
        if method == "POST":
            if target.tail == "action":
                return self._writes.action(scope, target)
            return self._writes.create(scope, target)
        if method in ("PATCH", "PUT"):
            if not target.tail:
                return self._writes.patch(scope, target)
            if target.field is not None and target.field.type.kind == "stream":
                return self._writes.put_content(scope, target)
        if method == "DELETE" and not target.tail:
            return self._writes.delete(scope, target)
        raise not_allowed(method, target.last.of.name)

    def _special(self, request: Request, root: Root, target: Target) -> Response:
        """Answer what is no entity: the service document, `$metadata`, `$batch`, `entityDefinitions`."""
        method = request.method
        if target.what == "batch":
            if method == "OPTIONS":
                return Response(204, [("allow", "POST, OPTIONS"), CACHE])
            if method != "POST":
                raise not_allowed(method, "$batch")
            if target.company is not None:
                request = replace(request, headers={**request.headers, "company": target.company})
            return batch.run(self, request, root)
        if method not in READS:
            raise not_allowed(method, _SPOKEN[target.what])
        if method == "OPTIONS":
            return Response(204, [("allow", "GET, HEAD, OPTIONS"), CACHE])
        if target.what == "metadata":
            schema_version = version_of(request.query) if request.query else "2.0"
            described = self._metadata.get(schema_version)
            if described is None:
                text = metadata_of(self._catalog, strict=self.strict, version=schema_version)
                described = self._metadata[schema_version] = text, etag_of(zlib.crc32(text))
            made = Response(200, [("content-type", "application/xml"), VERSION, CACHE], described[0])
            made.headers.append(("etag", described[1]))
            tags = tags_of(request.headers.get("if-none-match", ""))
            if tags and (tags == ("*",) or described[1] in tags):
                return Response(304, [("etag", described[1]), VERSION, CACHE])
        elif target.what == "definitions":
            if self._definitions is None:
                self._definitions = Definitions(self._catalog, strict=self.strict)
            told = self._definitions.answer(request.root, target.company or "", request.query)
            made = Response(200, list(HEADERS["minimal"]), told)
        else:
            document = self._documents.get(request.root)
            if document is None:
                if len(self._documents) >= _MOST_ROOTS:
                    self._documents.clear()
                document = self._documents[request.root] = service_document_of(self._catalog, request.root)
            made = Response(200, list(HEADERS["minimal"]), document)
        if method == "HEAD":
            made.body = b""
        return made

    def _allowed(self, target: Target) -> str:
        """Return the verbs that an address takes, as an Allow header lists them."""
        if target.what != "entities":
            return "POST, OPTIONS" if target.what == "batch" else "GET, HEAD, OPTIONS"
        step, of = target.last, target.last.of
        if target.tail == "action":
            return "POST, OPTIONS"
        verbs = ["GET", "HEAD", "OPTIONS"]
        if target.field is not None and target.field.name in of.take_media:
            verbs += ["PATCH", "PUT"]
        if not target.tail:
            if of.create is not None and (not step.one or (step.keys and of.client_ids and not self.strict)):
                verbs.append("POST")
            if step.one and of.change is not None:
                verbs.append("PATCH")
                if self.strict or of.rows is None:
                    verbs.append("PUT")
            if step.one and of.remove is not None:
                verbs.append("DELETE")
        return ", ".join(verbs)

    def _allowed_at(self, request: Request) -> str:
        try:
            return self._allowed(self._addresses.parse(request.path))
        except Refused:
            return ""


def strict_catalog(catalog: Mapping[str, EntitySet]) -> Mapping[str, EntitySet]:
    """Return the catalog without hidden properties: Business Central does not know them."""
    return {
        name: replace(of, properties=tuple(p for p in of.properties if not p.hidden), by_name={})
        if any(p.hidden for p in of.properties)
        else of
        for name, of in catalog.items()
    }
