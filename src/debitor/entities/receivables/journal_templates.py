"""journalTemplates: what the journals of a kind have in common.

New journals take number series and reason code from it; its source code marks their entries.
"""

from typing import Any

from debitor.entities.master import Use, editable, refuse
from debitor.entities.receivables.account_columns import code_properties, series_lookups
from debitor.ledger.records import (
    AccountType,
    JournalBatch,
    JournalTemplate,
    JournalTemplateType,
    ReasonCode,
    ReceivablesSetup,
)
from debitor.operations.journals import account_columns, balancing_account_type
from debitor.schema import BOOL, DATETIME, GUID, Act, EntitySet, Lookup, Property, code, enum, text

_SERIES = {"numberSeries": "number_series", "postingNumberSeries": "posting_number_series"}


def _check(act: Act, row: JournalTemplate | None, columns: dict[str, Any]) -> None:
    kind = columns.get("balancing_account_type", row.balancing_account_type if row else AccountType.GL_ACCOUNT)
    number = columns.get("balancing_account_number", row.balancing_account_number if row else "")
    if number and ("balancing_account_type" in columns or "balancing_account_number" in columns):
        wire = ("balancingAccountId", "balancingAccountNumber")
        account_columns(act.tx, balancing_account_type(kind), None, number, prefix="balancing_account", wire=wire)
    series = columns.get("posting_number_series", row.posting_number_series if row else "")
    if series and series == columns.get("number_series", row.number_series if row else ""):
        raise refuse(f"postingNumberSeries {series} must be another series than numberSeries.")


JOURNAL_TEMPLATES = editable(
    EntitySet(
        name="journalTemplates",
        entity="journalTemplate",
        record=JournalTemplate,
        order=("name",),
        lookups={
            **series_lookups(_SERIES.values()),
            "reason": Lookup(ReasonCode, via="reason_code", by="code"),
        },
        properties=(
            Property("id", GUID, "id", editable=False, nullable=False),
            Property("name", code(10), "name", nullable=False),
            Property("description", text(80), "description"),
            Property("type", enum(JournalTemplateType), "type"),
            Property("balancingAccountType", enum(AccountType), "balancing_account_type"),
            Property("balancingAccountNumber", code(20), "balancing_account_number"),
            *code_properties(_SERIES),
            Property("sourceCode", code(10), "source_code"),
            Property("reasonCode", code(10), "reason_code"),
            Property("forceDocumentBalance", BOOL, "force_document_balance"),
            Property("lastModifiedDateTime", DATETIME, "modified_at", editable=False),
        ),
    ),
    required=("name",),
    uses=(
        Use(JournalBatch, "template_name", "journals", by="name"),
        Use(ReceivablesSetup, "payment_template", "payment journals by default", by="name"),
        Use(ReceivablesSetup, "general_template", "general journals by default", by="name"),
    ),
    prepare=_check,
)
