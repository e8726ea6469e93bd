"""A customer's statement of account as PDF: ageing, open entries, and the activity of the period with its balance."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from reportlab.lib.units import mm
from reportlab.platypus import Flowable, KeepTogether, Spacer

from debitor.documents.model import CurrencySection, Statement, StatementEntry
from debitor.documents.paper import SECTION, STRONG, STRONG_NUMBER, TEXT, WIDTH, sheet, table, words_in
from debitor.documents.words import Words


def statement_pdf(statement: Statement) -> bytes:
    """Return the PDF of a statement. The same data gives the same bytes."""
    words = Words(statement.language)
    period = words.text("period", start=words.day(statement.start), end=words.day(statement.end))
    title = f"{words.text('statement')} {words.day(statement.end)}"
    story: list[Flowable] = []
    for section in statement.sections:
        story.extend(_section(section, Words(statement.language, section.decimals), period))
    if not statement.sections:
        story.append(words_in(words.text("no_open")))
    return sheet(
        title=title,
        subject=f"{statement.sender.name} – {title}",
        words=words,
        sender=statement.sender,
        recipient=statement.recipient,
        facts=[
            (words.text("customer_number"), statement.customer_number),
            (words.text("as_of"), words.day(statement.end)),
            (words.text("activity"), period),
            *(
                (
                    words.text("balance_at_end", currency=s.currency),
                    Words(words.language, s.decimals).money(s.balance),
                )
                for s in statement.sections[:6]
            ),
        ],
        story=story,
    )


def _section(section: CurrencySection, words: Words, period: str) -> list[Flowable]:
    story: list[Flowable] = [
        words_in(f"{words.text('open_entries')} ({section.currency})", SECTION),
        Spacer(0, 2 * mm),
    ]
    if section.open:
        story.append(_open_entries(section, words))
        story.append(Spacer(0, 3 * mm))
        story.append(KeepTogether([_ageing(section.ageing, words)]))
    else:
        story.append(words_in(words.text("no_open")))
    story.append(words_in(f"{words.text('activity')} {period} ({section.currency})", SECTION))
    story.append(Spacer(0, 2 * mm))
    story.append(_activity(section, words))
    return story


def _name(entry: StatementEntry, words: Words) -> str:
    return f"{words.text(entry.document_type)} {entry.document_number}"


def _open_entries(section: CurrencySection, words: Words) -> Flowable:
    widths = [22 * mm, 40 * mm, 0.0, 22 * mm, 26 * mm, 28 * mm]
    widths[2] = WIDTH - sum(widths)
    head = ("date", "document", "description", "due_date", "original", "remaining")
    rows: list[list[object]] = [
        [
            words.day(entry.posting_date),
            _name(entry, words),
            entry.description,
            words.day(entry.due_date),
            words.money(entry.amount),
            words.money(entry.remaining),
        ]
        for entry in section.open
    ]
    total = sum((entry.remaining for entry in section.open), Decimal(0))
    label = words_in(words.text("balance_at_end", currency=section.currency), STRONG)
    rows.append(["", label, "", "", "", words_in(words.money(total), STRONG_NUMBER)])
    return table([words.text(name) for name in head], rows, widths, frozenset({4, 5}))


def _ageing(ageing: Sequence[tuple[str, Decimal]], words: Words) -> Flowable:
    width = WIDTH / len(ageing)
    return table(
        [label for label, _ in ageing],
        [[words.money(amount) for _, amount in ageing]],
        [width] * len(ageing),
        frozenset(range(len(ageing))),
    )


def _activity(section: CurrencySection, words: Words) -> Flowable:
    widths = [22 * mm, 40 * mm, 0.0, 26 * mm, 26 * mm, 28 * mm]
    widths[2] = WIDTH - sum(widths)
    head = ("date", "document", "description", "debit", "credit", "balance")
    balance = section.brought_forward
    rows: list[list[object]] = [
        ["", words_in(words.text("brought_forward"), TEXT), "", "", "", words.money(balance)],
    ]
    for entry in section.activity:
        balance += entry.amount
        rows.append(
            [
                words.day(entry.posting_date),
                _name(entry, words),
                entry.description,
                words.money(entry.amount) if entry.amount >= 0 else "",
                words.money(-entry.amount) if entry.amount < 0 else "",
                words.money(balance),
            ]
        )
    label = words_in(words.text("balance_at_end", currency=section.currency), STRONG)
    rows.append(["", label, "", "", "", words_in(words.money(balance), STRONG_NUMBER)])
    return table([words.text(name) for name in head], rows, widths, frozenset({3, 4, 5}))
