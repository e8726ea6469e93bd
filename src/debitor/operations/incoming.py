"""Companies that are on their way in: an import writes their rows in portions, under a key that nobody else gets.

Every row carries its company's key, and whoever looks for rows looks for a company first. So rows whose company is
not there are seen by nobody; the company's own row is written last, in one transaction with the last of the rest.
"""

from __future__ import annotations

from debitor.ledger.records import Company
from debitor.schema import Int, Row, Text30, record
from debitor.store import Root


# Tracked, though nobody asks: so PostgreSQL lets one transaction at a time write it, as it does with companies.
@record("incoming_company", unique=(("key",),), by_company=False)
class IncomingCompany(Row, frozen=True):
    """A key that is taken, though there is no company with it yet, or never will be: an import broke off."""

    key: Int
    name: Text30 = ""


def free_key(root: Root) -> int:
    """Return the key for a new company."""
    return int(max(root.greatest(Company, "key"), root.greatest(IncomingCompany, "key"))) + 1
