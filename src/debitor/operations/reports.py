"""Reports as rows: aged receivables, the trial balance, sales by customer.

All are sums that the store makes over an index; what is done here in Python grows with customers and accounts only.

    aged receivables as of 10 March 2025, period length 30D (S = 10 March, S1 = 8 February, S2 = 9 January)

    due on or after S     currentAmount     not due yet
    S1 .. S - 1           period1Amount
    S2 .. S1 - 1          period2Amount
    before S2             period3Amount
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, NamedTuple

from debitor.ledger.dates import calculate, normalise
from debitor.ledger.records import (
    Account,
    Customer,
    CustomerLedgerEntry,
    DocumentType,
    GeneralLedgerEntry,
    GLAccountType,
)
from debitor.operations.payments import setup_of
from debitor.ranges import Range, code_ranges, lies_in
from debitor.schema import BLANK_DATE, BLANK_GUID, Act, Refused
from debitor.store import Reader

ZERO = Decimal(0)
DEFAULT_PERIOD = "30D"
LONGEST_PERIOD = 10
SALES = (DocumentType.INVOICE, DocumentType.CREDIT_MEMO)
TOTALS = frozenset({GLAccountType.POSTING, GLAccountType.TOTAL, GLAccountType.END_TOTAL})
"""Account types that show amounts; headings and the beginnings of totals show none."""
_DAY = timedelta(days=1)


def _wanted(keys: Mapping[str, Any], name: str) -> set[str] | None:
    """Return the values that a request holds a key to, or None when it wants all."""
    given = keys.get(name)
    if given is None:
        return None
    return {given} if isinstance(given, str) else set(given)


def _tagged(row: dict[str, Any]) -> dict[str, Any]:
    """Add a version, from which the tag is made: a report row has none but what it says."""
    digest = hashlib.blake2b(repr(list(row.values())).encode(), digest_size=6).digest()
    return {"version": int.from_bytes(digest, "big"), **row}


# --------------------------------------------------------------------------- aged receivables


class Periods(NamedTuple):
    """The dates that part the periods of an ageing, and how they are called."""

    today: date
    first: date
    second: date

    @classmethod
    def of(cls, as_of: date, length: str) -> Periods:
        """Go back twice by a date formula. Raises Refused when it is none, or does not go back."""
        back = length if length.startswith("-") else f"-{length}"
        first = calculate(back, as_of)
        second = calculate(back, first)
        if not second <= first <= as_of:
            raise Refused(
                "Application_EvaluateException",
                f"The periodLengthFilter '{length}' is not the length of a period, such as 30D, 2W or 1M.",
            )
        return cls(as_of, first, second)

    @property
    def labels(self) -> tuple[str, str, str]:
        """The names of periods 1 to 3; neighbours share a day, as in Business Central."""
        return f"{self.first}-{self.today}", f"{self.second}-{self.first}", f"-{self.second}"

    @property
    def ranges(self) -> tuple[Range, Range, Range, Range]:
        """The due dates of what is not due, and of periods 1 to 3."""
        return (
            Range(self.today, None),
            Range(self.first, _before(self.today)),
            Range(self.second, _before(self.first)),
            Range(None, _before(self.second)),
        )


def _before(day: date) -> date:
    return day - _DAY if day > date.min else day


def aged_receivables(act: Act, keys: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What every customer owes by how long it is due, in local currency; then a row for all.

    Args:
        act: the request; today is the date when none is given.
        keys: `agedAsOfDate` and `periodLengthFilter`, both optional; `customerId` (one or several) spares the others.

    Raises:
        Refused: the period length is not a date formula that goes back.
    """
    tx: Reader = act.tx
    as_of = keys.get("agedAsOfDate", BLANK_DATE)
    if as_of == BLANK_DATE:
        as_of = act.today
    length = normalise(keys.get("periodLengthFilter", "")) or DEFAULT_PERIOD
    if len(length) > LONGEST_PERIOD:
        raise Refused(
            "Application_StringExceededLength",
            f"The periodLengthFilter '{length}' has more than {LONGEST_PERIOD} characters.",
        )
    periods = Periods.of(as_of, length)
    wanted = _wanted(keys, "customerId")
    only: dict[str, Any] = {} if wanted is None or BLANK_GUID in wanted else {"id": wanted}
    customers = tx.sums(Customer, (), ("number", "id", "display_name", "currency_code"), **only)
    ids = [id for _, id, _, _ in customers]
    amounts: dict[str, list[Decimal]] = {id: [ZERO] * 4 for id in ids}
    # Closed entries come to zero, and what remains of open ones is kept beside their details.
    for at, due in enumerate(periods.ranges):
        for id, amount in tx.sums(
            CustomerLedgerEntry,
            ("remaining_amount_lcy",),
            ("customer_id",),
            within={"due_date": due},
            customer_id=ids,
            open=True,
        ):
            amounts[id][at] = amount
    local = setup_of(tx).local_currency_code
    rows = [
        _aged_row(id, number, name, currency or local, amounts[id], periods, periods.labels, length)
        for number, id, name, currency in customers
    ]
    if not only:
        sums = [sum(column, ZERO) for column in zip(*amounts.values(), strict=True)] or [ZERO] * 4
        rows.append(_aged_row(BLANK_GUID, "", "Total", "", sums, periods, ("", "", ""), length))
    return rows


def _aged_row(
    id: str,
    number: str,
    name: str,
    currency: str,
    amounts: list[Decimal],
    periods: Periods,
    labels: tuple[str, str, str],
    length: str,
) -> dict[str, Any]:
    return _tagged(
        {
            "customerId": id,
            "customerNumber": number,
            "name": name,
            "currencyCode": currency,
            "balanceDue": sum(amounts, ZERO),
            "currentAmount": amounts[0],
            "period1Label": labels[0],
            "period1Amount": amounts[1],
            "period2Label": labels[1],
            "period2Amount": amounts[2],
            "period3Label": labels[2],
            "period3Amount": amounts[3],
            "agedAsOfDate": periods.today,
            "periodLengthFilter": length,
        }
    )


# --------------------------------------------------------------------------- trial balance


def trial_balance(act: Act, keys: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Debits and credits of every account within a period, and its balance at the end, as formatted texts.

    Args:
        act: the request; the period is today when none is given.
        keys: `dateFilter`, a Range of posting dates; `accountId` (one or several) spares the others.
    """
    tx: Reader = act.tx
    period: Range = keys.get("dateFilter", Range(act.today, act.today))
    # The last day that the filter names, also where it goes on without an end.
    shown = next((day for day in (period.high, period.low) if day is not None), act.today)
    accounts: list[Account] = tx.all(Account, order=("number",))
    wanted = _wanted(keys, "accountId")
    only: dict[str, Any] = {}
    if wanted is not None:
        rows = [account for account in accounts if account.id in wanted]
        spans = [code_ranges(account.totaling or account.number) for account in rows]
        only["account_number"] = [a.number for a in accounts if any(lies_in(a.number, span) for span in spans)]
        accounts = rows
    turnover = _by_account(tx, ("debit_amount", "credit_amount"), period, only)
    balances = _by_account(tx, ("amount",), Range(None, period.high), only)
    made = []
    for account in accounts:
        texts = ("", "", "", "")
        if account.account_type in TOTALS:
            debit, credit = _total(account, turnover, 2)
            (balance,) = _total(account, balances, 1)
            texts = _texts(debit, credit, max(balance, ZERO), min(balance, ZERO))
        made.append(
            _tagged(
                {
                    "number": account.number,
                    "accountId": account.id,
                    "accountType": account.account_type,
                    "display": account.name,
                    "totalDebit": texts[0],
                    "totalCredit": texts[1],
                    "balanceAtDateDebit": texts[2],
                    "balanceAtDateCredit": texts[3],
                    "dateFilter": shown,
                }
            )
        )
    return made


def _by_account(
    tx: Reader, columns: tuple[str, ...], period: Range, only: Mapping[str, Any]
) -> dict[str, tuple[Decimal, ...]]:
    found = tx.sums(GeneralLedgerEntry, columns, ("account_number",), within={"posting_date": period}, **only)
    return {number: tuple(amounts) for number, *amounts in found}


def _total(account: Account, amounts: Mapping[str, tuple[Decimal, ...]], columns: int) -> tuple[Decimal, ...]:
    """Return the sums of an account: its own, or those of the accounts that it totals."""
    if not account.totaling:
        return amounts.get(account.number, (ZERO,) * columns)
    ranges = code_ranges(account.totaling)
    found = [sums for number, sums in amounts.items() if lies_in(number, ranges)]
    return tuple(sum((sums[at] for sums in found), ZERO) for at in range(columns))


def _texts(*amounts: Decimal) -> tuple[str, str, str, str]:
    one, two, three, four = (f"{abs(amount):.2f}" for amount in amounts)
    return one, two, three, four


# --------------------------------------------------------------------------- sales by customer


def customer_sales(act: Act, keys: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What was sold to every customer, without tax, in local currency: invoices less credit memos.

    Args:
        act: the request.
        keys: `dateFilter_FilterOnly` and `dateFilter`, Ranges of posting dates that must both hold; `customerId`.
            With a period, only customers with an invoice or credit memo in it have a row.
    """
    tx: Reader = act.tx
    wanted = _wanted(keys, "customerId")
    periods: Iterable[Range] = [keys[name] for name in ("dateFilter_FilterOnly", "dateFilter") if name in keys]
    period = _common(periods)
    only: dict[str, Any] = {} if wanted is None else {"customer_id": wanted}
    named: dict[str, Any] = {} if wanted is None else {"id": wanted}
    found = tx.sums(
        CustomerLedgerEntry,
        ("sales_lcy",),
        ("customer_id",),
        within={"posting_date": period},
        document_type=SALES,
        **only,
    )
    sales: dict[str, Decimal] = dict(found)
    known = tx.sums(Customer, (), ("number", "id", "display_name"), **named)
    return [
        {"customerId": id, "customerNumber": number, "name": name, "totalSalesAmount": sales.get(id, ZERO)}
        for number, id, name in known
        if id in sales or period == Range()
    ]


def _common(periods: Iterable[Range]) -> Range:
    """Return the days that lie in all periods."""
    given = list(periods)
    latest = _last(max, [period.low for period in given])
    return Range(latest, _last(min, [period.high for period in given]))


def _last(choose: Callable[[list[Any]], Any], days: list[Any]) -> Any:
    known = [day for day in days if day is not None]
    return choose(known) if known else None
