"""reasonCodes: why something was posted; entries carry them, and a write-off must have one."""

from debitor.entities.master import Use, editable
from debitor.ledger.records import JournalBatch, JournalLine, JournalTemplate, ReasonCode
from debitor.schema import DATETIME, GUID, EntitySet, Property, code, text

REASON_CODES = editable(
    EntitySet(
        name="reasonCodes",
        entity="reasonCode",
        record=ReasonCode,
        order=("code",),
        properties=(
            Property("id", GUID, "id", editable=False, nullable=False),
            Property("code", code(10), "code", nullable=False),
            Property("displayName", text(100), "description"),
            Property("lastModifiedDateTime", DATETIME, "modified_at", editable=False),
        ),
    ),
    required=("code",),
    uses=(
        Use(JournalTemplate, "reason_code", "journal templates", by="code"),
        Use(JournalBatch, "reason_code", "journals", by="code"),
        Use(JournalLine, "reason_code", "open journal lines", by="code"),
    ),
)
