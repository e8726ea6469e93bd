"""customerPaymentJournals: the journals of the company's payment template.

`post` and `preview` are debitor's own here: Business Central posts a payment journal only through journals({id}) with
the same id.
"""

from dataclasses import replace

from debitor.entities.journals import POST, PREVIEW
from debitor.ledger.records import JournalBatch
from debitor.operations import journals
from debitor.schema import DATETIME, GUID, Context, EntitySet, Navigation, Property, code, text

CUSTOMER_PAYMENT_JOURNALS = EntitySet(
    name="customerPaymentJournals",
    entity="customerPaymentJournal",
    record=JournalBatch,
    where={"template_name": Context("payment_template")},
    order=("code",),
    properties=(
        Property("id", GUID, "id", editable=False, nullable=False),
        Property("code", code(10), "name", nullable=False),
        Property("displayName", text(100), "description"),
        Property("lastModifiedDateTime", DATETIME, "modified_at", editable=False),
        Property("balancingAccountId", GUID, "balancing_account_id"),
        Property("balancingAccountNumber", code(20), "balancing_account_number", editable=False),
    ),
    navigations=(
        Navigation(
            "customerPayments",
            "customerPayments",
            many=True,
            on=(("id", "journalId"),),
            kind="part",
            partner="customerPaymentJournal",
            deep=True,
        ),
    ),
    create=journals.create_payment_journal,
    change=journals.change_journal,
    remove=journals.remove_journal,
    actions=(replace(POST, strict=False), PREVIEW),
)
