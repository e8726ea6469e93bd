"""Posting invoices and credit memos: load what the decision may see, decide with ledger/sales_post.py, write."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal

from debitor.ledger import sales_post, settle
from debitor.ledger.apply import UNREALIZED, Terms, may_apply
from debitor.ledger.books import Books
from debitor.ledger.dimensions import check_usable
from debitor.ledger.invoice_rounding import rounding_amount, with_rounding_line
from debitor.ledger.numbering import NextNumbers
from debitor.ledger.post import post_journal
from debitor.ledger.records import (
    Account,
    AccountType,
    ApplicationMethod,
    BankAccount,
    Currency,
    Customer,
    CustomerLedgerEntry,
    CustomerPostingGroup,
    DefaultDimension,
    DetailedEntry,
    ExchangeRate,
    GeneralLedgerEntry,
    GeneralLedgerRegister,
    GeneralProductPostingGroup,
    Item,
    JournalBatch,
    JournalTemplate,
    LineType,
    PaymentMethod,
    ReceivablesSetup,
    SalesDocument,
    SalesDocumentLine,
    TaxEntry,
    TaxGroup,
)
from debitor.ledger.sales_documents import CREDIT_MEMO, INVOICE, Kind, kind_of, refuse
from debitor.operations.dimensions import combinations, dimensions_of, pairs_of, rules_of
from debitor.operations.payments import blocked_salespeople, posting_setup
from debitor.operations.sales_values import document_of, lines_of, posted_number
from debitor.operations.sealing import write_sealed
from debitor.schema import BLANK_GUID, Act, Changes, Draft, Refused, Row
from debitor.store import Reader, Transaction


def post(kind: Kind, act: Act, id: str, body: Draft) -> None:
    """The action `post` of salesInvoices and salesCreditMemos."""
    post_document(kind, act.tx, id, user=act.user)


def post_document(kind: Kind, tx: Transaction, id: str, *, user: str, cancels: bool = False) -> SalesDocument:
    """Post a draft. Returns the posted document, under the same id.

    Args:
        cancels: the document cancels the one that it corrects.

    Raises:
        Refused: the document is posted already, or cannot be; nothing is written then.
    """
    header = document_of(tx, kind, id)
    if header.posted:
        raise refuse(f"{kind.noun.capitalize()} {header.number} is posted already; the action is for drafts.")
    setup = posting_setup(tx, user)
    lines = lines_of(tx, kind, id)
    if setup.invoice_rounding:
        header, lines = rounded(tx, header, lines, setup)
    number = posted_number(tx, header, setup)
    books = document_books(tx, header, lines, setup, number, user)
    method = None if header.applies_to_document_number else balancing_method(tx, header)
    if method is None:
        books = with_application(tx, header, books)
    if cancels:
        corrected = document_of(tx, CREDIT_MEMO if kind is INVOICE else INVOICE, header.applies_to_document_id)
        documents = {corrected.ledger_entry_number: corrected}
        books = dataclasses.replace(books, documents=documents, cancels=True)
    posted = sales_post.post_document(header, lines, books)
    changes = posted.changes
    if method is not None and posted.entry.open:
        changes = settle.settled_at_once(posted, settlement_of(tx, posted, method, books))
    write_sealed(tx, changes)
    return document_of(tx, kind, id)


def rounded(
    tx: Transaction, header: SalesDocument, lines: list[SalesDocumentLine], setup: ReceivablesSetup
) -> tuple[SalesDocument, list[SalesDocumentLine]]:
    """Return a draft about to be posted with its total rounded, and its lines; the line that does it is written.

    Raises:
        Refused: the customer's posting group names no account for it.
    """
    currency = tx.find(Currency, code=header.currency_code) if header.currency_code else None
    amount = rounding_amount(header.total_including_tax, currency, setup)
    customer = tx.get(Customer, header.bill_to_customer_id)
    group = tx.find(CustomerPostingGroup, code=customer.customer_posting_group) if customer else None
    if not amount or group is None:
        return header, lines
    account = tx.find(Account, number=group.invoice_rounding_account) if group.invoice_rounding_account else None
    if account is None:
        raise Refused(
            "Application_FieldValidationException",
            f"Customer posting group {group.code} has no invoice rounding account. Enter one in the set-up.",
        )
    blank = kind_of(header).line(document_id=header.id, sequence=0)
    new, line = with_rounding_line(header, lines, blank, account, amount)
    columns = ("total_excluding_tax", "total_including_tax", "unposted_amount")
    stored = tx.update(header, **{column: getattr(new, column) for column in columns})
    return stored, [*lines, tx.insert(line)]


# --------------------------------------------------------------------------- what it is applied to


def balancing_method(tx: Reader, header: SalesDocument) -> PaymentMethod | None:
    """Return the payment method of a document if it has a balancing account, so that it is settled at once."""
    if header.payment_method_id == BLANK_GUID:
        return None
    method = tx.get(PaymentMethod, header.payment_method_id)
    return method if method and method.balancing_account_number else None


def with_application(tx: Reader, header: SalesDocument, books: sales_post.DocumentBooks) -> sales_post.DocumentBooks:
    """Return the books with what the document is applied to at once."""
    olds = open_entries(tx, header, books)
    if not olds:
        return books
    codes = {header.currency_code, *(old.currency_code for old in olds)} - {""}
    currencies = {currency.code: currency for currency in tx.all(Currency, code=codes)}
    rates: dict[str, list[ExchangeRate]] = {}
    for rate in tx.all(ExchangeRate, currency_code=codes, order=("starting_date",)):
        rates.setdefault(rate.currency_code, []).append(rate)
    unrealized: dict[int, Decimal] = {}
    for detail in tx.all(
        DetailedEntry, ledger_entry_number=[old.entry_number for old in olds], entry_type=list(UNREALIZED)
    ):
        number = detail.ledger_entry_number
        unrealized[number] = unrealized.get(number, Decimal(0)) + detail.amount_lcy
    numbers = {getattr(row, column) for row in currencies.values() for column in _account_columns(Currency)}
    if books.posting_group:
        numbers |= {getattr(books.posting_group, column) for column in _account_columns(CustomerPostingGroup)}
    more = {account.number: account for account in tx.all(Account, number=numbers)}
    # An entry in a currency that is gone can only be named, and is refused then.
    known = [old for old in olds if not old.currency_code or old.currency_code in currencies]
    return dataclasses.replace(
        books,
        olds=known,
        on=max([header.posting_date, *(old.posting_date for old in known)]),
        terms=Terms(books.setup, currencies, rates, unrealized),
        documents=documents_behind(tx, known),
        accounts={**books.accounts, **more},
    )


def open_entries(tx: Reader, header: SalesDocument, books: sales_post.DocumentBooks) -> Sequence[CustomerLedgerEntry]:
    """Return the open entries to apply the document to: the one it names, or all of an Apply to Oldest customer.

    They are on the other side. Of all, those that are marked for another application, or of a later date, are left
    alone.
    """
    customer, kind = books.bill_to, kind_of(header)
    if customer is None:
        return ()
    if header.applies_to_document_number:
        return tx.all(
            CustomerLedgerEntry,
            customer_id=customer.id,
            open=True,
            document_type=kind.corrects,
            document_number=header.applies_to_document_number,
            limit=1,
        )
    if customer.application_method != ApplicationMethod.APPLY_TO_OLDEST:
        return ()
    rows = tx.all(
        CustomerLedgerEntry,
        customer_id=customer.id,
        open=True,
        positive=kind.sign < 0,
        applies_to_id="",
        order=("due_date", "entry_number"),
    )
    currencies = {currency.code: currency for currency in tx.all(Currency)}
    return [
        old
        for old in rows
        if old.posting_date <= header.posting_date
        and may_apply(books.setup, header.currency_code, old.currency_code, currencies)
    ]


def documents_behind(tx: Reader, entries: Iterable[CustomerLedgerEntry]) -> dict[int, SalesDocument]:
    """Return the posted invoices and credit memos behind some customer ledger entries, by entry number."""
    numbers: dict[str, list[int]] = {}
    for entry in entries:
        numbers.setdefault(entry.document_type, []).append(entry.entry_number)
    found: dict[int, SalesDocument] = {}
    for kind in (INVOICE, CREDIT_MEMO):
        wanted = numbers.get(kind.document_type)
        if wanted:
            found |= {row.ledger_entry_number: row for row in tx.all(kind.document, ledger_entry_number=wanted)}
    return found


def _account_columns(record: type[Row]) -> list[str]:
    return [column for column in record.__struct_fields__ if column.endswith("_account")]


def settlement_of(
    tx: Reader, posted: sales_post.PostedDocument, method: PaymentMethod, books: sales_post.DocumentBooks
) -> Changes:
    """Return what posting the payment of a document that is settled at once changes, before anything is written.

    The payment is a line of a journal that exists for this one act: same transaction and register as the document.

    Raises:
        Refused: the balancing account does not exist or cannot be posted to.
    """
    bank: BankAccount | None = None
    account: Account | None = None
    number = method.balancing_account_number
    if method.balancing_account_type == AccountType.BANK_ACCOUNT:
        bank = tx.find(BankAccount, number=number)
    elif method.balancing_account_type == AccountType.GL_ACCOUNT:
        account = tx.find(Account, number=number)
    other = bank or account
    if other is None:
        raise refuse(
            f"Payment method {method.code} has the balancing account {method.balancing_account_type} {number}, which "
            "does not exist. Change it, or choose another paymentMethod for the customer."
        )
    line = settle.settling_line(posted, method, other.id, books.setup)
    customer, group, entry = books.bill_to, books.posting_group, posted.entry
    assert customer is not None, "the document was posted"
    assert group is not None, "the document was posted"
    wanted = {getattr(group, column) for column in _account_columns(CustomerPostingGroup)}
    wanted |= {bank.ledger_account} if bank else {number}
    accounts = {row.number: row for row in tx.all(Account, number=wanted)}
    owner = ("Bank Account", bank.id) if bank else ("G/L Account", other.id)
    dimensions, values = dimensions_of(tx, books.sets)
    details = sum(isinstance(row, DetailedEntry) for row in posted.changes.insert)
    journal = Books(
        setup=books.setup,
        template=JournalTemplate(name="", source_code=books.setup.sales_source_code),
        batch=JournalBatch(template_name="", name=""),
        today=entry.posting_date,
        user=books.user,
        now=books.now,
        customers={customer.id: customer},
        accounts={**books.accounts, **accounts},
        posting_groups={group.code: group},
        banks={bank.id: bank} if bank else {},
        currencies={books.currency.code: books.currency} if books.currency else {},
        entries=[entry],
        documents={entry.entry_number: posted.document},
        sets=books.sets,
        dimensions=dimensions,
        values=values,
        rules={**books.rules, **rules_of(tx, [owner])},
        next=dataclasses.replace(
            books.next, entry=posted.register.to_entry_number + 1, detailed=books.next.detailed + details
        ),
    )
    return post_journal([line], journal).changes


# --------------------------------------------------------------------------- what posting may see


def next_numbers(tx: Reader) -> NextNumbers:
    """Return the next number of each ledger."""
    return NextNumbers(
        entry=tx.greatest(GeneralLedgerEntry, "entry_number") + 1,
        detailed=tx.greatest(DetailedEntry, "entry_number") + 1,
        tax=tx.greatest(TaxEntry, "entry_number") + 1,
        transaction=tx.greatest(GeneralLedgerEntry, "transaction_number") + 1,
        register=tx.greatest(GeneralLedgerRegister, "number") + 1,
    )


def document_books(
    tx: Transaction,
    header: SalesDocument,
    lines: Sequence[SalesDocumentLine],
    setup: ReceivablesSetup,
    number: str,
    user: str,
) -> sales_post.DocumentBooks:
    """Load all that posting this document may look at, and check that its dimensions can be used."""
    kind = kind_of(header)
    sell_to, bill_to = tx.get(Customer, header.customer_id), tx.get(Customer, header.bill_to_customer_id)
    group = tx.find(CustomerPostingGroup, code=bill_to.customer_posting_group) if bill_to else None
    items = {item.id: item for item in tx.all(Item, id={line.item_id for line in lines})}
    groups = {g.code: g for g in tx.all(GeneralProductPostingGroup)}
    taxes = {t.code: t for t in tx.all(TaxGroup, code={line.tax_code for line in lines})}
    wanted = {line.line_object_number for line in lines if line.line_type == LineType.ACCOUNT}
    wanted |= {getattr(g, kind.sales_account) for g in groups.values()} | {t.tax_account for t in taxes.values()}
    if group:
        wanted.add(group.receivables_account)
    accounts = {a.number: a for a in tx.all(Account, number=wanted)}
    sets = {n: pairs_of(tx, n) for n in {header.dimension_set_number, *(line.dimension_set_number for line in lines)}}
    check_dimensions_usable(tx, header, sets)
    blocked = header.salesperson in blocked_salespeople(tx)
    return sales_post.DocumentBooks(
        setup=setup,
        number=number,
        number_used=number_used(tx, header, number),
        sell_to=sell_to,
        bill_to=bill_to,
        salesperson_blocked=blocked,
        currency=tx.find(Currency, code=header.currency_code) if header.currency_code else None,
        posting_group=group,
        accounts=accounts,
        items=items,
        product_groups=groups,
        tax_groups=taxes,
        sets=sets,
        rules=dimension_rules(tx, header, items, accounts.values()),
        next=next_numbers(tx),
        user=user[:50],
        now=tx.now,
        on=header.posting_date,
    )


def number_used(tx: Reader, header: SalesDocument, number: str) -> str:
    """Return what has this number already among documents of the same kind, or blank."""
    kind = kind_of(header)
    other = tx.find(kind.document, number=number)
    if other and other.id != header.id:
        return f"{'posted' if other.posted else 'draft'} {kind.noun} {other.number}"
    entry = tx.find(CustomerLedgerEntry, document_number=number, document_type=kind.document_type)
    return f"customer ledger entry {entry.entry_number}" if entry else ""


def check_dimensions_usable(tx: Reader, header: SalesDocument, sets: Mapping[int, Mapping[str, str]]) -> None:
    """Refuse blocked dimensions and values, and those that do not go together."""
    dimensions, values = dimensions_of(tx, sets)
    together, where = combinations(tx), f"{kind_of(header).noun} {header.draft_number}"
    for pairs in sets.values():
        check_usable(pairs, dimensions, values, where=where, combinations=together)


def dimension_rules(
    tx: Reader, header: SalesDocument, items: Iterable[str], accounts: Iterable[Account]
) -> dict[str, list[DefaultDimension]]:
    """Return, by id of a record, the rules on dimensions that apply to what a document touches."""
    owners = [("Customer", header.customer_id), ("Customer", header.bill_to_customer_id)]
    owners += [("Item", id) for id in items] + [("G/L Account", account.id) for account in accounts]
    return rules_of(tx, owners)
