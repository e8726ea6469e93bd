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
    code,
    shown,
    text,
)

GENERAL_LEDGER_REGISTERS = EntitySet(
    name="generalLedgerRegisters",
    entity="generalLedgerRegister",
    record=GeneralLedgerRegister,
    order=("number",),
    lookups={"seal": Lookup(LedgerSeal, via="number", by="register_number")},
    properties=(
        Property("id", GUID, "id", editable=False, nullable=False),
        shown("number", INT64, "number"),
        shown("fromEntryNumber", INT32, "from_entry_number"),
        shown("toEntryNumber", INT32, "to_entry_number"),
        shown("postingDate", DATE, "posting_date"),
        shown("creationDateTime", DATETIME, "created_at"),
        shown("sourceCode", code(10), "source_code"),
        shown("journalTemplateName", code(10), "journal_template_name"),
        shown("journalBatchName", code(10), "journal_batch_name"),
        shown("userId", code(50), "user_id"),
        shown("reversed", BOOL, "reversed"),
        shown("previousHash", text(64), "seal.previous_hash"),
        shown("hash", text(64), "seal.hash"),
        shown("lastModifiedDateTime", DATETIME, "modified_at"),
    ),
    navigations=(
        Navigation("generalLedgerEntries", "generalLedgerEntries", many=True, on=(("number", "registerNumber"),)),
    ),
)
