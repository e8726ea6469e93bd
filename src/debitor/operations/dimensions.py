"""Dimension sets in the store: equal sets share one number, 0 is the empty set."""

from __future__ import annotations

from debitor.ledger.dimensions import Pairs, fingerprint
from debitor.ledger.records import DimensionSet, DimensionSetEntry, ReceivablesSetup
from debitor.store import Reader, Transaction


def set_number(tx: Transaction, pairs: Pairs) -> int:
    """Return the number of a dimension set, storing the set when it is new.

    Args:
        pairs: dimension code -> value code; blank values are left out.
    """
    filled = {dimension: value for dimension, value in pairs.items() if value}
    if not filled:
        return 0
    mark = fingerprint(filled)
    known = tx.find(DimensionSet, fingerprint=mark)
    if known:
        return known.number
    # Safe without a lock: a company's writes follow one another, and `fingerprint` and `number` are unique.
    number = int(tx.greatest(DimensionSet, "number")) + 1
    setup = tx.find(ReceivablesSetup) or ReceivablesSetup()
    tx.insert(
        DimensionSet(
            number=number,
            fingerprint=mark,
            global_dimension_1_value=filled.get(setup.global_dimension_1, ""),
            global_dimension_2_value=filled.get(setup.global_dimension_2, ""),
        )
    )
    tx.insert_many(
        DimensionSetEntry(set_number=number, dimension_code=dimension, value_code=value)
        for dimension, value in sorted(filled.items())
    )
    return number


def pairs_of(tx: Reader, number: int) -> dict[str, str]:
    """Return a dimension set as dimension code -> value code."""
    if not number:
        return {}
    return {e.dimension_code: e.value_code for e in tx.all(DimensionSetEntry, set_number=number)}
