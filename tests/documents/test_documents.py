"""What the PDFs say, read back from them."""

from __future__ import annotations

import io
import re
from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pypdf import PdfReader

from debitor.documents.model import CurrencySection, Line, SalesDocument, Sender, Statement, StatementEntry, Tax
from debitor.documents.sales import sales_document_pdf
from debitor.documents.statement import statement_pdf
from debitor.documents.words import _TEXTS, LANGUAGES, Words, language_of

D = Decimal
SENDER = Sender(
    name="Fernweh Outdoor Trading GmbH",
    address=("Hafenstraße 12", "20459 Hamburg"),
    phone="+49 40 1234567",
    email="ar@fernweh.example",
    tax_number="DE123456789",
    bank="Hanse Bank",
    iban="DE89 3704 0044 0532 0130 00",
)
INVOICE = SalesDocument(
    kind="invoice",
    language="en",
    currency="EUR",
    decimals=2,
    number="103001",
    draft=False,
    sender=SENDER,
    recipient=("Łódź Wspinaczka Sp. z o.o.", "ul. Piotrkowska 1", "90-001 Łódź"),
    facts=(("date", "2026-01-31"), ("due_date", "2026-02-28"), ("your_reference", "")),
    ship_to=("Lager Nord", "Weg 1"),
    lines=(
        Line("1000", "Pole <carbon> & rope", D(3), "PCS", D("123.45678"), D(10), D(19), D("333.33")),
        Line("1001", "Ελληνικά Кириллица", D("0.5"), "BOX", D(100), D(0), D(7), D(50)),
        Line("", "Ring twice.", comment=True),
    ),
    prices_include_tax=False,
    subtotal=D("383.33"),
    discount=D("3.33"),
    taxes=(Tax(D(19), D(330), D("62.70")), Tax(D(7), D(50), D("3.50"))),
    total_without_tax=D(380),
    total=D("446.20"),
    open=D("346.20"),
    due=date(2026, 2, 28),
    discount_until=date(2026, 2, 10),
    discount_percent=D(2),
    discount_amount=D("8.92"),
)


def pages_of(pdf: bytes) -> list[str]:
    return [page.extract_text() for page in PdfReader(io.BytesIO(pdf)).pages]


def text_of(pdf: bytes) -> str:
    return re.sub(r"\s+", " ", " ".join(pages_of(pdf)))


def test_an_invoice_says_what_a_customer_needs() -> None:
    text = text_of(sales_document_pdf(INVOICE))

    for wanted in (
        "Invoice 103001", "Łódź Wspinaczka Sp. z o.o.", "Due date 2026-02-28", "Pole <carbon> & rope", "3 PCS",
        "123.45678", "10 %", "333.33", "Ελληνικά Кириллица", "0.5 BOX", "Ring twice.", "Subtotal 383.33",
        "Invoice discount -3.33", "Total excluding tax 380.00", "Tax 19 % on 330.00 62.70", "Tax 7 % on 50.00 3.50",
        "Total EUR 446.20", "Paid or applied -100.00", "To be paid EUR 346.20",
        "Please pay 346.20 EUR by 2026-02-28, quoting 103001.", "by 2026-02-10, you may deduct 2 % (8.92 EUR)",
        "Hafenstraße 12", "IBAN DE89 3704 0044 0532 0130 00", "Tax no. DE123456789", "Page 1 of 1",
        "Delivery address: Lager Nord, Weg 1",
    ):  # fmt: skip
        assert wanted in text, f"{wanted!r} not in {text}"
    assert "Your reference" not in text
    assert "DRAFT" not in text


def test_the_file_names_title_and_author() -> None:
    told = PdfReader(io.BytesIO(sales_document_pdf(INVOICE))).metadata

    assert told is not None
    assert (told.title, told.author) == ("Invoice 103001", "Fernweh Outdoor Trading GmbH")


def test_the_same_data_gives_the_same_bytes() -> None:
    assert sales_document_pdf(INVOICE) == sales_document_pdf(replace(INVOICE))


def test_a_draft_says_so_on_every_page_and_asks_for_nothing_yet() -> None:
    lines = tuple(replace(INVOICE.lines[0], number=str(i)) for i in range(120))
    pages = pages_of(sales_document_pdf(replace(INVOICE, draft=True, lines=lines, open=INVOICE.total)))

    assert len(pages) > 2
    for at, page in enumerate(pages, 1):
        assert "DRAFT" in page
        assert f"Page {at} of {len(pages)}" in page
    assert all("Unit price" in page for page in pages[:-1]), "the head of the table is repeated"
    assert all(any(f"\n{i} " in page or f"\n{i}\n" in page for page in pages) for i in range(120))
    assert "Paid or applied" not in "".join(pages)


def test_a_credit_memo_is_credited() -> None:
    text = text_of(sales_document_pdf(replace(INVOICE, kind="credit_memo", language="de", open=INVOICE.total)))

    assert "Gutschrift 103001" in text
    assert "Dieser Betrag wird Ihrem Konto gutgeschrieben." in text
    assert "Bitte zahlen" not in text


def test_a_paid_invoice_asks_for_nothing() -> None:
    text = text_of(sales_document_pdf(replace(INVOICE, open=D(0))))

    assert "To be paid EUR 0.00" in text
    assert "Please pay" not in text


def test_columns_without_use_are_left_out() -> None:
    line = replace(INVOICE.lines[0], discount_percent=D(0), tax_percent=D(0))
    text = text_of(sales_document_pdf(replace(INVOICE, lines=(line,), taxes=())))

    assert "Unit price Amount" in text


def test_an_invoice_without_lines_can_be_made() -> None:
    assert "Invoice 103001" in text_of(sales_document_pdf(replace(INVOICE, lines=())))


@settings(max_examples=25)
@given(st.text(max_size=250), st.text(max_size=120), st.integers(0, 3))
def test_any_text_can_be_printed(description: str, name: str, decimals: int) -> None:
    line = replace(INVOICE.lines[0], description=description)
    made = sales_document_pdf(replace(INVOICE, lines=(line,), recipient=(name,) * 9, number=name, decimals=decimals))

    assert made.startswith(b"%PDF-")


def test_a_statement_balances() -> None:
    def entry(day: int, kind: str, amount: str, remaining: str = "0") -> StatementEntry:
        return StatementEntry(
            date(2026, 1, day), date(2026, 2, day), kind, f"N{day}", "text", D(amount), D(remaining)
        )

    section = CurrencySection(
        currency="EUR",
        decimals=2,
        brought_forward=D(500),
        activity=(entry(5, "Invoice", "1000", "300"), entry(9, "Payment", "-700")),
        open=(entry(5, "Invoice", "1000", "300"), entry(2, "Invoice", "500", "500")),
        ageing=(("Not due", D(300)), ("1 to 30 days", D(500))),
        balance=D(800),
    )
    statement = Statement("en", SENDER, ("Alpin GmbH",), "10400", date(2025, 11, 1), date(2026, 1, 31), (section,))
    text = text_of(statement_pdf(statement))

    for wanted in (
        "Statement of account 2026-01-31", "Customer no. 10400", "Balance EUR 800.00",
        "Balance brought forward 500.00",
        "Invoice N5 text 1,000.00 1,500.00", "Payment N9 text 700.00 800.00",
        "1 to 30 days", "Activity 2025-11-01 to",
    ):  # fmt: skip
        assert wanted in text, f"{wanted!r} not in {text}"


def test_a_customer_without_entries_gets_a_statement_too() -> None:
    statement = Statement("fr", SENDER, ("Alpin",), "1", date(2026, 1, 1), date(2026, 1, 31), ())

    assert "Il n'y a pas d'écritures ouvertes." in text_of(statement_pdf(statement))


@pytest.mark.parametrize(
    ("language", "decimals", "amount", "written"),
    [
        ("en", 2, "1234567.5", "1,234,567.50"),
        ("de", 2, "1234567.5", "1.234.567,50"),
        ("fr", 2, "1234567.5", "1\u00a0234\u00a0567,50"),
        ("en", 0, "1234.5", "1,235"),
        ("en", 3, "-1.0005", "-1.001"),
        ("en", 2, "-0.001", "0.00"),
    ],
)
def test_money(language: str, decimals: int, amount: str, written: str) -> None:
    assert Words(language, decimals).money(D(amount)) == written


def test_prices_keep_their_decimals() -> None:
    assert [Words("en", 2).price(D(p)) for p in ("5", "1.5", "0.12345")] == ["5.00", "1.50", "0.12345"]


def test_every_language_has_every_text() -> None:
    english = _TEXTS["en"]
    for language in LANGUAGES:
        texts = _TEXTS[language]
        assert texts.keys() == english.keys()
        for name, told in texts.items():
            assert sorted(re.findall(r"\{\w+\}", told)) == sorted(re.findall(r"\{\w+\}", english[name])), name


def test_the_language_is_that_of_the_country() -> None:
    assert [language_of(c) for c in ("AT", "fr", "PL", "")] == ["de", "fr", "en", "en"]
