"""What goes into the protocol room and what comes out: plain data, no sockets, no coroutines.

The protocol is synchronous: app.py decides with `Service.needs(request)` whether a request reads, writes
or takes long, opens the matching session of the store, and calls `Service.handle(request, root)`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from debitor.odata.batch_forms import Part
from debitor.schema import Act, EntitySet
from debitor.store import Root, Transaction

Needs = Literal["read", "write", "long"]


@dataclass(slots=True)
class Request:
    """One request below an API root.

    Args:
        method: upper case.
        root: the absolute address of the API root on the caller's own origin, without a trailing slash:
            `http://127.0.0.1:7048/api/v2.0`.
        path: what follows the root, percent-decoded, without the leading slash: `companies(…)/customers`.
        query: the raw query string, without `?`.
        headers: lower-case name -> value.
        body: the whole body, already decompressed.
        request_id: guid; the answer's `request-id` and the correlation id in error messages.
        user: who asks (the client id), for the audit trail.
        rights: what the caller may do: "read" or "full".
        references: inside a `$batch`, the id of an earlier part -> the address that `$id` stands for;
            None elsewhere.
        parts: the parts of a `$batch` once they are read, so that they are read once.
        handshakes: how the handshakes ended that the request needed; see `schema.HandshakeNeeded`.
        snapshot: opens a reader whose reads all see one moment, for an answer that is sent piece by piece; None
            where an answer must be whole: inside a `$batch`, and for HEAD.
        content: the id of the content in the store that the body of a PUT or PATCH of a stream property has become,
            and `digest` its SHA-256; "" elsewhere.
        written: the key of what was written, once it is; for the audit trail.
        notes: what hooks noted for it.
    """

    method: str
    root: str
    path: str
    query: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    request_id: str = ""
    user: str = ""
    rights: str = "full"
    references: Mapping[str, str] | None = None
    parts: list[Part] | None = None
    handshakes: Mapping[str, str] | None = None
    snapshot: Callable[[], AbstractContextManager[Root]] | None = None
    content: str = ""
    digest: str = ""
    written: str = ""
    notes: list[Any] | None = None


@dataclass(slots=True)
class Response:
    """One answer. Header names are lower case; `content-length` and `request-id` are added by app.py.

    Args:
        wrote: False for a batch that changed nothing, although it might have.
        chunks: the body piece by piece instead of `body`: each `next` works for a few milliseconds at most, and may
            read the store; whoever sends the answer closes it. What it raises cuts the connection.
        size: how many bytes `chunks` gives, or -1 when that is not known.
        later: gives the body; it takes long, so whoever sends the answer calls it beside the event loop.
        lasting: the same request has the same answer on the same day, while nothing is committed to the store.
    """

    status: int
    headers: list[tuple[str, str]]
    body: bytes = b""
    wrote: bool = True
    chunks: Iterator[bytes] | None = None
    size: int = -1
    later: Callable[[], bytes] | None = None
    lasting: bool = False


@dataclass(frozen=True, slots=True)
class CompanyRef:
    """A company as addresses name it. `key` is what rows carry, `id` the guid on the wire."""

    key: int
    id: str
    name: str


class Host(Protocol):
    """What the protocol needs to know of the program around it; app.py provides it."""

    strict: bool
    catalog: Mapping[str, EntitySet]
    """All entity sets by name."""
    kept_values: frozenset[str]
    """Values of `context` that rest on records that are declared `kept` and on nothing else."""

    def company(self, root: Root, name: str) -> CompanyRef | None:
        """The company with this guid or name."""
        ...

    def act(
        self,
        request: Request,
        tx: Transaction,
        company: CompanyRef | None,
        *,
        parent: Mapping[str, Any],
        key: str | None = None,
    ) -> Act:
        """What a hook may see. `parent`: property -> value that the address fixes on a POST."""
        ...

    def mark(self, root: Root, company: str) -> Any:
        """What must be known before an action runs in a company (its guid), to note afterwards what it did."""
        ...

    def wrote(self, request: Request, root: Root, company: str, entity_set: str, action: str, mark: Any) -> None:
        """Note, in the transaction that wrote, who did what.

        Args:
            request: that was done.
            company: guid or name of the company; a write at the root names the company it is about.
            entity_set: what was written to; `request.written` is the key.
            action: the bound action, or "".
            mark: what `mark` gave before an action; None elsewhere.
        """
        ...

    def context(self, tx: Transaction, company: CompanyRef | None) -> Mapping[str, Any]:
        """The values that `Context` sources may name when rows of this company are read."""
        ...
