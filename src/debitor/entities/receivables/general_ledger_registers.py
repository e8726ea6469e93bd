"""generalLedgerRegisters: one act of posting each: which general ledger entries it wrote, and its seal.

`previousHash` and `hash` are those of the company's chain of postings, which `debitor check` verifies. Applications
that change no general ledger account have a seal, but no register.
"""

from debitor.ledger.records import GeneralLedgerRegister, LedgerSeal
from debitor.schema import (
    BOOL,
    DATE,
    DATETIME,
    GUID,
    INT32,
    INT64,
    EntitySet,
    Lookup,
    Navigation,
    Property,
    Type,
    code,
    text,
)


def _read(name: str, type: Type, source: str) -> Property:
    return Property(name, type, source, editable=False)


GENERAL_LEDGER_REGISTERS = EntitySet(
    name="generalLedgerRegisters",
    entity="generalLedgerRegister",
    record=GeneralLedgerRegister,
    order=("number",),
    lookups={"seal": Lookup(LedgerSeal, via="number", by="register_number")},
    properties=(
        Property("id", GUID, "id", editable=False, nullable=False),
        _read("number", INT64, "number"),
        _read("fromEntryNumber", INT32, "from_entry_number"),
        _read("toEntryNumber", INT32, "to_entry_number"),
        _read("postingDate", DATE, "posting_date"),
        _read("creationDateTime", DATETIME, "created_at"),
        _read("sourceCode", code(10), "source_code"),
        _read("journalTemplateName", code(10), "journal_template_name"),
        _read("journalBatchName", code(10), "journal_batch_name"),
        _read("userId", code(50), "user_id"),
        _read("reversed", BOOL, "reversed"),
        _read("previousHash", text(64), "seal.previous_hash"),
        _read("hash", text(64), "seal.hash"),
        _read("lastModifiedDateTime", DATETIME, "modified_at"),
    ),
    navigations=(
        Navigation("generalLedgerEntries", "generalLedgerEntries", many=True, on=(("number", "registerNumber"),)),
    ),
)
