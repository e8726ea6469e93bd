"""The sheet all documents share: fonts, address window, footer, page numbers, tables. Built on reportlab's platypus.

Texts come from users: everything that reaches a Paragraph is escaped, because its markup is XML.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

import font_source_sans_pro
from reportlab.lib.colors import HexColor
from reportlab.lib.enums import TA_RIGHT
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import (
    BaseDocTemplate,
    Flowable,
    Frame,
    LongTable,
    NextPageTemplate,
    PageTemplate,
    Paragraph,
    Spacer,
    TableStyle,
)

from debitor.documents.model import Sender
from debitor.documents.words import Words

REGULAR, BOLD = "debitor-regular", "debitor-bold"
INK, GREY, RULE, WATERMARK = HexColor("#1c2430"), HexColor("#5b6675"), HexColor("#c9d0d9"), HexColor("#eceff3")
LEFT, RIGHT, TOP, BOTTOM = 20 * mm, 20 * mm, 20 * mm, 32 * mm
WIDTH = A4[0] - LEFT - RIGHT
FIRST_TOP = 100 * mm
"""Where the text of the first page begins: below the address window and the facts beside it."""


@cache
def fonts() -> None:
    """Register the fonts, once."""
    folder = Path(font_source_sans_pro.__file__).parent / "files"
    pdfmetrics.registerFont(TTFont(REGULAR, str(folder / "SourceSansPro-Regular.ttf")))
    pdfmetrics.registerFont(TTFont(BOLD, str(folder / "SourceSansPro-Bold.ttf")))
    for name in (REGULAR, BOLD):
        pdfmetrics.registerFontFamily(name, normal=name, bold=BOLD, italic=name, boldItalic=BOLD)


TEXT = ParagraphStyle("text", fontName=REGULAR, fontSize=9.5, leading=12.5, textColor=INK, splitLongWords=True)
SMALL = ParagraphStyle("small", parent=TEXT, fontSize=8, leading=10.5, textColor=GREY)
NUMBER = ParagraphStyle("number", parent=TEXT, alignment=TA_RIGHT, splitLongWords=False)
STRONG = ParagraphStyle("strong", parent=TEXT, fontName=BOLD)
STRONG_NUMBER = ParagraphStyle("strong number", parent=NUMBER, fontName=BOLD)
HEAD = ParagraphStyle("head", parent=TEXT, fontName=BOLD, fontSize=8.5, leading=11, textColor=GREY)
HEAD_NUMBER = ParagraphStyle("head number", parent=HEAD, alignment=TA_RIGHT)
TITLE = ParagraphStyle("title", parent=TEXT, fontName=BOLD, fontSize=17, leading=21, spaceAfter=4 * mm)
SECTION = ParagraphStyle("section", parent=TEXT, fontName=BOLD, fontSize=11.5, leading=15, spaceBefore=5 * mm)


def printable(text: str) -> str:
    """Return a text without control characters, which have no glyph."""
    return "".join(c if c.isprintable() else " " for c in text)


def words_in(text: str, style: ParagraphStyle = TEXT) -> Paragraph:
    """Return a paragraph of plain text."""
    fonts()
    return Paragraph(escape(printable(text)), style)


def table(
    head: Sequence[str],
    rows: Sequence[Sequence[Any]],
    widths: Sequence[float],
    numbers: frozenset[int],
    spans: Sequence[int] = (),
) -> LongTable:
    """Return a table whose head is repeated on every page.

    Args:
        head: the column heads.
        rows: cells: texts, or flowables.
        widths: points per column.
        numbers: columns that are aligned to the right.
        spans: rows (0 is the first below the head) whose second cell reaches to the right edge.
    """
    cells: list[list[Any]] = [[words_in(t, HEAD_NUMBER if i in numbers else HEAD) for i, t in enumerate(head)]]
    cells.extend(
        [
            cell if isinstance(cell, Flowable) else words_in(cell, NUMBER if i in numbers else TEXT)
            for i, cell in enumerate(row)
        ]
        for row in rows
    )
    style: list[tuple[Any, ...]] = [
        ("VALIGN", (0, 0), (-1, -1), "TOP"),
        ("LINEBELOW", (0, 0), (-1, 0), 0.8, INK),
        ("LINEBELOW", (0, 1), (-1, -1), 0.3, RULE),
        ("LEFTPADDING", (0, 0), (-1, -1), 2),
        ("RIGHTPADDING", (0, 0), (-1, -1), 2),
        ("TOPPADDING", (0, 0), (-1, -1), 2.5),
        ("BOTTOMPADDING", (0, 0), (-1, -1), 3),
    ]
    style.extend(("SPAN", (1, row + 1), (-1, row + 1)) for row in spans)
    return LongTable(cells, colWidths=list(widths), repeatRows=1, style=TableStyle(style))


class _Numbered(Canvas):
    """A canvas that knows at the end how many pages there are, and then writes `Page 1 of 3` on each."""

    page_text: Callable[[int, int], str]

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        self._pages: list[dict[str, Any]] = []

    def showPage(self) -> None:
        """Remember the page; it is written by `save`."""
        self._pages.append(dict(self.__dict__))
        self._startPage()  # type: ignore[attr-defined]  # the stubs do not know it

    def save(self) -> None:
        """Write all pages with their numbers."""
        for page in self._pages:
            self.__dict__.update(page)
            self.setFont(REGULAR, 8)
            self.setFillColor(GREY)
            self.drawRightString(A4[0] - RIGHT, 12 * mm, self.page_text(self.getPageNumber(), len(self._pages)))
            super().showPage()
        super().save()


def sheet(
    *,
    title: str,
    subject: str,
    words: Words,
    sender: Sender,
    recipient: Sequence[str],
    facts: Sequence[tuple[str, str]],
    story: Sequence[Flowable],
    watermark: str = "",
) -> bytes:
    """Return the PDF of a document.

    Args:
        title, subject: what the file says of itself.
        words: its language.
        sender: in the letterhead and the footer.
        recipient: the lines of the address window.
        facts: (label, value) beside the address.
        story: what follows.
        watermark: a word across each page, or "".
    """
    label, value = (
        ParagraphStyle("label", parent=SMALL, fontSize=8.5, leading=11),
        ParagraphStyle("value", parent=TEXT),
    )

    def common(canvas: Canvas) -> None:
        if watermark:
            canvas.saveState()
            canvas.setFillColor(WATERMARK)
            canvas.setFont(BOLD, 92)
            canvas.translate(A4[0] / 2, A4[1] / 2)
            canvas.rotate(52)
            canvas.drawCentredString(0, -30, watermark)
            canvas.restoreState()
        canvas.setStrokeColor(RULE)
        canvas.line(LEFT, BOTTOM - 4 * mm, A4[0] - RIGHT, BOTTOM - 4 * mm)
        columns = _footer(sender, words)
        for at, lines in enumerate(columns):
            for row, line in enumerate(lines):
                canvas.setFont(REGULAR, 7.5)
                canvas.setFillColor(GREY)
                room = WIDTH / len(columns) - 3 * mm
                canvas.drawString(LEFT + at * WIDTH / len(columns), BOTTOM - 8 * mm - row * 9, _cut(line, 7.5, room))

    def first(canvas: Canvas, _: BaseDocTemplate) -> None:
        common(canvas)
        height = A4[1]
        canvas.setFillColor(INK)
        canvas.setFont(BOLD, 14)
        canvas.drawString(LEFT, height - 20 * mm, _cut(printable(sender.name), 14, WIDTH, BOLD))
        canvas.setFont(REGULAR, 7)
        canvas.setFillColor(GREY)
        line = " · ".join(printable(t) for t in (sender.name, *sender.address))
        canvas.drawString(LEFT, height - 46 * mm, _cut(line, 7, 85 * mm))
        _column(canvas, [words_in(t) for t in recipient], LEFT, height - 49 * mm, 85 * mm, 40 * mm)
        at = height - 34 * mm
        for name, told in facts:
            cells = words_in(name, label), words_in(told, value)
            tall = max(cells[0].wrap(32 * mm, 40 * mm)[1], cells[1].wrap(44 * mm, 40 * mm)[1])
            if at - tall < height - FIRST_TOP + 2 * mm:
                break
            for cell, left in zip(cells, (A4[0] - RIGHT - 76 * mm, A4[0] - RIGHT - 44 * mm), strict=True):
                cell.drawOn(canvas, left, at - cell.height)
            at -= tall + 1.5

    def later(canvas: Canvas, _: BaseDocTemplate) -> None:
        common(canvas)
        canvas.setFont(REGULAR, 8)
        canvas.setFillColor(GREY)
        canvas.drawString(LEFT, A4[1] - 14 * mm, _cut(f"{printable(sender.name)} · {title}", 8, WIDTH))

    class Numbered(_Numbered):
        page_text = staticmethod(lambda page, pages: words.text("page", page=str(page), pages=str(pages)))

    def frame(top: float) -> Frame:
        tall = A4[1] - top - BOTTOM
        return Frame(LEFT, BOTTOM, WIDTH, tall, leftPadding=0, rightPadding=0, topPadding=0, bottomPadding=0)

    made = io.BytesIO()
    document = BaseDocTemplate(
        made,
        pagesize=A4,
        title=printable(title),
        author=printable(sender.name),
        subject=printable(subject),
        creator="debitor",
        lang=words.language,
        invariant=1,
        pageTemplates=[
            PageTemplate("first", [frame(FIRST_TOP)], onPage=first),
            PageTemplate("later", [frame(TOP)], onPage=later),
        ],
    )
    document.build([NextPageTemplate("later"), words_in(title, TITLE), *story, Spacer(0, 1)], canvasmaker=Numbered)
    return made.getvalue()


def _column(canvas: Canvas, lines: Sequence[Paragraph], left: float, top: float, width: float, most: float) -> None:
    """Draw paragraphs below one another; what does not fit into `most` points is left out."""
    used = 0.0
    for line in lines:
        tall = line.wrap(width, most)[1]
        if used + tall > most:
            return
        used += tall
        line.drawOn(canvas, left, top - used)


def _footer(sender: Sender, words: Words) -> list[list[str]]:
    """Return the columns of the footer: who, how to reach them, where to pay."""

    def named(name: str, told: str) -> str:
        return f"{words.text(name)} {told}" if told else ""

    columns = [
        [sender.name, *sender.address],
        [named("phone", sender.phone), sender.email, sender.website, named("tax_number", sender.tax_number)],
        [sender.bank, named("iban", sender.iban) or named("account", sender.account)] if sender.bank else [],
    ]
    return [kept[:4] for lines in columns if (kept := [printable(line) for line in lines if line])]


def _cut(text: str, size: float, room: float, font: str = REGULAR) -> str:
    """Return as much of a text as fits into `room` points."""
    if pdfmetrics.stringWidth(text, font, size) <= room:
        return text
    while text and pdfmetrics.stringWidth(text + "…", font, size) > room:
        text = text[:-1]
    return text + "…"
