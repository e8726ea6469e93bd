"""journals: the journals of the general template, or of the one that a filter on templateDisplayName names.

`preview` answers with what `post` would write. By id it finds a journal of any template. Here with what posting takes
from a journal: number series, reason code, and balancing accounts of every type.
"""

from dataclasses import replace

from debitor.entities.journals import JOURNALS as V2
from debitor.entities.journals import PREVIEW
from debitor.entities.master import extended
from debitor.ledger.records import AccountType
from debitor.operations import journals
from debitor.schema import Act, Draft, EntitySet, Property, code, enum

SET_UP = (
    Property("balancingAccountType", enum(AccountType), "balancing_account_type"),
    Property("numberSeries", code(20), "number_series"),
    Property("postingNumberSeries", code(20), "posting_number_series"),
    Property("reasonCode", code(10), "reason_code"),
)
"""What journals of every template have besides."""


def numbered(of: EntitySet) -> EntitySet:
    """Return a set of journals whose balancing account can be named by number, so that any type can."""
    properties = tuple(replace(p, editable=True) if p.name == "balancingAccountNumber" else p for p in of.properties)
    return replace(of, properties=properties, by_name={})


def create(act: Act, draft: Draft) -> str:
    """Add a general journal."""
    return journals.set_up_journal(act, journals.create_journal(act, draft), draft)


def change(act: Act, id: str, draft: Draft) -> str:
    """Change a journal."""
    return journals.set_up_journal(act, journals.change_journal(act, id, draft), draft)


JOURNALS = extended(numbered(V2), properties=SET_UP, actions=(PREVIEW,), create=create, change=change)
