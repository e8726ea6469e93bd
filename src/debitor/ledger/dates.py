"""Date formulas, such as the due date calculation of payment terms.

Up to three steps, each applied to the result of the one before; all but the first need a sign:

| step        | means                                                    | 2025-01-10 becomes  |
|-------------|----------------------------------------------------------|---------------------|
| number unit | so many units later; clamped to the end of the month     | `1M` -> 2025-02-10  |
| C unit      | end of the current unit; with minus its start            | `CM` -> 2025-01-31  |
| unit number | the next such day; with minus the previous one           | `D15` -> 2025-01-15 |

Units: D day, WD weekday, W week (Monday to Sunday), M month, Q quarter, Y year. `CM+15D` is 2025-02-15.
Where Business Central's own answer is not published, this is ours: a base date that matches `unit number` itself
does not count (the answer is strictly later or earlier); `D31` looks for the next month that has a 31st; numbered
weeks (ISO), months, quarters and years stand for their first day; `number WD` counts Monday to Friday.
"""

from __future__ import annotations

import re
from calendar import monthrange
from collections.abc import Callable
from datetime import date, timedelta
from functools import lru_cache
from typing import NamedTuple

from debitor.schema import BLANK_DATE, Refused

_UNIT = "WD|D|W|M|Q|Y"
_STEP = re.compile(rf"([+-]?)(?:([0-9]{{1,5}})({_UNIT})|C({_UNIT})|({_UNIT})([0-9]{{1,4}}))")
_HIGHEST = {"D": 31, "WD": 7, "W": 53, "M": 12, "Q": 4, "Y": 9999}
_MOST_STEPS = 3
_MONTHS = {"M": 1, "Q": 3, "Y": 12}
_DAY = timedelta(days=1)


class Step(NamedTuple):
    """One step of a formula. `kind`: add (number unit), end (C unit) or next (unit number). `sign`: 1 or -1."""

    kind: str
    sign: int
    unit: str
    number: int


def _bad(formula: str, why: str) -> Refused:
    return Refused(
        "Application_EvaluateException",
        f"'{formula}' is not a date formula: {why}. Examples: 1M, 14D, CM+15D, 1M+CM, -CW, D15.",
    )


@lru_cache(maxsize=1024)
def parse(formula: str) -> tuple[Step, ...]:
    """Return the steps of a formula; none for a blank one.

    Raises:
        Refused: the text is not a date formula.
    """
    text = "".join(formula.split()).upper()
    if text.startswith("<") and text.endswith(">"):
        text = text[1:-1]
    steps: list[Step] = []
    at = 0
    while at < len(text):
        match = _STEP.match(text, at)
        if match is None:
            raise _bad(formula, f"'{text[at:]}' is neither a number with a unit nor a unit (D, WD, W, M, Q, Y)")
        sign, number, unit, current, named, ordinal = match.groups()
        if steps and not sign:
            raise _bad(formula, f"'{match[0]}' needs a sign, + or -")
        direction = -1 if sign == "-" else 1
        if number is not None:
            steps.append(Step("add", direction, unit, int(number)))
        elif current is not None:
            steps.append(Step("end", direction, current, 0))
        elif 1 <= int(ordinal) <= _HIGHEST[named]:
            steps.append(Step("next", direction, named, int(ordinal)))
        else:
            raise _bad(formula, f"{named} takes 1 to {_HIGHEST[named]}, not {ordinal}")
        at = match.end()
    if len(steps) > _MOST_STEPS:
        raise _bad(formula, f"it has {len(steps)} steps, at most {_MOST_STEPS} are allowed")
    return tuple(steps)


def normalise(formula: str) -> str:
    """Return the form in which a formula is stored: upper case, no blanks, no angle brackets, no leading plus.

    Raises:
        Refused: the text is not a date formula.
    """
    words: list[str] = []
    for step in parse(formula):
        sign = "-" if step.sign < 0 else "+" if words else ""
        match step.kind:
            case "add":
                words.append(f"{sign}{step.number}{step.unit}")
            case "end":
                words.append(f"{sign}C{step.unit}")
            case _:
                words.append(f"{sign}{step.unit}{step.number}")
    return "".join(words)


def calculate(formula: str, base: date) -> date:
    """Return the date that a formula makes of `base`; a blank formula or a blank base gives `base`.

    Raises:
        Refused: the text is not a date formula, or the result lies outside the calendar (years 1 to 9999).
    """
    if not formula or base == BLANK_DATE:
        return base
    result = base
    try:
        for step in parse(formula):
            result = _STEPS[step.kind](step, result)
    except (OverflowError, ValueError):
        raise Refused(
            "Application_EvaluateException",
            f"The date formula {formula} leads from {base} to a date outside the years 1 to 9999.",
        ) from None
    return result


def _plus_months(base: date, months: int) -> date:
    year, month = divmod(base.year * 12 + base.month - 1 + months, 12)
    if not 1 <= year <= date.max.year:
        raise OverflowError
    return date(year, month + 1, min(base.day, monthrange(year, month + 1)[1]))


def _plus_weekdays(base: date, count: int) -> date:
    if not count:
        return base
    weeks, rest = divmod(abs(count), 5)
    way = _DAY if count > 0 else -_DAY
    # From a weekend the first weekday is one step away: start at the weekday on its other side.
    result = base
    while result.weekday() >= 5:
        result -= way
    for _ in range(rest):
        result += way
        while result.weekday() >= 5:
            result += way
    return result + weeks * 7 * way


def _add(step: Step, base: date) -> date:
    count = step.sign * step.number
    if step.unit == "D":
        return base + timedelta(days=count)
    if step.unit == "W":
        return base + timedelta(weeks=count)
    if step.unit == "WD":
        return _plus_weekdays(base, count)
    return _plus_months(base, count * _MONTHS[step.unit])


def _first(unit: str, base: date) -> date:
    """The first day of the unit that `base` lies in."""
    if unit in ("D", "WD"):
        return base
    if unit == "W":
        return base - timedelta(days=base.weekday())
    months = _MONTHS[unit]
    return date(base.year, (base.month - 1) // months * months + 1, 1)


def _end(step: Step, base: date) -> date:
    start = _first(step.unit, base)
    if step.sign < 0 or step.unit in ("D", "WD"):
        return start
    if step.unit == "W":
        return start + timedelta(days=6)
    last = _plus_months(start, _MONTHS[step.unit] - 1)
    return last.replace(day=monthrange(last.year, last.month)[1])


def _next(step: Step, base: date) -> date:
    if step.unit == "WD":
        ahead = (step.number - 1 - base.weekday()) * step.sign % 7 or 7
        return base + step.sign * timedelta(days=ahead)
    if step.unit == "Y":
        first = date(step.number, 1, 1)
        if (first - base).days * step.sign <= 0:
            raise OverflowError
        return first
    if step.unit == "D":
        month = _first("M", base)
        while not (step.number <= monthrange(month.year, month.month)[1] and _beyond(month, step, base)):
            month = _plus_months(month, step.sign)
        return month.replace(day=step.number)
    day = _first(step.unit, base)
    while day == base or (day - base).days * step.sign < 0 or _ordinal(step.unit, day) != step.number:
        day = (
            day + step.sign * timedelta(weeks=1)
            if step.unit == "W"
            else _plus_months(day, step.sign * _MONTHS[step.unit])
        )
    return day


def _beyond(month: date, step: Step, base: date) -> bool:
    return (month.replace(day=step.number) - base).days * step.sign > 0


def _ordinal(unit: str, day: date) -> int:
    if unit == "W":
        return day.isocalendar().week
    return (day.month - 1) // _MONTHS[unit] + 1


_STEPS: dict[str, Callable[[Step, date], date]] = {"add": _add, "end": _end, "next": _next}
