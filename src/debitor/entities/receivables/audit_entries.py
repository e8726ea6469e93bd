"""auditEntries: who did what, when, through which client, by which request; one for each request that wrote.

`changes` is JSON with the values before and after, of set-up and master data. `firstSeal` and `lastSeal` name the
seals of the acts on ledgers that the request ran. Entries are never changed or removed.
"""

from debitor.operations.audit import AuditEntry
from debitor.schema import DATETIME, GUID, INT64, EntitySet, Property, code, shown, text

AUDIT_ENTRIES = EntitySet(
    name="auditEntries",
    entity="auditEntry",
    record=AuditEntry,
    etag=False,
    properties=(
        Property("id", GUID, "id", editable=False, nullable=False),
        shown("at", DATETIME, "at"),
        shown("clientId", text(100), "client_id"),
        shown("userAgent", text(250), "user_agent"),
        shown("requestId", text(50), "request_id"),
        shown("api", text(100), "api"),
        shown("method", code(10), "method"),
        shown("address", text(), "address"),
        shown("entitySet", text(50), "entity_set"),
        shown("entityId", text(100), "entity_id"),
        shown("action", text(50), "action"),
        shown("changes", text(), "changes"),
        shown("firstSeal", INT64, "first_seal"),
        shown("lastSeal", INT64, "last_seal"),
    ),
)
