"""Sums of detailed customer ledger entries, for the sets that show customer ledger entries."""

from debitor.ledger.records import DetailedEntry, DetailedEntryType
from debitor.schema import Sum

_CHANGES_REST = (DetailedEntryType.APPLICATION, DetailedEntryType.APPLN_ROUNDING)
CHANGES_AMOUNT = tuple(kind for kind in DetailedEntryType if kind not in _CHANGES_REST)
"""Detailed entries that change the amount of their entry, rather than only what remains of it."""


def of_details(column: str) -> Sum:
    """Return the sum of a column of the detailed entries that make an entry's amount."""
    return Sum(
        DetailedEntry, column, on={"ledger_entry_number": "entry_number"}, where={"entry_type": CHANGES_AMOUNT}
    )
