"""The actions of posted customer ledger entries: apply, unapply, reverse, refund, chargeback, write off."""

from datetime import date
from typing import Any

from debitor.entities.postings import WRITTEN, written
from debitor.ledger.amounts import ZERO
from debitor.ledger.books import Posting
from debitor.ledger.records import CustomerLedgerEntry
from debitor.operations import entries, paying_back
from debitor.schema import (
    BLANK_DATE,
    BLANK_GUID,
    DATE,
    DECIMAL,
    GUID,
    INT32,
    Act,
    Action,
    Draft,
    Items,
    Property,
    Refused,
    Structure,
    code,
)

_ON = Property("postingDate", DATE)
_REASON = Property("reasonCode", code(10))
_OF_SLIP = (
    _ON,
    Property("bankAccountNumber", code(20)),
    Property("documentNumber", code(20)),
    Property("externalDocumentNumber", code(35)),
    _REASON,
    Property("journalId", GUID),
)
ENTRY_TO_APPLY = Structure(
    "entryToApply",
    (Property("entryNumber", INT32, nullable=False), Property("amountToApply", DECIMAL)),
)


def _entry(act: Act, id: str) -> CustomerLedgerEntry:
    entry: CustomerLedgerEntry | None = act.tx.get(CustomerLedgerEntry, id)
    if entry is None:
        raise Refused("BadRequest_ResourceNotFound", f"Customer ledger entry {id} does not exist.")
    return entry


def _date(body: Draft) -> date | None:
    """The posting date that was asked for, if any."""
    on: date = body.get("postingDate", BLANK_DATE)
    return None if on == BLANK_DATE else on


def _told(posting: Posting) -> dict[str, Any]:
    return written(posting.changes.insert)


def _apply(act: Act, id: str, body: Draft) -> dict[str, Any]:
    """This entry is applied, unless `applyingEntry` names another one."""
    entry = _entry(act, id)
    applying = body.get("applyingEntry", 0) or entry.entry_number
    wanted = [(each["entryNumber"], each.get("amountToApply") or None) for each in body["entries"]]
    if applying != entry.entry_number and all(number != entry.entry_number for number, _ in wanted):
        wanted.insert(0, (entry.entry_number, None))
    return _told(
        entries.apply_entries(
            act.tx,
            applying=applying,
            entries=wanted,
            user=act.user,
            posting_date=_date(body),
        )
    )


def _unapply(act: Act, id: str, body: Draft) -> dict[str, Any]:
    return _told(
        entries.unapply(
            act.tx,
            entry_number=_entry(act, id).entry_number,
            user=act.user,
            posting_date=_date(body),
        )
    )


def _reverse(act: Act, id: str, body: Draft) -> dict[str, Any]:
    return _told(
        entries.reverse(
            act.tx,
            transaction=_entry(act, id).transaction_number,
            user=act.user,
            reason_code=body.get("reasonCode", ""),
        )
    )


def _slip(act: Act, id: str, body: Draft) -> dict[str, Any]:
    """Return what refund and chargeback have in common, as arguments."""
    return {
        "entry_number": _entry(act, id).entry_number,
        "today": act.today,
        "user": act.user,
        "posting_date": _date(body),
        "bank_account_number": body.get("bankAccountNumber", ""),
        "document_number": body.get("documentNumber", ""),
        "external_document_number": body.get("externalDocumentNumber", ""),
        "reason_code": body.get("reasonCode", ""),
        "journal_id": body.get("journalId", BLANK_GUID).replace(BLANK_GUID, ""),
    }


def _refund(act: Act, id: str, body: Draft) -> dict[str, Any]:
    return _told(paying_back.refund(act.tx, **_slip(act, id, body), amount=body.get("amount") or None))


def _chargeback(act: Act, id: str, body: Draft) -> dict[str, Any]:
    return _told(paying_back.chargeback(act.tx, **_slip(act, id, body), fee=body.get("feeAmount", ZERO)))


def _write_off(act: Act, id: str, body: Draft) -> dict[str, Any]:
    slip = _slip(act, id, body)
    for name in ("bank_account_number", "external_document_number"):
        del slip[name]
    return _told(paying_back.write_off(act.tx, **slip))


APPLY = Action(
    "apply",
    _apply,
    takes=(Items("entries", ENTRY_TO_APPLY, nullable=False), Property("applyingEntry", INT32), _ON),
    gives=WRITTEN,
    about="Applies this entry to others of its customer, each by its remaining amount or by `amountToApply`.",
)
UNAPPLY = Action(
    "unapply", _unapply, takes=(_ON,), gives=WRITTEN, about="Takes back the latest application of this entry."
)
REVERSE = Action(
    "reverse",
    _reverse,
    takes=(_REASON,),
    gives=WRITTEN,
    about="Reverses the transaction of this entry, which must have been posted from a journal.",
)
REFUND = Action(
    "refund",
    _refund,
    takes=(Property("amount", DECIMAL), *_OF_SLIP),
    gives=WRITTEN,
    about="Pays the customer back what an open payment or credit memo has in credit.",
)
CHARGEBACK = Action(
    "chargeback",
    _chargeback,
    takes=(Property("feeAmount", DECIMAL), *_OF_SLIP),
    gives=WRITTEN,
    about="Takes in that the bank took a payment back: its invoices are open again, a fee may be charged.",
)
WRITE_OFF = Action(
    "writeOff",
    _write_off,
    takes=(
        Property("reasonCode", code(10), nullable=False),
        _ON,
        Property("documentNumber", code(20)),
        Property("journalId", GUID),
    ),
    gives=WRITTEN,
    about="Gives up the small rest of this entry: it goes to the write-off account of the posting group.",
)
