"""Posting a sales invoice: the entries that it makes, all in one transaction.

Net 800 at 25 % tax, next entry number 3, next detailed entry 7:

    G/L entry 3   sales          -800
    G/L entry 4   tax            -200   and tax entry: base -800, amount -200
    G/L entry 5   receivables    1000   and customer ledger entry 5, detailed entry 7 Initial 1000

Lines with equal sales account, tax code, percent and dimensions are posted together. An invoice in foreign currency
is converted so that the entries sum to zero: the running total of its amounts is rounded, and each entry takes the
difference to the total before it.

Source: BCApps SalesPost.Codeunit.al, SalesPostInvoice.Codeunit.al, GenJnlPostLine.Codeunit.al, retold.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from msgspec.structs import replace

from debitor.ledger.amounts import ZERO, plain, round_to
from debitor.ledger.currencies import to_lcy
from debitor.ledger.dates import calculate
from debitor.ledger.dimensions import Pairs, check
from debitor.ledger.invoices import (
    HUNDRED,
    Precision,
    check_account,
    check_customer_open,
    check_discount,
    check_in_range,
    refuse,
)
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
    LineType,
    ReceivablesSetup,
    SalesInvoice,
    SalesInvoiceLine,
    TaxEntry,
    TaxGroup,
)
from debitor.schema import BLANK_DATE, Changes, Refused


@dataclass(frozen=True, slots=True)
class NextNumbers:
    """The next free number of each ledger. Customer ledger entries share the numbers of G/L entries."""

    entry: int
    detailed: int
    tax: int
    transaction: int
    register: int


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


@dataclass(frozen=True, slots=True)
class PostedInvoice:
    """What posting an invoice changes. `entry` and `detailed` are among the inserted rows."""

    changes: Changes
    invoice: SalesInvoice
    entry: CustomerLedgerEntry
    detailed: DetailedEntry


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

    made = _general_entries(header, lines, groups, books, receivables)
    assert not sum((entry.amount for entry in made.general), ZERO), "debits and credits differ"
    detailed = _initial_entry(header, books, bill_to, made)
    entry = _customer_entry(header, books, bill_to, made, precision)
    posted = replace(
        header,
        number=books.number,
        posted=True,
        status=InvoiceStatus.OPEN if entry.open else InvoiceStatus.PAID,
        ledger_entry_number=entry.entry_number,
        unposted_amount=ZERO,
    )
    inserts = [*made.general, *made.taxes, entry, detailed, _register(header, books, made)]
    changes = Changes(insert=inserts, update=[(header, posted)])
    for line, group in zip(lines, groups, strict=True):
        sales_account = group.sales_account if group else ""
        tax_account = group.tax_account if group else ""
        changed = replace(line, posted=True, sales_account=sales_account, tax_account=tax_account)
        changes.update.append((line, changed))
    return PostedInvoice(changes, posted, entry, detailed)


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


@dataclass(frozen=True, slots=True)
class _Made:
    """G/L entries (the receivables last), tax entries, and the invoice's total and net amount in local currency."""

    general: list[GeneralLedgerEntry]
    taxes: list[TaxEntry]
    total_lcy: Decimal
    net_lcy: Decimal


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


def _general_entries(
    header: SalesInvoice,
    lines: Sequence[SalesInvoiceLine],
    groups: Sequence[_Group | None],
    books: InvoiceBooks,
    receivables: Account,
) -> _Made:
    """Return the entries of sales and tax per group, then of the receivables."""
    numbers = books.next
    description = f"Invoice {header.draft_number}"
    sums: dict[_Group, tuple[Decimal, Decimal]] = {}
    for line, group in zip(lines, groups, strict=True):
        if group:
            net, tax = sums.get(group, (ZERO, ZERO))
            sums[group] = (net + line.net_amount, tax + line.net_tax_amount)

    general: list[GeneralLedgerEntry] = []
    taxes: list[TaxEntry] = []

    def add(account: Account, amount: Decimal, dimensions: int, tax_amount: Decimal = ZERO) -> None:
        general.append(
            GeneralLedgerEntry(
                entry_number=numbers.entry + len(general),
                transaction_number=numbers.transaction,
                register_number=numbers.register,
                account_id=account.id,
                account_number=account.number,
                posting_date=header.posting_date,
                document_date=header.invoice_date,
                document_type=DocumentType.INVOICE,
                document_number=books.number,
                external_document_number=header.external_document_number,
                description=description,
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

    converter = _Converter(header.currency_factor, books.setup.amount_rounding_precision)
    net_lcy = ZERO
    for group, (net, tax) in sums.items():
        net_part, tax_part = converter.convert(net), converter.convert(tax)
        net_lcy += net_part
        sales_entry = numbers.entry + len(general)
        if net_part or tax_part:
            add(books.accounts[group.sales_account], -net_part, group.dimension_set_number, -tax_part)
        if tax_part:
            add(books.accounts[group.tax_account], -tax_part, group.dimension_set_number)
        if group.tax_code and (net_part or tax_part):
            taxes.append(
                TaxEntry(
                    entry_number=numbers.tax + len(taxes),
                    transaction_number=numbers.transaction,
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
    total_lcy = converter.given
    add(receivables, total_lcy, header.dimension_set_number)
    return _Made(general, taxes, total_lcy, net_lcy)


def _in_common(header: SalesInvoice, books: InvoiceBooks, customer: Customer) -> dict[str, Any]:
    """What the customer ledger entry and its detailed entry share."""
    return {
        "transaction_number": books.next.transaction,
        "posting_date": header.posting_date,
        "document_type": DocumentType.INVOICE,
        "document_number": books.number,
        "customer_id": customer.id,
        "customer_number": customer.number,
        "currency_code": header.currency_code,
        "source_code": books.setup.sales_source_code,
        "user_id": books.user,
        "created_at": books.now,
    }


def _initial_entry(header: SalesInvoice, books: InvoiceBooks, customer: Customer, made: _Made) -> DetailedEntry:
    total, total_lcy = header.total_including_tax, made.total_lcy
    return DetailedEntry(
        entry_number=books.next.detailed,
        ledger_entry_number=made.general[-1].entry_number,
        entry_type=DetailedEntryType.INITIAL_ENTRY,
        amount=total,
        amount_lcy=total_lcy,
        debit_amount=max(total, ZERO),
        credit_amount=max(-total, ZERO),
        debit_amount_lcy=max(total_lcy, ZERO),
        credit_amount_lcy=max(-total_lcy, ZERO),
        initial_due_date=header.due_date,
        initial_document_type=DocumentType.INVOICE,
        **_in_common(header, books, customer),
    )


def _customer_entry(
    header: SalesInvoice, books: InvoiceBooks, customer: Customer, made: _Made, precision: Precision
) -> CustomerLedgerEntry:
    total, total_lcy = header.total_including_tax, made.total_lcy
    discount = possible_discount(header, books.setup, precision)
    is_open = bool(total)
    return CustomerLedgerEntry(
        entry_number=made.general[-1].entry_number,
        document_date=header.invoice_date,
        external_document_number=header.external_document_number,
        description=made.general[-1].description,
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
        sales_lcy=made.net_lcy,
        salesperson_code=header.salesperson,
        payment_method_id=header.payment_method_id,
        dimension_set_number=header.dimension_set_number,
        source_id=header.id,
        **_in_common(header, books, customer),
    )


def _register(header: SalesInvoice, books: InvoiceBooks, made: _Made) -> GeneralLedgerRegister:
    return GeneralLedgerRegister(
        number=books.next.register,
        from_entry_number=made.general[0].entry_number,
        to_entry_number=made.general[-1].entry_number,
        from_tax_entry_number=made.taxes[0].entry_number if made.taxes else 0,
        to_tax_entry_number=made.taxes[-1].entry_number if made.taxes else 0,
        source_code=books.setup.sales_source_code,
        posting_date=header.posting_date,
        user_id=books.user,
        created_at=books.now,
    )


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
