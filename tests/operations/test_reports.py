"""Reports on worked examples: aged receivables, trial balance, sales by customer, net change of totals."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest

from debitor.entities import CATALOG
from debitor.ledger.records import (
    Account,
    Customer,
    CustomerLedgerEntry,
    DocumentType,
    GeneralLedgerEntry,
    GLAccountType,
    ReceivablesSetup,
)
from debitor.operations.reports import Periods, aged_receivables, customer_sales, trial_balance
from debitor.query import Compare, Field, Order, Param, Query
from debitor.ranges import Range
from debitor.schema import BLANK_GUID, DECIMAL, Refused
from debitor.store import Transaction
from debitor.store.opening import open_store

TODAY = date(2025, 3, 10)


@pytest.fixture
def tx(store_url: str) -> Iterator[Transaction]:
    store = open_store(store_url)
    with store.transaction() as root:
        books = root.at(1)
        books.insert(ReceivablesSetup(local_currency_code="EUR"))
        yield books
    store.close()


def act(tx: Transaction) -> Any:
    return SimpleNamespace(tx=tx, today=TODAY)


class Ledger:
    """A customer, and entries of theirs."""

    def __init__(self, tx: Transaction, number: str, currency: str = "") -> None:
        self.tx = tx
        self.customer = tx.insert(Customer(number=number, display_name=f"Name {number}", currency_code=currency))

    def entry(
        self, kind: DocumentType, remaining: int | str, posted: date, due: date, *, sales: int = 0, rate: int = 1
    ) -> None:
        left = Decimal(remaining)
        self.tx.insert(
            CustomerLedgerEntry(
                entry_number=self.tx.greatest(CustomerLedgerEntry, "entry_number") + 1,
                customer_id=self.customer.id,
                document_type=kind,
                posting_date=posted,
                due_date=due,
                remaining_amount=left,
                remaining_amount_lcy=left * rate,
                sales_lcy=Decimal(sales),
                open=left != 0,
            )
        )


@pytest.fixture
def ledger(tx: Transaction) -> Ledger:
    """Invoice of 1000, 300 of it paid today; invoice of 500 of today; 50 on account."""
    made = Ledger(tx, "1")
    made.entry(DocumentType.INVOICE, 700, date(2025, 1, 10), date(2025, 2, 10), sales=800)
    made.entry(DocumentType.INVOICE, 500, TODAY, date(2025, 4, 10), sales=400)
    made.entry(DocumentType.PAYMENT, 0, TODAY, TODAY)
    made.entry(DocumentType.PAYMENT, -50, date(2025, 3, 1), date(2025, 3, 1))
    return made


def aged(tx: Transaction, **keys: Any) -> dict[str, tuple[Any, ...]]:
    """Name -> balance, current, periods 1 to 3."""
    columns = ("balanceDue", "currentAmount", "period1Amount", "period2Amount", "period3Amount")
    return {row["name"]: tuple(row[c] for c in columns) for row in aged_receivables(act(tx), keys)}


def test_the_ageing_of_the_worked_example(tx: Transaction, ledger: Ledger) -> None:
    Ledger(tx, "2", "USD")
    rows = aged_receivables(act(tx), {})

    assert aged(tx) == {"Name 1": (1150, 500, 650, 0, 0), "Name 2": (0,) * 5, "Total": (1150, 500, 650, 0, 0)}
    assert [(r["customerNumber"], r["currencyCode"]) for r in rows] == [("1", "EUR"), ("2", "USD"), ("", "")]
    assert rows[0]["customerId"] == ledger.customer.id
    assert rows[-1]["customerId"] == BLANK_GUID
    assert [rows[0][f"period{n}Label"] for n in (1, 2, 3)] == [
        "2025-02-08-2025-03-10", "2025-01-09-2025-02-08", "-2025-01-09",
    ]  # fmt: skip
    assert [rows[-1][f"period{n}Label"] for n in (1, 2, 3)] == ["", "", ""]
    assert {(r["agedAsOfDate"], r["periodLengthFilter"]) for r in rows} == {(TODAY, "30D")}


@pytest.mark.parametrize(
    ("due", "period"),
    [
        (date(2025, 3, 11), 1), (date(2025, 3, 10), 1), (date(2025, 3, 9), 2), (date(2025, 2, 8), 2),
        (date(2025, 2, 7), 3), (date(2025, 1, 9), 3), (date(2025, 1, 8), 4), (date(2020, 1, 1), 4),
    ],
)  # fmt: skip
def test_where_a_period_ends(tx: Transaction, due: date, period: int) -> None:
    """What is due on the day itself is not due yet; a period begins with its first day."""
    Ledger(tx, "1").entry(DocumentType.INVOICE, 10, date(2020, 1, 1), due)

    assert aged(tx)["Total"] == (10, *(10 if at == period else 0 for at in (1, 2, 3, 4)))


def test_inputs_move_the_periods_and_nothing_else(tx: Transaction, ledger: Ledger) -> None:
    """What was posted after the date counts all the same; a month is a month of the calendar."""
    assert aged(tx, agedAsOfDate=date(2025, 1, 31))["Total"] == (1150, 1150, 0, 0, 0)
    assert aged(tx, agedAsOfDate=date(2025, 5, 10))["Total"] == (1150, 0, 500, 0, 650)
    assert Periods.of(date(2025, 3, 31), "1M")[1:] == (date(2025, 2, 28), date(2025, 1, 28))
    rows = aged_receivables(act(tx), {"periodLengthFilter": " 1m "})
    assert (rows[0]["periodLengthFilter"], rows[0]["period1Label"]) == ("1M", "2025-02-10-2025-03-10")


@pytest.mark.parametrize("length", ["soon", "0X", "CM+20D+20D+1Y", "-1M+1Y"])
def test_a_period_length_goes_back(tx: Transaction, length: str) -> None:
    with pytest.raises(Refused):
        aged_receivables(act(tx), {"periodLengthFilter": length})


def test_ageing_is_in_local_currency_and_can_be_had_for_some(tx: Transaction, ledger: Ledger) -> None:
    other = Ledger(tx, "2", "USD")
    other.entry(DocumentType.INVOICE, "100.25", date(2025, 1, 1), date(2025, 1, 31), rate=2)

    assert aged(tx)["Total"] == (Decimal("1350.5"), 500, 650, Decimal("200.5"), 0)
    assert list(aged(tx, customerId=other.customer.id)) == ["Name 2"]
    assert list(aged(tx, customerId=[other.customer.id, BLANK_GUID])) == ["Name 1", "Name 2", "Total"]


def test_a_company_without_customers_has_a_total(tx: Transaction) -> None:
    assert aged(tx) == {"Total": (0,) * 5}


# --------------------------------------------------------------------------- trial balance


@pytest.fixture
def chart(tx: Transaction) -> Transaction:
    """Receivables, sales, a heading, their totals; 100 sold in January, 50 taken back in February."""
    kinds = GLAccountType
    for number, kind, totaling in (
        ("1000", kinds.HEADING, ""), ("1100", kinds.BEGIN_TOTAL, ""), ("1200", kinds.POSTING, ""),
        ("1300", kinds.POSTING, ""), ("1999", kinds.END_TOTAL, "1100..1999"), ("4000", kinds.POSTING, ""),
        ("9000", kinds.TOTAL, "1200|4000"),
    ):  # fmt: skip
        tx.insert(Account(number=number, name=f"Account {number}", account_type=kind, totaling=totaling))
    accounts = {a.number: a for a in tx.all(Account)}
    posted = [
        ("1200", 100, date(2025, 1, 15)), ("4000", -100, date(2025, 1, 15)),
        ("1200", -50, date(2025, 2, 15)), ("4000", 50, date(2025, 2, 15)),
        ("1300", 7, TODAY), ("4000", -7, TODAY),
    ]  # fmt: skip
    for at, (number, amount, day) in enumerate(posted, 1):
        tx.insert(
            GeneralLedgerEntry(
                entry_number=at,
                account_id=accounts[number].id,
                account_number=number,
                posting_date=day,
                amount=Decimal(amount),
                debit_amount=Decimal(max(amount, 0)),
                credit_amount=Decimal(max(-amount, 0)),
            )
        )
    return tx


def balances(tx: Transaction, **keys: Any) -> dict[str, tuple[str, ...]]:
    columns = ("totalDebit", "totalCredit", "balanceAtDateDebit", "balanceAtDateCredit")
    return {row["number"]: tuple(row[c] for c in columns) for row in trial_balance(act(tx), keys)}


NOTHING = ("", "", "", "")


def test_the_trial_balance_of_a_period(chart: Transaction) -> None:
    """Turnover of the period, balance at its end; totals add their accounts; headings show nothing."""
    assert balances(chart, dateFilter=Range(date(2025, 2, 1), date(2025, 2, 28))) == {
        "1000": NOTHING,
        "1100": NOTHING,
        "1200": ("0.00", "50.00", "50.00", "0.00"),
        "1300": ("0.00", "0.00", "0.00", "0.00"),
        "1999": ("0.00", "50.00", "50.00", "0.00"),
        "4000": ("50.00", "0.00", "0.00", "50.00"),
        "9000": ("50.00", "50.00", "0.00", "0.00"),
    }


def test_without_a_period_it_is_today(chart: Transaction) -> None:
    found = balances(chart)

    assert found["1200"] == ("0.00", "0.00", "50.00", "0.00")
    assert found["1300"] == ("7.00", "0.00", "7.00", "0.00")
    assert found["1999"] == ("7.00", "0.00", "57.00", "0.00")


@pytest.mark.parametrize(
    ("period", "shown", "sold"),
    [
        (Range(date(2025, 1, 1), None), date(2025, 1, 1), ("50.00", "107.00", "0.00", "57.00")),
        (Range(None, date(2025, 1, 31)), date(2025, 1, 31), ("0.00", "100.00", "0.00", "100.00")),
        (Range(date(2025, 1, 2), date(2025, 1, 1)), date(2025, 1, 1), ("0.00", "0.00", "0.00", "0.00")),
    ],
)
def test_open_and_empty_periods(chart: Transaction, period: Range, shown: date, sold: tuple[str, ...]) -> None:
    rows = trial_balance(act(chart), {"dateFilter": period})

    assert {row["dateFilter"] for row in rows} == {shown}
    assert balances(chart, dateFilter=period)["4000"] == sold


def test_one_account_is_as_in_the_whole(chart: Transaction) -> None:
    period = Range(date(2025, 1, 1), TODAY)
    whole = {row["number"]: row for row in trial_balance(act(chart), {"dateFilter": period})}

    for row in whole.values():
        assert trial_balance(act(chart), {"dateFilter": period, "accountId": row["accountId"]}) == [row]


def test_net_change_of_totals(chart: Transaction) -> None:
    """Also where a query asks for it in a condition or orders by it."""
    of = CATALOG["accounts"]
    columns = (of.by_name["number"], of.by_name["netChange"])
    order = (Order("netChange"), Order("number"))

    found = chart.run(Query(of=of, columns=columns, order=order, version=False), (), {})
    assert found == [
        ("4000", -57), ("9000", -7), ("1000", 0), ("1100", 0), ("1300", 7), ("1200", 50), ("1999", 57),
    ]  # fmt: skip
    over = Compare("gt", Field("netChange"), Param(0, DECIMAL))
    found = chart.run(Query(of=of, columns=columns, where=over, order=order, version=False), (Decimal(10),), {})
    assert found == [("1200", 50), ("1999", 57)]


# --------------------------------------------------------------------------- sales by customer


def test_sales_by_customer(tx: Transaction, ledger: Ledger) -> None:
    """Invoices less credit memos; with a period only customers with one in it."""
    other = Ledger(tx, "2")
    other.entry(DocumentType.CREDIT_MEMO, 0, date(2025, 2, 1), date(2025, 2, 1), sales=-30)
    other.entry(DocumentType.REFUND, 0, date(2025, 2, 1), date(2025, 2, 1), sales=99)
    Ledger(tx, "3")

    def sold(**keys: Any) -> dict[str, Decimal]:
        return {row["customerNumber"]: row["totalSalesAmount"] for row in customer_sales(act(tx), keys)}

    assert sold() == {"1": 1200, "2": -30, "3": 0}
    assert sold(dateFilter=Range(None, date(2025, 3, 9))) == {"1": 800, "2": -30}
    assert sold(dateFilter_FilterOnly=Range(TODAY, TODAY)) == {"1": 400}
    february = {"dateFilter": Range(date(2025, 2, 1), None), "dateFilter_FilterOnly": Range(None, date(2025, 2, 28))}
    assert sold(**february) == {"2": -30}
    assert sold(customerId=other.customer.id) == {"2": -30}
