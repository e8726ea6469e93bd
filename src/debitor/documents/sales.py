"""A sales invoice or credit memo as PDF."""

from __future__ import annotations

from decimal import Decimal

from reportlab.lib.units import mm
from reportlab.platypus import Flowable, KeepTogether, Spacer, Table, TableStyle

from debitor.documents.model import Line, SalesDocument
from debitor.documents.paper import (
    INK,
    NUMBER,
    SMALL,
    STRONG,
    STRONG_NUMBER,
    TEXT,
    WIDTH,
    sheet,
    table,
    words_in,
)
from debitor.documents.words import Words


def sales_document_pdf(document: SalesDocument) -> bytes:
    """Return the PDF of an invoice or credit memo. The same data gives the same bytes."""
    words = Words(document.language, document.decimals)
    title = f"{words.text(document.kind)} {document.number}".strip()
    return sheet(
        title=title,
        subject=f"{document.sender.name} – {title}",
        words=words,
        sender=document.sender,
        recipient=document.recipient,
        facts=[(words.text(name), told) for name, told in document.facts if told],
        story=[
            *_ship_to(document, words),
            _lines(document, words),
            Spacer(0, 4 * mm),
            KeepTogether(_totals(document, words)),
            Spacer(0, 5 * mm),
            *_terms(document, words),
        ],
        watermark=words.text("draft") if document.draft else "",
    )


def _ship_to(document: SalesDocument, words: Words) -> list[Flowable]:
    if not document.ship_to:
        return []
    told = ", ".join(line for line in document.ship_to if line)
    return [words_in(f"{words.text('ship_to')}: {told}", SMALL), Spacer(0, 3 * mm)]


def _lines(document: SalesDocument, words: Words) -> Flowable:
    """Return the table of lines; columns that no line uses are left out."""
    has_discount = any(line.discount_percent for line in document.lines)
    has_tax = any(line.tax_percent for line in document.lines)
    price = "unit_price_with_tax" if document.prices_include_tax else "unit_price"
    columns = ["item", "description", "quantity", price]
    columns += ["discount"] * has_discount + ["tax"] * has_tax + ["amount"]
    widths = {"item": 20 * mm, "quantity": 22 * mm, price: 25 * mm, "discount": 16 * mm, "tax": 14 * mm}
    widths["amount"] = 27 * mm
    widths["description"] = WIDTH - sum(widths[name] for name in columns if name != "description")

    def cells(line: Line) -> list[str]:
        if line.comment:
            return ["", line.description] + [""] * (len(columns) - 2)
        told = {
            "item": line.number,
            "description": line.description,
            "quantity": f"{words.quantity(line.quantity)} {line.unit}".strip(),
            price: words.price(line.unit_price),
            "discount": words.percent(line.discount_percent) if line.discount_percent else "",
            "tax": words.percent(line.tax_percent),
            "amount": words.money(line.amount),
        }
        return [told[name] for name in columns]

    return table(
        [words.text(name) for name in columns],
        [cells(line) for line in document.lines],
        [widths[name] for name in columns],
        frozenset(range(2, len(columns))),
        [at for at, line in enumerate(document.lines) if line.comment],
    )


def _totals(document: SalesDocument, words: Words) -> list[Flowable]:
    rows: list[tuple[str, Decimal, bool]] = []
    if document.discount:
        rows.append((words.text("subtotal"), document.subtotal, False))
        rows.append((words.text("invoice_discount"), -document.discount, False))
    rows.append((words.text("total_without_tax"), document.total_without_tax, False))
    rows.extend(
        (words.text("tax_of", percent=words.percent(tax.percent), base=words.money(tax.base)), tax.amount, False)
        for tax in document.taxes
    )
    rows.append((words.text("total", currency=document.currency), document.total, True))
    if not document.draft and document.open != document.total:
        rows.append((words.text("paid"), document.open - document.total, False))
        if document.kind == "invoice":
            rows.append((words.text("to_pay", currency=document.currency), document.open, True))
    cells = [
        [words_in(name, STRONG if strong else TEXT), words_in(words.money(told), STRONG_NUMBER if strong else NUMBER)]
        for name, told, strong in rows
    ]
    style = [("TOPPADDING", (0, 0), (-1, -1), 1.5), ("BOTTOMPADDING", (0, 0), (-1, -1), 1.5)]
    style += [("RIGHTPADDING", (0, 0), (-1, -1), 2), ("LEFTPADDING", (0, 0), (-1, -1), 2)]
    lines = [("LINEABOVE", (0, at), (-1, at), 0.8, INK) for at, (_, _, strong) in enumerate(rows) if strong]
    return [Table(cells, colWidths=[58 * mm, 32 * mm], hAlign="RIGHT", style=TableStyle([*style, *lines]))]


def _terms(document: SalesDocument, words: Words) -> list[Flowable]:
    """Return what is to be done: when, how much, where to."""
    if document.kind == "credit_memo":
        return [] if document.draft else [words_in(words.text("credited"))]
    if document.open <= 0:
        return []
    told: list[Flowable] = [
        words_in(
            words.text(
                "please_pay",
                amount=f"{words.money(document.open)} {document.currency}",
                date=words.day(document.due),
                number=document.number,
            )
        )
    ]
    if document.discount_amount:
        early = words.text(
            "early",
            date=words.day(document.discount_until),
            percent=words.percent(document.discount_percent),
            amount=f"{words.money(document.discount_amount)} {document.currency}",
        )
        told.append(words_in(early))
    return [KeepTogether(told)]
