"""auditEntries: who did what, when, through which client, by which request; one for each request that wrote.

`changes` is JSON with the values before and after, of set-up and master data. `firstSeal` and `lastSeal` name the
seals of the acts on ledgers that the request ran. Entries are never changed or removed.
"""

from debitor.operations.audit import AuditEntry
from debitor.schema import DATETIME, GUID, INT64, EntitySet, Property, Type, code, text


def _read(name: str, type: Type, source: str) -> Property:
    return Property(name, type, source, editable=False)


AUDIT_ENTRIES = EntitySet(
    name="auditEntries",
    entity="auditEntry",
    record=AuditEntry,
    etag=False,
    properties=(
        Property("id", GUID, "id", editable=False, nullable=False),
        _read("at", DATETIME, "at"),
        _read("clientId", text(100), "client_id"),
        _read("userAgent", text(250), "user_agent"),
        _read("requestId", text(50), "request_id"),
        _read("api", text(100), "api"),
        _read("method", code(10), "method"),
        _read("address", text(), "address"),
        _read("entitySet", text(50), "entity_set"),
        _read("entityId", text(100), "entity_id"),
        _read("action", text(50), "action"),
        _read("changes", text(), "changes"),
        _read("firstSeal", INT64, "first_seal"),
        _read("lastSeal", INT64, "last_seal"),
    ),
)
