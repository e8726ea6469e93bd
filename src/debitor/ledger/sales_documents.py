"""Completing an invoice or a credit memo: what a draft's header and lines become before they are stored.

Amounts of a line, in the document's currency (precision 0.01), prices without tax; invoice discount 50 on two lines:

    line   quantity x price   line discount   before   discount share   net     tax 25 %   with tax
    1      3 x 100.00         10 % = 30.00    270.00   33.75            236.25  59.06      295.31
    2      1 x 130.00         -               130.00   16.25            113.75  28.44      142.19
    total                                     400.00   50.00            350.00  87.50      437.50

Tax is rounded per group (tax code, percent, sign), not per line: 350.00 at 25 % is 87.50, which the lines share with
the rounding remainder carried forward (59.0625 -> 59.06, the rest to the next line). With prices including tax the
group's tax is taken out of the amounts instead: 25/125 of them.

Source: BCApps SalesHeader.Table.al, SalesLine.Table.al (UpdateVATOnLines), retold.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import TypeVar

from msgspec.structs import replace

from debitor.ledger.amounts import ZERO, plain, round_to, split
from debitor.ledger.dates import calculate
from debitor.ledger.records import (
    Account,
    Currency,
    Customer,
    CustomerLedgerEntry,
    DocumentType,
    GLAccountType,
    InvoiceStatus,
    Item,
    LineType,
    PaymentTerm,
    ReceivablesSetup,
    SalesCreditMemo,
    SalesCreditMemoLine,
    SalesDocument,
    SalesDocumentLine,
    SalesInvoice,
    SalesInvoiceLine,
    TaxGroup,
    TaxType,
)
from debitor.schema import BLANK_DATE, BLANK_GUID, LARGEST, Refused

LINE_STEP = 10000
HUNDRED = Decimal(100)
FINEST = Decimal("0.00001")
"""The precision of quantities and percentages."""


D = TypeVar("D", bound=SalesDocument)
L = TypeVar("L", bound=SalesDocumentLine)


@dataclass(frozen=True, slots=True)
class Kind:
    """What invoices and credit memos differ in.

    Attributes:
        noun: what messages call it; title: what descriptions of entries begin with.
        sign: 1 when posting makes the customer owe more, -1 when less.
        document, line: the rows.
        entity_set, lines, date: how clients name the set, its lines, and the document date.
        numbers, posted_numbers: columns of the set-up that name the number series.
        numbers_name, posted_numbers_name: how clients name those.
        sales_account: the column of the product posting group.
        corrects: the type of the documents that it can be applied to by name.
        payment: the type of the entry that settles it at once.
    """

    document_type: DocumentType
    noun: str
    title: str
    sign: int
    document: type[SalesDocument]
    line: type[SalesDocumentLine]
    entity_set: str
    lines: str
    date: str
    numbers: str
    posted_numbers: str
    numbers_name: str
    posted_numbers_name: str
    sales_account: str
    corrects: DocumentType
    payment: DocumentType


INVOICE = Kind(
    document_type=DocumentType.INVOICE,
    noun="invoice",
    title="Invoice",
    sign=1,
    document=SalesInvoice,
    line=SalesInvoiceLine,
    entity_set="salesInvoices",
    lines="salesInvoiceLines",
    date="invoiceDate",
    numbers="sales_invoice_numbers",
    posted_numbers="posted_sales_invoice_numbers",
    numbers_name="salesInvoiceNumbers",
    posted_numbers_name="postedSalesInvoiceNumbers",
    sales_account="sales_account",
    corrects=DocumentType.CREDIT_MEMO,
    payment=DocumentType.PAYMENT,
)
CREDIT_MEMO = Kind(
    document_type=DocumentType.CREDIT_MEMO,
    noun="credit memo",
    title="Credit Memo",
    sign=-1,
    document=SalesCreditMemo,
    line=SalesCreditMemoLine,
    entity_set="salesCreditMemos",
    lines="salesCreditMemoLines",
    date="creditMemoDate",
    numbers="credit_memo_numbers",
    posted_numbers="posted_credit_memo_numbers",
    numbers_name="creditMemoNumbers",
    posted_numbers_name="postedCreditMemoNumbers",
    sales_account="sales_credit_memo_account",
    corrects=DocumentType.INVOICE,
    payment=DocumentType.REFUND,
)
_KINDS: dict[type, Kind] = {kind.document: kind for kind in (INVOICE, CREDIT_MEMO)}


def kind_of(header: SalesDocument) -> Kind:
    """Return whether a document is an invoice or a credit memo."""
    return _KINDS[type(header)]


def following(document: D, entry: CustomerLedgerEntry) -> D:
    """Return a posted document with the status that its customer ledger entry gives it; Canceled stays."""
    if document.status not in (InvoiceStatus.OPEN, InvoiceStatus.PAID):
        return document
    return replace(document, status=InvoiceStatus.OPEN if entry.open else InvoiceStatus.PAID)


def refuse(message: str) -> Refused:
    """The refusal of a business rule."""
    return Refused("Application_DialogException", message)


@dataclass(frozen=True, slots=True)
class Precision:
    """The smallest amount and the smallest unit price of a document's currency."""

    amount: Decimal
    unit: Decimal

    @staticmethod
    def of(currency: Currency | None, setup: ReceivablesSetup) -> Precision:
        """The precision of a currency, None for local currency."""
        amount = currency.amount_rounding_precision if currency else setup.amount_rounding_precision
        return Precision(amount, setup.unit_amount_rounding_precision)


# --------------------------------------------------------------------------- the header


def with_customer(header: D, customer: Customer) -> D:
    """Return the header with a customer to sell to: name, addresses, how to reach them."""
    return replace(
        header,
        customer_id=customer.id,
        customer_number=customer.number,
        customer_name=customer.display_name,
        sell_to_address_line_1=customer.address_line_1,
        sell_to_address_line_2=customer.address_line_2,
        sell_to_city=customer.city,
        sell_to_country=customer.country,
        sell_to_state=customer.state,
        sell_to_post_code=customer.postal_code,
        ship_to_name=customer.display_name,
        ship_to_contact="",
        ship_to_address_line_1=customer.address_line_1,
        ship_to_address_line_2=customer.address_line_2,
        ship_to_city=customer.city,
        ship_to_country=customer.country,
        ship_to_state=customer.state,
        ship_to_post_code=customer.postal_code,
        shipment_method_id=customer.shipment_method_id,
        phone_number=customer.phone_number,
        email=customer.email,
    )


def with_bill_to(header: D, customer: Customer) -> D:
    """Return the header with a customer who pays: address, currency, terms, method, whether prices include tax.

    Dates and the currency factor that follow from these are left to `with_terms` and the caller.
    """
    return replace(
        header,
        bill_to_customer_id=customer.id,
        bill_to_customer_number=customer.number,
        bill_to_name=customer.display_name,
        bill_to_address_line_1=customer.address_line_1,
        bill_to_address_line_2=customer.address_line_2,
        bill_to_city=customer.city,
        bill_to_country=customer.country,
        bill_to_state=customer.state,
        bill_to_post_code=customer.postal_code,
        currency_code=customer.currency_code,
        payment_terms_id=customer.payment_terms_id,
        payment_method_id=customer.payment_method_id,
        salesperson=customer.salesperson_code,
        prices_include_tax=customer.prices_include_tax,
        discount_applied_before_tax=not customer.prices_include_tax,
    )


def with_terms(header: D, term: PaymentTerm | None) -> D:
    """Return the header with due date, discount date and discount percent as the terms give them.

    Both dates count from the document date. Without terms the document is due on its date and grants no discount. So
    is a credit memo, which then has no payment method either, unless its terms calculate discounts on those too.
    """
    if term is None or (kind_of(header) is CREDIT_MEMO and not term.calculate_discount_on_credit_memos):
        method = header.payment_method_id if kind_of(header) is INVOICE else BLANK_GUID
        return replace(
            header,
            payment_terms_id=term.id if term else BLANK_GUID,
            payment_method_id=method,
            due_date=header.document_date,
            discount_date=BLANK_DATE,
            payment_discount_percent=ZERO,
        )
    return replace(
        header,
        payment_terms_id=term.id,
        due_date=calculate(term.due_date_calculation, header.document_date),
        discount_date=calculate(term.discount_date_calculation, header.document_date),
        payment_discount_percent=term.discount_percent,
    )


def check_customer_open(customer: Customer, kind: Kind, *, posting: bool = False) -> None:
    """Refuse a customer who is blocked: All stops both kinds, Invoice invoices, Ship only deliveries."""
    if customer.privacy_blocked:
        raise refuse(f"Customer {customer.number} is blocked for privacy. Unblock the customer first.")
    if customer.blocked == "All" or (customer.blocked == "Invoice" and kind is INVOICE):
        act = "posted for" if posting else "made out to"
        raise refuse(
            f"No {kind.noun} can be {act} customer {customer.number}, who is blocked with type {customer.blocked}. "
            "Change 'blocked' on the customer."
        )


# --------------------------------------------------------------------------- what a line sells


@dataclass(frozen=True, slots=True)
class Product:
    """What an item or a G/L account gives to a line. `unit_price` is in local currency."""

    line_type: LineType
    item_id: str = BLANK_GUID
    account_id: str = BLANK_GUID
    number: str = ""
    description: str = ""
    description_2: str = ""
    unit_of_measure_code: str = ""
    unit_price: Decimal = ZERO
    price_includes_tax: bool = False
    tax: TaxGroup | None = None


def item_product(item: Item, tax: TaxGroup | None) -> Product:
    """Return what an item gives to a line. Raises Refused when it is blocked."""
    if item.blocked:
        raise refuse(f"Item {item.number} is blocked and cannot be sold. Unblock it or choose another item.")
    return Product(
        LineType.ITEM,
        item_id=item.id,
        number=item.number,
        description=item.display_name,
        description_2=item.display_name_2,
        unit_of_measure_code=item.base_unit_of_measure_code,
        unit_price=item.unit_price,
        price_includes_tax=item.price_includes_tax,
        tax=tax,
    )


def account_product(account: Account, tax: TaxGroup | None) -> Product:
    """Return what a G/L account gives to a line. Raises Refused when a document may not post to it."""
    check_account(account, direct=True)
    return Product(LineType.ACCOUNT, account_id=account.id, number=account.number, description=account.name, tax=tax)


def check_account(account: Account, *, direct: bool) -> None:
    """Refuse an account that cannot be posted to. `direct`: a line names it, so it must allow direct posting."""
    wrong = (
        (
            account.account_type != GLAccountType.POSTING,
            f"accountType must be Posting, but is {account.account_type}",
        ),
        (account.blocked, "blocked must be false"),
        (direct and not account.direct_posting, "directPosting must be true"),
    )
    for bad, what in wrong:
        if bad:
            raise Refused(
                "Application_FieldValidationException",
                f"G/L account {account.number} cannot be used on a sales document: {what}.",
            )


def tax_percent(tax: TaxGroup | None, *, tax_liable: bool) -> Decimal:
    """Return the percent that applies: value added tax to every customer, sales tax to those who are liable."""
    if tax is None or (tax.tax_type == TaxType.SALES_TAX and not tax_liable):
        return ZERO
    return tax.percent


def list_price(product: Product, header: SalesDocument, percent: Decimal, precision: Precision) -> Decimal:
    """Return the product's unit price in the document's currency, with or without tax as its prices are."""
    price = product.unit_price if header.currency_factor == 1 else product.unit_price * header.currency_factor
    if product.price_includes_tax != header.prices_include_tax and percent:
        rate = 1 + percent / HUNDRED
        price = price * rate if header.prices_include_tax else price / rate
    return round_to(price, precision.unit)


def with_product(line: L, product: Product, header: SalesDocument, precision: Precision, *, tax_liable: bool) -> L:
    """Return the line selling a product: its description, unit, tax and price. Quantity and discount percent stay."""
    percent = tax_percent(product.tax, tax_liable=tax_liable)
    return with_discount_percent(
        replace(
            line,
            line_type=product.line_type,
            item_id=product.item_id,
            account_id=product.account_id,
            line_object_number=product.number,
            description=product.description,
            description_2=product.description_2,
            unit_of_measure_code=product.unit_of_measure_code,
            tax_code=product.tax.code if product.tax else "",
            tax_percent=percent,
            unit_price=list_price(product, header, percent, precision),
        ),
        line.discount_percent,
        precision,
    )


# --------------------------------------------------------------------------- amounts of a line


def gross(line: SalesDocumentLine, precision: Precision) -> Decimal:
    """Return quantity times unit price, rounded.

    Raises:
        Refused: the amount has more digits than the books can keep.
    """
    amount = line.quantity * line.unit_price
    check_size(amount)
    return round_to(amount, precision.amount)


def check_size(amount: Decimal) -> None:
    """Refuse an amount that is too large for the books."""
    if abs(amount) >= LARGEST:
        raise refuse(f"The amount {plain(amount)} is too large: amounts must be less than {plain(LARGEST)}.")


def with_discount_percent(line: L, percent: Decimal, precision: Precision) -> L:
    """Return the line with a discount percent and the amount that follows; also for a new quantity or price."""
    if not 0 <= percent <= HUNDRED:
        raise Refused(
            "Application_FieldValidationException",
            f"discountPercent must be between 0 and 100, but is {plain(percent)}.",
        )
    percent = round_to(percent, FINEST)
    amount = round_to(gross(line, precision) * percent / HUNDRED, precision.amount) if percent else ZERO
    return replace(line, discount_percent=percent, discount_amount=amount)


def with_discount_amount(line: L, amount: Decimal, precision: Precision) -> L:
    """Return the line with a discount amount, and the percent that it is of quantity times price."""
    whole = gross(line, precision)
    amount = round_to(amount, precision.amount)
    if not min(ZERO, whole) <= amount <= max(ZERO, whole):
        raise Refused(
            "Application_FieldValidationException",
            f"discountAmount must be between 0 and the line's amount {plain(whole)}, but is {plain(amount)}.",
        )
    percent = round_to(amount * HUNDRED / whole, FINEST) if whole else ZERO
    return replace(line, discount_amount=amount, discount_percent=percent)


# --------------------------------------------------------------------------- totals


def calculate_amounts(header: D, lines: Sequence[L], precision: Precision) -> tuple[D, list[L]]:
    """Return header and lines with every amount that follows from quantities, prices, discounts and tax percents.

    Args:
        lines: all lines of the document, by sequence.

    An invoice discount larger than the lines' sum is allocated only up to that sum; `check_discount` refuses it
    where a client asks for it, and posting does.
    """
    p = precision.amount
    amounts = [gross(line, precision) - line.discount_amount for line in lines]
    whole = sum(amounts, ZERO)
    discount = min(header.discount_amount, whole) if header.discount_amount and whole > 0 else ZERO
    shares = split(discount, amounts, p) if discount else [ZERO] * len(amounts)
    including = header.prices_include_tax
    before = _taxed(lines, amounts, p, including=including)
    after = _taxed(lines, [a - s for a, s in zip(amounts, shares, strict=True)], p, including=including)
    done = [
        replace(
            line,
            amount_excluding_tax=net_before,
            tax_amount=tax_before,
            amount_including_tax=net_before + tax_before,
            invoice_discount_allocation=net_before - net,
            net_amount=net,
            net_tax_amount=tax,
            net_amount_including_tax=net + tax,
        )
        for line, (net_before, tax_before), (net, tax) in zip(lines, before, after, strict=True)
    ]
    net_total = sum((net for net, _ in after), ZERO)
    tax_total = sum((tax for _, tax in after), ZERO)
    check_size(net_total + tax_total)
    changed = replace(
        header,
        total_excluding_tax=net_total,
        total_tax=tax_total,
        total_including_tax=net_total + tax_total,
        unposted_amount=net_total + tax_total,
    )
    return changed, done


def _taxed(
    lines: Sequence[SalesDocumentLine], amounts: Sequence[Decimal], precision: Decimal, *, including: bool
) -> list[tuple[Decimal, Decimal]]:
    """Return (net, tax) per line. The tax of the lines up to any point is the rounded tax of their sum, per group."""
    groups: dict[tuple[str, Decimal, bool], tuple[Decimal, Decimal]] = {}
    result: list[tuple[Decimal, Decimal]] = []
    for line, amount in zip(lines, amounts, strict=True):
        percent = line.tax_percent
        if not percent:
            result.append((amount, ZERO))
            continue
        group = (line.tax_code, percent, amount < 0)
        base, given = groups.get(group, (ZERO, ZERO))
        base += amount
        upto = round_to(base * percent / (HUNDRED + percent if including else HUNDRED), precision)
        groups[group] = (base, upto)
        tax = upto - given
        result.append((amount - tax if including else amount, tax))
    return result


def check_discount(header: SalesDocument, lines: Sequence[SalesDocumentLine], precision: Precision) -> None:
    """Refuse an invoice discount that is negative or more than the sum of the lines. No lines yet: any is kept."""
    whole = sum((gross(line, precision) - line.discount_amount for line in lines), ZERO)
    if header.discount_amount < 0 or (lines and header.discount_amount > max(whole, ZERO)):
        raise refuse(
            f"discountAmount must be between 0 and the sum of the lines, {plain(whole)}, "
            f"but is {plain(header.discount_amount)}."
        )


def next_sequence(lines: Sequence[SalesDocumentLine]) -> int:
    """Return the sequence of a line added at the end."""
    return max((line.sequence for line in lines), default=0) + LINE_STEP


def check_in_range(on: date, setup: ReceivablesSetup) -> None:
    """Refuse a posting date outside the dates that the set-up allows. A blank end is open."""
    first, last = setup.allow_posting_from, setup.allow_posting_to
    if on < first or (last != BLANK_DATE and on > last):
        bounds = f"{'' if first == BLANK_DATE else first}..{'' if last == BLANK_DATE else last}"
        raise Refused(
            "Application_FieldValidationException",
            f"postingDate {on} is outside the allowed posting dates ({bounds}). Change the date, or the set-up.",
        )
