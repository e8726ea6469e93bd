"""Writing to the ledgers: the one way by which entries reach the store, each act with its seal."""

from __future__ import annotations

from debitor.ledger.chain import seal_of
from debitor.ledger.records import LedgerSeal
from debitor.schema import Changes
from debitor.store import Reader, Transaction


def write_sealed(tx: Transaction, changes: Changes) -> None:
    """Write what an act on the ledgers changes, and chain it to the act before (see ledger/chain.py)."""
    seal = seal_of(changes.insert, last_seal(tx), tx.now)
    if seal is not None:
        changes = Changes([*changes.insert, seal], changes.update, changes.delete)
    tx.write(changes)


def last_seal(tx: Reader) -> LedgerSeal | None:
    """Return the head of the company's chain, or None while nothing was posted."""
    return tx.find(LedgerSeal, number=tx.greatest(LedgerSeal, "number"))
