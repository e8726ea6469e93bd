"""Journals: templates, batches, and the lines that wait to be posted."""

from __future__ import annotations

from decimal import Decimal

from debitor.ledger.records.enums import AccountType, DocumentType, JournalTemplateType
from debitor.schema import (
    BLANK_DATE,
    BLANK_GUID,
    Amount,
    Code10,
    Code20,
    Code35,
    Code50,
    Day,
    Flag,
    Guid,
    Int,
    Rate,
    Row,
    Text80,
    Text100,
    Text250,
    record,
)

ZERO = Decimal(0)


@record("journal_template", unique=(("name",),), kept=True)
class JournalTemplate(Row, frozen=True):
    """What all journals of a kind have in common."""

    name: Code10
    description: Text80 = ""
    type: JournalTemplateType = JournalTemplateType.GENERAL
    source_code: Code10 = ""
    reason_code: Code10 = ""
    recurring: Flag = False
    force_document_balance: Flag = True
    number_series: Code20 = ""
    posting_number_series: Code20 = ""
    balancing_account_type: AccountType = AccountType.GL_ACCOUNT
    balancing_account_number: Code20 = ""


@record("journal_batch", unique=(("template_name", "name"),), kept=True, owner="template_name")
class JournalBatch(Row, frozen=True):
    """A journal (Gen. Journal Batch).

    `carried_*` is the empty line that Business Central leaves in a journal without number series after posting:
    it is never shown, but gives the next line its defaults (posting date, document number, line number 20000).
    """

    template_name: Code10
    name: Code10
    description: Text100 = ""
    balancing_account_type: AccountType = AccountType.GL_ACCOUNT
    balancing_account_id: Guid = BLANK_GUID
    balancing_account_number: Code20 = ""
    number_series: Code20 = ""
    posting_number_series: Code20 = ""
    reason_code: Code10 = ""
    carried_line: Flag = False
    carried_posting_date: Day = BLANK_DATE
    carried_document_number: Code20 = ""


@record(
    "journal_line",
    unique=(("journal_id", "line_number"),),
    indexes=(("journal_id", "account_number", "posting_date"), ("journal_id", "balancing_account_number")),
    owner="journal_id",
)
class JournalLine(Row, frozen=True):
    """A line of a journal (Gen. Journal Line): what a customer payment is until it is posted.

    `amount` is kept as the client sent it; see `books.posting_amount` for a positive customer payment.
    `currency_factor` is foreign currency per local currency, 1 for local currency.
    `applies_to_invoice_id` is the API id of the posted invoice, blank when the number names none.
    `write_off_amount` (in the line's currency, not negative) is what posting gives up of the document that the line
    is applied to, beside the line's own amount, for the reason `write_off_reason_code`.
    """

    journal_id: Guid
    line_number: Int
    account_type: AccountType = AccountType.GL_ACCOUNT
    account_id: Guid = BLANK_GUID
    account_number: Code20 = ""
    posting_date: Day = BLANK_DATE
    document_date: Day = BLANK_DATE
    document_type: DocumentType = DocumentType.BLANK
    document_number: Code20 = ""
    external_document_number: Code35 = ""
    description: Text100 = ""
    comment: Text250 = ""
    amount: Amount = ZERO
    amount_lcy: Amount = ZERO
    currency_code: Code10 = ""
    currency_factor: Rate = Decimal(1)
    balancing_account_type: AccountType = AccountType.GL_ACCOUNT
    balancing_account_id: Guid = BLANK_GUID
    balancing_account_number: Code20 = ""
    applies_to_document_type: DocumentType = DocumentType.BLANK
    applies_to_document_number: Code20 = ""
    applies_to_invoice_id: Guid = BLANK_GUID
    applies_to_id: Code50 = ""
    customer_posting_group: Code20 = ""
    payment_terms_id: Guid = BLANK_GUID
    payment_method_id: Guid = BLANK_GUID
    salesperson_code: Code20 = ""
    contact_id: Text100 = ""
    tax_code: Code20 = ""
    reason_code: Code10 = ""
    dimension_set_number: Int = 0
    write_off_amount: Amount = ZERO
    write_off_reason_code: Code10 = ""
