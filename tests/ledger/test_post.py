"""Posting a journal: order, numbers, transactions, and what every row says."""

from __future__ import annotations

import sys
from datetime import date
from decimal import Decimal
from types import FrameType
from typing import Any, TypeVar

import pytest
from msgspec.structs import replace

from debitor.ledger.books import Books, Posting, posting_amount
from debitor.ledger.invariants import posting_findings
from debitor.ledger.numbering import NextNumbers
from debitor.ledger.post import objections, post_journal
from debitor.ledger.records import (
    AccountType,
    ApplicationMethod,
    BankAccountLedgerEntry,
    CustomerLedgerEntry,
    DetailedEntry,
    DocumentType,
    GeneralLedgerEntry,
    GeneralLedgerRegister,
    InvoiceStatus,
    JournalBatch,
    JournalLine,
    JournalTemplate,
    NumberSeries,
    NumberSeriesLine,
    SalesInvoice,
)
from debitor.schema import Refused, Row
from ledger.strategies import (
    AR,
    BANK,
    FEBRUARY,
    GROUP,
    MARCH,
    account_line,
    bank,
    bank_line,
    books,
    customer,
    discounted,
    euro_invoice,
    invoice_entry,
    one_sided,
    payment,
)

R = TypeVar("R", bound=Row)


def post(lines: list[JournalLine], before: Books) -> Posting:
    posting = post_journal(lines, before)
    assert list(posting_findings(posting, before)) == []
    return posting


def rows(posting: Posting, kind: type[R]) -> list[R]:
    return [row for row in posting.changes.insert if isinstance(row, kind)]


def updated(posting: Posting, kind: type[R]) -> list[R]:
    return [new for _, new in posting.changes.update if isinstance(new, kind)]


def numbered(**columns: Any) -> dict[str, Any]:
    """A journal with series PAY (PAY1 ...) and, if asked for, posting series POSTED (P001 ...)."""
    return {
        "batch": JournalBatch(id="batch", template_name="CASHRCPT", name="CASH", **columns),
        "series": {code: NumberSeries(code=code) for code in ("PAY", "POSTED")},
        "series_lines": {
            "PAY": [NumberSeriesLine(id="pay", series_code="PAY", starting_number="PAY1")],
            "POSTED": [NumberSeriesLine(id="posted", series_code="POSTED", starting_number="P001")],
        },
    }


def test_what_the_entries_of_a_payment_say() -> None:
    """Accounts, dates, numbers, sides, sources: everything that a clerk would look for."""
    line = payment(
        -1000, document_date=date(2025, 2, 3), external_document_number="EXT", comment="wired", applies_to="INV5",
        reason_code="R", dimension_set_number=3, salesperson_code="JO",
    )  # fmt: skip
    posting = post([line], books(entries=[invoice_entry()]))
    bank_side, receivables = rows(posting, GeneralLedgerEntry)
    [paid] = posting.entries
    [money] = rows(posting, BankAccountLedgerEntry)

    for row in (bank_side, receivables, paid, money):
        assert row.posting_date == FEBRUARY
        assert row.document_date == date(2025, 2, 3)
        assert (row.document_type, row.document_number) == ("Payment", "PAY1")
        assert (row.external_document_number, row.description) == ("EXT", "Relecloud")
        assert (row.source_code, row.reason_code, row.journal_batch_name) == ("CASHRECJNL", "R", "CASH")
        assert (row.transaction_number, row.dimension_set_number) == (1, 3)
        assert (row.user_id, row.created_at) == ("EVE", "2025-02-05T10:00:00.000Z")
    assert (bank_side.debit_amount, bank_side.credit_amount, bank_side.comment) == (1000, 0, "wired")
    assert (receivables.debit_amount, receivables.credit_amount) == (0, 1000)
    assert (bank_side.source_type, bank_side.source_number) == (AccountType.BANK_ACCOUNT, "B1")
    assert (receivables.source_type, receivables.source_number) == (AccountType.CUSTOMER, "10400")
    assert (bank_side.balancing_account_type, bank_side.balancing_account_number) == (AccountType.CUSTOMER, "10400")
    assert (receivables.balancing_account_type, receivables.balancing_account_number) == ("Bank_x0020_Account", "B1")
    assert (bank_side.account_id, receivables.account_id) == (f"account-{BANK}", f"account-{AR}")
    assert paid.source_id == line.id
    assert (paid.due_date, paid.positive, paid.open, paid.salesperson_code) == (FEBRUARY, False, False, "JO")
    assert (money.entry_number, money.amount, money.remaining_amount, money.open) == (10, 1000, 1000, True)


def test_both_amounts_of_a_detailed_entry_stand_on_one_side() -> None:
    """Debit or credit, never split between the currencies."""
    posting = post([payment(-1000, MARCH, applies_to="INV5", rate="1.15")], books(entries=[euro_invoice()]))
    sides = [
        (d.debit_amount, d.credit_amount, d.debit_amount_lcy, d.credit_amount_lcy)
        for d in rows(posting, DetailedEntry)
    ]

    assert sides == [(0, 1000, 0, 1150), (0, 0, 0, 50), (0, 1000, 0, 1200), (1000, 0, 1200, 0)]


def test_the_register_holds_the_range() -> None:
    """One register per journal posted."""
    posting = post([payment(-1), payment(-2, line=20000)], books())
    [register] = rows(posting, GeneralLedgerRegister)

    assert (register.number, register.from_entry_number, register.to_entry_number) == (1, 10, 13)
    assert (register.journal_template_name, register.journal_batch_name, register.source_code) == (
        "CASHRCPT",
        "CASH",
        "CASHRECJNL",
    )
    assert {entry.register_number for entry in rows(posting, GeneralLedgerEntry)} == {1}


def test_documents_are_posted_in_the_order_of_their_numbers() -> None:
    """Not of their line numbers."""
    lines = [payment(-1, document_number="B"), payment(-2, line=20000, document_number="A")]
    posting = post(lines, books())

    assert [(e.document_number, e.entry_number) for e in posting.entries] == [("A", 11), ("B", 13)]


LOOSE = JournalTemplate(name="CASHRCPT", force_document_balance=False)


def test_without_forced_balance_lines_are_posted_by_line_number() -> None:
    """With one date; with several by balancing account."""
    lines = [payment(-1, document_number="B"), payment(-2, line=20000, document_number="A")]
    posting = post(lines, books(template=LOOSE))
    assert [e.document_number for e in posting.entries] == ["B", "A"]

    dated = [lines[0], replace(lines[1], posting_date=MARCH, balancing_account_number="A1")]
    posting = post(dated, books(template=LOOSE))
    assert [e.document_number for e in posting.entries] == ["A", "B"]


def test_each_balanced_line_is_a_transaction() -> None:
    """Even with the same document number."""
    posting = post([payment(-1), payment(-2, line=20000, document_number="PAY1")], books())

    assert [e.transaction_number for e in posting.entries] == [1, 2]


def test_one_sided_lines_share_a_transaction_until_they_balance() -> None:
    """100 = 60 + 40, then the next document."""
    lines = [
        account_line(100, line=10000),
        account_line(-60, line=20000, account="1120"),
        account_line(-40, line=30000, account="1120"),
        account_line(5, line=40000),
        account_line(-5, line=50000, account="1120"),
    ]
    posting = post(lines, books())

    assert [e.transaction_number for e in rows(posting, GeneralLedgerEntry)] == [1, 1, 1, 2, 2]
    assert [e.entry_number for e in rows(posting, GeneralLedgerEntry)] == [10, 11, 12, 13, 14]


def test_a_document_balances_per_date() -> None:
    """The same number on two dates is two documents."""
    lines = [account_line(5, line=10000), account_line(-5, line=20000, on=MARCH)]
    with pytest.raises(Refused, match="2025-02-05 is out of balance by 5"):
        post_journal(lines, books())


def test_a_document_balances_per_type() -> None:
    """The same number for two types is two documents."""
    lines = [account_line(5, line=10000), replace(account_line(-5, line=20000), document_type=DocumentType.PAYMENT)]
    with pytest.raises(Refused, match="G1 of 2025-02-05 is out of balance by 5"):
        post_journal(lines, books())


def test_without_forced_balance_only_dates_must_balance() -> None:
    """Two documents may balance each other; each is still a transaction of its own."""
    lines = [account_line(5, line=10000), account_line(-5, line=20000, number="G2")]
    with pytest.raises(Refused, match="G1"):
        post_journal(lines, books())
    posting = post(lines, books(template=LOOSE))

    assert [e.transaction_number for e in rows(posting, GeneralLedgerEntry)] == [1, 2]


def test_the_series_is_consumed() -> None:
    """Numbers that match are taken; they stay on the entries."""
    posting = post([payment(-1), payment(-2, line=20000)], books(**numbered(number_series="PAY")))
    [series] = updated(posting, NumberSeriesLine)

    assert (series.last_number_used, series.last_date_used) == ("PAY2", FEBRUARY)
    assert [e.document_number for e in posting.entries] == ["PAY1", "PAY2"]


def test_the_posting_series_gives_the_final_numbers() -> None:
    """Consecutive lines of one document share a number; series PAY moves on as well."""
    lines = [one_sided(payment(-3)), bank_line(1), bank_line(2, line=30000), payment(-4, line=40000)]
    lines[3] = replace(lines[3], document_number="PAY2")
    posting = post(lines, books(**numbered(number_series="PAY", posting_number_series="POSTED")))

    assert [e.document_number for e in rows(posting, GeneralLedgerEntry)] == ["P001"] * 3 + ["P002"] * 2
    assert {s.series_code: s.last_number_used for s in updated(posting, NumberSeriesLine)} == {
        "PAY": "PAY2",
        "POSTED": "P002",
    }


def test_the_journal_is_emptied() -> None:
    """Empty lines go too."""
    empty = replace(one_sided(payment(0, line=20000)), account_number="")
    lines = [payment(-1), empty]
    posting = post(lines, books())

    assert posting.changes.delete == lines


def test_only_empty_lines_post_nothing() -> None:
    """They stay where they are."""
    empty = replace(one_sided(payment(0)), account_number="")
    posting = post([empty], books())

    assert (posting.register_number, posting.changes.insert, posting.changes.delete) == (0, [], [])
    assert posting.changes.update == []


def test_a_journal_without_series_carries_date_and_number_on() -> None:
    """The defaults of the next line: Business Central keeps them in an empty line."""
    [batch] = updated(post([payment(-1, MARCH)], books()), JournalBatch)

    assert (batch.carried_line, batch.carried_posting_date, batch.carried_document_number) == (True, MARCH, "PAY2")


def test_a_journal_with_series_carries_nothing() -> None:
    """What it carried before it had a series is forgotten."""
    given = numbered(number_series="PAY", carried_line=True, carried_document_number="OLD")
    [batch] = updated(post([payment(-1)], books(**given)), JournalBatch)

    assert (batch.carried_line, batch.carried_document_number) == (False, "")
    assert updated(post([payment(-1)], books(**numbered(number_series="PAY"))), JournalBatch) == []


@pytest.mark.parametrize(
    ("amount", "before", "status"),
    [
        (-1000, InvoiceStatus.OPEN, InvoiceStatus.PAID),
        (-400, InvoiceStatus.OPEN, InvoiceStatus.OPEN),
        (-400, InvoiceStatus.CANCELED, InvoiceStatus.CANCELED),
    ],
)
def test_the_invoice_follows_its_entry(amount: int, before: InvoiceStatus, status: InvoiceStatus) -> None:
    """Paid when it is closed; renewed in any case, because what remains of it changed."""
    invoice = SalesInvoice(id="i", number="INV5", status=before, ledger_entry_number=5)
    other = SalesInvoice(id="j", number="INV6", ledger_entry_number=6)
    given = books(entries=[invoice_entry(), invoice_entry(6)], documents={5: invoice, 6: other})
    pairs = [pair for pair in post([payment(amount, applies_to="INV5")], given).changes.update if pair[0] is invoice]

    assert [new.status for _, new in pairs if isinstance(new, SalesInvoice)] == [status]
    assert not [old for old, _ in post([payment(amount, applies_to="INV5")], given).changes.update if old is other]


def test_a_positive_payment_is_a_receipt() -> None:
    """Documented mode: 1000 sent is 1000 received. Strict mode refuses it, as Business Central does."""
    sent = payment(1000, applies_to="INV5")
    posting = post([sent], books(entries=[invoice_entry()]))

    assert posting.entries[0].original_amount == -1000
    assert [e.amount for e in rows(posting, GeneralLedgerEntry)] == [1000, -1000]
    assert updated(posting, CustomerLedgerEntry)[0].open is False
    with pytest.raises(Refused, match="must be negative"):
        post_journal([sent], books(entries=[invoice_entry()], strict=True))


def test_only_customer_payments_are_turned_round() -> None:
    """A refund, or a bank line of type Payment, keeps its sign; a negative payment is what it always was."""
    plain = (Decimal(5), Decimal(5))

    assert posting_amount(replace(payment(5), document_type=DocumentType.REFUND), strict=False) == plain
    assert posting_amount(bank_line(5), strict=False) == plain
    assert posting_amount(payment(5), strict=True) == plain
    assert posting_amount(payment(-5), strict=False) == (-5, -5)
    assert posting_amount(payment(5), strict=False) == (-5, -5)


def test_a_bank_in_local_currency_takes_a_foreign_line_at_its_value() -> None:
    """EUR 100 at 1.25 brings 125."""
    [money] = rows(post([payment(-100, rate="1.25")], books()), BankAccountLedgerEntry)

    assert (money.currency_code, money.amount, money.amount_lcy) == ("", 125, 125)


def test_a_bank_in_foreign_currency_keeps_its_own_amount() -> None:
    """EUR 100 stay EUR 100, worth 125."""
    given = books(banks={"bank-B1": bank(currency_code="EUR")})
    [money] = rows(post([payment(-100, rate="1.25")], given), BankAccountLedgerEntry)

    assert (money.currency_code, money.amount, money.amount_lcy) == ("EUR", 100, 125)


def test_a_customer_on_the_balancing_side_is_posted_last() -> None:
    """The other account first, as always."""
    line = replace(
        account_line(100, line=10000, account="1110"),
        document_type=DocumentType.PAYMENT,
        balancing_account_type=AccountType.CUSTOMER,
        balancing_account_id="customer-10400",
        balancing_account_number="10400",
    )
    posting = post([line], books())

    assert [(e.entry_number, e.account_number, e.amount) for e in rows(posting, GeneralLedgerEntry)] == [
        (10, "1110", 100),
        (11, AR, -100),
    ]
    assert posting.entries[0].entry_number == 11


def test_a_part_of_an_unrealized_gain_is_reversed() -> None:
    """Example 22 for EUR 400 of 1000: 20 of the 50; a second payment in the same journal reverses the rest."""
    adjusted = euro_invoice(
        adjusted_currency_factor=1 / Decimal("1.25"), amount_lcy=Decimal(1250), remaining_amount_lcy=Decimal(1250)
    )
    given = books(entries=[adjusted], unrealized={5: Decimal(50)})
    lines = [payment(-400, MARCH, applies_to="INV5", rate="1.15"), payment(
        -600, MARCH, line=20000, applies_to="INV5", rate="1.15"
    )]  # fmt: skip
    posting = post(lines, given)
    reversed_parts = [d.amount_lcy for d in rows(posting, DetailedEntry) if d.entry_type == "Unrealized_x0020_Gain"]

    assert reversed_parts == [-20, -30]
    assert updated(posting, CustomerLedgerEntry)[0].remaining_amount_lcy == 0


def test_posting_many_lines_does_not_slow_down() -> None:
    """No line looks at all others: 1200 lines oldest first take about four times the steps of 300. Steps are lines of
    code run, each turn of a loop anew; a clock would measure what else the machine does.
    """

    def steps(count: int) -> int:
        given = books(
            customers={"customer-10400": customer(application_method=ApplicationMethod.APPLY_TO_OLDEST)},
            entries=[invoice_entry(n, 3) for n in range(1, count + 1)],
            next=NextNumbers(entry=count + 1, detailed=1, tax=1, transaction=1, register=1),
        )
        lines = [payment(-2, line=n * 10000) for n in range(1, count + 1)]
        run = 0

        def step(_frame: FrameType, event: str, _argument: object) -> Any:
            nonlocal run
            run += event == "line"
            return step

        before = sys.gettrace()
        sys.settrace(step)
        try:
            post_journal(lines, given)
        finally:
            sys.settrace(before)
        return run

    steps(10)
    few = steps(300)
    assert few > 300
    assert steps(1200) < 4.5 * few


def test_what_a_payment_lacks_is_written_off() -> None:
    """After the payment, in a transaction of its own, under the same number, with its own reason; no discount."""
    line = payment(
        -970, date(2025, 1, 18), applies_to="INV5", write_off_amount=Decimal(30), write_off_reason_code="SMALL",
        reason_code="R",
    )  # fmt: skip
    setup = replace(books().setup, write_off_limit=Decimal(30))
    posting = post([line], books(entries=[discounted()], setup=setup, **numbered(posting_number_series="POSTED")))
    paid, given_up = posting.entries
    general = [(e.account_number, e.amount, e.transaction_number) for e in rows(posting, GeneralLedgerEntry)]

    assert [(e.document_type, e.document_number, e.reason_code) for e in (paid, given_up)] == [
        (DocumentType.PAYMENT, "P001", "R"),
        (DocumentType.BLANK, "P001", "SMALL"),
    ]
    assert general == [(BANK, 970, 1), (AR, -970, 1), (GROUP.write_off_account, 30, 2), (AR, -30, 2)]
    [invoice] = [e for e in updated(posting, CustomerLedgerEntry) if e.entry_number == 5]
    assert (invoice.open, invoice.remaining_amount, invoice.closed_by_entry_number) == (
        False,
        0,
        given_up.entry_number,
    )
    assert rows(posting, GeneralLedgerRegister)[0].to_entry_number == max(
        e.entry_number for e in rows(posting, GeneralLedgerEntry)
    )


def test_objections_name_each_line_that_posting_would_refuse() -> None:
    """Lines are tried one after the other; what one pays, the next finds paid. All lines of a document without
    balance object.
    """
    one, again = payment(-1000, applies_to="INV5"), payment(-1, applies_to="INV5", line=20000)
    alone = replace(one_sided(payment(-7, line=30000)), document_number="PAY3", applies_to_document_number="")
    found = {
        line.line_number: no.message for line, no in objections([one, again, alone], books(entries=[invoice_entry()]))
    }

    assert list(found) == [20000, 30000]
    assert "has no open entry" in found[20000]
    assert "out of balance by -7" in found[30000]
    assert list(objections([one], books(entries=[invoice_entry()]))) == []
