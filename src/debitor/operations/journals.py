"""Journals (Gen. Journal Batch) and the lines of general journals (G/L accounts and bank accounts)."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec

from debitor.ledger import journal
from debitor.ledger.records import (
    Account,
    AccountType,
    BankAccount,
    Customer,
    CustomerLedgerEntry,
    DocumentType,
    JournalBatch,
    JournalLine,
    JournalTemplate,
    NumberSeries,
)
from debitor.operations.attachments import remove_of
from debitor.operations.payments import (
    NO_JOURNAL,
    amount_columns,
    checked_reason,
    line_defaults,
    line_dimensions,
    refuse,
    relation,
    release_amount_to_apply,
    release_marks,
    setup_of,
)
from debitor.schema import BLANK_DATE, BLANK_GUID, Act, Draft, Refused
from debitor.store import Reader, Transaction

LINE_ACCOUNTS = (AccountType.GL_ACCOUNT, AccountType.BANK_ACCOUNT)
TABLES: dict[AccountType, tuple[type[Account] | type[BankAccount] | type[Customer], str]] = {
    AccountType.GL_ACCOUNT: (Account, "G/L Account"),
    AccountType.BANK_ACCOUNT: (BankAccount, "Bank Account"),
    AccountType.CUSTOMER: (Customer, "Customer"),
}
"""Account type -> its record and the name of its table; customers only balance lines here."""


# --------------------------------------------------------------------------- journals


def create_journal(act: Act, draft: Draft) -> str:
    """Add a general journal; `templateDisplayName` picks another template than the default one."""
    setup = setup_of(act.tx)
    return _create(act, draft, draft.get("templateDisplayName") or setup.general_template, series="")


def create_payment_journal(act: Act, draft: Draft) -> str:
    """Add a payment journal. In documented mode it takes the company's payment number series, so that its payments
    get document numbers and can be posted; in strict mode it has none, as in Business Central.
    """
    setup = setup_of(act.tx)
    return _create(act, draft, setup.payment_template, series="" if act.strict else setup.payment_numbers)


def _create(act: Act, draft: Draft, template_name: str, *, series: str) -> str:
    tx: Transaction = act.tx
    template = tx.find(JournalTemplate, name=template_name)
    if template is None:
        raise relation("templateDisplayName", template_name, "Gen. Journal Template", of="journal")
    columns: dict[str, Any] = {"number_series": series}
    if not act.strict:
        columns |= template_columns(template)
    batch = JournalBatch(
        id=act.key or BLANK_GUID,
        template_name=template_name,
        name=required_code(draft),
        description=draft.get("displayName", ""),
        **(columns | balancing_columns(tx, draft)),
    )
    return tx.insert(batch).id


def template_columns(template: JournalTemplate) -> dict[str, Any]:
    """What a template gives to a new journal: number series and reason code, where it has them.

    Business Central does so in its own pages, and not for journals that the API creates. The balancing account is
    left out in both modes: a journal has one when the client names it, and its lines are one-sided otherwise.
    """
    columns = ("number_series", "posting_number_series", "reason_code")
    return {column: getattr(template, column) for column in columns if getattr(template, column)}


def required_code(draft: Draft) -> str:
    """The journal's code, which must not be empty."""
    if not draft.get("code"):
        raise Refused("BadRequest_RequiredParamNotProvided", "Field 'code' must not be blank or empty.")
    return str(draft["code"])


def balancing_columns(tx: Reader, draft: Draft) -> dict[str, Any]:
    """The balancing account that `balancingAccountId` names, checked; nothing when it is not sent."""
    if "balancingAccountId" not in draft:
        return {}
    id = draft["balancingAccountId"]
    number = ""
    if id != BLANK_GUID:
        account = tx.get(Account, id)
        if account is None:
            raise refuse(f"balancingAccountId {id} is not the id of an account; take one from the accounts resource.")
        journal.check_balancing_account(account)
        number = account.number
    return {
        "balancing_account_type": AccountType.GL_ACCOUNT,
        "balancing_account_id": id,
        "balancing_account_number": number,
    }


def journal_of(tx: Reader, id: str, segment: str = "journals") -> JournalBatch:
    """The journal with this id, of any template."""
    batch = tx.get(JournalBatch, id)
    if batch is None:
        raise Refused("BadRequest_ResourceNotFound", f"Resource not found for the segment '{segment}'.")
    return batch


def change_journal(act: Act, id: str, draft: Draft) -> str:
    """Change a journal. A new code renames it, lines follow by themselves; stored lines keep their accounts."""
    tx: Transaction = act.tx
    batch = journal_of(tx, id)
    changes = balancing_columns(tx, draft)
    if "code" in draft:
        changes["name"] = required_code(draft)
    if "displayName" in draft:
        changes["description"] = draft["displayName"]
    template = draft.get("templateDisplayName", batch.template_name)
    if template != batch.template_name:
        raise refuse("templateDisplayName cannot be changed; create a journal in the other template.")
    return tx.update(batch, **changes).id


def set_up_journal(act: Act, id: str, draft: Draft) -> str:
    """Write what only debitor's own API lets clients say of a journal: number series, reason code, and a balancing
    account of any type, named by its number. Returns the id.

    Raises:
        Refused: there is no such series, reason code or account, or it cannot be posted to.
    """
    tx: Transaction = act.tx
    batch = journal_of(tx, id)
    columns: dict[str, Any] = {}
    for name, column in (("numberSeries", "number_series"), ("postingNumberSeries", "posting_number_series")):
        if name in draft:
            columns[column] = draft[name]
            if draft[name] and tx.find(NumberSeries, code=draft[name]) is None:
                raise relation(name, draft[name], "No. Series", of="journal")
    if "reasonCode" in draft:
        columns["reason_code"] = checked_reason(tx, draft["reasonCode"])
    series = columns.get("posting_number_series", batch.posting_number_series)
    if series and series == columns.get("number_series", batch.number_series):
        raise refuse(f"postingNumberSeries {series} must be another series than numberSeries.")
    if draft.keys() & {"balancingAccountType", "balancingAccountNumber"}:
        columns |= account_columns(
            tx,
            balancing_account_type(draft.get("balancingAccountType", batch.balancing_account_type)),
            None,
            draft.get("balancingAccountNumber", batch.balancing_account_number),
            prefix="balancing_account",
            wire=("balancingAccountId", "balancingAccountNumber"),
        )
    return tx.update(batch, **columns).id


def remove_journal(act: Act, id: str) -> None:
    """Delete a journal with all its lines, and what they had noted on invoice entries."""
    tx: Transaction = act.tx
    batch = journal_of(tx, id)
    lines = tx.all(JournalLine, journal_id=id)
    numbers = [line.applies_to_document_number for line in lines if line.applies_to_document_number]
    noted = (
        tx.all(CustomerLedgerEntry, document_number=numbers, document_type=DocumentType.INVOICE) if numbers else []
    )
    touched = {entry.document_number for entry in noted if entry.open and entry.amount_to_apply}
    for line in lines:
        release_marks(tx, line)
        if line.applies_to_document_number in touched:
            release_amount_to_apply(tx, line)
    remove_of(tx, [line.id for line in lines])
    tx.delete_where(JournalLine, journal_id=id)
    tx.delete(batch)


# --------------------------------------------------------------------------- general journal lines


def named_journal(act: Act, draft: Draft) -> JournalBatch:
    """The journal that the address or the body names."""
    in_address = act.parent.get("journalId", BLANK_GUID)
    given = draft.get("journalId", BLANK_GUID)
    if in_address != BLANK_GUID and given not in (BLANK_GUID, in_address):
        raise refuse(f"The address names journal {in_address}, the body names {given}; leave journalId out.")
    id = in_address if in_address != BLANK_GUID else given
    if id == BLANK_GUID:
        raise refuse(
            NO_JOURNAL.replace("customerPaymentJournals({id})/customerPayments", "journals({id})/journalLines")
        )
    batch: JournalBatch | None = act.tx.get(JournalBatch, id)
    if batch is None:
        raise relation("journalId", id, "journals", of="journalLine")
    return batch


def account_columns(
    tx: Reader, kind: AccountType, id: str | None, number: str | None, *, prefix: str, wire: tuple[str, str]
) -> dict[str, Any]:
    """The columns for an account given by id, number or both. `wire`: the two property names, for messages."""
    record, table = TABLES[kind]
    found: Account | BankAccount | Customer | None = None
    if id and id != BLANK_GUID:
        found = tx.get(record, id)
        if found is None:
            raise refuse(f"{wire[0]} {id} is not the id of a {table}; send the accountType that it belongs to.")
        if number and number != found.number:
            raise refuse(f"{wire[0]} names {table} {found.number}, {wire[1]} names {number}; they must agree.")
    elif number:
        found = tx.find(record, number=number)
        if found is None:
            raise relation(wire[1], number, table, of="journalLine")
    if isinstance(found, Account):
        journal.check_balancing_account(found)
    if isinstance(found, Customer):
        journal.check_customer_open(found, DocumentType.BLANK)
    return {
        f"{prefix}_type": kind,
        f"{prefix}_id": found.id if found else BLANK_GUID,
        f"{prefix}_number": found.number if found else "",
    }


def line_account_type(value: str) -> AccountType:
    """The account type of a journal line, as far as this resource takes it."""
    if value not in LINE_ACCOUNTS:
        raise refuse(
            f"accountType {value} is not possible here; journalLines hold G/L accounts and bank accounts, customer "
            "payments go to customerPayments."
        )
    return next(kind for kind in LINE_ACCOUNTS if kind == value)


def balancing_account_type(value: str) -> AccountType:
    """The type of a line's balancing account: one of those that can be posted to."""
    for kind in TABLES:
        if kind == value:
            return kind
    raise refuse(
        f"balanceAccountType {value} is not possible; a journal line is balanced by a G/L account, a bank account or "
        "a customer."
    )


def line_accounts(tx: Reader, draft: Draft, old: JournalLine | None, batch: JournalBatch) -> dict[str, Any]:
    """Account and balancing account columns that a draft asks for."""
    columns: dict[str, Any] = {}
    if old is None or draft.keys() & {"accountType", "accountId", "accountNumber"}:
        kind = line_account_type(draft.get("accountType") or (old.account_type if old else AccountType.GL_ACCOUNT))
        columns |= account_columns(
            tx,
            kind,
            draft.get("accountId"),
            draft.get("accountNumber"),
            prefix="account",
            wire=("accountId", "accountNumber"),
        )
    given = draft.keys() & {"balanceAccountType", "balancingAccountId", "balancingAccountNumber"}
    if given:
        default = old.balancing_account_type if old else AccountType.GL_ACCOUNT
        columns |= account_columns(
            tx,
            balancing_account_type(draft.get("balanceAccountType") or default),
            draft.get("balancingAccountId"),
            draft.get("balancingAccountNumber"),
            prefix="balancing_account",
            wire=("balancingAccountId", "balancingAccountNumber"),
        )
    elif old is None:
        columns |= {
            "balancing_account_type": batch.balancing_account_type,
            "balancing_account_id": batch.balancing_account_id,
            "balancing_account_number": batch.balancing_account_number,
        }
    return columns


def dimensions_by_default(tx: Transaction, batch: JournalBatch, line: JournalLine) -> int:
    """The dimension set that the accounts of a line give it; the balancing account, set last, comes first."""
    return line_dimensions(
        tx, batch, (line.balancing_account_type, line.balancing_account_id), (line.account_type, line.account_id)
    )


def line_currency(tx: Reader, line: JournalLine) -> str:
    """The currency of a line: that of its bank account, if one has a currency, or of the customer who balances a G/L
    account.
    """
    for kind, id in (
        (line.account_type, line.account_id),
        (line.balancing_account_type, line.balancing_account_id),
    ):
        bank = tx.get(BankAccount, id) if kind == AccountType.BANK_ACCOUNT else None
        if bank and bank.currency_code:
            return bank.currency_code
    if (line.account_type, line.balancing_account_type) == (AccountType.GL_ACCOUNT, AccountType.CUSTOMER):
        customer = tx.get(Customer, line.balancing_account_id)
        return customer.currency_code if customer else ""
    return ""


def account_name(tx: Reader, line: JournalLine) -> str:
    """The name that a line without description takes from its account."""
    record: type[Account] | type[BankAccount] = (
        Account if line.account_type == AccountType.GL_ACCOUNT else BankAccount
    )
    found = tx.get(record, line.account_id)
    return found.name if found else ""


def create_line(act: Act, draft: Draft) -> str:
    """Add a G/L or bank line to a journal. Amount > 0 debits the account. Returns the line's id."""
    tx: Transaction = act.tx
    refuse_display_name(draft)
    setup, batch = setup_of(tx), named_journal(act, draft)
    line = JournalLine(
        id=act.key or BLANK_GUID,
        journal_id=batch.id,
        document_type=DocumentType.BLANK,
        **line_defaults(tx, batch, draft, act.today),
        **line_accounts(tx, draft, None, batch),
        external_document_number=draft.get("externalDocumentNumber", ""),
        comment=draft.get("comment", ""),
        tax_code=draft.get("taxCode", ""),
        reason_code=batch.reason_code,
    )
    line = msgspec.structs.replace(
        line,
        document_date=line.posting_date,
        description=draft.get("description", "") or account_name(tx, line),
        **amount_columns(tx, draft.get("amount", Decimal(0)), line_currency(tx, line), line.posting_date, setup),
        dimension_set_number=dimensions_by_default(tx, batch, line),
    )
    return tx.insert(line).id


def refuse_display_name(draft: Draft) -> None:
    """Refuse writing `journalDisplayName`, which follows from the journal."""
    if draft.get("journalDisplayName"):
        raise refuse("journalDisplayName cannot be set; name the journal by journalId or in the address.")


def change_line(act: Act, id: str, draft: Draft) -> str:
    """Change the sent properties of a general journal line. Returns its id."""
    tx: Transaction = act.tx
    line = general_line(tx, id)
    batch = journal_of(tx, line.journal_id)
    if draft.get("journalDisplayName", batch.name) != batch.name:
        refuse_display_name(draft)
    if draft.get("journalId", line.journal_id) != line.journal_id:
        raise refuse("journalId cannot be changed; delete the line and create it in the other journal.")
    names = {
        "documentNumber": "document_number",
        "externalDocumentNumber": "external_document_number",
        "description": "description",
        "comment": "comment",
        "taxCode": "tax_code",
    }
    new: dict[str, Any] = {names[k]: v for k, v in draft.items() if k in names}
    if draft.get("lineNumber"):
        new["line_number"] = draft["lineNumber"]
    if "postingDate" in draft:
        if draft["postingDate"] == BLANK_DATE:
            raise Refused("Application_FieldValidationException", "postingDate must have a value in the journalLine.")
        new |= {"posting_date": draft["postingDate"], "document_date": draft["postingDate"]}
    new |= line_accounts(tx, draft, line, batch)
    moved = msgspec.structs.replace(line, **new)
    if moved.account_id != line.account_id or moved.balancing_account_id != line.balancing_account_id:
        new["dimension_set_number"] = dimensions_by_default(tx, batch, moved)
    amount = draft.get("amount", line.amount)
    new |= amount_columns(tx, amount, line_currency(tx, moved), moved.posting_date, setup_of(tx))
    return tx.update(line, **{c: v for c, v in new.items() if v != getattr(line, c)}).id


def general_line(tx: Reader, id: str) -> JournalLine:
    """The journal line behind an id of journalLines."""
    line = tx.get(JournalLine, id)
    if line is None or line.account_type not in LINE_ACCOUNTS or line.document_type != DocumentType.BLANK:
        raise Refused("BadRequest_ResourceNotFound", "Resource not found for the segment 'journalLines'.")
    return line


def remove_line(act: Act, id: str) -> None:
    """Delete a general journal line."""
    line = general_line(act.tx, id)
    remove_of(act.tx, [line.id])
    act.tx.delete(line)
