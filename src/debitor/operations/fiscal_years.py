"""Accounting periods: twelve months a fiscal year, and the first month of the year after, where the last one ends.

As in Business Central, a closed period refuses no posting: which dates may be posted is said by the general ledger
set-up. Only closing the income statement looks at these rows.
"""

from __future__ import annotations

from calendar import month_name
from datetime import date

from debitor.operations.master_records import AccountingPeriod
from debitor.store import Transaction


def add_fiscal_years(tx: Transaction, first: int, last: int, *, closed_before: int = 0) -> None:
    """Add calendar years as fiscal years that are not there yet.

    Args:
        tx: the company.
        first, last: the first and the last year.
        closed_before: years before this one are closed.
    """
    known = {period.starting_date for period in tx.all(AccountingPeriod)}
    starts = [date(year, month, 1) for year in range(first, last + 1) for month in range(1, 13)]
    tx.insert_many(
        AccountingPeriod(
            starting_date=start,
            name=month_name[start.month],
            new_fiscal_year=start.month == 1,
            closed=start.year < closed_before,
            # The first day of the year after a closed one is where that one ends.
            date_locked=start.year < closed_before or start == date(closed_before or 1, 1, 1),
        )
        for start in (*starts, date(last + 1, 1, 1))
        if start not in known
    )
