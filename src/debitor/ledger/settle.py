"""Settling a document as it is posted: its payment method names the account that its money goes to or comes from.

An invoice of 1000 is paid at once, a credit memo of 200 refunded: `settling_line` is the journal line of that
payment, `settled_at_once` joins what both postings change.

Source: BCApps SalesPost.Codeunit.al, retold.
"""

from __future__ import annotations

from msgspec.structs import replace

from debitor.ledger.amounts import ZERO
from debitor.ledger.currencies import to_lcy
from debitor.ledger.records import (
    AccountType,
    CustomerLedgerEntry,
    GeneralLedgerRegister,
    JournalLine,
    PaymentMethod,
    ReceivablesSetup,
)
from debitor.ledger.sales_documents import LINE_STEP, kind_of
from debitor.ledger.sales_post import PostedDocument
from debitor.schema import BLANK_GUID, Changes, Row


def settling_line(
    posted: PostedDocument, method: PaymentMethod, balancing_account_id: str, setup: ReceivablesSetup
) -> JournalLine:
    """Return the journal line that settles a posted document at once, against its payment method's account.

    It pays (or refunds) what remains less the payment discount that is still possible on that day, has the
    document's number, and is applied to it.
    """
    kind = kind_of(posted.document)
    entry = posted.entry
    in_time = entry.posting_date <= entry.payment_discount_date
    discount = entry.remaining_payment_discount_possible if in_time else ZERO
    amount = discount - entry.remaining_amount
    return JournalLine(
        journal_id=BLANK_GUID,
        line_number=LINE_STEP,
        account_type=AccountType.CUSTOMER,
        account_id=entry.customer_id,
        account_number=entry.customer_number,
        posting_date=entry.posting_date,
        document_date=entry.document_date,
        document_type=kind.payment,
        document_number=entry.document_number,
        external_document_number=entry.external_document_number,
        description=entry.description,
        amount=amount,
        amount_lcy=to_lcy(amount, entry.original_currency_factor, setup.amount_rounding_precision),
        currency_code=entry.currency_code,
        currency_factor=entry.original_currency_factor,
        balancing_account_type=method.balancing_account_type,
        balancing_account_id=balancing_account_id,
        balancing_account_number=method.balancing_account_number,
        applies_to_document_type=kind.document_type,
        applies_to_document_number=entry.document_number,
        customer_posting_group=entry.customer_posting_group,
        payment_method_id=method.id,
        salesperson_code=entry.salesperson_code,
        dimension_set_number=entry.dimension_set_number,
    )


def settled_at_once(posted: PostedDocument, payment: Changes) -> Changes:
    """Return one set of changes for a document and the payment posted with it, in one register.

    Args:
        payment: what posting `settling_line` changes, in books whose only open entry is the document's, under the
            same transaction and register. The line and its journal exist for this one act and are not kept.
    """
    registers = [row for row in payment.insert if isinstance(row, GeneralLedgerRegister)]
    assert [r.number for r in registers] == [posted.register.number], "the payment has a register of its own"
    register = replace(posted.register, to_entry_number=registers[0].to_entry_number)
    later: dict[type[Row], Row] = {CustomerLedgerEntry: posted.entry, type(posted.document): posted.document}
    for old, new in payment.update:
        if type(old) in later:
            assert old is later[type(old)], "the payment changed something else than its document"
            later[type(old)] = new
    inserts: list[Row] = [later[CustomerLedgerEntry] if row is posted.entry else row for row in posted.changes.insert]
    inserts = [register if row is posted.register else row for row in inserts]
    inserts += [row for row in payment.insert if row is not registers[0]]
    updates = [
        (old, later[type(posted.document)] if new is posted.document else new) for old, new in posted.changes.update
    ]
    return Changes(insert=inserts, update=updates)
