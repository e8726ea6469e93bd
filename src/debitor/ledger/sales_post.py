"""Posting an invoice or a credit memo: the entries that it makes, all in one transaction.

Net 800 at 25 % tax, next entry number 3, next detailed entry 7:

    G/L entry 3   sales          -800
    G/L entry 4   tax            -200   and tax entry: base -800, amount -200
    G/L entry 5   receivables    1000   and customer ledger entry 5, detailed entry 7 Initial 1000

A credit memo makes the same entries with the other sign, on the account for credit memos of its product group.
Lines with equal sales account, tax code, percent and dimensions are posted together. A document in foreign currency
is converted so that the entries sum to zero: the running total of its amounts is rounded, and each entry takes the
difference to the total before it.

A document is applied at once: to the document that it names, or, when it names none and its customer has the method
Apply to Oldest, to what is open on the other side. A payment method with a balancing account settles it at once
instead; see settle.py.

Source: BCApps SalesPost.Codeunit.al, SalesPostInvoice.Codeunit.al, GenJnlPostLine.Codeunit.al, retold.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from msgspec.structs import replace

from debitor.ledger import entries
from debitor.ledger.amounts import ZERO, plain
from debitor.ledger.apply import Detail, Terms, apply_entry, may_apply
from debitor.ledger.currencies import to_lcy
from debitor.ledger.detail_accounts import detail_account, posting_account
from debitor.ledger.dimensions import Pairs, check
from debitor.ledger.numbering import NextNumbers
from debitor.ledger.payment_discounts import maximum_tolerance, possible_discount, tolerance_date
from debitor.ledger.records import (
    Account,
    AccountType,
    Currency,
    Customer,
    CustomerLedgerEntry,
    CustomerPostingGroup,
    DefaultDimension,
    DetailedEntryType,
    GeneralLedgerEntry,
    GeneralLedgerRegister,
    GeneralProductPostingGroup,
    InvoiceStatus,
    Item,
    LineType,
    ReceivablesSetup,
    SalesDocument,
    SalesDocumentLine,
    TaxEntry,
    TaxGroup,
)
from debitor.ledger.sales_documents import (
    INVOICE,
    Kind,
    Precision,
    check_account,
    check_customer_open,
    check_discount,
    check_in_range,
    following,
    kind_of,
    refuse,
)
from debitor.schema import BLANK_DATE, Changes, Refused


@dataclass(frozen=True, slots=True)
class DocumentBooks:
    """All that posting one document may see.

    Attributes:
        number: the posted number; `number_used`: what has that number already, blank when it is free.
        sell_to, bill_to: the customers, None when the document names none (any more).
        currency: of the document, None for local currency.
        posting_group: of the bill-to customer.
        accounts: by number: every account that may be posted to, those of lines too.
        items: by id; product_groups, tax_groups: by code.
        sets: dimension sets of header and lines, by number.
        rules: id of a record (customer, item, account) -> the default dimensions that apply to it.
        user, now: who posts, and the time stamp of the transaction.
        olds: open entries of the bill-to customer, of the other side, to apply the document to, in order.
        on: the date of that application: not before any of them.
        terms: what the application needs besides; None when `olds` is empty.
        documents: customer ledger entry number -> the posted document behind it, for `olds`.
        salesperson_blocked: the salesperson is blocked for privacy.
        cancels: the document is posted to cancel those of `documents`.
    """

    setup: ReceivablesSetup
    number: str
    number_used: str
    sell_to: Customer | None
    bill_to: Customer | None
    currency: Currency | None
    posting_group: CustomerPostingGroup | None
    accounts: Mapping[str, Account]
    items: Mapping[str, Item]
    product_groups: Mapping[str, GeneralProductPostingGroup]
    tax_groups: Mapping[str, TaxGroup]
    sets: Mapping[int, Pairs]
    rules: Mapping[str, Sequence[DefaultDimension]]
    next: NextNumbers
    user: str
    now: str
    olds: Sequence[CustomerLedgerEntry] = ()
    on: date = BLANK_DATE
    terms: Terms | None = None
    documents: Mapping[int, SalesDocument] = field(default_factory=dict)
    cancels: bool = False
    salesperson_blocked: bool = False


@dataclass(frozen=True, slots=True)
class PostedDocument:
    """What posting a document changes. `entry` and `register` are among the inserted rows."""

    changes: Changes
    document: SalesDocument
    entry: CustomerLedgerEntry
    register: GeneralLedgerRegister


@dataclass(frozen=True, slots=True)
class _Group:
    """Lines that are posted together: accounts, tax, dimensions."""

    sales_account: str
    tax_account: str
    tax_code: str
    percent: Decimal
    dimension_set_number: int


def post_document(header: SalesDocument, lines: Sequence[SalesDocumentLine], books: DocumentBooks) -> PostedDocument:
    """Return every row that posting the draft adds and changes.

    Args:
        header: a draft; lines: all of its lines, by sequence.

    Raises:
        Refused: the document cannot be posted (see `_check_header`, `_check_lines`); nothing is to be written then.
    """
    assert not header.posted, "a posted document reached posting again"
    kind = kind_of(header)
    precision = Precision.of(books.currency, books.setup)
    bill_to, receivables = _check_header(header, lines, books, precision)
    groups = [_group_of(line, kind, books) for line in lines]
    _check_dimensions(header, lines, groups, books, receivables)
    _check_application(header, books)
    # After this point the posting must succeed.

    voucher = _voucher(header, books)
    general = _General(header, books, voucher)
    sales = _post_sales(general, lines, groups)
    entry = _customer_entry(header, books, bill_to, general, sales, precision)
    details = [Detail(entry, DetailedEntryType.INITIAL_ENTRY, entry.amount, entry.amount_lcy)]
    olds: Sequence[tuple[CustomerLedgerEntry, CustomerLedgerEntry]] = ()
    if books.olds and entry.open:
        assert books.terms is not None, "open entries come with the terms of their application"
        application = apply_entry(
            entry, books.olds, on=books.on, terms=books.terms, block_tolerance=bill_to.block_payment_tolerance
        )
        entry, olds = application.new, application.olds
        details += application.details
    _post_receivables(general, receivables, details, books)
    assert not sum((row.amount for row in general.entries), ZERO), "debits and credits differ"
    posted = replace(
        header,
        number=books.number,
        posted=True,
        status=_status(entry, books),
        ledger_entry_number=entry.entry_number,
        unposted_amount=ZERO,
    )
    register = entries.register_of(voucher, books.next.entry, general.number - 1, taxes=sales.taxes)
    detailed = []
    for at, detail in enumerate(details):
        on = header.posting_date if detail.entry_type == DetailedEntryType.INITIAL_ENTRY else books.on
        detailed.append(entries.detailed_entry(voucher, books.next.detailed + at, detail, on, entry.entry_number))
    inserts = [*general.entries, *sales.taxes, entry, *detailed, register]
    changes = Changes(insert=inserts, update=[(header, posted), *olds])
    changed = {new.entry_number: new for _, new in olds}
    for number, document in books.documents.items():
        if books.cancels:
            changes.update.append((document, replace(document, status=InvoiceStatus.CANCELED)))
        elif number in changed:
            changes.update.append((document, following(document, changed[number])))
    for line, group in zip(lines, groups, strict=True):
        sales_account = group.sales_account if group else ""
        tax_account = group.tax_account if group else ""
        done = replace(line, posted=True, sales_account=sales_account, tax_account=tax_account)
        changes.update.append((line, done))
    return PostedDocument(changes, posted, entry, register)


def _status(entry: CustomerLedgerEntry, books: DocumentBooks) -> InvoiceStatus:
    if books.cancels:
        return InvoiceStatus.CORRECTIVE
    return InvoiceStatus.OPEN if entry.open else InvoiceStatus.PAID


# --------------------------------------------------------------------------- checks


def _check_header(
    header: SalesDocument, lines: Sequence[SalesDocumentLine], books: DocumentBooks, precision: Precision
) -> tuple[Customer, Account]:
    """Return the customer who pays and the receivables account.

    Raises:
        Refused: no lines, a line without quantity, a blank field, a date out of range, a blocked customer, a negative
            total, a missing account, a number that is used.
    """
    kind = kind_of(header)
    name = f"{kind.noun} {header.draft_number}"
    selling = [line for line in lines if line.line_type != LineType.COMMENT]
    if not selling:
        raise refuse(
            f"{kind.noun.capitalize()} {header.draft_number} sells nothing. Add at least one line with an item or an "
            "account."
        )
    for line in selling:
        if not line.quantity:
            raise refuse(f"Line {line.sequence} of {name} has no quantity. Enter one.")
    blank = {
        "postingDate": header.posting_date == BLANK_DATE,
        kind.date: header.document_date == BLANK_DATE,
        "dueDate": header.due_date == BLANK_DATE,
        "customerNumber": books.sell_to is None,
        "billToCustomerNumber": books.bill_to is None,
    }
    for name_of, is_blank in blank.items():
        if is_blank:
            raise Refused(
                "Application_FieldValidationException",
                f"{name_of} must have a value in sales {name}.",
            )
    assert books.sell_to is not None, "checked above"
    assert books.bill_to is not None, "checked above"
    check_in_range(header.posting_date, books.setup)
    check_customer_open(books.sell_to, kind, posting=True)
    check_customer_open(books.bill_to, kind, posting=True)
    if books.salesperson_blocked:
        raise refuse(
            f"Salesperson {header.salesperson} of {name} is blocked for privacy. Choose another salesperson."
        )
    check_discount(header, lines, precision)
    if header.total_including_tax < 0:
        other = "a credit memo" if kind is INVOICE else "an invoice"
        raise refuse(
            f"The total of {name} is {plain(header.total_including_tax)}. It must not be negative; make {other}."
        )
    if books.number_used:
        raise refuse(f"The number {books.number} is used by {books.number_used}. Correct the number series.")
    if books.posting_group is None:
        raise _missing("customerPostingGroup", f"customer {books.bill_to.number}")
    where = f"customer posting group {books.posting_group.code}"
    receivables = _account(books.posting_group.receivables_account, "receivables account", where, books)
    return books.bill_to, receivables


def _missing(what: str, where: str) -> Refused:
    return Refused("Application_FieldValidationException", f"{where[0].upper()}{where[1:]} has no {what}. Enter one.")


def _account(number: str, what: str, where: str, books: DocumentBooks, *, direct: bool = False) -> Account:
    account = books.accounts.get(number) if number else None
    if account is None:
        raise _missing(what, where)
    check_account(account, direct=direct)
    return account


def _group_of(line: SalesDocumentLine, kind: Kind, books: DocumentBooks) -> _Group | None:
    """Return what the line is posted with; None for a comment.

    Raises:
        Refused: the item is blocked or gone, an account is missing or cannot be posted to.
    """
    if line.line_type == LineType.COMMENT:
        return None
    if line.line_type == LineType.ITEM:
        item = books.items.get(line.item_id)
        if item is None or item.blocked:
            state = "does not exist any more" if item is None else "is blocked"
            raise refuse(f"Item {line.line_object_number} on line {line.sequence} {state}.")
        group = books.product_groups.get(item.general_product_posting_group)
        if group is None:
            raise _missing("general product posting group", f"item {item.number}")
        where = f"general product posting group {group.code}"
        column = kind.sales_account
        sales = _account(getattr(group, column), column.replace("_", " "), where, books)
    else:
        group_of = books.posting_group
        rounds = group_of is not None and line.line_object_number == group_of.invoice_rounding_account
        where = f"line {line.sequence}"
        sales = _account(line.line_object_number, "account", where, books, direct=not rounds)
    tax_account = ""
    if line.tax_code:
        tax = books.tax_groups.get(line.tax_code)
        if tax is None:
            raise refuse(f"Tax code {line.tax_code} on line {line.sequence} does not exist any more.")
        if line.tax_percent:
            tax_account = _account(tax.tax_account, "tax account", f"tax group {tax.code}", books).number
    return _Group(sales.number, tax_account, line.tax_code, line.tax_percent, line.dimension_set_number)


def _check_dimensions(
    header: SalesDocument,
    lines: Sequence[SalesDocumentLine],
    groups: Sequence[_Group | None],
    books: DocumentBooks,
    receivables: Account,
) -> None:
    """Refuse dimensions that break a rule of a customer, an item or an account."""
    assert books.sell_to is not None, "the header was checked"
    assert books.bill_to is not None, "the header was checked"
    pairs = books.sets.get(header.dimension_set_number, {})
    name = f"{kind_of(header).noun} {header.draft_number}"
    where = name
    owners = {
        books.sell_to.id: f"customer {books.sell_to.number}",
        books.bill_to.id: f"customer {books.bill_to.number}",
        receivables.id: f"G/L account {receivables.number}",
    }
    for id, record in owners.items():
        check(pairs, books.rules.get(id, ()), record=record, where=where)
    for line, group in zip(lines, groups, strict=True):
        if group is None:
            continue
        pairs = books.sets.get(line.dimension_set_number, {})
        where = f"line {line.sequence} of {name}"
        if line.line_type == LineType.ITEM:
            check(pairs, books.rules.get(line.item_id, ()), record=f"item {line.line_object_number}", where=where)
        for number in (group.sales_account, group.tax_account):
            if number:
                rules = books.rules.get(books.accounts[number].id, ())
                check(pairs, rules, record=f"G/L account {number}", where=where)


def _check_application(header: SalesDocument, books: DocumentBooks) -> None:
    """Refuse a document that names one to be applied to, when that has nothing open or another currency."""
    number, kind = header.applies_to_document_number, kind_of(header)
    if not number or not header.total_including_tax:
        return
    assert books.bill_to is not None, "the header was checked"
    name = f"{kind.noun.capitalize()} {header.draft_number}"
    if not books.olds:
        raise Refused(
            "Internal_DataNotFoundFilter",
            f"{name} is applied to {kind.corrects.label} {number}, but customer {books.bill_to.number} has no open "
            "entry of that type and number. Clear the number, or correct it.",
        )
    currency = books.olds[0].currency_code
    assert books.terms is not None, "open entries come with the terms of their application"
    if not may_apply(books.setup, header.currency_code, currency, books.terms.currencies):
        raise refuse(
            f"{name} is in {header.currency_code or 'local currency'}, {kind.corrects.label} {number} in "
            f"{currency or 'local currency'}; the set-up does not allow entries in different currencies to be "
            "applied to each other."
        )


# --------------------------------------------------------------------------- entries


class _Converter:
    """Turns amounts of the document's currency, one after the other, into local currency that sums up exactly."""

    def __init__(self, factor: Decimal, precision: Decimal) -> None:
        self.factor, self.precision = factor, precision
        self.reached = self.given = ZERO

    def convert(self, amount: Decimal) -> Decimal:
        self.reached += amount
        upto = to_lcy(self.reached, self.factor, self.precision)
        part, self.given = upto - self.given, upto
        return part


def _voucher(header: SalesDocument, books: DocumentBooks) -> entries.Voucher:
    kind = kind_of(header)
    return entries.Voucher(
        transaction_number=books.next.transaction,
        register_number=books.next.register,
        posting_date=header.posting_date,
        document_date=header.document_date,
        document_type=kind.document_type,
        document_number=books.number,
        external_document_number=header.external_document_number,
        description=f"{kind.title} {header.draft_number}",
        dimension_set_number=header.dimension_set_number,
        source_code=books.setup.sales_source_code,
        user=books.user,
        now=books.now,
    )


class _General:
    """The G/L entries of the document, numbered as they are added."""

    def __init__(self, header: SalesDocument, books: DocumentBooks, voucher: entries.Voucher) -> None:
        self.header, self.books, self.voucher = header, books, voucher
        self.entries: list[GeneralLedgerEntry] = []

    @property
    def number(self) -> int:
        """The number of the next entry."""
        return self.books.next.entry + len(self.entries)

    def add(
        self, account: Account, amount: Decimal, dimensions: int, tax_amount: Decimal = ZERO
    ) -> GeneralLedgerEntry:
        entry = entries.general_entry(
            self.voucher,
            self.number,
            account,
            amount,
            source_type=AccountType.CUSTOMER,
            source_number=self.header.bill_to_customer_number,
            dimension_set_number=dimensions,
            tax_amount=tax_amount,
        )
        self.entries.append(entry)
        return entry


@dataclass(frozen=True, slots=True)
class _Sales:
    """The tax entries, and what the document adds to the customer's debt, in all and net, in local currency."""

    taxes: list[TaxEntry]
    total_lcy: Decimal
    net_lcy: Decimal


def _post_sales(general: _General, lines: Sequence[SalesDocumentLine], groups: Sequence[_Group | None]) -> _Sales:
    """Add the G/L entries of sales and tax, per group of lines."""
    header, books = general.header, general.books
    sign = kind_of(header).sign
    sums: dict[_Group, tuple[Decimal, Decimal]] = {}
    for line, group in zip(lines, groups, strict=True):
        if group:
            net, tax = sums.get(group, (ZERO, ZERO))
            sums[group] = (net + sign * line.net_amount, tax + sign * line.net_tax_amount)
    taxes: list[TaxEntry] = []
    converter = _Converter(header.currency_factor, books.setup.amount_rounding_precision)
    net_lcy = ZERO
    for group, (net, tax) in sums.items():
        net_part, tax_part = converter.convert(net), converter.convert(tax)
        net_lcy += net_part
        if not net_part and not tax_part:
            continue
        entry = general.add(books.accounts[group.sales_account], -net_part, group.dimension_set_number, -tax_part)
        if tax_part:
            general.add(books.accounts[group.tax_account], -tax_part, group.dimension_set_number)
        if group.tax_code:
            taxes.append(
                entries.tax_entry(
                    general.voucher,
                    books.next.tax + len(taxes),
                    entry,
                    tax_group_code=group.tax_code,
                    percent=group.percent,
                    customer_number=header.bill_to_customer_number,
                )
            )
    return _Sales(taxes, converter.given, net_lcy)


def _post_receivables(
    general: _General, receivables: Account, details: Sequence[Detail], books: DocumentBooks
) -> None:
    """Add the G/L side of the detailed entries: the receivables, then gains, losses and roundings.

    Raises:
        Refused: the posting group or the currency lacks the account of a gain, a loss or a rounding.
    """
    dimensions = general.header.dimension_set_number
    general.add(receivables, sum((detail.amount_lcy for detail in details), ZERO), dimensions)
    for detail in details:
        if detail.entry_type in (DetailedEntryType.INITIAL_ENTRY, DetailedEntryType.APPLICATION):
            continue
        if detail.amount_lcy:
            general.add(_detail_account(detail, books), -detail.amount_lcy, dimensions)


def _detail_account(detail: Detail, books: DocumentBooks) -> Account:
    assert books.terms is not None, "an application has terms"
    assert books.posting_group is not None, "the header was checked"
    found = detail_account(detail, books.posting_group, books.terms.currencies, books.setup)
    return posting_account(books.accounts, found.number, found.where)


def _customer_entry(
    header: SalesDocument,
    books: DocumentBooks,
    customer: Customer,
    general: _General,
    sales: _Sales,
    precision: Precision,
) -> CustomerLedgerEntry:
    """Return the entry before anything is applied to it, under the number of the next G/L entry."""
    sign = kind_of(header).sign
    total = sign * header.total_including_tax
    discount = sign * possible_discount(header, books.setup, precision)
    tolerance = sign * maximum_tolerance(header.total_including_tax, customer, books.currency, books.setup)
    return entries.customer_entry(
        general.voucher,
        general.number,
        customer,
        total,
        sales.total_lcy,
        currency_code=header.currency_code,
        currency_factor=header.currency_factor,
        due_date=header.due_date,
        customer_posting_group=customer.customer_posting_group,
        payment_discount_date=header.discount_date,
        payment_discount_tolerance_date=tolerance_date(header.discount_date, books.setup),
        original_payment_discount_possible=discount,
        remaining_payment_discount_possible=discount,
        maximum_payment_tolerance=tolerance,
        closed_at_date=BLANK_DATE if total else header.posting_date,
        sales_lcy=sales.net_lcy,
        salesperson_code=header.salesperson,
        payment_method_id=header.payment_method_id,
        source_id=header.id,
    )
