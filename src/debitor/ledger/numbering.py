"""Number series: which number a document gets next.

A series has lines, each valid from a date on. The line with the latest starting date not after the document's
date gives the number: its starting number while it is unused, else its last number plus the increment.

    GR099 -> GR100     INV-099/A -> INV-100/A     99 -> 100     A -> "" (no digits, nothing to increment)

Source: BCApps NoSeries module (NoSeriesStatelessImpl.Codeunit.al), retold.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

import msgspec

from debitor.ledger.records import NumberSeries, NumberSeriesLine
from debitor.schema import Refused

_DIGITS = re.compile(r"^(.*?)([0-9]+)([^0-9]*)$", re.DOTALL)
LONGEST = 20
"""Document numbers are codes of 20 characters."""


@dataclass(frozen=True, slots=True)
class NextNumbers:
    """The next free number of each ledger. Customer ledger entries share the numbers of G/L entries."""

    entry: int
    detailed: int
    tax: int
    transaction: int
    register: int


def increment(number: str, by: int = 1) -> str:
    """Return `number` with its last run of digits increased, its width kept; "" when it has no digits."""
    match = _DIGITS.match(number)
    if match is None:
        return ""
    head, digits, tail = match.groups()
    return f"{head}{int(digits) + by:0{len(digits)}d}{tail}"


def fits(number: str, line: NumberSeriesLine) -> bool:
    """Whether `number` could come from this line: same text around the digits, inside its range."""
    theirs, ours = _DIGITS.match(line.starting_number), _DIGITS.match(number)
    if theirs is None or ours is None or theirs[1] != ours[1] or theirs[3] != ours[3]:
        return False
    if len(ours[2]) < len(theirs[2]) or int(ours[2]) < int(theirs[2]):
        return False
    return not _past(number, line.ending_number)


def _past(number: str, ending: str) -> bool:
    return bool(ending) and (len(number), number) > (len(ending), ending)


def line_at(series: NumberSeries, lines: Iterable[NumberSeriesLine], on: date) -> NumberSeriesLine:
    """Return the line that is valid at the date.

    Raises:
        Refused: no open line starts on or before `on`, or the series keeps date order and `on` is before the
            last date used.
    """
    found: NumberSeriesLine | None = None
    for line in lines:
        if line.open and line.starting_date <= on and (found is None or line.starting_date >= found.starting_date):
            found = line
    if found is None:
        raise Refused(
            "Application_DialogException",
            f"Number series {series.code} has no open line that is valid on {on}. Add a line with an earlier "
            "starting date, or choose a later date.",
        )
    if series.date_order and on < found.last_date_used:
        raise Refused(
            "Application_DialogException",
            f"Number series {series.code} gives numbers in order of date: {on} is before {found.last_date_used}, "
            "the date of the last number. Choose that date or a later one.",
        )
    return found


def _next(series: NumberSeries, line: NumberSeriesLine) -> str:
    if not line.last_number_used:
        number = line.starting_number
    else:
        number = increment(line.last_number_used, line.increment_by)
    if not number or len(number) > LONGEST or _past(number, line.ending_number):
        what = f"ends at {line.ending_number}" if line.ending_number else "cannot be continued"
        raise Refused(
            "Application_DialogException",
            f"No number is left in series {series.code}: after {line.last_number_used or 'the start'} it {what}; "
            "add a line to it.",
        )
    return number


def peek(series: NumberSeries, lines: Iterable[NumberSeriesLine], on: date) -> str:
    """Return the next number for a document of this date, without taking it. Raises Refused as `take` does."""
    return _next(series, line_at(series, lines, on))


def take(
    series: NumberSeries, lines: Iterable[NumberSeriesLine], on: date
) -> tuple[str, tuple[NumberSeriesLine, NumberSeriesLine]]:
    """Take the next number for a document of this date.

    Returns:
        The number, and the series line before and after, for the store to write.

    Raises:
        Refused: no line is valid, the line is used up, or the date is out of order.
    """
    line = line_at(series, lines, on)
    number = _next(series, line)
    return number, (line, msgspec.structs.replace(line, last_number_used=number, last_date_used=on))
