"""Posting a sales invoice: the entries that it makes, all in one transaction.

Net 800 at 25 % tax, next entry number 3, next detailed entry 7:

    G/L entry 3   sales          -800
    G/L entry 4   tax            -200   and tax entry: base -800, amount -200
    G/L entry 5   receivables    1000   and customer ledger entry 5, detailed entry 7 Initial 1000

Lines with equal sales account, tax code, percent and dimensions are posted together. An invoice in foreign currency
is converted so that the entries sum to zero: the running total of its amounts is rounded, and each entry takes the
difference to the total before it.

A customer with the method Apply to Oldest has open payments and credit memos, which the new invoice takes up at once.
A payment method with a balancing account pays it at once: `payment_line` is then posted after the invoice.

Source: BCApps SalesPost.Codeunit.al, SalesPostInvoice.Codeunit.al, GenJnlPostLine.Codeunit.al, retold.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from msgspec.structs import replace

from debitor.ledger.amounts import ZERO, plain, round_to
from debitor.ledger.apply import Detail, Terms, apply_entry
from debitor.ledger.currencies import to_lcy
from debitor.ledger.dates import calculate
from debitor.ledger.detail_accounts import detail_account
from debitor.ledger.dimensions import Pairs, check
from debitor.ledger.invoices import (
    HUNDRED,
    LINE_STEP,
    Precision,
    check_account,
    check_customer_open,
    check_discount,
    check_in_range,
    refuse,
)
from debitor.ledger.numbering import NextNumbers
from debitor.ledger.records import (
    Account,
    AccountType,
    Currency,
    Customer,
    CustomerLedgerEntry,
    CustomerPostingGroup,
    DefaultDimension,
    DetailedEntry,
    DetailedEntryType,
    DocumentType,
    GeneralLedgerEntry,
    GeneralLedgerRegister,
    GeneralProductPostingGroup,
    InvoiceStatus,
    Item,
    JournalLine,
    LineType,
    PaymentMethod,
    ReceivablesSetup,
    SalesInvoice,
    SalesInvoiceLine,
    TaxEntry,
    TaxGroup,
)
from debitor.schema import BLANK_DATE, BLANK_GUID, Changes, Refused, Row


@dataclass(frozen=True, slots=True)
class InvoiceBooks:
    """All that posting one invoice may see.

    Attributes:
        number: the posted number; `number_used`: what has that number already, blank when it is free.
        sell_to, bill_to: the customers, None when the invoice names none (any more).
        currency: of the invoice, None for local currency.
        posting_group: of the bill-to customer.
        accounts: by number: every account that may be posted to, those of lines too.
        items: by id; product_groups, tax_groups: by code.
        sets: dimension sets of header and lines, by number.
        rules: id of a record (customer, item, account) -> the default dimensions that apply to it.
        user, now: who posts, and the time stamp of the transaction.
        olds: open credit entries of the bill-to customer to apply the invoice to, in order; none from later dates.
        terms: what the application needs besides; None when `olds` is empty.
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
    terms: Terms | None = None


@dataclass(frozen=True, slots=True)
class PostedInvoice:
    """What posting an invoice changes. `entry` and `register` are among the inserted rows."""

    changes: Changes
    invoice: SalesInvoice
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


def post_invoice(header: SalesInvoice, lines: Sequence[SalesInvoiceLine], books: InvoiceBooks) -> PostedInvoice:
    """Return every row that posting the draft adds and changes.

    Args:
        header: a draft; lines: all of its lines, by sequence.

    Raises:
        Refused: the invoice cannot be posted (see `_check_header`, `_check_lines`); nothing is to be written then.
    """
    assert not header.posted, "a posted invoice reached posting again"
    precision = Precision.of(books.currency, books.setup)
    bill_to, receivables = _check_header(header, lines, books, precision)
    groups = [_group_of(line, books) for line in lines]
    _check_dimensions(header, lines, groups, books, receivables)
    # After this point the posting must succeed.

    general = _General(header, books)
    sales = _post_sales(general, lines, groups)
    entry = _customer_entry(header, books, bill_to, general, sales, precision)
    details = [Detail(entry, DetailedEntryType.INITIAL_ENTRY, entry.amount, entry.amount_lcy)]
    olds: Sequence[tuple[CustomerLedgerEntry, CustomerLedgerEntry]] = ()
    if books.olds and entry.open:
        assert books.terms is not None, "open entries come with the terms of their application"
        application = apply_entry(
            entry,
            books.olds,
            on=header.posting_date,
            terms=books.terms,
            block_tolerance=bill_to.block_payment_tolerance,
        )
        entry, olds = application.new, application.olds
        details += application.details
    _post_receivables(general, receivables, details, books)
    assert not sum((row.amount for row in general.entries), ZERO), "debits and credits differ"
    posted = replace(
        header,
        number=books.number,
        posted=True,
        status=InvoiceStatus.OPEN if entry.open else InvoiceStatus.PAID,
        ledger_entry_number=entry.entry_number,
        unposted_amount=ZERO,
    )
    register = _register(header, books, general, sales.taxes)
    detailed = [_detailed(detail, at, header, books, entry) for at, detail in enumerate(details)]
    inserts = [*general.entries, *sales.taxes, entry, *detailed, register]
    changes = Changes(insert=inserts, update=[(header, posted), *olds])
    for line, group in zip(lines, groups, strict=True):
        sales_account = group.sales_account if group else ""
        tax_account = group.tax_account if group else ""
        changed = replace(line, posted=True, sales_account=sales_account, tax_account=tax_account)
        changes.update.append((line, changed))
    return PostedInvoice(changes, posted, entry, register)


# --------------------------------------------------------------------------- checks


def _check_header(
    header: SalesInvoice, lines: Sequence[SalesInvoiceLine], books: InvoiceBooks, precision: Precision
) -> tuple[Customer, Account]:
    """Return the customer who pays and the receivables account.

    Raises:
        Refused: no lines, a line without quantity, a blank field, a date out of range, a blocked customer, a negative
            total, a missing account, a number that is used.
    """
    selling = [line for line in lines if line.line_type != LineType.COMMENT]
    if not selling:
        raise refuse(
            f"Invoice {header.draft_number} sells nothing. Add at least one line with an item or an account."
        )
    for line in selling:
        if not line.quantity:
            raise refuse(f"Line {line.sequence} of invoice {header.draft_number} has no quantity. Enter one.")
    blank = {
        "postingDate": header.posting_date == BLANK_DATE,
        "invoiceDate": header.invoice_date == BLANK_DATE,
        "dueDate": header.due_date == BLANK_DATE,
        "customerNumber": books.sell_to is None,
        "billToCustomerNumber": books.bill_to is None,
    }
    for field, is_blank in blank.items():
        if is_blank:
            raise Refused(
                "Application_FieldValidationException",
                f"{field} must have a value in sales invoice {header.draft_number}.",
            )
    assert books.sell_to is not None, "checked above"
    assert books.bill_to is not None, "checked above"
    check_in_range(header.posting_date, books.setup)
    check_customer_open(books.sell_to, posting=True)
    check_customer_open(books.bill_to, posting=True)
    check_discount(header, lines, precision)
    if header.total_including_tax < 0:
        raise refuse(
            f"The total of invoice {header.draft_number} is {plain(header.total_including_tax)}. An invoice must not "
            "be negative; make a credit memo."
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


def _account(number: str, what: str, where: str, books: InvoiceBooks, *, direct: bool = False) -> Account:
    account = books.accounts.get(number) if number else None
    if account is None:
        raise _missing(what, where)
    check_account(account, direct=direct)
    return account


def _group_of(line: SalesInvoiceLine, books: InvoiceBooks) -> _Group | None:
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
        sales = _account(group.sales_account, "sales account", where, books)
    else:
        sales = _account(line.line_object_number, "account", f"line {line.sequence}", books, direct=True)
    tax_account = ""
    if line.tax_code:
        tax = books.tax_groups.get(line.tax_code)
        if tax is None:
            raise refuse(f"Tax code {line.tax_code} on line {line.sequence} does not exist any more.")
        if line.tax_percent:
            tax_account = _account(tax.tax_account, "tax account", f"tax group {tax.code}", books).number
    return _Group(sales.number, tax_account, line.tax_code, line.tax_percent, line.dimension_set_number)


def _check_dimensions(
    header: SalesInvoice,
    lines: Sequence[SalesInvoiceLine],
    groups: Sequence[_Group | None],
    books: InvoiceBooks,
    receivables: Account,
) -> None:
    """Refuse dimensions that break a rule of a customer, an item or an account."""
    assert books.sell_to is not None, "the header was checked"
    assert books.bill_to is not None, "the header was checked"
    pairs = books.sets.get(header.dimension_set_number, {})
    where = f"invoice {header.draft_number}"
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
        where = f"line {line.sequence} of invoice {header.draft_number}"
        if line.line_type == LineType.ITEM:
            check(pairs, books.rules.get(line.item_id, ()), record=f"item {line.line_object_number}", where=where)
        for number in (group.sales_account, group.tax_account):
            if number:
                rules = books.rules.get(books.accounts[number].id, ())
                check(pairs, rules, record=f"G/L account {number}", where=where)


# --------------------------------------------------------------------------- entries


class _Converter:
    """Turns amounts of the invoice's currency, one after the other, into local currency that sums up exactly."""

    def __init__(self, factor: Decimal, precision: Decimal) -> None:
        self.factor, self.precision = factor, precision
        self.reached = self.given = ZERO

    def convert(self, amount: Decimal) -> Decimal:
        self.reached += amount
        upto = to_lcy(self.reached, self.factor, self.precision)
        part, self.given = upto - self.given, upto
        return part


class _General:
    """The G/L entries of the invoice, numbered as they are added."""

    def __init__(self, header: SalesInvoice, books: InvoiceBooks) -> None:
        self.header, self.books = header, books
        self.entries: list[GeneralLedgerEntry] = []

    @property
    def number(self) -> int:
        """The number of the next entry."""
        return self.books.next.entry + len(self.entries)

    def add(self, account: Account, amount: Decimal, dimensions: int, tax_amount: Decimal = ZERO) -> None:
        header, books = self.header, self.books
        self.entries.append(
            GeneralLedgerEntry(
                entry_number=self.number,
                transaction_number=books.next.transaction,
                register_number=books.next.register,
                account_id=account.id,
                account_number=account.number,
                posting_date=header.posting_date,
                document_date=header.invoice_date,
                document_type=DocumentType.INVOICE,
                document_number=books.number,
                external_document_number=header.external_document_number,
                description=_description(header),
                amount=amount,
                debit_amount=max(amount, ZERO),
                credit_amount=max(-amount, ZERO),
                tax_amount=tax_amount,
                source_type=AccountType.CUSTOMER,
                source_number=header.bill_to_customer_number,
                dimension_set_number=dimensions,
                source_code=books.setup.sales_source_code,
                user_id=books.user,
                created_at=books.now,
            )
        )


@dataclass(frozen=True, slots=True)
class _Sales:
    """The tax entries, and the invoice's total and net amount in local currency."""

    taxes: list[TaxEntry]
    total_lcy: Decimal
    net_lcy: Decimal


def _description(header: SalesInvoice) -> str:
    return f"Invoice {header.draft_number}"


def _post_sales(general: _General, lines: Sequence[SalesInvoiceLine], groups: Sequence[_Group | None]) -> _Sales:
    """Add the G/L entries of sales and tax, per group of lines."""
    header, books = general.header, general.books
    sums: dict[_Group, tuple[Decimal, Decimal]] = {}
    for line, group in zip(lines, groups, strict=True):
        if group:
            net, tax = sums.get(group, (ZERO, ZERO))
            sums[group] = (net + line.net_amount, tax + line.net_tax_amount)
    taxes: list[TaxEntry] = []
    converter = _Converter(header.currency_factor, books.setup.amount_rounding_precision)
    net_lcy = ZERO
    for group, (net, tax) in sums.items():
        net_part, tax_part = converter.convert(net), converter.convert(tax)
        net_lcy += net_part
        if not net_part and not tax_part:
            continue
        sales_entry = general.number
        general.add(books.accounts[group.sales_account], -net_part, group.dimension_set_number, -tax_part)
        if tax_part:
            general.add(books.accounts[group.tax_account], -tax_part, group.dimension_set_number)
        if group.tax_code:
            taxes.append(
                TaxEntry(
                    entry_number=books.next.tax + len(taxes),
                    transaction_number=books.next.transaction,
                    general_ledger_entry_number=sales_entry,
                    posting_date=header.posting_date,
                    document_type=DocumentType.INVOICE,
                    document_number=books.number,
                    tax_group_code=group.tax_code,
                    percent=group.percent,
                    base=-net_part,
                    amount=-tax_part,
                    bill_to_customer_number=header.bill_to_customer_number,
                    source_code=books.setup.sales_source_code,
                    user_id=books.user,
                    created_at=books.now,
                )
            )
    return _Sales(taxes, converter.given, net_lcy)


def _post_receivables(
    general: _General, receivables: Account, details: Sequence[Detail], books: InvoiceBooks
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


def _detail_account(detail: Detail, books: InvoiceBooks) -> Account:
    assert books.terms is not None, "an application has terms"
    assert books.posting_group is not None, "the header was checked"
    found = detail_account(detail, books.posting_group, books.terms.currencies, books.setup)
    return _account(found.number, found.column.replace("_", " "), found.where, books)


def _detailed(
    detail: Detail, at: int, header: SalesInvoice, books: InvoiceBooks, new: CustomerLedgerEntry
) -> DetailedEntry:
    """Return the row of a detailed entry; both of its amounts stand on the same side."""
    of, amount, lcy = detail.entry, detail.amount, detail.amount_lcy
    debit = amount > 0 or lcy > 0
    return DetailedEntry(
        entry_number=books.next.detailed + at,
        ledger_entry_number=of.entry_number,
        entry_type=detail.entry_type,
        transaction_number=books.next.transaction,
        posting_date=header.posting_date,
        document_type=DocumentType.INVOICE,
        document_number=books.number,
        customer_id=of.customer_id,
        customer_number=of.customer_number,
        currency_code=of.currency_code,
        amount=amount,
        amount_lcy=lcy,
        debit_amount=amount if debit else ZERO,
        credit_amount=ZERO if debit else -amount,
        debit_amount_lcy=lcy if debit else ZERO,
        credit_amount_lcy=ZERO if debit else -lcy,
        applied_ledger_entry_number=new.entry_number if detail.entry_type == DetailedEntryType.APPLICATION else 0,
        initial_due_date=of.due_date,
        initial_document_type=of.document_type,
        source_code=books.setup.sales_source_code,
        user_id=books.user,
        created_at=books.now,
    )


def _customer_entry(
    header: SalesInvoice,
    books: InvoiceBooks,
    customer: Customer,
    general: _General,
    sales: _Sales,
    precision: Precision,
) -> CustomerLedgerEntry:
    """Return the entry before anything is applied to it, under the number of the next G/L entry."""
    total, total_lcy = header.total_including_tax, sales.total_lcy
    discount = possible_discount(header, books.setup, precision)
    is_open = bool(total)
    return CustomerLedgerEntry(
        entry_number=general.number,
        transaction_number=books.next.transaction,
        customer_id=customer.id,
        customer_number=customer.number,
        posting_date=header.posting_date,
        document_date=header.invoice_date,
        document_type=DocumentType.INVOICE,
        document_number=books.number,
        external_document_number=header.external_document_number,
        description=_description(header),
        currency_code=header.currency_code,
        original_amount=total,
        original_amount_lcy=total_lcy,
        amount=total,
        amount_lcy=total_lcy,
        remaining_amount=total,
        remaining_amount_lcy=total_lcy,
        original_currency_factor=header.currency_factor,
        adjusted_currency_factor=header.currency_factor,
        customer_posting_group=customer.customer_posting_group,
        due_date=header.due_date,
        payment_discount_date=header.discount_date,
        payment_discount_tolerance_date=_tolerance_date(header.discount_date, books.setup),
        original_payment_discount_possible=discount,
        remaining_payment_discount_possible=discount,
        maximum_payment_tolerance=maximum_tolerance(total, customer, books.currency, books.setup),
        open=is_open,
        positive=total > 0,
        closed_at_date=BLANK_DATE if is_open else header.posting_date,
        sales_lcy=sales.net_lcy,
        salesperson_code=header.salesperson,
        payment_method_id=header.payment_method_id,
        dimension_set_number=header.dimension_set_number,
        source_code=books.setup.sales_source_code,
        user_id=books.user,
        source_id=header.id,
        created_at=books.now,
    )


def _register(
    header: SalesInvoice, books: InvoiceBooks, general: _General, taxes: Sequence[TaxEntry]
) -> GeneralLedgerRegister:
    return GeneralLedgerRegister(
        number=books.next.register,
        from_entry_number=books.next.entry,
        to_entry_number=general.number - 1,
        from_tax_entry_number=taxes[0].entry_number if taxes else 0,
        to_tax_entry_number=taxes[-1].entry_number if taxes else 0,
        source_code=books.setup.sales_source_code,
        posting_date=header.posting_date,
        user_id=books.user,
        created_at=books.now,
    )


# --------------------------------------------------------------------------- paid at once


def payment_line(
    posted: PostedInvoice, method: PaymentMethod, balancing_account_id: str, setup: ReceivablesSetup
) -> JournalLine:
    """Return the journal line that pays a posted invoice at once, to the balancing account of its payment method.

    It pays what remains less the payment discount that is still possible on that day, has the invoice's number, and
    is applied to it.
    """
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
        document_type=DocumentType.PAYMENT,
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
        applies_to_document_type=DocumentType.INVOICE,
        applies_to_document_number=entry.document_number,
        customer_posting_group=entry.customer_posting_group,
        payment_method_id=method.id,
        salesperson_code=entry.salesperson_code,
        dimension_set_number=entry.dimension_set_number,
    )


def paid_at_once(posted: PostedInvoice, payment: Changes) -> Changes:
    """Return one set of changes for an invoice and the payment posted with it, in one register.

    Args:
        payment: what posting `payment_line` changes, in books whose only open entry is the invoice's, under the same
            transaction and register. The line and its journal exist for this one act and are not kept.
    """
    registers = [row for row in payment.insert if isinstance(row, GeneralLedgerRegister)]
    assert [r.number for r in registers] == [posted.register.number], "the payment has a register of its own"
    register = replace(posted.register, to_entry_number=registers[0].to_entry_number)
    later: dict[type[Row], Row] = {CustomerLedgerEntry: posted.entry, SalesInvoice: posted.invoice}
    for old, new in payment.update:
        if type(old) in later:
            assert old is later[type(old)], "the payment changed something else than its invoice"
            later[type(old)] = new
    inserts: list[Row] = [later[CustomerLedgerEntry] if row is posted.entry else row for row in posted.changes.insert]
    inserts = [register if row is posted.register else row for row in inserts]
    inserts += [row for row in payment.insert if row is not registers[0]]
    updates = [(old, later[SalesInvoice] if new is posted.invoice else new) for old, new in posted.changes.update]
    return Changes(insert=inserts, update=updates)


# --------------------------------------------------------------------------- discount and tolerance


def possible_discount(header: SalesInvoice, setup: ReceivablesSetup, precision: Precision) -> Decimal:
    """Return the discount for paying early, in the invoice's currency; zero once its last day has passed.

    The last day is the discount date plus the grace period of the set-up.
    """
    if not header.payment_discount_percent or _tolerance_date(header.discount_date, setup) < header.posting_date:
        return ZERO
    base = header.total_excluding_tax if setup.payment_discount_excludes_tax else header.total_including_tax
    return round_to(base * header.payment_discount_percent / HUNDRED, precision.amount)


def _tolerance_date(discount_date: date, setup: ReceivablesSetup) -> date:
    """The last day on which a late payment may still get the discount."""
    return calculate(setup.payment_discount_grace_period, discount_date)


def maximum_tolerance(
    amount: Decimal, customer: Customer, currency: Currency | None, setup: ReceivablesSetup
) -> Decimal:
    """Return how much a payment may differ from the invoice and still close it, in the invoice's currency.

    The smaller of the percent of the amount and the fixed maximum (a percent of zero: the maximum; a maximum of zero:
    the percent), never more than the amount. Percent and maximum are the currency's, or the set-up's for local
    currency.
    """
    if customer.block_payment_tolerance:
        return ZERO
    percent = currency.payment_tolerance_percent if currency else setup.payment_tolerance_percent
    maximum = currency.maximum_payment_tolerance_amount if currency else setup.maximum_payment_tolerance_amount
    precision = currency.amount_rounding_precision if currency else setup.amount_rounding_precision
    by_percent = round_to(amount * percent / HUNDRED, precision)
    if not percent:
        tolerance = maximum
    elif not maximum:
        tolerance = by_percent
    else:
        tolerance = min(by_percent, maximum)
    return min(tolerance, amount)
