"""What the protocol needs to know of this program: the catalog, the companies, and what hooks may see."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from functools import lru_cache
from typing import Any

from debitor.entities import CATALOG
from debitor.entities.outlines import outlines_of
from debitor.ledger.records import Company
from debitor.odata.messages import CompanyRef, Request
from debitor.operations import audit
from debitor.operations.payments import setup_of
from debitor.schema import BLANK_GUID, EntitySet, Row
from debitor.store import Reader, Root, Transaction

LONGEST_AGENT = 250
"""Characters of a User-Agent that the audit trail keeps."""


@lru_cache(200)
def _api_of(root: str) -> str:
    """Return the path of an API root, as the audit trail keeps it."""
    return root.partition("://")[2].partition("/")[2][-100:]


def utc_today() -> date:
    """The work date of an API session: today, in UTC."""
    return datetime.now(UTC).date()


class CompanyValues(Mapping[str, Any]):
    """The values that `Context` sources name: columns of the set-up, the work date, whether mails can be sent."""

    __slots__ = ("_mails", "_today", "_tx")

    OF_SETUP = ("local_currency_code", "payment_template", "general_template")

    def __init__(self, tx: Reader, today: Callable[[], date], mails: bool) -> None:
        self._tx, self._today, self._mails = tx, today, mails

    def __getitem__(self, name: str) -> Any:
        if name in self.OF_SETUP:
            return getattr(setup_of(self._tx), name)
        if name == "today":
            return self._today()
        if name == "mails":
            return self._mails
        raise KeyError(name)

    def __iter__(self) -> Iterator[str]:
        return iter((*self.OF_SETUP, "today", "mails"))

    def __len__(self) -> int:
        return len(self.OF_SETUP) + 2


@dataclass(slots=True)
class BooksAct:
    """One request, as the hooks of entity sets see it (see schema.Act)."""

    tx: Transaction
    today: date
    strict: bool
    parent: Mapping[str, Any]
    values: Mapping[str, Any]
    key: str | None
    if_match: str | None
    user: str
    request_id: str
    handshakes: Mapping[str, str] = field(default_factory=dict)
    request: Request | None = None

    def note(self, of: str, code: str, before: Row | None, after: Row | None) -> None:
        """Note for the audit trail that a row of set-up or master data changed."""
        if self.request is not None:
            if self.request.notes is None:
                self.request.notes = []
            self.request.notes.append((of, code, audit.difference(before, after)))


class BooksHost:
    """The Host of the receivables books. `strict`: answer as Business Central, not as its documentation.

    `today` is a function so that tests can set the work date. `mails`: documents can be sent. `catalog`: what the API
    shows. `posted`: is told of acts on the ledgers: how many, how many G/L and detailed entries; their commit may
    still fail.
    """

    def __init__(
        self,
        *,
        strict: bool = False,
        today: Callable[[], date] = utc_today,
        mails: bool = False,
        catalog: Mapping[str, EntitySet] = CATALOG,
        posted: Callable[[int, int, int], None] | None = None,
    ) -> None:
        self.strict = strict
        self.kept_values = frozenset(CompanyValues.OF_SETUP)
        self._posted = posted
        self.mails = mails
        self.catalog: Mapping[str, EntitySet] = {**outlines_of(catalog), **catalog}
        self.today = today
        self._companies: dict[str, CompanyRef] = {}

    def company(self, root: Root, name: str) -> CompanyRef | None:
        """The company with this guid or name; names match in any letter case."""
        wanted = name.lower()
        found = self._companies.get(wanted)
        if found is None:
            for row in root.all(Company):
                ref = CompanyRef(row.key, row.id, row.name)
                self._companies[row.id] = self._companies[row.name.lower()] = ref
            found = self._companies.get(wanted)
        return found

    def act(
        self,
        request: Request,
        tx: Transaction,
        company: CompanyRef | None,
        *,
        parent: Mapping[str, Any],
        key: str | None = None,
    ) -> BooksAct:
        """What a hook may see of this request."""
        return BooksAct(
            tx=tx,
            today=self.today(),
            strict=self.strict,
            parent=parent,
            values=CompanyValues(tx, self.today, self.mails),
            key=None if key == BLANK_GUID else key,
            if_match=request.headers.get("if-match"),
            user=request.user,
            request_id=request.request_id,
            handshakes=request.handshakes or {},
            request=request,
        )

    def mark(self, root: Root, company: str) -> int:
        """The last seal of a company, before an action that may add some."""
        found = self.company(root, company)
        return audit.sealed(root.at(found.key)) if found is not None else 0

    def wrote(
        self, request: Request, root: Root, company: str, entity_set: str, action: str, mark: int | None
    ) -> None:
        """Add the entry of the audit trail for a request that wrote."""
        found = self.company(root, company)
        assert found is not None, f"company {company} was written to"
        tx = root.at(found.key)
        first = last = 0
        if mark is not None and (reached := audit.sealed(tx)) > mark:
            first, last = mark + 1, reached
            if self._posted is not None:
                self._posted(*audit.written_since(tx, mark, reached))
        agent = request.headers.get("user-agent", "")
        entry = audit.AuditEntry(
            at=tx.now,
            client_id=request.user,
            user_agent=agent if len(agent) <= LONGEST_AGENT else agent[:LONGEST_AGENT],
            request_id=request.request_id,
            api=_api_of(request.root),
            method=request.method,
            address=request.path,
            entity_set=entity_set,
            entity_id=request.written,
            action=action,
            changes=audit.changes_text(request.notes) if request.notes else "",
            first_seal=first,
            last_seal=last,
        )
        tx.add(entry)

    def context(self, tx: Transaction, company: CompanyRef | None) -> Mapping[str, Any]:
        """The values that `Context` sources may name; nothing of a company at the root."""
        return CompanyValues(tx, self.today, self.mails)
