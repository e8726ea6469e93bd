"""Number series as one thing: the series with the line that numbers come from today."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any

from debitor.ledger.numbering import fits, increment
from debitor.ledger.records import (
    JournalBatch,
    JournalTemplate,
    NumberSeries,
    NumberSeriesLine,
    ReceivablesSetup,
)
from debitor.schema import BLANK_GUID, Act, Draft, Refused
from debitor.store import Reader

_SERIES = {
    "code": "code",
    "description": "description",
    "defaultNumbers": "default_numbers",
    "manualNumbers": "manual_numbers",
    "dateOrder": "date_order",
    "allowGaps": "allow_gaps",
}
_LINE = {
    "startingDate": "starting_date",
    "startingNumber": "starting_number",
    "endingNumber": "ending_number",
    "lastNumberUsed": "last_number_used",
    "incrementBy": "increment_by",
}
_SETUP = tuple(name for name in ReceivablesSetup.__struct_fields__ if name.endswith("_numbers"))


def _refuse(told: str) -> Refused:
    return Refused("Application_DialogException", told)


def rows(act: Act, keys: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the series, each with its line of today: the open one that began last, or the first one to come."""
    wanted = keys.get("id")
    only = {} if wanted is None else {"id": [wanted] if isinstance(wanted, str) else list(wanted)}
    found = act.tx.all(NumberSeries, order=("code",), **only)
    lines: dict[str, list[NumberSeriesLine]] = {}
    for line in act.tx.all(NumberSeriesLine, series_code=[s.code for s in found]) if found else ():
        lines.setdefault(line.series_code, []).append(line)
    return [_row(series, current(lines.get(series.code, ()), act.today)) for series in found]


def current(lines: Iterable[NumberSeriesLine], today: date) -> NumberSeriesLine | None:
    """Return the open line that is valid today; without one, the first that will be."""
    ordered = sorted(
        (line for line in lines if line.open), key=lambda line: (line.starting_date, line.starting_number)
    )
    begun = [line for line in ordered if line.starting_date <= today]
    return begun[-1] if begun else next(iter(ordered), None)


def _row(series: NumberSeries, line: NumberSeriesLine | None) -> dict[str, Any]:
    shown = line or NumberSeriesLine(series_code=series.code)
    return {
        "version": max(series.version, shown.version),
        "id": series.id,
        **{name: getattr(series, column) for name, column in _SERIES.items()},
        **{name: getattr(shown, column) for name, column in _LINE.items()},
        "lastModifiedDateTime": max(series.modified_at, shown.modified_at),
    }


def _found(tx: Reader, id: str) -> NumberSeries:
    series = tx.get(NumberSeries, id)
    if series is None:
        raise Refused("BadRequest_ResourceNotFound", "Resource not found for the segment 'numberSeries'.")
    return series


def create(act: Act, draft: Draft) -> str:
    """Add a series, with its first line when `startingNumber` is given. Raises Refused and DuplicateKey."""
    if not draft.get("code"):
        raise Refused("BadRequest_RequiredParamNotProvided", "Field 'code' must not be blank or empty.")
    columns = {column: draft[name] for name, column in _SERIES.items() if name in draft}
    series = act.tx.insert(NumberSeries(id=act.key or BLANK_GUID, **columns))
    _write_line(act, series, None, draft)
    return str(series.id)


def change(act: Act, id: str, draft: Draft) -> str:
    """Change what was sent of a series and of its line of today. Raises Refused."""
    series = _found(act.tx, id)
    columns = {column: draft[name] for name, column in _SERIES.items() if name in draft}
    if columns.get("code", series.code) != series.code:
        raise _refuse(f"The code of number series {series.code} cannot change; make another series.")
    act.tx.update(series, **columns)
    _write_line(act, series, current(act.tx.all(NumberSeriesLine, series_code=series.code), act.today), draft)
    return id


def remove(act: Act, id: str) -> None:
    """Delete a series that nothing names and that has given no number. Raises Refused."""
    series = _found(act.tx, id)
    for record, columns, what in (
        (ReceivablesSetup, _SETUP, "the receivables set-up names it"),
        (JournalTemplate, ("number_series", "posting_number_series"), "journal templates name it"),
        (JournalBatch, ("number_series", "posting_number_series"), "journals name it"),
    ):
        if any(act.tx.find(record, **{column: series.code}) for column in columns):
            raise _refuse(f"Number series {series.code} cannot be deleted, because {what}.")
    lines = act.tx.all(NumberSeriesLine, series_code=series.code)
    if any(line.last_number_used for line in lines):
        raise _refuse(f"Number series {series.code} cannot be deleted, because documents have its numbers.")
    act.tx.delete_where(NumberSeriesLine, series_code=series.code)
    act.tx.delete(series)


def _write_line(act: Act, series: NumberSeries, line: NumberSeriesLine | None, draft: Draft) -> None:
    columns = {column: draft[name] for name, column in _LINE.items() if name in draft}
    if not columns or (line is None and not columns.get("starting_number")):
        return
    if line is not None and columns.get("starting_date", line.starting_date) > line.starting_date:
        # Numbers of another period: a line of its own, as last year's goes on to hold for last year.
        line = None
        if not columns.get("starting_number"):
            raise _refuse("A later startingDate begins a new line; send its startingNumber too.")
    if line is None:
        new = NumberSeriesLine(series_code=series.code, **columns)
        _check(new, None)
        act.tx.insert(new)
    else:
        changed = act.tx.update(line, **columns)
        _check(changed, line)
        used, before = changed.last_number_used, line.last_number_used
        if before and used != before and not draft.get("allowGaps", series.allow_gaps):
            raise _refuse(
                f"lastNumberUsed {used} would leave out the numbers after {before}, and series {series.code} allows "
                "no gaps. Set allowGaps, or take the next number."
            )


def _check(line: NumberSeriesLine, old: NumberSeriesLine | None) -> None:
    if line.increment_by < 1:
        raise _refuse(f"incrementBy must be 1 or more, but is {line.increment_by}.")
    if not increment(line.starting_number):
        raise _refuse(f"startingNumber {line.starting_number} has no digits that could be counted up.")
    for name, number in (("endingNumber", line.ending_number), ("lastNumberUsed", line.last_number_used)):
        if number and not fits(number, line):
            raise _refuse(f"{name} {number} is none of the numbers from {line.starting_number} on.")
    if old is None or not old.last_number_used:
        return
    if line.starting_number != old.starting_number:
        raise _refuse(f"startingNumber cannot change: {old.last_number_used} was used already.")
    used, before = line.last_number_used, old.last_number_used
    if (len(used), used) < (len(before), before):
        raise _refuse(
            f"lastNumberUsed {used} would go back behind {before}, so that numbers would be given twice. Only a "
            "later number is possible."
        )
