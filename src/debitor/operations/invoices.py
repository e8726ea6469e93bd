"""Sales invoices: create, change, remove and post; and their lines.

Everything loads with a session of the store, decides with ledger/invoices.py or ledger/invoice_post.py, and writes.
Every change of a line or of what lines depend on calculates the whole invoice again, so stored totals are never
behind the lines.

Choices where Business Central's own order of events would matter:
- values apply in a fixed order, whatever order they were sent in: customer, bill-to customer, currency, terms, dates;
  so a due date that is sent wins over the one that the terms give.
- a new posting date moves the invoice date along (Business Central's default set-up), unless one is sent too.
- after a change of customer, currency or posting date, lines that had the list price get the new list price; prices
  that somebody entered stay. Tax percents follow the customer.
- blank ids and numbers count as not given, so that what was read can be sent back.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from msgspec.structs import replace

from debitor.ledger import invoice_post, invoices
from debitor.ledger.amounts import round_to
from debitor.ledger.apply import UNREALIZED, Terms, may_apply
from debitor.ledger.books import Books
from debitor.ledger.currencies import factor_at
from debitor.ledger.dimensions import check_usable, default_set
from debitor.ledger.invoices import Precision, Product, refuse
from debitor.ledger.numbering import NextNumbers, take
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
    Dimension,
    DimensionValue,
    DocumentType,
    ExchangeRate,
    GeneralLedgerEntry,
    GeneralLedgerRegister,
    GeneralProductPostingGroup,
    Item,
    JournalBatch,
    JournalTemplate,
    LineType,
    NumberSeries,
    NumberSeriesLine,
    PaymentMethod,
    PaymentTerm,
    ReceivablesSetup,
    SalesInvoice,
    SalesInvoiceLine,
    TaxEntry,
    TaxGroup,
)
from debitor.operations.dimensions import pairs_of, set_number
from debitor.operations.master_records import UnitOfMeasure
from debitor.operations.payments import setup_of
from debitor.schema import BLANK_DATE, BLANK_GUID, RECORDS, Act, Changes, Draft, Refused, Row
from debitor.store import Reader, Transaction

NO_DOCUMENT = (
    "You must specify a parent ID: address the lines through salesInvoices({id})/salesInvoiceLines, name the invoice "
    "with documentId, or read one line by its id."
)

TEXTS = {
    "externalDocumentNumber": "external_document_number",
    "customerPurchaseOrderReference": "customer_purchase_order_reference",
    "shipToName": "ship_to_name",
    "shipToContact": "ship_to_contact",
    "sellToAddressLine1": "sell_to_address_line_1",
    "sellToAddressLine2": "sell_to_address_line_2",
    "sellToCity": "sell_to_city",
    "sellToCountry": "sell_to_country",
    "sellToState": "sell_to_state",
    "sellToPostCode": "sell_to_post_code",
    "shipToAddressLine1": "ship_to_address_line_1",
    "shipToAddressLine2": "ship_to_address_line_2",
    "shipToCity": "ship_to_city",
    "shipToCountry": "ship_to_country",
    "shipToState": "ship_to_state",
    "shipToPostCode": "ship_to_post_code",
    "salesperson": "salesperson",
    "phoneNumber": "phone_number",
    "email": "email",
}
"""Properties of the header that are stored as they are sent."""

WHEN_POSTED = frozenset({"dueDate", "promisedPayDate", "disputeStatusId", "disputeStatus"})
"""All that may be changed on a posted invoice."""


def not_found(segment: str) -> Refused:
    """The refusal for an id that names nothing."""
    return Refused("BadRequest_ResourceNotFound", f"Resource not found for the segment '{segment}'.")


def blank(field: str) -> Refused:
    """The refusal of a mandatory value that is blank."""
    return Refused("Application_FieldValidationException", f"{field} must have a value in the salesInvoice.")


# --------------------------------------------------------------------------- what a draft names


def named(tx: Reader, draft: Draft, record: type[Row], id_name: str, key_name: str, key: str, what: str) -> Any:
    """Return the row that an id and a number or code name, or None when both are blank or missing.

    Args:
        id_name, key_name: the properties; key: the record's column for the second.

    Raises:
        Refused: one of them names nothing, or they name different rows.
    """
    id, value = draft.get(id_name, BLANK_GUID), draft.get(key_name, "")
    by_key = tx.find(record, **{key: value}) if value else None
    if value and by_key is None:
        raise refuse(f"{key_name} {value} names no {what}.")
    if id == BLANK_GUID or (by_key and by_key.id == id):
        return by_key
    by_id = tx.get(record, id)
    if by_id is None:
        raise refuse(f"{id_name} {id} names no {what}.")
    if by_key:
        raise refuse(f"{id_name} names {what} {getattr(by_id, key)}, {key_name} names {value}; they must agree.")
    return by_id


@dataclass(frozen=True, slots=True)
class Money:
    """A document's currency (None for local currency), what it is worth, and how it is rounded."""

    currency: Currency | None
    factor: Decimal
    precision: Precision


def money_of(tx: Reader, code: str, on: date, setup: ReceivablesSetup) -> Money:
    """Return the currency of a document of this date. Raises Refused when it has no exchange rate."""
    if not code:
        return Money(None, Decimal(1), Precision.of(None, setup))
    currency = tx.find(Currency, code=code)
    if currency is None:
        raise refuse(f"The currency {code} does not exist.")
    rates = {code: tx.all(ExchangeRate, currency_code=code, order=("starting_date",))}
    return Money(currency, factor_at(rates, code, on), Precision.of(currency, setup))


def changed_currency(tx: Reader, draft: Draft, setup: ReceivablesSetup) -> str | None:
    """Return the currency code that the draft asks for, blank for local currency; None when it says nothing."""
    if "currencyCode" not in draft and "currencyId" not in draft:
        return None
    code = draft.get("currencyCode", "").strip().upper()
    if code == setup.local_currency_code:
        code = ""
        if "currencyId" not in draft or draft["currencyId"] == BLANK_GUID:
            return ""
        raise refuse("currencyId names a foreign currency, currencyCode the local one; they must agree.")
    given = {"currencyId": draft.get("currencyId", BLANK_GUID), "currencyCode": code}
    found: Currency | None = named(tx, given, Currency, "currencyId", "currencyCode", "code", "currency")
    return found.code if found else ""


def dimension_sources(tx: Reader, *owners: tuple[str, str]) -> list[list[DefaultDimension]]:
    """Return the default dimensions of records (table, id), each record's own before those of its table."""
    if not owners:
        return []
    ids = [id for _, id in owners]
    rows = tx.all(DefaultDimension, parent_id=[*ids, BLANK_GUID])
    return [
        sorted((r for r in rows if r.parent_type == table and r.parent_id in (id, BLANK_GUID)), key=_whole_table)
        for table, id in owners
    ]


def _whole_table(default: DefaultDimension) -> bool:
    return default.parent_id == BLANK_GUID


def header_pairs(tx: Reader, header: SalesInvoice) -> dict[str, str]:
    """Return the dimensions that the header's customer gives it."""
    return default_set(dimension_sources(tx, ("Customer", header.bill_to_customer_id)))


def with_shortcuts(tx: Reader, pairs: dict[str, str], draft: Draft, setup: ReceivablesSetup) -> dict[str, str]:
    """Return the dimensions with the values of the two global dimensions that the draft sends; blank removes."""
    result = dict(pairs)
    for field, dimension in (
        ("shortcutDimension1Code", setup.global_dimension_1),
        ("shortcutDimension2Code", setup.global_dimension_2),
    ):
        if field not in draft:
            continue
        value = draft[field]
        if not value:
            result.pop(dimension, None)
            continue
        found = tx.find(DimensionValue, dimension_code=dimension, code=value) if dimension else None
        if found is None or found.blocked:
            what = f"a value of dimension {dimension}" if dimension else "usable: no such global dimension is set up"
            raise refuse(f"{field} {value} is not {what}{', or it is blocked' if found else ''}.")
        result[dimension] = value
    return result


# --------------------------------------------------------------------------- the header


def draft_number(tx: Transaction, series_code: str, on: date, *, what: str) -> str:
    """Take the next number of a series. Raises Refused when there is no series or no number left."""
    series = tx.find(NumberSeries, code=series_code) if series_code else None
    if series is None:
        raise refuse(f"The receivables set-up names no number series for {what}. Enter one.")
    number, (old, new) = take(series, tx.all(NumberSeriesLine, series_code=series_code), on)
    tx.update(old, last_number_used=new.last_number_used, last_date_used=new.last_date_used)
    return number


def create_invoice(act: Act, draft: Draft) -> str:
    """Add a draft invoice. Returns its id. Raises Refused with the codes of the resource."""
    tx: Transaction = act.tx
    setup = setup_of(tx)
    customer = named(tx, draft, Customer, "customerId", "customerNumber", "number", "customer")
    if customer is None:
        raise refuse("customerNumber or customerId must be given: an invoice needs a customer.")
    header = SalesInvoice(number="", invoice_date=act.today, posting_date=act.today)
    header = changed_header(tx, header, draft, setup, customer)
    invoices.check_discount(header, (), money_of(tx, header.currency_code, header.posting_date, setup).precision)
    pairs = with_shortcuts(tx, header_pairs(tx, header), draft, setup)
    number = draft_number(tx, setup.sales_invoice_numbers, act.today, what="sales invoices (salesInvoiceNumbers)")
    header = replace(header, number=number, draft_number=number, dimension_set_number=set_number(tx, pairs))
    return tx.insert(header).id


def changed_header(
    tx: Reader, header: SalesInvoice, draft: Draft, setup: ReceivablesSetup, customer: Customer | None
) -> SalesInvoice:
    """Return a draft's header with the values sent, in their fixed order; without lines, totals and dimensions.

    Args:
        customer: the new customer, None when the customer stays.
    """
    bill_to: Customer | None = named(
        tx, draft, Customer, "billToCustomerId", "billToCustomerNumber", "number", "customer"
    )
    for one in (customer, bill_to):
        if one is not None:
            invoices.check_customer_open(one)
    if customer is not None:
        header = invoices.with_customer(header, customer)
    payer = bill_to or customer
    if payer is not None:
        header = invoices.with_bill_to(header, payer)
    currency_code = changed_currency(tx, draft, setup)
    if currency_code is not None:
        header = replace(header, currency_code=currency_code)
    header = replace(header, **plain_columns(tx, draft, header))
    header = with_dates(tx, header, draft, terms_changed=payer is not None)
    money = money_of(tx, header.currency_code, header.posting_date, setup)
    discount = round_to(draft.get("discountAmount", header.discount_amount), money.precision.amount)
    return replace(header, currency_factor=money.factor, discount_amount=discount)


def plain_columns(tx: Reader, draft: Draft, header: SalesInvoice) -> dict[str, Any]:
    """Return the columns of values that nothing else follows from.

    Raises:
        Refused: a value that only a posted invoice has, an unknown shipment method.
    """
    for field in ("promisedPayDate", "disputeStatusId", "disputeStatus"):
        if draft.get(field, "") not in ("", BLANK_GUID, BLANK_DATE):
            raise Refused(
                "Application_FieldValidationException",
                f"{field} can be set once the invoice is posted; this is a draft.",
            )
    columns = {TEXTS[name]: value for name, value in draft.items() if name in TEXTS}
    method = draft.get("shipmentMethodId")
    if method is not None and method != header.shipment_method_id:
        # The record is declared beside its entity set, which operations cannot import.
        methods = RECORDS.get("shipment_method")
        if method != BLANK_GUID and (methods is None or tx.get(methods.row, method) is None):
            raise refuse(f"shipmentMethodId {method} does not name a shipment method.")
        columns["shipment_method_id"] = method
    return columns


def with_dates(tx: Reader, header: SalesInvoice, draft: Draft, *, terms_changed: bool) -> SalesInvoice:
    """Return the header with terms and dates: what is sent, and what follows from it."""
    if "paymentTermsId" in draft:
        header = replace(header, payment_terms_id=draft["paymentTermsId"])
        terms_changed = True
    invoice_date = header.invoice_date
    if draft.get("postingDate", BLANK_DATE) != BLANK_DATE:
        invoice_date = draft["postingDate"]
        header = replace(header, posting_date=invoice_date)
    if draft.get("invoiceDate", BLANK_DATE) != BLANK_DATE:
        invoice_date = draft["invoiceDate"]
    if terms_changed or invoice_date != header.invoice_date:
        header = replace(header, invoice_date=invoice_date)
        header = invoices.with_terms(header, terms_of(tx, header.payment_terms_id))
    if draft.get("dueDate", BLANK_DATE) != BLANK_DATE:
        header = replace(header, due_date=draft["dueDate"])
    return header


def terms_of(tx: Reader, id: str) -> PaymentTerm | None:
    """Return payment terms by id, None for a blank one. Raises Refused when there are none."""
    if id == BLANK_GUID:
        return None
    found = tx.get(PaymentTerm, id)
    if found is None:
        raise refuse(f"paymentTermsId {id} does not name payment terms.")
    return found


def invoice_of(tx: Reader, id: str) -> SalesInvoice:
    """Return an invoice by its id."""
    found = tx.get(SalesInvoice, id)
    if found is None:
        raise not_found("salesInvoices")
    return found


def lines_of(tx: Reader, id: str) -> list[SalesInvoiceLine]:
    """Return all lines of an invoice, by sequence."""
    return tx.all(SalesInvoiceLine, document_id=id, order=("sequence",))


def change_invoice(act: Act, id: str, draft: Draft) -> str:
    """Change the sent properties of an invoice. Returns its id.

    On a posted invoice only due date, promised pay date and dispute status can be changed.
    """
    tx: Transaction = act.tx
    header = invoice_of(tx, id)
    if header.posted:
        return change_posted(tx, header, draft)
    for field in ("invoiceDate", "postingDate", "dueDate"):
        if draft.get(field, header.posting_date) == BLANK_DATE:
            raise blank(field)
    setup = setup_of(tx)
    customer = named(tx, draft, Customer, "customerId", "customerNumber", "number", "customer")
    if customer is not None and customer.id == header.customer_id:
        customer = None
    if _same_bill_to(header, draft):
        draft = {k: v for k, v in draft.items() if k not in ("billToCustomerId", "billToCustomerNumber")}
    new = changed_header(tx, header, draft, setup, customer)
    old_pairs = pairs_of(tx, header.dimension_set_number)
    pairs = header_pairs(tx, new) if new.bill_to_customer_id != header.bill_to_customer_id else old_pairs
    pairs = with_shortcuts(tx, pairs, draft, setup)
    if pairs != old_pairs:
        new = replace(new, dimension_set_number=set_number(tx, pairs))
    old_lines = lines_of(tx, id)
    lines: Sequence[SalesInvoiceLine] = old_lines
    precision = money_of(tx, new.currency_code, new.posting_date, setup).precision
    if old_lines:
        lines = repriced(tx, header, new, old_lines, setup, precision)
        if pairs != old_pairs:
            lines = with_header_dimensions(tx, lines, old_pairs, pairs)
    if "discountAmount" in draft:
        invoices.check_discount(new, lines, precision)
    new, lines = invoices.calculate_amounts(new, lines, precision)
    write(tx, header, new, old_lines, lines)
    return id


def _same_bill_to(header: SalesInvoice, draft: Draft) -> bool:
    """Whether the draft names just the customer who is the bill-to customer already."""
    id, number = draft.get("billToCustomerId", BLANK_GUID), draft.get("billToCustomerNumber", "")
    return id in (BLANK_GUID, header.bill_to_customer_id) and number in ("", header.bill_to_customer_number)


def write(
    tx: Transaction,
    old: SalesInvoice,
    new: SalesInvoice,
    old_lines: Sequence[SalesInvoiceLine],
    lines: Sequence[SalesInvoiceLine],
) -> None:
    """Write a header and its lines. Lines are paired by position; those that did not change are left alone."""
    changes = Changes(update=[(old, new)])
    changes.update += [(a, b) for a, b in zip(old_lines, lines, strict=True) if a != b]
    tx.write(changes)


def change_posted(tx: Transaction, header: SalesInvoice, draft: Draft) -> str:
    """Change what may be changed on a posted invoice; its open ledger entry gets the due date too."""
    wrong = next((name for name in draft if name not in WHEN_POSTED), None)
    if wrong:
        raise refuse(
            f"Invoice {header.number} is posted, so {wrong} cannot be modified. Only dueDate, promisedPayDate, "
            "disputeStatus and disputeStatusId can; cancel the invoice or make a credit memo for anything else."
        )
    columns: dict[str, Any] = {}
    if "dueDate" in draft:
        if draft["dueDate"] == BLANK_DATE:
            raise blank("dueDate")
        columns["due_date"] = draft["dueDate"]
        entry = tx.find(CustomerLedgerEntry, entry_number=header.ledger_entry_number)
        if entry and entry.open:
            tx.update(entry, due_date=draft["dueDate"])
            tx.update_where(
                DetailedEntry, {"initial_due_date": draft["dueDate"]}, ledger_entry_number=entry.entry_number
            )
    if "promisedPayDate" in draft:
        columns["promised_pay_date"] = draft["promisedPayDate"]
    if "disputeStatus" in draft:
        columns["dispute_status"] = draft["disputeStatus"]
    id = draft.get("disputeStatusId", BLANK_GUID)
    if id not in (BLANK_GUID, header.dispute_status_id):
        raise refuse(f"disputeStatusId {id} does not name a dispute status. Send disputeStatus, a code, instead.")
    if "disputeStatusId" in draft and "disputeStatus" not in draft and id == BLANK_GUID:
        columns["dispute_status"] = ""
    return tx.update(header, **columns).id


def remove_invoice(act: Act, id: str) -> None:
    """Delete a draft and its lines. Its number is not given again."""
    tx: Transaction = act.tx
    header = invoice_of(tx, id)
    if header.posted:
        raise refuse(f"Invoice {header.number} is posted and cannot be deleted. Cancel it or make a credit memo.")
    tx.delete_where(SalesInvoiceLine, document_id=id)
    tx.delete(header)


# --------------------------------------------------------------------------- lines follow their header


def products_of(tx: Reader, lines: Iterable[SalesInvoiceLine]) -> dict[str, Product]:
    """Return what the items of these lines give now, by item id. Blocked items give nothing here."""
    ids = {line.item_id for line in lines if line.line_type == LineType.ITEM}
    items = [item for item in tx.all(Item, id=ids) if not item.blocked] if ids else []
    return {item.id: invoices.item_product(item, item_tax(tx, item)) for item in items}


def repriced(
    tx: Reader,
    old: SalesInvoice,
    new: SalesInvoice,
    lines: Sequence[SalesInvoiceLine],
    setup: ReceivablesSetup,
    precision: Precision,
) -> list[SalesInvoiceLine]:
    """Return the lines as another customer, currency or date makes them: tax percent, list prices, discounts."""
    same_prices = (
        old.customer_id == new.customer_id
        and old.currency_code == new.currency_code
        and old.currency_factor == new.currency_factor
        and old.prices_include_tax == new.prices_include_tax
    )
    if same_prices:
        return list(lines)
    products = products_of(tx, lines)
    taxes = {tax.code: tax for tax in tx.all(TaxGroup, code={line.tax_code for line in lines})}
    tax_liable = is_tax_liable(tx, new)
    result = []
    for line in lines:
        percent = invoices.tax_percent(taxes.get(line.tax_code), tax_liable=tax_liable)
        price = line.unit_price
        product = products.get(line.item_id)
        # Unit prices have their own precision, the same in every currency.
        if product and price == invoices.list_price(product, old, line.tax_percent, precision):
            price = invoices.list_price(product, new, percent, precision)
        changed = replace(line, tax_percent=percent, unit_price=price)
        if price != line.unit_price or new.currency_code != old.currency_code:
            changed = invoices.with_discount_percent(changed, line.discount_percent, precision)
        result.append(changed)
    return result


def is_tax_liable(tx: Reader, header: SalesInvoice) -> bool:
    """Whether the customer pays sales tax."""
    customer = tx.get(Customer, header.customer_id)
    return bool(customer and customer.tax_liable)


def with_header_dimensions(
    tx: Transaction, lines: Iterable[SalesInvoiceLine], old: Mapping[str, str], new: Mapping[str, str]
) -> list[SalesInvoiceLine]:
    """Return the lines with the header's dimension changes; dimensions that did not change there stay as they are."""
    changed = {d: new.get(d, "") for d in {*old, *new} if old.get(d, "") != new.get(d, "")}
    return [
        replace(line, dimension_set_number=set_number(tx, {**pairs_of(tx, line.dimension_set_number), **changed}))
        for line in lines
    ]


# --------------------------------------------------------------------------- lines


def document_of(act: Act, draft: Draft) -> SalesInvoice:
    """Return the draft invoice that the address or documentId names."""
    in_address, given = act.parent.get("documentId", BLANK_GUID), draft.get("documentId", BLANK_GUID)
    if in_address == given == BLANK_GUID:
        raise refuse(NO_DOCUMENT)
    if BLANK_GUID not in (in_address, given) and in_address != given:
        raise refuse(f"The address names invoice {in_address}, documentId names {given}; leave documentId out.")
    header = act.tx.get(SalesInvoice, given if in_address == BLANK_GUID else in_address)
    if header is None:
        raise refuse(f"documentId {given} does not name a sales invoice.")
    refuse_posted(header)
    return header  # type: ignore[no-any-return]


def refuse_posted(header: SalesInvoice) -> None:
    """Refuse to touch the lines of a posted invoice."""
    if header.posted:
        raise refuse(f"Invoice {header.number} is posted; its lines cannot be modified.")


def item_tax(tx: Reader, item: Item) -> TaxGroup | None:
    """Return the tax group of an item: its own, or the default of its product posting group."""
    code = item.tax_group_code
    if not code and item.general_product_posting_group:
        group = tx.find(GeneralProductPostingGroup, code=item.general_product_posting_group)
        code = group.default_tax_group if group else ""
    return tx.find(TaxGroup, code=code) if code else None


def account_tax(tx: Reader, account: Account) -> TaxGroup | None:
    """Return the tax group of an account: the default of the product posting group whose sales account it is."""
    for group in tx.all(GeneralProductPostingGroup, sales_account=account.number, order=("code",)):
        if group.default_tax_group:
            return tx.find(TaxGroup, code=group.default_tax_group)
    return None


def named_product(tx: Reader, draft: Draft) -> Product | None:
    """Return what a line draft sells, or None when it names neither item nor account.

    Raises:
        Refused: both are named, the type does not fit, or there is no such item or account.
    """
    item_id, account_id = draft.get("itemId", BLANK_GUID), draft.get("accountId", BLANK_GUID)
    number, type = draft.get("lineObjectNumber", ""), draft.get("lineType")
    if item_id != BLANK_GUID and account_id != BLANK_GUID:
        raise refuse("itemId and accountId are both given; a line sells one of them.")
    if type is None and number and item_id == account_id:
        raise refuse("Send lineType (Item or Account) with lineObjectNumber, or itemId or accountId instead.")
    if type not in (None, LineType.COMMENT, LineType.ITEM, LineType.ACCOUNT):
        raise refuse(f"A line of type {type} cannot be invoiced here; lineType can be Item, Account or Comment.")
    wanted = LineType.ITEM if item_id != BLANK_GUID else LineType.ACCOUNT if account_id != BLANK_GUID else type
    if type is not None and wanted != type:
        raise refuse(f"lineType {type} does not fit the id: it names an {wanted}.")
    if wanted == LineType.ITEM:
        item: Item | None = named(tx, draft, Item, "itemId", "lineObjectNumber", "number", "item")
        if item:
            return invoices.item_product(item, item_tax(tx, item))
    elif wanted == LineType.ACCOUNT:
        account: Account | None = named(tx, draft, Account, "accountId", "lineObjectNumber", "number", "account")
        if account:
            return invoices.account_product(account, account_tax(tx, account))
    elif number:
        raise refuse(f"A comment has no lineObjectNumber, but it is {number}. Send lineType Item or Account.")
    if wanted in (LineType.ITEM, LineType.ACCOUNT):
        raise refuse(f"A line of type {wanted} needs an id or a lineObjectNumber that says which one.")
    return None


def create_line(act: Act, draft: Draft) -> str:
    """Add a line to a draft invoice. Returns its id."""
    tx: Transaction = act.tx
    header = document_of(act, draft)
    setup = setup_of(tx)
    old_lines = lines_of(tx, header.id)
    sequence = draft.get("sequence", 0) or invoices.next_sequence(old_lines)
    if not 0 < sequence < 2**31:
        raise refuse(f"sequence {sequence} is out of range; leave it out to add the line at the end.")
    if any(line.sequence == sequence for line in old_lines):
        raise refuse(f"Invoice {header.number} has a line with sequence {sequence} already.")
    money = money_of(tx, header.currency_code, header.posting_date, setup)
    line = SalesInvoiceLine(id=tx.new_id(), document_id=header.id, sequence=sequence)
    product = named_product(tx, draft)
    if product:
        line = invoices.with_product(line, product, header, money.precision, tax_liable=is_tax_liable(tx, header))
        line = replace(line, shipment_date=act.today)
    line = changed_line(tx, line, draft, header, money.precision)
    line = replace(line, dimension_set_number=line_dimensions(tx, line, header))
    lines = sorted([*old_lines, line], key=lambda each: each.sequence)
    new, done = invoices.calculate_amounts(header, lines, money.precision)
    by_id = {each.id: each for each in done}
    changes = Changes(insert=[by_id.pop(line.id)], update=[(header, new)])
    changes.update += [(old, by_id[old.id]) for old in old_lines if old != by_id[old.id]]
    tx.write(changes)
    return line.id


def line_dimensions(tx: Transaction, line: SalesInvoiceLine, header: SalesInvoice) -> int:
    """Return the dimension set of a line: what its item or account gives, then what the header has."""
    owner = ("Item", line.item_id) if line.line_type == LineType.ITEM else ("G/L Account", line.account_id)
    own = default_set(dimension_sources(tx, owner)) if line.line_type != LineType.COMMENT else {}
    if not own:
        return header.dimension_set_number
    return set_number(tx, {**pairs_of(tx, header.dimension_set_number), **own})


def changed_line(
    tx: Reader, line: SalesInvoiceLine, draft: Draft, header: SalesInvoice, precision: Precision
) -> SalesInvoiceLine:
    """Return a line with the values sent, after what it sells is settled; without amounts that need other lines.

    Quantity and price come before discounts; of two discounts the one sent last counts.
    """
    columns: dict[str, Any] = {
        column: draft[name]
        for name, column in (("description", "description"), ("description2", "description_2"))
        if name in draft
    }
    for field, what in (("itemVariantId", "a variant of the item"), ("locationId", "a location")):
        if draft.get(field, BLANK_GUID) != BLANK_GUID:
            raise refuse(f"{field} {draft[field]} does not name {what}.")
    if line.line_type == LineType.COMMENT:
        refuse_on_comment(draft)
        return replace(line, **columns)
    if "shipmentDate" in draft:
        columns["shipment_date"] = draft["shipmentDate"]
    unit = named(tx, draft, UnitOfMeasure, "unitOfMeasureId", "unitOfMeasureCode", "code", "unit of measure")
    if unit or "unitOfMeasureCode" in draft:
        columns["unit_of_measure_code"] = unit.code if unit else ""
    if "taxCode" in draft:
        columns |= tax_columns(tx, draft["taxCode"], header)
    if "quantity" in draft:
        columns["quantity"] = round_to(draft["quantity"], invoices.FINEST)
    if "unitPrice" in draft:
        columns["unit_price"] = round_to(draft["unitPrice"], precision.unit)
    line = replace(line, **columns)
    if "quantity" in draft or "unitPrice" in draft:
        line = invoices.with_discount_percent(line, line.discount_percent, precision)
    for name, value in draft.items():
        if name == "discountPercent":
            line = invoices.with_discount_percent(line, value, precision)
        elif name == "discountAmount":
            line = invoices.with_discount_amount(line, value, precision)
    return line


def refuse_on_comment(draft: Draft) -> None:
    """Refuse values that only a line with an item or account can have."""
    for name in ("quantity", "unitPrice", "discountAmount", "discountPercent", "taxCode", "unitOfMeasureCode"):
        if draft.get(name):
            raise refuse(f"{name} cannot be set on a comment line. Send itemId or accountId to sell something.")


def tax_columns(tx: Reader, code: str, header: SalesInvoice) -> dict[str, Any]:
    """Return the columns of a tax code. Raises Refused when there is no such tax group."""
    code = code.strip().upper()
    tax = tx.find(TaxGroup, code=code) if code else None
    if code and tax is None:
        raise refuse(f"taxCode {code} does not name a tax group.")
    return {"tax_code": code, "tax_percent": invoices.tax_percent(tax, tax_liable=is_tax_liable(tx, header))}


def line_of(tx: Reader, id: str) -> tuple[SalesInvoiceLine, SalesInvoice]:
    """Return a line of a draft and its header."""
    line = tx.get(SalesInvoiceLine, id)
    if line is None:
        raise not_found("salesInvoiceLines")
    header = invoice_of(tx, line.document_id)
    refuse_posted(header)
    return line, header


def change_line(act: Act, id: str, draft: Draft) -> str:
    """Change the sent properties of a line. Returns its id."""
    tx: Transaction = act.tx
    line, header = line_of(tx, id)
    if draft.get("documentId", BLANK_GUID) not in (BLANK_GUID, line.document_id):
        raise refuse("documentId cannot be modified; delete the line and add it to the other invoice.")
    if draft.get("sequence", line.sequence) != line.sequence:
        raise refuse("sequence cannot be modified; delete the line and insert it again.")
    precision = money_of(tx, header.currency_code, header.posting_date, setup_of(tx)).precision
    new = changed_line(tx, with_changed_product(act, line, draft, header, precision), draft, header, precision)
    if (new.item_id, new.account_id) != (line.item_id, line.account_id):
        new = replace(new, dimension_set_number=line_dimensions(tx, new, header))
    old_lines = lines_of(tx, header.id)
    lines = [new if each.id == id else each for each in old_lines]
    new_header, done = invoices.calculate_amounts(header, lines, precision)
    if all(a == b for a, b in zip(old_lines, done, strict=True)):
        # Every write renews the version, one that changes nothing too.
        tx.update(line)
    write(tx, header, new_header, old_lines, done)
    return id


def with_changed_product(
    act: Act, line: SalesInvoiceLine, draft: Draft, header: SalesInvoice, precision: Precision
) -> SalesInvoiceLine:
    """Return the line selling what the draft names; unchanged when it sells that or nothing is named."""
    number = draft.get("lineObjectNumber", "")
    item_id, account_id = draft.get("itemId", BLANK_GUID), draft.get("accountId", BLANK_GUID)
    same = (
        draft.get("lineType", line.line_type) == line.line_type
        and item_id in (BLANK_GUID, line.item_id)
        and account_id in (BLANK_GUID, line.account_id)
        and number in ("", line.line_object_number)
    )
    if same:
        return line
    if number and line.line_object_number not in ("", number):
        raise refuse(
            "lineObjectNumber cannot be modified; send itemId or accountId, or delete the line and add another."
        )
    product = named_product(act.tx, draft)
    if product is None:
        raise refuse(f"Line {line.sequence} sells something; delete it and add a comment instead.")
    changed = invoices.with_product(line, product, header, precision, tax_liable=is_tax_liable(act.tx, header))
    return replace(changed, shipment_date=act.today if line.shipment_date == BLANK_DATE else line.shipment_date)


def remove_line(act: Act, id: str) -> None:
    """Delete a line of a draft invoice."""
    tx: Transaction = act.tx
    line, header = line_of(tx, id)
    old_lines = [each for each in lines_of(tx, header.id) if each.id != id]
    precision = money_of(tx, header.currency_code, header.posting_date, setup_of(tx)).precision
    new, lines = invoices.calculate_amounts(header, old_lines, precision)
    tx.delete(line)
    write(tx, header, new, old_lines, lines)


# --------------------------------------------------------------------------- post


def post_invoice(tx: Transaction, id: str, *, user: str) -> SalesInvoice:
    """Post a draft invoice. Returns the posted invoice, under the same id.

    Raises:
        Refused: the invoice is posted already, or cannot be; nothing is written then.
    """
    header = invoice_of(tx, id)
    if header.posted:
        raise refuse(f"Invoice {header.number} is posted already; the action is for drafts.")
    setup = setup_of(tx)
    lines = lines_of(tx, id)
    number = posted_number(tx, header, setup)
    books = invoice_books(tx, header, lines, setup, number, user)
    method = balancing_method(tx, header)
    if method is None:
        books = dataclasses.replace(books, **open_credits(tx, header, books))
    posted = invoice_post.post_invoice(header, lines, books)
    changes = posted.changes
    if method is not None and posted.entry.open:
        changes = invoice_post.paid_at_once(posted, payment_of(tx, posted, method, books))
    tx.write(changes)
    return invoice_of(tx, id)


def balancing_method(tx: Reader, header: SalesInvoice) -> PaymentMethod | None:
    """Return the payment method of the invoice if it has a balancing account, so that the invoice is paid at once."""
    if header.payment_method_id == BLANK_GUID:
        return None
    method = tx.get(PaymentMethod, header.payment_method_id)
    return method if method and method.balancing_account_number else None


def open_credits(tx: Reader, header: SalesInvoice, books: invoice_post.InvoiceBooks) -> dict[str, Any]:
    """Return what the invoice is applied to at once: open payments and credit memos of an Apply to Oldest customer.

    Entries that are marked for another application, or of a later date, are left alone.
    """
    customer = books.bill_to
    if customer is None or customer.application_method != ApplicationMethod.APPLY_TO_OLDEST:
        return {}
    rows = tx.all(
        CustomerLedgerEntry,
        customer_id=customer.id,
        open=True,
        positive=False,
        applies_to_id="",
        order=("due_date", "entry_number"),
    )
    olds = [
        old
        for old in rows
        if old.posting_date <= header.posting_date and may_apply(books.setup, header.currency_code, old.currency_code)
    ]
    if not olds:
        return {}
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
    return {
        "olds": [old for old in olds if not old.currency_code or old.currency_code in currencies],
        "terms": Terms(books.setup, currencies, rates, unrealized),
        "accounts": {**books.accounts, **more},
    }


def _account_columns(record: type[Row]) -> list[str]:
    return [column for column in record.__struct_fields__ if column.endswith("_account")]


def payment_of(
    tx: Reader, posted: invoice_post.PostedInvoice, method: PaymentMethod, books: invoice_post.InvoiceBooks
) -> Changes:
    """Return what posting the payment of an invoice that is paid at once changes, before anything is written.

    The payment is a line of a journal that exists for this one act: same transaction and register as the invoice.

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
    line = invoice_post.payment_line(posted, method, other.id, books.setup)
    customer, group, entry = books.bill_to, books.posting_group, posted.entry
    assert customer is not None, "the invoice was posted"
    assert group is not None, "the invoice was posted"
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
        invoices={entry.entry_number: posted.invoice},
        sets=books.sets,
        dimensions=dimensions,
        values=values,
        rules={**books.rules, **rules_of(tx, [owner])},
        next=dataclasses.replace(
            books.next, entry=posted.register.to_entry_number + 1, detailed=books.next.detailed + details
        ),
    )
    return post_journal([line], journal).changes


def posted_number(tx: Transaction, header: SalesInvoice, setup: ReceivablesSetup) -> str:
    """Take the number of the posted invoice at its posting date; without a series of its own, the draft's."""
    code = setup.posted_sales_invoice_numbers
    if not code or code == setup.sales_invoice_numbers or header.posting_date == BLANK_DATE:
        return header.draft_number
    return draft_number(tx, code, header.posting_date, what="posted sales invoices (postedSalesInvoiceNumbers)")


def next_numbers(tx: Reader) -> NextNumbers:
    """Return the next number of each ledger."""
    return NextNumbers(
        entry=tx.greatest(GeneralLedgerEntry, "entry_number") + 1,
        detailed=tx.greatest(DetailedEntry, "entry_number") + 1,
        tax=tx.greatest(TaxEntry, "entry_number") + 1,
        transaction=tx.greatest(GeneralLedgerEntry, "transaction_number") + 1,
        register=tx.greatest(GeneralLedgerRegister, "number") + 1,
    )


def invoice_books(
    tx: Transaction,
    header: SalesInvoice,
    lines: Sequence[SalesInvoiceLine],
    setup: ReceivablesSetup,
    number: str,
    user: str,
) -> invoice_post.InvoiceBooks:
    """Load all that posting this invoice may look at, and check that its dimensions can be used."""
    sell_to, bill_to = tx.get(Customer, header.customer_id), tx.get(Customer, header.bill_to_customer_id)
    group = tx.find(CustomerPostingGroup, code=bill_to.customer_posting_group) if bill_to else None
    items = {item.id: item for item in tx.all(Item, id={line.item_id for line in lines})}
    groups = {g.code: g for g in tx.all(GeneralProductPostingGroup)}
    taxes = {t.code: t for t in tx.all(TaxGroup, code={line.tax_code for line in lines})}
    wanted = {line.line_object_number for line in lines if line.line_type == LineType.ACCOUNT}
    wanted |= {g.sales_account for g in groups.values()} | {t.tax_account for t in taxes.values()}
    if group:
        wanted.add(group.receivables_account)
    accounts = {a.number: a for a in tx.all(Account, number=wanted)}
    sets = {n: pairs_of(tx, n) for n in {header.dimension_set_number, *(line.dimension_set_number for line in lines)}}
    check_dimensions_usable(tx, header, sets)
    return invoice_post.InvoiceBooks(
        setup=setup,
        number=number,
        number_used=number_used(tx, header, number),
        sell_to=sell_to,
        bill_to=bill_to,
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
    )


def number_used(tx: Reader, header: SalesInvoice, number: str) -> str:
    """Return what has this invoice number already, or blank."""
    other = tx.find(SalesInvoice, number=number)
    if other and other.id != header.id:
        return f"{'posted' if other.posted else 'draft'} invoice {other.number}"
    entry = tx.find(CustomerLedgerEntry, document_number=number, document_type=DocumentType.INVOICE)
    return f"customer ledger entry {entry.entry_number}" if entry else ""


def dimensions_of(
    tx: Reader, sets: Mapping[int, Mapping[str, str]]
) -> tuple[dict[str, Dimension], dict[tuple[str, str], DimensionValue]]:
    """Return the dimensions and values that some sets name."""
    codes = {code for pairs in sets.values() for code in pairs}
    if not codes:
        return {}, {}
    used = {value for pairs in sets.values() for value in pairs.values()}
    dimensions = {d.code: d for d in tx.all(Dimension, code=codes)}
    rows = tx.all(DimensionValue, dimension_code=codes, code=used)
    return dimensions, {(v.dimension_code, v.code): v for v in rows}


def check_dimensions_usable(tx: Reader, header: SalesInvoice, sets: Mapping[int, Mapping[str, str]]) -> None:
    """Refuse blocked dimensions and values."""
    dimensions, values = dimensions_of(tx, sets)
    for pairs in sets.values():
        check_usable(pairs, dimensions, values, where=f"invoice {header.draft_number}")


def dimension_rules(
    tx: Reader, header: SalesInvoice, items: Iterable[str], accounts: Iterable[Account]
) -> dict[str, list[DefaultDimension]]:
    """Return, by id of a record, the rules on dimensions that apply to what an invoice touches."""
    owners = [("Customer", header.customer_id), ("Customer", header.bill_to_customer_id)]
    owners += [("Item", id) for id in items] + [("G/L Account", account.id) for account in accounts]
    return rules_of(tx, owners)


def rules_of(tx: Reader, owners: Sequence[tuple[str, str]]) -> dict[str, list[DefaultDimension]]:
    """Return the default dimensions of records (table, id) by id; a record's own replace those of its table."""
    rules: dict[str, list[DefaultDimension]] = {}
    for (_, id), source in zip(owners, dimension_sources(tx, *owners), strict=True):
        first: dict[str, DefaultDimension] = {}
        for default in source:
            first.setdefault(default.dimension_code, default)
        rules[id] = list(first.values())
    return rules


def post(act: Act, id: str, body: Draft) -> None:
    """The action `post` of salesInvoices."""
    post_invoice(act.tx, id, user=act.user)
