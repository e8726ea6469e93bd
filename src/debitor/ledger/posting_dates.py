"""Between which dates one may post: the company's range, or that of a user who has one.

A user with any of both dates is bound by them alone: from 1 March without an end allows all of the future, whatever
the company's set-up says. Source: BCApps UserSetupManagement.Codeunit.al, retold.
"""

from __future__ import annotations

from msgspec.structs import replace

from debitor.ledger.records import ReceivablesSetup, UserSetup
from debitor.schema import BLANK_DATE


def setup_for(setup: ReceivablesSetup, user: UserSetup | None) -> ReceivablesSetup:
    """Return the set-up with the range of dates in which this user may post."""
    if user is None or user.allow_posting_from == user.allow_posting_to == BLANK_DATE:
        return setup
    return replace(setup, allow_posting_from=user.allow_posting_from, allow_posting_to=user.allow_posting_to)
