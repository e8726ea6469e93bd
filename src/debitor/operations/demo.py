"""An invented trading company with half a year of business, made by the same acts that serve the API.

Everything follows from the work date, so two demo companies of one day are equal but for their ids. Some of it is
meant to be found: invoice 100000 of customer 10400 is from 2015, disputed and open to this day; customers 10100 and
10500 have overdue invoices of several ages, 10200 can still take a discount, 10700 and 10800 pay in US dollars,
10900 in pounds; 11100 is blocked; 10100, 10600 and 10700 have credit memos. The default payment journal is empty;
LOCKBOX has payments that wait to be posted.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from debitor.ledger.records import (
    Account,
    ContactType,
    Currency,
    Customer,
    CustomerBlocked,
    CustomerLedgerEntry,
    DefaultDimension,
    DimensionParentType,
    DimensionValue,
    DocumentType,
    ExchangeRate,
    Item,
    ItemType,
    JournalBatch,
    LineType,
    NumberSeriesLine,
    PaymentMethod,
    PaymentTerm,
    SalesDocument,
    SalesInvoice,
)
from debitor.ledger.sales_documents import CREDIT_MEMO, INVOICE, Kind
from debitor.operations.customer_contacts import split_name
from debitor.operations.fiscal_years import add_fiscal_years
from debitor.operations.master_records import (
    BusinessRelation,
    CompanyInformation,
    Contact,
    DisputeStatus,
    ItemCategory,
    TaxArea,
)
from debitor.operations.payments import create_payment, setup_of
from debitor.operations.posting import post_journal
from debitor.operations.sales_documents import create_document
from debitor.operations.sales_lines import create_line
from debitor.operations.sales_posting import post_document
from debitor.schema import Draft
from debitor.store import Transaction

DEMO_CURRENCY = "EUR"
USER = "DEMO"
CREDIT_LIMIT = Decimal(25000)
_STOPPED = CustomerBlocked.ALL


@dataclass(frozen=True, slots=True)
class Buyer:
    """A customer of the demo company. `terms` and `currency` are codes; `person`: name and job of the contact.

    `dept` is the department that serves it.
    """

    number: str
    name: str
    street: str
    city: str
    post_code: str
    country: str
    terms: str
    person: tuple[str, str]
    currency: str = ""
    dept: str = "SALES"
    blocked: CustomerBlocked = CustomerBlocked.BLANK

    @property
    def domain(self) -> str:
        """A domain that can never exist."""
        return f"{self.name.split()[0].lower()}.example"


BUYERS = (
    Buyer("10000", "Ahlgren Office", "Hafenstrasse 12", "Kiel", "24103", "DE", "30D", ("Petra Ahlgren", "Owner")),
    Buyer("10100", "Brennecke & Sons", "Am Markt 4", "Lübeck", "23552", "DE", "14D", ("Olaf Brennecke", "Buyer")),
    Buyer("10200", "Castell Interiors", "Rosenweg 31", "Ulm", "89073", "DE", "30D(10D)", ("Ines Castell", "Finance")),
    Buyer("10300", "Dorfner Gastro", "Seeweg 7", "Lindau", "88131", "DE", "14D", ("Max Dorfner", "Manager")),
    Buyer(
        "10400", "Eskildsen Hotels", "Am Hafen 1", "Flensburg", "24937", "DE", "1M(8D)", ("Lone Boysen", "Finance")
    ),
    Buyer("10500", "Falkenberg Event", "Turmstrasse 90", "Bremen", "28195", "DE", "14D", ("Jan Falk", "Director")),
    Buyer(
        "10600", "Grünwald School", "Waldweg 15", "Celle", "29221", "DE", "30D", ("Eva Grün", "Head"), dept="SERVICE"
    ),
    Buyer(
        "10700", "Harborview Inc.", "200 Pier Avenue", "Portland", "97201", "US", "30D", ("Dana Reed", "Buyer"), "USD"
    ),
    Buyer("10800", "Ironwood LLC", "18 Mill Road", "Boulder", "80301", "US", "60D", ("Sam Ortiz", "Buyer"), "USD"),
    Buyer("10900", "Jessop Studios", "5 Canal Yard", "Leeds", "LS1 4DY", "GB", "30D", ("Amy Jessop", "Owner"), "GBP"),
    Buyer("11000", "Kolding Kontor", "Brogade 3", "Kolding", "6000", "DK", "CM", ("Mette Krag", "Bookkeeper")),
    Buyer(
        "11100", "Lorenz Bau", "Kiesgrube 2", "Peine", "31224", "DE", "COD", ("Udo Lorenz", "Owner"), blocked=_STOPPED
    ),
)
_REGIONS = ("NORTH", "NORTH", "SOUTH", "SOUTH", "NORTH", "WEST", "EAST", "WEST", "WEST", "WEST", "NORTH", "EAST")

GOODS: tuple[tuple[str, str, str, str, str, str, ItemType], ...] = (
    ("1000", "Backpack Kamm, 32 litres", "GOODS", "PCS", "89.00", "41.50", ItemType.INVENTORY),
    ("1010", "Tent Fjell, two persons", "GOODS", "PCS", "249.00", "118.00", ItemType.INVENTORY),
    ("1020", "Sleeping bag Nacht", "GOODS", "PCS", "179.50", "82.30", ItemType.INVENTORY),
    ("1030", "Trekking poles, pair", "GOODS", "PCS", "64.90", "27.10", ItemType.INVENTORY),
    ("1040", "Freeze-dried meals, box of ten", "GOODS", "BOX", "24.50", "9.80", ItemType.INVENTORY),
    ("1050", "Headlamp", "GOODS", "PCS", "39.00", "15.25", ItemType.NON_INVENTORY),
    ("1060", "Expedition sledge", "GOODS", "PCS", "1290.00", "640.00", ItemType.INVENTORY),
    ("2000", "Route planning", "SERVICES", "HOUR", "95.00", "0", ItemType.SERVICE),
    ("2010", "Training in the field", "SERVICES", "HOUR", "72.00", "0", ItemType.SERVICE),
)
"""Number, name, category, unit, price, cost, type."""


@dataclass(frozen=True, slots=True)
class Sale:
    """An invoice, `age` days old, and its payments: (share of the total in percent, days after the invoice)."""

    buyer: str
    age: int
    lines: tuple[tuple[str, int], ...]
    payments: tuple[tuple[int, int], ...] = ()


DISPUTED = date(2015, 11, 30)
"""The date of invoice 100000."""

SALES = (
    Sale("10000", 176, (("1000", 12), ("1040", 6)), ((100, 28),)),
    Sale("10300", 171, (("1020", 8),), ((100, 15),)),
    Sale("10100", 166, (("1010", 4), ("2010", 6)), ((100, 20),)),
    Sale("10700", 160, (("1060", 2),), ((100, 33),)),
    Sale("10500", 152, (("1030", 40), ("2010", 16)), ((50, 30),)),
    Sale("11000", 147, (("1040", 20),), ((100, 12),)),
    Sale("10600", 139, (("1030", 14), ("1050", 3)), ((40, 20), (60, 45))),
    Sale("10900", 133, (("1020", 6),), ((100, 29),)),
    Sale("10400", 128, (("1010", 10),), ((100, 30),)),
    Sale("10200", 121, (("1060", 3), ("2000", 8)), ((97, 9),)),
    Sale("10100", 117, (("1000", 9),)),
    Sale("11100", 112, (("1060", 1), ("1050", 4))),
    Sale("10800", 104, (("1010", 12),), ((100, 62),)),
    Sale("10000", 98, (("1050", 20),), ((100, 31),)),
    Sale("10500", 93, (("1020", 5),)),
    Sale("10300", 88, (("1000", 6), ("1030", 6)), ((100, 14),)),
    Sale("10400", 81, (("1020", 12), ("2000", 10)), ((100, 31),)),
    Sale("11000", 76, (("1060", 1),), ((100, 14),)),
    Sale("10100", 69, (("1040", 30), ("1050", 5)), ((30, 25),)),
    Sale("10700", 66, (("1000", 15),), ((100, 35),)),
    Sale("10200", 58, (("1010", 2),), ((100, 30),)),
    Sale("10600", 54, (("2010", 12),)),
    Sale("10500", 49, (("2000", 20),)),
    Sale("10900", 45, (("1030", 10), ("1040", 4))),
    Sale("10000", 40, (("1010", 3),), ((100, 30),)),
    Sale("10800", 37, (("1060", 4),), ((50, 20),)),
    Sale("10300", 31, (("1020", 4), ("2010", 5))),
    Sale("10100", 27, (("1030", 12),)),
    Sale("10400", 22, (("1000", 24),), ((50, 15),)),
    Sale("11000", 18, (("1050", 8),)),
    Sale("10700", 15, (("1020", 7), ("1040", 10)), ((100, 10),)),
    Sale("10600", 12, (("1000", 4),)),
    Sale("10000", 9, (("1060", 1), ("2010", 4))),
    Sale("10200", 5, (("1020", 9), ("2000", 6))),
    Sale("10400", 4, (("1010", 6),)),
    Sale("10900", 2, (("1060", 1),)),
    Sale("10300", 1, (("1040", 16),)),
)
"""Posted invoices of the last six months, oldest first."""

DRAFTS = (
    Sale("10000", 1, (("1000", 10), ("2010", 2))),
    Sale("10600", 0, (("1030", 3),)),
    Sale("10700", 0, (("1010", 5),)),
)


@dataclass(frozen=True, slots=True)
class Return:
    """A credit memo, `age` days old. `corrects`: for the customer's oldest open invoice, which takes it up."""

    buyer: str
    age: int
    lines: tuple[tuple[str, int], ...]
    corrects: bool = False
    posted: bool = True


RETURNS = (
    Return("10100", 25, (("1040", 2),), corrects=True),
    Return("10700", 14, (("1040", 1),)),
    Return("10600", 10, (("1000", 1),), corrects=True),
    Return("10200", 0, (("1020", 1),), corrects=True, posted=False),
)
"""Goods that came back: applied to an invoice, on account, and a draft."""

WAITING: tuple[tuple[str, str], ...] = (("10000", "BT-4711"), ("10300", "BT-4712"), ("10800", "BT-4713"))
"""Customers whose oldest open invoice is paid by a line that waits in LOCKBOX, and the bank's references."""

RATES: Mapping[str, tuple[str, ...]] = {
    "USD": ("90.05", "92.10", "91.40", "93.25", "92.80", "94.15", "93.60", "92.95"),
    "GBP": ("116.20", "117.05", "115.90", "118.30", "117.60", "118.85", "117.95", "118.10"),
}
"""EUR for 100 of the currency, from the first day of each of the last months on, oldest first."""
RATE_OF_2015 = {"USD": "91.85", "GBP": "138.40"}


@dataclass(slots=True)
class DemoAct:
    """What the acts see of one request of the demo's making (see schema.Act)."""

    tx: Transaction
    today: date
    parent: Mapping[str, Any] = field(default_factory=dict)
    values: Mapping[str, Any] = field(default_factory=dict)
    strict: bool = False
    key: str | None = None
    if_match: str | None = None
    user: str = USER
    request_id: str = ""


def fill_demo(tx: Transaction, today: date) -> None:
    """Fill a new company, whose local currency is the euro, with the demo's business."""
    assert setup_of(tx).local_currency_code == DEMO_CURRENCY, "the demo's prices are in euro"
    _describe_company(tx)
    add_fiscal_years(tx, DISPUTED.year, today.year + 1, closed_before=today.year - 1)
    _add_dispute_statuses(tx)
    _add_currencies(tx, today)
    _add_items(tx)
    _add_customers(tx)
    lockbox = _add_lockbox(tx)
    _sell_disputed(tx)
    for sale in SALES:
        invoice = _sell(tx, sale, today)
        _pay(tx, lockbox, invoice, sale, today)
    post_journal(tx, lockbox.id, today=today, user=USER, strict=False)
    for back in RETURNS:
        _take_back(tx, back, today)
    _block(tx)
    for sale in DRAFTS:
        _draft(tx, sale.buyer, sale.lines, today - timedelta(sale.age))
    _leave_waiting(tx, lockbox, today)


def _describe_company(tx: Transaction) -> None:
    company = tx.find(CompanyInformation)
    assert company, "a company without information"
    tx.update(
        company,
        address_line_1="Speicherstrasse 8",
        city="Kiel",
        country="DE",
        postal_code="24105",
        phone_number="+49 431 5550100",
        email="office@fernweh.example",
        website="www.fernweh.example",
        tax_registration_number="DE000000042",
        industry="Outdoor equipment",
    )


def _add_dispute_statuses(tx: Transaction) -> None:
    tx.insert_many(
        (
            DisputeStatus(code="DISPUTED", description="The customer does not accept the invoice"),
            DisputeStatus(code="ACCEPTED", description="The customer is right"),
            DisputeStatus(code="SETTLED", description="Both have agreed"),
        )
    )


def _first_of_month(day: date, months_back: int) -> date:
    year, month = divmod(day.year * 12 + day.month - 1 - months_back, 12)
    return date(year, month + 1, 1)


def _add_currencies(tx: Transaction, today: date) -> None:
    for code, name, symbol in (("USD", "US dollar", "$"), ("GBP", "Pound sterling", "£")):
        tx.insert(
            Currency(
                code=code,
                description=name,
                symbol=symbol,
                realized_gains_account="6310",
                realized_losses_account="6320",
                unrealized_gains_account="6330",
                unrealized_losses_account="6340",
            )
        )
        months = range(len(RATES[code]) - 1, -1, -1)
        starts = [date(2015, 1, 1), *(_first_of_month(today, back) for back in months)]
        tx.insert_many(
            ExchangeRate(
                currency_code=code,
                starting_date=start,
                exchange_rate_amount=Decimal(100),
                relational_exchange_rate_amount=Decimal(rate),
                adjustment_exchange_rate_amount=Decimal(100),
                relational_adjustment_exchange_rate_amount=Decimal(rate),
            )
            for start, rate in zip(starts, (RATE_OF_2015[code], *RATES[code]), strict=True)
        )


def _add_items(tx: Transaction) -> None:
    categories = {c.code: c.id for c in tx.all(ItemCategory)}
    tx.insert_many(
        Item(
            number=number,
            display_name=name,
            type=kind,
            item_category_id=categories[category],
            unit_price=Decimal(price),
            unit_cost=Decimal(cost),
            inventory=Decimal(100 if kind == ItemType.INVENTORY else 0),
            tax_group_code="STANDARD",
            base_unit_of_measure_code=unit,
            general_product_posting_group=category,
            inventory_posting_group="RESALE" if kind == ItemType.INVENTORY else "",
        )
        for number, name, category, unit, price, cost, kind in GOODS
    )
    _use_numbers(tx, "ITEM", GOODS[-1][0])


def _use_numbers(tx: Transaction, series: str, last: str) -> None:
    line = tx.find(NumberSeriesLine, series_code=series)
    assert line, f"no number series {series}"
    tx.update(line, last_number_used=last)


def _add_customers(tx: Transaction) -> None:
    terms = {t.code: t.id for t in tx.all(PaymentTerm)}
    areas = {a.code: a.id for a in tx.all(TaxArea)}
    transfer = tx.find(PaymentMethod, code="BANK")
    values = {(v.dimension_code, v.code): v.id for v in tx.all(DimensionValue)}
    assert transfer, "no payment method BANK"
    contact_number = 100010
    for buyer, region in zip(BUYERS, _REGIONS, strict=True):
        home = buyer.country == "DE"
        address: dict[str, Any] = {
            "address_line_1": buyer.street,
            "city": buyer.city,
            "country": buyer.country,
            "postal_code": buyer.post_code,
            "website": f"www.{buyer.domain}",
        }
        customer = tx.insert(
            Customer(
                number=buyer.number,
                display_name=buyer.name,
                email=f"invoices@{buyer.domain}",
                phone_number=f"+49 30 5550{buyer.number[:3]}",
                credit_limit=CREDIT_LIMIT,
                tax_liable=True,
                tax_area_id=areas["DOMESTIC" if home else "ABROAD"],
                currency_code=buyer.currency,
                payment_terms_id=terms[buyer.terms],
                payment_method_id=transfer.id,
                customer_posting_group="DOMESTIC" if home else "FOREIGN",
                **address,
            )
        )
        tx.insert_many(
            DefaultDimension(
                parent_type=DimensionParentType.CUSTOMER,
                parent_id=customer.id,
                dimension_code=dimension,
                value_code=value,
                value_id=values[dimension, value],
            )
            for dimension, value in (("DEPARTMENT", buyer.dept), ("REGION", region))
        )
        company_number = f"CT{contact_number}"
        tx.insert_many(_contacts_of(customer, buyer, company_number, f"CT{contact_number + 10}", address))
        contact_number += 20
    _use_numbers(tx, "CUST", BUYERS[-1].number)
    _use_numbers(tx, "CONT", f"CT{contact_number - 10}")


def _contacts_of(
    customer: Customer, buyer: Buyer, company_number: str, person_number: str, address: Mapping[str, Any]
) -> Iterable[Contact]:
    """A company and the person to talk to there."""
    common: dict[str, Any] = {
        "company_number": company_number,
        "company_name": buyer.name,
        "business_relation": BusinessRelation.CUSTOMER,
        "customer_id": customer.id,
        **address,
    }
    person, title = buyer.person
    first_name = person.split()[0].lower()
    return (
        Contact(
            number=company_number,
            type=ContactType.COMPANY,
            display_name=buyer.name,
            search_name=buyer.name.upper(),
            email=customer.email,
            phone_number=customer.phone_number,
            **common,
        ),
        Contact(
            number=person_number,
            type=ContactType.PERSON,
            display_name=person,
            **split_name(person),
            search_name=person.upper(),
            job_title=title,
            email=f"{first_name}@{buyer.domain}",
            **common,
        ),
    )


def _add_lockbox(tx: Transaction) -> JournalBatch:
    """A payment journal beside the default one."""
    setup = setup_of(tx)
    default = tx.get(JournalBatch, setup.default_payment_journal_id)
    bank = tx.get(Account, default.balancing_account_id) if default else None
    assert bank, "the default payment journal has no balancing account"
    return tx.insert(
        JournalBatch(
            template_name=setup.payment_template,
            name="LOCKBOX",
            description="Payments from the bank statement",
            balancing_account_id=bank.id,
            balancing_account_number=bank.number,
            number_series=setup.payment_numbers,
        )
    )


def _draft(tx: Transaction, buyer: str, lines: Iterable[tuple[str, int]], day: date, **header: Any) -> str:
    """Add a draft invoice as a client would: header first, then line by line. Returns its id."""
    return _add_document(tx, INVOICE, buyer, lines, day, **header)


def _add_document(
    tx: Transaction, kind: Kind, buyer: str, lines: Iterable[tuple[str, int]], day: date, **header: Any
) -> str:
    draft: Draft = {"customerNumber": buyer, kind.date: day, "postingDate": day, **header}
    id = create_document(kind, DemoAct(tx, day), draft)
    for item, quantity in lines:
        line: Draft = {"lineType": str(LineType.ITEM), "lineObjectNumber": item, "quantity": Decimal(quantity)}
        create_line(kind, DemoAct(tx, day, parent={"documentId": id}), line)
    return id


def _take_back(tx: Transaction, back: Return, today: date) -> None:
    day = today - timedelta(back.age)
    named: dict[str, Any] = {}
    if back.corrects:
        (entry,) = tx.all(
            CustomerLedgerEntry,
            customer_number=back.buyer,
            document_type=DocumentType.INVOICE,
            open=True,
            order=("due_date", "entry_number"),
            limit=1,
        )
        named = {"invoiceNumber": entry.document_number}
    id = _add_document(tx, CREDIT_MEMO, back.buyer, back.lines, day, **named)
    if back.posted:
        post_document(CREDIT_MEMO, tx, id, user=USER)


def _sell_disputed(tx: Transaction) -> None:
    """Invoice 100000: the customer never paid for the tents of 2015."""
    lines = (("1010", 6), ("1020", 4))
    id = _draft(tx, "10400", lines, DISPUTED, customerPurchaseOrderReference="ESK-2015-118")
    invoice = post_document(INVOICE, tx, id, user=USER)
    assert invoice.number == "100000", "the first posted invoice has another number"
    status = tx.find(DisputeStatus, code="DISPUTED")
    assert status, "no dispute status DISPUTED"
    tx.update(invoice, dispute_status_id=status.id, dispute_status=status.code)


def _sell(tx: Transaction, sale: Sale, today: date) -> SalesDocument:
    return post_document(INVOICE, tx, _draft(tx, sale.buyer, sale.lines, today - timedelta(sale.age)), user=USER)


def _pay(tx: Transaction, journal: JournalBatch, invoice: SalesDocument, sale: Sale, today: date) -> None:
    for percent, days in sale.payments:
        assert days <= sale.age, f"a payment of {sale.buyer} lies in the future"
        _add_payment(tx, journal, invoice, invoice.total_including_tax * percent / 100, invoice.posting_date, days)


def _add_payment(
    tx: Transaction,
    journal: JournalBatch,
    invoice: SalesDocument,
    amount: Decimal,
    start: date,
    days: int,
    **more: Any,
) -> None:
    day = start + timedelta(days)
    draft: Draft = {
        "customerNumber": invoice.bill_to_customer_number,
        "postingDate": day,
        "amount": -amount,
        "appliesToInvoiceNumber": invoice.number,
        **more,
    }
    create_payment(DemoAct(tx, day, parent={"journalId": journal.id}), draft)


def _block(tx: Transaction) -> None:
    """Stop business with those who are in trouble; they bought before."""
    for buyer in BUYERS:
        if buyer.blocked != CustomerBlocked.BLANK:
            customer = tx.find(Customer, number=buyer.number)
            assert customer, f"no customer {buyer.number}"
            tx.update(customer, blocked=buyer.blocked)


def _leave_waiting(tx: Transaction, journal: JournalBatch, today: date) -> None:
    """Payments that have arrived and are not posted: one for each of some customers' oldest open invoices."""
    for number, reference in WAITING:
        entries = tx.all(
            CustomerLedgerEntry, customer_number=number, open=True, positive=True, order=("entry_number",), limit=1
        )
        for entry in entries:
            invoice = tx.find(SalesInvoice, number=entry.document_number)
            assert invoice, f"entry {entry.entry_number} has no invoice"
            _add_payment(tx, journal, invoice, entry.remaining_amount, today, 0, externalDocumentNumber=reference)
