"""The documents of the books as PDF: load what a document shows, and have it drawn.

The drawing library is loaded when the first document is asked for: a server that draws none never pays for it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal

from debitor.documents.model import (
    CurrencySection,
    Line,
    SalesDocument,
    Sender,
    Statement,
    StatementEntry,
    Tax,
)
from debitor.documents.words import Words, language_of
from debitor.ledger.dates import calculate
from debitor.ledger.records import (
    BankAccount,
    Currency,
    Customer,
    CustomerLedgerEntry,
    DetailedEntry,
    DetailedEntryType,
    LineType,
    PaymentMethod,
    PaymentTerm,
    ReceivablesSetup,
    SalesDocumentLine,
    SalesInvoice,
)
from debitor.ledger.records import SalesDocument as Header
from debitor.ledger.sales_documents import CREDIT_MEMO, INVOICE, kind_of
from debitor.operations.master_records import CompanyInformation, CountryRegion, ShipmentMethod
from debitor.ranges import Range
from debitor.schema import BLANK_GUID
from debitor.store import Reader

ZERO = Decimal(0)
PORTION = 500
"""Detailed entries that are read at a time."""
PERIOD = "-3M"
"""How far back the activity of a statement goes."""
AGEING = (30, 60, 90)
"""Days overdue at which the columns of a statement's ageing end."""


def sender_of(tx: Reader) -> Sender:
    """Return the company as the sender of documents, with the first bank account that can take a payment."""
    rows = tx.all(CompanyInformation, limit=1)
    company = rows[0] if rows else CompanyInformation()
    accounts = [a for a in tx.all(BankAccount, order=("number",)) if not a.blocked]
    bank = next((a for a in accounts if a.iban), next((a for a in accounts if a.bank_account_number), None))
    return Sender(
        name=company.display_name,
        address=_lines(
            company.address_line_1,
            company.address_line_2,
            f"{company.postal_code} {company.city}".strip(),
            company.state,
            _country(tx, company.country),
        ),
        phone=company.phone_number,
        email=company.email,
        website=company.website,
        tax_number=company.tax_registration_number,
        bank=bank.name if bank else "",
        iban=bank.iban if bank else "",
        account=bank.bank_account_number if bank else "",
    )


def sales_document(tx: Reader, header: Header, lines: Iterable[SalesDocumentLine]) -> SalesDocument:
    """Return what the PDF of an invoice or credit memo shows. What is open is that of its customer ledger entry."""
    kind = kind_of(header)
    customer = tx.get(Customer, header.bill_to_customer_id)
    sender = sender_of(tx)
    language = language_of(header.bill_to_country)
    currency, decimals = _currency(tx, header.currency_code)
    words = Words(language, decimals)
    entry = tx.find(CustomerLedgerEntry, entry_number=header.ledger_entry_number) if header.posted else None
    shown = tuple(_line(line, incl=header.prices_include_tax) for line in lines)
    charged = [line for line in lines if line.line_type != LineType.COMMENT]
    discounted = entry is not None and entry.open and entry.remaining_payment_discount_possible > 0
    return SalesDocument(
        kind="invoice" if kind is INVOICE else "credit_memo",
        language=language,
        currency=currency,
        decimals=decimals,
        number=header.number,
        draft=not header.posted,
        sender=sender,
        recipient=_lines(
            header.bill_to_name,
            header.bill_to_address_line_1,
            header.bill_to_address_line_2,
            f"{header.bill_to_post_code} {header.bill_to_city}".strip(),
            header.bill_to_state,
            _country(tx, header.bill_to_country),
        ),
        facts=(
            ("date", words.day(header.document_date)),
            ("due_date", words.day(header.due_date)),
            ("customer_number", header.bill_to_customer_number),
            ("external_number", header.external_document_number),
            ("your_reference", header.customer_purchase_order_reference),
            ("order_number", header.order_number if isinstance(header, SalesInvoice) else ""),
            ("corrects", header.applies_to_document_number if kind is CREDIT_MEMO else ""),
            ("payment_terms", _description(tx, PaymentTerm, header.payment_terms_id)),
            ("payment_method", _description(tx, PaymentMethod, header.payment_method_id)),
            ("shipment_method", _description(tx, ShipmentMethod, header.shipment_method_id)),
            ("salesperson", header.salesperson),
            ("customer_tax_number", customer.tax_registration_number if customer else ""),
        ),
        ship_to=_ship_to(tx, header),
        lines=shown,
        prices_include_tax=header.prices_include_tax,
        subtotal=sum((line.amount for line in shown), ZERO),
        discount=sum((line.invoice_discount_allocation for line in charged), ZERO),
        taxes=_taxes(charged),
        total_without_tax=header.total_excluding_tax,
        total=header.total_including_tax,
        open=entry.remaining_amount * kind.sign if entry is not None else header.total_including_tax,
        due=header.due_date,
        discount_until=entry.payment_discount_date if entry is not None and discounted else date.min,
        discount_percent=header.payment_discount_percent if discounted else ZERO,
        discount_amount=entry.remaining_payment_discount_possible if entry is not None and discounted else ZERO,
    )


def _line(line: SalesDocumentLine, *, incl: bool) -> Line:
    return Line(
        number=line.line_object_number,
        description=" ".join(_lines(line.description, line.description_2)),
        quantity=line.quantity,
        unit=line.unit_of_measure_code,
        unit_price=line.unit_price,
        discount_percent=line.discount_percent,
        tax_percent=line.tax_percent,
        amount=line.amount_including_tax if incl else line.amount_excluding_tax,
        comment=line.line_type == LineType.COMMENT,
    )


def _taxes(lines: Iterable[SalesDocumentLine]) -> tuple[Tax, ...]:
    """Return tax by rate, the highest first, after the invoice discount."""
    sums: defaultdict[Decimal, list[Decimal]] = defaultdict(lambda: [ZERO, ZERO])
    for line in lines:
        sums[line.tax_percent][0] += line.net_amount
        sums[line.tax_percent][1] += line.net_tax_amount
    taxed = sorted(((rate, *both) for rate, both in sums.items() if rate), reverse=True)
    return tuple(Tax(rate, base, amount) for rate, base, amount in taxed)


def _ship_to(tx: Reader, header: Header) -> tuple[str, ...]:
    """Return the delivery address, or () when it is the address that the document goes to."""
    fields = ("name", "address_line_1", "address_line_2", "post_code", "city", "state", "country")
    if all(getattr(header, f"ship_to_{f}") == getattr(header, f"bill_to_{f}") for f in fields):
        return ()
    return _lines(
        header.ship_to_name,
        header.ship_to_contact,
        header.ship_to_address_line_1,
        header.ship_to_address_line_2,
        f"{header.ship_to_post_code} {header.ship_to_city}".strip(),
        _country(tx, header.ship_to_country),
    )


def _lines(*lines: str) -> tuple[str, ...]:
    return tuple(line for line in lines if line)


def _country(tx: Reader, code: str) -> str:
    found = tx.find(CountryRegion, code=code) if code else None
    return found.name or code if found else code


def _description(tx: Reader, record: type[PaymentTerm | PaymentMethod | ShipmentMethod], id: str) -> str:
    found = tx.get(record, id) if id != BLANK_GUID else None
    return found.description or found.code if found else ""


def _currency(tx: Reader, code: str) -> tuple[str, int]:
    """Return the ISO code of a currency (blank = local) and how many decimals its amounts have."""
    if code:
        row = tx.find(Currency, code=code)
        precision = row.amount_rounding_precision if row else Decimal("0.01")
    else:
        setup = tx.all(ReceivablesSetup, limit=1)[0]
        code, precision = setup.local_currency_code, setup.amount_rounding_precision
    exponent = precision.normalize().as_tuple().exponent
    return code, max(0, -exponent) if isinstance(exponent, int) else 2


# --------------------------------------------------------------------------- statements


def statement(tx: Reader, customer: Customer, today: date) -> Statement:
    """Return a customer's statement as of today: activity of three months, what is open, by currency."""
    start = calculate(PERIOD, today)
    language = language_of(customer.country)
    open_entries = tx.all(CustomerLedgerEntry, order=("due_date",), customer_id=customer.id, open=True)
    period = Range(start, today)
    numbers = tx.sums(DetailedEntry, (), ("entry_number",), within={"posting_date": period}, customer_id=customer.id)
    moved = _by_number(tx, [int(number) for (number,) in numbers])
    until = {"posting_date": Range(None, today)}
    balances = dict(tx.sums(DetailedEntry, ("amount",), ("currency_code",), within=until, customer_id=customer.id))
    codes = sorted({e.currency_code for e in open_entries} | {d.currency_code for d in moved})
    return Statement(
        language=language,
        sender=sender_of(tx),
        recipient=_lines(
            customer.display_name,
            customer.address_line_1,
            customer.address_line_2,
            f"{customer.postal_code} {customer.city}".strip(),
            customer.state,
            _country(tx, customer.country),
        ),
        customer_number=customer.number,
        start=start,
        end=today,
        sections=tuple(
            _section(
                tx,
                code,
                balances.get(code, ZERO),
                today,
                language,
                open_entries,
                [d for d in moved if d.currency_code == code],
            )
            for code in codes
        ),
    )


def _by_number(tx: Reader, numbers: list[int]) -> list[DetailedEntry]:
    """Return detailed entries by their numbers, in order."""
    found: list[DetailedEntry] = []
    for at in range(0, len(numbers), PORTION):
        found += tx.all(DetailedEntry, entry_number=numbers[at : at + PORTION], order=("entry_number",))
    return found


def _section(
    tx: Reader,
    code: str,
    balance: Decimal,
    end: date,
    language: str,
    open_entries: Iterable[CustomerLedgerEntry],
    period: Sequence[DetailedEntry],
) -> CurrencySection:
    """Return the part of a statement in one currency (blank = local).

    Args:
        balance: at the end. period: the detailed entries of the period.
    """
    currency, decimals = _currency(tx, code)
    words = Words(language, decimals)
    mine = [e for e in open_entries if e.currency_code == code]
    activity = _activity(tx, period, words)
    return CurrencySection(
        currency=currency,
        decimals=decimals,
        brought_forward=balance - sum((line.amount for line in activity), ZERO),
        activity=activity,
        open=tuple(_entry(e) for e in mine),
        ageing=_ageing(mine, end, words),
        balance=balance,
    )


def _entry(entry: CustomerLedgerEntry) -> StatementEntry:
    return StatementEntry(
        posting_date=entry.posting_date,
        due_date=entry.due_date,
        document_type=entry.document_type,
        document_number=entry.document_number,
        description=entry.description,
        amount=entry.original_amount,
        remaining=entry.remaining_amount,
    )


def _activity(tx: Reader, moved: Iterable[DetailedEntry], words: Words) -> tuple[StatementEntry, ...]:
    """Return what changed the balance: each document, and each discount, tolerance or difference beside it.

    An application moves amounts between entries; it shows only where that crosses currencies and so changes what is
    owed in one of them.
    """
    moved = list(moved)
    first = [d.ledger_entry_number for d in moved if d.entry_type == DetailedEntryType.INITIAL_ENTRY]
    entries = {e.entry_number: e for e in tx.all(CustomerLedgerEntry, entry_number=first)} if first else {}
    lines: list[tuple[int, StatementEntry]] = []
    others: defaultdict[tuple[date, str, str, str], list[DetailedEntry]] = defaultdict(list)
    for detail in moved:
        entry = entries.get(detail.ledger_entry_number)
        if detail.entry_type == DetailedEntryType.INITIAL_ENTRY and entry is not None:
            lines.append((detail.entry_number, replace(_entry(entry), amount=detail.amount)))
        else:
            kind = (detail.posting_date, detail.entry_type, detail.document_type, detail.document_number)
            others[kind].append(detail)
    for (day, entry_type, document_type, number), details in others.items():
        amount = sum((d.amount for d in details), ZERO)
        if amount:
            told = words.text(entry_type)
            lines.append((details[0].entry_number, StatementEntry(day, day, document_type, number, told, amount)))
    lines.sort(key=lambda line: (line[1].posting_date, line[0]))
    return tuple(line for _, line in lines)


def _ageing(entries: Iterable[CustomerLedgerEntry], today: date, words: Words) -> tuple[tuple[str, Decimal], ...]:
    """Return what remains by days overdue; an entry that falls due today is not overdue."""
    sums = [ZERO] * (len(AGEING) + 2)
    for entry in entries:
        overdue = (today - entry.due_date).days
        column = 0 if overdue <= 0 else 1 + sum(overdue > bound for bound in AGEING)
        sums[column] += entry.remaining_amount
    starts = (1, *(bound + 1 for bound in AGEING))
    labels = [words.text("not_due")]
    labels += [words.text("days", start=str(a), end=str(b)) for a, b in zip(starts, AGEING, strict=False)]
    labels.append(words.text("over_days", start=str(AGEING[-1])))
    return tuple(zip(labels, sums, strict=True))


# --------------------------------------------------------------------------- drawn


def draw(document: SalesDocument | Statement) -> bytes:
    """Return a document as PDF. Reads nothing, so it may run in a thread of its own."""
    if isinstance(document, Statement):
        from debitor.documents.statement import statement_pdf

        return statement_pdf(document)
    from debitor.documents.sales import sales_document_pdf

    return sales_document_pdf(document)
