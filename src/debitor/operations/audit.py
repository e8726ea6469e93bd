"""The audit trail: who did what, when, through which client, by which request.

One row for each request (or part of a `$batch`) that wrote to a company, in the transaction that wrote: an answered
write without its row, or a row without its write, cannot be. Of set-up and master data it holds the values before and
after; of ledgers the seals that the request added, which lead to the entries.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from decimal import Decimal
from typing import Any

import msgspec

from debitor.ledger.records import LedgerSeal
from debitor.query import Compare, Field, Logic, Param, Query
from debitor.schema import (
    DATETIME,
    GUID,
    BigInt,
    Code10,
    EntitySet,
    LongText,
    Property,
    Row,
    Text50,
    Text100,
    Text250,
    Timestamp,
    record,
    record_of,
)
from debitor.store import Reader

SYSTEM = frozenset({"id", "version", "modified_at"})
"""Columns that every row has."""
LONGEST = 100
"""Characters of a value that are kept."""
SPAN = 60
"""Seconds before and after a seal in which the entry of its request is looked for: ids have the server's clock."""


@record("audit_entry", frozen=("*",), deletable=False, tracked=False)
class AuditEntry(Row, frozen=True):
    """One request that wrote.

    Attributes:
        at: when; the moment of the transaction.
        client_id: who asked; "cli" for a command of this program.
        user_agent: the program that asked, as it calls itself.
        request_id: as in the answer's header and in the log.
        method, address: what was asked, below the API root; `api` is that root.
        entity_set, entity_id: what was written; the id of a new entity too.
        action: the bound action, or "".
        changes: JSON: column -> [before, after] of set-up and master data, by record and code.
        first_seal, last_seal: the seals of the acts on ledgers in it; 0 when it wrote none.
    """

    at: Timestamp
    client_id: Text100 = ""
    user_agent: Text250 = ""
    request_id: Text50 = ""
    api: Text100 = ""
    method: Code10 = ""
    address: LongText = ""
    entity_set: Text50 = ""
    entity_id: Text100 = ""
    action: Text50 = ""
    changes: LongText = ""
    first_seal: BigInt = 0
    last_seal: BigInt = 0


def written_since(tx: Reader, before: int, last: int) -> tuple[int, int, int]:
    """Return how many acts on the ledgers two seals have between them, how many G/L and how many detailed entries.

    Args:
        before: number of the last seal that does not count, 0 for none; last: of the last one that does.
    """
    reached = [tx.find(LedgerSeal, number=number) for number in (before, last)]
    general, detailed = (
        [getattr(seal, column) if seal is not None else 0 for seal in reached]
        for column in ("to_entry_number", "to_detailed_entry_number")
    )
    return last - before, general[1] - general[0], detailed[1] - detailed[0]


def sealed(tx: Reader) -> int:
    """Return the number of the last seal, before a request that may post."""
    return int(tx.greatest(LedgerSeal, "number"))


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return format(value, "f")
    text = str(value) if not isinstance(value, bool | int) else value
    return text[:LONGEST] if isinstance(text, str) else text


def difference(before: Row | None, after: Row | None) -> dict[str, list[Any]]:
    """Return column -> [before, after] of what differs; None stands for the values of a row that is not there.

    Of a new or removed row, columns with blank values are left out.
    """
    row = before if before is not None else after
    assert row is not None, "a row changes"
    found: dict[str, list[Any]] = {}
    for name in row.__struct_fields__:
        if name in SYSTEM:
            continue
        values = [None if each is None else getattr(each, name) for each in (before, after)]
        if values[0] == values[1]:
            continue
        if None in values and getattr(row, name) == record_of(type(row)).by_name[name].type.blank:
            continue
        found[name] = [None if value is None else _plain(value) for value in values]
    return found


def changes_text(notes: Iterable[tuple[str, str, dict[str, list[Any]]]]) -> str:
    """Return the JSON of noted changes: (record, code, difference)."""
    told = [{"record": of, "code": code, "columns": columns} for of, code, columns in notes if columns]
    return msgspec.json.encode(told).decode() if told else ""


# --------------------------------------------------------------------------- reading

SHOWN = (
    "at", "client_id", "user_agent", "request_id", "api", "method", "address", "entity_set", "entity_id", "action",
    "changes", "first_seal", "last_seal",
)  # fmt: skip
"""The columns that people ask for."""

_ID, _AT = Property("id", GUID, "id"), Property("at", DATETIME, "at")
_SINCE = Query(
    EntitySet(name="audit_since", entity="audit_since", record=AuditEntry, properties=(_ID, _AT)),
    (_ID,),
    Logic("and", (Compare("ge", Field("id"), Param(0, GUID)), Compare("lt", Field("id"), Param(1, GUID)))),
    version=False,
)
"""Ids begin with their time, and rows lie in their order: a span of time is a span of the table."""


def _first_id(moment: datetime) -> str:
    """Return the smallest id (UUID version 7) of a moment."""
    digits = f"{max(int(moment.timestamp() * 1000), 0):012x}"
    return f"{digits[:8]}-{digits[8:12]}-0000-0000-000000000000"


def entries_between(tx: Reader, since: datetime, until: datetime) -> Iterator[AuditEntry]:
    """Yield the entries of a span of time, in order."""
    ids = [str(id) for (id,) in tx.run(_SINCE, (_first_id(since), _first_id(until)), {})]
    for low in range(0, len(ids), 500):
        yield from sorted(tx.all(AuditEntry, id=ids[low : low + 500]), key=lambda entry: entry.id)


def entry_of_seal(tx: Reader, seal: LedgerSeal) -> AuditEntry | None:
    """Return the entry of the request that added a seal, or None when no request did (the demo data)."""
    at = datetime.fromisoformat(seal.created_at).timestamp()
    zone = datetime.fromisoformat(seal.created_at).tzinfo
    around = (datetime.fromtimestamp(at + shift, tz=zone) for shift in (-SPAN, SPAN))
    for entry in entries_between(tx, *around):
        if entry.first_seal <= seal.number <= entry.last_seal:
            return entry
    return None
