"""Adjusting exchange rates: what a run posts, what a second run posts, and what is left after payments."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace as changed
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from debitor.ledger import invariants
from debitor.ledger.adjust import AdjustmentBooks, BankBalance, Change, adjust, entry_changes
from debitor.ledger.amounts import round_to
from debitor.ledger.books import Books, Posting
from debitor.ledger.post import post_journal
from debitor.ledger.records import (
    Account,
    BankAccountLedgerEntry,
    Currency,
    CustomerLedgerEntry,
    DefaultDimension,
    DetailedEntry,
    DetailedEntryType,
    ExchangeRate,
    GeneralLedgerEntry,
    GeneralLedgerRegister,
    PostingValidation,
    ReceivablesSetup,
)
from debitor.schema import BLANK_DATE, Refused
from ledger.strategies import (
    AR,
    BANK,
    GAINS,
    LOSSES,
    NUMBERS,
    UNREALIZED_GAINS,
    UNREALIZED_LOSSES,
    after,
    bank,
    books,
    currency,
    dates,
    euro_invoice,
    payment,
)

D = Decimal
INITIAL, APPLIED = DetailedEntryType.INITIAL_ENTRY, DetailedEntryType.APPLICATION
GAIN, LOSS = DetailedEntryType.UNREALIZED_GAIN, DetailedEntryType.UNREALIZED_LOSS
JANUARY, FEBRUARY, MARCH = date(2025, 1, 31), date(2025, 2, 28), date(2025, 3, 31)
RATES = books().rates


def detail(of: CustomerLedgerEntry, number: int = 1) -> DetailedEntry:
    """The detailed entry that an open entry began with."""
    return DetailedEntry(
        entry_number=number,
        ledger_entry_number=of.entry_number,
        posting_date=of.posting_date,
        customer_id=of.customer_id,
        customer_number=of.customer_number,
        currency_code=of.currency_code,
        amount=of.original_amount,
        amount_lcy=of.original_amount_lcy,
    )


def given_books(
    *entries: CustomerLedgerEntry, details: Sequence[DetailedEntry] = (), **parts: Any
) -> AdjustmentBooks:
    rows = [*details] or [detail(entry, number) for number, entry in enumerate(entries, 1)]
    base = books()
    given: dict[str, Any] = {
        "setup": base.setup,
        "currencies": base.currencies,
        "rates": RATES,
        "entries": entries,
        "details": {e.entry_number: [d for d in rows if d.ledger_entry_number == e.entry_number] for e in entries},
        "posting_groups": base.posting_groups,
        "accounts": base.accounts,
        "banks": (),
        "next": changed(base.next, detailed=len(rows) + 1),
        "user": "EVE",
        "now": base.now,
    }
    return AdjustmentBooks(**(given | parts))


def run(given: AdjustmentBooks, on: date = FEBRUARY, **more: Any) -> Posting:
    asked: dict[str, Any] = {"ending_date": on, "posting_date": on, "document_number": "ADJ1"}
    return adjust(given, **(asked | more))


def general(posting: Posting) -> list[tuple[int, str, Decimal]]:
    rows = [row for row in posting.changes.insert if isinstance(row, GeneralLedgerEntry)]
    return [(row.entry_number, row.account_number, row.amount) for row in rows]


def detailed(posting: Posting) -> list[tuple[int, DetailedEntryType, Decimal, date]]:
    rows = [row for row in posting.changes.insert if isinstance(row, DetailedEntry)]
    assert not any(row.amount for row in rows)
    return [(row.ledger_entry_number, row.entry_type, row.amount_lcy, row.posting_date) for row in rows]


def changed_entries(posting: Posting) -> dict[int, CustomerLedgerEntry]:
    return {new.entry_number: new for _, new in posting.changes.update if isinstance(new, CustomerLedgerEntry)}


def test_a_gain() -> None:
    """EUR 1000 at 1.20 is worth 1250 at 1.25."""
    posting = run(given_books(euro_invoice()))

    assert detailed(posting) == [(5, GAIN, D(50), FEBRUARY)]
    assert general(posting) == [(10, AR, D(50)), (11, UNREALIZED_GAINS, D(-50))]
    entry = changed_entries(posting)[5]
    assert (entry.amount_lcy, entry.remaining_amount_lcy) == (D(1250), D(1250))
    assert (entry.amount, entry.remaining_amount, entry.original_amount_lcy) == (D(1000), D(1000), D(1200))
    assert round_to(entry.adjusted_currency_factor, D("0.0001")) == D("0.8")
    assert entry.original_currency_factor != entry.adjusted_currency_factor
    (register,) = [row for row in posting.changes.insert if isinstance(row, GeneralLedgerRegister)]
    assert (register.from_entry_number, register.to_entry_number, register.posting_date) == (10, 11, FEBRUARY)
    assert register.source_code == "EXCHRATADJ"


def test_a_loss() -> None:
    """At 1.15 it is worth 50 less."""
    posting = run(given_books(euro_invoice()), MARCH)

    assert detailed(posting) == [(5, LOSS, D(-50), MARCH)]
    assert general(posting) == [(10, AR, D(-50)), (11, UNREALIZED_LOSSES, D(50))]


def again(before: AdjustmentBooks, posting: Posting) -> AdjustmentBooks:
    """The books that a second run sees."""
    rows = [row for row in posting.changes.insert if isinstance(row, DetailedEntry)]
    news = changed_entries(posting)
    currencies = {new.code: new for _, new in posting.changes.update if isinstance(new, Currency)}
    return changed(
        before,
        entries=[news.get(e.entry_number, e) for e in before.entries],
        details={
            number: [*of, *(row for row in rows if row.ledger_entry_number == number)]
            for number, of in before.details.items()
        },
        currencies={**before.currencies, **currencies},
    )


def test_a_second_run_on_the_same_day_posts_nothing() -> None:
    first = given_books(euro_invoice())
    second = run(again(first, run(first)))

    assert second.register_number == 0
    assert second.changes.insert == []


def test_a_second_run_posts_the_difference_and_first_takes_back_what_was_held() -> None:
    """Business Central splits it: 50 of the gain goes, then 50 is lost."""
    first = given_books(euro_invoice())
    second = run(again(first, run(first)), MARCH)

    assert detailed(second) == [(5, LOSS, D(-50), MARCH), (5, LOSS, D(-50), MARCH)]
    assert general(second) == [(10, AR, D(-100)), (11, UNREALIZED_LOSSES, D(100))]
    assert changed_entries(second)[5].remaining_amount_lcy == 1150


def test_a_payment_reverses_what_the_run_posted() -> None:
    """Worked example 22, from the run on."""
    posting = run(given_books(euro_invoice()))
    entry = changed_entries(posting)[5]
    paid = post_journal(
        [payment(-1000, date(2025, 3, 5), rate="1.15", applies_to="INV5")],
        books(entries=[entry], unrealized={5: D(50)}),
    )
    kinds = [(row.ledger_entry_number, row.entry_type, row.amount_lcy) for row in paid.changes.insert
             if isinstance(row, DetailedEntry) and row.entry_type not in (INITIAL, APPLIED)]  # fmt: skip

    assert kinds == [(5, GAIN, D(-50)), (11, DetailedEntryType.REALIZED_LOSS, D(-50))]
    assert [row[1:] for row in general(paid)][2:] == [(UNREALIZED_GAINS, D(50)), (LOSSES, D(50))]


def test_a_part_payment_leaves_the_adjusted_value() -> None:
    """After the run at 1.25, EUR 600 of 1000 remain: 750."""
    entry = changed_entries(run(given_books(euro_invoice())))[5]
    paid = post_journal(
        [payment(-400, date(2025, 3, 5), rate="1.15", applies_to="INV5")],
        books(entries=[entry], unrealized={5: D(50)}),
    )
    (left,) = [new for old, new in paid.changes.update if old is entry]

    assert isinstance(left, CustomerLedgerEntry)
    assert (left.remaining_amount, left.remaining_amount_lcy) == (D(600), D(750))


def test_what_was_paid_since_is_adjusted_on_the_day_and_taken_back_on_the_date_of_the_payment() -> None:
    """The run for February is made on 10 March; EUR 1000 were paid on 5 March."""
    entry = replace(
        euro_invoice(), open=False, remaining_amount=D(0), remaining_amount_lcy=D(0), closed_at_date=date(2025, 3, 5)
    )
    begun = detail(entry)
    paid = replace(
        begun, entry_number=2, entry_type=APPLIED, posting_date=date(2025, 3, 5), amount=D(-1000), amount_lcy=D(-1200)
    )
    posting = run(given_books(entry, details=[begun, paid]))

    assert detailed(posting) == [(5, GAIN, D(50), FEBRUARY), (5, LOSS, D(-50), date(2025, 3, 5))]
    assert general(posting) == [
        (10, AR, D(50)), (11, UNREALIZED_GAINS, D(-50)), (12, AR, D(-50)), (13, UNREALIZED_LOSSES, D(50)),
    ]  # fmt: skip
    assert 5 not in changed_entries(posting)


def test_the_adjustment_amounts_of_a_rate_come_first() -> None:
    rate = ExchangeRate(
        currency_code="EUR",
        starting_date=date(2025, 1, 1),
        relational_exchange_rate_amount=D("1.20"),
        relational_adjustment_exchange_rate_amount=D("1.30"),
    )
    assert detailed(run(given_books(euro_invoice(), rates={"EUR": [rate]})))[0][2] == 100


def test_entries_of_two_dimension_sets_are_two_transactions() -> None:
    one, two = euro_invoice(), replace(euro_invoice(), entry_number=6, dimension_set_number=3)
    posting = run(given_books(one, two))
    rows = [row for row in posting.changes.insert if isinstance(row, GeneralLedgerEntry)]

    assert [(row.transaction_number, row.dimension_set_number) for row in rows] == [(1, 0), (1, 0), (2, 3), (2, 3)]
    assert sum(row.amount for row in rows if row.transaction_number == 2) == 0


def test_a_bank_account_is_adjusted_as_a_whole() -> None:
    """EUR 500 that were booked at 590 are 625: a realized gain, and a bank entry without amount in its currency."""
    posting = run(given_books(banks=[BankBalance(bank(currency_code="EUR"), D(500), D(590))]))
    (entry,) = [row for row in posting.changes.insert if isinstance(row, BankAccountLedgerEntry)]

    assert general(posting) == [(10, BANK, D(35)), (11, GAINS, D(-35))]
    assert (entry.entry_number, entry.amount, entry.amount_lcy, entry.open) == (10, D(0), D(35), False)


def test_a_bank_account_can_lose() -> None:
    posting = run(given_books(banks=[BankBalance(bank(currency_code="EUR"), D(500), D(640))]))

    assert general(posting) == [(10, BANK, D(-15)), (11, LOSSES, D(15))]


def test_nothing_to_adjust() -> None:
    posting = run(given_books(), preview=True)

    assert (posting.register_number, posting.changes.insert, posting.changes.update) == (0, [], [])


def test_the_currency_remembers_the_day_but_not_after_a_preview() -> None:
    given = given_books(euro_invoice(), currencies={"EUR": currency("EUR")})

    assert [new for _, new in run(given, preview=True).changes.update if isinstance(new, Currency)] == []
    (row,) = [new for _, new in run(given).changes.update if isinstance(new, Currency)]
    assert row.last_date_adjusted == FEBRUARY


DIMENSION = DefaultDimension(
    parent_type="G/L Account", dimension_code="AREA", posting_validation=PostingValidation.CODE_MANDATORY
)
FIELD, DIALOG = "Application_FieldValidationException", "Application_DialogException"
ADJUSTED = replace(currency("EUR"), last_date_adjusted=MARCH)
REFUSED: list[tuple[dict[str, Any], dict[str, Any], str, str]] = [
    ({"ending_date": BLANK_DATE}, {}, FIELD, "endingDate"),
    ({"posting_date": BLANK_DATE}, {}, FIELD, "postingDate"),
    ({"document_number": ""}, {}, FIELD, "documentNumber"),
    ({"posting_date": MARCH}, {}, DIALOG, "after endingDate"),
    ({}, {"currencies": {"EUR": ADJUSTED}}, DIALOG, "2025-03-31"),
    ({}, {"rates": {}}, "Internal_DataNotFoundFilter", "EUR"),
    ({}, {"posting_groups": {}}, FIELD, "DOMESTIC has no receivables account"),
    ({}, {"setup": ReceivablesSetup(allow_posting_from=MARCH)}, FIELD, "allowed posting dates"),
    ({}, {"currencies": {"EUR": replace(currency("EUR"), unrealized_gains_account="")}}, FIELD, "unrealized gains"),
    ({}, {"accounts": {}}, "Internal_RecordNotFound", AR),
    ({}, {"accounts": {n: Account(number=n, blocked=True) for n in NUMBERS}}, FIELD, "is blocked"),
    ({}, {"rules": {f"account-{AR}": [DIMENSION]}}, DIALOG, "AREA"),
]  # fmt: skip


@pytest.mark.parametrize(("asked", "parts", "code", "says"), REFUSED, ids=lambda v: v if isinstance(v, str) else "")
def test_refusals_in_order(asked: dict[str, Any], parts: dict[str, Any], code: str, says: str) -> None:
    with pytest.raises(Refused) as no:
        run(given_books(euro_invoice(), **parts), **asked)

    assert no.value.code == code
    assert says in no.value.message


def test_a_bank_account_without_ledger_account() -> None:
    held = BankBalance(bank(currency_code="EUR", ledger_account=""), D(500), D(590))
    with pytest.raises(Refused, match="has no G/L account"):
        run(given_books(banks=[held]))


def test_a_currency_that_is_not_used_needs_no_rate() -> None:
    assert run(given_books(euro_invoice(), rates={"EUR": RATES["EUR"]})).register_number == 1


amounts = st.integers(1, 100_000).map(lambda n: D(n) / 100)
days = st.lists(st.integers(-40, 40), max_size=6)


@given(amounts, days, st.integers(50, 200), st.data())
def test_on_every_day_from_then_on_the_value_is_that_of_the_rate(
    amount: Decimal, offsets: list[int], percent: int, data: st.DataObject
) -> None:
    """Whatever was posted before or after the day: from it on, value = remaining amount / factor."""
    on, factor = FEBRUARY, D(100) / percent
    start = euro_invoice(amount, round_to(amount * D("1.2"), D("0.01")))
    rows, left, left_lcy = [detail(start)], start.original_amount, start.original_amount_lcy
    for offset in sorted(offsets):
        part = min(left, round_to(left * data.draw(st.integers(0, 100)) / 100, D("0.01")))
        lcy = left_lcy if part == left else round_to(part * D("1.2"), D("0.01"))
        left, left_lcy = left - part, left_lcy - lcy
        day = on + timedelta(days=offset)
        rows.append(replace(rows[0], entry_type=APPLIED, posting_date=day, amount=-part, amount_lcy=-lcy))
    changes: list[Change] = list(entry_changes(rows, factor, on, D("0.01")))

    for day in {on, *(row.posting_date for row in rows if row.posting_date > on)}:
        remaining = sum((row.amount for row in rows if row.posting_date <= day), D(0))
        value = sum((row.amount_lcy for row in rows if row.posting_date <= day), D(0))
        value += sum((change.lcy for change in changes if change.on <= day), D(0))
        assert value == round_to(remaining / factor, D("0.01"))
    assert all((change.lcy > 0) == (change.kind == GAIN) for change in changes)


STEPS = [(date(2025, 1, 1), D("1.20")), (date(2025, 2, 1), D("1.25")), (date(2025, 3, 1), D("1.15"))]
"""The euro's rates, written down once more."""


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(["pay", "adjust"]), dates, amounts), max_size=8))
def test_the_books_hold_after_payments_and_runs_in_any_order(acts: list[tuple[str, date, Decimal]]) -> None:
    """Detailed entries are what remains, the receivables account is what customers owe, and nothing is left over.

    Beside it runs a second count: what remains of the invoice is worth the rate of the last run, whatever was paid,
    and no unrealized amount outlives it.
    """
    rate = D("1.20")
    entry = euro_invoice(500, 600)
    all_details, ledger = [detail(entry)], {AR: D(600)}
    journal: Books = books(entries=[entry])
    journal = changed(journal, next=changed(journal.next, detailed=2))
    entries = {5: entry}
    last = JANUARY
    for at, (what, day, amount) in enumerate(acts, 1):
        if what == "pay" and entries[5].open:
            part = min(amount, entries[5].remaining_amount)
            factor = (
                Decimal(1) / [r for r in RATES["EUR"] if r.starting_date <= day][-1].relational_exchange_rate_amount
            )
            line = payment(-part, day, line=at * 10000, applies_to="INV5", rate=Decimal(1) / factor)
            held = sum(
                (d.amount_lcy for d in all_details if d.ledger_entry_number == 5 and d.entry_type in (GAIN, LOSS)),
                D(0),
            )
            posting = post_journal([line], changed(journal, unrealized={5: held} if held else {}))
            journal = after(journal, posting)
        elif day >= last:
            last = day
            rate = next(r for start, r in reversed(STEPS) if start <= day)
            used = [e for e in entries.values() if e.posting_date <= day and (e.open or e.closed_at_date > day)]
            books_now = given_books(*used, details=all_details, next=journal.next)
            posting = run(books_now, day, document_number=f"ADJ{at}")
            journal = after(journal, posting)
        else:
            continue
        rows = posting.changes.insert
        all_details += [row for row in rows if isinstance(row, DetailedEntry)]
        entries |= {e.entry_number: e for e in posting.entries} | changed_entries(posting)
        journal = changed(journal, entries=[e for e in entries.values() if e.open])
        assert entries[5].remaining_amount_lcy == round_to(entries[5].remaining_amount * rate, D("0.01"))
        unrealized = sum(
            (d.amount_lcy for d in all_details if d.ledger_entry_number == 5 and d.entry_type in (GAIN, LOSS)), D(0)
        )
        assert entries[5].open or not unrealized
        for row in rows:
            if isinstance(row, GeneralLedgerEntry):
                ledger[row.account_number] = ledger.get(row.account_number, D(0)) + row.amount
    sums = invariants.sums_of(all_details)
    for number, of in entries.items():
        assert list(invariants.entry_findings(of, sums[number])) == []
    assert ledger[AR] == sum(of.remaining_amount_lcy for of in entries.values())
    assert sum(ledger.values()) == 600
