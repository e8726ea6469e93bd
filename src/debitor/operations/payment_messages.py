"""What posting would say now of payments that wait in a journal, so that a clerk can clear them before.

Only what bears on the payments asked for is loaded: the lines of their customers, which may pay the same documents,
and, for a payment without a balancing account, the other lines that wait to be balanced.
"""

from __future__ import annotations

from collections.abc import Sequence

from debitor.ledger.post import objections
from debitor.ledger.records import JournalBatch, JournalLine
from debitor.operations.posting import load_books
from debitor.schema import Act


def messages(act: Act, ids: Sequence[str]) -> dict[str, str]:
    """Return, by id, the first reason for which posting would refuse a payment; none for those that it would take."""
    asked: dict[str, list[JournalLine]] = {}
    for line in act.tx.all(JournalLine, id=list(ids)):
        asked.setdefault(line.journal_id, []).append(line)
    found: dict[str, str] = {}
    for journal_id, lines in asked.items():
        batch = act.tx.get(JournalBatch, journal_id)
        assert batch, f"line {lines[0].id} without its journal"
        accounts = sorted({line.account_number for line in lines})
        near = {line.id: line for line in act.tx.all(JournalLine, journal_id=journal_id, account_number=accounts)}
        if any(not line.balancing_account_number for line in lines):
            near |= {
                line.id: line for line in act.tx.all(JournalLine, journal_id=journal_id, balancing_account_number="")
            }
        trial = sorted(near.values(), key=lambda line: line.line_number)
        books = load_books(act.tx, batch, trial, today=act.today, user=act.user, strict=act.strict)
        for line, refused in objections(trial, books):
            found.setdefault(line.id, refused.message)
    return found
