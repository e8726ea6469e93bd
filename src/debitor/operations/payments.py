"""Customer payments: create, change and remove a line of a payment journal.

Spec of the resource: Business Central's page APIV2 - Customer Payments. Everything here loads with a session of
the store, decides with ledger/journal.py, and writes one line.

Choices where Business Central's own order of events would matter:
- `customerId` and `customerNumber` are always compared, whichever came first; a blank one counts as not given.
- changing `customerId` alone does all that changing `customerNumber` does (Business Central only swaps the number).
- clearing `appliesToInvoiceId` clears the number too; strict mode keeps the number, as Business Central does.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any, NamedTuple

import msgspec

from debitor.ledger import journal, tolerance
from debitor.ledger.amounts import round_to
from debitor.ledger.books import posting_amount
from debitor.ledger.currencies import factor_at
from debitor.ledger.dimensions import default_set
from debitor.ledger.journal import LineBefore, Neighbour, Numbering
from debitor.ledger.posting_dates import setup_for
from debitor.ledger.records import (
    Account,
    AccountType,
    BankAccount,
    Currency,
    Customer,
    CustomerLedgerEntry,
    DefaultDimension,
    DefaultDimensionPriority,
    DocumentType,
    ExchangeRate,
    JournalBatch,
    JournalLine,
    JournalTemplate,
    NumberSeries,
    NumberSeriesLine,
    ReasonCode,
    ReceivablesSetup,
    SalesInvoice,
    Salesperson,
    UserSetup,
)
from debitor.operations.attachments import remove_of
from debitor.operations.dimensions import number_of_set, set_number
from debitor.schema import BLANK_DATE, BLANK_GUID, Act, Draft, Refused
from debitor.store import Reader, Transaction

ONE = Decimal(1)
NO_JOURNAL = (
    "You must specify a parent ID: name the journal with journalId in the body, or address the payments through "
    "customerPaymentJournals({id})/customerPayments."
)


def relation(field: str, value: str, table: str, *, of: str = "customerPayment") -> Refused:
    """The refusal for a value that names no row."""
    return Refused(
        "Internal_InvalidTableRelation",
        f"The field {field} of {of} contains a value ({value}) that cannot be found in the related table ({table}).",
    )


def refuse(message: str) -> Refused:
    """The refusal of a business rule."""
    return Refused("Application_DialogException", message)


def setup_of(tx: Reader) -> ReceivablesSetup:
    """The company's set-up."""
    setup = tx.find(ReceivablesSetup)
    assert setup, "a company without receivables set-up"
    return setup


def checked_reason(tx: Reader, code: str) -> str:
    """Return a reason code that a client named. Raises Refused when it does not exist; a blank one is none."""
    if code and tx.find(ReasonCode, code=code) is None:
        raise relation("reasonCode", code, "Reason Code", of="entry")
    return code


def posting_setup(tx: Reader, user: str) -> ReceivablesSetup:
    """The company's set-up, with the range of dates in which this user (a client, by name) may post."""
    return setup_for(setup_of(tx), tx.find(UserSetup, user_id=user[:50].upper()))


def blocked_salespeople(tx: Reader) -> set[str]:
    """The codes of salespeople who are blocked for privacy."""
    return {row.code for row in tx.all(Salesperson, privacy_blocked=True)}


def rates_of(tx: Reader, code: str) -> dict[str, Sequence[ExchangeRate]]:
    """The exchange rates of one currency, by date."""
    return {code: tx.all(ExchangeRate, currency_code=code, order=("starting_date",))} if code else {}


def numbering_of(tx: Reader, code: str) -> Numbering:
    """A number series and its lines; none for a blank code."""
    series = tx.find(NumberSeries, code=code) if code else None
    return Numbering(series, tx.all(NumberSeriesLine, series_code=code)) if series else Numbering()


def is_balanced(tx: Reader, journal_id: str) -> bool:
    """Whether the journal's lines sum to zero in local currency. Lines with two accounts do by themselves."""
    return not tx.total(JournalLine, "amount_lcy", journal_id=journal_id, balancing_account_number="")


def neighbour_of(tx: Reader, batch: JournalBatch, line_number: int) -> Neighbour | None:
    """The line that a new line with this number (0 = at the bottom) takes its defaults from."""
    last = tx.values(JournalLine, LineBefore._fields, last_by="line_number", journal_id=batch.id)
    if last is None:
        return Neighbour.carried(batch)
    line = LineBefore._make(last)
    if line_number and line.line_number > line_number:
        lines = tx.all(JournalLine, journal_id=batch.id, order=("line_number",))
        above = next(each for each in lines if each.line_number > line_number)
        return Neighbour.of(LineBefore.of(above), bottom=False)
    return Neighbour.of(line, bottom=True)


def line_defaults(tx: Reader, batch: JournalBatch, draft: Draft, today: date) -> dict[str, Any]:
    """Line number, posting date and document number of a new line, given or taken from its neighbour."""
    number = draft.get("lineNumber", 0)
    neighbour = neighbour_of(tx, batch, number)
    posting_date = draft.get("postingDate", BLANK_DATE)
    if posting_date == BLANK_DATE:
        posting_date = neighbour.posting_date if neighbour else today
    document = draft.get("documentNumber", "")
    if not document:
        document = journal.default_document_number(
            neighbour=neighbour,
            numbering=numbering_of(tx, batch.number_series),
            posting_date=posting_date,
            external_document_number=draft.get("externalDocumentNumber", ""),
            balanced=neighbour is not None and neighbour.bottom and is_balanced(tx, batch.id),
        )
    return {
        "line_number": number or journal.next_line_number(neighbour),
        "posting_date": posting_date,
        "document_number": document,
    }


TABLES = {
    AccountType.CUSTOMER: "Customer",
    AccountType.GL_ACCOUNT: "G/L Account",
    AccountType.BANK_ACCOUNT: "Bank Account",
}
"""Account type -> the table name under which defaults for all of its accounts are kept."""


def line_dimensions(tx: Transaction, batch: JournalBatch, *accounts: tuple[AccountType, str]) -> int:
    """The dimension set that accounts give a line of a journal. Blank ids are skipped.

    An account's own defaults come before those of its whole table; of two accounts the first one wins, unless the
    source code of the journal's template gives their tables priorities.
    """
    number, pairs = tx.derived(_default_dimensions, batch.template_name, accounts)
    return set_number(tx, pairs) if number is None else number


def _default_dimensions(
    tx: Reader, template_name: str, accounts: tuple[tuple[AccountType, str], ...]
) -> tuple[int | None, Mapping[str, str]]:
    """The dimension set of `line_dimensions`, and its number if it is stored."""
    whole = tx.all(DefaultDimension, parent_id=BLANK_GUID)
    sources: list[list[DefaultDimension]] = []
    tables: list[str] = []
    for kind, id in accounts:
        if id == BLANK_GUID:
            continue
        found = tx.all(DefaultDimension, parent_id=id)
        if whole:
            found = [*found, *(row for row in whole if row.parent_type == TABLES[kind])]
        if found:
            sources.append(found)
            tables.append(TABLES[kind])
    if not sources:
        return 0, {}
    ranks: dict[str, DefaultDimensionPriority] = {}
    if len(sources) > 1 and tx.all(DefaultDimensionPriority):
        template = tx.find(JournalTemplate, name=template_name)
        code = template.source_code if template else ""
        ranks = {row.parent_type: row for row in tx.all(DefaultDimensionPriority, source_code=code)}
    priorities = [ranks[table].priority if table in ranks else 0 for table in tables] if ranks else None
    pairs = default_set(sources, priorities)
    return number_of_set(tx, pairs), pairs


def balancing_of(tx: Reader, batch: JournalBatch) -> tuple[dict[str, Any], BankAccount | None]:
    """The balancing account that a journal gives its lines, checked; and the bank account if it is one."""
    if not batch.balancing_account_number:
        return {}, None
    bank = None
    if batch.balancing_account_type == AccountType.BANK_ACCOUNT:
        bank = tx.get(BankAccount, batch.balancing_account_id)
    else:
        account = tx.get(Account, batch.balancing_account_id)
        if account:
            journal.check_balancing_account(account)
    columns = {
        "balancing_account_type": batch.balancing_account_type,
        "balancing_account_id": batch.balancing_account_id,
        "balancing_account_number": batch.balancing_account_number,
    }
    return columns, bank


# --------------------------------------------------------------------------- what a draft names


def named_journal(tx: Reader, strict: bool, in_address: str, given: str, name: str) -> JournalBatch:
    """The journal that the address or the body (`given`: id, `name`) names; blank ids and names are none.

    In documented mode the company's default one if none does. Raises Refused.
    """
    setup = setup_of(tx)
    found: JournalBatch | None = None
    if in_address != BLANK_GUID:
        found = tx.get(JournalBatch, in_address)
        if found is None or found.template_name != setup.payment_template:
            raise relation("journalId", in_address, "customerPaymentJournals")
        if given not in (BLANK_GUID, found.id):
            raise refuse(f"The address names journal {found.id}, the body names {given}; leave journalId out.")
    elif given != BLANK_GUID:
        found = tx.get(JournalBatch, given)
        if found is None or found.template_name != setup.payment_template:
            raise relation("journalId", given, "customerPaymentJournals")
    if name:
        by_name = tx.find(JournalBatch, template_name=setup.payment_template, name=name)
        if by_name is None:
            raise relation("journalDisplayName", name, "customerPaymentJournals")
        if found is not None and found.id != by_name.id:
            raise refuse(
                f"journalDisplayName {name} names another journal than {found.name}; send only one of the two."
            )
        found = by_name
    if found is None and not strict:
        found = tx.get(JournalBatch, setup.default_payment_journal_id)
        if found is None or found.template_name != setup.payment_template:
            found = next(
                iter(tx.all(JournalBatch, template_name=setup.payment_template, order=("name",), limit=1)), None
            )
    if found is None:
        raise refuse(NO_JOURNAL)
    return found


def named_customer(tx: Reader, id: str, number: str) -> Customer | None:
    """The customer that `customerId` and `customerNumber` name, or None when both are blank."""
    by_number = None
    if number:
        by_number = tx.find(Customer, number=number)
        if by_number is None:
            raise relation("customerNumber", number, "Customer")
        if id in (BLANK_GUID, by_number.id):
            return by_number
    if id == BLANK_GUID:
        return None
    by_id = tx.get(Customer, id)
    if by_id is None:
        raise relation("customerId", id, "Customer")
    if by_number:
        raise refuse(f"customerId names customer {by_id.number}, customerNumber names {number}; they must agree.")
    return by_id


class PostedInvoice(NamedTuple):
    """What a payment needs to know of the posted invoice that it is applied to."""

    id: str
    number: str
    posting_date: date
    bill_to_customer_id: str


def posted_invoice(tx: Reader, **equal: str) -> PostedInvoice | None:
    """The posted invoice with this id or number."""
    found = tx.values(SalesInvoice, PostedInvoice._fields, posted=True, **equal)
    return PostedInvoice._make(found) if found else None


def check_not_before(posting_date: date, invoice: PostedInvoice) -> None:
    """Refuse a payment dated before its invoice."""
    journal.check_not_before(posting_date, number=invoice.number, invoiced=invoice.posting_date)


@dataclass(frozen=True, slots=True)
class AppliesTo:
    """What a payment is applied to: a posted invoice, or just a number that names none."""

    number: str = ""
    invoice: PostedInvoice | None = None

    def columns(self) -> dict[str, Any]:
        """The line's columns."""
        invoice_id = self.invoice.id if self.invoice else BLANK_GUID
        return {"applies_to_document_number": self.number, "applies_to_invoice_id": invoice_id}


def named_invoice(tx: Reader, draft: Draft) -> AppliesTo:
    """The invoice that `appliesToInvoiceId` and `appliesToInvoiceNumber` name; the id wins over a blank number."""
    id, number = draft.get("appliesToInvoiceId", BLANK_GUID), draft.get("appliesToInvoiceNumber", "")
    if id != BLANK_GUID:
        invoice = posted_invoice(tx, id=id)
        if invoice is None:
            raise refuse(
                f"appliesToInvoiceId {id} is not the id of a posted sales invoice; it has to belong to an invoice "
                "with status Open, Paid, Corrective or Canceled."
            )
        if number and number != invoice.number:
            raise refuse(
                f"appliesToInvoiceId names invoice {invoice.number}, appliesToInvoiceNumber names {number}; "
                "they must agree."
            )
        return AppliesTo(invoice.number, invoice)
    if not number:
        return AppliesTo()
    return AppliesTo(number, posted_invoice(tx, number=number))


# --------------------------------------------------------------------------- create


def create_payment(act: Act, draft: Draft) -> str:
    """Add a customer payment to a journal. Returns its id. Nothing is posted.

    Draft: the writable properties of customerPayment. Raises Refused with the codes of the resource.
    """
    tx: Transaction = act.tx
    in_address, given = act.parent.get("journalId", BLANK_GUID), draft.get("journalId", BLANK_GUID)
    place = (act.strict, in_address, given, draft.get("journalDisplayName", ""))
    if act.key is not None:
        named_journal(tx, *place)
        refuse_used_id(tx, act.key)
    named = draft.get("customerId", BLANK_GUID), draft.get("customerNumber", "")
    setup, batch, customer = tx.derived(_named, place, named)
    applies_to = named_invoice(tx, draft)
    if customer is None and applies_to.invoice:
        customer = tx.get(Customer, applies_to.invoice.bill_to_customer_id)
    if customer:
        journal.check_customer_open(customer, DocumentType.PAYMENT)
    defaults = line_defaults(tx, batch, draft, act.today)
    posting_date = defaults["posting_date"]
    blank, dimensions = tx.derived(_blank_line, batch.id, customer.id if customer else BLANK_GUID)
    if blank.balancing_account_number and applies_to.invoice:
        check_not_before(posting_date, applies_to.invoice)
    amounts = amount_columns(tx, draft.get("amount", Decimal(0)), blank.currency_code, posting_date, setup)
    line = msgspec.structs.replace(
        blank,
        id=act.key or BLANK_GUID,
        line_number=defaults["line_number"],
        posting_date=posting_date,
        document_date=posting_date,
        document_number=defaults["document_number"],
        external_document_number=draft.get("externalDocumentNumber", ""),
        description=draft.get("description", "") or blank.description,
        comment=draft.get("comment", ""),
        contact_id=draft.get("contactId", ""),
        applies_to_document_number=applies_to.number,
        applies_to_invoice_id=applies_to.invoice.id if applies_to.invoice else BLANK_GUID,
        amount=amounts["amount"],
        amount_lcy=amounts["amount_lcy"],
    )
    if blank.currency_code:
        line = msgspec.structs.replace(line, currency_factor=amounts["currency_factor"])
    if dimensions:
        line = msgspec.structs.replace(line, dimension_set_number=set_number(tx, dimensions))
    return tx.add(line)


def _named(
    tx: Reader, place: tuple[bool, str, str, str], customer: tuple[str, str]
) -> tuple[ReceivablesSetup, JournalBatch, Customer | None]:
    """The set-up, and what a draft names: see `named_journal`, `named_customer`."""
    return setup_of(tx), named_journal(tx, *place), named_customer(tx, *customer)


def _blank_line(tx: Reader, journal_id: str, customer_id: str) -> tuple[JournalLine, Mapping[str, str]]:
    """A payment of a customer as a journal gives it, all that is set up filled; a dimension set that is not stored.

    The description is the customer's name, for payments that have none. Raises Refused for the balancing account.
    """
    batch = tx.get(JournalBatch, journal_id)
    assert batch is not None, "the caller has read it"
    customer = None if customer_id == BLANK_GUID else tx.get(Customer, customer_id)
    balancing, bank = balancing_of(tx, batch)
    accounts = line_balancing(balancing), line_customer(customer)
    number, dimensions = _default_dimensions(tx, batch.template_name, accounts)
    line = JournalLine(
        journal_id=journal_id,
        line_number=0,
        dimension_set_number=number or 0,
        description=customer.display_name if customer else "",
        reason_code=batch.reason_code,
        currency_code=journal.currency_of(customer, bank),
        **journal.PAYMENT_FIELDS,
        **balancing,
        **customer_columns(customer),
    )
    return line, dimensions if number is None else {}


def line_balancing(balancing: dict[str, Any]) -> tuple[AccountType, str]:
    """Type and id of the balancing account, a blank id without one."""
    return balancing.get("balancing_account_type", AccountType.GL_ACCOUNT), str(
        balancing.get("balancing_account_id", BLANK_GUID)
    )


def line_customer(customer: Customer | None) -> tuple[AccountType, str]:
    """Type and id of the customer, a blank id without one."""
    return AccountType.CUSTOMER, customer.id if customer else BLANK_GUID


def refuse_used_id(tx: Reader, id: str) -> None:
    """Refuse a client-chosen id whose payment is posted already, so that a retry can never pay twice."""
    posted = tx.find(CustomerLedgerEntry, source_id=id)
    if posted:
        raise Refused(
            "Internal_EntityWithSameKeyExists",
            f"The customerPayment already exists. Identification fields and values: id='{id}'. It is posted as "
            f"document {posted.document_number}, customer ledger entry {posted.entry_number}.",
        )


def customer_columns(customer: Customer | None) -> dict[str, Any]:
    """What a line takes over from its customer."""
    if customer is None:
        return {"account_id": BLANK_GUID, "account_number": "", "customer_posting_group": ""}
    return {
        "account_id": customer.id,
        "account_number": customer.number,
        "customer_posting_group": customer.customer_posting_group,
        "payment_terms_id": customer.payment_terms_id,
        "payment_method_id": customer.payment_method_id,
        "salesperson_code": customer.salesperson_code,
    }


def amount_columns(
    tx: Reader, amount: Decimal, currency_code: str, on: date, setup: ReceivablesSetup
) -> dict[str, Any]:
    """An amount, rounded to its currency, and its value in local currency on the posting date."""
    currency = tx.find(Currency, code=currency_code) if currency_code else None
    factor = factor_at(rates_of(tx, currency_code), currency_code, on) if currency_code else ONE
    rounded = round_to(amount, journal.precision_of(currency, setup))
    return {
        "amount": rounded,
        "amount_lcy": journal.amount_in_lcy(rounded, factor, setup),
        "currency_code": currency_code,
        "currency_factor": factor,
    }


# --------------------------------------------------------------------------- change


def payment_line(tx: Reader, id: str) -> JournalLine:
    """The journal line behind a payment's id."""
    line = tx.get(JournalLine, id)
    if line is None:
        raise Refused("BadRequest_ResourceNotFound", "Resource not found for the segment 'customerPayments'.")
    return line


def change_payment(act: Act, id: str, draft: Draft) -> str:
    """Change the sent properties of a payment. Returns its id; the id never changes, the line number may."""
    tx: Transaction = act.tx
    setup = setup_of(tx)
    line = payment_line(tx, id)
    refuse_other_journal(tx, line, draft)
    new: dict[str, Any] = simple_changes(draft)
    if "postingDate" in draft:
        if draft["postingDate"] == BLANK_DATE:
            raise Refused(
                "Application_FieldValidationException", "postingDate must have a value in the customerPayment."
            )
        new |= {"posting_date": draft["postingDate"], "document_date": draft["postingDate"]}
    if draft.get("lineNumber"):
        new["line_number"] = draft["lineNumber"]
    moved = msgspec.structs.replace(line, **new)
    applies_to = changed_invoice(act, line, draft)
    if applies_to is not None:
        moved = msgspec.structs.replace(moved, **applies_to.columns())
        if applies_to.number and line.applies_to_id:
            release_marks(tx, line)
            moved = msgspec.structs.replace(moved, applies_to_id="")
    if "postingDate" in draft and moved.applies_to_invoice_id != BLANK_GUID:
        invoice = posted_invoice(tx, id=moved.applies_to_invoice_id)
        if invoice:
            check_not_before(moved.posting_date, invoice)
    currency_code = line.currency_code
    if "customerId" in draft or "customerNumber" in draft:
        moved, currency_code = with_customer(tx, moved, draft)
    amount = draft.get("amount", line.amount)
    moved = msgspec.structs.replace(moved, **amount_columns(tx, amount, currency_code, moved.posting_date, setup))
    if amount and ("amount" in draft or "postingDate" in draft):
        note_on_invoice(act, moved, setup, fill="amount" in draft)
    changes = {c: getattr(moved, c) for c in JournalLine.__struct_fields__ if getattr(moved, c) != getattr(line, c)}
    return tx.update(line, **changes).id


def refuse_other_journal(tx: Reader, line: JournalLine, draft: Draft) -> None:
    """Refuse a PATCH that names another journal than the line's; the same one is accepted."""
    if draft.get("journalId", line.journal_id) != line.journal_id:
        raise refuse("journalId cannot be changed; delete the line and create it in the other journal.")
    name = draft.get("journalDisplayName")
    batch = tx.get(JournalBatch, line.journal_id) if name is not None else None
    if batch and name != batch.name:
        raise refuse("journalDisplayName cannot be changed; delete the line and create it in the other journal.")


SIMPLE = {
    "documentNumber": "document_number",
    "externalDocumentNumber": "external_document_number",
    "description": "description",
    "comment": "comment",
    "contactId": "contact_id",
}


def simple_changes(draft: Draft) -> dict[str, Any]:
    """The sent properties that are stored as they are."""
    return {SIMPLE[name]: value for name, value in draft.items() if name in SIMPLE}


def changed_invoice(act: Act, line: JournalLine, draft: Draft) -> AppliesTo | None:
    """The application that a PATCH asks for, or None when it does not touch it."""
    id_sent, number_sent = "appliesToInvoiceId" in draft, "appliesToInvoiceNumber" in draft
    if not id_sent and not number_sent:
        return None
    applies_to = named_invoice(act.tx, draft)
    cleared_by_id = id_sent and not number_sent and not applies_to.number
    if cleared_by_id and act.strict:
        return AppliesTo(line.applies_to_document_number)
    return applies_to


def with_customer(tx: Transaction, line: JournalLine, draft: Draft) -> tuple[JournalLine, str]:
    """The line for another customer, and its currency. The application stays, unless the same PATCH changes it."""
    was = tx.get(Customer, line.account_id)
    given = {k: v for k, v in draft.items() if k in ("customerId", "customerNumber")}
    now = named_customer(tx, given.get("customerId", BLANK_GUID), given.get("customerNumber", ""))
    if now:
        journal.check_customer_open(now, line.document_type)
    release_amount_to_apply(tx, line)
    release_marks(tx, line)
    line = msgspec.structs.replace(line, applies_to_id="")
    bank = tx.get(BankAccount, line.balancing_account_id)
    description = line.description
    if "description" not in draft:
        description = journal.customer_description(line.description, was=was, now=now)
    batch = tx.get(JournalBatch, line.journal_id)
    assert batch, "a line without its journal"
    changed = msgspec.structs.replace(
        line,
        description=description,
        **customer_columns(now),
        dimension_set_number=line_dimensions(
            tx, batch, line_customer(now), (line.balancing_account_type, line.balancing_account_id)
        ),
    )
    return changed, journal.currency_of(now, bank)


def open_invoice_entry(tx: Reader, line: JournalLine) -> CustomerLedgerEntry | None:
    """The open invoice entry that the line is applied to, if it is the customer's."""
    if not line.applies_to_document_number:
        return None
    return tx.find(
        CustomerLedgerEntry,
        document_number=line.applies_to_document_number,
        document_type=DocumentType.INVOICE,
        customer_id=line.account_id,
        open=True,
    )


def note_on_invoice(act: Act, line: JournalLine, setup: ReceivablesSetup, *, fill: bool) -> None:
    """Note on the invoice entry what the payment is granted, and, to `fill`, that it is to be paid in full.

    Tolerance is decided for a payment in the invoice's currency only. Raises Refused as `tolerance.decide` does.
    """
    entry = open_invoice_entry(act.tx, line)
    if entry is None:
        return
    accepted = tolerance.Accepted()
    if entry.currency_code == line.currency_code:
        amount, _ = posting_amount(line, strict=act.strict)
        accepted = tolerance.decide(entry, amount=amount, posting_date=line.posting_date, setup=setup)
    noted: dict[str, Any] = {
        "accepted_payment_tolerance": accepted.tolerance,
        "accepted_payment_discount_tolerance": accepted.late_discount,
    }
    if any(accepted) or (fill and not entry.amount_to_apply):
        noted["amount_to_apply"] = entry.remaining_amount
    if any(getattr(entry, column) != value for column, value in noted.items()):
        act.tx.update(entry, **noted)


def release_amount_to_apply(tx: Transaction, line: JournalLine) -> None:
    """Take back what the line had put on the invoice entry: amount to apply and accepted tolerances."""
    entry = open_invoice_entry(tx, line)
    if entry and (
        entry.amount_to_apply or entry.accepted_payment_tolerance or entry.accepted_payment_discount_tolerance
    ):
        tx.update(
            entry,
            amount_to_apply=Decimal(0),
            accepted_payment_tolerance=Decimal(0),
            accepted_payment_discount_tolerance=False,
        )


UNMARKED: dict[str, Any] = {
    "applies_to_id": "",
    "amount_to_apply": Decimal(0),
    "accepted_payment_tolerance": Decimal(0),
    "accepted_payment_discount_tolerance": False,
}
"""The columns of an entry that is marked for no payment."""


def marked_entries(tx: Reader, line: JournalLine) -> list[CustomerLedgerEntry]:
    """The open entries that are marked for a payment: they carry its applies-to ID."""
    if not line.applies_to_id:
        return []
    return tx.all(CustomerLedgerEntry, customer_id=line.account_id, open=True, applies_to_id=line.applies_to_id)


def release_marks(tx: Transaction, line: JournalLine) -> None:
    """Unmark what was marked for a line that goes away, unless another line carries the same ID."""
    if not line.applies_to_id:
        return
    others = tx.all(JournalLine, account_id=line.account_id, applies_to_id=line.applies_to_id, limit=2)
    if all(other.id == line.id for other in others):
        for entry in marked_entries(tx, line):
            tx.update(entry, **UNMARKED)


# --------------------------------------------------------------------------- remove


def remove_payment(act: Act, id: str) -> None:
    """Delete a payment that is not posted, and what it had noted on its invoice entry."""
    line = payment_line(act.tx, id)
    release_amount_to_apply(act.tx, line)
    release_marks(act.tx, line)
    remove_of(act.tx, [line.id])
    act.tx.delete(line)
