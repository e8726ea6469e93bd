"""journals: lists the journals of the general template, or of the one that a filter on templateDisplayName names.

By id it finds a journal of any template: that is how Business Central's clients post a payment journal.
Source: BCApps APIV2Journals.Page.al.
"""

from typing import Any

from debitor.entities.postings import WRITTEN, written
from debitor.ledger.records import JournalBatch
from debitor.operations import journals
from debitor.operations.entries import preview
from debitor.operations.posting import post_journal
from debitor.schema import DATETIME, GUID, Act, Action, Context, Draft, EntitySet, Navigation, Property, code, text


def _post(act: Act, id: str, body: Draft) -> Any:
    journals.journal_of(act.tx, id)
    post_journal(act.tx, id, today=act.today, user=act.user, strict=act.strict)


def _preview(act: Act, id: str, body: Draft) -> dict[str, Any]:
    journals.journal_of(act.tx, id)
    posting = preview(act.tx, id, today=act.today, user=act.user, strict=act.strict)
    return written(posting.changes.insert)


POST = Action("post", _post, long=True)
PREVIEW = Action(
    "preview",
    _preview,
    strict=False,
    long=True,
    gives=WRITTEN,
    about="Answers with the entries that `post` would write now, or with why it would be refused; writes nothing.",
)

JOURNALS = EntitySet(
    name="journals",
    entity="journal",
    record=JournalBatch,
    list_where={"templateDisplayName": Context("general_template")},
    order=("code",),
    properties=(
        Property("id", GUID, "id", editable=False, nullable=False),
        Property("code", code(10), "name", nullable=False),
        Property("displayName", text(100), "description"),
        Property("templateDisplayName", code(10), "template_name", nullable=False),
        Property("lastModifiedDateTime", DATETIME, "modified_at", editable=False),
        Property("balancingAccountId", GUID, "balancing_account_id"),
        Property("balancingAccountNumber", code(20), "balancing_account_number", editable=False),
    ),
    navigations=(
        Navigation(
            "journalLines",
            "journalLines",
            many=True,
            on=(("id", "journalId"),),
            kind="part",
            partner="journal",
            deep=True,
        ),
    ),
    create=journals.create_journal,
    change=journals.change_journal,
    remove=journals.remove_journal,
    actions=(POST,),
)
