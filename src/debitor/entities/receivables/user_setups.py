"""userSetups: when a user or client may post; with any date set here, both replace those of receivablesSetup.

`userId` is the client id of the application that asks, as entries carry it.
"""

from typing import Any

from debitor.entities.master import editable
from debitor.entities.receivables.receivables_setup import check_dates
from debitor.ledger.records import UserSetup
from debitor.schema import DATE, DATETIME, GUID, Act, EntitySet, Property, code


def _check(act: Act, row: UserSetup | None, columns: dict[str, Any]) -> None:
    check_dates(row, columns)


USER_SETUPS = editable(
    EntitySet(
        name="userSetups",
        entity="userSetup",
        record=UserSetup,
        order=("userId",),
        properties=(
            Property("id", GUID, "id", editable=False, nullable=False),
            Property("userId", code(50), "user_id", nullable=False),
            Property("allowPostingFrom", DATE, "allow_posting_from"),
            Property("allowPostingTo", DATE, "allow_posting_to"),
            Property("lastModifiedDateTime", DATETIME, "modified_at", editable=False),
        ),
    ),
    required=("userId",),
    prepare=_check,
)
