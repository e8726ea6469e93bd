"""Applying payments to invoices: worked examples, exact to the cent and to the entry number."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace as changed
from datetime import date
from decimal import Decimal
from types import MappingProxyType
from typing import Any, NamedTuple

import pytest
from msgspec.structs import replace

from debitor.ledger.apply import Application, Terms, apply_entry
from debitor.ledger.books import Books, Posting
from debitor.ledger.invariants import posting_findings
from debitor.ledger.post import post_journal
from debitor.ledger.records import (
    ApplicationMethod,
    CurrencyApplication,
    CustomerLedgerEntry,
    DetailedEntry,
    DocumentType,
    GeneralLedgerEntry,
    JournalLine,
    ReceivablesSetup,
)
from ledger.strategies import (
    AR,
    BANK,
    DISCOUNT_DEBIT,
    FEBRUARY,
    GAINS,
    LOSSES,
    MARCH,
    ROUNDING_DEBIT,
    TOLERANCE_CREDIT,
    TOLERANCE_DEBIT,
    UNREALIZED_GAINS,
    after,
    bank_line,
    books,
    currency,
    customer,
    discounted,
    euro_invoice,
    invoice_entry,
    money,
    one_sided,
    payment,
)

N, A, D, T, DT, R = (
    "Initial_x0020_Entry", "Application", "Payment_x0020_Discount", "Payment_x0020_Tolerance",
    "Payment_x0020_Discount_x0020_Tolerance", "Appln_x002E__x0020_Rounding",
)  # fmt: skip
GAIN, LOSS, UGAIN = "Realized_x0020_Gain", "Realized_x0020_Loss", "Unrealized_x0020_Gain"
CORRECTION = "Correction_x0020_of_x0020_Remaining_x0020_Amount"


def post(lines: list[JournalLine], before: Books) -> Posting:
    """Post, and check what must hold of every posting."""
    posting = post_journal(lines, before)
    assert list(posting_findings(posting, before)) == []
    return posting


def details(posting: Posting) -> list[tuple[Any, ...]]:
    """Detailed entries as (entry, type, amount, LCY amount)."""
    rows = [row for row in posting.changes.insert if isinstance(row, DetailedEntry)]
    return [(r.ledger_entry_number, str(r.entry_type), r.amount, r.amount_lcy) for r in rows]


def general(posting: Posting) -> list[tuple[Any, ...]]:
    """G/L entries as (number, account, amount)."""
    rows = [row for row in posting.changes.insert if isinstance(row, GeneralLedgerEntry)]
    return [(r.entry_number, r.account_number, r.amount) for r in rows]


def entry(posting: Posting, number: int) -> CustomerLedgerEntry:
    """A customer ledger entry after the posting."""
    found = {e.entry_number: e for e in posting.entries}
    found |= {new.entry_number: new for _, new in posting.changes.update if isinstance(new, CustomerLedgerEntry)}
    return found[number]


def closed(posting: Posting, number: int) -> tuple[Any, ...]:
    """(remaining, closed by, closed by amount) of an entry."""
    e = entry(posting, number)
    assert e.open == bool(e.remaining_amount)
    return e.remaining_amount, e.closed_by_entry_number, e.closed_by_amount


def lcy(*rows: tuple[Any, ...]) -> list[tuple[Any, ...]]:
    """Detailed entries in local currency: one amount stands for both; else (entry, type, amount, LCY)."""
    return [(r[0], r[1], money(r[2]), money(r[-1])) for r in rows]


class Example(NamedTuple):
    """Lines against open entries, and all that must come of it. `ends`: entry -> (remaining, closed by, amount)."""

    name: str
    entries: list[CustomerLedgerEntry]
    lines: list[JournalLine]
    details: list[tuple[Any, ...]]
    general: list[tuple[Any, ...]]
    ends: dict[int, tuple[Any, ...]]
    parts: Mapping[str, Any] = MappingProxyType({})


def pays(amount: object, on: date = FEBRUARY, **columns: Any) -> JournalLine:
    """A payment of invoice 5."""
    return payment(amount, on, applies_to="INV5", **columns)


def jan(day: int) -> date:
    return date(2025, 1, day)


MARKED: dict[str, Any] = {"applies_to_id": "PAY1"}
OLDEST: dict[str, Any] = {
    "customers": {"customer-10400": customer(application_method=ApplicationMethod.APPLY_TO_OLDEST)}
}
TOLERANT: dict[str, Any] = {"maximum_payment_tolerance": Decimal(5), "amount_to_apply": Decimal(1000)}
TWO_OPEN = [invoice_entry(5, 300), invoice_entry(6, 400)]
TWO_MARKED = [
    invoice_entry(5, 300, **MARKED, amount_to_apply=Decimal(300)),
    invoice_entry(6, 400, **MARKED, amount_to_apply=Decimal(400)),
]

EXAMPLES = [
    Example(
        "1 paid in full", [invoice_entry()], [pays(-1000)],
        lcy((11, N, -1000), (5, A, -1000), (11, A, 1000)),
        [(10, BANK, 1000), (11, AR, -1000)], {5: (0, 11, 1000), 11: (0, 0, 0)},
    ),
    Example(
        "2 paid in part", [invoice_entry()], [pays(-400)],
        lcy((11, N, -400), (5, A, -400), (11, A, 400)),
        [(10, BANK, 400), (11, AR, -400)], {5: (600, 0, 0), 11: (0, 5, -400)},
    ),
    Example(
        "4 paid too much", [invoice_entry()], [pays(-1200)],
        lcy((11, N, -1200), (5, A, -1000), (11, A, 1000)),
        [(10, BANK, 1200), (11, AR, -1200)], {5: (0, 11, 1000), 11: (-200, 0, 0)},
    ),
    Example(
        "5 with discount on the last day", [discounted()], [pays(-980, jan(18))],
        lcy((11, N, -980), (11, D, -20), (5, A, -1000), (11, A, 1000)),
        [(10, BANK, 980), (11, AR, -1000), (12, DISCOUNT_DEBIT, 20)], {5: (0, 11, 1000), 11: (0, 0, 0)},
    ),
    Example(
        "6 a day too late for the discount", [discounted()], [pays(-980, jan(19))],
        lcy((11, N, -980), (5, A, -980), (11, A, 980)),
        [(10, BANK, 980), (11, AR, -980)], {5: (20, 0, 0), 11: (0, 5, -980)},
    ),
    Example(
        "7 full amount within the discount", [discounted()], [pays(-1000, jan(18))],
        lcy((11, N, -1000), (11, D, -20), (5, A, -1000), (11, A, 1000)),
        [(10, BANK, 1000), (11, AR, -1020), (12, DISCOUNT_DEBIT, 20)], {5: (0, 11, 1000), 11: (-20, 0, 0)},
    ),
    Example(
        "8 too little for the discount", [discounted()], [pays(-979, jan(15))],
        lcy((11, N, -979), (5, A, -979), (11, A, 979)),
        [(10, BANK, 979), (11, AR, -979)], {5: (21, 0, 0), 11: (0, 5, -979)},
    ),
    Example(
        "10 two invoices by mark", TWO_MARKED, [payment(-700, **MARKED)],
        lcy((11, N, -700), (5, A, -300), (11, A, 700), (6, A, -400)),
        [(10, BANK, 700), (11, AR, -700)], {5: (0, 11, 300), 6: (0, 11, 400), 11: (0, 0, 0)},
    ),
    Example(
        "11 with an amount to apply", [replace(TWO_MARKED[0], amount_to_apply=Decimal(100)), TWO_MARKED[1]],
        [payment(-500, **MARKED)],
        lcy((11, N, -500), (5, A, -100), (11, A, 500), (6, A, -400)),
        [(10, BANK, 500), (11, AR, -500)], {5: (200, 0, 0), 6: (0, 11, 400), 11: (0, 0, 0)},
    ),
    Example(
        "12 the oldest first", TWO_OPEN[::-1], [payment(-500)],
        lcy((11, N, -500), (5, A, -300), (11, A, 500), (6, A, -200)),
        [(10, BANK, 500), (11, AR, -500)], {5: (0, 11, 300), 6: (200, 0, 0), 11: (0, 6, -200)}, OLDEST,
    ),
    Example(
        "13 accepted tolerance", [invoice_entry(**TOLERANT, accepted_payment_tolerance=Decimal(3))], [pays(-997)],
        lcy((11, N, -997), (11, T, -3), (5, A, -1000), (11, A, 1000)),
        [(10, BANK, 997), (11, AR, -1000), (12, TOLERANCE_DEBIT, 3)], {5: (0, 11, 1000), 11: (0, 0, 0)},
    ),
    Example(
        "accepted tolerance of too much", [invoice_entry(**TOLERANT, accepted_payment_tolerance=Decimal(-3))],
        [pays(-1003)],
        lcy((11, N, -1003), (11, T, 3), (5, A, -1000), (11, A, 1000)),
        [(10, BANK, 1003), (11, AR, -1003), (12, TOLERANCE_CREDIT, -3), (13, AR, 3)],
        {5: (0, 11, 1000), 11: (0, 0, 0)},
    ),
    Example(
        "14 accepted discount after its last day",
        [discounted(accepted_payment_discount_tolerance=True)], [pays(-980, jan(20))],
        lcy((11, N, -980), (11, DT, -20), (5, A, -1000), (11, A, 1000)),
        [(10, BANK, 980), (11, AR, -1000), (12, DISCOUNT_DEBIT, 20)], {5: (0, 11, 1000), 11: (0, 0, 0)},
    ),
    Example(
        "15 a gain on foreign currency", [euro_invoice()], [pays(-1000, rate="1.25")],
        lcy((11, N, -1000, -1250), (11, GAIN, 0, 50), (5, A, -1000, -1200), (11, A, 1000, 1200)),
        [(10, BANK, 1250), (11, AR, -1250), (12, GAINS, -50), (13, AR, 50)], {5: (0, 11, 1000), 11: (0, 0, 0)},
    ),
    Example(
        "16 as 15, the bank on a line of its own", [euro_invoice()],
        [one_sided(pays(-1000, rate="1.25")), bank_line(1250)],
        lcy((10, N, -1000, -1250), (10, GAIN, 0, 50), (5, A, -1000, -1200), (10, A, 1000, 1200)),
        [(10, AR, -1200), (11, GAINS, -50), (12, BANK, 1250)], {5: (0, 10, 1000), 10: (0, 0, 0)},
    ),
    Example(
        "17 a loss on foreign currency", [euro_invoice()], [pays(-1000, MARCH, rate="1.15")],
        lcy((11, N, -1000, -1150), (11, LOSS, 0, -50), (5, A, -1000, -1200), (11, A, 1000, 1200)),
        [(10, BANK, 1150), (11, AR, -1200), (12, LOSSES, 50)], {5: (0, 11, 1000), 11: (0, 0, 0)},
    ),
    Example(
        "18 foreign currency in part", [euro_invoice()], [pays(-400, rate="1.25")],
        lcy((11, N, -400, -500), (11, GAIN, 0, 20), (5, A, -400, -480), (11, A, 400, 480)),
        [(10, BANK, 500), (11, AR, -500), (12, GAINS, -20), (13, AR, 20)], {5: (600, 0, 0), 11: (0, 5, -400)},
    ),
    Example(
        "19 local currency for foreign", [euro_invoice()], [pays(-1250)],
        lcy((11, N, -1250), (5, GAIN, 0, 50), (5, A, -1000, -1250), (11, A, 1250)),
        [(10, BANK, 1250), (11, AR, -1250), (12, GAINS, -50), (13, AR, 50)], {5: (0, 11, 1000), 11: (0, 0, 0)},
    ),
    Example(
        "20 local currency for foreign, in part", [euro_invoice()], [pays(-500)],
        lcy((11, N, -500), (5, GAIN, 0, 20), (5, A, -400, -500), (11, A, 500)),
        [(10, BANK, 500), (11, AR, -500), (12, GAINS, -20), (13, AR, 20)], {5: (600, 0, 0), 11: (0, 5, -500)},
    ),
    Example(
        "21 application rounding", [euro_invoice()], [pays("-1249.97")],
        lcy((11, N, "-1249.97"), (11, R, "-0.03"), (5, GAIN, 0, 50), (5, A, -1000, -1250), (11, A, 1250)),
        [
            (10, BANK, money("1249.97")), (11, AR, -1250), (12, ROUNDING_DEBIT, money("0.03")),
            (13, GAINS, -50), (14, AR, 50),
        ],
        {5: (0, 11, 1000), 11: (0, 0, 0)},
        {"setup": ReceivablesSetup(application_rounding_precision=Decimal("0.05"))},
    ),
    Example(
        "22 an unrealized gain is reversed",
        [
            euro_invoice(
                adjusted_currency_factor=1 / Decimal("1.25"), amount_lcy=Decimal(1250),
                remaining_amount_lcy=Decimal(1250),
            )
        ],
        [pays(-1000, MARCH, rate="1.15")],
        lcy(
            (11, N, -1000, -1150), (5, UGAIN, 0, -50), (11, LOSS, 0, -50), (5, A, -1000, -1200), (11, A, 1000, 1200)
        ),
        [(10, BANK, 1150), (11, AR, -1250), (12, UNREALIZED_GAINS, 50), (13, LOSSES, 50)],
        {5: (0, 11, 1000), 11: (0, 0, 0)},
        {"unrealized": {5: Decimal(50)}},
    ),
    Example(
        "23 discount in foreign currency",
        [
            euro_invoice(
                payment_discount_date=date(2025, 2, 10), original_payment_discount_possible=Decimal(20),
                remaining_payment_discount_possible=Decimal(20),
            )
        ],
        [pays(-980, rate="1.25")],
        lcy(
            (11, N, -980, -1225), (11, D, -20, -25), (11, GAIN, 0, 50), (5, A, -1000, -1200), (11, A, 1000, 1200)
        ),
        [(10, BANK, 1225), (11, AR, -1250), (12, DISCOUNT_DEBIT, 25), (13, GAINS, -50), (14, AR, 50)],
        {5: (0, 11, 1000), 11: (0, 0, 0)},
    ),
    Example(
        "24 a credit memo for an invoice", [invoice_entry(5, 500)],
        [pays(-200, document_type=DocumentType.CREDIT_MEMO)],
        lcy((11, N, -200), (5, A, -200), (11, A, 200)),
        [(10, BANK, 200), (11, AR, -200)], {5: (300, 0, 0), 11: (0, 5, -200)},
    ),
]  # fmt: skip


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda e: e.name)
def test_worked_example(example: Example) -> None:
    """Every detailed entry, every G/L entry, and how each customer ledger entry ends."""
    posting = post(example.lines, books(entries=example.entries, **example.parts))

    assert details(posting) == example.details
    assert general(posting) == example.general
    assert {number: closed(posting, number) for number in example.ends} == example.ends


def test_the_second_payment_closes_the_invoice() -> None:
    """Example 3: after -400 (entry 11), -600 is entry 13."""
    first = books(entries=[invoice_entry()])
    second = after(first, post([pays(-400)], first))
    posting = post([pays(-600)], second)

    assert details(posting) == lcy((13, N, -600), (5, A, -600), (13, A, 600))
    assert general(posting) == [(12, BANK, 600), (13, AR, -600)]
    assert closed(posting, 5) == (0, 13, 600)
    assert closed(posting, 13) == (0, 0, 0)


def test_the_discount_survives_a_part_payment() -> None:
    """Example 9: -400 brings no discount, -580 in time closes the rest with all of it."""
    first = books(entries=[discounted()])
    part = post([pays(-400, jan(12))], first)
    assert details(part) == lcy((11, N, -400), (5, A, -400), (11, A, 400))
    posting = post([pays(-580, jan(18))], after(first, part))

    assert details(posting) == lcy((13, N, -580), (13, D, -20), (5, A, -600), (13, A, 600))
    assert general(posting) == [(12, BANK, 580), (13, AR, -600), (14, DISCOUNT_DEBIT, 20)]
    assert closed(posting, 5) == (0, 13, 600)
    assert entry(posting, 5).payment_discount_given_lcy == 20
    assert entry(posting, 5).remaining_payment_discount_possible == 0


def test_both_payments_of_one_journal_see_each_other() -> None:
    """Examples 2 and 3 in one journal: the second line applies to what the first one left."""
    posting = post([pays(-400), pays(-600, line=20000)], books(entries=[invoice_entry()]))

    assert closed(posting, 5) == (0, 13, 600)
    assert len([pair for pair in posting.changes.update if isinstance(pair[0], CustomerLedgerEntry)]) == 1


def test_amounts_in_a_discounted_payment() -> None:
    """Example 5: the original amount is what was paid, the amount includes the discount."""
    paid = entry(post([pays(-980, jan(18))], books(entries=[discounted()])), 11)

    assert (paid.original_amount, paid.amount, paid.remaining_amount) == (-980, -1000, 0)


def test_a_payment_dated_before_its_invoice_is_applied_at_the_invoices_date() -> None:
    """The payment keeps its date; its application takes the later one."""
    posting = post([pays(-1000, date(2025, 1, 2))], books(entries=[invoice_entry()]))
    rows = [row for row in posting.changes.insert if isinstance(row, DetailedEntry)]

    assert [row.posting_date for row in rows] == [date(2025, 1, 2), jan(10), jan(10)]
    assert entry(posting, 11).closed_at_date == jan(10)
    assert entry(posting, 11).posting_date == date(2025, 1, 2)


def test_oldest_first_ignores_later_entries_and_marked_ones() -> None:
    """Entries posted after the payment, and those kept for another payment, are not touched."""
    later = invoice_entry(6, 400, posting_date=MARCH)
    marked = invoice_entry(7, 400, **MARKED)
    posting = post([payment(-500)], books(entries=[later, marked], **OLDEST))

    assert closed(posting, 11) == (-500, 0, 0)


def test_without_a_name_and_with_the_manual_method_nothing_is_applied() -> None:
    """The payment stays open in full."""
    posting = post([payment(-500)], books(entries=TWO_OPEN))

    assert details(posting) == lcy((11, N, -500))
    assert closed(posting, 11) == (-500, 0, 0)


def test_oldest_is_by_due_date() -> None:
    """Not by number: the invoice that is due first is paid first."""
    early = invoice_entry(6, 400, due_date=date(2025, 1, 9))
    posting = post([payment(-500)], books(entries=[invoice_entry(5, 300), early], **OLDEST))

    assert closed(posting, 6) == (0, 11, 400)
    assert closed(posting, 5) == (200, 0, 0)


def test_oldest_first_within_one_journal() -> None:
    """Three payments walk along the queue; none is applied twice."""
    lines = [payment(-250, line=n * 10000) for n in (1, 2, 3)]
    posting = post(lines, books(entries=TWO_OPEN, **OLDEST))

    assert closed(posting, 5) == (0, 13, 50)
    assert closed(posting, 6) == (0, 15, 200)
    assert closed(posting, 15) == (-50, 0, 0)


def test_a_refund_is_applied_to_a_payment_of_the_same_journal() -> None:
    """A line can name what a line before it made."""
    refund = payment(
        300, line=20000, document_type=DocumentType.REFUND, applies_to_document_type=DocumentType.PAYMENT,
        applies_to_document_number="PAY1",
    )  # fmt: skip
    posting = post([payment(-500), refund], books())

    assert closed(posting, 11) == (-200, 0, 0)
    assert closed(posting, 13) == (0, 11, 300)


@pytest.mark.parametrize("noted", ["5000", "-1"])
def test_a_senseless_amount_to_apply_never_over_applies(noted: str) -> None:
    """What was noted may be stale: more than remains, or of the wrong sign."""
    posting = post([pays(-1200)], books(entries=[invoice_entry(amount_to_apply=Decimal(noted))]))

    assert closed(posting, 5) == (0, 11, 1000)
    assert closed(posting, 11) == (-200, 0, 0)


def test_a_stale_tolerance_larger_than_the_payment_is_not_given() -> None:
    """Else the payment would change its sign."""
    stale = invoice_entry(accepted_payment_tolerance=Decimal(-3), amount_to_apply=Decimal(1000))
    posting = post([pays(-1)], books(entries=[stale]))

    assert details(posting) == lcy((11, N, -1), (5, A, -1), (11, A, 1))


def test_a_customer_without_tolerance_gets_none() -> None:
    """`block_payment_tolerance`: the accepted tolerance is not used."""
    stubborn = {"customers": {"customer-10400": customer(block_payment_tolerance=True)}}
    tolerated = invoice_entry(**TOLERANT, accepted_payment_tolerance=Decimal(3))
    posting = post([pays(-997)], books(entries=[tolerated], **stubborn))

    assert closed(posting, 5) == (3, 0, 0)


def test_what_was_noted_is_used_up() -> None:
    """Mark and amount to apply are cleared, the highest tolerance shrinks to what remains."""
    posting = post([pays(-998)], books(entries=[invoice_entry(**TOLERANT)]))
    e = entry(posting, 5)

    assert (e.applies_to_id, e.amount_to_apply, e.accepted_payment_tolerance) == ("", 0, 0)
    assert e.maximum_payment_tolerance == 2


def test_the_rest_in_local_currency_is_corrected() -> None:
    """EUR 0.03 at 1.20 is 0.04; paying 0.01 three times must not leave a cent behind."""
    before = books(entries=[euro_invoice("0.03", "0.04")])
    kinds: list[str] = []
    for _ in range(3):
        posting = post([pays("-0.01", rate="1.25")], before)
        kinds += [kind for _, kind, *_ in details(posting)]
        before = after(before, posting)

    assert CORRECTION in kinds
    assert entry(posting, 5).remaining_amount_lcy == 0


def test_foreign_for_foreign_goes_over_local_currency() -> None:
    """JPY pay a EUR invoice: the gain is realized on both, nothing is left in any currency."""
    rate = Decimal("0.0069")
    line = replace(
        pays(-181159),
        currency_code="JPY",
        currency_factor=1 / rate,
        amount_lcy=(-181159 * rate).quantize(Decimal("0.01")),
    )
    parts = {"currencies": {"EUR": currency("EUR"), "JPY": currency("JPY", "1", application_rounding_precision=1)}}
    posting = post([line], books(entries=[euro_invoice()], **parts))

    assert closed(posting, 5)[0] == 0
    assert closed(posting, 11)[0] == 0
    assert {entry(posting, n).remaining_amount_lcy for n in (5, 11)} == {0}


def test_currencies_apart_are_skipped_in_the_queue() -> None:
    """With applications between currencies off, the EUR invoice waits for a EUR payment."""
    setup = ReceivablesSetup(application_between_currencies=CurrencyApplication.NONE)
    posting = post([payment(-500)], books(entries=[euro_invoice()], setup=setup, **OLDEST))

    assert closed(posting, 11) == (-500, 0, 0)


def test_the_books_are_not_changed() -> None:
    """Posting is pure: what it was given stays as it was."""
    given = books(entries=[invoice_entry()])
    copy = changed(given)
    post([pays(-400)], given)

    assert given == copy
    assert given.entries[0].remaining_amount == 1000


# --------------------------------------------------------------------------- pooled


def pool(new: object, invoice: object, *others: object, **columns: Any) -> Application:
    """A payment applied to one invoice, together with other payments."""
    same = [invoice_entry(20 + at, amount, document_type=DocumentType.PAYMENT) for at, amount in enumerate(others)]
    applying = invoice_entry(11, new, document_type=DocumentType.PAYMENT, posting_date=FEBRUARY)
    given = books()
    terms = Terms(given.setup, given.currencies, given.rates, {})
    return apply_entry(applying, [invoice_entry(5, invoice, **columns)], on=FEBRUARY, terms=terms, pooled=same)


@pytest.mark.parametrize(
    ("new", "invoice", "others", "rests"),
    [
        (-500, 700, [-300], [0, 0, -100]),  # the other payment gives what is lacking
        (-500, 1000, [-300], [0, 200, 0]),  # all of it
        (-500, 1000, [-300, -300], [0, 0, 0, -100]),  # in the order given
        (-500, 400, [-300], [-100, 0, -300]),  # nothing lacks
        (-500, 500, [-300], [0, 0, -300]),
    ],
)
def test_payments_are_pooled(new: int, invoice: int, others: list[int], rests: list[int]) -> None:
    """What remains of the applying payment, the invoice, the others."""
    done = pool(new, invoice, *others)
    after = {changed.entry_number: changed for _, changed in done.olds}

    found: list[Any] = [done.new.remaining_amount, after[5].remaining_amount]
    found += [after[20 + at].remaining_amount if 20 + at in after else amount for at, amount in enumerate(others)]
    assert found == rests
    assert sum(detail.amount for detail in done.details) == 0


def test_less_is_lacking_when_a_discount_is_granted() -> None:
    """980 close an invoice over 1000: only 480 are taken over."""
    done = pool(-500, 1000, -600, payment_discount_date=FEBRUARY, remaining_payment_discount_possible=Decimal(20))

    assert [changed.remaining_amount for _, changed in done.olds] == [-120, 0]
    assert done.new.remaining_amount == 0
